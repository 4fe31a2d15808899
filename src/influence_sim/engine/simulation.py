"""One arm of a comparison, day by day.

Order of a day (`Simulation.step`; `step_round` stops between rounds):

0. events    what happens to the platform today, in every arm
1. morning   brands observe, order, contract and pay; today's posts are written
2. rounds    publish > deliver > refresh pools > allot capped posts > serve and respond > count > promote
3. evening   ties, trust, follows > reputation > creators' work > funnel and purchases > ledger and daily record

Inside a round everybody acts on the platform's state as it stood when the round began, so the
order of people has no effect and blocks of people can run on any number of threads.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from influence_sim.engine import careers
from influence_sim.engine.batch import serve_scored
from influence_sim.engine.constants import (
    boredom,
    brand_table,
    category_mean,
    cumulative_day,
    decays,
    outside_worth,
    rules,
    stage_quotas,
    unit_rows,
)
from influence_sim.engine.contracts import Campaign, Ledger, draw_cells, pay_commissions, release, rivals
from influence_sim.engine.desk import TOGETHER, Desk, new_desk
from influence_sim.engine.evening import play_evening
from influence_sim.engine.morning import publish, sign
from influence_sim.engine.publish import Ring, ring
from influence_sim.engine.request import serve, serve_blocks
from influence_sim.engine.rounds import play_round
from influence_sim.engine.scandal import discredit
from influence_sim.engine.seen import add_seen, make_room, new_seen
from influence_sim.engine.state import (
    BLOCK,
    CHANNELS,
    LEAD,
    PAIR,
    PASSED,
    POST,
    SUMS,
    UNSTAGED,
    VIEWER,
    WORD,
    Acquaintances,
    Array,
    Inbox,
    Scene,
    Slots,
    records,
)
from influence_sim.engine.threads import Threads
from influence_sim.engine.ties import split
from influence_sim.engine.wom import spill_over
from influence_sim.events import Event, in_order, market_on
from influence_sim.feeds import score_of
from influence_sim.rng import Stream, uniforms
from influence_sim.scenario.midrun import fixed_changes
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import Order, Strategy
from influence_sim.world.columns import Edges, World

SAMPLE = 25  # people whose every slot is kept in `feed_items`: evenly spaced rows
LEFT_BEHIND = ("intents", "log", "witness", "threads", "_desks")  # what a fork does not inherit
DAILY = (
    "day", "impressions", "reach_cumulative", "engagements", "clicks", "purchases", "expected_purchases",
    "spend", "aware", "considering", "sponsored_share_seen", "views_modelled", "views_outside", "views_empty",
    "likes", "comments", "shares", "follows", "unfollows", "minors_impressions", "watch_seconds",
    "organic_views", "organic_likes", "trial", "loyal", "lapsed", "new_customers", "praise", "complaints", "spend_ads", "user_videos",
    *(f"{what}_{channel}" for what in ("impressions", "clicks", "spend") for channel in CHANNELS[:WORD]),
)  # fmt: skip


class Simulation:
    """A world, a market's rules and one brand's strategy, advanced by `step`.

    Parameters
    ----------
    world : World
        Not modified; columns that change are copied, so arms can share it.
    market : Market
    strategy : Strategy, optional
        None is the control: the brand does nothing.
    budget : float
        USD the strategy may spend.
    horizon : int
        Days.
    path_seed, replication : int
        Key of everything that happens.
    threads : int
        Threads that serve people; the result does not depend on it.
    events : sequence of Event
        What happens to the platform in mid-run.
    """

    def __init__(
        self,
        world: World,
        market: Market,
        strategy: Strategy | None = None,
        budget: float = 0.0,
        horizon: int = 28,
        path_seed: int = 1,
        replication: int = 0,
        threads: int = 1,
        events: Sequence[Event] = (),
    ) -> None:
        if not 1 <= horizon < 2**16 - 1:
            raise ValueError(f"horizon must be 1 to {2**16 - 2} days, got {horizon}")
        if not 0 <= path_seed < 2**32:
            raise ValueError(f"path_seed must be below {2**32}, got {path_seed}")
        self.world, self.horizon = world, horizon
        self.base_market = self.market = market  # without the events of the day, and with them
        self.events = in_order(events)
        self.open_share = 1.0  # share of the day's slots that are served; an outage lowers it for a day
        self.heat = np.zeros(len(world.creators.person), np.int64)  # impressions (agents) by hand for each organic post of today
        self.campaigns = [Campaign(0, strategy, Ledger(budget if strategy is not None else 0.0)), *rivals(market, horizon)]
        self.day = self.round = 0  # days played, and rounds of today
        self._openings: list[Array] = []  # post rows that appear in each round of today
        self._traces: list[tuple[Array, Array, Array]] = []  # what the evening needs of the rounds played
        self._paid_before = 0.0, 0.0  # USD this morning: all, and for ads
        self.rules = rules(market, path_seed, replication)
        self.outside, self.boredom = outside_worth(market, self.rules), boredom(self.rules)
        self.people = world.people._replace(estimate=world.people.estimate.copy(), knowledge=world.people.knowledge.copy())
        self.creators = world.creators._replace(form=world.creators.form.copy(), reputation=world.creators.reputation.copy())
        n, (brands, topics) = world.size, world.brand_topics.shape
        self.accounts = brands  # their own accounts follow the creators; people who join a challenge come after them
        u = uniforms(self.rules.seed, Stream.AMATEUR, self.rules.replication, np.arange(n))[:, 0]
        self.amateur = ((u < market.creators.amateurs) | (self.people.creator >= 0)).astype(np.uint8)
        self.modelled = len(self.creators.person) - brands
        self.viewers, self.leads, self.tags = records(n, VIEWER), records((n, brands), LEAD), np.zeros((n, topics), np.uint8)
        self.brands = brand_table(market)
        self.credit = np.zeros((brands, SUMS), np.int64)  # expected purchases by what dashboards credit, in 1 / FINE
        self.sales: list[dict[str, Array]] = []  # realised purchases of every day
        self._start_brands()
        self.acquaintances, self.friends = self._split_follows()
        self.followers = np.bincount(self.acquaintances.creator, self.acquaintances.follows, minlength=len(self.creators.person)).astype(
            np.int64
        )
        self.career = careers.start(market, self.creators, self.modelled, self.followers)
        self.posts, self.themes = records(256, POST), np.zeros((256, topics))
        self.post_count = 0
        self.first_live = 0
        self.belief = np.zeros(len(self.creators.person))  # what the platform thinks of each creator's next post
        self.ring: Ring = ring(market, self.creators)
        self.seen = new_seen(n)
        self.inbox = Inbox(
            np.full((n, market.feed.inbox), -1, np.int32), np.full((n, market.feed.inbox), -1, np.int32), np.zeros(n, np.int64)
        )
        self.decays = decays(market, horizon)
        self.day_curve = cumulative_day(market.feed.rounds_per_day)
        self.quotas = stage_quotas(market, world.people_per_agent)
        stages = len(self.quotas)
        self.stage_memory, self.stage_count = np.zeros((stages, market.feed.stage_memory)), np.zeros(stages, np.int64)
        # Organic posts of each account, its videos for each brand's challenge, its posts for each brand.
        self.ordinals = np.zeros((len(self.creators.person), 1 + 2 * brands), np.int64)
        self.pending: list[tuple[int, int]] = []  # (person, post) re-shares that reach followers next round
        self.daily: dict[str, list[float]] = {name: [] for name in DAILY}
        self.items: list[dict[str, Array]] = []
        self.stage_ends: list[dict[str, Array]] = []  # of every round: posts whose test stage ended, and how
        self.log: Any = None  # told after every round and evening: `record.EventLog`, or anything with its methods
        self.sampled = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))
        self.today: dict[str, float] = {}
        self.views, self.wish = self.people.views, np.zeros(n)  # slots a day of those who joined, and today's rounding
        self.slots: Slots | None = None  # of the last round
        self.witness: Any = None  # a `replay.Witness`
        # Own rules of agents: called every morning, returns what `step` takes.
        self.intents: Callable[[Simulation], tuple[Sequence[Order] | None, dict[int, int] | None]] | None = None
        self.threads = Threads(n, 1 if self.rules.sequential else threads)
        self._desks: list[Desk] = []  # of each thread

    @property
    def strategy(self) -> Strategy | None:
        """The strategy of the brand under study; None is the control."""
        return self.campaigns[0].strategy

    @property
    def ledger(self) -> Ledger:
        """The money of the brand under study."""
        return self.campaigns[0].ledger

    @property
    def budget(self) -> float:
        """USD the brand under study was given."""
        return self.ledger.budget

    # ------------------------------------------------------------------ start

    def _start_brands(self) -> None:
        brands = self.world.brand_topics
        interest = unit_rows(self.people.interests.astype(np.float64)) @ brands.T
        self.category_floor = category_mean(self.market)
        self.leads.category[:] = interest - self.category_floor
        n = self.world.size
        for b in range(len(brands)):
            u = uniforms(self.rules.seed, Stream.AWARE_AT_START, self.rules.replication, np.arange(n), b)[:, 0]
            r = self.market.rivals
            self.leads.aware[:, b] = u < (r.awareness * r.size_ratio ** (b - 1) if b else self.market.funnel.initial_awareness)
        self.fit = unit_rows(self.creators.topics[: self.modelled]) @ brands[0] if self.modelled else np.zeros(0)
        for campaign in self.campaigns:
            draw_cells(self, campaign)

    def _split_follows(self) -> tuple[Acquaintances, Edges]:
        """Turn follows of creators into acquaintances; keep the others as friends."""
        edges = self.world.follows
        start, creator, friends_start, friends = split(edges.start, edges.target, self.people.creator)
        m = len(creator)
        table = Acquaintances(start, creator, np.ones(m, np.uint8), records(2 * m, PAIR)[:m])  # with room to grow
        return table, Edges(friends_start, friends, np.empty(0))

    # ---------------------------------------------------------------- running

    def run(self) -> Simulation:
        """Advance to the horizon."""
        while self.day < self.horizon:
            self.step()
        self.close()
        return self

    def step(self, orders: Sequence[Order] | None = None, organic: dict[int, int] | None = None) -> None:
        """Advance to the next morning.

        `orders` replaces what the strategy would order; `organic` replaces, per creator row, the
        number of organic posts today. Raises `RuntimeError` after the horizon.
        """
        self.step_round(orders, organic)
        while self.under_way:
            self.step_round()

    @property
    def under_way(self) -> bool:
        """Whether the day has begun and not ended."""
        return bool(self._openings)

    def step_round(self, orders: Sequence[Order] | None = None, organic: dict[int, int] | None = None) -> None:
        """Advance one round: the first of a day begins with the morning, the last ends with the evening.

        `round` counts those played today. `set_market` and `fork` may be called between rounds. Raises
        `RuntimeError` after the horizon, and when `orders` or `organic` come when the day has begun.
        """
        if not self.under_way:
            self.begin_day(orders, organic)
        elif orders is not None or organic is not None:
            raise RuntimeError(f"day {self.day} has begun: orders and posts are for its first round")
        self._traces.append(play_round(self, self.round, self._openings[self.round]))
        self.round += 1
        if self.round == self.market.feed.rounds_per_day:
            self._end_day()

    def begin_day(self, orders: Sequence[Order] | None = None, organic: dict[int, int] | None = None) -> None:
        """Play the morning, in which today's posts are written; the first `step_round` of a day does it where it was not done."""
        if self.day >= self.horizon or self.under_way:
            raise RuntimeError(f"day {self.day} has begun" if self.under_way else f"the horizon of {self.horizon} days is reached")
        self._paid_before = self.ledger.paid, self.ledger.items.get("ads", 0.0)
        self._play_events()
        if self.intents is not None and orders is None and organic is None:
            orders, organic = self.intents(self)
        self.today = dict.fromkeys(DAILY, 0.0)
        sign(self, orders)
        self._openings, self._traces = publish(self, organic or {}), []
        n = self.world.size
        self.wish = uniforms(self.rules.seed, Stream.SLOTS_TODAY, self.rules.replication, np.arange(n), 0, 0, self.day << 16)[:, 0].copy()
        self.views = np.where(self.people.joined <= self.day, self.people.views, 0.0)

    def _end_day(self) -> None:
        play_evening(self, *(np.concatenate(column) for column in zip(*self._traces, strict=True)))
        if self.log is not None:
            self.log.evening(self)
        pay_commissions(self)
        for campaign in self.campaigns:
            release(campaign.ledger, self.day)
        self.today["spend"] = self.ledger.paid - self._paid_before[0]
        self.today["spend_ads"] = self.ledger.items.get("ads", 0.0) - self._paid_before[1]
        self.today["day"] = self.day
        for name in DAILY:
            self.daily[name].append(self.today[name])
        self._openings, self._traces = [], []
        self.day, self.round = self.day + 1, 0

    # ---------------------------------------------------------- change, fork

    def _play_events(self) -> None:
        """Derive today's market and let the events of today write."""
        self.open_share = 1.0
        self.heat[:] = 0
        if not self.events:
            return
        self._use(market_on(self.base_market, self.events, self.day))
        for event in self.events:
            if event.day <= self.day <= event.last_day:
                event.apply(self)

    def set_market(self, market: Market) -> None:
        """Play under `market` from now on; events change it further on their days.

        What belongs to people and to the run stays: dice, the origin and unit of match, ads as
        ordered and priced, posts as written. A post in a test stage that no longer exists leaves
        the test.

        Raises
        ------
        ValueError
            When a parameter differs that cannot change in mid-run, naming it and the reason.
        """
        self._use(market)
        self.base_market = market

    def _use(self, market: Market) -> None:
        if market == self.market:
            return
        wrong = list(fixed_changes(self.market, market))
        if wrong:
            raise ValueError("cannot change in mid-run: " + "; ".join(wrong))
        before, stages = self.rules, market.feed.stages
        match = float(before.match_mean), float(before.match_unit)
        self.market, self.rules = market, rules(market, int(before.seed), int(before.replication), match)
        self.outside, self.boredom = outside_worth(market, self.rules), boredom(self.rules)
        codes, self.brands = self.brands.codes, brand_table(market)
        self.brands.codes[:] = codes
        self.quotas = stage_quotas(market, self.world.people_per_agent)
        more = max(0, len(self.quotas) - len(self.stage_count))
        self.stage_memory, self.stage_count = np.pad(self.stage_memory, ((0, more), (0, 0))), np.pad(self.stage_count, (0, more))
        stage = self.posts.stage[: self.post_count]
        stage[(stage >= stages) & (stage < PASSED)] = PASSED if stages else UNSTAGED

    def own_column(self, table: str, name: str) -> Array:
        """Return a column of `people` or `creators` that may be written: copied the first time, because arms can share a world."""
        columns = getattr(self, table)
        if getattr(columns, name) is getattr(getattr(self.world, table), name):
            columns = columns._replace(**{name: getattr(columns, name).copy()})
            setattr(self, table, columns)
        values: Array = getattr(columns, name)
        return values

    def discredit(self, creator: int, size: float, told: float, spill: float, spill_chance: float) -> None:
        """Let a scandal break about a creator (row) this morning; see `scandal.discredit`."""
        discredit(self, creator, size, told, spill, spill_chance)

    def fork(self, events: Sequence[Event] = (), market: Market | None = None, path_seed: int | None = None) -> Simulation:
        """Return an independent copy at this round that goes on under the same dice, or under others.

        Rules of Mesa agents and a log are not inherited. The world, which nobody writes, is shared.

        Parameters
        ----------
        events : sequence of Event
            Happen in the copy, besides those this simulation has.
        market : Market, optional
            Replaces the copy's market from now on.
        path_seed : int, optional
            Other dice from now on: what is written stays, what happens to it differs.

        Raises
        ------
        ValueError
            When an event lies in the past, or the market cannot change that way in mid-run.
        """
        late = [event for event in events if event.day < self.day]
        if late:
            raise ValueError(f"event `{late[0].name}` is on day {late[0].day}, but day {self.day} comes next")
        shared: list[Any] = [self.world, self.base_market, self.market, *(x.strategy for x in self.campaigns), *self.events]
        shared += [x for table in (self.world.people, self.world.creators, self.world.follows) for x in table]
        known = {id(x): x for x in shared}
        twin = copy.copy(self)
        for name, value in vars(self).items():
            setattr(twin, name, None if name in LEFT_BEHIND else copy.deepcopy(value, known))
        twin.events = in_order([*self.events, *events])
        twin.threads, twin._desks = Threads(self.world.size, self.threads.count), []
        if path_seed is not None:
            twin.rules.seed = path_seed
        if market is not None:
            twin.set_market(market)
        return twin

    def share(self, person: int, post: int) -> None:
        """Let `person` pass `post` (row) on to their followers in the next round."""
        if not (0 <= person < self.world.size and 0 <= post < self.post_count):
            raise ValueError(f"no person {person} or post {post}")
        room = self.seen.start[person + 1] - self.seen.start[person]
        if 4 * (self.seen.used[person] + 1) > 3 * room:
            make_room(self, np.ones(self.world.size, np.int64))
        add_seen(self.seen, person, post)
        self.pending.append((person, post))

    def spill_over(self, creator: int, people: Array, loss: float, chance: float) -> None:
        """Let people (rows) who learnt of a creator's misconduct think less of the brands it advertised, see `wom.spill_over`."""
        spill_over(self, creator, people, loss, chance)

    def serve(self, scene: Scene) -> None:
        """Serve every slot of this round, on the threads."""
        if self.witness is None and score_of(self.market.feed.policy) is None:
            # One call a thread: handing a scene and a desk over costs 0.2 ms, as much as serving ten people.
            if len(self._desks) != self.threads.count:
                self._desks = [self._new_desk() for _ in range(self.threads.count)]
            cursor = np.zeros(1, np.int64)
            self.threads.each(lambda desk: serve_blocks(cursor, BLOCK, scene, desk), self._desks)
        else:
            self.threads.blocks(self._serve_block, scene)

    def _serve_block(self, low: int, high: int, scene: Scene) -> None:
        """Serve people low..high-1: a witness slot by slot, everybody by the feed's own scores."""
        policy = self.market.feed.policy
        score, scale, witness = score_of(policy), self.world.people_per_agent, self.witness
        if witness is not None and low <= witness.person < high:
            self._serve_block(low, witness.person, scene)
            witness.serve(scene, policy, score, scale)
            self._serve_block(witness.person + 1, high, scene)
        elif score is None:
            serve(low, high, scene, self._new_desk())
        else:
            serve_scored(low, high, scene, policy, score, scale)

    def _new_desk(self) -> Desk:
        return new_desk(self.people.interests.shape[1], 1 if self.rules.sequential else TOGETHER)

    def close(self) -> None:
        """Stop the threads; the state stays readable."""
        self.threads.close()

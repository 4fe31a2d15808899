"""One arm of a comparison, day by day.

Order of a day (`Simulation.step`):

1. morning   brands observe, order, contract and pay; today's posts are written
2. rounds    publish > deliver > refresh pools > allot capped posts > serve and respond > count > promote
3. evening   ties, trust, follows > funnel and purchases > reputation > ledger and daily record

Inside a round everybody acts on the platform's state as it stood when the round began, so the
order of people has no effect and blocks of people can run on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from influence_sim.engine import funnel, ties
from influence_sim.engine.constants import category_mean, cumulative_day, decays, rules, unit_rows
from influence_sim.engine.contracts import Flight, Ledger, contract, observe, settle
from influence_sim.engine.feed import new_desk, serve
from influence_sim.engine.pools import allot, count_round, deliver, grouped, promote, refresh
from influence_sim.engine.publish import Ring, advance_form, organic_counts, ring, with_room, write_posts
from influence_sim.engine.seen import add_seen, make_room, new_seen
from influence_sim.engine.state import COMMENT, FIXED, LIKE, PAID, SHARE, SUBSCRIBE, Acquaintances, Inbox, Lists, Pools, Slots
from influence_sim.engine.state import LEAD, POST, VIEWER, Array, records
from influence_sim.rng import Stream, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import BrandView, Order, Strategy
from influence_sim.world.columns import Edges, World

BLOCK = 256  # people per block; results do not depend on it
DISCLOSURE = {"none": 0.0, "hashtag": 0.5, "label": 1.0}
SAMPLE = 25  # people whose every slot is kept in `feed_items`: evenly spaced rows
DAILY = (
    "day", "impressions", "reach_cumulative", "engagements", "clicks", "purchases", "expected_purchases", "spend", "aware", "considering", "sponsored_share_seen",
    "views_modelled", "views_outside", "views_empty", "likes", "comments", "shares", "follows", "unfollows", "minors_impressions", "watch_seconds", "organic_views", "organic_likes",
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
    """

    def __init__(
        self, world: World, market: Market, strategy: Strategy | None = None, budget: float = 0.0, horizon: int = 28, path_seed: int = 1, replication: int = 0, threads: int = 1
    ) -> None:
        if not 1 <= horizon < 2**16 - 1:
            raise ValueError(f"horizon must be 1 to {2**16 - 2} days, got {horizon}")
        if not 0 <= path_seed < 2**32:
            raise ValueError(f"path_seed must be below {2**32}, got {path_seed}")
        self.world, self.market, self.strategy, self.horizon = world, market, strategy, horizon
        self.budget = budget if strategy is not None else 0.0
        self.day = 0
        self.rules = rules(market, path_seed, replication)
        self.people = world.people._replace(estimate=world.people.estimate.copy())
        self.creators = world.creators._replace(form=world.creators.form.copy(), reputation=world.creators.reputation.copy())
        self.ledger = Ledger(self.budget)
        n, (brands, topics) = world.size, world.brand_topics.shape
        self.accounts = brands  # the last rows of creators are the brands' own accounts
        self.modelled = len(self.creators.person) - brands
        self.viewers, self.leads, self.tags = records(n, VIEWER), records((n, brands), LEAD), np.zeros((n, topics), np.uint8)
        self._start_brands()
        self.acquaintances, self.friends = self._split_follows()
        self.followers = np.bincount(self.acquaintances.creator, self.acquaintances.follows, minlength=len(self.creators.person)).astype(np.int64)
        self.posts, self.themes = records(256, POST), np.zeros((256, topics))
        self.post_count = 0
        self.first_live = 0
        self.ring: Ring = ring(market, self.creators)
        self.seen = new_seen(n)
        self.inbox = Inbox(np.full((n, market.feed.inbox), -1, np.int32), np.full((n, market.feed.inbox), -1, np.int32), np.zeros(n, np.int64))
        self.decays = decays(market, horizon)
        self.day_curve = cumulative_day(market.feed.rounds_per_day)
        stages, memory = max(1, market.feed.stages), market.feed.stage_memory
        self.quotas = np.array([max(1, round(market.feed.stage_quota * market.feed.stage_growth**s / world.people_per_agent)) for s in range(stages)], np.int64)
        self.stage_memory, self.stage_count = np.zeros((stages, memory)), np.zeros(stages, np.int64)
        self.ordinals = np.zeros((len(self.creators.person), 2), np.int64)
        self.pending: list[tuple[int, int]] = []  # (person, post) re-shares that reach followers next round
        self.daily: dict[str, list[float]] = {name: [] for name in DAILY}
        self.items: list[dict[str, Array]] = []
        self.sampled = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))
        self._today: dict[str, float] = {}
        # Own rules of agents: called every morning, returns what `step` takes.
        self.intents: Callable[[Simulation], tuple[Sequence[Order] | None, dict[int, int] | None]] | None = None
        self._threads = max(1, threads)
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 and not self.rules.sequential else None

    # ------------------------------------------------------------------ start

    def _start_brands(self) -> None:
        brands = self.world.brand_topics
        interest = unit_rows(self.people.interests.astype(np.float64)) @ brands.T
        self.category_floor = category_mean(self.market)
        self.leads.category[:] = interest - self.category_floor
        n = self.world.size
        for b in range(len(brands)):
            u = uniforms(self.rules.seed, Stream.AWARE_AT_START, self.rules.replication, np.arange(n), b)[:, 0]
            self.leads.aware[:, b] = u < self.market.funnel.initial_awareness
        self.fit = unit_rows(self.creators.topics[: self.modelled]) @ brands[0] if self.modelled else np.zeros(0)

    def _split_follows(self) -> tuple[Acquaintances, Edges]:
        """Turn follows of creators into acquaintances; keep the others as friends."""
        edges, n = self.world.follows, self.world.size
        creator = self.people.creator[edges.target]
        to_creator = creator >= 0
        follower = np.repeat(np.arange(n), np.diff(edges.start))

        def starts(mask: Array) -> Array:
            return np.concatenate([[0], np.cumsum(np.bincount(follower[mask], minlength=n))]).astype(np.int64)

        who, what = follower[to_creator], creator[to_creator].astype(np.int32)
        order = np.lexsort((what, who))
        m = len(who)
        zero = [np.zeros(m, np.float32) for _ in range(4)]
        table = Acquaintances(starts(to_creator), what[order], np.ones(m, np.uint8), *zero, np.zeros(m, np.int32))
        friends = Edges(starts(~to_creator), edges.target[~to_creator], edges.weight[~to_creator])
        return table, friends

    # ---------------------------------------------------------------- running

    def run(self) -> Simulation:
        """Advance to the horizon."""
        while self.day < self.horizon:
            self.step()
        return self

    def step(self, orders: Sequence[Order] | None = None, organic: dict[int, int] | None = None) -> None:
        """Advance one day.

        `orders` replaces what the strategy would order; `organic` replaces, per creator row, the
        number of organic posts today. Raises `RuntimeError` after the horizon.
        """
        if self.day >= self.horizon:
            raise RuntimeError(f"the horizon of {self.horizon} days is reached")
        if self.intents is not None and orders is None and organic is None:
            orders, organic = self.intents(self)
        self._today = dict.fromkeys(DAILY, 0.0)
        spent = self.ledger.paid
        self._contract(orders)
        start_of_round = self._publish(organic or {})
        events: list[tuple[Array, Array, Array]] = []
        n, rounds = self.world.size, self.market.feed.rounds_per_day
        self._wish = uniforms(self.rules.seed, Stream.SLOTS_TODAY, self.rules.replication, np.arange(n), 0, 0, self.day << 16)[:, 0]
        slots_today = np.floor(self.people.views + self._wish).astype(np.int64)
        self.seen = make_room(self.seen, slots_today, self.first_live)
        if self.market.feed.repeats:
            self.seen = make_room(self.seen, slots_today + 1, 0)
        for r in range(rounds):
            events.append(self._round(r, start_of_round[r]))
        self._evening(*(np.concatenate(column) for column in zip(*events, strict=True)))
        self._today["spend"] = self.ledger.paid - spent
        self._today["day"] = self.day
        for name in DAILY:
            self.daily[name].append(self._today[name])
        self.day += 1

    def share(self, person: int, post: int) -> None:
        """Let `person` pass `post` (row) on to their followers in the next round."""
        if not (0 <= person < self.world.size and 0 <= post < self.post_count):
            raise ValueError(f"no person {person} or post {post}")
        self.seen = make_room(self.seen, np.ones(self.world.size, np.int64), self.first_live)
        add_seen(self.seen, person, post)
        self.pending.append((person, post))

    def _serve(self, low: int, high: int, *arguments: Any) -> None:
        serve(low, high, *arguments, new_desk(self.people.interests.shape[1]))

    def blocks(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call function(low, high, *arguments) for every block of people, on the threads."""
        n = self.world.size
        size = n if self.rules.sequential else BLOCK
        bounds = [(low, min(low + size, n)) for low in range(0, n, size)]
        if self._pool is None:
            function(0, n, *arguments)
        else:
            list(self._pool.map(lambda b: function(b[0], b[1], *arguments), bounds))

    # ---------------------------------------------------------------- morning

    def view(self) -> BrandView:
        """Return what the brand sees this morning."""
        c, count = self.modelled, self.post_count
        creator = self.posts.creator[:count]
        engaged = self.posts.likes[:count] + self.posts.comments[:count] + self.posts.shares[:count]
        sums = [np.bincount(creator, x, minlength=c)[:c] for x in (self.posts.impressions[:count], engaged, np.ones(count))]
        followers = self.followers[:c] * self.world.people_per_agent
        scale = self.world.people_per_agent
        return observe(
            self.market, self.creators, self.day, self.horizon, self.ledger.left, followers, sums[0] * scale, sums[1] * scale, sums[2], self.fit, self.rules.seed, self.rules.replication
        )

    def _contract(self, orders: Sequence[Order] | None) -> None:
        if orders is None:
            if self.strategy is None or self.budget <= 0.0:
                return
            view = self.view()
            orders = self.strategy.plan(view)
        else:
            view = self.view()
        contract(self.ledger, list(orders), view)

    def _publish(self, organic: dict[int, int]) -> list[Array]:
        """Write today's posts; return the rows that appear in each round."""
        m, rounds, day, rule = self.market, self.market.feed.rounds_per_day, self.day, self.rules
        advance_form(self.creators, m, day, rule.seed, rule.replication)
        counts = organic_counts(self.creators, day, rule.seed, rule.replication)
        for c, wanted in organic.items():
            counts[c] = wanted
        if day == 0:
            counts[: self.modelled] += m.creators.opening_posts
        creator = np.repeat(np.arange(len(counts)), counts)
        rows: list[tuple[int, int, int, float, float]] = [(int(c), 0, -1, 0.0, 1.0) for c in creator]
        rows += [(o.creator, 1, 0, DISCLOSURE[o.disclosure], float(self.fit[o.creator])) for o in self.ledger.booked if o.day == day]
        flights = [a for a in self.ledger.ads if a.day == day]
        rows += [(self.modelled, 1, 0, 1.0, 1.0) for _ in flights]
        rows.sort(key=lambda row: row[:2])
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
        creator, sponsored = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        # A post's ordinal is its place among the creator's posts of its kind.
        group = creator * 2 + sponsored
        ordinal = np.arange(len(rows)) - np.searchsorted(group, group) + self.ordinals[creator, sponsored]
        np.add.at(self.ordinals, (creator, sponsored), 1)
        key = np.where(creator < self.modelled, creator, 2**31 + creator - self.modelled)
        time = uniforms(rule.seed, Stream.PUBLISH, rule.replication, 1, key, sponsored << 31 | ordinal << 16)
        posted = day + np.floor(time[:, 0] * rounds) / rounds
        posted[creator >= self.modelled] = day
        if day == 0:
            opening = (sponsored == 0) & (ordinal < m.creators.opening_posts)
            posted[opening] = -np.floor(time[opening, 1] * min(7.0, m.feed.max_age) * rounds) / rounds
        at = self.post_count
        self.posts, self.themes = with_room(self.posts, self.themes, at + len(rows))
        write_posts(
            self.posts, self.themes, at, creator, sponsored, ordinal, table[:, 2].astype(np.int64), posted, table[:, 3], table[:, 4], m, rule, self.creators, self.ring, self.followers, self.accounts
        )
        self.post_count += len(rows)
        accounts = at + np.flatnonzero(creator >= self.modelled)
        for order, post in zip(flights, accounts, strict=True):
            quota = int(order.spend / m.prices.cpm * 1000.0 / self.world.people_per_agent)
            self.ledger.flights.append(Flight(int(post), day, min(day + order.days, self.horizon) - 1, quota))
        opens = np.maximum(0, np.floor((posted - day) * rounds + 1e-9).astype(np.int64))
        return [at + np.flatnonzero(opens == r) for r in range(rounds)]

    # ----------------------------------------------------------------- rounds

    def _round(self, r: int, new_posts: Array) -> tuple[Array, Array, Array]:
        """Play round r; return the events (person, post, action) that the evening needs."""
        m, rule, n = self.market, self.rules, self.world.size
        now = self.day + r / m.feed.rounds_per_day
        edge = self.people.views * self.day_curve[r] + self._wish, self.people.views * self.day_curve[r + 1] + self._wish
        start = np.zeros(n + 1, np.int64)
        np.cumsum((np.floor(edge[1]) - np.floor(edge[0])).astype(np.int64), out=start[1:])
        total = int(start[-1])
        slots = Slots(start, *(np.empty(total, t) for t in (np.int32, np.uint8, np.uint8, np.float32, np.int32, np.int32)))
        self._deliver(new_posts)
        pools = self._pools(now)
        tests = self._test_audiences(r, slots)
        ads = self._ad_audiences(r, slots)
        self.blocks(
            self._serve, self.day, now, rule, self.people, self.creators, self.posts, self.themes, self.acquaintances, self.decays, self.viewers, self.leads, self.tags, slots, pools, self.inbox, self.seen, tests, ads, self.world.follows
        )
        self.slots = slots
        self._count(slots)
        self._keep_items(r, now, slots)
        who, what, bits = np.empty(total, np.int64), np.empty(total, np.int32), np.empty(total, np.uint8)
        found = ties.collect(0, n, slots, self.posts, rule.minimum_watch, who, what, bits)
        shared = np.flatnonzero(slots.post >= 0)
        shared = shared[(slots.action[shared] & SHARE) != 0]
        sharer = np.searchsorted(start, shared, side="right") - 1
        self.pending += list(zip(sharer.tolist(), slots.post[shared].tolist(), strict=True))
        return who[:found].copy(), what[:found].copy(), bits[:found].copy()

    def _deliver(self, new_posts: Array) -> None:
        """Push new posts and the last round's re-shares to followers."""
        person = self.creators.person[self.posts.creator[new_posts]]
        keys = np.concatenate([person, np.array([p for p, _ in self.pending], np.int64)])
        rows = np.concatenate([new_posts, np.array([q for _, q in self.pending], np.int64)])
        self.pending = []
        if (keys >= 0).any():
            out = grouped(keys, rows, self.world.size)
            self.blocks(deliver, self.friends.start, self.friends.target, self.acquaintances, self.creators, out.start, out.rows, self.inbox)

    def _pools(self, now: float) -> Pools:
        """Recompute post columns and group live posts by their stable slots."""
        m, posts, topics = self.market, self.posts, self.people.interests.shape[1]
        while self.first_live < self.post_count and posts.posted[self.first_live] < now - m.feed.max_age:
            self.first_live += 1
        first, count = self.first_live, self.post_count
        f, rule = m.feed, self.rules
        refresh(
            first, count, now, posts, f.prior_impressions, m.response.like_rate, rule.like_slope, f.freshness_age, f.freshness_exponent, f.popularity_exponent, f.trending_prior,
            f.trending_exponent, rule.trending_cap, f.sponsored_factor, f.failed_factor, self.creators.retrievable,
        )  # fmt: skip
        rows = np.arange(first, count, dtype=np.int32)
        live = (posts.posted[first:count] <= now) & (posts.slot[first:count] >= 0)
        slot = np.where(live, posts.slot[first:count], -1)
        everything = max(1, self.ring.total)
        by_topic = int(min(65536, max(8, np.ceil(1.5 * everything / topics))))
        hot = everything if f.stages == 0 else int(2 ** np.ceil(np.log2(max(64.0, 2 * everything * f.stage_pass**f.stages))))
        trending = np.where(posts.trend_weight[first:count] > 0.0, slot, -1)
        return Pools(
            grouped(np.where(slot >= 0, posts.tag[first:count] * by_topic + slot % by_topic, -1), rows, by_topic * topics),
            grouped(np.where(trending >= 0, trending % hot, -1), rows, hot),
            grouped(slot, rows, everything) if f.candidates_random else Lists(np.zeros(everything + 1, np.int64), rows[:0]),
            by_topic, hot, everything,
        )  # fmt: skip

    def _test_audiences(self, r: int, slots: Slots) -> Lists:
        """Allot people to posts whose test stage is open."""
        n, f, posts = self.world.size, self.market.feed, self.posts
        rows = np.arange(self.first_live, self.post_count, dtype=np.int64)
        now = self.day + r / f.rounds_per_day
        rows = rows[(posts.stage[rows] >= 0) & (posts.stage[rows] < f.stages) & (posts.posted[rows] <= now)]
        if f.exploration_share == 0.0 or len(rows) == 0:
            return Lists(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
        wanted = np.maximum(0, self.quotas[posts.stage[rows]] - posts.stage_served[rows])
        who, what = allot(
            rows, np.minimum(wanted, n), int(Stream.TEST_AUDIENCE), self.day, r, f.exploration_targeting, 1, self.rules, self.people, self.creators, posts, self.themes, self.leads, slots, self.seen
        )
        return grouped(who, what, n)

    def _ad_audiences(self, r: int, slots: Slots) -> Lists:
        """Allot people to bought impressions: today's part of each order, spread over the rounds left."""
        n, f = self.world.size, self.market.feed
        running = [x for x in self.ledger.flights if x.first_day <= self.day <= x.last_day and x.delivered < x.quota]
        if not running:
            return Lists(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
        rounds_left = [(x.last_day - self.day) * f.rounds_per_day + f.rounds_per_day - r for x in running]
        wanted = np.array([-(-(x.quota - x.delivered) // left) for x, left in zip(running, rounds_left, strict=True)], np.int64)
        rows = np.array([x.post for x in running], np.int64)
        who, what = allot(
            rows, np.minimum(wanted, n), int(Stream.AD_AUDIENCE), self.day, r, f.ad_targeting, f.ad_gap + 1, self.rules, self.people, self.creators, self.posts, self.themes, self.leads, slots, self.seen
        )
        return grouped(who, what, n)

    def _count(self, slots: Slots) -> None:
        """Add the round to the counters, charge ads, end test stages, let trends fade."""
        f, rule, posts, scale = self.market.feed, self.rules, self.posts, self.world.people_per_agent
        totals = np.zeros(10, np.int64)
        count_round(
            0, len(slots.post), posts, slots, rule.sequential, rule.count_views, rule.value_like, rule.value_comment, rule.value_playtime, rule.value_play, rule.value_share, rule.value_follow,
            rule.value_negative, rule.play_seconds, totals,
        )  # fmt: skip
        for name, x in zip(("views_modelled", "views_outside", "views_empty", "likes", "comments", "shares"), totals[:6], strict=True):
            self._today[name] += float(x) * scale
        self._today["organic_views"] += float(totals[8]) * scale
        self._today["organic_likes"] += float(totals[9]) * scale
        self._today["watch_seconds"] += float(slots.watch.sum(dtype=np.float64)) * scale
        bought = np.bincount(slots.post[slots.source == PAID], minlength=1)
        for flight in self.ledger.flights:
            if flight.post < len(bought) and bought[flight.post]:
                settle(self.ledger, flight, int(bought[flight.post]), scale, self.market.prices.cpm)
        live = slice(self.first_live, self.post_count)
        if f.stages:
            rows = self.first_live + np.flatnonzero((posts.stage[live] >= 0) & (posts.stage[live] < f.stages))
            promote(rows, len(rows), f.stages, self.quotas, f.stage_pass, self.stage_memory, self.stage_count, posts)
        posts.trend[live] *= 0.5 ** (1.0 / (f.rounds_per_day * f.trending_half_life))

    def _keep_items(self, r: int, now: float, slots: Slots) -> None:
        """Keep every slot of the sampled people."""
        for i in self.sampled:
            rows = np.arange(slots.start[i], slots.start[i + 1])
            p = slots.post[rows]
            known = p >= 0
            q = np.where(known, p, 0)
            creator = self.posts.creator[q] if self.post_count else np.zeros(len(q), np.int64)
            item = {
                "person": np.full(len(rows), i), "day": np.full(len(rows), self.day), "round": np.full(len(rows), r), "post": p, "source": slots.source[rows],
                "age_days": np.where(known, now - self.posts.posted[q], np.nan), "views_at_exposure": np.where(known, self._views_before(q, rows, slots), -1),
                "creator_followers": np.where(known, self.followers[creator] * self.world.people_per_agent, np.nan), "follows_creator": (slots.action[rows] & 64) != 0,
                "sponsored": np.where(known, self.posts.sponsored[q], slots.source[rows] == 8), "watched_s": slots.watch[rows],
            }  # fmt: skip
            self.items.append(item)

    def _views_before(self, posts: Array, rows: Array, slots: Slots) -> Array:
        """Return real views of posts as they stood when the round began."""
        if not len(posts):
            return posts
        this_round = np.bincount(slots.post[slots.post >= 0], minlength=self.post_count + 1)
        return (self.posts.impressions[posts] - this_round[posts]) * self.world.people_per_agent

    # ---------------------------------------------------------------- evening

    def _evening(self, who: Array, what: Array, bits: Array) -> None:
        m, rule, n, day, scale = self.market, self.rules, self.world.size, self.day, self.world.people_per_agent
        posts, creators = self.posts, self.creators
        creator = posts.creator[what] if len(what) else np.zeros(0, np.int32)
        order = np.lexsort((creator, who))
        who, what, bits, creator = who[order], what[order], bits[order], creator[order]
        start = np.concatenate([[0], np.cumsum(np.bincount(who, minlength=n))]).astype(np.int64)
        count = len(creators.person)
        comments = np.bincount(creator[(bits & COMMENT) != 0], minlength=count) * scale
        with np.errstate(divide="ignore"):
            reply_chance = np.minimum(1.0, np.where(comments > 0, m.creators.reply_capacity / comments, 1.0))
            attending = self.followers * scale * m.creators.live_attendance
            seat_chance = np.minimum(1.0, np.where(attending > 0, m.creators.live_seats / attending, 1.0))
        u = uniforms(rule.seed, Stream.LIVE, rule.replication, 0, np.arange(count), 0, day << 16)[:, 0]
        live = (u < m.creators.live_sessions_per_week / 7.0) & (creators.person >= 0)
        self.acquaintances = ties.merge(self.acquaintances, start, creator, n, day)
        changes = np.zeros((n, 2), np.int64)
        t = m.ties
        self.blocks(
            ties.evening, day, rule.seed, rule.replication, self.acquaintances, start, creator, what, bits, posts, creators, self.people, self.decays, reply_chance, live, seat_chance,
            m.creators.live_attendance, t.gain, t.reply_weight, t.trust_organic, t.trust_sponsored, t.negativity, t.detection, t.detection_loss, t.reputation_weight, t.unfollow_sponsored,
            t.unfollow_daily, changes,
        )  # fmt: skip
        self.followers[:] = 0
        trust = np.zeros(count, np.int64)
        ties.standing(self.acquaintances, creators, self.decays, day, t.reputation_weight, self.followers, trust)
        keep = 0.5 ** (1.0 / t.reputation_half_life)
        known = self.followers > 0
        creators.reputation[known] = keep * creators.reputation[known] + (1.0 - keep) * (trust[known] / FIXED / self.followers[known])
        self._today["follows"] += float(changes[:, 0].sum()) * scale
        self._today["unfollows"] += float(changes[:, 1].sum()) * scale
        self._funnel()

    def _funnel(self) -> None:
        m, a, n, scale = self.market.funnel, self.leads, self.world.size, self.world.people_per_agent
        b = 0  # the brand under study
        today = self._today
        today["impressions"] = float(a.touches[:, b].sum()) * scale
        today["minors_impressions"] = float(a.touches[self.people.minor == 1, b].sum()) * scale
        today["clicks"] = float(a.clicks[:, b].sum()) * scale
        buyers = (a.purchases > 0).sum(axis=0) / n
        bought = np.zeros(a.purchases.shape, np.int64)
        before = float(a.expected[:, b].sum())
        saturated = float(self.viewers.sponsored.sum()), float(self.viewers.shown.sum())
        keep = 0.5 ** (1.0 / self.market.response.saturation_half_life)
        self.blocks(
            funnel.evening, self.day, self.rules.seed, self.rules.replication, self.viewers, a, self.tags, buyers, 0.5 ** (1.0 / m.memory_half_life), 0.5 ** (1.0 / m.annoyance_half_life),
            1.0 - 0.5 ** (1.0 / m.awareness_half_life), m.awareness_influencer, m.awareness_ad, m.consideration, m.attitude_gain, m.attitude_annoyance, m.repetition_peak, m.delayed_rate,
            m.delayed_attitude, m.delayed_memory, m.baseline_rate, self.category_floor, m.baseline_interest, m.contagion, keep, bought,
        )  # fmt: skip
        today["purchases"] = float(bought[:, b].sum()) * scale
        today["expected_purchases"] = (float(a.expected[:, b].sum()) - before) * scale
        today["reach_cumulative"] = float(a.reached[:, b].sum()) * scale
        today["aware"] = float(a.aware[:, b].sum()) * scale
        today["considering"] = float(a.considering[:, b].sum()) * scale
        today["sponsored_share_seen"] = saturated[0] / saturated[1] if saturated[1] else 0.0
        brand = self.posts.brand[: self.post_count] == b
        engaged = sum(float(x[: self.post_count][brand].sum()) for x in (self.posts.likes, self.posts.comments, self.posts.shares))
        today["engagements"] = engaged * scale - sum(self.daily["engagements"])

    def close(self) -> None:
        """Stop the threads; the state stays readable."""
        if self._pool is not None:
            self._pool.shutdown()



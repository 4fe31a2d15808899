"""The reference engine: the same world, rules and dice as `Simulation`, told slowly."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import gammaincc

from influence_sim.engine.constants import HOURS, outside_worth, rules
from influence_sim.events import Event, FeedReset, Outage, in_order, market_on
from influence_sim.rng import Stream
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import Order
from influence_sim.world.columns import World
from reference import careers, evening, feed, morning, rounds
from reference.people import Acquaintance, Creator, Lead, Person, Post, Slot, as_float32
from reference.philox import Dice

SUMS = (
    "likes", "comments", "shares", "follows", "unfollows", "views_modelled", "views_outside", "views_empty", "organic_views",
    "organic_likes", "user_videos",
)  # fmt: skip


class Reference:
    """One brand, one arm, one person at a time.

    Modes made for exact limits (`sequential`, `repeats`, `edge_shares`) are not told here.
    """

    def __init__(
        self,
        world: World,
        market: Market,
        budget: float,
        horizon: int,
        path_seed: int = 1,
        replication: int = 0,
        events: Sequence[Event] = (),
    ) -> None:
        self.dice = Dice(path_seed, replication)
        self._use(market, None)
        if self.rule.sequential or self.rule.repeats or self.rule.edge_shares or len(world.brand_topics) != 1:
            raise NotImplementedError("the reference tells one brand and the ordinary modes")
        self.first_market, self.events, self.open_share = market, in_order(events), 1.0
        self.horizon, self.day = horizon, 0
        self.scale = world.people_per_agent
        self.money = morning.Money(budget)
        self.posts: list[Post] = []
        self.shared: list[tuple[int, Post]] = []  # re-shares that reach followers next round
        self._make_creators(world)
        self._make_people(world)
        for creator in self.creators[: self.modelled]:
            careers.begin(self, creator)
        # Powers of a half by NumPy, as the engine's decay tables are.
        self.keep_tie, self.keep_trust, self.keep_affinity = (
            [float(np.power(0.5, d / half)) for d in range(horizon + 2)]
            for half in (market.ties.half_life, market.ties.trust_half_life, market.feed.affinity_half_life)
        )
        f = market.funnel
        still = gammaincc(f.repurchase_shape, np.arange(-1, horizon + 2).clip(0) * f.repurchase_shape / f.repurchase_gap)
        self.due = [0.0, *(float(1.0 - after / before) if before > 0.0 else 1.0 for before, after in pairwise(still[1:]))]
        self.codes = False  # promo codes are around
        self.credit = [0] * 15  # what dashboards credit, in 2**-40 purchases
        self.said: dict[int, int] = {}  # 1 praise, -1 complaint, by person, today
        self.average_estimate = [sum(float(x) for x in column) / world.size for column in world.people.estimate.T]
        self.stage_results: defaultdict[int, list[float]] = defaultdict(list)
        self.stage_ended: Counter[int] = Counter()
        self.stage_ends: list[tuple[Any, ...]] = []  # (post, stage, when, impressions, value per stranger, passed)
        self.day_curve = day_curve(market.feed.rounds_per_day)
        self.daily: dict[str, list[float]] = {}
        self.log: list[tuple[int, int, int, Slot]] = []  # (day, round, person, slot)
        self.new_standing: dict[int, tuple[int, int]] = {}
        self.live_contacts = 0

    def _use(self, market: Market, match: tuple[float, float] | None) -> None:
        """Play under a market; `match` is the origin and unit of match that people have had so far."""
        record = rules(market, self.dice.seed, self.dice.replication, match)
        self.market = market
        self.rule = SimpleNamespace(**{name: record[name].tolist() for name in record.dtype.names})
        self.outside = outside_worth(market, record).tolist()

    def quota(self, stage: int) -> int:
        """Return the impressions (agents) that a test stage asks for."""
        feed = self.market.feed
        return max(1, round(feed.stage_quota * feed.stage_growth**stage / self.scale))

    def _play_events(self) -> None:
        market = market_on(self.first_market, self.events, self.day)
        if market != self.market:
            self._use(market, (self.rule.match_mean, self.rule.match_unit))
            for post in self.posts:
                if rounds.in_test(post) and post.stage >= market.feed.stages:
                    post.stage = "passed" if market.feed.stages else "unstaged"
        self.open_share = 1.0
        for event in self.events:
            if isinstance(event, Outage) and event.day <= self.day <= event.last_day:
                self.open_share *= 1.0 - event.share
            if isinstance(event, FeedReset) and event.day == self.day:
                for person in self.people:
                    if self.dice.roll(Stream.FEED_RESET, person.row, 0, 0, self.day << 16)[0] < event.share:
                        person.estimate = [as_float32(x) for x in self.average_estimate]

    def _make_creators(self, world: World) -> None:
        table = {name: getattr(world.creators, name).tolist() for name in world.creators._fields if name != "appeal"}
        self.creators = [Creator(row, **{name: values[row] for name, values in table.items()}) for row in range(len(table["person"]))]
        self.modelled = len(self.creators) - 1  # the last row is the brand's own account
        topics = world.creators.topics[: self.modelled]
        # The order in which a matrix product adds is the library's own, so it is the same product.
        fit = topics / np.sqrt((topics * topics).sum(axis=1, keepdims=True)) @ world.brand_topics[0]
        self.slot_count = 0
        creators, max_age = self.market.creators, self.market.feed.max_age
        for creator in self.creators:
            if creator.row < self.modelled:
                creator.fit = float(fit[creator.row])
            creator.organic_slots = math.ceil(1.3 * creator.posting * max_age) + creators.opening_posts + 3
            creator.first_slot = self.slot_count
            if creator.retrievable:
                self.slot_count += creator.organic_slots + morning.SPONSORED_SLOTS

    def _make_people(self, world: World) -> None:
        table = {name: getattr(world.people, name).tolist() for name in world.people._fields}
        tastes = world.people.interests.astype(np.float64)
        cosine = tastes / np.sqrt((tastes * tastes).sum(axis=1, keepdims=True)) @ world.brand_topics.T
        targets = world.follows.target.tolist()
        self.people: list[Person] = []
        for i in range(world.size):
            aware = self.dice.roll(Stream.AWARE_AT_START, i, 0)[0] < self.market.funnel.initial_awareness
            followed = targets[world.follows.start[i] : world.follows.start[i + 1]]
            known = {table["creator"][j]: Acquaintance(touched=0, follows=True) for j in followed if table["creator"][j] >= 0}
            own = {name: table[name][i] for name in ("interests", "estimate", "views", "knowledge", "sharing", "price_sensitivity")}
            person = Person(
                row=i,
                minor=bool(table["minor"][i]),
                joined=table["joined"][i],
                lead=Lead(float(cosine[i, 0]) - self.rule.category_floor, aware),
                friends=[j for j in followed if table["creator"][j] < 0],
                inbox=deque(maxlen=self.market.feed.inbox),
                creators=known,
                tags=[0] * self.market.people.topics,
                **own,
            )
            self.people.append(person)
            for c in known:
                self.creators[c].followers += 1

    def add(self, name: str, number: int) -> None:
        """Count something of the round, in agents."""
        self.counted[name] += number

    def step(self, orders: Sequence[Order] = ()) -> None:
        """Play a day: events, morning, rounds, evening."""
        self._play_events()
        self.today: dict[str, Any] = dict.fromkeys((*SUMS, "watch_seconds"), 0.0)
        paid_before = self.money.paid
        ads_before = self.money.items.get("ads", 0.0)
        morning.sign(self, orders)
        opening = morning.publish(self)
        for person in self.people:
            person.wish = self.dice.roll(Stream.SLOTS_TODAY, person.row, 0, 0, self.day << 16)[0]
        traces: list[tuple[Person, Slot]] = []
        for r in range(self.market.feed.rounds_per_day):
            traces += self.play_round(r, opening[r])
        self.counted = dict.fromkeys(SUMS, 0)
        evening.settle_ties(self, traces)
        for name in ("follows", "unfollows"):
            self.today[name] += self.counted[name] * self.scale
        careers.work(self)
        self._settle_brand()
        morning.pay_commissions(self)
        for campaign in self.money.campaigns:
            if campaign.last_day == self.day:
                self.money.reserved -= campaign.reserved
                campaign.reserved = 0.0
        self.today["spend"] = self.money.paid - paid_before
        self.today["spend_ads"] = self.money.items.get("ads", 0.0) - ads_before
        self.today["day"] = self.day
        for name, value in self.today.items():
            self.daily.setdefault(name, []).append(value)
        self.day += 1

    def play_round(self, r: int, new_posts: list[Post]) -> list[tuple[Person, Slot]]:
        """Play a round; return the slots that leave a trace between a person and a creator."""
        self.now = self.day + r / self.market.feed.rounds_per_day
        self.counted = dict.fromkeys(SUMS, 0)
        begin, end = self.day_curve[r], self.day_curve[r + 1]
        slots = []
        for p in self.people:
            views = (p.views if p.joined <= self.day else 0.0) * self.open_share
            slots.append(math.floor(views * end + p.wish) - math.floor(views * begin + p.wish))
        rounds.deliver(self, new_posts)
        rounds.refresh(self)
        self.pools = rounds.sort_into_pools(self)
        tests = rounds.test_audiences(self, r, slots)
        ads = rounds.ad_audiences(self, r, slots)
        # Who was allotted anything keeps the reserved slots, whether or not it is still there.
        self.has_tests, self.has_ads = [bool(x) for x in tests], [bool(x) for x in ads]
        shown: list[tuple[Person, Slot]] = []
        for person in self.people:
            row = person.row
            shown += [(person, slot) for slot in feed.serve_person(self, person, slots[row], tests[row], ads[row])]
        self._count_round(r, shown)
        self.log += [(self.day, r, person.row, slot) for person, slot in shown]
        self.shared = [(person.row, slot.post) for person, slot in shown if slot.post is not None and "share" in slot.actions]
        return [(person, slot) for person, slot in shown if self.leaves_trace(slot)]

    def leaves_trace(self, slot: Slot) -> bool:
        """Tell whether a slot matters to the tie with the creator: an engagement, a refusal, or a sponsored post that was watched."""
        if slot.post is None or slot.source == "paid":
            return False
        return bool(slot.actions & evening.TRACES) or (slot.post.advert and slot.watch > self.rule.minimum_watch)

    def _count_round(self, r: int, shown: list[tuple[Person, Slot]]) -> None:
        per_day, thousand = self.market.feed.rounds_per_day, 1000.0 / self.scale
        before = [post.impressions for post in self.posts]
        for _, slot in shown:
            rounds.count(self, slot)
        for post, had in zip(self.posts, before, strict=True):
            if had < thousand <= post.impressions:
                post.thousand = self.day + (r + (thousand - had) / (post.impressions - had)) / per_day
        for name in SUMS:
            self.today[name] += self.counted[name] * self.scale
        # NumPy adds long rows in pairs of pairs.
        self.today["watch_seconds"] += float(np.array([slot.watch for _, slot in shown]).sum()) * self.scale
        for campaign in self.money.campaigns:
            delivered = sum(slot.source == "paid" and slot.post is campaign.post for _, slot in shown)
            if delivered:
                cost = delivered * self.scale * campaign.cpm / 1000.0
                campaign.delivered += delivered
                self.money.pay("ads", cost)
                campaign.reserved -= cost
                self.money.reserved -= cost
        rounds.promote(self, self.day + (r + 1) / per_day)
        for post in self.posts:
            post.trend *= 0.5 ** (1.0 / (per_day * self.market.feed.trending_half_life))

    def _settle_brand(self) -> None:
        leads, scale, today = [p.lead for p in self.people], self.scale, self.today
        today["impressions"] = sum(a.touches for a in leads) * scale
        today["minors_impressions"] = sum(p.lead.touches for p in self.people if p.minor) * scale
        today["clicks"] = sum(a.clicks for a in leads) * scale
        buyers_share = sum(a.purchases > 0 for a in leads) / len(leads)
        before = float(np.array([a.expected for a in leads]).sum())
        sponsored, shown = sum(p.sponsored for p in self.people), sum(p.shown for p in self.people)
        self.said, new = {}, self.credit[13]
        today["purchases"] = sum(evening.settle_funnel(self, person, buyers_share) for person in self.people) * scale
        today["expected_purchases"] = (float(np.array([a.expected for a in leads]).sum()) - before) * scale
        for person in self.people:
            evening.listen(self, person)
        today["new_customers"] = (self.credit[13] - new) / 2**40 * scale
        for name, sign in (("praise", 1), ("complaints", -1)):
            today[name] = sum(x == sign for x in self.said.values()) * scale
        today["reach_cumulative"] = sum(a.reached > 0 for a in leads) * scale
        today["trial"] = sum(a.customer and a.purchases == 1 for a in leads) * scale
        today["loyal"] = sum(a.customer and a.purchases > 1 for a in leads) * scale
        today["lapsed"] = sum(not a.customer and a.purchases > 0 for a in leads) * scale
        charged = sum(x.delivered * self.scale * x.cpm / 1000.0 for x in self.money.campaigns)
        for k, channel in enumerate(("influencer", "infeed", "takeover", "challenge")):
            mine = [p for p in self.posts if p.channel == k]
            spent = self.money.paid - charged if k == 0 else charged if k == 1 else 0.0
            for what, so_far in (
                ("impressions", sum(p.impressions for p in mine) * scale),
                ("clicks", sum(p.clicks for p in mine) * scale),
                ("spend", spent),
            ):
                today[f"{what}_{channel}"] = so_far - sum(self.daily.get(f"{what}_{channel}", []))
        today["aware"] = sum(a.aware for a in leads) * scale
        today["considering"] = sum(a.considering for a in leads) * scale
        today["sponsored_share_seen"] = sponsored / shown if shown else 0.0
        engaged = sum(p.likes + p.comments + p.shares for p in self.posts if p.branded)
        today["engagements"] = engaged * scale - sum(self.daily.get("engagements", []))


def day_curve(number: int) -> list[float]:
    """Return the share of a day's views before each round begins, between hours in a straight line."""
    total = sum(HOURS)
    hours = [0.0]
    for share in HOURS:
        hours.append(hours[-1] + share)
    hours = [x / total for x in hours]
    curve = []
    for r in range(number + 1):
        at = r * 24.0 / number
        hour = min(int(at), 23)
        curve.append((hours[hour + 1] - hours[hour]) * (at - hour) + hours[hour])
    curve[-1] = hours[-1]
    return curve

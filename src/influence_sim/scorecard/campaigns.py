"""Campaigns in one national market: every arm in the same worlds, and variants of the market that switch one thing.

A run is called `variant:arm`. Arms and variants are data; what they mean for the model is public settings only. An
agent stands for 200 people: fewer agents per person would leave a campaign of this budget without clicks to count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import PrivateAttr

from influence_sim.engine.constants import unit_rows
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import COMMENT, LIKE, SHARE, SUBSCRIBE
from influence_sim.feeds import with_policy
from influence_sim.record import result_of
from influence_sim.record.discovery import cascades
from influence_sim.scenario.parameters import Market, parameters
from influence_sim.scorecard.crawl import Tables, market_of
from influence_sim.strategies import build_strategy
from influence_sim.strategies.base import BrandView, Order, SponsoredPost, Strategy
from influence_sim.studies.platform import Array, log_slope, slope
from influence_sim.world.build import build_world

DAYS, START, AFTER = 28, 7, 21  # days, first day of a campaign (ties are warm), first day that counts as later
BUDGET = 24_000.0  # USD; with less, clicks are a handful of agents
FEW, MANY = 10, 1_000  # followers (agents) that give a mean; creators hired as long as there is money
ENGAGED = LIKE | COMMENT | SHARE | SUBSCRIBE

MARKET: dict[str, Any] = {
    "people.agents": 3_000,
    "people.population": 600_000,
    "people.views_per_day": 25,
    "creators.count": 200,
    "creators.appeal_sigma": 2.0,
    "graph.follows_per_person": 16,
}
# Overlays of the market; a variant that is not named here plays in the market itself.
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "fine": {"people.agents": 12_000},  # people who join a challenge are few
    "rich": {},
    "poor": {},
    "replies": {"creators.reply_capacity": 1_000_000, "creators.live_seats": 1_000_000},
    "following": {},
    "free_deals": {"prices.deal_overhead": 0, "prices.product_cost": 0},
    "naive_people": {p.path: 0 for p in parameters() if p.path.startswith("people.persuasion_knowledge")},
    "no_ads": {"feed.outside_ad_load": 0},
    "ad_load": {"feed.outside_ad_load": 0.3},
    "posting": {"brand.posts_per_day": 10},  # a brand whose own posts are many enough to count who follows it
    "posting_friendly": {"brand.posts_per_day": 10, "brand.authenticity": 1, "brand.trust": 1},
    "luxury": {"brand.price": 400},
    "must_lose": {  # as scenarios/markets/micro_must_lose.yaml
        "prices.fee": 100,
        "prices.fee_exponent": 0,
        "prices.fee_engagement": 0,
        "prices.deal_overhead": 100,
        "creators.appeal_ability_correlation": 0.8,
        "creators.reply_capacity": 1_000_000,
    },
    "no_saturation": {"authenticity.saturation": 0},
    "no_consistency": {"authenticity.consistency": 0},
}
MONEY = {"rich": 8.0, "poor": 1 / 8}  # times the budget


class Even(Strategy):
    """Order one post of creators spread evenly over log followers, and remember what was quoted."""

    posts: int = 120
    _quoted: list[tuple[Array, Array]] = PrivateAttr(default_factory=list)

    def plan(self, view: BrandView) -> list[Order]:
        """Return the orders of the first day of the campaign."""
        if view.day != START:
            return []
        willing = np.flatnonzero(np.isfinite(view.fee) & (view.followers > 0))
        self._quoted.append((view.followers[willing], view.fee[willing]))
        ranked = willing[np.argsort(view.followers[willing], kind="stable")]
        return [SponsoredPost(int(row), START + k % 7) for k, row in enumerate(ranked[: self.posts])]

    @property
    def quoted(self) -> tuple[Array, Array]:
        """Followers and fees of the creators that quoted."""
        return self._quoted[0]


def _band(low: float, high: float | None, **more: Any) -> tuple[str, dict[str, Any]]:
    return "micro_portfolio", {"followers_min": low, "followers_max": high, "creators": MANY, "start": START, **more}


BAND: dict[str, Any] = {"followers_min": 10_000, "followers_max": 100_000, "start": START}
# Name -> (strategy, its parameters). The micro band is that of the source documents S0 and S3.
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("none", {}),
    "micro": _band(1_000, 100_000),
    "macro": ("macro", {"followers_min": 100_000, "creators": MANY, "start": START}),
    "mega": ("mega", {"followers_min": 250_000, "start": START}),  # the largest accounts of this market
    "paid": ("paid_infeed", {"start": START, "days": 14}),
    "tiny": _band(1_000, 5_000),
    "small": _band(5_000, 10_000),
    "medium": _band(10_000, 50_000),
    "large": _band(50_000, 100_000),
    "micro_hidden": _band(1_000, 100_000, disclosure="none"),
    "ambassador_like": _band(10_000, 100_000, creators=3, posts=15, spacing=1),
    # Of the same size and chosen alike: only how often each posts differs.
    "ambassador": ("ambassador", {**BAND, "creators": 4, "posts": 6, "spacing": 3, "selector": "random", "exclusive_days": 0}),
    "one_off": ("micro_portfolio", {**BAND, "creators": MANY}),
    "free_brief": _band(1_000, 100_000, brief=0.0),
    "tight_brief": _band(1_000, 100_000, brief=1.0),
    "adaptive": ("adaptive", {}),
    "challenge": ("hashtag_challenge", {"start": START}),
}
LONGER = {"adaptive": 84}  # days of arms that need time to learn


class Watcher:
    """Takes part in a simulation where an event log would: who engaged with advertising, and who shared what."""

    def __init__(self, people: int, shares: bool = False) -> None:
        self.engaged = np.zeros(people, bool)
        self.shares = shares
        self.rows: list[tuple[Array, Array, Array, Array]] = []

    def round(self, s: Simulation, r: int, new_posts: Array) -> None:
        """Take note of one round."""
        slots: Any = s.slots
        row = np.flatnonzero((slots.post >= 0) & ((slots.action & ENGAGED) != 0))
        person = np.searchsorted(slots.start, row, side="right") - 1
        self.engaged[person[s.posts.brand[slots.post[row]] >= 0]] = True
        if self.shares:
            shared = (slots.action[row] & SHARE) != 0
            at = row[shared]
            self.rows.append((slots.post[at].astype(np.int64), person[shared], slots.sharer[at].astype(np.int64), at * 0 + s.day))

    def evening(self, s: Simulation) -> None:
        """Evenings leave no trace here."""


def variant_market(variant: str) -> Market:
    """Return the market of a variant."""
    market = market_of({**MARKET, **VARIANTS[variant]})
    return market.model_copy(update={"feed": with_policy(market.feed, "following")}) if variant == "following" else market


def play_campaign(name: str, seed: int) -> Tables:
    """Play `variant:arm` under one seed; return totals, daily series, branded posts and people.

    Raises
    ------
    KeyError
        For an unknown variant or arm.
    """
    variant, arm = name.split(":")
    market = variant_market(variant)
    world = build_world(market, seed)
    strategy, budget = Even() if arm == "even" else build_strategy(*ARMS[arm]), BUDGET * MONEY.get(variant, 1.0)
    days = LONGER.get(arm, DAYS)
    s = Simulation(world, market, strategy, 1e9 if arm == "even" else 0.0 if arm == "none" else budget, days, seed)
    watcher = Watcher(world.size)
    s.log = watcher
    s.run()
    lead = s.leads[:, 0]
    posts = s.posts[: s.post_count]
    scale = world.people_per_agent
    counts = ("impressions", "likes", "comments", "shares", "follows", "clicks", "audience")
    columns = (*counts, "creator", "brand", "sponsored", "advert", "format", "posted")
    table = {column: np.asarray(posts[column], float) for column in columns}
    for column in counts:
        table[column] *= scale
    out: Tables = {
        "totals": result_of(s, arm).totals,
        "unfollows": float(np.sum(s.daily["unfollows"])),
        "organic_rate": float(np.sum(s.daily["organic_likes"]) / np.sum(s.daily["organic_views"])),
        "price": market.brand.price,
        "margin": market.brand.margin,
        "scale": scale,
        "modelled": s.modelled,
        "posts": {**table, "account": posts.creator >= s.modelled},
        "people": {name: np.asarray(lead[name], float) for name in ("reached", "aware", "considering", "expected", "attitude")},
        "engaged": watcher.engaged,
        "spent": _spent(s),
        "hired": np.array(sorted(s.ledger.hired), np.int64),
        "by_size": _by_size(s),
    }
    if isinstance(strategy, Even):
        out["fee_slope"] = log_slope(*strategy.quoted)
    return out


def _spent(s: Simulation) -> dict[str, Array]:
    """Return day, USD and followers of what was paid: posts of creators, and ads (no followers)."""
    scale, ledger = s.world.people_per_agent, s.ledger
    posts = [(o.day, sum(bill.values()), s.followers[o.creator] * scale) for o, bill in zip(ledger.booked, ledger.bills, strict=True)]
    ads = [(f.first_day, f.delivered * scale * f.cpm / 1000.0, 0.0) for f in ledger.flights]
    day, usd, followers = np.array([*posts, *ads], float).reshape(-1, 3).T
    return {"day": day, "usd": usd, "followers": followers}


def _by_size(s: Simulation) -> dict[str, float]:
    """Return slopes on log followers of trust, of ties and of the match of followers, over creators with enough followers."""
    acquainted, n = s.acquaintances, s.modelled
    person = np.repeat(np.arange(s.world.size), np.diff(acquainted.start))
    own = (acquainted.follows > 0) & (acquainted.creator < n)
    creator = acquainted.creator[own]
    taste = unit_rows(s.people.interests.astype(np.float64))
    match = (taste[person[own]] * unit_rows(s.creators.topics[:n])[creator]).sum(axis=1)
    near = own & (acquainted.tie > 0)
    count, engaged = np.bincount(creator, minlength=n), np.bincount(acquainted.creator[near], minlength=n)
    enough = (count >= FEW) & (engaged > 0)
    size = np.log(count[enough])
    tie = np.bincount(acquainted.creator[near], acquainted.tie[near], minlength=n)[enough] / engaged[enough]
    fit = np.bincount(creator, match, minlength=n)[enough] / count[enough]
    return {"trust": slope(size, s.creators.reputation[:n][enough]), "tie": slope(size, tie), "match": slope(size, fit)}


def play_followers(seed: int, blind: bool = False) -> Tables:
    """Return the elasticity of a creator's impressions in followers added at random to half of the creators.

    `blind` takes followees' posts out of the candidates and the follow out of predictions.
    """
    market = market_of({**MARKET, **({"feed.candidates_follow": 0, "feed.prediction_follow": 0} if blind else {})})
    world = build_world(market, seed)
    n, modelled = world.size, market.creators.count
    edges, dice = world.follows, np.random.default_rng(seed)
    follower = np.repeat(np.arange(n), np.diff(edges.start))
    creators = np.flatnonzero(np.bincount(edges.target, minlength=n)[:modelled] >= FEW)
    treated = dice.permutation(creators)[: len(creators) // 2]
    added = []
    for c in treated:
        own = follower[edges.target == c]
        others = np.setdiff1d(np.arange(n), np.append(own, c))
        fans = dice.permutation(others)[: len(own)]
        added.append(np.column_stack([fans, np.full(len(fans), c)]))
    pairs = np.concatenate([np.column_stack([follower, edges.target]), *added])
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    start = np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0], minlength=n))]).astype(np.int64)
    more = type(edges)(start, pairs[:, 1].astype(np.int32), np.ones(len(pairs)))
    world_with = type(world)(world.people, world.creators, more, world.brand_topics, world.people_per_agent)
    views = []
    for played in (world, world_with):
        s = Simulation(played, market, horizon=14, path_seed=seed).run()
        posts = s.posts[: s.post_count]
        views.append(np.bincount(posts.creator, posts.impressions, minlength=modelled)[creators])
    size = np.array([(edges.target == c).sum() for c in creators])
    grown = np.log(np.minimum(2 * size, n - 1) / size)
    seen = (views[0] > 0) & (views[1] > 0)
    gain = np.log(views[1][seen] / views[0][seen])
    with_more = np.isin(creators, treated)[seen]
    return {"elasticity": float((gain[with_more].mean() - gain[~with_more].mean()) / grown[seen][with_more].mean())}


def play_social(seed: int) -> Tables:
    """Return the shape of share cascades where everybody is simulated and supply per person is that of a platform."""
    people, days = 4_000, 20
    size = {"people.agents": people, "people.population": people, "people.views_per_day": 40, "creators.count": 300}
    market = market_of({**size, "feed.outside_posts": 0, "graph.friends_per_person": 20})
    s = Simulation(build_world(market, seed), market, horizon=days, path_seed=seed)
    watcher = Watcher(people, shares=True)
    s.log = watcher
    s.run()
    post, person, via, day = (np.concatenate(column) for column in zip(*watcher.rows, strict=True))
    authors = s.creators.person[s.posts.creator[: s.post_count]]
    rows = np.arange(s.post_count)
    events = {
        "action": np.array(["post"] * len(rows) + ["share"] * len(post)),
        "post": np.concatenate([rows, post]),
        "person": np.concatenate([authors, person]),
        "via": np.concatenate([rows * 0 - 1, via]),
        "time": np.concatenate([rows * 0, day]),
    }
    trees = cascades(events)
    size_of, shape = trees["size"].astype(float), trees["structural_virality"]
    large = size_of >= 10
    first = (via < 0) | (via == authors[post])
    return {
        "one_hop": float(first.mean()),
        "never_shared": 1.0 - len(trees["post"]) / s.post_count,
        "size_virality": float(np.corrcoef(size_of[large], shape[large])[0, 1]) if large.sum() > 2 else float("nan"),
        "virality": float(shape[large].mean()) if large.any() else float("nan"),
        "size_ratio": float(size_of.max() / np.median(size_of)),
    }


def play_half_year(seed: int) -> Tables:
    """Return who bought within 182 days where eight brands advertise all the time."""
    size = {"people.agents": 1_000, "people.population": 20_000, "people.views_per_day": 20, "creators.count": 60}
    market = market_of({**size, "rivals.count": 7})
    days = 182
    money = market.rivals.spend * market.people.population / 1_000 * days  # what every rival spends
    s = Simulation(build_world(market, seed), market, build_strategy("always_on", {}), money, days, seed)
    watcher = Watcher(s.world.size)
    s.log = watcher
    s.run()
    bought = (s.leads.purchases > 0).any(axis=1)
    reached = (s.leads.reached > 0).any(axis=1)
    liked = reached & watcher.engaged
    share, likers = float(bought[reached].mean()), float(bought[liked].mean()) if liked.any() else float("nan")
    buyers, sold = (s.leads.purchases > 0).sum(axis=0), s.leads.purchases.sum(axis=0)
    known = buyers > 0
    return {
        "bought": share,
        "likers_bought": likers,
        "likers_ratio": likers / share if share > 0 else float("nan"),
        "repeats": float(1.0 - buyers.sum() / max(1, sold.sum())),
        "jeopardy": log_slope(buyers[known] / s.world.size, sold[known] / buyers[known]),
    }


SPECIAL: dict[str, Callable[[int], Tables]] = {
    "followers_added": play_followers,
    "followers_added_blind": lambda seed: play_followers(seed, blind=True),
    "social": play_social,
    "half_year": play_half_year,
}

"""The engine and a slow, obvious second engine agree to the last bit, phase by phase.

The reference reads `influence_sim` only for what is no part of a day: parameters, the built world, a
market's constants, order types, feed functions, the market an event leaves.  Two things are called, not retold, because their order of operations is
a library's own: a product of two matrices at the start, and NumPy's sum, log, cos, power and decimal
rounding where the engine uses NumPy's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import PASSED, UNSTAGED
from influence_sim.events import Event, FeedChange, FeedReset, Outage
from influence_sim.feeds import FeedPolicy, feed, policies, with_policy
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import NoCampaign
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from reference.day import Reference
from reference.people import Lead, Post
from reference.philox import philox

SOURCES = ("empty", "follow", "interest", "trending", "random", "explore", "paid", "heated", "outside", "outside_ad")
STAGES = {"passed": PASSED, "unstaged": UNSTAGED, "failed": -1}
ORDERS: tuple[Order, ...] = (
    *(SponsoredPost(c, 1 + c % 3, ("label", "hashtag", "none")[c % 3]) for c in range(20)),  # who refuses, or costs too much, is refused
    PaidImpressions(30.0, 1, 3),
    PaidImpressions(40.0, 2, 4),
    SponsoredPost(99, 1),
    PaidImpressions(1e9, 1),
)


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        ((0, 0), (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((2**32 - 1,) * 2, (2**32 - 1,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ((0xA4093822, 0x299F31D0), (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_known_answers(key, counter, words):
    """The vectors published with Random123: zeros, ones, digits of pi."""
    assert " ".join(f"{word:08x}" for word in philox(key, counter)) == words


@dataclass
class Pair:
    """Both engines after the same days."""

    fast: Simulation
    slow: Reference


def played(market: Market, days: int, orders: Sequence[Order] = (), events: Sequence[Event] = ()) -> Pair:
    """Play both engines; orders are given on the morning of day 1."""
    world: World = build_world(market, seed=5)
    budget = 6000.0 if orders else 0.0
    fast = Simulation(world, market, NoCampaign(), budget, days, path_seed=11, replication=3, events=events)
    slow = Reference(world, market, budget, days, path_seed=11, replication=3, events=events)
    for day in range(days):
        today = orders if day == 1 else ()
        fast.step(orders=today)
        slow.step(today)
    return Pair(fast, slow)


def small(**groups: dict[str, float]) -> Market:
    """Return the default market at 200 people, with a few values changed."""
    people = {"agents": 200, "population": 4000, **groups.pop("people", {})}
    return Market.model_validate({"people": people, "creators": {"count": 20}, **groups})


def equal(what: str, fast, slow) -> None:
    """Demand the same bits; otherwise name the first row that differs."""
    fast = np.asarray(fast)
    slow = np.asarray(slow).astype(fast.dtype) if len(slow) else np.zeros(0, fast.dtype)
    assert fast.shape == slow.shape, f"{what}: {fast.shape} rows and {slow.shape}"
    bad = np.argwhere((fast != slow) & ~((fast != fast) & (slow != slow)))
    assert not len(bad), f"{what}{bad[0]}: engine {fast[tuple(bad[0])]!r}, reference {slow[tuple(bad[0])]!r} ({len(bad)} differ)"


def compare(pair: Pair) -> None:
    """Demand equal slots, posts, people, acquaintances, leads, creators, daily record and ledger."""
    fast, slow = pair.fast, pair.slow
    _compare_slots(fast, slow)
    _compare_posts(fast, slow)
    _compare_people(fast, slow)
    _compare_acquaintances(fast, slow)
    equal("followers", fast.followers, [c.followers for c in slow.creators])
    equal("reputation", fast.creators.reputation, [c.reputation for c in slow.creators])
    equal("belief", fast.belief, [c.belief for c in slow.creators])
    equal("form", fast.creators.form, [c.form for c in slow.creators])
    assert fast.daily.keys() == slow.daily.keys() | {"day"}
    for name, values in fast.daily.items():
        equal(f"daily {name}", values, slow.daily[name])
    for name in ("budget", "paid", "reserved", "left", "hired", "booked", "ads", "refused"):
        assert getattr(fast.ledger, name) == getattr(slow.money, name), name
    ours = [(c.post.number, c.first_day, c.last_day, c.quota, c.delivered) for c in slow.money.campaigns]
    assert [(x.post, x.first_day, x.last_day, x.quota, x.delivered) for x in fast.ledger.flights] == ours


def _compare_slots(fast: Simulation, slow: Reference) -> None:
    sampled = set(fast.sampled.tolist())
    log = [row for row in slow.log if row[2] in sampled]
    for name, place in (("day", 0), ("round", 1), ("person", 2)):
        equal(f"slot {name}", np.concatenate([x[name] for x in fast.items]), [row[place] for row in log])
    slots = [row[3] for row in log]
    gone = {"empty": -2}
    equal("slot source", np.concatenate([x["source"] for x in fast.items]), [SOURCES.index(x.source) for x in slots])
    numbers = [x.post.number if x.post else gone.get(x.source, -1) for x in slots]
    equal("slot post", np.concatenate([x["post"] for x in fast.items]), numbers)
    equal("slot watched", np.concatenate([x["watched_s"] for x in fast.items]), [x.watch for x in slots])


def _compare_posts(fast: Simulation, slow: Reference) -> None:
    posts = fast.posts[: fast.post_count]
    retold = {"number", "creator", "branded", "topics", "stage", "sources", "trend", "multiplier", "residual", "fresh_weight", "trend_weight"}
    for name in [x.name for x in fields(Post) if x.name not in retold]:
        equal(f"posts.{name}", posts[name], [getattr(p, name) for p in slow.posts])
    equal("posts.creator", posts.creator, [p.creator.row for p in slow.posts])
    equal("posts.brand", posts.brand, [0 if p.branded else -1 for p in slow.posts])
    equal("posts.stage", posts.stage, [STAGES.get(p.stage, p.stage) for p in slow.posts])
    equal("posts.sources", posts.sources, [[p.sources[name] for name in SOURCES[1:8]] for p in slow.posts])
    for place, name in enumerate(("post", "stage", "ended", "impressions", "value", "passed")):
        equal(f"stage ends {name}", np.concatenate([x[name] for x in [*fast.stage_ends, {name: []}]]), [row[place] for row in slow.stage_ends])
    equal("topics of posts", fast.themes[: fast.post_count], [p.topics for p in slow.posts])
    live = [p for p in slow.posts if slow.now - p.posted <= slow.market.feed.max_age]
    for name in ("trend", "multiplier", "residual", "fresh_weight", "trend_weight"):
        equal(f"posts.{name}", posts[name][[p.number for p in live]], [getattr(p, name) for p in live])


def _compare_people(fast: Simulation, slow: Reference) -> None:
    people = slow.people
    equal("estimate", fast.people.estimate, [p.estimate for p in people])
    for name in ("requests", "shown", "sponsored", "saturation", "watched"):
        equal(f"viewers.{name}", fast.viewers[name], [getattr(p, name) for p in people])
    for name in [x.name for x in fields(Lead)]:
        equal(f"leads.{name}", fast.leads[name][:, 0], [getattr(p.lead, name) for p in people])


def _compare_acquaintances(fast: Simulation, slow: Reference) -> None:
    table = fast.acquaintances
    rows = [(p.row, c, p.creators[c]) for p in slow.people for c in sorted(p.creators)]
    equal("acquaintances.person", np.repeat(np.arange(len(slow.people)), np.diff(table.start)), [i for i, _, _ in rows])
    equal("acquaintances.creator", table.creator, [c for _, c, _ in rows])
    for name in ("follows", "tie", "good", "bad", "affinity", "touched"):
        equal(f"acquaintances.{name}", getattr(table, name), [getattr(pair, name) for _, _, pair in rows])
    equal("acquaintances.refused", table.refused, [pair.refused + 1 for _, _, pair in rows])


def sources(slow: Reference) -> Counter[str]:
    """Return how many slots came from where."""
    return Counter(slot.source for _, _, _, slot in slow.log)


def test_day_without_brand():
    """Ten days of the For-You feed without a campaign; with 25 views a day, to save time."""
    pair = played(small(people={"views_per_day": 25}), 10)
    compare(pair)
    assert sources(pair.slow).keys() >= {"follow", "interest", "explore", "outside", "outside_ad"}


def test_day_with_campaign():
    """Ten days at default settings with sponsored posts and bought impressions; everything that can happen happens."""
    pair = played(small(), 10, ORDERS)
    compare(pair)
    slow = pair.slow
    assert sources(slow).keys() >= {"follow", "interest", "explore", "paid", "outside", "outside_ad"}
    assert slow.money.booked
    assert len(slow.money.refused) > 2
    assert any(p.sponsored and p.creator.row < slow.modelled and p.impressions for p in slow.posts)
    stages = Counter(p.stage for p in slow.posts)
    assert stages["failed"] > 10
    assert stages[2] > 10, "nothing was promoted twice"
    for name in ("likes", "comments", "shares", "follows", "unfollows", "clicks", "spend", "minors_impressions", "aware", "considering"):
        assert sum(slow.daily[name]) > 0, name
    assert any(slot.source == "follow" and slot.sharer not in (-1, slot.post.creator.person) for _, _, _, slot in slow.log if slot.post)
    assert slow.live_contacts
    assert sum(slow.daily["purchases"]) > 0


@pytest.mark.parametrize("policy", ["following", "random"])
def test_day_under_policy(policy):
    """Three days of the follower feed and of the random feed, with the campaign."""
    market = small(people={"views_per_day": 40})
    pair = played(market.model_copy(update={"feed": with_policy(market.feed, policy)}), 3, ORDERS)
    compare(pair)
    seen = sources(pair.slow)
    assert seen["paid"]
    assert seen["follow" if policy == "following" else "random"] > 1000


def test_closed_platform_with_every_term():
    """Without outside posts modelled ones compete for every slot; terms that are off by default are on."""
    feed = {
        "outside_posts": 0,
        "stages": 2,
        "stage_quota": 100,
        "candidates_random": 2,
        "popularity_exponent": 0.2,
        "non_followed_factor": 0.75,
    }
    values = {"value_share": 20, "value_follow": 30, "value_negative": 10}
    market = small(
        people={"views_per_day": 25},
        creators={"count": 20, "duration_law": "uniform", "reply_capacity": 30, "live_seats": 3, "live_sessions_per_week": 5},
        feed={**feed, **values},
        response={"like_rate": 0.1, "comment_rate": 0.03, "share_rate": 0.03},
        ties={"detection": 0.8, "unfollow_sponsored": 0.1},
        funnel={"buy_rate": 0.3, "click_influencer": 0.2, "contagion": 0.05, "awareness_half_life": 5, "consideration": 0.3},
    )
    pair = played(market, 5, ORDERS)
    compare(pair)
    slow = pair.slow
    assert min(sources(slow)[x] for x in ("follow", "interest", "trending", "random", "explore", "paid")) > 30
    assert Counter(p.stage for p in slow.posts)["passed"] > 3
    assert min(sum(slow.daily[x]) for x in ("purchases", "clicks", "unfollows", "follows", "shares")) > 100
    assert any(p.sponsored and not p.disclosure and p.impressions for p in slow.posts)


def test_mixture_of_sources_by_value():
    """Each slot draws its source; inside a source the value decides."""
    pair = played(small(people={"views_per_day": 25}, feed={"mode": "slot_mixture", "candidates_random": 5, "stage_quota": 60}), 3, ORDERS)
    compare(pair)
    assert min(sources(pair.slow)[x] for x in ("follow", "interest", "random", "explore", "paid")) > 50


def test_day_when_posts_grow_old():
    """Posts older than the age limit vanish from pools, inboxes and tests alike."""
    pair = played(small(people={"views_per_day": 25}, feed={"max_age": 2, "stage_quota": 1000}), 6, ORDERS)
    compare(pair)
    assert any(isinstance(p.stage, int) and pair.slow.now - p.posted > 2 for p in pair.slow.posts)

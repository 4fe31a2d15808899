"""The engine and a slow, obvious second engine agree to the last bit, phase by phase.

The reference reads `influence_sim` only for what is no part of a day: parameters, the built world, a market's
constants, order types, feed functions, the market an event leaves.  Two things are called, not retold, because
their order of operations is a library's own: a product of two matrices at the start, and NumPy's sum, log, exp,
cos, power and decimal rounding where the engine uses NumPy's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import PASSED, UNSTAGED
from influence_sim.events import DiscoveryOff, Event, FeedChange, FeedReset, Outage
from influence_sim.feeds import FeedPolicy, feed, policies, with_policy
from influence_sim.scenario.parameters import Feed, Market
from influence_sim.strategies import NoCampaign
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from reference.day import Reference
from reference.people import Career, Lead, Post
from reference.philox import philox

SOURCES = ("empty", "follow", "interest", "trending", "random", "explore", "paid", "heated", "outside", "outside_ad")
STAGES = {"passed": PASSED, "unstaged": UNSTAGED, "failed": -1}
WOM = {"mention": 1, "mention_bad": 1}
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
    equal("credit", fast.credit, [slow.credit])
    equal("belief", fast.belief, [c.belief for c in slow.creators])
    for name in ("form", "authenticity", "posting", "asking", "reservation"):
        equal(name, getattr(fast.creators, name), [getattr(c, name) for c in slow.creators])
    for name in [x.name for x in fields(Career)]:
        equal(f"career.{name}", fast.career[name], [getattr(c.career, name) for c in slow.creators[: slow.modelled]])
    assert fast.daily.keys() == slow.daily.keys() | {"day"}
    for name, values in fast.daily.items():
        equal(f"daily {name}", values, slow.daily[name])
    for name in ("budget", "paid", "reserved", "left", "items", "hired", "booked", "ads", "refused"):
        assert getattr(fast.ledger, name) == getattr(slow.money, name), name
    ours = [(c.post.number, c.first_day, c.last_day, c.quota, c.delivered) for c in slow.money.campaigns]
    assert [(x.post, x.first_day, x.last_day, x.quota, x.delivered) for x in fast.ledger.flights] == ours
    assert [vars(x) for x in fast.ledger.commissions] == [vars(x) for x in slow.money.commissions]


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
    of_live = ("trend", "multiplier", "residual", "fresh_weight", "trend_weight")
    retold = {"number", "creator", "branded", "topics", "stage", "sources", *of_live}
    for name in [x.name for x in fields(Post) if x.name not in retold]:
        equal(f"posts.{name}", posts[name], [getattr(p, name) for p in slow.posts])
    equal("posts.creator", posts.creator, [p.creator.row for p in slow.posts])
    equal("posts.brand", posts.brand, [0 if p.branded else -1 for p in slow.posts])
    equal("posts.stage", posts.stage, [STAGES.get(p.stage, p.stage) for p in slow.posts])
    equal("posts.sources", posts.sources, [[p.sources[name] for name in SOURCES[1:8]] for p in slow.posts])
    for place, name in enumerate(("post", "stage", "ended", "impressions", "value", "passed")):
        ended = np.concatenate([x[name] for x in fast.stage_ends]) if fast.stage_ends else []
        equal(f"stage ends {name}", ended, [row[place] for row in slow.stage_ends])
    equal("topics of posts", fast.themes[: fast.post_count], [p.topics for p in slow.posts])
    live = [p for p in slow.posts if slow.now - p.posted <= slow.market.feed.max_age]
    for name in of_live:
        equal(f"posts.{name}", posts[name][[p.number for p in live]], [getattr(p, name) for p in live])


def _compare_people(fast: Simulation, slow: Reference) -> None:
    people = slow.people
    equal("estimate", fast.people.estimate, [p.estimate for p in people])
    equal("knowledge", fast.people.knowledge, [p.knowledge for p in people])
    for name in ("requests", "shown", "sponsored", "saturation", "watched", "recognised", "bought"):
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


BRIEFLY_OR_LONG = pytest.mark.parametrize("days", [2, pytest.param(9, marks=pytest.mark.slow)])


def test_day_without_brand():
    """Three days of the For-You feed without a campaign; with 25 views a day, to save time."""
    pair = played(small(people={"views_per_day": 25}), 3)
    compare(pair)
    assert sources(pair.slow).keys() >= {"follow", "interest", "explore", "outside", "outside_ad"}


@pytest.mark.slow
def test_ten_days_at_default_settings():
    """Every view of ten days with sponsored posts and bought impressions."""
    pair = played(small(), 10, ORDERS)
    compare(pair)
    assert sources(pair.slow).keys() >= {"follow", "interest", "trending", "explore", "paid", "outside", "outside_ad"}


def test_day_with_campaign():
    """Sponsored posts and bought impressions; everything that can happen happens."""
    feed = {"stages": 3, "stage_quota": 60, "stage_growth": 1.5, "stage_memory": 10, "exploration_share": 0.3}
    response = {"like_rate": 0.06, "comment_rate": 0.01, "share_rate": 0.02, "follows_per_like": 0.1, "negative_rate": 0.01}
    funnel = {"buy_rate": 0.3, "click_influencer": 0.2, "click_ad": 0.2, "consideration": 0.3, "repurchase_gap": 5, "satisfaction": 0.5}
    creators = {"count": 20, "live_sessions_per_week": 5}
    market = small(people={"views_per_day": 25}, feed=feed, response=response, funnel=funnel, creators=creators, wom=WOM)
    pair = played(market, 6, ORDERS)
    compare(pair)
    slow = pair.slow
    assert sources(slow).keys() >= {"follow", "interest", "trending", "explore", "paid", "outside", "outside_ad"}
    assert slow.money.booked
    assert len(slow.money.refused) > 2
    assert any(p.sponsored and p.creator.row < slow.modelled and p.impressions for p in slow.posts)
    stages = Counter(p.stage for p in slow.posts)
    assert stages["failed"] > 10
    assert max(slow.stage_ended.values()) > 2 * 10, "results of stages were never forgotten"
    for name in ("likes", "comments", "shares", "follows", "unfollows", "clicks", "spend", "minors_impressions", "aware", "considering"):
        assert sum(slow.daily[name]) > 0, name
    assert any(slot.source == "follow" and slot.sharer not in (-1, slot.post.creator.person) for _, _, _, slot in slow.log if slot.post)
    assert slow.live_contacts
    for name in ("purchases", "loyal", "lapsed", "praise", "complaints", "clicks_infeed", "spend_influencer"):
        assert sum(slow.daily[name]) > 0, name
    assert any(p.thousand for p in slow.posts)
    assert any(p.discovered for p in slow.posts)
    assert any(pair.refused >= 0 for person in slow.people for pair in person.creators.values())


@BRIEFLY_OR_LONG
@pytest.mark.parametrize("policy", [name for name in policies() if name != "for_you"])
def test_day_under_policy(policy, days):
    """Every other feed, with the campaign."""
    market = small(people={"views_per_day": 25})
    pair = played(market.model_copy(update={"feed": with_policy(market.feed, policy)}), days, ORDERS)
    compare(pair)
    main = {"following": "follow", "interest": "interest", "trending": "trending", "top_chart": "trending", "random": "random"}
    seen = sources(pair.slow)
    assert seen["paid"]
    assert seen[main[policy]] > 1000 if policy in main else min(seen["follow"], seen["outside"]) > 100


@pytest.fixture
def whatever():
    """Name of a feed function that reads everything it gets, for as long as a test runs."""

    @feed(source="assumption", candidates_random=5)
    def whatever(candidates):
        """Rank by all that may be known, each bounded; never show a person every seventh post."""
        known = [getattr(candidates, name) for name in candidates._fields[3:]]
        score = sum(x / (1.0 + abs(x)) for x in known) + 0.01 * candidates.time
        return np.where((candidates.post + candidates.person[:, None]) % 7 == 3, -np.inf, score)

    yield "whatever"
    del FeedPolicy.registry["whatever"]


@BRIEFLY_OR_LONG
@pytest.mark.parametrize("outside", [0, 0.05])
def test_day_under_a_feed_function(whatever, outside, days):
    """A function scores blocks of requests in the engine, and one request after the other in the reference."""
    response = {"negative_rate": 0.05}
    market = small(people={"views_per_day": 25}, response=response, feed={"rank_noise": 0.5, "refusal_days": 0, "refusal_ramp": 3})
    market = market.model_copy(update={"feed": with_policy(market.feed, whatever).model_copy(update={"outside_posts": outside})})
    pair = played(market, days, ORDERS)
    compare(pair)
    chosen = [(i, slot) for _, _, i, slot in pair.slow.log if slot.source in ("follow", "interest", "trending", "random")]
    assert len(chosen) > 500
    assert not any((i + slot.post.number) % 7 == 3 for i, slot in chosen)


HEATED = {"heating_share": 0.05, "heating_views": 400}
LIFTED = {"cold_start_rank": 3, "cold_start_followers": 1e5, "cold_start_impressions": 500}
KEPT_AWAY = {"refusal_days": 1, "refusal_ramp": 3, "refusal_floor": 0.1}


def impressions(market: Market, days: int, **values: float) -> list[int]:
    """Return the impressions of the engine's posts under other feed parameters."""
    market = market.model_copy(update={"feed": Feed.model_validate({**market.feed.model_dump(), **values})})
    fast = Simulation(build_world(market, seed=5), market, NoCampaign(), 0.0, days, path_seed=11, replication=3).run()
    return fast.posts.impressions[: fast.post_count].tolist()


@BRIEFLY_OR_LONG
@pytest.mark.parametrize("creator", [0, 1])
@pytest.mark.parametrize("outside", [0, 0.02])
def test_what_platforms_may_do_besides(creator, outside, days):
    """Heating, cold start, refusals, few sounds, trends of the whole platform; the creator's record counts fully or not at all."""
    feed = {"trending_by": "platform", "prediction_creator": creator, "outside_posts": outside, "prior_impressions": 10}
    market = small(
        people={"views_per_day": 25, "newcomers": 0.4, "arrival_days": 3},
        creators={"count": 20, "shared_sounds": 1, "sounds": 3},
        feed={**feed, **HEATED, **LIFTED, **KEPT_AWAY},
        response={"negative_rate": 0.1, "like_rate": 0.1},
    )
    pair = played(market, days, ORDERS)
    compare(pair)
    seen = sources(pair.slow)
    assert min(seen[x] for x in ("follow", "interest", "trending", "explore", "heated")) > 30
    assert bool(seen["outside"]) == bool(outside)
    assert any(0 <= p.joined < days for p in pair.slow.people)
    if outside:
        return
    same = impressions(market, 2)
    assert same == impressions(market, 2)
    for change in ({"cold_start_rank": 0}, {"prediction_creator": 0.5}, {"refusal_days": 0, "refusal_ramp": 0}, {"heating_share": 0}):
        assert same != impressions(market, 2, **change), change


def test_terms_and_careers():
    """Every way to pay, rights, briefs and packages; reviews every other day, creators who stop and begin again."""
    orders = [
        *(SponsoredPost(c, 1 + c % 3, pay="gift") for c in range(20)),
        *(SponsoredPost(c, 1 + c % 2, brief=0.1 * c, pay="commission") for c in range(5)),
        *(SponsoredPost(c, 1 + c % 5, exclusive_days=3, usage_rights=c % 2 == 0, brief=0.7) for c in range(5, 10)),
        *(SponsoredPost(12, 1 + k % 5) for k in range(7)),
        *(SponsoredPost(13, 1 + k % 5, pay="fee") for k in range(400)),  # more than the money buys, even at a discount
        SponsoredPost(14, 2, pay="gift", exclusive_days=1),
        PaidImpressions(30.0, 1, 3),
    ]
    market = small(
        people={"views_per_day": 25},
        feed={"outside_posts": 0.005},
        creators={"count": 20, "other_deals": 0.3, "fit_required": 0.02},
        careers={"review_days": 2, "quit": 0.05, "entry": 0.3, "follower_loss": 100},
        funnel={"buy_rate": 0.4, "click_influencer": 0.4, "buy_price": 0},
        ties={"unfollow_sponsored": 0.05},
        response={"like_rate": 0.1},
        prices={"fee": 20, "commission_days": 2},
        brand={"posts_per_day": 2, "price": 5},
    )
    pair = played(market, 6, orders)
    compare(pair)
    careers = [c.career for c in pair.slow.creators[: pair.slow.modelled]]
    assert pair.slow.money.items.keys() >= {"fees", "rights", "gifts", "commission", "overhead", "product", "search", "ads"}
    assert 0 < sum(c.stopped for c in careers) < 20
    assert any(c.repeats for c in careers)
    assert any(c.success not in (0.0, 1.0) for c in careers)
    assert any(p.creator.row == pair.slow.modelled and not p.sponsored and p.impressions for p in pair.slow.posts)


def test_events_in_mid_run():
    """Other feeds, fewer stages, forgotten people, an outage, no discovery; each ends as it should."""
    events = (
        FeedChange(day=1, days=2, feed={"exploration_share": 0.3, "stages": 1, "stage_quota": 50}),
        FeedChange(day=1, days=2, feed={"candidates_random": 20, "outside_posts": 0.005}),
        FeedReset(day=2, share=0.5),
        Outage(day=3, share=0.6),
        DiscoveryOff(day=4, days=1),
        FeedChange(day=5, feed={"policy": "random"}),
        FeedChange(day=6, feed={"policy": "instagram_like"}),
    )
    pair = played(small(people={"views_per_day": 25}, feed={"stages": 3}), 7, ORDERS, events)
    compare(pair)
    days = [Counter(slot.source for day, _, _, slot in pair.slow.log if day == d) for d in range(7)]
    assert days[1]["random"] > 10
    assert not days[0]["random"]
    assert days[3].total() < 0.5 * days[2].total()
    assert days[4].keys() <= {"follow", "empty", "paid"}
    assert days[5]["random"] > 1000
    assert {p.stage for p in pair.slow.posts} >= {"passed", "unstaged", 0}


def test_closed_platform_with_every_term():
    """Without outside posts modelled ones compete for every slot; terms that are off by default are on."""
    feed = {
        "outside_posts": 0,
        "stages": 2,
        "stage_quota": 100,
        "candidates_interest": 15,
        "candidates_trending": 8,
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
    pair = played(market, 4, ORDERS)
    compare(pair)
    slow = pair.slow
    assert min(sources(slow)[x] for x in ("follow", "interest", "trending", "random", "explore", "paid")) > 30
    assert Counter(p.stage for p in slow.posts)["passed"]
    assert min(sum(slow.daily[x]) for x in ("purchases", "clicks", "unfollows", "follows", "shares")) > 50
    assert any(p.sponsored and not p.disclosure and p.impressions for p in slow.posts)


def test_mixture_of_sources_by_value():
    """Each slot draws its source; inside a source the value decides."""
    pair = played(small(people={"views_per_day": 25}, feed={"mode": "slot_mixture", "candidates_random": 5, "stage_quota": 60}), 2, ORDERS)
    compare(pair)
    assert min(sources(pair.slow)[x] for x in ("follow", "interest", "random", "explore", "paid")) > 50


def test_day_when_posts_grow_old():
    """Posts older than the age limit vanish from pools, inboxes, tests, heating and their creator's record alike."""
    feed = {"max_age": 2, "stage_quota": 400, "prediction_creator": 1, "outside_posts": 0.02, **HEATED}
    pair = played(small(people={"views_per_day": 12}, feed=feed), 4, ORDERS)
    compare(pair)
    assert any(isinstance(p.stage, int) and pair.slow.now - p.posted > 2 for p in pair.slow.posts)

"""Impressions, quotas and money are conserved and never exceeded in any configuration that is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import influence_sim.engine.simulation as engine
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import EMPTY, EXPLORE, OUTSIDE, OUTSIDE_AD, PAID, SOURCES
from influence_sim.feeds import FeedPolicy
from influence_sim.strategies import strategy_types
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from influence_sim.world.build import build_world
from small_worlds import market_of, outputs, people_tables, simulation


@dataclass
class Account:
    """What the test counts on its own while the engine runs."""

    shown: list[set[int]] = field(default_factory=list)
    slots: Any = None
    impressions: Any = None
    kinds: Any = None


@st.composite
def configurations(draw: Any) -> dict[str, Any]:
    """Draw a small market, its policy and its switches."""
    agents = draw(st.integers(1, 150))
    policy = draw(st.sampled_from(sorted(FeedPolicy.registry)))
    values: dict[str, Any] = {f"feed.{k}": v for k, v in FeedPolicy.registry[policy].values.items()}
    values["feed.policy"] = policy
    values |= {
        "people.agents": agents,
        "people.population": agents * draw(st.sampled_from([1, 3, 20])),
        "people.topics": draw(st.sampled_from([2, 5, 10])),
        "people.views_per_day": draw(st.sampled_from([0, 1, 12, 60])),
        "creators.count": draw(st.integers(0, min(20, agents))),
        "creators.posts_per_day": draw(st.sampled_from([0, 0.5, 4])),
        "creators.opening_posts": draw(st.sampled_from([0, 2, 9])),
        "graph.follows_per_person": draw(st.sampled_from([0, 5, 40])),
        "feed.rounds_per_day": draw(st.sampled_from([1, 3, 6, 24])),
        "feed.slots_per_request": draw(st.sampled_from([1, 7, 10, 20])),
        "feed.ad_gap": draw(st.sampled_from([1, 4, 20])),
        "feed.ad_frequency_cap": draw(st.sampled_from([1, 2, 50])),
        "feed.inbox": draw(st.sampled_from([1, 64])),
        "feed.max_age": draw(st.sampled_from([1, 2.5, 30])),
        "feed.repeats": draw(st.booleans()),
        "feed.update": draw(st.sampled_from(["rounds", "rounds", "sequential"])),
        "feed.trending_count": draw(st.sampled_from(["positive", "views"])),
        "response.edge_shares": draw(st.booleans()),
        "response.watch_law": draw(st.sampled_from(["loglogistic", "full"])),
        "response.like_rate": draw(st.sampled_from([0.0, 0.03, 1.0])),
        "response.share_rate": draw(st.sampled_from([0.0, 0.0015, 0.5])),
        "prices.fee": draw(st.sampled_from([0, 60])),
        "prices.cpm": draw(st.sampled_from([0.5, 8])),
    }
    if policy == "for_you":
        values |= {
            "feed.mode": draw(st.sampled_from(["blended", "slot_mixture"])),
            "feed.ranking": draw(st.sampled_from(["value", "newest", "arrival"])),
            "feed.stages": draw(st.integers(0, 3)),
            "feed.stage_quota": draw(st.sampled_from([1, 30, 400])),
            "feed.exploration_share": draw(st.sampled_from([0, 0.1, 1])),
            "feed.outside_posts": draw(st.sampled_from([0, 0.05, 3])),
            "feed.candidates_random": draw(st.sampled_from([0, 5])),
        }
    return values


@st.composite
def orders_of(draw: Any, day: int, creators: int) -> list[Order]:
    """Draw orders, some of them impossible."""
    found: list[Order] = []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            found.append(PaidImpressions(draw(st.sampled_from([0.0, 0.3, 5.0, 80.0, 1e9])), day, draw(st.integers(1, 4))))
        else:
            kind = draw(st.sampled_from(["none", "hashtag", "label"]))
            terms = {
                "brief": draw(st.sampled_from([0.0, 0.5, 1.0, 1.5])),
                "exclusive_days": draw(st.sampled_from([0, 0, 10])),
                "usage_rights": draw(st.booleans()),
                "pay": draw(st.sampled_from(["fee", "fee", "gift", "commission"])),
            }
            order = SponsoredPost(draw(st.integers(-1, creators + 1)), day + draw(st.integers(0, 2)), kind, **terms)
            found += [order] * draw(st.sampled_from([1, 1, 7]))
    return found


def audited(s: Simulation) -> Any:
    """Return `play_round` with every conservation law checked before and after it."""
    original = engine.play_round
    account = Account(shown=[set() for _ in range(s.world.size)])
    account.kinds = np.zeros(len(SOURCES), np.int64)

    def play(sim: Simulation, r: int, new_posts: Any) -> Any:
        count = sim.post_count
        before = sim.posts[:count].copy()
        delivered = [f.delivered for f in sim.ledger.flights]
        if r == 0:
            account.slots = np.zeros(sim.world.size, np.int64)
        result = original(sim, r, new_posts)
        slots = sim.slots
        source, post = slots.source, slots.post
        account.kinds += np.bincount(source, minlength=len(SOURCES))
        assert np.array_equal(post >= 0, ~np.isin(source, (EMPTY, OUTSIDE, OUTSIDE_AD)))
        assert np.array_equal(post == -1, np.isin(source, (OUTSIDE, OUTSIDE_AD)))
        assert np.array_equal(post == -2, source == EMPTY)
        assert np.isfinite(slots.watch).all()
        assert (slots.watch >= 0).all()
        account.slots += np.diff(slots.start)
        # Counters of posts grew by exactly what was shown.
        shown = np.bincount(post[post >= 0], minlength=count)
        assert np.array_equal(sim.posts.impressions[:count] - before.impressions, shown)
        # A test stage serves its quota and no more.
        explored = np.bincount(post[source == EXPLORE], minlength=count)
        tested = np.flatnonzero(explored)
        assert (before.stage[tested] >= 0).all()
        assert (before.stage[tested] < sim.market.feed.stages).all()
        assert (explored[tested] <= (sim.quotas[before.stage[tested]] - before.stage_served[tested])).all()
        # So does a bought quota.
        bought = np.bincount(post[source == PAID], minlength=count)
        for flight, was in zip(sim.ledger.flights, delivered, strict=True):
            assert flight.delivered - was == bought[flight.post]
            assert flight.delivered <= flight.quota
            assert flight.first_day <= sim.day <= flight.last_day or flight.delivered == was
        assert bought.sum() == sum(f.delivered for f in sim.ledger.flights) - sum(delivered)
        _check_people(sim, account, slots)
        return result

    def finish() -> Account:
        return account

    return play, finish


def _check_people(sim: Simulation, account: Account, slots: Any) -> None:
    for i in range(sim.world.size):
        rows = slice(slots.start[i], slots.start[i + 1])
        mine, source = slots.post[rows], slots.source[rows]
        own = mine[mine >= 0]
        assert (sim.creators.person[sim.posts.creator[own]] != i).all(), "somebody was shown a post of their own"
        if sim.market.feed.repeats:
            continue
        organic = mine[(mine >= 0) & (source != PAID)].tolist()
        assert len(set(organic)) == len(organic), "a post twice in one round"
        assert not account.shown[i].intersection(organic), "a post twice"
        account.shown[i].update(organic)


def check_money(s: Simulation) -> None:
    ledger = s.ledger
    assert -1e-9 <= ledger.paid <= s.budget + 1e-6
    assert ledger.reserved >= -1e-6
    assert abs(ledger.paid + ledger.reserved + ledger.left - s.budget) < 1e-6 * max(1.0, s.budget)
    assert ledger.left >= -1e-6
    assert sum(ledger.items.values()) == pytest.approx(ledger.paid, abs=1e-6)
    assert min(ledger.items.values(), default=0.0) >= 0.0


def check_day(s: Simulation, account: Account) -> None:
    today = {name: values[-1] for name, values in s.daily.items()}
    assert np.array_equal(account.slots, np.floor(s.people.views + s.wish).astype(np.int64)), "slots of a day"
    scale = s.world.people_per_agent
    total = today["views_modelled"] + today["views_outside"] + today["views_empty"]
    assert total == pytest.approx(account.slots.sum() * scale, rel=1e-12)
    assert today["spend"] >= -1e-9
    assert today["purchases"] >= 0
    assert today["expected_purchases"] >= 0
    check_money(s)


def check_end(s: Simulation, account: Account) -> None:
    scale = s.world.people_per_agent
    assert sum(s.daily["views_modelled"]) == pytest.approx(float(s.posts.impressions[: s.post_count].sum()) * scale, rel=1e-12)
    for name in ("likes", "comments", "shares"):
        assert sum(s.daily[name]) == pytest.approx(float(s.posts[name][: s.post_count].sum()) * scale, rel=1e-12)
    assert sum(s.daily["spend"]) == pytest.approx(s.ledger.paid, abs=1e-6)
    cost = sum(f.delivered * f.cpm for f in s.ledger.flights) * scale / 1000
    assert cost <= sum(order.spend for order in s.ledger.ads) + 1e-6
    tables: dict[str, Any] = {**people_tables(s), **{k: v for k, v in outputs(s).items() if k.startswith(("daily.", "posts."))}}
    tables |= {f"post.{n}": s.posts[n][: s.post_count] for n in s.posts.dtype.names or ()}
    for name, values in tables.items():
        array = np.asarray(values)
        if array.dtype.kind == "f" and name != "posts.first_1000_days":  # not a number: not yet
            assert np.isfinite(array).all(), f"{name} is not finite"
    posts = s.posts[: s.post_count]
    assert np.array_equal(posts.sources.sum(axis=1), posts.impressions), "views by source"
    assert (posts.from_followers <= posts.impressions).all()
    assert (posts.discovered <= posts.follows).all()
    assert np.array_equal(posts.thousand > 0, posts.impressions * scale >= 1000), "the first 1,000 views"
    assert (s.posts.likes[: s.post_count] <= s.posts.impressions[: s.post_count]).all()
    assert (s.followers >= 0).all()
    assert (s.followers <= s.world.size).all()
    assert (np.abs(s.people.estimate.sum(axis=1) - 1) < 1e-5).all()


def play(values: dict[str, Any], data: Any, budget: float, strategy: Any = None, horizon: int = 3) -> Simulation:
    """Run one drawn configuration with every law checked, every round and every evening."""
    market = market_of(values)
    world = build_world(market, 5)
    world.validate()
    s = simulation(market, world, budget, horizon, strategy=strategy)
    original = engine.play_round
    round_, account = audited(s)
    engine.play_round = round_
    try:
        while s.day < horizon:
            s.step(data.draw(orders_of(s.day, s.modelled)) if data is not None else None)
            check_day(s, account())
    finally:
        engine.play_round = original
    check_end(s, account())
    world.validate()
    return s


@given(configurations(), st.data(), st.sampled_from([0.0, 10.0, 500.0, 1e6]))
@settings(max_examples=60)
def test_impressions_quotas_and_money_are_conserved(values: dict[str, Any], data: Any, budget: float) -> None:
    play(values, data, budget)


@pytest.mark.slow
@given(configurations(), st.data(), st.sampled_from([0.0, 10.0, 500.0, 1e6]))
@settings(max_examples=600)
def test_they_are_conserved_in_many_more_configurations(values: dict[str, Any], data: Any, budget: float) -> None:
    play(values, data, budget, horizon=5)


@given(configurations(), st.sampled_from(sorted(strategy_types())), st.sampled_from([1.0, 300.0, 20_000.0]))
@settings(max_examples=25)
def test_no_registered_strategy_breaks_them(values: dict[str, Any], name: str, budget: float) -> None:
    play(values, None, budget, strategy_types()[name](), horizon=4)

"""Timings, selectors on the graph, levers of portfolios, and the strategies that pull them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from influence_sim.engine.morning import observe_market
from influence_sim.strategies import (
    SELECTORS,
    TIMINGS,
    Ambassador,
    BrandView,
    CompetitorCopy,
    Gifting,
    Macro,
    MicroPortfolio,
    Mixed,
    NanoSeeding,
    Network,
    PaidImpressions,
    PaidInFeed,
    SponsoredPost,
    Truth,
    check_strategy,
    synthetic_view,
)
from influence_sim.strategies.pricing import cost_of, lots
from influence_sim.strategies.timing import adverts, spread
from small_worlds import market_of, simulation


def _view(**changes: Any) -> BrandView:
    return dataclasses.replace(synthetic_view(refuse_every=0), **changes)


def posts_of(strategy: Any, view: BrandView) -> list[SponsoredPost]:
    return [order for order in strategy.plan(view) if isinstance(order, SponsoredPost)]


# ---------------------------------------------------------------------- timing


@pytest.mark.parametrize("name", sorted(TIMINGS))
@pytest.mark.parametrize("cls", [MicroPortfolio, Macro, Mixed, Ambassador, PaidInFeed])
def test_battery_with_every_timing(cls: Any, name: str) -> None:
    check_strategy(cls, timing=name)


@pytest.mark.parametrize("name", sorted(TIMINGS))
@pytest.mark.parametrize(("start", "horizon"), [(0, 1), (2, 3), (2, 30), (5, 100)])
def test_a_schedule_lies_within_the_campaign(name: str, start: int, horizon: int) -> None:
    schedule = TIMINGS[name](start, horizon)
    assert schedule.days == sorted(set(schedule.days))
    assert set(schedule.launches) <= set(schedule.days) <= set(range(start, horizon))
    assert schedule.launches


def test_flights_fly_a_quarter_of_the_days_with_silence_between() -> None:
    days = TIMINGS["flights"](0, 60).days
    assert days == [*range(5), *range(20, 25), *range(40, 45)]
    assert len(TIMINGS["flights"](0, 60, duty=0.5).days) == 30
    assert TIMINGS["flights"](0, 60, flights=1).days == list(range(15))


def test_timing_moves_the_days_of_posts_and_ads() -> None:
    view = _view(money_left=2000.0, horizon=62)
    days = {name: sorted(x.day for x in posts_of(MicroPortfolio(timing=name, selector="fit"), view)) for name in TIMINGS}
    assert set(days["flights"]) <= set(TIMINGS["flights"](2, 62).days)
    assert len(set(days["burst"])) < len(set(days["always_on"]))
    ads = PaidInFeed(timing="flights").plan(view)
    assert [(x.day, x.days) for x in ads if isinstance(x, PaidImpressions)] == [(2, 5), (22, 5), (42, 5)]
    assert sum(x.spend for x in ads if isinstance(x, PaidImpressions)) == pytest.approx(2000)
    assert PaidInFeed(timing="always_on").plan(view) == [PaidImpressions(2000.0, 2, 60)]


def test_any_number_of_launches_is_spread() -> None:
    assert sorted(spread(list(range(30)))) == list(range(30))
    for number in (2, 3, 5, 10):
        chosen = sorted(spread(list(range(30)))[:number])
        assert max(np.diff([*chosen, chosen[0] + 30])) <= 2.7 * 30 / number
    assert adverts(10.0, [3]) == [PaidImpressions(10.0, 3, 1)]


def test_options_are_checked_where_they_are_written() -> None:
    assert MicroPortfolio(selector="celf", selector_options={"probability": 0.1}).selector_options == {"probability": 0.1}
    for wrong in (
        {"selector_options": {"probability": 0.1}}, {"selector": "celf", "selector_options": {"chance": 1}}, {"timing": "sometimes"},
        {"timing": "flights", "timing_options": {"dutty": 0.5}}, {"pay": "gift", "usage_rights": True}, {"brief": 2},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            MicroPortfolio(**wrong)
    with pytest.raises(ValidationError, match="takes flights, duty; got dutty"):
        PaidInFeed(timing="flights", timing_options={"dutty": 0.5})


# ------------------------------------------------------------------- selectors


def exact_spread(network: Network, seeds: list[int], probability: float, worlds: int, rng: np.random.Generator) -> float:
    """Simulate independent cascades forwards from creators."""
    people, total = len(network.creator), 0
    edges = [(int(v), u) for u in range(people) for v in network.followed[network.start[u] : network.start[u + 1]]]
    for _ in range(worlds):
        live = [edge for edge in edges if rng.random() < probability]
        reached = {int(np.flatnonzero(network.creator == c)[0]) for c in seeds}
        front = set(reached)
        while front:
            front = {u for v, u in live if v in front} - reached
            reached |= front
        total += len(reached)
    return total / worlds


def test_celf_orders_creators_by_simulated_spread() -> None:
    rng = np.random.default_rng(1)
    people, creators, probability = 40, 5, 0.25
    chance = np.where(np.arange(people) < creators, 0.06 * (1 + np.arange(people)), 0.03)
    follows = [np.flatnonzero((rng.random(people) < chance) & (np.arange(people) != u)) for u in range(people)]
    person = np.arange(people)
    network = Network(np.cumsum([0, *map(len, follows)]), np.concatenate(follows), np.where(person < creators, person, -1))
    dice = lambda a, b, c: np.random.default_rng(7).random(len(a))  # noqa: E731
    same = {"fee": np.ones(creators), "deal_cost": np.zeros(creators)}
    view = _view(network=lambda: network, dice=dice, **same)
    order = SELECTORS["celf"](view, np.ones(creators, bool), probability=probability, samples=20_000).tolist()
    alone = [exact_spread(network, [c], probability, 1000, rng) for c in range(creators)]
    assert order[0] == int(np.argmax(alone))
    pairs = {c: exact_spread(network, [order[0], c], probability, 1000, rng) for c in range(creators) if c != order[0]}
    assert pairs[order[1]] > max(pairs.values()) - 0.3
    assert SELECTORS["celf"](view, np.ones(creators, bool), probability=0.0).shape == (creators,)


def test_celf_is_keyed_and_counts_overlap_once() -> None:
    view = observe_market(simulation(market_of({"creators.fit_required": 0})))
    mask = np.isfinite(view.fee)
    first, again = (SELECTORS["celf"](view, mask).tolist() for _ in range(2))
    assert first == again
    assert sorted(first) == np.flatnonzero(mask).tolist()


def test_the_network_of_a_simulation_is_its_follows() -> None:
    sim = simulation(market_of())
    network, follows = observe_market(sim).network(), sim.world.follows
    assert np.array_equal(network.start, follows.start)
    assert np.array_equal(network.followed, follows.target)
    assert np.array_equal(network.creator, sim.people.creator)


def test_the_truth_is_for_those_who_say_so() -> None:
    market = market_of({"creators.fit_required": 0})
    plain, bound = (simulation(market, strategy=MicroPortfolio(selector=name, followers_min=0)) for name in ("fit", "oracle"))
    with pytest.raises(PermissionError, match="reads_truth"):
        observe_market(plain).truth()
    truth = observe_market(bound).truth()
    assert isinstance(truth, Truth)
    assert truth.quality == pytest.approx(bound.creators.ability[:-1] + bound.creators.form[:-1])
    bound.run()
    assert bound.ledger.booked
    view = _view(truth=lambda: Truth(np.zeros(20), np.zeros(20), np.zeros(20), np.arange(20) / 20), fee=np.ones(20),
                 deal_cost=np.zeros(20), followers=np.ones(20))  # fmt: skip
    assert SELECTORS["oracle"](view, np.ones(20, bool)).tolist() == list(range(19, -1, -1))


# ------------------------------------------------------------------ strategies


def test_levers_reach_every_order() -> None:
    levers = {"disclosure": "none", "brief": 0.7, "exclusive_days": 12, "usage_rights": True, "pay": "commission"}
    orders = posts_of(MicroPortfolio(creators=3, **levers), _view(money_left=900.0))
    assert orders
    assert all(getattr(order, name) == value for order in orders for name, value in levers.items())
    assert {order.creator % 2 for order in orders} == {0}, "only those who take a commission"


def test_ambassadors_get_packages_and_are_bound() -> None:
    view = _view(money_left=1e4, horizon=60)
    orders = posts_of(Ambassador(creators=2), view)
    assert all(order.exclusive_days == 90 for order in orders)
    assert max(len(lot) for lot in lots(orders, 6)) >= 6
    free = view.terms._replace(ambassador_discount=0.0)
    assert cost_of(orders, view) < cost_of(orders, dataclasses.replace(view, terms=free))


def test_gifts_go_to_the_band_until_the_money_is_gone() -> None:
    view = _view(money_left=400.0)
    for strategy, low, high in ((Gifting(), 1000, 1e5), (NanoSeeding(), 0, 1000)):
        orders = posts_of(strategy, view)
        assert orders
        assert {order.pay for order in orders} == {"gift"}
        assert all(low <= view.followers[order.creator] < high for order in orders)
        assert 400 - cost_of(orders, view) < 50 + view.search_cost.max()


def test_competitor_copy_hires_whom_rivals_hired() -> None:
    view = _view(day=7, rivals=np.where(np.arange(20) == 11, 3, np.where(np.arange(20) == 10, 1, 0)), money_left=5000.0)
    orders = posts_of(CompetitorCopy(), view)
    assert orders[0].creator == 11
    assert {order.creator for order in orders} == {10, 11}
    assert CompetitorCopy().plan(dataclasses.replace(view, rivals=np.zeros(20, int))) == []


def test_rivals_of_a_running_market_can_be_copied() -> None:
    values = {"rivals.count": 2, "rivals.spend": 500, "creators.fit_required": 0, "creators.loyalty": 0, "creators.reluctance": 0}
    sim = simulation(market_of(values), horizon=9, budget=500.0, strategy=CompetitorCopy())
    sim.run()
    theirs = {order.creator for campaign in sim.campaigns[1:] for order in campaign.ledger.booked if order.day < 7}
    assert theirs
    assert {order.creator for order in sim.ledger.booked} <= theirs
    assert sim.ledger.booked

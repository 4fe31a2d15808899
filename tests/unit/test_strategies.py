"""Strategies: the public battery for every registered one, and what each promises."""

from __future__ import annotations

import csv
import dataclasses
import gzip
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from influence_sim.strategies import (
    SELECTORS,
    Audience,
    BrandView,
    Macro,
    Mega,
    MicroPortfolio,
    Mixed,
    NoCampaign,
    Order,
    PaidImpressions,
    PaidInFeed,
    SponsoredPost,
    Strategy,
    build_strategy,
    check_strategy,
    selector,
    strategy_types,
    synthetic_view,
)
from influence_sim.strategies.battery import cost_of
from influence_sim.strategies.portfolio import posting_days
from influence_sim.strategies.selectors import lazy_greedy

BUILT_IN = (
    "always_on", "ambassador", "competitor_copy", "gifting", "macro", "mega", "micro_portfolio", "mixed", "nano_seeding", "none",
    "paid_infeed",
)  # fmt: skip
AUDIENCES = Path(__file__).parents[3] / "shared" / "data" / "graph_twitter_audience_sets" / "follows.csv.gz"


@pytest.mark.parametrize("name", BUILT_IN)
def test_battery(name: str) -> None:
    check_strategy(strategy_types()[name])
    assert ">>>" in (strategy_types()[name].__doc__ or "")


@pytest.mark.parametrize("chooser", sorted(SELECTORS))
@pytest.mark.parametrize("cls", [MicroPortfolio, Macro, Mixed])
def test_battery_with_every_selector(cls: type[Strategy], chooser: str) -> None:
    check_strategy(cls, selector=chooser, posts=3)


def _view(**changes: Any) -> BrandView:
    return dataclasses.replace(synthetic_view(refuse_every=0), **changes)


def _posts(orders: list[Order]) -> list[SponsoredPost]:
    assert all(isinstance(order, SponsoredPost) for order in orders)
    return [order for order in orders if isinstance(order, SponsoredPost)]


def test_band_is_half_open_and_a_refusal_is_respected() -> None:
    followers, fee = np.array([999.0, 1000.0, 99_999.0, 100_000.0]), np.array([1.0, 1.0, np.nan, 1.0])
    view = _view(followers=followers, fee=fee, fit=np.zeros(4), uniform=np.zeros(4))
    assert {order.creator for order in _posts(MicroPortfolio().plan(view))} == {1}
    assert {order.creator for order in _posts(Macro().plan(view))} == {3}
    assert {order.creator for order in _posts(Macro(followers_min=1000).plan(view))} == {1, 3}


def test_money_left_cannot_buy_anything() -> None:
    for money in (100.0, 300.0, 1000.0, 3333.0, 20_000.0):
        view = _view(money_left=money, horizon=200, terms=synthetic_view().terms._replace(ambassador_discount=0.0))
        orders = _posts(MicroPortfolio(posts=2).plan(view))
        left = money - cost_of(list(orders), view)
        assert left >= 0
        hired = {order.creator for order in orders}
        inside = np.flatnonzero((view.followers >= 1000) & (view.followers < 100_000))
        cheapest = min(view.fee[row] + (0 if row in hired else view.deal_cost[row]) for row in inside)
        assert left < cheapest


def test_as_many_as_affordable_when_the_budget_is_short_and_posts_come_after_creators() -> None:
    flat = {"followers": np.full(5, 5000.0), "fee": np.full(5, 35.0), "fit": np.arange(5.0), "uniform": np.zeros(5)}
    flat["search_cost"] = np.zeros(5)
    assert [order.creator for order in _posts(MicroPortfolio(creators=4, selector="fit").plan(_view(money_left=230.0, **flat)))] == [4, 3]
    more = _posts(MicroPortfolio(creators=2, selector="fit").plan(_view(money_left=580.0, **flat)))
    assert [(order.creator, order.day) for order in more] == [(4, 2), (3, 2), (2, 2), (1, 2), (0, 2), (4, 5), (3, 5)]


def test_one_sponsored_post_a_day_and_creator_bounds_a_huge_budget() -> None:
    view = _view(money_left=1e9, horizon=6)
    orders = _posts(Macro().plan(view))
    assert len(set(orders)) == len(orders) == 4 * len({order.creator for order in orders})
    assert posting_days(5, 6, 3) == [5]


def test_selectors_break_ties_by_row_and_random_follows_the_dice() -> None:
    view = _view(fit=np.zeros(20))
    mask = np.ones(20, bool)
    assert SELECTORS["fit"](view, mask).tolist() == list(range(20))
    assert SELECTORS["followers"](view, mask).tolist() == list(range(19, -1, -1))
    assert sorted(SELECTORS["random"](view, mask)) == list(range(20))
    assert SELECTORS["random"](view, mask)[0] == int(np.argmax(view.uniform))


def test_a_selector_is_one_function() -> None:
    @selector
    def cheap(view: BrandView, mask: Any) -> Any:
        rows = np.flatnonzero(mask)
        return rows[np.argsort(view.fee[rows], kind="stable")]

    try:
        orders = _posts(MicroPortfolio(selector="cheap").plan(_view(money_left=100.0)))
        assert {order.creator for order in orders} == {int(np.flatnonzero(_view().followers >= 1000)[0])}
    finally:
        del SELECTORS["cheap"]
    with pytest.raises(ValidationError, match="followers"):
        MicroPortfolio(selector="cheap")


def test_paid_infeed_spends_everything_within_the_horizon() -> None:
    assert PaidInFeed(days=100).plan(_view(day=2, horizon=10, money_left=123.0)) == [PaidImpressions(123.0, 2, 8)]
    assert PaidInFeed(start=30).plan(_view(day=9, horizon=10, money_left=5.0)) == [PaidImpressions(5.0, 9, 1)]
    assert PaidInFeed().plan(_view(day=3)) == []


def test_engagement_selectors_put_the_unknown_last() -> None:
    view = _view(engagement_per_view=np.array([0.1, np.nan, 0.3, 0.2]), fit=np.array([1.0, 1.0, 0.1, 0.9]))
    mask = np.array([True, True, True, True])
    assert SELECTORS["engagement"](view, mask).tolist() == [2, 3, 0, 1]
    assert SELECTORS["fit_engagement"](view, mask).tolist() == [3, 0, 2, 1]


def audience_of(lists: list[Any]) -> Audience:
    """Return follower lists from one array of people per creator."""
    return Audience(np.cumsum([0, *map(len, lists)]), np.concatenate([np.empty(0, np.int64), *lists]).astype(np.int64))


def plain_greedy(lists: list[Any], cost: Any, mask: Any) -> list[int]:
    """Count every creator again at every step, as the definition says."""
    reached: set[int] = set()
    left, order = np.flatnonzero(mask).tolist(), []
    while left:
        best = max(left, key=lambda row: (len(set(lists[row]) - reached) / cost[row], -row))
        reached |= set(lists[best])
        left.remove(best)
        order.append(best)
    return order


@pytest.mark.parametrize("seed", range(20))
def test_lazy_greedy_is_greedy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people, creators = 60, 25
    lists = [np.flatnonzero(rng.random(people) < rng.choice([0.0, 0.05, 0.3])) for _ in range(creators)]
    cost = rng.choice([1.0, 2.0, 3.5], creators)  # few prices make many ties
    mask = rng.random(creators) < 0.8
    assert lazy_greedy(audience_of(lists), cost, mask).tolist() == plain_greedy(lists, cost, mask)


def test_greedy_reach_prefers_new_people_per_usd_and_puts_refusals_last() -> None:
    lists = [np.arange(10), np.arange(9), np.arange(20, 25), np.arange(30, 50)]
    fee = np.array([10.0, 5.0, 5.0, np.nan])
    view = _view(fee=fee, deal_cost=0.0, audience=lambda: audience_of(lists))
    # 9 for 5 USD before 10 for 10 USD, of whom only one is new then.
    assert SELECTORS["greedy_reach"](view, np.ones(4, bool)).tolist() == [1, 2, 0, 3]


def test_nobody_reads_follower_lists_unasked() -> None:
    def refuse() -> Audience:
        raise RuntimeError("read")

    for name, cls in strategy_types().items():
        if name in BUILT_IN:
            cls().plan(_view(audience=refuse))
    with pytest.raises(RuntimeError, match="read"):
        MicroPortfolio(selector="greedy_reach").plan(_view(audience=refuse))


@pytest.mark.skipif(not AUDIENCES.exists(), reason="the follower sets of real accounts are not here")
def test_deduplicated_reach_of_real_accounts() -> None:
    with gzip.open(AUDIENCES, "rt") as stream:
        edges = np.array(list(csv.reader(stream))[1:], dtype=np.int64)
    lists = [np.unique(edges[edges[:, 0] == account, 1]) for account in np.unique(edges[:, 0])]
    # As published: 100 accounts, 100,600 follows, 28,459 different followers.
    assert (len(lists), sum(map(len, lists)), len(np.unique(edges[:, 1]))) == (100, 100_600, 28_459)
    order = lazy_greedy(audience_of(lists), np.ones(100), np.ones(100, bool)).tolist()
    assert order == plain_greedy(lists, np.ones(100), np.ones(100, bool))

    def reach(rows: list[int]) -> int:
        return len(np.unique(np.concatenate([lists[row] for row in rows])))

    by_size = sorted(range(100), key=lambda row: -len(lists[row]))
    assert reach(order) == 28_459
    # Audiences overlap: ten accounts chosen by size reach fewer people than ten chosen by what they add.
    assert reach(by_size[:10]) < sum(len(lists[row]) for row in by_size[:10])
    assert reach(order[:10]) > reach(by_size[:10])


def test_follower_lists_of_a_simulation_are_its_follows() -> None:
    from influence_sim.engine.morning import observe_market
    from small_worlds import market_of, simulation

    sim = simulation(market_of())
    view = observe_market(sim)
    start, person = view.audience()
    assert (np.diff(start) * sim.world.people_per_agent == view.followers).all()
    follows = sim.world.follows
    follower = np.repeat(np.arange(sim.world.size), np.diff(follows.start))
    for creator in range(sim.modelled):
        mine = np.sort(follower[follows.target == sim.creators.person[creator]])
        assert person[start[creator] : start[creator + 1]].tolist() == mine.tolist()


def test_mega_hires_the_largest_affordable_creator_of_its_band() -> None:
    view = _view(followers=np.array([5e5, 1e6, 3e6, 9e6]), fee=np.array([1.0, 10.0, 20.0, 1e6]), fit=np.ones(4), uniform=np.zeros(4))
    view = dataclasses.replace(view, search_cost=np.zeros(4))
    orders = _posts(Mega().plan(dataclasses.replace(view, money_left=90.0)))
    assert [order.creator for order in orders] == [2]


def test_mixed_splits_the_budget_and_no_part_spends_another_parts_money() -> None:
    view = _view(money_left=10_000.0)
    orders = Mixed(celebrity_followers_min=100_000).plan(view)
    ads = [order for order in orders if isinstance(order, PaidImpressions)]
    posts = [order for order in orders if isinstance(order, SponsoredPost)]
    assert [ad.spend for ad in ads] == [pytest.approx(3_000)]
    small = [order for order in posts if view.followers[order.creator] < 100_000]
    large = [order for order in posts if view.followers[order.creator] >= 100_000]
    assert small
    assert large
    assert 3_500 < cost_of(list(small), view) <= 4_700
    assert 1_000 < cost_of(list(large), view) <= 2_300
    # Nobody is a celebrity: that share stays unspent, nothing else moves.
    rest = Mixed(celebrity_followers_min=1e9).plan(view)
    assert rest == [*small, *ads]
    assert Mixed(micro_share=0.6, celebrity_share=0.4, celebrity_followers_min=1e9).plan(_view(money_left=50.0)) == []


def test_shares_and_bands_of_mixed_must_fit_together() -> None:
    with pytest.raises(ValidationError, match="more than 1"):
        Mixed(micro_share=0.8)
    with pytest.raises(ValidationError, match="nobody is in both"):
        Mixed(followers_max=2_000_000)


def test_nobody_affordable_is_an_empty_plan_and_none_does_nothing() -> None:
    assert Macro().plan(_view(money_left=10.0)) == []
    assert NoCampaign().plan(_view()) == []


def test_build_by_name() -> None:
    assert build_strategy("macro", {"creators": 3}) == Macro(creators=3)
    with pytest.raises(KeyError, match="micro_portfolio"):
        build_strategy("mikro")
    with pytest.raises(ValidationError, match="followers_max"):
        MicroPortfolio(followers_min=5, followers_max=5)
    with pytest.raises(ValidationError):
        build_strategy("macro", {"creatrs": 3})


class _Base(Strategy):
    """A broken strategy."""

    claim = "c"
    source = "s"
    calls: ClassVar[list[int]] = []


def _broken(kind: str) -> type[Strategy]:
    def overspend(self: Strategy, view: BrandView) -> list[Order]:
        return [PaidImpressions(view.money_left + 1, view.day)] if view.day == 0 else []

    def dice(self: Strategy, view: BrandView) -> list[Order]:
        _Base.calls.append(1)
        return [PaidImpressions(min(view.money_left, 1e-3 * len(_Base.calls)), view.day)] if view.day == 0 and view.money_left else []

    def peek(self: Strategy, view: BrandView) -> list[Order]:
        return [PaidImpressions(view.trust, 0)]  # type: ignore[attr-defined]

    def scribble(self: Strategy, view: BrandView) -> list[Order]:
        view.fee[:] = 0
        return []

    def yesterday(self: Strategy, view: BrandView) -> list[Order]:
        return [PaidImpressions(0.5, view.day - 1)]

    def free(self: Strategy, view: BrandView) -> list[Order]:
        return [PaidImpressions(1.0, view.day)] if view.money_left == 0 else []

    def refused(self: Strategy, view: BrandView) -> list[Order]:
        return [SponsoredPost(6, view.day)] if view.day == 0 and view.money_left > 1e4 else []

    space = {"__doc__": "A broken strategy.", "__module__": __name__, "name": f"broken_{kind}", "plan": locals()[kind]}
    return type(f"Broken{kind}", (_Base,), space)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("overspend", "more than the budget"),
        ("dice", "not deterministic"),
        ("peek", "not something a brand can observe"),
        ("scribble", "read-only"),
        ("yesterday", "placed on day"),
        ("free", "more than the budget|budget of zero"),
        ("refused", "refuses"),
    ],
)
def test_the_battery_finds(kind: str, message: str) -> None:
    cls = _broken(kind)
    try:
        with pytest.raises((AssertionError, AttributeError, ValueError), match=message):
            check_strategy(cls)
    finally:
        Strategy.registry.pop(cls.name, None)


def test_the_battery_wants_words() -> None:
    class Silent(Strategy):
        name = "silent_test"
        claim = "c"
        source = "s"
        level: int = 1

        def plan(self, view: BrandView) -> list[Order]:
            return []

    try:
        with pytest.raises(AssertionError, match="docstring"):
            check_strategy(Silent)
        Silent.__doc__ = "Words."
        with pytest.raises(AssertionError, match="description: level"):
            check_strategy(Silent)
    finally:
        Strategy.registry.pop("silent_test", None)

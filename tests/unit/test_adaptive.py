"""Strategies of large formats, and the one that learns: what it sees, and where its money goes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from influence_sim.engine.morning import observe_market
from influence_sim.engine.simulation import Simulation
from influence_sim.record import result_of
from influence_sim.strategies import (
    Adaptive,
    BrandView,
    HoldOuts,
    NoCampaign,
    PaidImpressions,
    Results,
    SponsoredPost,
    build_strategy,
    check_strategy,
    strategy_types,
    synthetic_view,
)
from influence_sim.world.build import build_world
from small_worlds import differing, market_of, outputs, run

LIVELY = {
    "feed.stages": 0, "creators.fit_required": 0.0, "funnel.click_influencer": 0.3, "funnel.click_ad": 0.3, "funnel.buy_rate": 0.3,
    "funnel.initial_awareness": 0.2,
}  # fmt: skip
MARKET = market_of(LIVELY)
DELAY = MARKET.attribution.delay
WORLD = build_world(MARKET, 1)
FORMATS = {"takeover": "takeover", "hashtag_challenge": "challenge", "branded_effect": "effect"}


@pytest.mark.parametrize("name", [*FORMATS, "adaptive"])
def test_battery(name: str) -> None:
    check_strategy(strategy_types()[name])


def test_battery_of_adaptive_with_other_channels() -> None:
    check_strategy(Adaptive, edges=(), exploration=0.0)
    check_strategy(Adaptive, signal="lift")
    check_strategy(Adaptive, edges=(500.0, 5000.0, 50_000.0), exploration=1.0)


@pytest.mark.parametrize("name", FORMATS)
def test_large_formats_are_bought_where_affordable_and_refused_with_a_reason_where_not(name: str) -> None:
    for scaled in (True, False):
        market = market_of({**LIVELY, "prices.scaled": scaled, "formats.join": 0.1})
        sim = Simulation(WORLD, market, build_strategy(name), 300.0, 8).run()
        assert bool(sim.ledger.refused) == (not scaled)
        assert bool(sim.daily["impressions"] and sum(sim.daily["impressions"])) == scaled
        assert {order.format for order in (*sim.ledger.ads, *sim.ledger.refused)} == {FORMATS[name]}  # type: ignore[union-attr]
        assert sim.ledger.paid <= 300.0


# -------------------------------------------------------------------- results


def seen(day: int, *orders: Any, market: Any = MARKET) -> tuple[Simulation, Results]:
    sim = Simulation(WORLD, market, NoCampaign(), 1e6, 40)
    while sim.day < day:
        sim.step(list(orders) if sim.day == 0 else [])
    return sim, observe_market(sim).results


def test_results_tell_what_each_order_brought_and_sales_come_late() -> None:
    orders = SponsoredPost(2, 0), SponsoredPost(5, 1), PaidImpressions(30.0, 0, 3)
    sim, told = seen(DELAY, *orders)
    assert told.creator.tolist() == [2, -1, 5]
    assert told.day.tolist() == [0, 0, 1]
    hired = [sum(bill.values()) for bill in sim.ledger.bills]
    assert told.spend.tolist() == pytest.approx([hired[0], sim.ledger.items["ads"], hired[1]])
    rows = np.flatnonzero(sim.posts.sponsored[: sim.post_count])
    assert told.impressions.tolist() == (sim.posts.impressions[rows] * 10.0).tolist()
    assert told.clicks.sum() > 0
    assert np.isnan(told.sales).tolist() == [False, False, True], "the post of day 1 is reported tomorrow"
    truth = sim.posts.sales[rows] * 10.0
    assert truth.sum() > 0
    reported = told.sales[:2]
    assert ((reported == 0) == (truth[:2] == 0)).all()
    assert not np.array_equal(reported[truth[:2] > 0], truth[:2][truth[:2] > 0]), "tracking has an error"
    again = seen(DELAY, *orders)[1]
    assert np.array_equal(told.sales, again.sales, equal_nan=True)


def test_the_posts_table_tells_what_each_post_cost() -> None:
    sim, told = seen(DELAY, SponsoredPost(2, 0), SponsoredPost(5, 1), PaidImpressions(30.0, 0, 3))
    table = result_of(sim, "campaign").posts
    paid = table["spend"] > 0
    assert table["spend"][paid].tolist() == told.spend.tolist()
    assert table["spend"].sum() == pytest.approx(sim.ledger.paid)
    assert (table["brand"][paid] == 0).all()


def test_the_dice_of_a_day_are_keyed() -> None:
    key = np.arange(5)
    a, b, later = (observe_market(seen(day)[0]).dice(key, key, key) for day in (2, 2, 3))
    assert a.tolist() == b.tolist() != later.tolist()


# ------------------------------------------------------------------- adaptive


def view(sales: list[float], day: int = 21, spend: float = 500.0, **more: Any) -> BrandView:
    """Return a view in which each channel (three of creators, ads) sold so much on equal money."""
    made = synthetic_view(day=day, refuse_every=0)
    creators = [int(np.flatnonzero(Adaptive().channels(made) == k)[0]) for k in range(3)]
    n = len(sales)
    told = Results(
        np.array([*creators, -1])[:n], np.zeros(n, int), np.full(n, spend), np.ones(n), np.ones(n), np.ones(n), np.array(sales, float)
    )
    return dataclasses.replace(made, results=told, **more)


def test_money_goes_where_sales_were_reported() -> None:
    for winner in range(4):
        sales = [1.0] * 4
        sales[winner] = 60.0
        shares = Adaptive().shares(view(sales))
        assert shares.sum() == pytest.approx(1.0)
        assert shares.argmax() == winner
        assert shares[winner] > 0.9
        assert shares.min() >= 0.05 / 4 - 1e-12, "every channel keeps its floor"
    assert Adaptive(exploration=0.0).shares(view([1, 60, 1, 1])).min() == 0.0


def test_money_can_follow_engagements_which_count_after_a_week() -> None:
    follows = Adaptive(signal="engagements", prior_spend=1.0)
    for winner in range(4):
        engaged = np.full(4, 100.0)
        engaged[winner] = 900.0
        told = view([np.nan] * 4, day=7)
        told = dataclasses.replace(told, results=told.results._replace(engagements=engaged))
        assert follows.shares(told).argmax() == winner
        assert follows.shares(told)[winner] > 0.9
        early = follows.shares(dataclasses.replace(told, day=6))
        assert np.array_equal(early, follows.shares(dataclasses.replace(view([], day=7), day=6))), "posts younger than a week do not count"


def lift_view(sales: list[float], error: float = 3.0, spend: float = 500.0) -> BrandView:
    """Return a view with money on every channel, 4,000 people in no cell and 1,000 in each of four, who bought so much."""
    made = view([np.nan] * 4, spend=spend)
    people, errors = np.array([4000.0, *[1000.0] * 4]), np.array([2 * error, *[error] * 4])
    return dataclasses.replace(made, hold_outs=HoldOuts(people, np.array(sales), errors, 7))


def test_money_goes_to_the_channel_whose_hold_out_buys_less() -> None:
    follows = Adaptive(signal="lift")
    for winner in range(4):
        sales = [800.0, *[200.0] * 4]
        sales[1 + winner] = 20.0
        shares = follows.shares(lift_view(sales))
        assert shares.argmax() == winner
        assert shares[winner] > 0.9
        vague = follows.shares(lift_view(sales, error=500.0))
        assert vague.max() < 0.7, "a lift that may be chance moves little"
    nothing = follows.shares(lift_view([0.0] * 5, error=0.0))
    assert np.array_equal(nothing, follows.shares(view([np.nan] * 4, spend=0.0))), "without sales nothing is known"


class Shown:
    """Counts who was shown the brand's posts: (creators' or own, person)."""

    def __init__(self) -> None:
        self.by_channel = np.zeros((2, WORLD.size), int)

    def round(self, s: Simulation, r: int, new_posts: Any) -> None:
        assert s.slots is not None
        person = np.repeat(np.arange(WORLD.size), np.diff(s.slots.start))
        shown = s.slots.post >= 0
        post = s.posts[s.slots.post[shown]]
        for channel, mine in enumerate((post.creator < s.modelled, post.creator >= s.modelled)):
            np.add.at(self.by_channel[channel], person[shown][mine & (post.brand == 0)], 1)

    def evening(self, s: Simulation) -> None:
        pass


def test_people_of_a_test_cell_are_never_shown_what_is_held_from_them() -> None:
    """Same dice with and without hold-outs; only the held-out see less, and the brand learns sales by cell, late."""

    class Held(NoCampaign):
        name = ""

        @property
        def held_out(self) -> tuple[float, ...]:
            return 0.3, 0.2

    orders = [SponsoredPost(2, 0, cell=1), SponsoredPost(5, 1, cell=1), PaidImpressions(300.0, 0, 6, cell=2)]
    sims = []
    for strategy in (Held(), NoCampaign()):
        sim = Simulation(WORLD, MARKET, strategy, 1e6, 40)
        shown = Shown()
        sim.log = shown
        while sim.day < 10:
            sim.step(orders if sim.day == 0 else [])
        sims.append((sim, shown.by_channel))
    (held, seen_held), (free, seen_free) = sims
    cell = held.leads.cell[:, 0]
    assert [round(float((cell == k).mean()), 1) for k in range(3)] == [0.5, 0.3, 0.2]
    assert not free.leads.cell.any()
    for k in (1, 2):
        assert seen_held[k - 1, cell == k].sum() == 0
        assert seen_free[k - 1, cell == k].sum() > 0
        assert seen_held[2 - k, cell == k].sum() > 0, "the other channel reaches them"
    while held.day < DELAY + 10:
        held.step([])
    told = observe_market(held).hold_outs
    assert told.days == 10
    assert told.people.tolist() == (np.bincount(cell) * WORLD.people_per_agent).tolist()
    early = sum(float(table["purchases"][(table["brand"] == 0)].sum()) for table in held.sales[:10]) * WORLD.people_per_agent
    assert told.sales.sum() == pytest.approx(early) != 0
    assert (told.error > 0).all()
    assert len(observe_market(free).hold_outs.people) == 1


def test_hold_outs_beyond_everybody_are_refused() -> None:
    class Greedy(NoCampaign):
        name = ""

        @property
        def held_out(self) -> tuple[float, ...]:
            return 0.7, 0.7

    with pytest.raises(ValueError, match="at most 1"):
        Simulation(WORLD, MARKET, Greedy(), 10.0, 4)


def test_adaptive_on_lift_runs_and_holds_out() -> None:
    follows = Adaptive(edges=(30.0, 60.0), signal="lift", prior_spend=1.0)
    sim = run(Simulation(WORLD, MARKET, follows, 3000.0, 28), None)
    assert len(np.unique(sim.leads.cell[:, 0])) == 5
    assert {order.cell for order in sim.ledger.booked} <= {1, 2, 3}
    assert {order.cell for order in sim.ledger.ads} == {4}
    dead = run(Simulation(WORLD, market_of({**LIVELY, "funnel.buy_rate": 0.0}), follows, 3000.0, 28), None)
    late = [[o for o in s.ledger.booked if o.day >= 21] for s in (sim, dead)]
    assert late[0] != late[1], "sales of the held-out move money"


def test_nothing_reported_is_nothing_learned() -> None:
    unknown = Adaptive().shares(view([np.nan] * 4))
    assert np.array_equal(unknown, Adaptive().shares(view([])))
    assert unknown.max() < 0.7


def test_more_evidence_leaves_less_to_chance() -> None:
    few, many = (Adaptive(exploration=0).shares(view([2 * k, 4 * k, 2 * k, 2 * k], spend=400.0 * k))[1] for k in (1, 30))
    assert few < many


def test_channels_nobody_of_whom_accepts_get_nothing() -> None:
    base = view([60, 1, 1, 1])
    fee = np.where(Adaptive().channels(base) == 0, np.nan, base.fee)
    assert Adaptive().shares(dataclasses.replace(base, fee=fee))[0] == 0


def test_adaptive_orders_weekly_and_spends_its_money() -> None:
    sim = run(Simulation(WORLD, MARKET, Adaptive(edges=(30.0, 60.0)), 3000.0, 28), None)
    days = {day for day, spend in enumerate(sim.daily["spend"]) if spend > 0}
    assert {0, 7, 14, 21} <= days
    assert sim.ledger.hired
    assert sim.ledger.ads
    assert not sim.ledger.refused
    assert sim.ledger.paid <= 3000.0


def test_what_is_reported_moves_the_money() -> None:
    """Without sales the dashboard says nothing, and the run goes on otherwise."""
    lively, dead = (
        run(Simulation(WORLD, market, Adaptive(edges=(30.0, 60.0), prior_spend=50.0), 3000.0, 28), None)
        for market in (MARKET, market_of({**LIVELY, "funnel.buy_rate": 0.0}))
    )
    early = [[o for o in sim.ledger.booked if o.day < 14] for sim in (lively, dead)]
    assert early[0] == early[1]
    assert [o for o in lively.ledger.booked if o.day >= 14] != [o for o in dead.ledger.booked if o.day >= 14]
    assert differing(outputs(lively), outputs(dead))

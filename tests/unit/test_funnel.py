"""From exposure to repeat purchase: each mechanism shows in what a run gives, and is gone at zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from influence_sim.engine.constants import decays
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import FINE, LAST_CLICK, MULTI_TOUCH, NEW, SUMS
from influence_sim.rng import Stream, uniforms
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from small_worlds import campaign, differing, market_of, outputs, people_tables, run, simulation

# People buy without media: the category alone, so that a test of years takes a second.
QUIET: dict[str, Any] = {"people.views_per_day": 0, "creators.count": 0, "graph.follows_per_person": 0, "funnel.baseline_interest": 0}
BUSY: dict[str, Any] = {
    "funnel.buy_rate": 0.3, "funnel.click_influencer": 0.2, "funnel.click_ad": 0.2, "funnel.consideration": 0.3, "wom.mention": 0.5,
    "wom.mention_bad": 0.5, "funnel.repurchase_gap": 5, "rivals.count": 2, "funnel.baseline_rate": 0.01,
}  # fmt: skip


def quiet(days: int, people: int = 400, **values: Any) -> Simulation:
    """Return a run of a market without media; `funnel__x` sets funnel.x."""
    dotted = {name.replace("__", "."): value for name, value in values.items()}
    size = {"people.agents": people, "people.population": people}
    return run(simulation(market_of({**QUIET, **size, **dotted}), horizon=days), None)


def bought(sim: Simulation, brand: int = 0) -> np.ndarray[Any, Any]:
    """Return realised purchases of a brand per day."""
    return np.array([(day["purchases"] * (day["brand"] == brand)).sum() for day in sim.sales])


# ------------------------------------------------------------------------ need


def test_a_purchase_closes_the_need_of_the_category_for_every_brand() -> None:
    """At closed_need 0 and a gap longer than the run, nobody buys twice, whatever the brand."""
    never = {"funnel__baseline_rate": 0.2, "rivals__count": 2, "funnel__repurchase_gap": 1000, "funnel__repurchase_shape": 20}
    closed = quiet(30, **never, funnel__closed_need=0.0)
    assert closed.leads.purchases.sum(axis=1).max() == 1
    assert quiet(30, **never, funnel__closed_need=1.0).leads.purchases.sum(axis=1).max() > 3


def test_closed_need_scales_what_a_person_buys_again() -> None:
    settings = {"funnel__baseline_rate": 0.02, "funnel__repurchase_gap": 1000, "funnel__repurchase_shape": 20}
    again = []
    for closed in (0.2, 0.4):
        sim = quiet(60, people=2000, **settings, funnel__closed_need=closed)
        again.append(sum(int((day["before"] > 0).sum()) for day in sim.sales))
    assert again[1] / again[0] == pytest.approx(2.0, abs=0.35)


def test_the_need_is_due_after_a_gamma_gap() -> None:
    """With a need that only a due day reopens and nobody leaving, gaps between purchases have the law's mean and spread."""
    sim = quiet(400, people=500, funnel__baseline_rate=0.02, funnel__closed_need=0, funnel__repurchase_gap=30, funnel__lapse=0)
    days: dict[int, list[int]] = {}
    for day in sim.sales:
        for person in day["person"].tolist():
            days.setdefault(person, []).append(int(day["day"][0]))
    # Only gaps that begin early: a gap that does not end within the run must not be missed.
    gaps = np.concatenate([np.diff(x)[np.array(x[:-1]) < 150] for x in days.values() if len(x) > 1])
    assert len(gaps) > 1000
    assert gaps.mean() == pytest.approx(30.5, abs=1.5)  # a gap of 29.2 days ends on the evening of day 30
    assert gaps.std() == pytest.approx(30 / np.sqrt(2), abs=1.5)


def test_due_table_is_the_hazard_of_the_gap() -> None:
    due = decays(market_of({"funnel.repurchase_gap": 10, "funnel.repurchase_shape": 1}), 50).due
    assert due[0] == 0.0
    assert np.allclose(due[1:], 1 - np.exp(-0.1))


def test_expected_purchases_count_repeats_and_equal_realised_ones_on_average() -> None:
    sim = quiet(120, people=4000, funnel__baseline_rate=0.01, funnel__repurchase_gap=30, rivals__count=2)
    repeats = sum(int((day["before"] > 0).sum()) for day in sim.sales)
    assert repeats > 0.5 * sim.leads.purchases.sum()
    for b in range(3):
        realised, expected = sim.leads.purchases[:, b].sum(), sim.leads.expected[:, b].sum()
        assert realised == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_brands_compete_for_one_purchase() -> None:
    """Two brands with hazard h each sell 1 - (1 - h)^2 together, half of it each, not h each."""
    h = 0.3
    sim = quiet(1, people=20_000, funnel__baseline_rate=h, funnel__consideration=0, rivals__count=1)
    assert sim.leads.purchases.sum(axis=1).max() == 1
    together = 1 - (1 - h) ** 2
    assert sim.leads.expected.sum() / 20_000 == pytest.approx(together, abs=1e-9)
    assert sim.leads.expected[:, 0].sum() == pytest.approx(sim.leads.expected[:, 1].sum(), rel=1e-9)
    assert sim.leads.purchases[:, 0].mean() == pytest.approx(together / 2, abs=0.015)


def test_leaving_the_category_makes_customers_lapse() -> None:
    settings = {"funnel__baseline_rate": 0.02, "funnel__repurchase_gap": 10, "funnel__closed_need": 0}
    stay, leave = (quiet(80, **settings, funnel__lapse=x) for x in (0.0, 50.0))
    assert sum(stay.daily["lapsed"]) == 0
    assert leave.daily["lapsed"][-1] > leave.daily["loyal"][-1]
    assert stay.daily["loyal"][-1] > 3 * leave.daily["loyal"][-1]


def test_stages_of_customers_add_up() -> None:
    sim = run(simulation(market_of(BUSY), horizon=8), campaign)
    lead = sim.leads[:, 0]
    scale = sim.world.people_per_agent
    total = sum(sim.daily[name][-1] for name in ("trial", "loyal", "lapsed"))
    assert total == (lead.purchases > 0).sum() * scale > 0
    assert min(sum(sim.daily[name]) for name in ("trial", "loyal", "lapsed")) > 0
    assert (sim.leads.customer.sum(axis=1) <= 1).all()


@pytest.mark.slow
def test_double_jeopardy_emerges() -> None:
    """Small brands have fewer buyers, who buy them a little less often (Ehrenberg et al. 2004): slope above 0, far below 1."""
    sim = quiet(
        360, people=6000, funnel__baseline_rate=0.002, rivals__count=6, rivals__awareness=0.9, funnel__initial_awareness=0.9,
        funnel__repurchase_gap=30, rivals__size_ratio=0.7,
    )  # fmt: skip
    year = sim.leads.purchases
    penetration = (year > 0).mean(axis=0)
    frequency = year.sum(axis=0) / (year > 0).sum(axis=0)
    slope = np.polyfit(np.log(penetration), np.log(frequency), 1)[0]
    print(penetration.round(3), frequency.round(2), slope)
    assert np.corrcoef(penetration, frequency)[0, 1] > 0.8
    assert 0.05 < slope < 0.9


# ------------------------------------------------------------------ experience


def test_experience_moves_attitude_and_loyalty() -> None:
    settings = {"funnel__baseline_rate": 0.05, "funnel__repurchase_gap": 1000, "funnel__closed_need": 0, "wom__mention": 0}
    good, bad, none = (
        quiet(10, **settings, funnel__satisfaction=s, funnel__attitude_experience=a, funnel__loyalty_decay=0, wom__mention_bad=0)
        for s, a in ((1.0, 0.2), (0.0, 0.2), (1.0, 0.0))
    )
    buyers = good.leads.purchases[:, 0] == 1
    assert buyers.sum() > 50
    assert np.allclose(good.leads.attitude[buyers, 0], 0.2)
    assert np.allclose(bad.leads.attitude[buyers, 0], -0.2)
    assert np.allclose(none.leads.attitude[buyers, 0], 0.0)
    assert np.allclose(good.leads.loyalty[buyers, 0], 0.15)
    assert np.allclose(bad.leads.loyalty[buyers, 0], 0.0)


@pytest.mark.parametrize(("name", "sign"), [("funnel__satisfaction", 1), ("brand__quality", 1), ("funnel__loyalty_gain", 1)])
def test_what_keeps_customers(name: str, sign: int) -> None:
    settings = {"funnel__baseline_rate": 0.02, "funnel__repurchase_gap": 10, "funnel__closed_need": 0, "funnel__satisfaction_quality": 0.2}
    low, high = (float(quiet(120, **settings, **{name: x}).leads.expected.sum()) for x in (0.0, 1.0))
    assert sign * (high - low) > 0.05 * low


def test_loyalty_fades() -> None:
    settings = {"funnel__baseline_rate": 0.05, "funnel__repurchase_gap": 1000, "funnel__closed_need": 0}
    kept, faded = (quiet(20, **settings, funnel__loyalty_decay=x).leads.loyalty.sum() for x in (0.0, 0.1))
    assert faded < 0.7 * kept


def test_the_credited_creator_answers_for_the_product() -> None:
    """A good purchase adds trust_purchase to what is thought of the creator, a bad one that times negativity against it."""
    values = {**BUSY, "funnel.satisfaction": 0.5}
    on, off = (run(simulation(market_of({**values, "ties.trust_purchase": x}), horizon=2), campaign) for x in (2.0, 0.0))
    assert len(on.acquaintances.creator) == len(off.acquaintances.creator)
    good, bad = on.acquaintances.good - off.acquaintances.good, on.acquaintances.bad - off.acquaintances.bad
    # Who was touched again a day later has forgotten a day's part of it.
    keep = np.array([1.0, 0.5 ** (1.0 / on.market.ties.trust_half_life)])
    assert np.isclose(good[good != 0][:, None], 2.0 * keep, atol=1e-4).any(axis=1).all()
    assert np.isclose(bad[bad != 0][:, None], 2.0 * on.market.ties.negativity * keep, atol=1e-4).any(axis=1).all()
    credited = sum(int((on.leads.credited[day["person"], day["brand"]] > 0).sum()) for day in on.sales)
    assert (good > 0).sum() + (bad > 0).sum() == credited > 0


# ----------------------------------------------------------------- click, shop


def at_once(values: dict[str, Any], orders: Any = campaign) -> float:
    """Return expected purchases at once after a click in one day; a purchase before it changes nothing."""
    often = {"funnel.click_influencer": 0.2, "funnel.click_ad": 0.2, "funnel.closed_need": 1}
    sim = run(simulation(market_of({**often, **values}), horizon=1), orders)
    return float(sim.credit[0, SUMS - 1]) / FINE


def test_the_shop_in_the_app_multiplies_purchases_of_a_click() -> None:
    site = at_once({})
    assert at_once({"funnel.shop": "in_app", "funnel.shop_factor": 1.5}) == pytest.approx(1.5 * site, rel=1e-6)
    assert at_once({"funnel.shop_factor": 1.5}) == site > 0


def test_a_trusted_tester_lowers_the_risk_and_an_ad_has_none() -> None:
    def posts(day: int, creators: int) -> list[Order]:
        return [SponsoredPost(c, day) for c in range(creators)]

    def ads(day: int, creators: int) -> list[Order]:
        return [PaidImpressions(30.0, day)]

    assert at_once({"funnel.tester": 1.0}, posts) > 1.1 * at_once({"funnel.tester": 0.0}, posts) > 0
    assert at_once({"funnel.tester": 1.0}, ads) == at_once({"funnel.tester": 0.0}, ads) > 0


def test_rivals_have_prices_trust_and_size_of_their_own() -> None:
    base = {**BUSY, "rivals.spend": 300.0}
    changes: tuple[dict[str, Any], ...] = ({}, {"rivals.price": 400}, {"rivals.trust": 0.9})
    tables = [run(simulation(market_of({**base, **x}), horizon=4), campaign).leads for x in changes]
    assert tables[1].expected[:, 1:].sum() < 0.99 * tables[0].expected[:, 1:].sum()
    assert tables[2].attitude[:, 1:].sum() > tables[0].attitude[:, 1:].sum()
    sim = simulation(market_of({**base, "rivals.awareness": 0.5, "rivals.size_ratio": 0.2}))
    assert sim.campaigns[2].ledger.budget == pytest.approx(0.2 * sim.campaigns[1].ledger.budget)
    assert sim.leads.aware[:, 2].sum() < 0.5 * sim.leads.aware[:, 1].sum()


# --------------------------------------------------------------- word of mouth

LOUD = {"funnel__baseline_rate": 0.05, "funnel__initial_awareness": 0.0, "wom__mention": 1.0, "wom__mention_bad": 1.0}


def test_word_of_mouth_reaches_those_who_follow_the_buyer_and_nobody_else() -> None:
    off, on = (quiet(1, **{**LOUD, "funnel__satisfaction": 1.0, "wom__awareness": x, "wom__attitude": x}) for x in (0.0, 1.0))
    assert differing(people_tables(off), people_tables(on)) == ["leads.attitude", "leads.aware"]
    buyers = on.leads.purchases[:, 0] > 0
    follower = np.repeat(np.arange(400), np.diff(on.friends.start))
    told = np.zeros(400, bool)
    told[follower[buyers[on.friends.target]]] = True
    changed = on.leads.attitude[:, 0] != off.leads.attitude[:, 0]
    assert (changed == told).all()
    assert told.sum() > 20
    assert on.leads.aware.sum() > off.leads.aware.sum()


def test_praise_lifts_and_complaints_hurt_more() -> None:
    good, bad = (quiet(1, **{**LOUD, "funnel__satisfaction": s}, funnel__attitude_experience=0) for s in (1.0, 0.0))
    once = good.leads.touch[:, 0, 4] > 0
    assert (good.leads.attitude[once, 0] > 0).all()
    assert (bad.leads.attitude[once, 0] < 0).all()
    assert -bad.leads.attitude.sum() > 1.5 * good.leads.attitude.sum()
    assert good.daily["complaints"] == bad.daily["praise"] == [0.0]
    assert good.daily["praise"] == bad.daily["complaints"] == [float(bought(good).sum())]


def test_similar_tastes_weigh_more() -> None:
    plain, close = (quiet(1, **LOUD, funnel__satisfaction=1.0, wom__trust=0.4, wom__homophily=x) for x in (0.0, 1.0))
    heard = (plain.leads.touch[:, 0, 4] == 1) & (plain.leads.purchases[:, 0] == 0)
    assert heard.sum() > 10
    assert np.allclose(plain.leads.attitude[heard, 0], 0.2 * 0.4)
    gain = close.leads.attitude[heard, 0] / (0.2 * 0.4)
    assert ((gain > 1.0) & (gain <= 2.0)).all()
    assert gain.std() > 0.1


def test_mentions_are_as_often_as_said() -> None:
    sim = quiet(5, people=4000, funnel__baseline_rate=0.2, wom__mention=0.3, wom__mention_bad=0.6, funnel__satisfaction=0.5)
    total = float(bought(sim).sum())
    assert sum(sim.daily["praise"]) / total == pytest.approx(0.15, abs=0.02)
    assert sum(sim.daily["complaints"]) / total == pytest.approx(0.30, abs=0.02)


# ------------------------------------------- persuasion knowledge, disclosure


def test_persuasion_knowledge_by_age() -> None:
    sim = simulation(market_of({"people.agents": 2000, "people.minors_share": 0.5, "people.younger_share": 0.4}))
    minors = sim.people.knowledge[sim.people.minor == 1]
    assert set(minors) == {0.2, 0.6}
    assert (minors == 0.2).mean() == pytest.approx(0.4, abs=0.04)
    assert set(sim.people.knowledge[sim.people.minor == 0]) == {0.8}


def test_recognised_disclosure_teaches_and_hidden_ads_do_not() -> None:
    def label(day: int, creators: int) -> list[Order]:
        return [SponsoredPost(c, day, "label") for c in range(creators)]

    def hide(day: int, creators: int) -> list[Order]:
        return [SponsoredPost(c, day, "none") for c in range(creators)]

    plain = {"feed.outside_ad_load": 0.0, "response.persuasion_learning": 0.05}
    labelled, hidden = (run(simulation(market_of(plain), horizon=3), x) for x in (label, hide))
    still = run(simulation(market_of({**plain, "response.persuasion_learning": 0.0}), horizon=3), label)
    gain = labelled.people.knowledge - labelled.world.people.knowledge
    assert (gain >= 0).all()
    assert gain.sum() > 0
    assert (labelled.people.knowledge <= 1).all()
    assert (hidden.people.knowledge == hidden.world.people.knowledge).all()
    assert (still.people.knowledge == still.world.people.knowledge).all()


def posts_with(disclosure: str) -> Any:
    """Return orders of one post of every creator on day 0, disclosed that way."""
    return lambda day, creators: [SponsoredPost(c, day, disclosure) for c in range(creators)] if day == 0 else []  # type: ignore[arg-type]


def test_detected_hidden_ads_hurt_the_brand() -> None:
    caught, free = (
        run(simulation(market_of({"ties.detection": 1.0, "funnel.attitude_detection": x}), horizon=1), posts_with("none"))
        for x in (0.2, 0.0)
    )
    change = caught.leads.attitude[:, 0] - free.leads.attitude[:, 0]
    assert (change <= 0).all()
    assert change.min() < -0.05
    open_posts = [run(simulation(market_of({"funnel.attitude_detection": x}), horizon=1), posts_with("label")) for x in (0.2, 0.0)]
    assert (open_posts[0].leads.attitude == open_posts[1].leads.attitude).all()


def test_disclosure_costs_attitude_now_and_keeps_trust() -> None:
    """The double edge: what a label loses and what it keeps."""
    on, off = (run(simulation(market_of({"funnel.attitude_disclosure": x}), horizon=1), posts_with("label")) for x in (0.2, 0.0))
    change = on.leads.attitude[:, 0] - off.leads.attitude[:, 0]
    assert (change <= 0).all()
    assert change.sum() < 0
    kept, plain = (run(simulation(market_of({"ties.transparency": x}), horizon=1), posts_with("label")) for x in (0.5, 0.0))
    gain = kept.acquaintances.good - plain.acquaintances.good
    assert (gain >= 0).all()
    assert gain.sum() > 0
    hidden = [run(simulation(market_of({"ties.transparency": x}), horizon=1), posts_with("none")) for x in (0.5, 0.0)]
    assert (hidden[0].acquaintances.good == hidden[1].acquaintances.good).all()


def test_harm_spills_over_to_brands_a_creator_advertised() -> None:
    sim = run(simulation(market_of({"rivals.count": 1}), horizon=2), posts_with("label"))
    before = sim.leads.attitude.copy()
    people = np.arange(sim.world.size)
    own = sorted({int(c) for c in sim.posts.creator[: sim.post_count][sim.posts.brand[: sim.post_count] == 0]})
    sim.spill_over(own[0], people, loss=0.2, chance=0.22)
    u = uniforms(1, Stream.SPILL, 0, people, own[0], 0, sim.day << 16)[:, 0]
    fallen = before[:, 0] - sim.leads.attitude[:, 0]
    assert np.allclose(fallen, np.where(u < 0.22, 0.2 * 0.5, 0.0))
    assert (sim.leads.attitude[:, 1] == before[:, 1]).all()


# ------------------------------------------------------------------- credits


def test_credits_of_every_method_add_up_to_expected_purchases() -> None:
    sim = run(simulation(market_of(BUSY), horizon=8), campaign)
    for b in range(3):
        expected = sim.leads.expected[:, b].sum()
        assert sim.credit[b, LAST_CLICK:MULTI_TOUCH].sum() / FINE == pytest.approx(expected, rel=1e-9)
        assert sim.credit[b, MULTI_TOUCH : MULTI_TOUCH + 6].sum() / FINE == pytest.approx(expected, rel=1e-9)
        assert 0 < sim.credit[b, NEW] / FINE < expected


def test_threads_change_nothing() -> None:
    one, two = (run(simulation(market_of({**BUSY, "people.agents": 600}), horizon=4, threads=t), campaign) for t in (1, 2))
    assert differing(people_tables(one), people_tables(two)) == []
    assert differing(outputs(one), outputs(two)) == []
    assert (one.credit == two.credit).all()

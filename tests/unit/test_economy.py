"""Money, contracts, authenticity and careers of creators: each effect is there at default and gone when it is switched off."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from influence_sim.engine.contracts import niche, usual_niche
from influence_sim.engine.morning import observe_market
from influence_sim.engine.simulation import Simulation
from influence_sim.rng import Stream
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost
from influence_sim.strategies.pricing import cost_of
from influence_sim.world.build import build_world
from influence_sim.world.people import dirichlet
from small_worlds import SMALL, market_of, people_tables, simulation

# Nobody refuses, all ask the same, fees follow nothing but followers.
PLAIN: dict[str, Any] = {
    "creators.fit_required": 0, "creators.reservation": 1, "creators.reluctance": 0, "creators.other_deals": 0, "prices.fee_sigma": 0,
    "prices.fee_engagement": 0, "prices.niche": 0, "prices.search_cost": 0, "brand.posts_per_day": 0,
}  # fmt: skip
QUIET = {"careers.quit": 0, "careers.success": 0}


def sim_of(values: dict[str, Any] | None = None, horizon: int = 4, budget: float = 1e6, **more: Any) -> Simulation:
    return simulation(market_of({**SMALL, **PLAIN, **(values or {})}, {}), horizon=horizon, budget=budget, **more)


def signed(orders: list[Order], values: dict[str, Any] | None = None, budget: float = 1e6) -> tuple[Simulation, BrandView]:
    """Return a simulation after a day with `orders`, and what the brand saw in the morning."""
    sim = sim_of(values, budget=budget)
    view = observe_market(sim)
    sim.step(orders)
    return sim, view


# ---------------------------------------------------------------------- prices


def test_every_item_of_a_post_is_priced_and_recorded() -> None:
    order = SponsoredPost(3, 0, exclusive_days=20, usage_rights=True)
    sim, view = signed([order], {"prices.search_cost": 7})
    fee = float(view.fee[3])
    place = 1 + int((view.followers > view.followers[3]).sum() + (view.followers[:3] == view.followers[3]).sum())
    items = {"fees": fee, "rights": 0.85 * fee, "overhead": 50.0, "product": 15.0, "search": 7 * np.log(place)}
    assert sim.ledger.items == pytest.approx(items)
    assert sim.ledger.paid == pytest.approx(sum(items.values())) == pytest.approx(cost_of([order], view))


@pytest.mark.parametrize(("name", "order"), [("exclusivity", {"exclusive_days": 9}), ("usage_rights", {"usage_rights": True})])
def test_rights_cost_nothing_where_they_are_free(name: str, order: dict[str, Any]) -> None:
    paid = [signed([SponsoredPost(3, 0, **order)], {f"prices.{name}": share})[0].ledger.items["rights"] for share in (0, 0.35, 0.7)]
    assert paid[0] == 0
    assert paid[2] == pytest.approx(2 * paid[1])


def test_six_posts_together_cost_a_fifth_less_each() -> None:
    for number, factor in ((5, 1.0), (6, 0.8)):
        sim, view = signed([SponsoredPost(3, k % 4) for k in range(number)])
        assert sim.ledger.items["fees"] == pytest.approx(number * factor * view.fee[3])
    sim, view = signed([SponsoredPost(3, k % 4) for k in range(6)], {"prices.ambassador_discount": 0})
    assert sim.ledger.items["fees"] == pytest.approx(6 * view.fee[3])


def test_a_package_that_is_too_dear_is_no_package() -> None:
    fee = float(signed([])[1].fee[3])
    sim, _ = signed([SponsoredPost(3, k % 4) for k in range(6)], budget=65 + 0.8 * 6 * fee - 1)
    assert sim.ledger.items["fees"] == pytest.approx(len(sim.ledger.booked) * fee)
    assert len(sim.ledger.booked) == 4
    assert len(sim.ledger.refused) == 2


def test_a_narrow_niche_costs_more() -> None:
    plain, dear = (signed([], {"prices.niche": x, "prices.fee": 1e5})[1].fee for x in (0, 0.5))
    topics = sim_of().creators.topics[:14]
    assert np.array_equal(np.argsort(dear / plain), np.argsort(niche(topics)))
    assert dear / plain == pytest.approx(1 + 0.5 * (niche(topics) - usual_niche(market_of())), abs=1e-3)
    drawn = niche(dirichlet(1, Stream.CREATOR_TOPICS, 0, 0.15, 10, c1=np.arange(20_000)))
    assert drawn.mean() == pytest.approx(usual_niche(Market()), abs=0.005)


def test_the_best_known_need_no_search() -> None:
    _, view = signed([], {"prices.search_cost": 5})
    assert view.search_cost[int(np.argmax(view.followers))] == 0
    assert view.search_cost.max() == pytest.approx(5 * np.log(14))
    assert view.deal_cost == pytest.approx(view.search_cost + 65)


def test_orders_that_cannot_be_are_refused() -> None:
    wrong: list[Order] = [
        SponsoredPost(3, 0, brief=1.5), SponsoredPost(3, 0, exclusive_days=-1), SponsoredPost(3, 0, pay="gift", usage_rights=True),
        SponsoredPost(3, 0, pay="gift", exclusive_days=5),
    ]  # fmt: skip
    sim, _ = signed(wrong)
    assert sim.ledger.refused == wrong
    assert sim.ledger.paid == 0


# ------------------------------------------------------------ gifts, commission


def gifts(values: dict[str, Any] | None = None) -> float:
    """Return the share of gifts that became posts."""
    given: list[Order] = [SponsoredPost(c, 0, pay="gift") for c in range(14) for _ in range(20)]
    sim, _ = signed(given, {"prices.gift_worth": 0.001, **(values or {})})
    assert sim.ledger.items == {"gifts": pytest.approx(50 * 280), "search": 0}
    posts = sim.posts[: sim.post_count]
    return float((posts.brand == 0).sum()) / len(given)


def test_some_gifts_become_posts() -> None:
    sim = sim_of()
    expected = 0.45 + 0.4 * (sim.fit.mean() - 0.5)
    assert gifts() == pytest.approx(expected, abs=0.1)
    assert gifts({"prices.gift_posts": 1, "prices.gift_fit": 0}) == 1
    assert gifts({"prices.gift_posts": 0, "prices.gift_fit": 0}) == 0
    assert gifts({"prices.gift_fit": 2}) != gifts()


def test_a_gift_is_nothing_to_those_who_ask_much() -> None:
    assert gifts({"prices.gift_worth": 10, "prices.fee": 1e5}) < 0.01


SELLING = {"funnel.buy_price": 0, "funnel.click_influencer": 0.5, "funnel.buy_rate": 0.5, "creators.commission_accepted": 1}


def commission(values: dict[str, Any] | None = None, days: int = 4) -> Simulation:
    sim = sim_of({**SELLING, **(values or {})}, horizon=days)
    for day in range(days):
        sim.step([SponsoredPost(c, 0, pay="commission") for c in range(5)] if day == 0 else [])
    return sim


def test_commissions_are_a_share_of_sales_up_to_the_fee() -> None:
    view = observe_market(sim_of())
    sim = commission({"prices.commission": 0.8, "brand.price": 1000})
    sold = np.bincount(sim.posts.creator[: sim.post_count], sim.posts.sales[: sim.post_count], minlength=5)[:5] > 0
    assert sold.sum() > 2
    assert sim.ledger.items["commission"] == pytest.approx(view.fee[:5][sold].sum()), "never more than the fee would have been"
    cheap = commission({"brand.price": 0.01})
    sales = cheap.posts.sales[: cheap.post_count].sum() * cheap.world.people_per_agent
    assert sales > 0
    assert cheap.ledger.items["commission"] == pytest.approx(0.15 * 0.01 * sales)
    assert cheap.ledger.reserved == pytest.approx(0, abs=1e-9), "what no sale claimed is free again at the end"
    assert commission({"prices.commission": 0}).ledger.items["commission"] == 0


def test_commission_ends_and_not_everybody_accepts_it() -> None:
    short, long = (commission({"prices.commission_days": d, "brand.price": 0.01}, 6).ledger.items["commission"] for d in (1, 5))
    assert 0 < short < long
    taken = observe_market(sim_of({"creators.commission_accepted": 0.5})).commission_taken
    assert 0 < taken.sum() < 14
    refused = observe_market(sim_of({"creators.commission_accepted": 0}))
    assert not refused.commission_taken.any()
    assert np.isnan(cost_of([SponsoredPost(1, 0, pay="commission")], refused))


# --------------------------------------------------------- refusals and rivals


def test_much_advertising_makes_creators_refuse() -> None:
    refuse = lambda x: int(np.isnan(observe_market(sim_of({"creators.reservation": 0.8, **x})).fee).sum())  # noqa: E731
    assert refuse({}) == 0
    assert refuse({"creators.other_deals": 0.8}) == 0, "reluctance is off"
    few, many = (refuse({"creators.other_deals": 0.8, "creators.reluctance": r}) for r in (0.3, 3.0))
    assert 0 < few < many


def rival_of(order: SponsoredPost, values: dict[str, Any] | None = None) -> BrandView:
    """Return what the brand sees on day 1, after a rival's order."""
    sim = sim_of({"rivals.count": 1, "rivals.spend": 0, **(values or {})})
    sim.campaigns[1].ledger.booked.append(order)
    sim.step([])
    return observe_market(sim)


def test_exclusivity_keeps_rivals_out_as_long_as_it_lasts() -> None:
    loyal = {"creators.loyalty": 0}
    assert np.isnan(rival_of(SponsoredPost(3, 0, exclusive_days=1), loyal).fee).tolist() == [c == 3 for c in range(14)]
    assert not rival_of(SponsoredPost(3, 0, exclusive_days=1), loyal).gift_taken[3]
    assert not np.isnan(rival_of(SponsoredPost(3, 0), loyal).fee).any()


def test_loyalty_lowers_the_chance_of_a_rival() -> None:
    assert np.isnan(rival_of(SponsoredPost(3, 0)).fee[3])
    assert not np.isnan(rival_of(SponsoredPost(3, 0, pay="gift")).fee[3]), "a gift binds nobody"
    softer = {"creators.reservation": 0.5}
    assert not np.isnan(rival_of(SponsoredPost(3, 0), {"creators.loyalty": 0.01, **softer}).fee[3])


def test_a_brand_sees_the_disclosed_posts_of_rivals() -> None:
    assert rival_of(SponsoredPost(3, 0)).rivals.tolist() == [int(c == 3) for c in range(14)]
    assert rival_of(SponsoredPost(3, 0, "none")).rivals.sum() == 0


# ------------------------------------------------------------- background deals


def test_deals_with_other_brands_are_advertising_but_nobodys_campaign() -> None:
    a, b = (sim_of({"creators.other_deals": x}, horizon=5, path_seed=3) for x in (0, 0.5))
    for sim in (a, b):
        sim.run()
    posts = b.posts[: b.post_count]
    own = posts[(posts.sponsored == 0) & (posts.creator < b.modelled)]
    assert (own.advert == 1).mean() == pytest.approx(0.5, abs=0.12)
    for name in ("key", "ordinal", "quality", "duration", "posted"):
        assert np.array_equal(a.posts[name][: a.post_count], b.posts[name][: b.post_count]), "a post keeps its identity"
    assert b.viewers.saturation.mean() > a.viewers.saturation.mean()
    assert not b.leads.touches.any()
    assert not b.leads.reached.any()
    paid = own[own.advert == 1]
    assert set(paid.disclosure.tolist()) == {0.0, 1.0}
    assert (paid.fit >= np.minimum(1, b.creators.fit_required[paid.creator])).all()


# ----------------------------------------------------------------- authenticity


def authenticity(values: dict[str, Any], orders: Any, days: int = 20) -> Any:
    """Return authenticity of the creators after some days."""
    sim = sim_of({**QUIET, "people.views_per_day": 2, "ties.detection": 0, **values}, horizon=days)
    for day in range(days):
        sim.step(orders(day))
    return sim.creators.authenticity[: sim.modelled].copy()


def daily(**terms: Any) -> Any:
    return lambda day: [SponsoredPost(c, day, **terms) for c in range(0, 14, 2)]


def test_authenticity_is_constant_when_nothing_moves_it() -> None:
    off = dict.fromkeys(("authenticity.saturation", "authenticity.consistency", "authenticity.control", "authenticity.misfit"), 0)
    born = sim_of().world.creators.authenticity[:14]
    assert authenticity(off, daily(brief=1.0), 5) == pytest.approx(born, abs=1e-12)
    assert not np.allclose(authenticity({}, daily(brief=1.0), 5), born, atol=1e-3)
    assert authenticity({"authenticity.rate": 0}, daily(brief=1.0), 5) == pytest.approx(born, abs=1e-12)


@pytest.mark.parametrize(("name", "sign"), [("saturation", -1), ("consistency", 1), ("control", -1), ("misfit", -1)])
def test_each_cause_moves_authenticity_its_way(name: str, sign: int) -> None:
    base = {f"authenticity.{x}": 0 for x in ("saturation", "consistency", "control", "misfit") if x != name}
    off = authenticity({**base, f"authenticity.{name}": 0}, daily(brief=1.0))
    on = authenticity(base, daily(brief=1.0))
    assert (np.sign(np.round(on - off, 12))[::2] == sign).all()
    assert on[1::2] == pytest.approx(off[1::2]), "who does not advertise is not touched"


def test_a_change_of_brands_is_no_consistency() -> None:
    only = {f"authenticity.{x}": 0 for x in ("saturation", "control", "misfit")}
    same = authenticity(only, daily())
    rival = sim_of({**QUIET, **only, "people.views_per_day": 2, "rivals.count": 1, "rivals.spend": 0, "creators.loyalty": 0}, horizon=20)
    for day in range(20):
        turn = rival.campaigns[1].ledger.booked
        turn += [SponsoredPost(c, day) for c in range(0, 14, 2)] if day % 2 else []
        rival.step([] if day % 2 else [SponsoredPost(c, day) for c in range(0, 14, 2)])
    assert (same[::2] > rival.creators.authenticity[:14:2] + 0.01).all()


def test_the_equation_of_authenticity_exactly() -> None:
    sim = sim_of({**QUIET, "people.views_per_day": 2, "creators.posts_per_day": 0, "creators.opening_posts": 0}, horizon=3)
    a = a0 = float(sim.creators.authenticity[3])
    posts = adverts = repeats = scripted = misfit = 0.0
    for day in range(3):
        sim.step([SponsoredPost(3, day, brief=0.4)])
        posts, adverts, repeats = 27 / 28 * posts + 1, 27 / 28 * adverts + 1, 27 / 28 * repeats + (day > 0)
        scripted, misfit = 27 / 28 * scripted + 0.4, 27 / 28 * misfit + 1 - sim.fit[3]
        target = a0 * (1 - 1.5 * 0.9) + 0.1 * repeats / adverts - 0.5 * scripted / posts - 0.5 * misfit / posts
        a += 0.05 * (min(1, max(0, target)) - a)
    assert sim.creators.authenticity[3] == pytest.approx(a)


# ------------------------------------------------------------------------ brief


def test_a_brief_makes_the_message_plainer_and_the_post_worse() -> None:
    def worlds(values: dict[str, Any]) -> list[Simulation]:
        made = [sim_of({**values, "authenticity.control": 0}, horizon=2) for _ in range(2)]
        for sim, brief in zip(made, (0.0, 1.0), strict=True):
            sim.step([SponsoredPost(c, 0, brief=brief) for c in range(14)])
        return made

    free, scripted = worlds({"creators.brief_quality": 0})
    seen = free.leads.memory[:, 0] > 0
    assert scripted.leads.memory[seen, 0] == pytest.approx(1.3 * free.leads.memory[seen, 0])
    same = worlds({"creators.brief_quality": 0, "creators.brief_clarity": 0})
    assert np.array_equal(same[0].leads, same[1].leads)
    free, scripted = worlds({"creators.brief_clarity": 0, "response.noise": 0})
    both = [sim.posts[: sim.post_count] for sim in (free, scripted)]
    loss = (both[0].quality - both[1].quality)[both[0].brand == 0]
    assert loss == pytest.approx(0.3)
    assert both[1].watch[both[1].brand == 0].sum() < both[0].watch[both[0].brand == 0].sum()


# ---------------------------------------------------------------------- careers


def careers(values: dict[str, Any], days: int = 12, orders: Any = None) -> Simulation:
    sim = sim_of({"careers.review_days": 4, "careers.quit": 0, **values}, horizon=days)
    for day in range(days):
        sim.step(orders(day) if orders else [])
    return sim


def test_asked_fees_follow_deals() -> None:
    busy = careers({}, 4, lambda day: [SponsoredPost(c, day) for c in range(0, 14, 2)])
    assert busy.creators.asking[:14:2] == pytest.approx(1.1)
    assert busy.creators.asking[1:14:2] == pytest.approx(1.0), "no deals were usual here"
    idle = careers({}, 8, lambda day: [SponsoredPost(c, day) for c in range(14)] if day < 4 else [])
    assert idle.creators.asking[:14] == pytest.approx(1.1 * 0.9)
    assert careers({"careers.price_step": 0}, 4, lambda day: [SponsoredPost(0, day)]).creators.asking[0] == 1


def test_the_lowest_fee_follows_what_advertising_cost_in_followers() -> None:
    losing = {"ties.unfollow_sponsored": 0.1, "response.follows_per_like": 0}
    lost = careers(losing, 4, lambda day: [SponsoredPost(c, day) for c in range(14)])
    before, now = lost.world.creators.reservation[:14], lost.creators.reservation[:14]
    fell = lost.career.followers < sim_of(losing).followers[:14]
    assert fell.any()
    assert (now > before)[fell].all()
    assert now[~fell] == pytest.approx(before[~fell])
    assert np.array_equal(careers({**losing, "careers.follower_loss": 0}, 4, lambda day: [SponsoredPost(c, day) for c in range(14)])
                          .creators.reservation, lost.world.creators.reservation)  # fmt: skip


def test_posting_follows_a_creators_own_success() -> None:
    sim = careers({})
    ratio = sim.creators.posting[:14] / sim.world.creators.posting[:14]
    assert ratio.std() > 0.02
    assert np.array_equal(careers({"careers.success": 0}).creators.posting, sim.world.creators.posting)
    second = careers({}, 8)
    change = second.creators.posting[:14] / second.world.creators.posting[:14]
    assert change == pytest.approx(second.career.success**0.2)


def test_creators_stop_and_begin_again() -> None:
    none = careers({})
    assert not none.career.stopped.any()
    all_stop = careers({"careers.quit": 1, "careers.entry": 0}, 3)
    assert all_stop.career.stopped.all()
    assert not all_stop.creators.posting[:14].any()
    view = observe_market(all_stop)
    assert np.isnan(view.fee).all()
    assert not view.gift_taken.any()
    assert not (all_stop.posts.posted[: all_stop.post_count] >= 1).any()
    back = careers({"careers.quit": 0.5, "careers.entry": 1}, 3)
    assert 0 < back.career.stopped.sum() < 14


def test_who_stops_depends_on_its_own_past() -> None:
    sim = careers({"careers.quit": 0.05, "careers.entry": 0}, 5)
    sim.career.success[:7], sim.career.success[7:], sim.career.stopped[:] = 0.1, 10.0, 0
    sim.step([]) if sim.day < sim.horizon else None
    twin = sim_of({"careers.quit": 0.08, "careers.entry": 0}, horizon=2)
    twin.career.success[:7], twin.career.success[7:] = 0.1, 10.0
    twin.step([])
    indifferent = sim_of({"careers.quit": 0.08, "careers.entry": 0, "careers.discouragement": 0}, horizon=2)
    indifferent.career.success[:7], indifferent.career.success[7:] = 0.1, 10.0
    indifferent.step([])
    assert twin.career.stopped[:7].sum() >= 4
    assert twin.career.stopped[7:].sum() <= 1
    assert indifferent.career.stopped[:7].sum() < twin.career.stopped[:7].sum()


# ------------------------------------------------------------ the brand's account


def test_a_brand_that_posts_can_be_followed() -> None:
    values = {"brand.posts_per_day": 1, "response.follows_per_like": 0.3, "response.like_rate": 0.2, "people.views_per_day": 100}
    sim = sim_of(values, horizon=6).run()
    posts = sim.posts[: sim.post_count]
    account = posts.creator >= sim.modelled
    assert account.any()
    assert not posts.sponsored[account].any()
    assert posts.impressions[account].sum() > 0
    assert sim.followers[sim.modelled] > 0
    silent = sim_of({**values, "brand.posts_per_day": 0}, horizon=6).run()
    assert silent.followers[silent.modelled] == 0
    followed = sim.posts.sources[: sim.post_count][account][:, 0].sum()
    assert followed > 0, "followers of the account get its posts"


# -------------------------------------------------------------- money in the end


def test_no_combination_of_orders_overdraws() -> None:
    for budget, seed in itertools.product((0.0, 70.0, 500.0, 5000.0), range(2)):
        sim = sim_of({**SELLING, "prices.search_cost": 5}, budget=budget, path_seed=seed, horizon=5)
        for day in range(5):
            orders: list[Order] = [
                SponsoredPost(c % 14, min(4, day + c % 3), pay=("fee", "gift", "commission", "fee")[c % 4], usage_rights=c % 4 == 3)  # type: ignore[arg-type]
                for c in range(40)
            ]
            sim.step([*orders, PaidImpressions(20.0, day), *[SponsoredPost(2, day)] * 7])
            assert sim.ledger.left >= -1e-6
            assert sim.ledger.reserved >= -1e-6
            assert sum(sim.ledger.items.values()) == pytest.approx(sim.ledger.paid)
        assert sum(sim.daily["spend"]) == pytest.approx(sim.ledger.paid)
        assert sum(sim.daily["spend_ads"]) == pytest.approx(sim.ledger.items.get("ads", 0.0))
        assert sim.ledger.reserved == pytest.approx(0, abs=1e-6)


def test_a_post_that_is_a_gift_refused_touches_nobody() -> None:
    values = {"prices.gift_posts": 0, "prices.gift_fit": 0}
    a, b = (sim_of(values, horizon=2) for _ in range(2))
    a.step([])
    b.step([SponsoredPost(c, 0, pay="gift") for c in range(14)])
    one, two = people_tables(a), people_tables(b)
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_worlds_keep_the_lowest_fee_below_the_asked_one() -> None:
    world = build_world(market_of({"creators.count": 150, "creators.reservation": 0.7}), 1)
    ratio = (world.creators.reservation / world.creators.asking)[:-1]
    assert ratio.max() <= 1
    assert ratio.min() >= 0.4
    assert ratio.mean() == pytest.approx(0.7, abs=0.05)

"""Events of creators, brands, prices and law: each does what it says, and nothing without its effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenario_files import problems

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.wom import association
from influence_sim.events import (
    BudgetCut,
    CpmInflation,
    CreatorLeaves,
    DisclosureLaw,
    Event,
    MinorsProtection,
    RivalEnters,
    Scandal,
    TrustShock,
)
from influence_sim.record import result_of
from influence_sim.scenario import scenario_from_dict
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import AlwaysOn, NoCampaign
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from influence_sim.studies.runner import run_one
from influence_sim.world.build import build_world
from small_worlds import differing, market_of, outputs, run

LIVELY = {"response.share_rate": 0.02, "people.minors_share": 0.4, "feed.stages": 0, "creators.fit_required": 0.0}
MARKET = market_of(LIVELY)
WORLD = build_world(MARKET, 1)
DAY = 2


def simulation(*events: Event, market: Market = MARKET, strategy: Any = None, budget: float = 2000.0) -> Simulation:
    world = WORLD if market.rivals.count == 0 else build_world(market, 1)
    return Simulation(world, market, strategy or NoCampaign(), budget, 6, 1, 0, 1, events)


def ads(day: int, creators: int) -> list[Order]:
    """Return ads every day, each for the day after."""
    return [PaidImpressions(20.0, day)]


def posts_of(creator: int, disclosure: str = "none") -> Any:
    """Return orders of a post a day of one creator, all placed on the first morning."""
    return lambda day, creators: [SponsoredPost(creator, d, disclosure) for d in range(6)] if day == 0 else []  # type: ignore[arg-type]


def largest(sim: Simulation) -> int:
    return int(sim.followers[: sim.modelled].argmax())


def test_dearer_space_buys_fewer_impressions_for_orders_of_those_days() -> None:
    plain, dear = (run(simulation(*events), ads) for events in ((), (CpmInflation(day=DAY, factor=3, days=2),)))
    ratio = [x.cpm / y.cpm for x, y in zip(dear.ledger.flights, plain.ledger.flights, strict=True)]
    assert ratio == pytest.approx([1, 1, 3, 3, 1, 1])
    assert sum(f.delivered for f in dear.ledger.flights) < sum(f.delivered for f in plain.ledger.flights)
    kept = run(simulation(CpmInflation(day=DAY, factor=3)), lambda day, creators: [PaidImpressions(100.0, 0, 6)] if day == 0 else [])
    assert len({flight.cpm for flight in kept.ledger.flights}) == 1


def trust_in(sim: Simulation, creator: int) -> tuple[Any, Any]:
    """Return (person, bad evidence) of all who know a creator."""
    acq = sim.acquaintances
    person = np.repeat(np.arange(sim.world.size), np.diff(acq.start))
    rows = acq.creator == creator
    return person[rows], acq.bad[rows]


def morning(sim: Simulation, day: int, orders: Any = None) -> Simulation:
    """Advance to `day` and let its events happen."""
    while sim.day < day:
        sim.step([] if orders is None else orders(sim.day, sim.modelled))
    sim._play_events()
    return sim


def test_a_scandal_is_known_to_followers_and_travels_on_by_those_who_tell() -> None:
    creator = largest(simulation())
    quiet, silent, told = (
        morning(simulation(*events), DAY)
        for events in ((), (Scandal(day=DAY, creators=(creator,), told=0),), (Scandal(day=DAY, creators=(creator,), told=0.5),))
    )
    followers = set(trust_in(quiet, creator)[0][quiet.acquaintances.follows[quiet.acquaintances.creator == creator] == 1].tolist())
    person, bad = trust_in(silent, creator)
    assert set(person[bad > 4].tolist()) == followers
    person, bad = trust_in(told, creator)
    assert set(person[bad > 4].tolist()) > followers, "nobody was told"
    others = quiet.acquaintances.creator != creator
    still = told.acquaintances.creator != creator
    assert np.array_equal(quiet.acquaintances.bad[others], told.acquaintances.bad[still])
    assert np.diff(told.acquaintances.start).sum() == len(told.acquaintances.creator)


def test_a_scandal_costs_followers_and_the_brand_it_stood_for_and_is_forgotten() -> None:
    market = market_of({**LIVELY, "ties.unfollow_daily": 0.05, "ties.trust_half_life": 5})
    creator = largest(simulation(market=market))
    orders = posts_of(creator)
    event = Scandal(day=DAY, creators=(creator,), spill=0.8, spill_chance=1)
    plain, after = (run(simulation(*events, market=market), orders) for events in ((), (event,)))
    assert after.followers[creator] < plain.followers[creator]
    fresh, spared = (morning(simulation(x, market=market), DAY, orders) for x in (event, event.model_copy(update={"spill": 0.0})))
    people = trust_in(fresh, creator)[0][trust_in(fresh, creator)[1] > 4]
    strength = association(fresh, creator)[0]
    assert strength == 0.75  # two posts so far
    lost = spared.leads.attitude[people, 0] - fresh.leads.attitude[people, 0]
    assert lost == pytest.approx(np.full(len(people), 0.8 * strength))
    later = run(fresh, orders)
    assert trust_in(later, creator)[1].max() >= 8
    assert (later.decays.trust[4] * 8) < 5, "evidence counts less as it ages"


def test_spill_over_falls_on_a_share_and_only_on_brands_that_were_advertised() -> None:
    creator = largest(simulation())
    event = Scandal(day=DAY, creators=(creator,), spill_chance=0.5, spill=1)
    hired, alone = (morning(simulation(event), DAY, orders) for orders in (posts_of(creator), None))
    knows = trust_in(hired, creator)[0][trust_in(hired, creator)[1] > 4]
    hit = (hired.leads.attitude[knows, 0] < -0.4).mean()
    assert 0.2 < hit < 0.8
    assert (alone.leads.attitude >= 0).all()


def test_a_creator_that_leaves_posts_no_more_and_pays_back_what_it_did_not_make() -> None:
    creator = largest(simulation())
    orders = posts_of(creator)
    plain, left = (run(simulation(*events), orders) for events in ((), (CreatorLeaves(day=DAY, creators=(creator,)),)))
    for sim, last in ((plain, 5), (left, DAY - 1)):
        mine = sim.posts[: sim.post_count][sim.posts.creator[: sim.post_count] == creator]
        assert int(mine.posted[mine.sponsored == 1].max()) == last
    mine = left.posts.creator[: left.post_count] == creator
    assert left.posts.posted[: left.post_count][mine].max() < DAY
    assert left.ledger.paid == pytest.approx(plain.ledger.paid - 4 * plain.ledger.bills[0]["fees"])
    assert sum(left.daily["spend"]) == pytest.approx(left.ledger.paid)
    again = simulation(CreatorLeaves(day=DAY, creators=(creator,)))
    while again.day <= DAY:
        again.step([SponsoredPost(creator, DAY)] if again.day == DAY else [])
    assert again.ledger.refused == [SponsoredPost(creator, DAY)]


def test_a_share_of_creators_leaves_the_same_in_every_arm() -> None:
    gone = []
    for orders in (None, posts_of(1)):
        sim = morning(simulation(CreatorLeaves(day=DAY, share=0.4)), DAY, orders)
        gone.append(np.flatnonzero(sim.creators.posting[: sim.modelled] == 0))
    assert 0 < len(gone[0]) < 14
    assert np.array_equal(*gone)


def test_a_trust_shock_takes_evidence_in_favour_and_nothing_else() -> None:
    shocks = (), (TrustShock(day=DAY, factor=0.25),), (TrustShock(day=DAY, factor=1),)
    plain, shocked, same = (morning(simulation(*shock), DAY) for shock in shocks)
    assert plain.acquaintances.good.max() > 0
    assert np.array_equal(shocked.acquaintances.good, plain.acquaintances.good * np.float32(0.25))
    assert np.array_equal(shocked.acquaintances.bad, plain.acquaintances.bad)
    assert differing(outputs(run(plain, None)), outputs(run(same, None))) == []
    assert sum(shocked.daily["likes"]) == sum(plain.daily["likes"][:DAY])
    run(shocked, None)
    assert sum(shocked.daily["likes"]) < sum(plain.daily["likes"])


def test_a_law_labels_posts_from_its_day_on_as_far_as_it_is_obeyed() -> None:
    def labels(compliance: float, agreed: str = "none") -> list[float]:
        sim = run(simulation(DisclosureLaw(day=DAY, compliance=compliance)), posts_of(0, agreed))
        posts = sim.posts[: sim.post_count]
        mine = posts[posts.sponsored == 1]
        return [float(x) for x in mine.disclosure[np.argsort(mine.posted)]]

    assert labels(1.0) == [0, 0, 1, 1, 1, 1]
    assert labels(0.0) == [0] * 6
    assert labels(1.0, "hashtag") == [0.5, 0.5, 1, 1, 1, 1]
    market = market_of({**LIVELY, "creators.lawful_labels": 0.5})
    many = run(simulation(market=market), lambda day, n: [SponsoredPost(c, day, "none") for c in range(n)])
    posts = many.posts[: many.post_count]
    assert 0.3 < posts.disclosure[posts.sponsored == 1].mean() < 0.7


def test_a_silent_rival_begins_to_spend_on_its_day() -> None:
    market = market_of({**LIVELY, "rivals.count": 2, "rivals.silent": 1, "rivals.spend": 20})
    silent, entered = (run(simulation(*events, market=market), None) for events in ((), (RivalEnters(day=DAY),)))
    for sim, brand, days in ((silent, 1, range(6)), (silent, 2, ()), (entered, 2, range(DAY, 6))):
        posts = sim.posts[: sim.post_count]
        advertised = set(np.floor(posts.posted[(posts.brand == brand) & (posts.sponsored == 1)]).astype(int).tolist())
        assert advertised == set(days), brand
    assert entered.campaigns[2].ledger.budget == pytest.approx(20 * 2.0 * (6 - DAY))
    assert entered.leads.reached[:, 2].sum() > silent.leads.reached[:, 2].sum() == 0


def test_a_cut_takes_what_is_neither_paid_nor_promised() -> None:
    ads_daily = AlwaysOn(creator_share=0)
    events = (), (BudgetCut(day=DAY, share=0.6),)
    plain, cut = (run(simulation(*x, strategy=ads_daily, budget=60.0), None) for x in events)
    early = plain.daily["spend"][:DAY]
    assert cut.daily["spend"][:DAY] == early
    left = 60.0 - sum(early)
    assert cut.ledger.withdrawn == pytest.approx(0.6 * left)
    assert cut.ledger.paid <= 60.0 - cut.ledger.withdrawn + 1e-6
    assert cut.ledger.paid < plain.ledger.paid
    bound = run(simulation(BudgetCut(day=DAY)), lambda day, n: [PaidImpressions(2000.0, 0, 6)] if day == 0 else [])
    assert bound.ledger.withdrawn == 0


def test_minors_see_no_ads_and_are_recommended_no_sponsored_posts() -> None:
    def orders(day: int, creators: int) -> list[Order]:
        return [PaidImpressions(30.0, day), *(SponsoredPost(c, day) for c in range(creators) if day == 0)]

    plain, safe = (run(simulation(*events), orders) for events in ((), (MinorsProtection(day=0),)))
    minors = WORLD.people.minor == 1
    share = [sum(s.daily["minors_impressions"]) / sum(s.daily["impressions"]) for s in (plain, safe)]
    assert share[1] < 0.4 * share[0]
    items = result_of(safe, "x").feed_items
    shown = minors[items["person"]] & items["sponsored"]
    assert set(items["source"][shown]) <= {"follow"}
    assert not (minors[items["person"]] & np.isin(items["source"], ("outside_ad", "paid"))).any()
    mine = result_of(plain, "x").feed_items
    assert {"paid", "outside_ad"} <= set(mine["source"][minors[mine["person"]]])
    no_ads = run(simulation(market=market_of({**LIVELY, "feed.ads_to_minors": False})), orders)
    items = result_of(no_ads, "x").feed_items
    sources = set(items["source"][minors[items["person"]]])
    assert "paid" not in sources
    assert "outside_ad" in sources, "the switch is about bought impressions of the brands"


@pytest.mark.parametrize(
    "event", ["scandal", "creator_leaves", "trust_shock", "disclosure_law", "budget_cut", "minors_protection", "cpm_inflation"]
)
def test_every_event_plays_in_a_study(event: str) -> None:
    more = {"share": 0.5} if event in ("scandal", "creator_leaves") else {}
    market = {"people": {"agents": 120, "population": 1200}, "creators": {"count": 6}, "feed": {"stages": 0}}
    scenario = scenario_from_dict(
        {"market": market, "strategies": ["none", "always_on"], "horizon": 4, "budget": 60, "events": [{"day": 1, "event": event, **more}]}
    )
    for label in ("none", "always_on"):
        assert run_one(scenario, label, 0).daily["day"].tolist() == [0, 1, 2, 3]


BASE = """strategies: [none]
horizon: 20
market: {people: {agents: 200, population: 2000}, creators: {count: 9}, feed: {stage_quota: 40}, rivals: {count: 2, silent: 1}}
"""


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("{day: 3, event: scandal, creators: [9]}", "there is no creator 9; the rows are 0 to 8"),
        ("{day: 3, event: scandal}", "give either `creators` (rows) or `share`"),
        ("{day: 3, event: heating, creators: [11]}", "there is no creator 11"),
        ("{day: 3, event: creator_leaves, share: 2}", "out of range"),
        ("{day: 3, event: rival_enters}\n - {day: 4, event: rival_enters}", "needs a rival that is silent until then"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, event: str, words: str) -> None:
    (problem,) = problems(tmp_path, f"{BASE}events:\n - {event}\n")
    assert words in problem.message
    assert problem.line >= 5


def test_more_silent_rivals_than_rivals(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, BASE.replace("silent: 1", "silent: 3"))
    assert "more rivals are silent than there are" in problem.message

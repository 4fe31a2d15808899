"""Ad formats, boosted posts, the auction, and videos that people make for a challenge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from influence_sim.cli import main
from influence_sim.engine.media import agreed_cpm, least_spend
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.snapshot import load_snapshot, save_snapshot
from influence_sim.engine.state import AMATEUR, BRAND_ACCOUNT, CHALLENGE, EFFECT, FORMATS, MADE, TAKEOVER
from influence_sim.record import result_of
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import NoCampaign
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from influence_sim.world.build import build_world
from small_worlds import differing, market_of, outputs, people_tables, run

PLAIN = {
    "feed.stages": 0,
    "creators.fit_required": 0.0,
    "funnel.initial_awareness": 0.0,
    "funnel.baseline_rate": 0.0,
    "prices.auction": 0.0,
}
MARKET = market_of(PLAIN)
WORLD = build_world(MARKET, 1)


def simulation(market: Market = MARKET, budget: float = 1e6, horizon: int = 4, threads: int = 1) -> Simulation:
    return Simulation(WORLD, market, NoCampaign(), budget, horizon, 1, 0, threads)


def ordered(*orders: Order, market: Market = MARKET, **more: Any) -> Simulation:
    """Return a finished run with `orders` placed on the first morning."""
    return run(simulation(market, **more), lambda day, creators: list(orders) if day == 0 else [])


# -------------------------------------------------------------------- takeover


def takeovers(sim: Simulation) -> Any:
    return np.flatnonzero(sim.posts.format[: sim.post_count] == TAKEOVER)


def test_a_takeover_is_the_first_slot_of_the_day_once_a_person() -> None:
    sim = simulation()
    slots = []

    class Log:
        def round(self, s: Simulation, r: int, new: Any) -> None:
            slots.append((s.slots.start.copy(), s.slots.post.copy()))

        def evening(self, s: Simulation) -> None:
            return

    sim.log = Log()
    sim.step([PaidImpressions(1000.0, 0, format="takeover")])
    (post,) = takeovers(sim).tolist()
    shown = np.zeros(200, int)
    been = np.zeros(200, bool)
    for start, posts in slots:
        for i in range(200):
            mine = posts[start[i] : start[i + 1]].tolist()
            if post in mine:
                assert mine.index(post) == 0, "not the first slot"
                assert not been[i], "not the first slot of the day"
            shown[i] += mine.count(post)
            been[i] |= bool(mine)
    assert shown.max() == 1
    assert shown[been].mean() > 0.9, "money for everybody reaches nearly everybody"
    assert sim.ledger.paid == pytest.approx(shown.sum() * 10 * 20 / 1000)
    assert sim.ledger.reserved == pytest.approx(0)


def test_a_takeover_is_capped_by_its_money() -> None:
    sim = ordered(PaidImpressions(10.0, 0, format="takeover"))
    assert sim.posts.impressions[takeovers(sim)].tolist() == [50]  # 500 real impressions at 20 USD, ten people an agent


def test_awareness_differs_by_format_as_its_parameters_say() -> None:
    full = {**PLAIN, "response.watch_law": "full", "formats.join": 0.0}

    def aware(form: str, **values: float) -> float:
        sim = ordered(PaidImpressions(20.0, 0, format=form), market=market_of({**full, **values}), horizon=1)  # type: ignore[arg-type]
        reached = sim.leads.reached[:, 0] == 1
        return float(sim.leads.aware[reached, 0].mean())

    assert aware("takeover") == pytest.approx(0.25, abs=0.15)
    for form in ("takeover", "challenge", "effect"):
        assert aware(form, **{f"formats.{form}_awareness": 0.0}) == 0.0
        assert aware(form, **{f"formats.{form}_awareness": 1.0}) == 1.0
        assert aware(form, **{"funnel.awareness_ad": 1.0, f"formats.{form}_awareness": 0.0}) == 0.0


# ---------------------------------------------------------------------- prices


def test_large_formats_cost_a_part_of_a_country_or_all_of_it() -> None:
    assert least_spend(MARKET)["takeover"] == pytest.approx(50_000 * 2000 / 100e6)
    whole = market_of({**PLAIN, "prices.scaled": False})
    assert least_spend(whole) == {"infeed": 0.0, "takeover": 50_000.0, "challenge": 150_000.0, "effect": 55_000.0}
    for form in ("takeover", "challenge", "effect"):
        order = PaidImpressions(1000.0, 0, format=form)  # type: ignore[arg-type]
        sim = ordered(order, market=whole)
        assert sim.ledger.refused == [order]
        assert f"{form} costs at least" in sim.ledger.reasons[0]
        assert "prices.scaled" in sim.ledger.reasons[0]
        assert sim.ledger.paid == sim.ledger.reserved == 0
        assert not ordered(order).ledger.refused


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (PaidImpressions(100.0, 0, 2, "takeover"), "lasts one day"),
        (PaidImpressions(100.0, 9), "days from 0 to 3"),
        (PaidImpressions(2e6, 0), "2,000,000.00 USD wanted"),
        (PaidImpressions(100.0, 0, creator=1), "usage rights"),
        (PaidImpressions(100.0, 0, 1, "takeover", 1), "not as takeover"),
        (SponsoredPost(99, 0), "there is no creator 99"),
        (SponsoredPost(2, 9), "a day from 0 to 3"),
    ],
)
def test_what_is_refused_is_told(order: Order, words: str) -> None:
    sim = ordered(order)
    assert sim.ledger.refused == [order]
    assert words in sim.ledger.reasons[0]


def test_impressions_are_auctioned_between_all_brands() -> None:
    market = market_of({**PLAIN, "prices.auction": 0.5, "prices.ad_demand": 5})
    sim = run(simulation(market), lambda day, creators: [PaidImpressions(30.0, 0), PaidImpressions(30.0, 0)] if day == 0 else [])
    spending = [30 / 2, 60 / 2]  # USD per 1,000 people, 2,000 of them
    assert [f.cpm for f in sim.ledger.flights] == pytest.approx([8 * (1 + x / 5) ** 0.5 for x in spending])
    assert {f.cpm for f in ordered(PaidImpressions(30.0, 0)).ledger.flights} == {8.0}
    rivals = market_of({**PLAIN, "prices.auction": 0.5, "rivals.count": 2, "rivals.spend": 50})
    busy = Simulation(build_world(rivals, 1), rivals, NoCampaign(), 100.0, 4)
    busy.step([])
    alone = simulation(market)
    order = PaidImpressions(1.0, 0)
    assert agreed_cpm(rivals, busy.campaigns, order) > 1.5 * agreed_cpm(market, alone.campaigns, order)


# ---------------------------------------------------------------------- boosts


def boosted(market: Market = MARKET, creator: int = 3, spend: float = 40.0) -> Simulation:
    post = SponsoredPost(creator, 0, usage_rights=True)
    return run(
        simulation(market), lambda day, n: [post] if day == 0 else [PaidImpressions(spend, 1, 2, creator=creator)] if day == 1 else []
    )


def test_a_boosted_post_is_the_creators_post_bought_for_people_who_have_not_seen_it() -> None:
    sim = boosted()
    (flight,) = sim.ledger.flights
    assert sim.posts.creator[flight.post] == 3
    assert sim.posts.key[flight.post] < BRAND_ACCOUNT
    assert 0 < flight.delivered <= flight.quota
    paid = int(sim.posts.sources[flight.post][5])
    assert paid == flight.delivered
    assert sim.posts.impressions[flight.post] <= 200, "somebody saw it twice"
    assert sim.post_count == ordered(SponsoredPost(3, 0), horizon=4).post_count, "no post of the brand's account"


def test_trust_in_a_boosted_post_is_the_creators() -> None:
    trusting = market_of({**PLAIN, "brand.trust": 0.0, "funnel.attitude_gain": 1.0})
    suspicious = market_of({**PLAIN, "brand.trust": 1.0, "funnel.attitude_gain": 1.0})
    assert np.array_equal(boosted(trusting).leads.attitude, boosted(suspicious).leads.attitude)
    ads = [ordered(PaidImpressions(40.0, 1, 2), market=m).leads.attitude for m in (trusting, suspicious)]
    assert ads[1].sum() > ads[0].sum()


def test_two_boosts_of_one_post_are_charged_once_each() -> None:
    def orders(day: int, creators: int) -> list[Order]:
        return [SponsoredPost(3, 0, usage_rights=True)] if day == 0 else [PaidImpressions(4.0, 1, 2, creator=3)] * 2 if day == 1 else []

    sim = run(simulation(), orders)
    delivered = [f.delivered for f in sim.ledger.flights]
    assert sum(delivered) == int(sim.posts.sources[sim.ledger.flights[0].post][5])
    assert sum(sim.daily["spend"]) == pytest.approx(sim.ledger.paid)
    assert abs(sim.ledger.reserved) < 1e-9


# ------------------------------------------------------------------ challenges

JOINING = {**PLAIN, "formats.join": 1.0, "creators.amateurs": 0.3}
CHALLENGED = PaidImpressions(30.0, 0, 2, "challenge")


def made(sim: Simulation) -> Any:
    return np.flatnonzero(sim.posts.format[: sim.post_count] == MADE)


def test_people_who_watch_a_challenge_make_videos_of_their_own_the_day_after() -> None:
    sim = ordered(CHALLENGED, market=market_of(JOINING), horizon=6)
    rows = made(sim)
    posts = sim.posts[rows]
    assert len(rows) > 10
    assert (posts.sponsored == 0).all()
    assert (posts.brand == 0).all()
    assert (np.floor(posts.posted) >= 1).all()
    person = sim.creators.person[posts.creator]
    assert len(set(person.tolist())) == len(rows), "one video a person"
    assert (sim.amateur[person] == 1).all()
    assert posts.impressions.sum() > 0
    assert sum(sim.daily["user_videos"]) == len(rows) * 10
    later = sim.leads.joined[:, 0]
    assert set(person.tolist()) == set(np.flatnonzero(later == 2).tolist())
    table = result_of(sim, "x").posts
    assert set(table["format"]) == {"post", "challenge", "made"}
    assert result_of(sim, "x").totals["posts_bought"] == 0
    amateurs = sim.creators.key[posts.creator] >= AMATEUR
    assert amateurs.any()
    assert (sim.creators.authenticity[posts.creator[amateurs]] == 0.9).all()


def test_videos_recruit_further_and_nothing_is_made_where_nobody_may() -> None:
    days = []
    for values in ({}, {"creators.amateurs": 0.0}, {"formats.join": 0.0}):
        sim = ordered(CHALLENGED, market=market_of({**JOINING, **values}), horizon=6)
        days.append(sim.daily["user_videos"])
        if values == {"creators.amateurs": 0.0}:
            assert (sim.creators.key[sim.posts.creator[made(sim)]] < sim.modelled).all()
    assert sum(days[0]) > sum(days[1])
    assert sum(days[2]) == 0
    assert sum(days[0][3:]) > 0, "the order has ended, the videos go on"
    infeed = ordered(PaidImpressions(30.0, 0, 2), market=market_of(JOINING), horizon=6)
    assert not len(made(infeed))


def test_an_effect_is_used_as_its_ease_says() -> None:
    order = PaidImpressions(30.0, 0, 2, "effect")
    markets = [market_of({**JOINING, "formats.join": 0.2, "formats.effect_ease": x}) for x in (0.0, 0.5, 5.0)]
    counts = [len(made(ordered(order, market=market))) for market in markets]
    assert counts[0] == 0
    assert counts[1] < counts[2]


def test_joining_renumbers_nobody_and_changes_nothing_without_a_challenge() -> None:
    market = market_of(JOINING)
    control, treated = ordered(market=market, horizon=6), ordered(CHALLENGED, market=market, horizon=6)
    assert len(made(treated))
    organic = [(s.posts.brand[: s.post_count] < 0) for s in (control, treated)]
    for column in ("key", "ordinal", "quality", "duration", "posted", "tag", "sound"):
        assert np.array_equal(*(s.posts[column][: s.post_count][mask] for s, mask in zip((control, treated), organic, strict=True))), column
    off = ordered(market=market_of({**JOINING, "creators.amateurs": 0.0}), horizon=6)
    assert differing(people_tables(control), people_tables(off)) == []
    assert differing(outputs(control), outputs(off)) == []
    assert len(control.creators.person) == 15


def test_a_person_makes_the_same_video_whoever_else_joins() -> None:
    few, many = (ordered(CHALLENGED, market=market_of({**JOINING, "creators.amateurs": x}), horizon=3) for x in (0.1, 0.3))
    columns = "key", "quality", "duration"
    videos = [{int(k): (q, d) for k, q, d in zip(*(s.posts[n][made(s)] for n in columns), strict=True)} for s in (few, many)]
    assert len(videos[1]) > len(videos[0]) > 3
    both = videos[0].keys() & videos[1].keys()
    assert len(both) > 3
    assert all(videos[0][k] == videos[1][k] for k in both)


def test_a_challenge_survives_a_snapshot_a_fork_and_threads(tmp_path: Path) -> None:
    market = market_of(JOINING)

    def half(threads: int = 1) -> Simulation:
        sim = simulation(market, horizon=6, threads=threads)
        sim.step([CHALLENGED])
        sim.step([])
        sim.step([])
        assert len(sim.creators.person) > 15
        return sim

    one = half()
    twin = one.fork()
    save_snapshot(one, tmp_path / "x")
    back = load_snapshot(tmp_path / "x")
    two = half(2)
    for sim in (one, twin, back, two):
        run(sim, None)
    for other in (twin, back, two):
        assert differing(people_tables(one), people_tables(other)) == []
        assert differing(outputs(one), outputs(other)) == []
    two.close()


def test_every_format_is_counted_by_name() -> None:
    orders = [PaidImpressions(30.0, 0, format=x) for x in ("infeed", "takeover", "challenge", "effect")]  # type: ignore[arg-type]
    sim = ordered(*orders)
    posts = sim.posts[: sim.post_count]
    assert sorted(posts.format[(posts.key >= BRAND_ACCOUNT) & (posts.sponsored == 1)].tolist()) == [1, TAKEOVER, CHALLENGE, EFFECT]
    assert len(FORMATS) == MADE + 1
    assert all(f.delivered for f in sim.ledger.flights)


def test_the_command_line_tells_why_an_order_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """strategies: [none, takeover]
horizon: 4
budget: 100
market: {people: {agents: 120, population: 1200}, creators: {count: 6}, feed: {stages: 0}, prices: {scaled: false}}
"""
    (tmp_path / "x.yaml").write_text(text)
    assert main(["run", str(tmp_path / "x.yaml"), "--strategy", "takeover"]) == 0
    assert "takeover costs at least 50,000.00 USD" in " ".join(capsys.readouterr().err.split())

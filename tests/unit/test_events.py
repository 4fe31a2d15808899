"""Change in mid-run: nothing before the day, the same dice after it, and what each event promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from scenario_files import problems, write

from influence_sim import InfluenceModel
from influence_sim.engine.simulation import Simulation
from influence_sim.events import (
    AdLoad,
    DiscoveryOff,
    Event,
    FeedChange,
    FeedReset,
    LastingEvent,
    Outage,
    build_event,
    event_types,
    with_feed,
)
from influence_sim.record import result_of
from influence_sim.scenario import load_scenario, scenario_from_dict
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import NoCampaign
from influence_sim.strategies.base import Order, PaidImpressions
from influence_sim.studies.runner import run_one
from influence_sim.world.build import build_world
from small_worlds import campaign, differing, market_of, outputs, people_tables, run

MARKET = market_of()
WORLD = build_world(MARKET, 1)
DAYS, DAY = 7, 3
EVENTS: dict[str, Event] = {
    "feed_change": FeedChange(day=DAY, feed={"exploration_share": 0.3}),
    "another_policy": FeedChange(day=DAY, feed={"policy": "following"}),
    "discovery_off": DiscoveryOff(day=DAY, days=2),
    "ad_load": AdLoad(day=DAY, outside_ad_load=0.3),
    "ad_gap": AdLoad(day=DAY, ad_gap=12),
    "outage": Outage(day=DAY, days=2),
    "part_outage": Outage(day=DAY, share=0.4),
    "feed_reset": FeedReset(day=DAY, share=0.5),
}


def orders(day: int, creators: int) -> list[Order]:
    """Return a campaign whose ads run through the days of the events."""
    return [*campaign(day, creators), *([PaidImpressions(60.0, day, 5)] if day == 1 else [])]


def simulation(*events: Event, horizon: int = DAYS, threads: int = 1, market: Market = MARKET) -> Simulation:
    return Simulation(WORLD, market, NoCampaign(), 1e6, horizon, 1, 0, threads, events)


@pytest.fixture(scope="module")
def undisturbed() -> Simulation:
    return run(simulation(), orders)


def until(sim: Simulation, day: int) -> Simulation:
    while sim.day < day:
        sim.step(orders(sim.day, sim.modelled))
    return sim


def test_every_event_is_listed_and_says_what_it_is() -> None:
    assert {"ad_load", "discovery_off", "feed_change", "feed_reset", "outage"} <= set(event_types())
    for name, kind in event_types().items():
        assert name.isidentifier()
        assert kind.__doc__
        assert kind.claim
        assert kind.source
        assert all(field.description for field in kind.model_fields.values()), name


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_before_the_day_something_after_it(name: str, undisturbed: Simulation) -> None:
    changed = run(simulation(EVENTS[name]), orders)
    before = until(simulation(), DAY)
    early = until(simulation(EVENTS[name]), DAY)
    assert differing(people_tables(before), people_tables(early)) == []
    assert differing(outputs(before), outputs(early)) == []
    for column in changed.daily:
        assert changed.daily[column][:DAY] == undisturbed.daily[column][:DAY], column
    tables = outputs(undisturbed), outputs(changed)
    assert differing(*tables) != [], "the event changes no table"
    # The same dice: posts of later days are the very posts, whatever is made of them.
    for column in ("creator", "ordinal", "quality", "duration", "posted", "tag"):
        count = undisturbed.post_count
        assert changed.post_count == count
        assert np.array_equal(undisturbed.posts[column][:count], changed.posts[column][:count]), column


def test_same_in_every_number_of_threads() -> None:
    one, two = (run(simulation(*EVENTS.values(), threads=threads), orders) for threads in (1, 2))
    two.close()
    assert differing(outputs(one), outputs(two)) == []


@pytest.mark.parametrize(
    "event",
    [
        FeedChange(day=DAY, feed={"exploration_share": MARKET.feed.exploration_share, "stage_quota": MARKET.feed.stage_quota}),
        FeedChange(day=0, feed={"policy": "for_you"}),
        AdLoad(day=1, ad_gap=MARKET.feed.ad_gap, outside_ad_load=MARKET.feed.outside_ad_load),
    ],
)
def test_setting_a_parameter_to_its_own_value_changes_nothing(event: Event, undisturbed: Simulation) -> None:
    same = run(simulation(event), orders)
    assert differing(people_tables(undisturbed), people_tables(same)) == []
    assert differing(outputs(undisturbed), outputs(same)) == []


def test_recomputed_rules_are_the_very_rules(undisturbed: Simulation) -> None:
    """There and back again between two days: the market is left and restored, and nothing moved."""
    back = simulation()
    while back.day < DAYS:
        back.set_market(with_feed(MARKET, exploration_share=0.9, outside_posts=0, candidates_interest=1))
        back.set_market(MARKET)
        back.step(orders(back.day, back.modelled))
    assert differing(outputs(undisturbed), outputs(back)) == []


def test_an_event_ends_by_itself_and_events_compose() -> None:
    later = FeedChange(day=2, feed={"exploration_share": 0.5, "rank_noise": 0.7}, days=3)
    first = FeedChange(day=1, feed={"exploration_share": 0.3})
    sim = simulation(later, first, AdLoad(day=3, ad_gap=9, days=1))
    seen = []
    while sim.day < DAYS:
        sim.step()
        feed = sim.market.feed
        seen.append((feed.exploration_share, feed.rank_noise, feed.ad_gap))
    usual, noise = MARKET.feed.exploration_share, MARKET.feed.rank_noise
    assert seen == [(usual, noise, 4), (0.3, noise, 4), (0.5, 0.7, 4), (0.5, 0.7, 9), (0.5, 0.7, 4), (0.3, noise, 4), (0.3, noise, 4)]


def test_another_policy_and_back() -> None:
    market = market_of({"feed.exploration_share": 0.2})
    there = FeedChange(day=0, feed={"policy": "following", "slots_per_request": 5}).changed(market)
    assert (there.feed.policy, there.feed.ranking, there.feed.stages, there.feed.slots_per_request) == ("following", "newest", 0, 5)
    back = FeedChange(day=0, feed={"policy": "for_you"}).changed(there)
    # What the policy had set is at its default again; what was said beside it stays.
    assert back.feed.ranking == "value"
    assert back.feed.slots_per_request == 5
    assert back.feed.stage_quota == market.feed.stage_quota


def test_posts_leave_a_test_that_no_longer_exists() -> None:
    sim = until(simulation(FeedChange(day=DAY, feed={"stages": 0}, days=1)), DAY)
    assert (sim.posts.stage[: sim.post_count] < 3).any()
    sim.step()
    stage = sim.posts.stage[: sim.post_count]
    assert not ((stage >= 0) & (stage < 100)).any()
    sim.step()  # new posts are tested again
    stage = sim.posts.stage[: sim.post_count]
    assert ((stage >= 0) & (stage < 3)).any()


# ------------------------------------------------------------------ one by one


def test_an_outage_has_no_views_and_conserves_money_and_posts() -> None:
    sim = run(simulation(EVENTS["outage"]), orders)
    daily = sim.daily
    for day in (DAY, DAY + 1):
        for column in ("views_modelled", "views_outside", "views_empty", "watch_seconds", "likes", "impressions", "clicks"):
            assert daily[column][day] == 0.0, column
    assert daily["views_outside"][DAY - 1] > 0
    assert daily["views_outside"][DAY + 2] > 0
    result = result_of(sim, "x")
    assert sum(daily["views_modelled"]) == result.posts["views"].sum()
    assert (result.posts["day"] == DAY).any(), "creators still upload"
    assert abs(sum(daily["spend"]) - sim.ledger.paid) < 1e-9
    assert abs(sim.ledger.reserved) < 1e-9, "undelivered ads are paid back"
    assert sum(flight.delivered for flight in sim.ledger.flights) == (sim.posts.impressions[: sim.post_count] * (accounts(sim))).sum()


def accounts(sim: Simulation) -> Any:
    """Tell which posts are ads of the brand's own account."""
    return (sim.posts.creator[: sim.post_count] >= sim.modelled) & (sim.posts.sponsored[: sim.post_count] == 1)


def test_a_part_outage_takes_its_share_of_every_day(undisturbed: Simulation) -> None:
    sim = run(simulation(Outage(day=DAY, days=2, share=0.4), Outage(day=DAY + 1, share=0.5)), orders)
    views = [np.array(s.daily["views_modelled"]) + s.daily["views_outside"] for s in (undisturbed, sim)]
    assert (views[1] / views[0]) == pytest.approx([1, 1, 1, 0.6, 0.3, 1, 1], abs=0.02)


def test_without_discovery_only_the_follow_source_remains() -> None:
    sim = simulation(EVENTS["discovery_off"])
    run(sim, orders)
    items = result_of(sim, "x").feed_items
    by_day = {day: set(items["source"][items["day"] == day]) for day in range(DAYS)}
    for day in (DAY, DAY + 1):
        assert by_day[day] <= {"follow", "empty", "paid"}
        assert "follow" in by_day[day]
        assert sim.daily["views_outside"][day] == 0.0
    assert "interest" in by_day[DAY - 1]
    assert "interest" in by_day[DAY + 2]
    assert "outside" in by_day[DAY + 2]


def test_ad_load_is_what_was_asked(undisturbed: Simulation) -> None:
    sim = run(simulation(EVENTS["ad_load"]), orders)
    items = result_of(sim, "x").feed_items
    outside = np.isin(items["source"], ("outside", "outside_ad")) & (items["day"] >= DAY)
    assert (items["source"][outside] == "outside_ad").mean() == pytest.approx(0.3, abs=0.03)
    assert sim.daily["sponsored_share_seen"][DAY] > undisturbed.daily["sponsored_share_seen"][DAY]


def test_a_reset_forgets_the_same_people_in_every_arm_and_is_learned_again() -> None:
    average = WORLD.people.estimate.mean(axis=0, dtype=np.float64).astype(np.float32)
    forgotten = []
    for plan in (orders, lambda day, creators: []):
        sim = simulation(EVENTS["feed_reset"], horizon=20)
        while sim.day < DAY:
            sim.step(plan(sim.day, sim.modelled))
        sim._play_events()
        forgotten.append((sim.people.estimate == average).all(axis=1))
    assert np.array_equal(*forgotten)
    assert 0.35 < forgotten[0].mean() < 0.65
    assert not (WORLD.people.estimate == average).all(), "the shared world is not written"
    error = [np.abs(sim.people.estimate - sim.people.interests)[forgotten[0]].mean()]
    run(sim, None)
    error.append(np.abs(sim.people.estimate - sim.people.interests)[forgotten[0]].mean())
    assert error[1] < 0.9 * error[0]


def test_ads_keep_the_price_they_were_ordered_at(undisturbed: Simulation) -> None:
    """Dearer impressions concern orders from that day on, so no flight can overdraw its money."""
    sim = until(simulation(), 2)
    spent = sim.ledger.paid
    sim.set_market(MARKET.model_copy(update={"prices": MARKET.prices.model_copy(update={"cpm": 80.0})}))
    while sim.day < DAYS:
        sim.step([])
    assert sim.ledger.paid - spent <= 90.0
    assert abs(sim.ledger.reserved) < 1e-9


def test_a_new_event_is_a_class_and_may_write_columns() -> None:
    class Leaves(LastingEvent):
        """The first creator stops posting."""

        name = "creator_leaves_test"
        claim, source = "Creators leave.", "assumption"

        def apply(self, simulation: Simulation) -> None:
            """Stop posting."""
            simulation.own_column("creators", "posting")[0] = 0.0

    try:
        sim = run(simulation(build_event({"event": "creator_leaves_test", "day": DAY})), None)
        posts = sim.posts[: sim.post_count]
        mine = posts.posted[posts.creator == 0]
        assert len(mine)
        assert mine.max() < DAY
        assert WORLD.creators.posting[0] > 0, "the shared world is not written"
    finally:
        del Event.registry["creator_leaves_test"]


# ------------------------------------------------------------- what cannot change


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [("people", "agents", 300), ("creators", "count", 3), ("feed", "rounds_per_day", 4), ("feed", "max_age", 20), ("ties", "half_life", 9),
     ("brand", "topic", 2), ("graph", "reciprocity", 0.9), ("funnel", "initial_awareness", 0.5), ("brand", "margin", 0.1)],
)  # fmt: skip
def test_what_cannot_change_in_mid_run(group: str, name: str, value: float) -> None:
    sim = until(simulation(), 1)
    other = MARKET.model_copy(update={group: getattr(MARKET, group).model_copy(update={name: value})})
    with pytest.raises(ValueError, match=rf"cannot change in mid-run: market\.{group}\.{name}: \w+"):
        sim.set_market(other)
    assert sim.market is MARKET
    assert sim.base_market is MARKET


def test_parameters_that_may_change_do_something() -> None:
    """Every other group moves the rest of the run."""
    for group, name, value in [("response", "like_rate", 0.3), ("funnel", "baseline_rate", 0.5), ("creators", "post_sd", 2.0),
                               ("ties", "unfollow_daily", 0.05), ("brand", "price", 400.0), ("feed", "rank_noise", 0.9)]:  # fmt: skip
        base = until(simulation(), 2)
        other = base.fork(market=MARKET.model_copy(update={group: getattr(MARKET, group).model_copy(update={name: value})}))
        assert differing(outputs(until(base, 5)), outputs(until(other, 5))), f"{group}.{name}"


# ---------------------------------------------------------------- scenario file

BASE = "strategies: [none]\nhorizon: 20\nmarket: {people: {agents: 200, population: 2000}, creators: {count: 9}, feed: {stage_quota: 40}}\n"


@pytest.mark.parametrize(
    ("event", "column", "code", "words"),
    [
        ("{day: 3, event: outge}", 20, "S105", "unknown event"),
        ("{day: 3, event: feed_change, feed: {policy: randm}}", 48, "S105", "no choice"),
        ("{day: 3, event: feed_change, feed: {exploration_shar: 1}}", 40, "S102", "unknown key `exploration_shar`"),
        ("{day: 3, event: feed_change, feed: {exploration_share: 4}}", 59, "S104", "out of range"),
        ("{day: 3, event: feed_change, feed: {max_age: 4}}", 49, "S109", "cannot change in mid-run"),
        ("{day: 3, event: feed_change, feed: {}}", 39, "S109", "nothing would change"),
        ("{day: 3, event: feed_change}", 4, "S106", "`feed` is missing"),
        ("{day: 3, event: ad_load}", 4, "S109", "nothing would change"),
        ("{day: 3, event: outage, share: .nan}", 35, "S104", "finite number"),
        ("{event: outage}", 4, "S106", "`day` is missing"),
        ("{day: 3}", 4, "S106", "`event` is missing"),
        ("{day: 1.5, event: outage}", 10, "S103", "wrong type"),
        ("{day: -1, event: outage}", 10, "S104", "out of range"),
        ("{day: 20, event: outage}", 10, "S109", "would never happen"),
        ("{day: 3, event: outage, params: {day: 4}}", 37, "S107", "stands twice"),
        ("outage", 4, "S103", "cannot read this event"),
        ("{day: 3, event: feed_change, feed: {stage_quota: 5000}}", 4, "S109", "on day 3: test stages need"),
    ],
)
def test_mistakes_have_places(tmp_path: Path, event: str, column: int, code: str, words: str) -> None:
    (problem,) = problems(tmp_path, f"{BASE}events:\n - {event}\n")
    assert (problem.line, problem.code) == (5, code)
    assert words in problem.message
    assert problem.column == column


def test_events_that_only_fail_together_are_found(tmp_path: Path) -> None:
    mixture = "- {day: 2, event: feed_change, feed: {mode: slot_mixture, weight_follow: 0}, days: "
    alone = f"{BASE}events:\n{mixture}2}}\n- {{day: 4, event: discovery_off}}\n"
    assert len(load_scenario(write(tmp_path, alone)).scenario.events) == 2
    (problem,) = problems(tmp_path, f"{BASE}events:\n{mixture}3}}\n- {{day: 4, event: discovery_off}}\n")
    assert (problem.line, problem.code) == (6, "S109")
    assert problem.message.startswith("on day 4: all sources of the slot mixture weigh nothing")


def test_a_list_is_wanted(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, BASE + "events: {day: 3, event: outage}\n")
    assert problem.key == "events"
    assert "must be a list" in problem.message
    assert load_scenario(write(tmp_path, BASE + "events:\n")).scenario.events == ()


def test_events_are_part_of_the_question(tmp_path: Path) -> None:
    text = BASE + "events:\n- {day: 3, event: outage}\n- {day: 1, event: feed_change, feed: {policy: random}}\n"
    loaded = load_scenario(write(tmp_path, text))
    scenario = loaded.scenario
    assert [entry.build() for entry in scenario.events] == [Outage(day=3), FeedChange(day=1, feed={"policy": "random"})]
    assert loaded.origins["events"].endswith("x.yaml:5")
    plain = scenario.model_dump(mode="json")
    assert plain["events"][0] == {"event": "outage", "params": {"day": 3, "days": 1, "share": 1.0}}
    again = scenario_from_dict(plain)
    assert again.digest == scenario.digest
    assert again.events == scenario.events
    assert scenario.model_copy(update={"events": ()}).digest != scenario.digest
    shorter = load_scenario(write(tmp_path, text), ["events=[{day: 3, event: outage}]"]).scenario
    assert shorter.events == scenario.events[:1]


def test_events_happen_in_every_arm_of_a_study_and_in_the_model() -> None:
    market = {"people": {"agents": 120, "population": 1200}, "creators": {"count": 6}, "feed": {"stages": 0}}
    events = [{"day": 2, "event": "outage"}]
    scenario = scenario_from_dict({"market": market, "strategies": ["none", "paid_infeed"], "horizon": 4, "budget": 20, "events": events})
    for label in ("none", "paid_infeed"):
        daily = run_one(scenario, label, 0).daily
        assert ((daily["views_modelled"] + daily["views_outside"]) == 0).tolist() == [False, False, True, False]
    model = InfluenceModel(scenario, "paid_infeed")
    while model.running:
        model.step()
    assert model.daily["views_outside"].tolist() == daily["views_outside"].tolist()


def test_the_guide_does_what_it_says(monkeypatch: pytest.MonkeyPatch, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(repository)
    document = (repository / "docs/howto/change_the_platform.md").read_text()
    known: dict[str, Any] = {"__name__": "guide"}
    try:
        for block in re.findall(r"```python\n(.*?)```", document, re.DOTALL):
            exec(block, known)
        (events,) = re.findall(r"```yaml\n(events:\n.*?)```", document, re.DOTALL)
        assert len(scenario_from_dict({"strategies": ["none"], **YAML(typ="safe").load(events)}).events) == 2
        listed = set(re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE))
        assert listed == {name for name, kind in event_types().items() if kind.__module__.startswith("influence_sim.")}
    finally:
        Event.registry.pop("writers_block", None)

"""Scenario files: what loads, where every value came from, and how parts are laid over one another."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from scenario_files import BASE, problems, write

from influence_sim.feeds import FeedPolicy, policies, with_policy
from influence_sim.scenario import (
    Market,
    Scenario,
    ScenarioError,
    load_scenario,
    parameters,
    scenario_from_dict,
)
from influence_sim.scenario.checks import stage_load
from influence_sim.scenario.parameters import Feed
from influence_sim.strategies import Strategy

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_forms_of_strategies(tmp_path: Path) -> None:
    text = """
strategies:
  - none
  - macro: {creators: 3}
  - big:
      strategy: macro
      creators: 4
  - bigger: {strategy: macro, params: {creators: 5}}
  - short: paid_infeed
  - {strategy: paid_infeed, days: 2}
"""
    arms = load_scenario(write(tmp_path, text)).scenario.strategies
    assert {label: entry.strategy for label, entry in arms.items()} == {
        "none": "none", "macro": "macro", "big": "macro", "bigger": "macro", "short": "paid_infeed", "paid_infeed": "paid_infeed",
    }  # fmt: skip
    assert [arms[label].params["creators"] for label in ("macro", "big", "bigger")] == [3, 4, 5]
    assert arms["paid_infeed"].params["days"] == 2
    assert isinstance(arms["big"].build(), Strategy.registry["macro"])
    mapping = scenario_from_dict({"strategies": {"a": {"strategy": "macro", "creators": 4}}})
    assert mapping.strategies["a"] == arms["big"]


def test_extends_market_by_reference_and_inline(tmp_path: Path) -> None:
    write(tmp_path, "people: {agents: 700}\nbrand: {price: 9}\n", "markets/a.yaml")
    write(tmp_path, "extends: a.yaml\nbrand: {margin: 0.1}\n", "markets/b.yaml")
    write(tmp_path, "brand: {price: 3}\n", "markets/c.yaml")
    base = "market: markets/b.yaml\nhorizon: 5\nstrategies: [none, macro]\ntiers: {a: [0, 1]}\n"
    write(tmp_path, base, "base.yaml")
    market = load_scenario(tmp_path / "base.yaml").scenario.market
    assert (market.people.agents, market.brand.price, market.brand.margin) == (700, 9, 0.1)

    merged = load_scenario(write(tmp_path, "extends: base.yaml\nmarket: {brand: {price: 5}}\ntiers: {b: [0, 2]}\nstrategies: [none]\n"))
    market = merged.scenario.market
    assert (market.people.agents, market.brand.price, market.brand.margin) == (700, 5, 0.1)
    assert merged.scenario.horizon == 5
    assert list(merged.scenario.tiers) == ["b"]
    assert list(merged.scenario.strategies) == ["none"]
    assert [os.path.basename(f) for f in merged.files] == ["x.yaml", "base.yaml", "b.yaml", "a.yaml"]

    # a market named by a file replaces an inherited one whole
    market = load_scenario(write(tmp_path, "extends: base.yaml\nmarket: markets/c.yaml\n")).scenario.market
    assert market == Market.model_validate({"brand": {"price": 3}})
    # the same, inline
    inline = load_scenario(write(tmp_path, BASE + "market:\n  extends: markets/c.yaml\n  people: {agents: 900}\n")).scenario.market
    assert (inline.people.agents, inline.brand.price) == (900, 3)
    # a group whose every line is commented out is empty
    assert load_scenario(write(tmp_path, BASE + "market:\n  people:\n    # agents: 3\n")).scenario.market == Market()
    assert load_scenario(write(tmp_path, BASE + "market:\n")).scenario.market == Market()


def test_missing_parts_do_not_cause_more_complaints(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "extends: nowhere.yaml\nmarket: {people: {agents: 50}}\n")) == 1
    assert len(problems(tmp_path, BASE + "market:\n  people: {agents: 50, population: 4x}\n  creators: {count: 0.5}\n")) == 2


def test_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "people:\n  agents: 700\n", "markets/a.yaml")
    write(tmp_path, "market: ../markets/a.yaml\nbudget: 7\n", "s/base.yaml")
    write(
        tmp_path,
        "extends: base.yaml\nmarket:\n  feed:\n    policy: following\n    stages: 1\nstrategies:\n- macro:\n    creators: 3\n",
        "s/x.yaml",
    )
    loaded = load_scenario("s/x.yaml", ["market.brand.price=50", "people.population=9000", "strategies.macro.posts=2"])
    assert loaded.scenario.market.feed.stages == 1
    expected = {
        "name": "file name",
        "horizon": "default",
        "budget": "s/base.yaml:2",
        "market.people.agents": "markets/a.yaml:2",
        "market.people.population": "--set",
        "market.people.topics": "default",
        "market.brand.price": "--set",
        "market.feed.policy": "s/x.yaml:4",
        "market.feed.mode": "policy following",
        "market.feed.stages": "s/x.yaml:5",
        "market.feed.rounds_per_day": "default",
        "strategies.macro.strategy": "s/x.yaml:7",
        "strategies.macro.params.creators": "s/x.yaml:8",
        "strategies.macro.params.posts": "--set",
        "strategies.macro.params.start": "default",
        "tiers.nano": "default",
    }
    assert {key: loaded.origins[key] for key in expected} == expected
    assert {f"market.{p.path}" for p in parameters()} <= set(loaded.origins)
    assert loaded.scenario.name == "x"


def test_overrides(tmp_path: Path) -> None:
    path = write(tmp_path, "strategies:\n- none\n- macro: {creators: 3}\nmarket: {brand: {price: 9}}\n")
    sets = [
        "market.feed.policy=random",
        "budget=2e3",
        "horizon=5",
        "name=n",
        "strategies.macro.creators=4",
        "tiers={all: [0, .inf]}",
        "precision=null",
    ]
    scenario = load_scenario(path, sets).scenario
    assert scenario.market.feed.ranking == "arrival"
    assert (scenario.budget, scenario.horizon, scenario.name, scenario.precision) == (2000, 5, "n", None)
    assert scenario.strategies["macro"].params["creators"] == 4
    assert list(scenario.tiers) == ["all"]
    assert list(load_scenario(path, ["strategies=[none, paid_infeed]"]).scenario.strategies) == ["none", "paid_infeed"]
    assert load_scenario(path, ["strategies.macro={creators: 9}"]).scenario.strategies["macro"].params["creators"] == 9
    assert load_scenario(path, ["horizon=1", "horizon=2"]).scenario.horizon == 2
    city = write(tmp_path, "people: {agents: 300}\n", "city.yaml")
    market = load_scenario(path, [f"market={city}", "market.brand.price=2"]).scenario.market
    assert (market.people.agents, market.brand.price) == (300, 2)


def test_feed_policies() -> None:
    assert {"following", "for_you", "random"} <= set(policies())
    assert dict(policies()["for_you"].values) == {}
    for name, policy in policies().items():
        scenario = scenario_from_dict({"strategies": ["none"], "market": {"feed": {"policy": name}}})
        assert scenario.market.feed == with_policy(Feed(), name)
        assert {key: getattr(scenario.market.feed, key) for key in policy.values} == dict(policy.values)
        assert pickle.loads(pickle.dumps(policy)) == policy
    # however the market is made, what was said explicitly wins over the policy, and the policy over defaults
    feed = Feed(policy="following", stages=2)
    for market in (Market(feed=feed), {"feed": feed}, {"feed": {"policy": "following", "stages": 2}}):
        made = Scenario.model_validate({"market": market, "strategies": {"none": {"strategy": "none"}}}).market.feed
        assert made == scenario_from_dict({"market": market, "strategies": ["none"]}).market.feed
        assert (made.mode, made.stages, made.exploration_share) == ("slot_mixture", 2, 0)


@pytest.mark.parametrize("values", [{"policy": "random"}, {"nothing": 1}, {"stages": 99}])
def test_a_wrong_feed_policy_is_refused_when_defined(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        FeedPolicy("broken", "claim", "assumption", values)
    assert "broken" not in FeedPolicy.registry
    with pytest.raises(ValueError, match="exists"):
        FeedPolicy("random", "claim", "assumption", {})


def test_a_new_feed_policy_is_known_to_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeedPolicy, "registry", dict(FeedPolicy.registry))
    FeedPolicy("shuffled", "Nothing but chance.", "assumption", {"rank_noise": 1.0})
    assert scenario_from_dict({"strategies": ["none"], "market": {"feed": {"policy": "shuffled"}}}).market.feed.rank_noise == 1.0


def test_stage_load() -> None:
    need, have = stage_load(Market())
    assert need == pytest.approx(100 * 0.6 * 200 * (1 + 1.2 + 1.44))
    assert have == pytest.approx(0.1 * 80 * 40_000)
    tight = {"strategies": ["none"], "market": {"feed": {"stage_quota": 2000}}}
    for change in ("feed.stages=0", "feed.exploration_share=0", "feed.mode=slot_mixture", "feed.policy=random", "feed.stage_quota=1465"):
        scenario_from_dict(tight, [change])
    with pytest.raises(ScenarioError, match="436,800"):
        scenario_from_dict(tight)


def test_graph_file_is_found_beside_the_scenario_and_its_folder_does_not_enter_the_digest(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n", "s/g.csv")
    path = write(tmp_path, BASE + "graph_file: g.csv\nname: x\n", "s/x.yaml")
    loaded = load_scenario(path)
    assert loaded.scenario.graph_file == str(tmp_path / "s" / "g.csv")
    write(tmp_path, "a,b\n", "t/g.csv")
    other = load_scenario(write(tmp_path, BASE + "graph_file: g.csv\nname: x\n", "t/x.yaml")).scenario
    assert other.digest == loaded.scenario.digest
    assert other.model_copy(update={"graph_file": "h.csv"}).digest != other.digest
    near = problems(tmp_path, BASE + "graph_file: s/gg.csv\n")
    assert near[0].suggestion.endswith("g.csv")


def test_digest() -> None:
    one = scenario_from_dict({"strategies": ["none", "macro"], "budget": 1500})
    assert len(one.digest) == 64
    assert one.digest == scenario_from_dict({"budget": 1500.0, "strategies": ["none", {"macro": {"creators": 2}}]}).digest
    assert one.digest == pickle.loads(pickle.dumps(one)).digest
    assert one.model_copy(update={"budget": 1500}).digest == one.digest
    changed = one.model_copy(update={"budget": 1600.0})
    assert changed.digest != one.digest
    assert changed.model_copy(update={"budget": 1500.0}).digest == one.digest
    market = one.market.model_copy(update={"brand": one.market.brand.model_copy(update={"price": 41.0})})
    assert one.model_copy(update={"market": market}).digest != one.digest
    assert scenario_from_dict({"strategies": ["none", {"macro": {"creators": 3}}]}).digest != one.digest


def test_python_front_doors() -> None:
    scenario = scenario_from_dict({"strategies": ["none", "macro"], "market": {"feed": {"policy": "following"}}, "tiers": {"a": (0, 5)}})
    assert scenario_from_dict(scenario.model_dump()) == scenario
    assert Scenario.model_validate_json(scenario.model_dump_json().replace("null]", "1e9]")).market == scenario.market
    with pytest.raises(ValueError, match="did you mean `macro`"):
        Scenario(strategies={"a": {"strategy": "macroo"}})
    with pytest.raises(ValueError, match="at least one strategy"):
        Scenario(strategies={})
    with pytest.raises(ValueError, match="unknown feed policy"):
        Scenario(strategies={"none": {"strategy": "none"}}, market=Market(feed=Feed(policy="x")))
    with pytest.raises(ScenarioError) as caught:
        scenario_from_dict({"strategies": ["none"], "horizon": {1, 2}, "budget": object()})
    assert [p.location for p in caught.value.problems] == ["<mapping>", "<mapping>"]
    loop: dict[str, object] = {}
    loop["name"] = loop
    with pytest.raises(ScenarioError, match="deeply"):
        scenario_from_dict(loop)
    with pytest.raises(ValueError):
        scenario.budget = 3


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_scenarios_that_come_with_the_project_load(path: Path) -> None:
    loaded = load_scenario(path)
    assert loaded.scenario.name == path.stem
    assert loaded.scenario.question.endswith("?")
    assert path.read_text().startswith("#")
    assert "none" in loaded.scenario.strategies


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("markets/*.yaml")), ids=lambda path: path.stem)
def test_the_markets_that_come_with_the_project_load(path: Path) -> None:
    assert path.read_text().startswith("#")
    market = scenario_from_dict({"strategies": ["none"], "market": path}).market
    assert market != Market()


def test_demo_network_and_germany() -> None:
    demo = load_scenario(SCENARIOS / "demo.yaml").scenario
    assert list(demo.strategies) == ["none", "micro_portfolio", "macro", "paid_infeed"]
    assert (demo.budget, demo.horizon, demo.replications, demo.precision) == (1500, 28, 10, "demo")
    assert (demo.market.people.agents, demo.market.people.population) == (2000, 40_000)
    # a graph of 475 people, everybody simulated, still has the impressions its test stages need
    load_scenario(SCENARIOS / "network.yaml", ["people.agents=475", "people.population=475"])
    germany = scenario_from_dict({"strategies": ["none"], "market": SCENARIOS / "markets" / "germany_2019.yaml"}).market
    people, creators = germany.people, germany.creators
    assert people.population * people.views_per_day * 365 / 12 == pytest.approx(13.4e9, rel=0.01)
    assert people.views_per_day * (creators.duration_min + creators.duration_max) / 2 / 60 == pytest.approx(50)

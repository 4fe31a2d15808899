"""The JSON Schema for editors: shipped files pass, wrong ones fail, and the shipped schema is the present one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from influence_sim.cli import main
from influence_sim.scenario import ScenarioError, load_scenario
from influence_sim.scenario.document import parse
from influence_sim.scenario.json_schema import market_schema, scenario_schema
from influence_sim.studies.experiment import experiment_schema, load_experiment

TOP = Path(__file__).parents[2]
SCENARIOS = sorted((TOP / "scenarios").glob("*.yaml"))
MARKETS = sorted((TOP / "scenarios" / "markets").glob("*.yaml"))
EXPERIMENTS = [TOP / "experiments" / "first_sweep.yaml", *(TOP / "experiments" / "ranking_sensitivity").glob("s*.yaml")]
SHIPPED = {
    "scenario.schema.json": scenario_schema, "market.schema.json": market_schema, "experiment.schema.json": experiment_schema,
}  # fmt: skip


def tree(text: str) -> Any:
    """Return the plain values of a YAML text, as an editor would check them."""
    node = parse(text, "x.yaml", [])
    assert node is not None
    return node.plain()


def errors(text: str, schema: dict[str, Any] | None = None) -> list[str]:
    """Return what is wrong with a YAML text, by JSON Schema alone."""
    return [error.message for error in Draft7Validator(schema or scenario_schema()).iter_errors(tree(text))]


@pytest.mark.parametrize("make", [scenario_schema, market_schema, experiment_schema])
def test_it_is_a_schema(make: Any) -> None:
    Draft7Validator.check_schema(make())


@pytest.mark.parametrize("path", SCENARIOS + MARKETS, ids=lambda path: path.name)
def test_shipped_files_pass_and_name_their_schema(path: Path) -> None:
    text = path.read_text()
    assert errors(text, market_schema() if path in MARKETS else None) == []
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve().name == ("market" if path in MARKETS else "scenario") + ".schema.json"
    assert (path.parent / first.partition("=")[2]).is_file()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_schema_is_current(name: str) -> None:
    shipped = json.loads((TOP / "scenarios" / name).read_text())
    kind = "" if name.startswith("scenario") else f" --{name.partition('.')[0]}"
    assert shipped == SHIPPED[name](), f"run: influence-sim schema{kind} --out scenarios/{name}"


@pytest.mark.parametrize(
    "arms",
    [
        "[none, macro]",
        "[none, {macro: {followers_min: 10_000}}]",
        "[{small: {strategy: micro_portfolio, creators: 3}}, {large: macro}]",
        "[{strategy: macro, params: {creators: 1}}]",
        "{none: , small: {strategy: micro_portfolio}, macro: {creators: 3}, paid_infeed: paid_infeed}",
        "{macro: {strategy: mega}}",
        "[{mixed: {micro_share: .5, celebrity_share: 0.25}}]",
        "[{micro_portfolio: {followers_max: null, selector: greedy_reach}}]",
    ],
)
def test_every_way_to_write_an_arm_passes_and_loads(arms: str, tmp_path: Path) -> None:
    text = f"strategies: {arms}\n"
    assert errors(text) == []
    (tmp_path / "x.yaml").write_text(text)
    assert load_scenario(tmp_path / "x.yaml").scenario.strategies


@pytest.mark.parametrize(
    "text",
    [
        "horizon: 3",
        "strategies: [macor]",
        "strategies: [none, {macro: {creatrs: 3}}]",
        "strategies: [{small: {creators: 3}}]",
        "strategies: [{strategy: macro, creators: 0}]",
        "strategies: {macro: {selector: largest}}",
        "strategies: {macro: {disclosure: loud}}",
        "strategies: 5",
        "strategies: [none]\nhorizon: 0",
        "strategies: [none]\nhorizon: 2.5",
        "strategies: [none]\nhorizon: soon",
        "strategies: [none]\nbudget: -1",
        "strategies: [none]\nhorizn: 3",
        "strategies: [none]\nobjective: fame",
        "strategies: [none]\nmarket: 7",
        "strategies: [none]\nmarket: city",
        "strategies: [none]\nmarket: {peple: {agents: 3}}",
        "strategies: [none]\nmarket: {people: {agents: 0}}",
        "strategies: [none]\nmarket: {feed: {policy: for_me}}",
        "strategies: [none]\nmarket: {feed: {mode: mixed}}",
        "strategies: [none]\nmarket: {feed: {repeats: 2}}",
        "strategies: [none]\ntiers: {small: [0, 10, 20]}",
    ],
)
def test_what_the_loader_refuses_fails_in_the_editor_too(text: str, tmp_path: Path) -> None:
    assert errors(text)
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ScenarioError):
        load_scenario(tmp_path / "x.yaml")


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_shipped_experiments_pass_and_name_their_schema(path: Path) -> None:
    text = path.read_text()
    assert errors(text, experiment_schema()) == []
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == TOP / "scenarios" / "experiment.schema.json"


@pytest.mark.parametrize(
    "text",
    [
        "markets: [a.yaml, b.yaml]\nstrategies: [none]",
        "markets: {here: a.yaml}\nset: {horizon: 3, feed.stages: 0}",
        "design: {kind: grid, parameters: {budget: [1, 2], horizon: {values: [3]}, feed.policy: [x_like]}}",
        "design: {kind: lhs, points: 8, seed: 4, parameters: {budget: {low: 1, high: 2, scale: log}}}",
        "design: {kind: table, file: points.csv}\nreplications: 1_000",
        "stop: {series: reach_cumulative, at_least: 5, total: true}\nmeasures: [reach]",
        "precision: {measure: reach, difference: [a, b], half_width: 2.5, first: 4, batch: 1, most: 9}",
    ],
)
def test_what_an_experiment_may_say_passes(text: str) -> None:
    assert errors(f"scenario: x.yaml\n{text}", experiment_schema()) == []


@pytest.mark.parametrize(
    "text",
    [
        "scenario: 7",
        "name: x",
        "scenario: x.yaml\ndesing: {kind: grid}",
        "scenario: x.yaml\ndesign: {kind: lsh, parameters: {budget: [1]}}",
        "scenario: x.yaml\ndesign: {parameters: {budget: [1]}}",
        "scenario: x.yaml\ndesign: {kind: grid, parameters: {budget: []}}",
        "scenario: x.yaml\ndesign: {kind: grid, parameters: {budget: {lowest: 3}}}",
        "scenario: x.yaml\nreplications: 0",
        "scenario: x.yaml\nmeasures: []",
        "scenario: x.yaml\nstop: {series: purchase, at_least: 3}",
        "scenario: x.yaml\nprecision: {measure: reach, difference: [a], half_width: 2}",
        "scenario: x.yaml\nprecision: {measure: reach, difference: [a, b], half_width: 0}",
    ],
)
def test_what_an_experiment_may_not_say_fails_in_the_editor_too(text: str, tmp_path: Path) -> None:
    assert errors(text, experiment_schema())
    (tmp_path / "x.yaml").write_text("strategies: [none]\n")
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ScenarioError):
        load_experiment(tmp_path / "plan.yaml")


def test_grouped_digits_are_numbers_even_where_an_editor_reads_text() -> None:
    validator = Draft7Validator(scenario_schema())
    assert validator.is_valid({"strategies": ["none"], "budget": "1_500", "market": {"people": {"population": "40_000"}}})
    assert not validator.is_valid({"strategies": ["none"], "budget": "1500 USD"})


def test_a_parameter_says_unit_range_default_and_source() -> None:
    quota = market_schema()["properties"]["feed"]["properties"]["stage_quota"]
    for part in ("impressions", "1 to 10,000,000", "default 200", "Practitioners: 200-500 for the first pool (C)"):
        assert part in quota["description"]
    assert (quota["minimum"], quota["maximum"]) == (1, 1e7)


def test_the_command_prints_or_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == scenario_schema()
    out = tmp_path / "deep" / "s.json"
    assert main(["schema", "--market", "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == market_schema()
    assert [path.name for path in out.parent.iterdir()] == ["s.json"]
    capsys.readouterr()
    assert main(["schema", "--experiment", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == experiment_schema()
    assert main(["schema", "--experiment", "--market"]) == 2
    (tmp_path / "file").write_text("")
    assert main(["schema", "--out", str(tmp_path / "file" / "s.json")]) == 6

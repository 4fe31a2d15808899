"""`new` writes scenarios that load and run, over nothing; `doctor` finds what is wrong with a machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from influence_sim.cli import ExitCode, doctor, main
from influence_sim.cli.template import scenario_text
from influence_sim.scenario import Market, load_scenario
from influence_sim.scenario.document import parse
from influence_sim.scenario.json_schema import scenario_schema
from influence_sim.scenario.parameters import parameters
from influence_sim.strategies import strategy_types

TOP = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)


def call(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = main([str(a) for a in args])
    out, err = capsys.readouterr()
    return code, out, err


# ------------------------------------------------------------------ new


@pytest.mark.parametrize("market", [None, "city", "germany_2019", "scenarios/markets/city.yaml"])
def test_what_is_written_loads_checks_and_says_everything(capsys: pytest.CaptureFixture[str], tmp_path: Path, market: str | None) -> None:
    file = tmp_path / "deep" / "mine.yaml"
    options = ["--market", market] if market else []
    assert call(capsys, "new", file, *options)[0] == 0
    assert [path.name for path in file.parent.iterdir()] == ["mine.yaml"]
    assert call(capsys, "check", file)[0] == 0
    scenario = load_scenario(file).scenario
    assert (scenario.name, list(scenario.strategies)) == ("mine", ["none", "micro_portfolio", "macro", "paid_infeed"])
    base = {None: None, "city": "city"}.get(market, Path(market or "").stem)
    same = load_scenario(TOP / "scenarios" / "demo.yaml", [f"market=scenarios/markets/{base}.yaml"]).scenario.market if base else Market()
    assert scenario.market == same
    text = file.read_text()
    for line in parameters():
        assert f"# {line.path.partition('.')[2]}: " in text
        assert line.source in text
    node = parse(text, "x", [])
    assert node is not None
    assert Draft7Validator(scenario_schema()).is_valid(node.plain())


def test_every_commented_value_is_the_one_that_holds(tmp_path: Path) -> None:
    """With every `# name: value` made active, nothing changes."""
    file = tmp_path / "x.yaml"
    plain = scenario_text(file, list(strategy_types()), TOP / "scenarios" / "markets" / "city.yaml")
    file.write_text(plain)
    before = load_scenario(file).scenario
    active = [line.replace("    # ", "    ", 1) if line.startswith("    # ") and ": " in line[:40] else line for line in plain.splitlines()]
    file.write_text("\n".join(active))
    assert len([1 for a, b in zip(active, plain.splitlines(), strict=True) if a != b]) > 150
    assert load_scenario(file).scenario.digest == before.digest


@pytest.mark.parametrize("population", [1, 30, 900, 2_000, 40_000, 5_500_000])
def test_bands_fit_into_markets_of_any_size(tmp_path: Path, population: int) -> None:
    market = tmp_path / "m.yaml"
    market.write_text(f"people: {{agents: 1, population: {population}}}\ncreators: {{count: 1}}\nfeed: {{stages: 0}}\n")
    file = tmp_path / "x.yaml"
    file.write_text(scenario_text(file, list(strategy_types()), market))
    arms = load_scenario(file).scenario.strategies
    assert all(arm.params.get("followers_min", 0) < max(population, 2) for arm in arms.values())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["taken.yaml"], "exists and is left alone"),
        (["taken"], "exists and is left alone"),
        (["x.toml"], "must end in .yaml"),
        (["a\nb.yaml"], "cannot be printed"),
        (["x.yaml", "--market", "germany"], "Did you mean `germany_2019`?"),
        (["x.yaml", "--strategies", "none,macor"], "Did you mean `macro`?"),
        (["x.yaml", "--strategies", "none,none"], "named twice"),
        (["x.yaml", "--strategies", ","], "name at least one"),
    ],
)
def test_mistakes_write_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path, args: list[str], said: str) -> None:
    (tmp_path / "taken.yaml").write_text("mine")
    code, _, err = call(capsys, "new", tmp_path / args[0], *args[1:])
    assert (code, said in err) == (ExitCode.USAGE, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["taken.yaml"]
    assert (tmp_path / "taken.yaml").read_text() == "mine"


def test_a_broken_market_is_explained_with_its_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("people:\n  agnts: 3\n")
    code, _, err = call(capsys, "new", tmp_path / "x.yaml", "--market", tmp_path / "m.yaml")
    assert (code, "m.yaml:2:3" in err) == (ExitCode.SCENARIO_INVALID, True)
    assert not (tmp_path / "x.yaml").exists()


def test_without_the_repository_the_file_is_complete(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "new", "x")[0] == 0
    assert "yaml-language-server" not in Path("x.yaml").read_text()
    assert load_scenario("x.yaml").scenario.market == Market()


# ------------------------------------------------------------------ doctor


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the run of two seconds a run of none."""
    monkeypatch.setattr(doctor, "SMOKE_AGENTS", 60)
    monkeypatch.setattr(doctor, "SMOKE_DAYS", 2)


def findings(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    code, out, _ = call(capsys, "doctor", "--json", "-q")
    return code, {row["check"]: row for row in json.loads(out)["result"]["checks"]}


@pytest.mark.usefixtures("quick")
def test_a_sound_machine(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "doctor")
    assert code == 0
    assert "one and two threads give the same bytes" in out
    assert out.splitlines()[-1].startswith("Everything needed is here.")
    names = ("Python", "packages", "processors", "memory", "disk", "cache", "kernels", "scenarios", "terminal", "run", "threads")
    assert tuple(findings(capsys)[1]) == names


@pytest.mark.usefixtures("quick")
def test_what_is_wrong_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.metadata as metadata

    from influence_sim import jit

    versions = metadata.version

    def version(name: str) -> str:
        if name == "mesa":
            raise metadata.PackageNotFoundError(name)
        return versions(name)

    (tmp_path / "scenarios").mkdir()
    shutil.copy(TOP / "scenarios" / "following.yaml", tmp_path / "scenarios")  # without what it extends
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(jit, "CACHE_DIR", tmp_path / "file" / "below")
    monkeypatch.setattr(doctor, "free_memory", lambda: 2.0**20)
    monkeypatch.setattr(doctor, "_bytes", lambda result: str(id(result)))
    monkeypatch.setattr("influence_sim.engine.warm_up", lambda announce: None)
    code, found = findings(capsys)
    assert code == ExitCode.ENVIRONMENT
    assert {name for name, row in found.items() if row["status"] == "failed"} == {"packages", "cache", "scenarios", "threads"}
    assert found["packages"]["found"] == "missing: mesa"
    assert found["memory"]["status"] == "warning"
    assert all(row["advice"] for row in found.values() if row["status"] != "ok")
    _, out, _ = call(capsys, "doctor")
    assert "FAILED   packages" in out
    assert "to do: pip install" in out


@pytest.mark.usefixtures("quick")
def test_other_versions_and_switched_off_kernels_are_warnings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata as metadata

    versions = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0" if name == "mesa" else versions(name))
    monkeypatch.setitem(os.environ, "NUMBA_DISABLE_JIT", "1")  # read by the check; numba itself is loaded already
    code, found = findings(capsys)
    assert code == 0
    assert "mesa 0.0 (tested " in found["packages"]["found"]
    assert found["kernels"]["status"] == "warning"


def test_a_check_that_breaks_is_a_finding(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(console: Any) -> Any:
        raise ModuleNotFoundError("No module named 'x'")

    monkeypatch.setattr(doctor, "CHECKS", (gone,))
    code, found = findings(capsys)
    assert (code, found["gone"]["status"]) == (ExitCode.ENVIRONMENT, "failed")
    assert "pip install" in found["gone"]["advice"]


def test_kernels_compiled_for_one_place_are_not_those_of_another(tmp_path: Path) -> None:
    """Numba caches by the folder of the sources: a second clone that took itself for warm compiled while its first page waited."""
    ask = "from influence_sim.jit import is_cold; print(is_cold())"
    shutil.copytree(TOP / "src" / "influence_sim", tmp_path / "else" / "influence_sim", ignore=shutil.ignore_patterns("__pycache__"))
    for folder, cold in ((TOP / "src", "False"), (tmp_path / "else", "True")):
        there = {**os.environ, "PYTHONPATH": str(folder)}
        found = subprocess.run([sys.executable, "-c", ask], env=there, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert found.stdout.strip() == cold

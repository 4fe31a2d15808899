"""Shell completion and `explain`: what is offered, and what is said about a parameter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from influence_sim.cli import ExitCode, main
from influence_sim.cli.app import _COMPLETION, _VERBS, cli
from influence_sim.cli.keys import keys

TOP = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)


def offered(*words: str, shell: type[ShellComplete] = BashComplete) -> list[str]:
    """Return what a shell offers for the last word."""
    *before, last = words
    return [item.value for item in shell(cli, {}, "influence-sim", _COMPLETION).get_completions(before, last)]


def test_commands() -> None:
    assert offered("") == list(_VERBS)
    assert offered("comp") == ["compare"]
    assert offered("nosuch", "x") == []


@pytest.mark.parametrize("verb", ["check", "compare", "run", "show"])
def test_scenario_files(verb: str) -> None:
    assert "scenarios/demo.yaml" in offered(verb, "")
    assert offered(verb, "scenarios/de") == ["scenarios/demo.yaml"]
    assert "scenarios/markets/city.yaml" in offered(verb, "scenarios/markets/")


def test_strategies_of_the_scenario_on_the_line() -> None:
    assert offered("run", "scenarios/demo.yaml", "--strategy", "") == ["none", "micro_portfolio", "macro", "paid_infeed"]
    assert "mega" in offered("run", "--strategy", "m")  # no scenario yet: all there are


def test_set_keys_and_the_names_a_choice_allows() -> None:
    assert offered("show", "scenarios/demo.yaml", "--set", "feed.stage_q") == ["feed.stage_quota="]
    assert "strategies.macro.creators=" in offered("show", "scenarios/demo.yaml", "--set", "strategies.mac")
    assert "horizon=" in offered("check", "--set", "ho")
    assert offered("check", "--set", "feed.policy=f") == ["feed.policy=following", "feed.policy=for_you"]
    assert offered("check", "--set", "feed.mode=") == ["feed.mode=blended", "feed.mode=slot_mixture"]
    assert offered("check", "--set", "feed.repeats=t") == ["feed.repeats=true"]
    assert offered("show", "scenarios/demo.yaml", "--set", "strategies.macro.selector=gr") == ["strategies.macro.selector=greedy_reach"]
    assert offered("check", "--set", "nothing=") == []


def test_every_offered_key_can_be_set() -> None:
    from influence_sim.scenario import load_scenario
    from influence_sim.scenario.errors import ScenarioError

    unknown = []
    for setting in offered("show", "scenarios/demo.yaml", "--set", ""):
        try:
            load_scenario("scenarios/demo.yaml", [f"{setting}[]"])  # a wrong value for nearly all: what counts is that the key is known
        except ScenarioError as error:
            unknown += [setting for p in error.problems if p.code in ("S102", "S111") and p.key.endswith(setting[:-1])]
    assert not unknown


def test_a_broken_scenario_on_the_line_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("horizon: [")
    assert "feed.rank_noise=" in offered("show", str(tmp_path / "x.yaml"), "--set", "feed.rank")


def test_parameters_in_full_or_by_last_part() -> None:
    assert offered("explain", "feed.rank_n") == ["feed.rank_noise"]
    assert offered("explain", "rank_n") == ["rank_noise"]
    assert offered("explain", "xyzzy") == []


@pytest.mark.parametrize(("shell", "name"), [(BashComplete, "bash"), (ZshComplete, "zsh"), (FishComplete, "fish")])
def test_every_shell_gets_its_script_and_its_answers(shell: type[ShellComplete], name: str) -> None:
    words = {"COMP_WORDS": "influence-sim check scenarios/de", "COMP_CWORD": "2" if name != "fish" else "scenarios/de"}
    for instruction, wanted in ((f"{name}_source", _COMPLETION), (f"{name}_complete", "scenarios/demo.yaml")):
        done = subprocess.run(
            [sys.executable, "-m", "influence_sim.cli"], capture_output=True, text=True, check=False,
            env={**os.environ, **words, _COMPLETION: instruction},
        )  # fmt: skip
        assert (done.returncode, wanted in done.stdout) == (0, True), done.stderr
    assert shell(cli, {}, "influence-sim", _COMPLETION).source()


# ------------------------------------------------------------------ explain


def explained(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["explain", *args])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", ["feed.stage_quota", "market.feed.stage_quota", "stage_quota"])
def test_a_parameter_is_explained(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = explained(capsys, name)
    assert code == 0
    for part in ("feed.stage_quota", "impressions", "1 to 10,000,000", "200", "Practitioners: 200-500", "C, vendor page",
                 "--set feed.stage_quota=VALUE"):  # fmt: skip
        assert part in out


def test_who_sets_another_value(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = explained(capsys, "outside_posts", "--json")
    assert {"where": "feed policy following", "value": 0.0} in json.loads(out)["result"][0]["elsewhere"]
    _, out, _ = explained(capsys, "views_per_day", "--json")
    [city] = json.loads(out)["result"][0]["elsewhere"]
    assert (city["where"].partition(":")[0], city["value"]) == ("scenarios/markets/city.yaml", 40)
    _, out, _ = explained(capsys, "macro.followers_min")
    assert "10000 in scenarios/demo.yaml:" in out


def test_one_name_of_several_parameters_explains_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = explained(capsys, "trust", "--json")
    assert [row["name"] for row in json.loads(out)["result"]] == ["response.trust", "brand.trust", "rivals.trust", "wom.trust"]


def test_every_key_can_be_explained(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no scenarios here to load each time
    for key in keys():
        assert key.meaning
        assert explained(capsys, key.name)[0] == 0


def test_a_wrong_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = explained(capsys, "rank_nois")
    assert (code, "did you mean `feed.rank_noise`?" in err) == (ExitCode.NOTHING_MATCHED, True)
    code, _, err = explained(capsys, "xyzzy")
    assert (code, "list parameters" in err) == (ExitCode.NOTHING_MATCHED, True)

"""Sweeps that replicate until a difference is known well enough: the rule, resuming, what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sweeps import journalled, values, write

from influence_sim.cli import main
from influence_sim.scenario import ScenarioError
from influence_sim.studies.experiment import load_experiment
from influence_sim.studies.results import load_design, load_results
from influence_sim.studies.sweep import Counts, estimate, sweep

ASKED = """
set: {people.agents: 60, people.population: 1200}
design: {kind: grid, parameters: {strategies.paid_infeed.days: [1, 2]}}
measures: [reach, profit]
precision: {measure: reach, difference: [paid_infeed, micro_portfolio], half_width: %s, first: 4, batch: 3, most: 12}
"""


def half(results: pd.DataFrame, point: int, n: int) -> float:
    """Return the half-width of the Student interval of the difference over the first `n` worlds of a point."""
    at = results[(results["point"] == point) & (results["replication"] < n)]
    wide = at.pivot(index="replication", columns="strategy", values="reach")
    d = (wide["paid_infeed"] - wide["micro_portfolio"]).to_numpy()
    return float(student.ppf(0.975, n - 1) * d.std(ddof=1) / np.sqrt(n))


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the runs up to the cap."""
    folder = tmp_path_factory.mktemp("every")
    sweep(load_experiment(write(folder, ASKED % 1e-9)), folder / "out", "serial")
    return load_results(folder / "out")


def test_every_point_is_replicated_until_its_difference_is_precise(tmp_path: Path, every: pd.DataFrame) -> None:
    # A width that one point reaches early and the other later, or never.
    widths = {point: {n: half(every, point, n) for n in (4, 7, 10, 12)} for point in (0, 1)}
    wanted = float(np.mean([min(widths[0][4], widths[1][4]), max(widths[0][4], widths[1][4])]))
    expected = {point: next((n for n in of if of[n] <= wanted), 12) for point, of in widths.items()}
    assert len(set(expected.values())) == 2, widths
    asked, out = load_experiment(write(tmp_path, ASKED % wanted)), tmp_path / "out"
    need = estimate(asked)
    assert (need.planned, need.most) == (4 * 4, 4 * 12)
    counts = sweep(asked, out, "serial")
    told = pd.read_csv(out / "precision.csv").set_index("point")
    assert told["replications"].to_dict() == expected
    for point, n in expected.items():
        assert told.loc[point, "half_width"] == pytest.approx(widths[point][n])
        assert told.loc[point, "rule"] == ("precise enough" if widths[point][n] <= wanted else "cap reached")
        assert told.loc[point, "worlds"] == n
    results = load_results(out)
    assert results.groupby("point")["replication"].nunique().to_dict() == expected
    assert counts.planned == counts.finished == counts.ok == results["run_id"].nunique() == len(journalled(out))
    assert load_design(out)["replications"] == min(expected.values())
    assert load_design(out)["precision"]["most"] == 12
    # Again: nothing to do, the same tables.
    tables = {name: (out / name).read_bytes() for name in ("results.parquet", "precision.csv")}
    assert sweep(asked, out, "serial") == Counts(counts.planned, counts.planned)
    assert {name: (out / name).read_bytes() for name in tables} == tables
    assert estimate(asked, out).finished == counts.planned


def test_an_interrupted_one_asks_for_the_same_runs(tmp_path: Path) -> None:
    asked = load_experiment(write(tmp_path, ASKED % 1e-9))
    out, stop = tmp_path / "out", list[int]()
    half_way = sweep(asked, out, "serial", lambda done, total: stop.extend([1] if done == 20 else []), stopped=lambda: bool(stop))
    assert half_way.finished == 20
    assert set(pd.read_csv(out / "precision.csv")["rule"]) == {"not finished"}
    rest = sweep(asked, out, "serial")
    assert (rest.before, rest.finished) == (20, 4 * 12)
    assert set(pd.read_csv(out / "precision.csv")["rule"]) == {"cap reached"}
    whole = tmp_path / "whole"
    sweep(asked, whole, "serial")
    pd.testing.assert_frame_equal(values(out), values(whole))


def test_a_run_is_retried_before_it_decides_how_many_follow(tmp_path: Path, every: pd.DataFrame) -> None:
    asked, out = load_experiment(write(tmp_path, ASKED % (half(every, 0, 4) * 1.001))), tmp_path / "out"
    sweep(asked, out, "serial")
    assert pd.read_csv(out / "precision.csv").set_index("point").loc[0, "replications"] == 4
    left_out = {r: half(every[every["replication"] != r].assign(replication=lambda x: x["replication"].rank(method="dense") - 1), 0, 3)
                for r in range(4)}  # fmt: skip
    worst = max(left_out, key=lambda r: left_out[r])
    assert left_out[worst] > asked.precision.half_width  # without this run more worlds would be asked for
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    for line in lines:
        if (line.get("point"), line.get("strategy"), line.get("replication")) == (0, "paid_infeed", worst):
            line.update(status="error", message="made up")
            del line["totals"]
    (out / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    sweep(asked, out, "serial", retry_failed=True)
    assert pd.read_csv(out / "precision.csv").set_index("point").loc[0, "replications"] == 4
    assert set(load_results(out)["status"]) == {"ok"}


def test_the_control_is_one_of_the_strategies_that_are_played(tmp_path: Path) -> None:
    text = "strategies: [paid_infeed]\n" + ASKED.replace("paid_infeed, micro_portfolio]", "paid_infeed, none]") % 1.0
    assert load_experiment(write(tmp_path, text)).precision.difference == ("paid_infeed", "none")


def test_what_never_differs_ends_at_once_and_what_fails_does_not_go_on_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import influence_sim.studies.sweep as module

    same = ASKED.replace("measure: reach", "measure: days").replace("[reach, profit]", "[days]")
    sweep(load_experiment(write(tmp_path, same % 0.5)), tmp_path / "same", "serial")
    told = pd.read_csv(tmp_path / "same" / "precision.csv")
    assert told["replications"].tolist() == [4, 4]
    assert set(told["rule"]) == {"precise enough"}

    def broken(result: object, scenario: object) -> object:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(module, "totals_of", broken)
    counts = sweep(load_experiment(write(tmp_path, ASKED % 0.5)), tmp_path / "bad", "serial")
    assert counts.error == counts.planned == 16
    assert set(pd.read_csv(tmp_path / "bad" / "precision.csv")["rule"]) == {"no interval"}


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("measure: reach,", "measure: reac,", "5:22", "did you mean `reach`"),
        ("measure: reach,", "measure: impressions,", "5:22", "not among the measures of this experiment"),
        ("[paid_infeed, micro_portfolio]", "[paid_infeed, micro_portfoli]", "5:55", "did you mean `micro_portfolio`"),
        ("[paid_infeed, micro_portfolio]", "[paid_infeed, paid_infeed]", "5:12", "needs two strategies; got `paid_infeed` twice"),
        ("[paid_infeed, micro_portfolio]", "[paid_infeed]", "5:1", "needs two labels, [A, B]; got 1"),
        ("half_width: 1", "half_width: 0", "5:", "`half_width` is out of range"),
        ("half_width: 1", "halfwidth: 1", "5:", "did you mean `half_width`"),
        ("first: 4", "first: 1", "5:", "`first` is out of range"),
        ("measures: [", "replications: 3\nmeasures: [", "6:1", "takes the place of `replications`"),
    ],
)  # fmt: skip
def test_mistakes_have_a_place(tmp_path: Path, old: str, new: str, place: str, words: str) -> None:
    text = ASKED % 1
    assert old in text
    path = write(tmp_path, text.replace(old, new).lstrip("\n"))
    with pytest.raises(ScenarioError) as caught:
        load_experiment(path)
    assert words in str(caught.value)
    assert f"{path}:{place}" in str(caught.value)


def test_the_command_says_how_many_runs_and_which_rule_ended_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, out = write(tmp_path, ASKED % 1e6), tmp_path / "out"
    assert main(["sweep", str(plan), "--dry-run"]) == 0
    assert "up to 48 until every difference is precise enough" in capsys.readouterr().out
    assert main(["sweep", str(plan), "--out", str(out), "--executor", "serial"]) == 0
    assert "Points by how their replications (4 to 4) ended: 2 precise enough" in capsys.readouterr().out
    # A number said by hand wins, and its tables say nothing of precision.
    assert main(["sweep", str(plan), "--out", str(out), "--executor", "serial", "--set", "replications=2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["planned"] == 8
    assert not (out / "precision.csv").exists()
    assert set(load_results(out)["replication"]) == {0, 1}

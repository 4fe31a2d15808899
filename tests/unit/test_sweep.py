"""Sweeps: experiment files, designs, the journal, tables, the loop and what may go wrong with each."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sweeps import DESIGN, journalled, values, write

from influence_sim._version import MODEL_VERSION
from influence_sim.cli import main
from influence_sim.record.measures import MEASURES, Facts, measure
from influence_sim.scenario import ScenarioError, load_scenario
from influence_sim.scenario.points import PointError, at_point, full_key
from influence_sim.studies.compare import compare
from influence_sim.studies.design import Design, sample_of
from influence_sim.studies.executors import Local, Serial, executor_of
from influence_sim.studies.experiment import load_experiment
from influence_sim.studies.journal import Journal, JournalError
from influence_sim.studies.loop import ExecutorError, Outcome, Run, run_loop
from influence_sim.studies.results import COLUMNS, load_design
from influence_sim.studies.stopping import Stopping
from influence_sim.studies.sweep import estimate, load_results, opened, play_of, run_points, sweep

TOP = Path(__file__).parents[2]
GRID = "design:\n  kind: grid\n  parameters:\n"


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("design: {kind: grid, parameters: {feed.exploration_shar: [0.1]}}", "2:35", "did you mean `market.feed.exploration_share`"),
        (f"{GRID}    feed.exploration_share: [0.1, 7]", "5:5", "`exploration_share` is out of range"),
        (f"{GRID}    strategies.paid_infeed.dais: [1]", "5:5", "did you mean `strategies.paid_infeed.days`"),
        ("design: {kind: grid, parameters: {replications: [1]}}", "2:35", "there are: budget, horizon, world_seed, path_seed, same_world"),
        ("design: {kind: lsh, parameters: {budget: [1]}}", "2:16", "did you mean `lhs`"),
        ("design: {kind: lhs, parameters: {budget: {low: 1, high: 2}}}", "2:9", "needs `points`"),
        ("design: {kind: grid, points: 4, parameters: {budget: {low: 1, high: 2}}}", "2:9", "does not use `points`"),
        ("design: {kind: sobol, points: 5, parameters: {budget: {low: 1, high: 2}}}", "2:9", "must be a power of two; got 5"),
        ("design: {kind: grid, parameters: {budget: {low: 3, high: 2}}}", "2:43", "`low` must be below `high`; got 3 and 2"),
        ("design: {kind: grid, parameters: {budget: {low: 0, high: 2, scale: log}}}", "2:43", "needs `low` above 0"),
        ("design: {kind: grid, parameters: {budget: {low: 1}}}", "2:43", "needs either `values: [...]`, or both"),
        ("design: {kind: grid, parameters: {market.feed.stages: [0], feed.stages: [1]}}", "2:60", "stands twice"),
        ("desing: {kind: grid}", "2:1", "did you mean `design`"),
        ("strategies: [micro_portfolio, paid_infed]", "2:31", "did you mean `paid_infeed`"),
        ("measures: [reach, profitt]", "2:19", "did you mean `profit`"),
        ("stop: {series: purchase, at_least: 3}", "2:16", "did you mean `purchases`"),
        ("markets: {here: nowhere.yaml}", "2:11", "no such file"),
        ("set: {horizon: 0}", "2:7", "`horizon` is out of range"),
        ("set: {people.agent: 7}", "2:7", "did you mean `agents`"),
        ("replications: 0", "2:15", "out of range"),
        ("design: {kind: table, file: points.csv}", "2:23", "cannot read"),
        (f"{GRID}    people.agents: [50]\n    creators.count: [4, 60]", "2:1", "point 1 (market.people.agents=50"),
    ],
)  # fmt: skip
def test_a_mistake_has_a_place_and_a_hint(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        load_experiment(path)
    told = str(caught.value)
    assert words in told
    assert f"{path}:{place}" in told


def test_what_is_no_experiment_is_refused(tmp_path: Path) -> None:
    wrong = {"": "mapping of keys", "[1, 2]": "mapping of keys", "name: x\n": "key `scenario` is missing", "a: [": "YAML"}
    for text, words in wrong.items():
        (tmp_path / "plan.yaml").write_text(text)
        with pytest.raises(ScenarioError, match=words):
            load_experiment(tmp_path / "plan.yaml")
    (tmp_path / "plan.yaml").write_text("scenario: nowhere.yaml\n")
    with pytest.raises(ScenarioError, match=r"plan\.yaml:1:1") as caught:
        load_experiment(tmp_path / "plan.yaml")
    assert "no such" in str(caught.value)


def test_a_point_is_what_a_file_would_say(tmp_path: Path) -> None:
    path = write(tmp_path).with_name("tiny.yaml")
    base = load_scenario(path).scenario
    for items in (["feed.exploration_share=0.3", "budget=77"], ["feed.policy=x_like"], ["strategies.paid_infeed.days=1"]):
        said = [item.split("=") for item in items]
        point = {full_key(base, key): json.loads(value) if value[0].isdigit() else value for key, value in said}
        assert at_point(base, point).digest == load_scenario(path, items).scenario.digest
    assert at_point(base, {"budget": None}) == base
    for key in ("budgett", "market.feed", "strategies.paid_infeed", "strategies.nobody.days", "name"):
        with pytest.raises(PointError, match=f"`{key}` cannot be varied"):
            full_key(base, key)


# ------------------------------------------------------------------ designs

AB = {"a": {"low": 1, "high": 100, "scale": "log"}, "b": {"low": 0, "high": 10}, "c": {"values": ["x", "y"]}}
WHOLE = {"a": False, "b": True, "c": False}


@pytest.mark.parametrize(
    ("said", "n"),
    [({"kind": "grid"}, 5 * 5 * 2), ({"kind": "oat"}, 1 + 5 + 5 + 2), ({"kind": "lhs", "points": 9}, 9),
     ({"kind": "sobol", "points": 8}, 8 * 5), ({"kind": "sobol", "points": 4, "second_order": True}, 4 * 8),
     ({"kind": "morris", "trajectories": 3}, 3 * 4)],
)  # fmt: skip
def test_designs_cover_their_ranges(said: dict[str, Any], n: int) -> None:
    design = Design.model_validate({**said, "parameters": AB})
    sample = sample_of(design, WHOLE)
    assert len(sample.points) == n
    assert sample.points == sample_of(design, WHOLE).points
    for point in sample.points:
        assert point["a"] is None or 1 <= point["a"] <= 100
        assert point["b"] is None or (isinstance(point["b"], int) and 0 <= point["b"] <= 10)
        assert point["c"] in (None, "x", "y")
    if said["kind"] == "lhs":  # one point in each ninth of the range, whatever its scale
        assert sorted(np.floor(9 * np.log(sorted(p["a"] for p in sample.points)) / np.log(100))) == list(range(9))
    if said["kind"] == "oat":
        assert sample.points[0] == {"a": None, "b": None, "c": None}
        assert all(sum(v is not None for v in point.values()) == 1 for point in sample.points[1:])


def test_salib_finds_what_moves_a_known_function() -> None:
    from SALib.analyze import morris, sobol

    linear = {"a": {"low": 0, "high": 1}, "b": {"low": 10, "high": 20}}
    for kind, more in (("sobol", {"points": 64}), ("morris", {"trajectories": 8})):
        sample = sample_of(Design.model_validate({"kind": kind, **more, "parameters": linear}), {"a": False, "b": False})
        y = np.array([p["a"] + 0.2 * p["b"] for p in sample.points])  # spans 1 and 2: shares of variance .2 and .8
        problem = sample.about["problem"]
        if kind == "sobol":
            found = sobol.analyze(problem, y, calc_second_order=False, seed=1)["S1"]
            assert found == pytest.approx([0.2, 0.8], abs=0.1)
        else:
            assert list(morris.analyze(problem, sample.unit, y, seed=1)["mu_star"]) == pytest.approx([1, 2])


# ------------------------------------------------------------------ sweeps


def test_a_sweep_is_kept_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = write(tmp_path, DESIGN + "strategies: [paid_infeed]\nmeasures: [spend, incremental_purchases, reach, days]")
    out = tmp_path / "out"
    asked = load_experiment(path)
    need = estimate(asked)
    # `none` is played once for each of the two markets, whatever the days of the ads; ads at each of four points.
    assert (need.planned, need.finished) == (2 * (2 + 4), 0)
    assert need.seconds > 0
    stop: list[int] = []
    half = sweep(asked, out, "serial", lambda done, total: stop.extend([1] if done == 5 else []), stopped=lambda: bool(stop))
    assert (half.planned, half.before, half.ok) == (12, 0, 5)
    assert sorted({r["status"] for r in journalled(out)}) == ["ok"]
    before = (out / "journal.jsonl").read_bytes()
    rest = sweep(asked, out, "serial")
    assert (rest.before, rest.ok, rest.finished) == (5, 7, 12)
    assert (out / "journal.jsonl").read_bytes().startswith(before)
    table = load_results(out)
    swept = ["market.feed.exploration_share", "strategies.paid_infeed.days"]
    assert list(table.columns) == [*COLUMNS, *swept, "spend", "incremental_purchases", "reach", "days"]
    assert len(table) == 4 * 2 * 2
    assert table["run_id"].nunique() == 12
    assert table.groupby("point")[swept].first().to_numpy().tolist() == [[0.05, 1], [0.05, 2], [0.2, 1], [0.2, 2]]
    assert table.loc[table["strategy"] == "none", "spend"].max() == 0 < table.loc[table["strategy"] == "paid_infeed", "spend"].min()
    assert set(table["days"]) == {2.0}
    # The same numbers as a comparison of the scenario at that point gives.
    told = compare(at_point(asked.scenarios["market"], asked.sample.points[3]), jobs=1).totals
    mine = table[(table["point"] == 3) & (table["strategy"] == "paid_infeed")].set_index("replication")
    sold = told.pivot(index="replication", columns="strategy", values="expected_purchases")
    assert mine["incremental_purchases"].tolist() == (sold["paid_infeed"] - sold["none"]).tolist()
    # Tables are derived: thrown away they come back the same, byte for byte.
    kept = (out / "results.parquet").read_bytes()
    (out / "results.parquet").unlink()
    assert sweep(asked, out, "serial").finished == 12
    assert (out / "results.parquet").read_bytes() == kept
    # More replications cost only themselves; a journal torn in its last line costs that run.
    more = load_experiment(path, ["replications=3"])
    assert (more.replications, estimate(more, out).finished) == (3, 12)
    journal = (out / "journal.jsonl").read_bytes()
    (out / "journal.jsonl").write_bytes(journal[:-20])
    again = sweep(more, out, "serial")
    assert (again.before, again.ok, again.damaged) == (11, 7, 1)
    assert load_results(out)["run_id"].nunique() == 18
    manifest = json.loads((out / "manifest.json").read_text())
    import hashlib

    assert manifest["sha256"]["results.parquet"] == hashlib.sha256((out / "results.parquet").read_bytes()).hexdigest()
    assert manifest["runs"]["finished"] == 18
    assert load_design(out)["names"] == swept


def test_measures_of_ones_own_stop_conditions_and_markets(tmp_path: Path) -> None:
    @measure("people/day", "assumption")
    def reach_a_day(f: Facts) -> float:
        """Reach per day of the run."""
        return f["reach"] / f["days"]

    try:
        people = "{agents: 100, population: 2000, views_per_day: 2}"
        (tmp_path / "quiet.yaml").write_text(f"people: {people}\ncreators: {{count: 6}}\nfeed: {{stages: 0}}\n")
        text = "markets: [quiet.yaml]\nmeasures: [reach_a_day, reach, days, incremental_purchases]\nset: {horizon: 6}\nreplications: 2\n"
        every = load_experiment(write(tmp_path, text))
        assert list(every.scenarios) == ["quiet"]
        sweep(every, tmp_path / "all", "serial")
        full = load_results(tmp_path / "all")
        assert full["reach_a_day"].tolist() == (full["reach"] / 6).tolist()
        wanted = 60.0
        text += f"stop: {{series: reach_cumulative, at_least: {wanted}}}"
        sweep(load_experiment(write(tmp_path, text)), tmp_path / "some", "serial")
        some = load_results(tmp_path / "some")
        early = some["days"] < 6
        assert early.any()
        assert not early.all()
        assert (some.loc[early, "reach"] >= wanted).all()
        assert (some.loc[some["reach"] < wanted, "days"] == 6).all()
        # Another number of days than the control's: there is no difference that means anything.
        assert some.loc[early, "incremental_purchases"].isna().all()
        assert not set(some["run_id"]) & set(full["run_id"])
    finally:
        del MEASURES["reach_a_day"]


def test_a_program_that_chooses_points_pays_for_each_once(tmp_path: Path) -> None:
    asked = load_scenario(write(tmp_path).with_name("tiny.yaml"))
    out, points = tmp_path / "out", pd.DataFrame({"budget": [100.0, 300.0], "strategies.paid_infeed.days": [1, np.nan]})
    first = run_points(asked, points, 2, "serial", ["spend"], out)
    assert first["point"].tolist() == [0] * 6 + [1] * 6
    assert set(first.loc[first["point"] == 1, "strategies.paid_infeed.days"]) == {2}
    runs = len(journalled(out))
    second = run_points(asked, points.iloc[::-1].reset_index(drop=True), 2, "serial", ["spend"], out)
    assert len(journalled(out)) == runs
    swapped = second[second["point"] == 0].assign(point=1)
    pd.testing.assert_frame_equal(swapped.reset_index(drop=True), first[first["point"] == 1].reset_index(drop=True))
    # More replications of one point are not played at the others.
    third = run_points(asked, points.iloc[[0]], 3, "serial", ["spend"], out)
    assert len(third) == 9
    assert len(journalled(out)) == runs + 3
    assert len(load_results(out)) == 12 + 3 + 1  # the control of the other point is the same run
    pd.testing.assert_frame_equal(run_points(asked, points, 2, "serial", ["spend"]).drop(columns="seconds"), first.drop(columns="seconds"))
    with pytest.raises(PointError, match="did you mean `budget`"):
        run_points(asked, pd.DataFrame({"budgett": [1]}), 1, "serial")
    with pytest.raises(OSError, match="holds other parameters"):
        run_points(asked, pd.DataFrame({"horizon": [1]}), 1, "serial", out=out)


def test_a_run_that_raises_is_a_row_and_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import influence_sim.studies.sweep as module

    asked, out, right = load_experiment(write(tmp_path)), tmp_path / "out", module.totals_of

    def broken(result: Any, scenario: Any) -> Any:
        if result.replication == 1 and result.strategy == "none":
            raise ZeroDivisionError("oh")
        return right(result, scenario)

    monkeypatch.setattr(module, "totals_of", broken)
    counts = sweep(asked, out, "serial")
    assert counts.error == 2
    table = load_results(out)
    bad = table[table["status"] == "error"]
    assert set(bad["message"]) == {"ZeroDivisionError: oh"}
    assert bad["spend"].isna().all()
    # Without its control a run has no incremental purchases, but all else.
    alone = table[(table["replication"] == 1) & (table["strategy"] == "paid_infeed")]
    assert alone["incremental_purchases"].isna().all()
    assert alone["spend"].gt(0).all()
    monkeypatch.setattr(module, "totals_of", right)
    assert sweep(asked, out, "serial").ok == 0
    assert sweep(asked, out, "serial", retry_failed=True).ok == 2
    assert set(load_results(out)["status"]) == {"ok"}


# ------------------------------------------------------------------ the journal


def test_a_journal_survives_what_it_may_meet(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Journal(out) as journal:
        journal.append([{"run_id": "a", "x": 0.1}, {"run_id": "b", "x": float("nan")}])
        with pytest.raises(JournalError, match="in use by another process"):
            Journal(out)
    path = out / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"run_id":"c","x":')
    with Journal(out) as journal:
        journal.append([{"run_id": "d"}])
        assert [(r["run_id"], r.get("x")) for r in journal.read()] == [("a", 0.1), ("b", None), ("d", None)]
        assert journal.damaged == 1
    path.write_bytes(b'{"journal":1,"ma')  # killed in the first line
    with Journal(out) as journal:
        journal.append([{"run_id": "e"}])
        assert [r["run_id"] for r in journal.read()] == ["e"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"journal":1,"made_by":"influence-sim","model_version":"0.0"}', f"model version 0.0, this is {MODEL_VERSION}"),
        ('{"journal":99,"made_by":"influence-sim"}', "another form (journal 99, not 1)"),
        ('{"journal":1,"made_by":"others"}', "another form"),
        ('{"a": 1}', "is not a journal"),
    ],
)  # fmt: skip
def test_a_journal_of_others_is_left_alone(tmp_path: Path, content: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "journal.jsonl").write_text(content + "\n")
    assert main(["sweep", str(write(tmp_path)), "--out", str(out)]) == 6
    assert words in capsys.readouterr().err
    assert [p.name for p in out.iterdir()] == ["journal.jsonl"]
    assert (out / "journal.jsonl").read_text() == content + "\n"


def test_a_full_disk_ends_with_a_message_and_keeps_the_runs(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    code = (
        "import resource, signal, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (12000, resource.RLIM_INFINITY));"
        f"from influence_sim.cli import main; sys.exit(main(['sweep', {str(path)!r}, '--out', {str(out)!r}, '--executor', 'serial']))"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 6, done.stderr
    assert "cannot write" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    kept = journalled(out)
    assert 1 < len(kept) < 16
    assert sweep(load_experiment(path), out, "serial").before == len(kept)


# ------------------------------------------------------------------ the loop


def collect(executor: Any, n: int, stall: float = 60.0) -> tuple[dict[str, Outcome], list[list[Outcome]]]:
    """Run 0 to n - 1; return outcomes by key, and as they came."""
    came = list(run_loop((Run(str(k), (k,)) for k in range(n)), executor, stall))
    found = {outcome.key: outcome for outcomes in came for outcome in outcomes}
    assert sum(map(len, came)) == len(found) == n  # nothing lost, nothing twice
    return found, came


def test_a_worker_that_dies_costs_the_run_that_killed_it(tmp_path: Path) -> None:
    def work(k: int) -> tuple[int, int]:
        time.sleep(0.002)
        if k == 30 or (k == 50 and not (tmp_path / "killed").exists()):
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), 9)
        if k == 12:
            raise ValueError("twelve")
        return k * k, os.getpid()

    executor = Local(work, 2)
    try:
        found, came = collect(executor, 300)
    finally:
        executor.close(kill=False)
    assert {k: o.status for k, o in found.items() if o.status != "ok"} == {"12": "error", "30": "crashed"}
    assert found["12"].message == "ValueError: twelve"
    assert isinstance(found["12"].error, ValueError)
    assert "its worker died 3 times" in found["30"].message
    assert all(o.value[0] == int(k) ** 2 for k, o in found.items() if o.status == "ok")
    assert len(came) < 100  # short runs travel together
    assert {os.getpid()} & {o.value[1] for o in found.values() if o.value} == set()


@pytest.mark.slow
def test_a_worker_that_is_stuck_is_replaced(tmp_path: Path) -> None:
    def work(k: int) -> int:
        if k == 7 and not (tmp_path / "stuck").exists():
            (tmp_path / "stuck").touch()
            time.sleep(1000)
        return k

    executor = Local(work, 2)
    try:
        found, _ = collect(executor, 20, stall=20.0)
    finally:
        executor.close(kill=True)
    assert {o.status for o in found.values()} == {"ok"}


def test_a_loop_stops_when_asked() -> None:
    asked: list[int] = []
    outcomes = run_loop((Run(str(k), (k,)) for k in range(10)), Serial(lambda k: asked.append(k)), stopped=lambda: len(asked) >= 4)
    assert len([o for batch in outcomes for o in batch]) == 4


@pytest.mark.slow
def test_a_loop_gives_up_when_every_worker_dies() -> None:
    def dies(k: int) -> None:
        os._exit(3)

    executor = Local(dies, 1)
    with pytest.raises(ExecutorError, match="workers died one after the other"):
        list(run_loop((Run(str(k), (k,)) for k in range(10)), executor))
    executor.close(kill=True)


def test_a_long_batch_is_cut_and_the_rest_goes_elsewhere() -> None:
    executor = Serial(lambda k: k)
    found, _ = collect(executor, 50)
    assert list(found) == [str(k) for k in range(50)]
    from influence_sim.studies.loop import SLICE, play_batch

    slow = play_batch(lambda k: time.sleep(SLICE), [Run(str(k), (k,)) for k in range(20)])
    assert 2 <= len(slow) <= 4


@pytest.mark.slow
def test_workers_are_kept_between_calls_and_give_what_serial_gives(tmp_path: Path) -> None:
    asked = load_experiment(write(tmp_path))
    sweep(asked, tmp_path / "serial", "serial")
    with opened("local:2", asked) as executor:
        sweep(asked, tmp_path / "one", executor)
        pids = set(_pids(executor))
        sweep(asked, tmp_path / "two", executor)
        assert set(_pids(executor)) == pids
    for name in ("one", "two"):
        pd.testing.assert_frame_equal(values(tmp_path / name), values(tmp_path / "serial"))
    assert callable(play_of(asked))


def _pids(executor: Any) -> list[int]:
    return [pid for pool in executor._pools if pool is not None for pid in pool._processes]


# ------------------------------------------------------------------ the command


def test_the_command_tells_runs_time_and_disk_and_refuses_what_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = str(write(tmp_path)), tmp_path / "out"

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["sweep", plan, *arguments])
        return (code, *capsys.readouterr())

    code, text, _ = call("--dry-run")
    assert code == 0
    assert "16 runs, 0 of them finished, 16 to do" in text  # 2 x 2 x (none, small creators, ads of 1 or 2 days)
    assert "time: about" in text
    assert "disk: about" in text
    assert call()[0] == 2
    for wrong in ("locl", "local:0", "dask://boss", "dask-file:", "ray"):
        code, _, err = call("--out", str(out), "--executor", wrong)
        assert code == 2
        assert f"no executor is called `{wrong}`; there are: serial, local" in err
    monkeypatch.setattr("influence_sim.studies.executors.PATIENCE", 0.5)
    code, _, err = call("--out", str(out), "--executor", "dask://127.0.0.1:1")
    assert code == 6
    assert "cannot reach tcp://127.0.0.1:1" in err
    assert "Traceback" not in err
    code, _, err = call("--out", str(out), "--executor", f"dask-file:{tmp_path / 'no.json'}")
    assert code == 6
    assert "no scheduler wrote" in err
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = call("--out", str(out), "--executor", "dask://127.0.0.1:1")
    assert code == 6
    assert "pip install 'influence-sim[dask]'" in err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    code, _, err = call("--out", str(tmp_path / "mine"))
    assert code == 6
    assert "holds other files" in err
    assert call("--out", str(out), "--executor", "serial", "--set", "replications=1")[0] == 0
    code, text, _ = call("--out", str(out), "--executor", "serial", "--json", "--set", "replications=1")
    assert json.loads(text)["result"]["before"] == 8
    (tmp_path / "other.yaml").write_text(Path(plan).read_text())
    assert main(["sweep", str(tmp_path / "other.yaml"), "--out", str(out)]) == 6
    assert "holds the experiment `plan`, not `other`" in capsys.readouterr().err


def test_executors_by_name() -> None:
    assert isinstance(executor_of("serial", int), Serial)
    assert executor_of("local:3", int).workers == 3


# ------------------------------------------------------------------ the how-to


def blocks(language: str) -> list[str]:
    """Return the code blocks of the how-to in a language."""
    import re

    return re.findall(rf"^```{language}\n(.*?)^```", (TOP / "docs" / "howto" / "sweep.md").read_text(), re.S | re.M)


def test_the_experiment_of_the_how_to_and_the_first_one_are_fine(tmp_path: Path) -> None:
    text, precision = (block.replace("../scenarios", str(TOP / "scenarios")) for block in blocks("yaml"))
    path = tmp_path / "plan.yaml"
    path.write_text(text.replace("replications: 5\n", precision))
    assert (load_experiment(path).precision.rule, load_experiment(path).replications) == (Stopping(), 30)
    path.write_text(text)
    asked = load_experiment(path)
    assert len(asked.sample.points) == 64
    assert {point["strategies.micro_portfolio.creators"] for point in asked.sample.points} == {5, 10, 20}
    assert len(load_experiment(TOP / "experiments" / "first_sweep.yaml").sample.points) == 4


@pytest.mark.slow
def test_the_commands_of_the_how_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("scenarios", "experiments"):
        (tmp_path / name).symlink_to(TOP / name)
    monkeypatch.chdir(tmp_path)
    for line in blocks("")[0].splitlines():
        assert main(line.split()[1:]) == 0
    capsys.readouterr()
    for block in blocks("python"):
        exec(block, {})
    assert (tmp_path / "results" / "points" / "results.parquet").exists()

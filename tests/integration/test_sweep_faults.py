"""Sweeps under fire: drivers, workers and schedulers killed at any moment lose nothing that was finished and do nothing twice.

Real processes: the command line, loky workers, a dask scheduler and its workers. `SWEEP_KILLS` sets the number of random kills.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from sweeps import alive, children, journalled, run, start, values, write

from influence_sim.studies.executors import executor_of
from influence_sim.studies.experiment import load_experiment
from influence_sim.studies.loop import Run, run_loop
from influence_sim.studies.sweep import sweep

pytestmark = pytest.mark.slow
PLAN = """
set: {horizon: 6, people.agents: 400, people.population: 8000}
replications: 10
design:
  kind: grid
  parameters:
    feed.exploration_share: [0.05, 0.2]
    strategies.paid_infeed.days: [1, 2]
"""
RUNS = 2 * 10 * (1 + 1 + 2)
KILLS = int(os.environ.get("SWEEP_KILLS", "20"))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the experiment that every test plays."""
    return write(tmp_path_factory.mktemp("plan"), PLAN)


@pytest.fixture(scope="module")
def truth(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the table that a sweep without any accident gives."""
    out = tmp_path_factory.mktemp("truth") / "out"
    assert sweep(load_experiment(plan), out, "serial").ok == RUNS
    return values(out)


def wait_until(ready: Callable[[], Any], seconds: float = 120.0) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def check_whole(out: Path, truth: pd.DataFrame) -> None:
    """A finished folder has every run once and the values of `truth`."""
    ids = [record["run_id"] for record in journalled(out)]
    assert len(ids) == len(set(ids)) == RUNS
    pd.testing.assert_frame_equal(values(out), truth)


def resumed(plan: Path, out: Path, truth: pd.DataFrame, executor: str = "local:2") -> None:
    """Repeat the command and check the folder."""
    code, _, err = run("sweep", plan, "--out", out, "--executor", executor)
    assert code == 0, err
    check_whole(out, truth)


def test_ctrl_c_finishes_saves_and_says_how_to_go_on(plan: Path, truth: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    driver = start("sweep", plan, "--out", out, "--executor", "local:2")
    wait_until(lambda: len(journalled(out)) >= 5)
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to the workers too
    text, err = driver.communicate(timeout=60)
    assert driver.returncode == 130, err
    assert f"go on with: influence-sim sweep {plan} --out {out}" in text
    assert "Traceback" not in err
    assert "stopping: runs under way finish" in err
    kept = len(journalled(out))
    assert 5 <= kept < RUNS
    assert values(out)["run_id"].nunique() == kept  # the tables are there already
    resumed(plan, out, truth)


def test_no_worker_outlives_a_killed_driver(plan: Path, truth: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    driver = start("sweep", plan, "--out", out, "--executor", "local:2")
    wait_until(lambda: len(journalled(out)) >= 5)
    workers = children(driver.pid)
    assert len(workers) >= 2
    driver.kill()
    driver.communicate()
    kept = {record["run_id"] for record in journalled(out)}
    wait_until(lambda: not any(alive(pid) for pid in workers), 15)
    with (out / "journal.jsonl").open("ab") as file:
        file.write(b'{"run_id":"torn","status":"ok","tot')
    resumed(plan, out, truth)
    assert kept <= {record["run_id"] for record in journalled(out)}


def test_kills_at_random_moments_lose_no_finished_run(plan: Path, truth: pd.DataFrame, tmp_path: Path) -> None:
    out, dice, kept = tmp_path / "out", random.Random(1), set[str]()
    for k in range(KILLS):
        if len(kept) == RUNS:  # all done: begin again, so that every kill meets a sweep that runs
            resumed(plan, out, truth)  # which writes the tables where the last kill came before them
            out, kept = tmp_path / f"out{k}", set()
        driver = start("sweep", plan, "--out", out, "--executor", "local:2", "--no-progress")
        before = len(kept)
        wait_until(lambda: driver.poll() is not None or len(journalled(out)) > before)  # noqa: B023
        time.sleep(dice.uniform(0, 0.5))
        workers = [pid for pid in children(driver.pid) if "loky" in _command(pid)]
        if k % 2 and workers:
            os.kill(dice.choice(workers), signal.SIGKILL)  # the sweep gets over it by itself
            time.sleep(dice.uniform(0, 2))
        driver.kill()
        driver.communicate()
        now = {record["run_id"] for record in journalled(out)}
        assert kept <= now
        assert all(record["status"] == "ok" for record in journalled(out))
        kept = now
    resumed(plan, out, truth)
    tables = (out / "results.parquet").read_bytes()
    (out / "results.parquet").unlink()
    resumed(plan, out, truth)
    assert (out / "results.parquet").read_bytes() == tables


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


# ------------------------------------------------------------------ dask


@contextmanager
def cluster(folder: Path, workers: int = 2, nanny: bool = False) -> Iterator[tuple[Path, dict[str, subprocess.Popen[bytes]]]]:
    """Start a real scheduler and real worker processes; yield the scheduler file and the processes."""
    pytest.importorskip("distributed")
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    with (folder / "dask.log").open("ab") as log:
        common: dict[str, Any] = {"stdout": log, "stderr": log, "start_new_session": True}
        dask = [sys.executable, "-m", "dask"]
        where = ["--scheduler-file", str(file), "--no-dashboard"]
        started = {"scheduler": subprocess.Popen([*dask, "scheduler", *where, "--port", "0"], **common)}
        for k in range(workers):
            alone = ["--nthreads", "1", "--nanny" if nanny else "--no-nanny", "--death-timeout", "30"]
            started[f"worker {k}"] = subprocess.Popen([*dask, "worker", *where, *alone], cwd=folder, **common)
        try:
            yield file, started
        finally:
            for process in started.values():
                os.killpg(process.pid, signal.SIGKILL)  # with the workers of a nanny
                process.wait()


def test_a_sweep_moves_between_schedulers_that_die(plan: Path, truth: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    # Begins on this machine.
    driver = start("sweep", plan, "--out", out, "--executor", "local:2")
    wait_until(lambda: len(journalled(out)) >= 10)
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=60)
    assert driver.returncode == 130
    local = {record["run_id"] for record in journalled(out)}
    # Goes on with a scheduler that loses a worker and is then killed.
    with cluster(tmp_path) as (file, processes):
        driver = start("sweep", plan, "--out", out, "--executor", f"dask-file:{file}")
        wait_until(lambda: len(journalled(out)) > len(local))
        processes["worker 0"].kill()
        some = len(journalled(out))
        wait_until(lambda: len(journalled(out)) > some)
        processes["scheduler"].kill()
        killed = time.monotonic()
        _, err = driver.communicate(timeout=60)
        assert driver.returncode == 6, err
        assert time.monotonic() - killed < 30
        assert "is gone" in err
        assert "the same command goes on from there" in err
        assert "Traceback" not in err
    kept = {record["run_id"] for record in journalled(out)}
    assert local < kept
    assert len(kept) < RUNS
    # Ends on a fresh one.
    with cluster(tmp_path) as (file, _):
        resumed(plan, out, truth, f"dask-file:{file}")
    assert json.loads((out / "manifest.json").read_text())["executor"] == f"dask-file:{file}"


@pytest.mark.parametrize("nanny", [True, False])
def test_a_stuck_dask_worker_costs_the_run_that_is_stuck(tmp_path: Path, nanny: bool) -> None:
    def work(k: int) -> int:
        while k == 5:  # not even in the hands of a signal
            time.sleep(1)
        return k * k

    # Without a nanny a worker that is killed does not come back: the run has four, and needs one at the end.
    with cluster(tmp_path, workers=2 if nanny else 4, nanny=nanny) as (file, _):
        executor = executor_of(f"dask-file:{file}", work)
        try:
            came = [outcome for outcomes in run_loop((Run(str(k), (k,)) for k in range(60)), executor, stall=15.0) for outcome in outcomes]
        finally:
            executor.close(kill=True)
    found = {outcome.key: outcome for outcome in came}
    assert len(came) == len(found) == 60  # nothing lost, nothing twice
    assert {key for key, outcome in found.items() if outcome.status != "ok"} == {"5"}
    assert found["5"].status == "crashed"
    assert "gave no result 2 times, run alone" in found["5"].message
    assert all(outcome.value == int(key) ** 2 for key, outcome in found.items() if key != "5")


def test_workers_of_another_version_are_refused(plan: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, workers=1) as (file, _):
        code = (
            "import sys, influence_sim.studies.executors as e; e.version = lambda: ('9.9', '77', '3.0');"
            f"from influence_sim.cli import main; sys.exit(main(['sweep', {str(plan)!r}, '--out', {str(tmp_path / 'out')!r}, "
            f"'--executor', 'dask-file:{file}']))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 6, done.stderr
    assert "a worker has influence-sim" in done.stderr
    assert "instead of 9.9" in done.stderr
    assert "install the same version everywhere" in done.stderr
    assert journalled(tmp_path / "out") == []

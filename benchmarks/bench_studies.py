"""What do studies cost beside the runs? 500 short runs through `sweep` on each executor, against the same runs without it.

Bare are as many processes as workers, each of which plays its share of the runs one after the other and keeps nothing: no journal, no
tables, nobody to ask for the next run. Ratios are what to quote; on a machine whose speed wanders by a tenth they wander too, so the
overhead is also taken apart: what workers did not spend in runs, and what a run of a study takes longer than the bare one, run by run
in turns in one process. The last part plays 5,000 and 20,000 runs that compute nothing: what a run adds to the time and memory of its
driver.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from history import append

from influence_sim.engine import warm_up
from influence_sim.scenario import Scenario, scenario_from_dict
from influence_sim.studies.design import Sample
from influence_sim.studies.executors import executor_of
from influence_sim.studies.experiment import Experiment
from influence_sim.studies.journal import read_journal
from influence_sim.studies.loop import Executor
from influence_sim.studies.sweep import play_of, sweep

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def experiment(runs: int) -> Experiment:
    """Return as many replications of a small market, some 20 ms each."""
    market = {"people": {"agents": 500, "population": 10_000, "views_per_day": 40}, "creators": {"count": 30}}
    scenario = scenario_from_dict({"market": market, "strategies": ["none"], "horizon": 3, "replications": runs})
    return Experiment("bench", {"market": scenario}, Sample("one", [{}], about={"names": []}), runs)


def bare(scenario: Scenario, replications: range) -> None:
    """Play runs as a loop over the engine would."""
    from influence_sim.engine.simulation import Simulation
    from influence_sim.world.build import build_world

    for replication in replications:
        Simulation(build_world(scenario.market, 1, replication), scenario.market, horizon=3, replication=replication).run()


def bare_share(first: int, step: int, runs: int) -> None:
    """Be one bare process: say when it is ready, wait for the word, play, say so."""
    scenario = experiment(runs).scenarios["market"]
    bare(scenario, range(4))
    print("ready", flush=True)
    sys.stdin.readline()
    bare(scenario, range(first, runs, step))
    print("done", flush=True)


def bare_seconds(workers: int, runs: int) -> float:
    """Return how long bare processes take together."""
    command = [sys.executable, __file__, "--bare"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": os.environ | ONE_THREAD}
    started = [subprocess.Popen([*command, str(k), str(workers), str(runs)], **pipes) for k in range(workers)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
    seconds = time.perf_counter() - begun
    for process in started:
        process.communicate()
    return seconds


@contextmanager
def opened(name: str, asked: Experiment) -> Iterator[tuple[Executor, Path]]:
    """Yield an executor whose workers have played, and an empty folder."""
    where = executor_of(name, play_of(asked))
    with tempfile.TemporaryDirectory() as folder:
        sweep(replace(asked, replications=16), Path(folder) / "warm", where)
        try:
            yield where, Path(folder) / "out"
        finally:
            where.close(kill=False)


def sweep_seconds(name: str, runs: int) -> tuple[float, float]:
    """Return how long a sweep takes from its call to its tables, its workers started before, and the seconds within its runs."""
    asked = experiment(runs)
    with opened(name, asked) as (where, out):
        begun = time.perf_counter()
        assert sweep(asked, out, where).ok == runs
        return time.perf_counter() - begun, sum(record["seconds"] for record in read_journal(out))


def longer_run(runs: int) -> float:
    """Return the median seconds by which a run of a study is longer than the bare one."""
    asked = experiment(runs)
    play, scenario, more = play_of(asked), asked.scenarios["market"], list[float]()
    for replication in range(runs):
        begun = time.perf_counter()
        bare(scenario, range(replication, replication + 1))
        between = time.perf_counter()
        play("market", (), "none", replication)
        more.append(time.perf_counter() - between - (between - begun))
    return median(more)


class Nothing:
    """Totals without a run."""

    def __init__(self, totals: dict[str, float]) -> None:
        self.totals = totals

    def __call__(self, market: str, point: Any, label: str, replication: int) -> dict[str, float]:
        """Return the totals."""
        return self.totals


def driver_cost(runs: int) -> dict[str, float]:
    """Return seconds and megabytes that runs add to their driver, tables included; be a process of its own."""
    asked = experiment(runs)
    totals = play_of(asked)("market", (), "none", 0)
    where = executor_of("local:1", Nothing(totals))
    with tempfile.TemporaryDirectory() as folder:
        sweep(replace(asked, replications=200), Path(folder) / "warm", where)
        before, cpu, begun = psutil.Process().memory_info().rss, time.process_time(), time.perf_counter()
        assert sweep(asked, Path(folder) / "out", where).ok == runs
        seconds, spent = time.perf_counter() - begun, time.process_time() - cpu
        grown = psutil.Process().memory_info().rss - before
    where.close(kill=False)
    return {"seconds": seconds, "cpu": spent, "mb": grown / 1e6}


def main() -> None:
    """Print ratios and append them to the history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--bare", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--driver", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bare:
        bare_share(*asked.bare)
        return
    if asked.driver:
        print(json.dumps(driver_cost(asked.driver)))
        return
    warm_up()
    local = f"local:{asked.workers}"
    found: dict[str, list[float]] = {"bare 1": [], "serial": [], f"bare {asked.workers}": [], local: []}
    outside: dict[str, list[float]] = {"serial": [], local: []}
    for _ in range(asked.repeat):  # in turns, so that a slow minute meets all of them
        found["bare 1"].append(bare_seconds(1, asked.runs))
        for name, workers in (("serial", 1), (local, asked.workers)):
            if workers > 1:
                found[f"bare {workers}"].append(bare_seconds(workers, asked.runs))
            seconds, inside = sweep_seconds(name, asked.runs)
            found[name].append(seconds)
            outside[name].append((seconds * workers - inside) / asked.runs * 1e3)
    longer = longer_run(200) * 1e3
    told: dict[str, float] = {"longer ms a run": longer}
    for name, base in (("serial", "bare 1"), (local, f"bare {asked.workers}")):
        ratio = median(b / a for a, b in zip(found[name], found[base], strict=True))
        extra = median(outside[name]) + longer
        told |= {f"{name} over bare": ratio, f"{name} ms a run": extra}
        print(f"{name}: {ratio:.1%} of the throughput of bare processes; {extra:.2f} ms more of a worker a run ({longer:.2f} within it)")
    few, many = (json.loads(subprocess.check_output([sys.executable, __file__, "--driver", str(n)], text=True)) for n in (5_000, 20_000))
    told |= {"driver ms a run": (many["cpu"] - few["cpu"]) / 15, "driver kB a run": (many["mb"] - few["mb"]) / 15}
    print(f"driver: {told['driver ms a run']:.2f} ms of its time and {told['driver kB a run']:.2f} kB a run that computes nothing "
          f"({few['mb']:.1f} MB for 5,000, {many['mb']:.1f} MB for 20,000)")  # fmt: skip
    append("studies", told | {"runs": asked.runs})


if __name__ == "__main__":
    main()

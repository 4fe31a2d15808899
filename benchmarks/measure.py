"""Measure one thing in a process of its own and print it as one line of JSON; `bench_engine.py` asks for all of them.

`measure.py world PEOPLE DAYS` - build a world, play its days with one thread and two in turn, the floor after each day and,
with `--plain`, a day of the plain Mesa model in a third process. Day 0 warms up and does not count.
`measure.py plain PEOPLE DAYS` - that third process: plays a day for each line it reads.
`measure.py growth PEOPLE DAYS LATER` - bytes of the state after so many days and after more.
`measure.py together|records|sweep|agent|load|ready` - see the functions.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import memory
import numpy as np
from worlds import PER_AGENT, market

Row = dict[str, Any]
FLOOR_VIEWS = 20_000_000  # impressions of one measurement of the floor, at most
PLAIN_DAYS = 3


def seconds_of(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a call takes, and what it returns."""
    begun = time.perf_counter()
    result = function()
    return time.perf_counter() - begun, result


def ready() -> Row:
    """Load or compile all kernels; return seconds from the import of the engine to the end of a tiny run."""

    def tiny() -> None:
        from influence_sim.engine import tiny_market, tiny_run, warm_up
        from influence_sim.engine.simulation import Simulation
        from influence_sim.world.build import build_world

        warm_up()
        tiny_run(Simulation)
        build_world(tiny_market(), 0)

    return {"seconds": seconds_of(tiny)[0]}


def use_threads(simulation: Any, threads: int) -> None:
    """Go on with so many threads; results do not depend on them."""
    from influence_sim.engine.threads import Threads

    simulation.close()
    simulation.threads = Threads(simulation.world.size, threads)


@contextlib.contextmanager
def plain_days(people: int, per_agent: int) -> Iterator[Callable[[], Row]]:
    """Start the plain model in another process; yield a function that plays its next day."""
    command = [sys.executable, __file__, "plain", str(people), "--per-agent", str(per_agent)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    into, out = child.stdin, child.stdout
    assert into is not None
    assert out is not None

    def play() -> Row:
        into.write("day\n")
        into.flush()
        return json.loads(out.readline())

    try:
        yield play
    finally:
        into.close()
        child.wait()


def plain(people: int, per_agent: int) -> None:
    """Play a day of the plain model for each line of standard input."""
    from plain_mesa import PlainModel

    from influence_sim.world.build import build_world

    m = market(people, per_agent=per_agent)
    model, before = PlainModel(build_world(m, 1), m), 0
    gc.freeze()  # a million objects that stay need not be looked through again and again
    for _ in sys.stdin:
        seconds, _ = seconds_of(model.step)
        shown = model.impressions
        print(json.dumps({"ns": seconds / (shown - before) * 1e9, **model.rates()}), flush=True)
        before = shown


def world(people: int, days: int, per_agent: int, with_plain: bool) -> Row:
    """Return what one size costs: building, days by phase, floor, plain model, memory."""
    ready()
    from floor import time_floor
    from phases import REST, Stopwatch
    from plain_mesa import gini

    from influence_sim.engine.simulation import Simulation
    from influence_sim.world import build

    watch, base = Stopwatch(), memory.peak()
    m = market(people, per_agent=per_agent)
    drawn = build.draw_graph
    build.draw_graph = lambda *arguments: watch.run("graph", drawn, *arguments)  # type: ignore[assignment]
    build_seconds, made = seconds_of(lambda: build.build_world(m, 1))
    graph_seconds, built = watch.take()["graph"], memory.peak()
    start_seconds, s = seconds_of(lambda: Simulation(made, m, horizon=days, threads=2))
    started, rows, plains, before = memory.peak(), [], [], 0
    with plain_days(people, per_agent) if with_plain else contextlib.nullcontext() as play:
        for day in range(days):
            threads = (2, 1, 1, 2)[day % 4]  # not in turn: what happens every second day would fall on one of them
            use_threads(s, threads)
            watch.take()
            seconds, _ = seconds_of(s.step)
            phases = watch.take()
            total = sum(sum(s.daily[name]) for name in ("views_modelled", "views_outside", "views_empty"))
            shown, before = round(total / made.people_per_agent) - before, round(total / made.people_per_agent)
            phases[REST] = seconds - sum(phases.values())
            live = s.posts[s.first_live : s.post_count].copy()
            floor = time_floor(people, max(1, min(shown, FLOOR_VIEWS) // people), live, threads)
            row = {"threads": threads, "seconds": seconds, "shown": shown, "floor": floor * 1e9, "phases": phases}
            rows.append({**row, "items": len(live), "peak": memory.peak(), "now": memory.now()})
            if play is not None and day <= PLAIN_DAYS:
                plains.append(play())
    s.close()
    posts = s.posts[: s.post_count]
    return {
        "people": people, "per_agent": per_agent, "creators": m.creators.count, "days": days, "follows": len(made.follows.target) / people,
        "posts": s.post_count, "modelled_share": float(posts.impressions.sum()) / before,
        "like_rate": float(posts.likes.sum() / max(1, posts.impressions.sum())), "views_gini": gini(posts.impressions.astype(float)),
        "build_seconds": build_seconds, "graph_seconds": graph_seconds, "start_seconds": start_seconds,
        "peak_base": base, "peak_built": built, "peak_started": started, "state": memory.state_bytes(s),
        "seen_used": float(s.seen.used.mean()), "pairs": len(s.acquaintances.creator) / people,
        "plain": plains[1:] or plains, "rows": rows[1:] or rows,
    }  # fmt: skip


def growth(people: int, days: int, later: int, per_agent: int) -> Row:
    """Return bytes of the state after `days` and after `later` days."""
    ready()
    from influence_sim.engine.simulation import Simulation
    from influence_sim.world.build import build_world

    m = market(people, per_agent=per_agent)
    s = Simulation(build_world(m, 1), m, horizon=later, threads=2)
    told = []
    for day in range(later):
        s.step()
        if day + 1 in (days, later):
            told.append(memory.state_bytes(s))
    s.close()
    return {"people": people, "days": days, "later": later, "before": told[0], "after": told[-1]}


def together() -> Row:
    """Time days and rounds of two default worlds of 2,000 people side by side: in turn on 1 and 2 threads, and at once in two threads."""
    ready()
    from influence_sim.engine import simulation
    from influence_sim.scenario.parameters import Market
    from influence_sim.world.build import build_world

    original, rounds = simulation.play_round, []

    def timed(s: Any, r: int, *rest: Any) -> Any:
        seconds, result = seconds_of(lambda: original(s, r, *rest))
        rounds.append((s.day, r, seconds))
        return result

    simulation.play_round = timed
    m, days, told = Market(), 12, {}
    built = build_world(m, 1)
    for name, threads, at_once in (("in_turn_1", 1, False), ("in_turn_2", 2, False), ("at_once", 1, True)):
        pair = [simulation.Simulation(built, m, horizon=days, path_seed=seed, threads=threads) for seed in (1, 2)]
        spent: list[float] = []
        rounds.clear()
        for _ in range(days):
            begun = time.perf_counter()
            if at_once:
                runners = [threading.Thread(target=s.step) for s in pair]
                for runner in runners:
                    runner.start()
                for runner in runners:
                    runner.join()
            else:
                for s in pair:
                    s.step()
            spent.append(time.perf_counter() - begun)
        for s in pair:
            s.close()
        join: Callable[..., float] = max if at_once else sum  # rounds of both worlds, one after the other or side by side
        each = [join(x for d, r, x in rounds if d == day and r == k) for day in range(1, days) for k in range(m.feed.rounds_per_day)]
        told[name] = {"day_ms": statistics.median(spent[1:]) * 1e3, "round_ms": statistics.median(each) * 1e3}
        told[name]["longest_ms"] = max(each) * 1e3
    return told


def question(people: int, days: int, replications: int) -> Any:
    """Return a scenario in which nothing is advertised."""
    from influence_sim.scenario.loader import scenario_from_dict

    groups = {name: values for name, values in market(people).model_dump(exclude_unset=True).items() if values}
    return scenario_from_dict({"market": groups, "strategies": ["none"], "horizon": days, "replications": replications})


def records(people: int = 2000, days: int = 5) -> Row:
    """Return seconds and bytes of the event log, per event, and of a run's tables."""
    ready()
    from influence_sim.engine.simulation import Simulation
    from influence_sim.record import EventLog, result_of
    from influence_sim.record.discovery import discovery
    from influence_sim.studies.outputs import whole_folder, write_run
    from influence_sim.world.build import build_world

    asked = question(people, days, 1)
    m = asked.market
    made = build_world(m, 1)
    bare, logged, events, size = [], [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for k in range(4):
            s = Simulation(made, m, horizon=days)
            bare.append(seconds_of(s.run)[0])
            s = Simulation(made, m, horizon=days)
            file = Path(folder) / f"{k}.parquet"

            def run(s: Any = s, file: Path = file) -> EventLog:
                with EventLog(file) as s.log:
                    s.run()
                return s.log

            seconds, log = seconds_of(run)
            logged.append(seconds)
            events, size = log.written, file.stat().st_size

        def tables(k: int) -> float:
            def write() -> None:
                result = result_of(s, "none")
                with whole_folder(Path(folder) / f"run_{k}") as out:
                    write_run(result, discovery(result), asked, days, out)

            return seconds_of(write)[0]

        table_seconds = [tables(k) for k in range(4)]
        table_bytes = sum(path.stat().st_size for path in (Path(folder) / "run_0").iterdir())
    # The first of each loads libraries.
    extra = statistics.median(logged[1:]) - statistics.median(bare[1:])
    return {
        "events": events, "log_ns_per_event": extra / events * 1e9, "log_bytes_per_event": size / events,
        "log_share_of_run": extra / statistics.median(bare[1:]),
        "tables_seconds": statistics.median(table_seconds[1:]), "tables_bytes": table_bytes, "tables_rows": int(s.post_count),
    }  # fmt: skip


def sweep(people: int = 500, days: int = 3, runs: int = 40) -> Row:
    """Return runs per second of short runs: by the runner with one process and two, and in a bare loop."""
    ready()
    from influence_sim.engine.simulation import Simulation
    from influence_sim.studies.runner import run_all
    from influence_sim.world.build import build_world

    asked = question(people, days, runs)

    def bare() -> None:
        for k in range(runs):
            Simulation(build_world(asked.market, 1, k), asked.market, horizon=days, replication=k).run()

    ways: dict[str, Callable[[], Any]] = {"bare": bare, "jobs_1": lambda: run_all(asked, 1), "jobs_2": lambda: run_all(asked, 2)}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            spent[name].append(seconds_of(way)[0])
    return {f"{name}_runs_per_second": runs / statistics.median(values) for name, values in spent.items()}


def agent() -> Row:
    """Return seconds until one agent is there in a model so large that agents are made when asked for."""
    ready()
    from influence_sim.model import CREATE_ALL, InfluenceModel

    m = market(CREATE_ALL + 1, follows=8)
    model_seconds, model = seconds_of(lambda: InfluenceModel(market=m, horizon=1))
    asked = [seconds_of(lambda k=k: model.user(k))[0] for k in range(50_000, 50_200)]
    return {"model_seconds": model_seconds, "first_us": asked[0] * 1e6, "median_us": statistics.median(asked) * 1e6}


def load(people: int) -> Row:
    """Return seconds to read a follower graph of `people` x 50 follows from files, and to build a world around it."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    from influence_sim.world.build import build_world
    from influence_sim.world.graph_files import load_graph

    ready()
    m = market(people)
    follows = build_world(m, 1).follows
    table = pa.table({"source": np.repeat(np.arange(people), np.diff(follows.start)), "target": follows.target})
    told: Row = {"people": people, "edges": len(follows.target)}
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("parquet", parquet.write_table), ("csv", csv.write_csv)):
            file = Path(folder) / f"graph.{name}"
            write(table, file)
            told[f"{name}_seconds"], graph = seconds_of(lambda file=file: load_graph(file))
            told[f"{name}_bytes"] = file.stat().st_size
    told["build_seconds"], _ = seconds_of(lambda: build_world(m, 1, graph=graph))
    return told


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("world", "plain", "growth", "together", "records", "sweep", "agent", "load", "ready"))
    parser.add_argument("numbers", type=int, nargs="*")
    parser.add_argument("--per-agent", type=int, default=PER_AGENT)
    parser.add_argument("--plain", action="store_true")
    o = parser.parse_args()
    if o.what == "plain":
        plain(*o.numbers, o.per_agent)
        return
    if o.what == "world":
        row = world(*o.numbers, o.per_agent, o.plain)
    elif o.what == "growth":
        row = growth(*o.numbers, o.per_agent)
    else:
        row = {"together": together, "records": records, "sweep": sweep, "agent": agent, "load": load, "ready": ready}[o.what](*o.numbers)
    print(json.dumps(row))


if __name__ == "__main__":
    main()

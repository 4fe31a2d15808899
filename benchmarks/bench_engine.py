"""What the engine costs, from 2,000 people to a million: time by phase, memory, and everything around a run.

Each size runs in a process of its own (`measure.py`): days with one thread and with two in turn, the floor after each,
the plain Mesa model beside them where that is quick enough. Medians of days; ratios are of one run. Compilation is
measured alone and counts nowhere else. Nothing here is a test: a table is printed, a row goes to `history.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from history import append
from worlds import CREATORS, FEWEST, FOLLOWS, PER_AGENT, POWER

Row = dict[str, Any]
MEASURE = Path(__file__).with_name("measure.py")
SIZES = [2_000, 10_000, 100_000, 1_000_000]
WITH_PLAIN = 10_000  # people up to whom the plain model runs along
GROWTH = (4_000, 7, 30), (10_000, 7, 30)  # people and days of the runs that tell how memory grows
GB = 1e9


def note(text: str) -> None:
    """Say what is going on, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def measure(*words: Any, env: dict[str, str] | None = None) -> Row:
    """Run `measure.py` in a process of its own; return what it tells."""
    command = [sys.executable, str(MEASURE), *map(str, words)]
    note("measuring: " + " ".join(map(str, words)))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **(env or {})})
    return json.loads(done.stdout)


def days_of(people: int, quick: bool) -> int:
    """Return the days that are played: day 0 warms up, then each of one and two threads gets half."""
    if quick:
        return 3
    return 13 if people <= 10_000 else 9 if people <= 100_000 else 7


def summary(world: Row) -> Row:
    """Return the figures of one size; times are medians of days, in ns per impression unless named otherwise."""
    people, rows = world["people"], world["rows"]
    keys = ("people", "creators", "follows", "posts", "modelled_share", "like_rate", "build_seconds", "graph_seconds", "start_seconds")
    told = {key: world[key] for key in keys}
    for t in (1, 2):
        mine = [row for row in rows if row["threads"] == t]
        each = [row["seconds"] / row["shown"] * 1e9 for row in mine]
        told[f"day_{t}"], told[f"spread_{t}"] = statistics.median(each), (max(each) - min(each)) / statistics.median(each)
        told[f"seconds_{t}"] = statistics.median(row["seconds"] for row in mine)
        told[f"floor_{t}"] = statistics.median(row["floor"] for row in mine)
        told[f"per_second_{t}"] = 1e9 / told[f"day_{t}"]
        phases = {name for row in mine for name in row["phases"]}
        told[f"phases_{t}"] = {p: statistics.median(row["phases"].get(p, 0.0) / row["shown"] * 1e9 for row in mine) for p in phases}
        told[f"serve_floor_{t}"] = told[f"phases_{t}"]["serve"] / told[f"floor_{t}"]
        told[f"day_floor_{t}"] = told[f"day_{t}"] / told[f"floor_{t}"]
    told["speedup"] = told["day_1"] / told["day_2"]
    told["peak"], told["peak_built"] = rows[-1]["peak"], world["peak_built"]
    told["peak_person"] = (told["peak"] - world["peak_base"]) / people
    told["state"] = {name: size / people for name, size in world["state"].items()}
    told["state_person"] = sum(told["state"].values())
    if world["plain"]:
        told["plain"] = statistics.median(day["ns"] for day in world["plain"])
        told["plain_share"], told["plain_likes"] = world["plain"][-1]["modelled_share"], world["plain"][-1]["like_rate"]
        told["times_plain_1"], told["times_plain_2"] = told["plain"] / told["day_1"], told["plain"] / told["day_2"]
    return told


def project(sizes: list[Row], grown: list[Row]) -> Row:
    """Add the peak projected to the later horizon to every size; return growth of the state in bytes per person by attribute.

    Growth between two horizons is measured in two smaller worlds with the same follows and views: what differs between them
    is per person, the rest is fixed. That of seen sets counts twice, because they are there twice while they are written anew.
    """
    small, large = grown

    def more(run: Row, name: str) -> int:
        return run["after"].get(name, 0) - run["before"].get(name, 0)

    names = {*large["before"], *large["after"]}
    growth = {name: (more(large, name) - more(small, name)) / (large["people"] - small["people"]) for name in names}
    for told in sizes:
        told["projected"] = told["peak"] + told["people"] * (sum(growth.values()) + growth.get("seen", 0))
    return dict(sorted(growth.items(), key=lambda item: -item[1]))


def start_up() -> Row:
    """Return seconds to start Python, to import the package and to print the help; medians of interleaved runs."""
    ways = {"python": ["-c", "pass"], "import": ["-c", "import influence_sim"], "help": ["-m", "influence_sim.cli", "--help"]}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(6):
        for name, words in ways.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, capture_output=True)
            spent[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values[1:]) for name, values in spent.items()}


def compilation() -> Row:
    """Return seconds until a tiny run has ended: with an empty cache of kernels, and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (measure("ready", env={"INFLUENCE_SIM_CACHE": folder})["seconds"] for _ in range(2))
    return {"cold": cold, "warm": warm}


# ---------------------------------------------------------------------- on screen


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print an aligned table: the first column to the left, the others to the right."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    print()


def cells(sizes: list[Row], form: Callable[[Row], str]) -> list[str]:
    """Return a cell per size, a dash where it was not measured."""
    made = []
    for told in sizes:
        try:
            made.append(form(told))
        except KeyError:
            made.append("-")
    return made


def show_sizes(sizes: list[Row]) -> None:
    """Print what each size costs."""
    pairs: list[tuple[str, Callable[[Row], str]]] = [
        ("creators", lambda x: f"{x['creators']:,}"),
        ("follows a person", lambda x: f"{x['follows']:.1f}"),
        ("build the world, s (graph)", lambda x: f"{x['build_seconds']:.2f} ({x['graph_seconds']:.2f})"),
        ("begin a run, s", lambda x: f"{x['start_seconds']:.2f}"),
        ("day, s, 1 | 2 threads", lambda x: f"{x['seconds_1']:.3g} | {x['seconds_2']:.3g}"),
        ("impressions a second, million", lambda x: f"{x['per_second_1'] / 1e6:.2f} | {x['per_second_2'] / 1e6:.2f}"),
        ("day, ns per impression", lambda x: f"{x['day_1']:.0f} | {x['day_2']:.0f}"),
        ("  spread of days, %", lambda x: f"{x['spread_1'] * 100:.0f} | {x['spread_2'] * 100:.0f}"),
        ("floor, ns per impression", lambda x: f"{x['floor_1']:.1f} | {x['floor_2']:.1f}"),
        ("serve, times the floor", lambda x: f"{x['serve_floor_1']:.1f} | {x['serve_floor_2']:.1f}"),
        ("day, times the floor", lambda x: f"{x['day_floor_1']:.1f} | {x['day_floor_2']:.1f}"),
        ("two threads, times one", lambda x: f"{x['speedup']:.2f}"),
        ("plain Mesa, ns per impression", lambda x: f"{x['plain']:.0f}"),
        ("faster than plain Mesa, times", lambda x: f"{x['times_plain_1']:.1f} | {x['times_plain_2']:.1f}"),
        ("modelled share, %", lambda x: f"{x['modelled_share'] * 100:.1f}"),
        ("modelled share of plain Mesa, %", lambda x: f"{x['plain_share'] * 100:.1f}"),
        ("likes per view, engine | Mesa, %", lambda x: f"{x['like_rate'] * 100:.1f} | {x['plain_likes'] * 100:.1f}"),
        ("peak memory, GB (days played)", lambda x: f"{x['peak'] / GB:.2f} ({x['days']})"),
        ("  of it, world built, GB", lambda x: f"{x['peak_built'] / GB:.2f}"),
        ("  bytes a person", lambda x: f"{x['peak_person']:,.0f}"),
        ("projected to 30 days, GB", lambda x: f"{x['projected'] / GB:.2f}"),
        ("arrays of the state, bytes a person", lambda x: f"{x['state_person']:,.0f}"),
    ]
    print("One thread | two threads; times are medians of days, ratios of one run.")
    table(["people", *(f"{x['people']:,}" for x in sizes)], [[name, *cells(sizes, form)] for name, form in pairs])
    phases = sorted(sizes[-1]["phases_1"], key=lambda name: -sizes[-1]["phases_1"][name])
    print("Phases, ns per impression")

    def phase(name: str) -> list[str]:
        return [name, *cells(sizes, lambda x: f"{x['phases_1'][name]:.1f} | {x['phases_2'][name]:.1f}")]

    table(["phase", *(f"{x['people']:,}" for x in sizes)], [phase(name) for name in phases])


def show_memory(sizes: list[Row], growth: Row, grown: Row) -> None:
    """Print where the bytes of a person are."""
    days = f"day {grown['days']} to {grown['later']}"
    names = [name for name, size in sizes[-1]["state"].items() if size >= 1.0 or abs(growth.get(name, 0.0)) >= 1.0]
    print(f"Arrays, bytes a person at the end, and their growth from {days} up to {grown['people']:,} people")
    rows = [[name, *cells(sizes, lambda x, n=name: f"{x['state'][n]:,.0f}"), f"{growth.get(name, 0.0):+,.0f}"] for name in names]
    table(["array", *(f"{x['people']:,}" for x in sizes), days], rows)


def show_around(a: Row) -> None:
    """Print what stands around a run."""
    c, g, r, s, m, st = a["compilation"], a["load"], a["records"], a["sweep"], a["agent"], a["start_up"]
    rows = [
        ["start: python | import | --help, s", f"{st['python']:.2f} | {st['import']:.2f} | {st['help']:.2f}"],
        ["compile cold | load warm (alone), s", f"{c['cold']:.1f} | {c['warm']:.2f}"],
        [f"read a graph of {g['edges']:,} edges: Parquet | CSV, s", f"{g['parquet_seconds']:.1f} | {g['csv_seconds']:.1f}"],
        ["  and build its world, s", f"{g['build_seconds']:.1f}"],
        ["event log, ns | bytes per event", f"{r['log_ns_per_event']:.0f} | {r['log_bytes_per_event']:.1f}"],
        ["  of the run's own time, %", f"{r['log_share_of_run'] * 100:.0f}"],
        ["tables of a run of 2,000 people, s | kB", f"{r['tables_seconds']:.2f} | {r['tables_bytes'] / 1e3:.0f}"],
        [
            "40 short runs, runs a second: loop | 1 | 2 processes",
            f"{s['bare_runs_per_second']:.1f} | {s['jobs_1_runs_per_second']:.1f} | {s['jobs_2_runs_per_second']:.1f}",
        ],
        ["one agent of 100,001 people: first | later, us", f"{m['first_us']:.0f} | {m['median_us']:.1f}"],
    ]
    for name, words in (("in_turn_1", "in turn, 1 thread"), ("in_turn_2", "in turn, 2 threads"), ("at_once", "at once, 1 thread each")):
        t = a["together"][name]
        text = f"{t['day_ms']:.0f} | {t['round_ms']:.1f} | {t['longest_ms']:.1f}"
        rows.append([f"two worlds of 2,000, {words}: day | round | longest round, ms", text])
    table(["around a run", "measured"], rows)


def targets(sizes: list[Row], a: Row | None) -> list[list[str]]:
    """Return rows (what, measured, target, met) of what was measured."""
    by, rows = {x["people"]: x for x in sizes}, []

    def add(what: str, value: float, least: float, form: str, aim: str = "", upper: bool = True) -> None:
        met = value <= least if upper else value >= least
        sign = "<=" if upper else ">="
        rows.append([what, format(value, form), f"{sign} {least:g}" + (f" (aim {aim})" if aim else ""), "yes" if met else "no"])

    if "plain" in by.get(10_000, {}):
        for threads in ("1 thread", "2 threads"):
            add(f"times plain Mesa, 10,000 people, {threads}", by[10_000][f"times_plain_{threads[0]}"], 25, ".1f", "60", upper=False)
    if 100_000 in by:
        add("serve over floor, 100,000 people, 1 thread", by[100_000]["serve_floor_1"], 20, ".1f", "10")
        add("day over floor, 100,000 people, 1 thread", by[100_000]["day_floor_1"], 40, ".1f", "20")
        add("two threads over one, 100,000 people", by[100_000]["speedup"], 1.7, ".2f", upper=False)
    if 1_000_000 in by:
        big = by[1_000_000]
        if 10_000 in by:
            add("ns per impression, 1,000,000 over 10,000 people", big["day_1"] / by[10_000]["day_1"], 2, ".2f")
        add("two threads over one, 1,000,000 people", big["speedup"], 1.7, ".2f", upper=False)
        add(f"peak memory over {big['days']} days, 1,000,000 people, GB", big["peak"] / GB, 6, ".2f")
        add("projected to 30 days, GB", big["projected"] / GB, 8, ".2f")
        add("graph of 1,000,000 people, s", big["graph_seconds"], 90, ".1f")
    if a:
        best = min(a["together"].values(), key=lambda way: way["day_ms"])
        add("two worlds of 2,000, a day together, ms", best["day_ms"], 90, ".0f")
        add("two worlds of 2,000, a round together, ms", best["round_ms"], 15, ".1f")
    return rows


def flat(sizes: list[Row], growth: Row, a: Row | None) -> Row:
    """Return one level of names for the history."""
    row: Row = {}
    for told in sizes:
        for name, value in told.items():
            if isinstance(value, dict):
                row |= {f"{told['people']}.{name}.{key}": float(x) for key, x in value.items() if x >= 0.5}
            elif name != "people":
                row[f"{told['people']}.{name}"] = value
    row |= {f"growth.{name}": value for name, value in growth.items() if abs(value) >= 1.0}
    for name, values in (a or {}).items():
        for key, value in values.items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            row |= {".".join(filter(None, (name, key, k))): x for k, x in inner}
    return row


def around(quick: bool) -> Row:
    """Measure what stands around a run."""
    people = 10_000 if quick else 100_000
    told = {"start_up": start_up(), "compilation": compilation(), "load": measure("load", people)}
    return told | {name: measure(name) for name in ("records", "sweep", "agent", "together")}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=SIZES, metavar="N", help="sizes to measure")
    parser.add_argument("--per-agent", type=int, default=PER_AGENT, metavar="N", help="real people behind each simulated one")
    parser.add_argument("--days", type=int, metavar="N", help="days of every size; fewer for larger sizes unless given")
    parser.add_argument("--quick", action="store_true", help="two days a size, memory from a few days, nothing kept in the history")
    parser.add_argument("--sizes-only", action="store_true", help="leave out what stands around a run")
    o = parser.parse_args()
    begun, load = time.perf_counter(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    measure("ready")  # compile, if need be, before anything is timed
    sizes = []
    for people in sorted(o.people):
        days = o.days or days_of(people, o.quick)
        words = ["--plain"] if people <= WITH_PLAIN else []
        sizes.append({**summary(measure("world", people, days, "--per-agent", o.per_agent, *words)), "days": days})
    grown = [measure("growth", *words, "--per-agent", o.per_agent) for words in (((2000, 2, 5), (4000, 2, 5)) if o.quick else GROWTH)]
    growth = project(sizes, grown)
    a = None if o.sizes_only else around(o.quick)
    print(
        f"\nDefault market, {FOLLOWS:g} follows a person, creators {CREATORS} (people / 10,000)^{POWER:g}, at least {FEWEST}; "
        f"{o.per_agent} real people each; {os.cpu_count()} processors, load {load:.1f} at the start\n"
    )
    show_sizes(sizes)
    show_memory(sizes, growth, grown[-1])
    if a:
        show_around(a)
    table(["target", "measured", "wanted", "met"], targets(sizes, a))
    print(f"{time.perf_counter() - begun:.0f} s in all")
    if not o.quick:
        append("engine", {"per_agent": o.per_agent, "load": load, **flat(sizes, growth, a)})


if __name__ == "__main__":
    main()

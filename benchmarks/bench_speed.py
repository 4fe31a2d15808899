"""How fast is a run? Seconds, nanoseconds per slot, threads, against the random-number floor; start-up."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np
from history import append

from influence_sim.engine import warm_up
from influence_sim.engine.simulation import Simulation
from influence_sim.jit import hot
from influence_sim.rng import uniform4
from influence_sim.scenario.parameters import Creators, Market, People
from influence_sim.world.build import build_world


@hot
def floor(slots, items, counters):
    """One keyed draw, one random read of an item, one counter update per slot: what no engine can avoid."""
    total = 0.0
    for s in range(slots):
        u, _, _, _ = uniform4(1, 2, s, 0, 0, 0)
        at = int(u * len(items))
        total += items[at]
        counters[at] += 1
    return total


def main() -> None:
    """Time one run at each size and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[2000, 10_000])
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    o = parser.parse_args()
    begun = time.perf_counter()
    warm_up()
    print(f"compilation        {time.perf_counter() - begun:.1f} s (0 when cached)")
    for people in o.people:
        m = Market(people=People(agents=people, population=20 * people), creators=Creators(count=max(10, people * 3 // 100)))
        world = build_world(m, 1)
        slots = int(people * m.people.views_per_day * o.days)
        items, counters = np.zeros(100_000), np.zeros(100_000, np.int64)
        floor(1000, items, counters)
        seconds: dict[str, list[float]] = {"floor": [], "threads_1": [], "threads_2": []}
        for _ in range(o.repeats):
            begun = time.perf_counter()
            floor(slots, items, counters)
            seconds["floor"].append(time.perf_counter() - begun)
            for threads in (1, 2):
                begun = time.perf_counter()
                Simulation(world, m, horizon=o.days, threads=threads).run()
                seconds[f"threads_{threads}"].append(time.perf_counter() - begun)
        median = {name: statistics.median(values) for name, values in seconds.items()}
        row = {
            "people": people, "days": o.days,
            "ns_per_slot": median["threads_1"] / slots * 1e9, "times_floor": median["threads_1"] / median["floor"],
            "speedup_2_threads": median["threads_1"] / median["threads_2"], "seconds_2_threads": median["threads_2"],
        }  # fmt: skip
        print("  ".join(f"{name} {value:.3g}" for name, value in row.items()))
        append("speed", row)
    starts = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "influence_sim.cli", "--help"], check=True, capture_output=True)
        starts.append(time.perf_counter() - begun)
    print(f"--help             {statistics.median(starts):.2f} s")
    append("help", {"seconds": statistics.median(starts)})


if __name__ == "__main__":
    main()

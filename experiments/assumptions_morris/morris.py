"""Screen the assumptions by Morris' method: `python experiments/assumptions_morris/morris.py` (see question.md)."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from loky import ProcessPoolExecutor
from SALib.analyze import morris as analyse
from SALib.sample import morris as sample

from influence_sim.engine import warm_up
from influence_sim.engine.simulation import Simulation
from influence_sim.jit import CACHE_DIR
from influence_sim.scenario.parameters import ASSUMPTION, Market, Parameter, parameters
from influence_sim.scorecard.crawl import market_of
from influence_sim.strategies import build_strategy
from influence_sim.world.build import build_world

HERE = Path(__file__).parent
FACTOR = 2.0  # how wrong an assumption may be
LEVELS = 4
BUDGET, START = 1_500.0, 4
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("none", {}),
    "small": ("micro_portfolio", {"followers_min": 500, "followers_max": 5_000, "creators": 1_000, "start": START}),
    "large": ("macro", {"followers_min": 5_000, "creators": 1_000, "start": START}),
    "ads": ("paid_infeed", {"start": START, "days": 7}),
}
RIVALS = [name for name in ARMS if name != "none"]
OUTCOMES = ("small minus large", "small minus ads")
# Sizes of the simulation and of its memory, not beliefs about people; what moves in whole steps or by name; the product itself.
LEFT_OUT = (
    "people.agents", "people.population", "people.topics", "people.communities", "people.newcomers", "people.arrival_days",
    "creators.count", "creators.opening_posts", "creators.sounds", "creators.duration_min", "creators.duration_max", "brand.topic",
    "brand.margin", "rivals.", "feed.weight_", "feed.heating_views", "graph.friends_per_person",
)  # fmt: skip


def span(p: Parameter) -> tuple[float, float]:
    """Return the values between which an assumption moves."""
    assert p.low is not None
    assert p.high is not None
    high = p.default * FACTOR if p.default else p.low + (p.high - p.low) / 10
    return max(p.low, p.default / FACTOR), min(p.high, high)


def swept() -> list[Parameter]:
    """Return the assumptions that are swept: numbers, with a range that is not a point."""
    numeric = [p for p in parameters() if p.grade == ASSUMPTION and kind(p) is float]
    return [p for p in numeric if not p.path.startswith(LEFT_OUT) and span(p)[0] < span(p)[1]]


def kind(p: Parameter) -> Any:
    """Return the type of a parameter: what counts in whole numbers is no `float`."""
    group, name = p.path.split(".")
    groups: Any = Market.model_fields[group].annotation
    return groups.model_fields[name].annotation


def profits(point: dict[str, float], people: int, days: int, seed: int) -> dict[str, float]:
    """Return profit per USD of budget by arm at one point."""
    size = {"people.agents": people, "people.population": 40 * people, "people.views_per_day": 30, "creators.count": 60}
    market = market_of({**size, **point})
    world = build_world(market, seed)
    sold, paid = {}, {}
    for name, (strategy, values) in ARMS.items():
        s = Simulation(world, market, build_strategy(strategy, values), 0.0 if name == "none" else BUDGET, days, seed).run()
        sold[name], paid[name] = sum(s.daily["expected_purchases"]), s.ledger.paid
    unit = market.brand.price * market.brand.margin
    return {name: ((sold[name] - sold["none"]) * unit - paid[name]) / BUDGET for name in RIVALS}


def order(found: dict[str, float]) -> tuple[str, ...]:
    """Return the strategies, best first."""
    return tuple(sorted(RIVALS, key=lambda name: -found[name]))


def play(points: Sequence[dict[str, float]], o: argparse.Namespace) -> list[dict[str, float]]:
    """Return profits at every point; those of an earlier run of the same engine are read."""
    file = o.out / f"played-{CACHE_DIR.name}.jsonl"
    known = {row["key"]: row["profits"] for row in map(json.loads, file.read_text().splitlines())} if file.exists() else {}
    keys = [json.dumps([p, o.people, o.days, o.seed], sort_keys=True) for p in points]
    with ProcessPoolExecutor(o.jobs) as pool:
        waiting = {key: pool.submit(profits, p, o.people, o.days, o.seed) for key, p in zip(keys, points, strict=True) if key not in known}
        for k, (key, future) in enumerate(waiting.items(), 1):
            known[key] = future.result()
            with file.open("a") as lines:
                lines.write(json.dumps({"key": key, "profits": known[key]}) + "\n")
            if k % 20 == 0 or k == len(waiting):
                print(f"{k}/{len(waiting)} points", flush=True)
    return [known[key] for key in keys]


def changes(x: np.ndarray, orders: Sequence[tuple[str, ...]], trajectory: int) -> np.ndarray:
    """Return, per parameter, how many of its steps changed the order of the strategies."""
    count = np.zeros(x.shape[1], int)
    for k in range(len(x) - 1):
        if (k + 1) % trajectory:
            count[np.flatnonzero(x[k] != x[k + 1])] += orders[k] != orders[k + 1]
    return count


def write(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def main() -> None:
    """Sample, play, analyse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=10)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    o = parser.parse_args()
    o.out.mkdir(parents=True, exist_ok=True)
    listed = swept()
    problem = {"num_vars": len(listed), "names": [p.path for p in listed], "bounds": [list(span(p)) for p in listed]}
    x = sample.sample(problem, o.trajectories, num_levels=LEVELS, seed=o.seed)
    points = [{p.path: float(f"{v:.10g}") for p, v in zip(listed, row, strict=True)} for row in x]
    print(f"{len(listed)} assumptions, {len(points)} points x {len(ARMS)} arms", flush=True)
    warm_up()
    found = play(points, o)
    orders = [order(f) for f in found]
    flips = changes(x, orders, len(listed) + 1)
    rows = []
    for outcome, rival in zip(OUTCOMES, ("large", "ads"), strict=True):
        y = np.array([f["small"] - f[rival] for f in found])
        effect = analyse.analyze(problem, x, y, num_levels=LEVELS, seed=o.seed)
        for k, p in enumerate(listed):
            numbers = (effect["mu_star"][k], effect["mu_star_conf"][k], effect["sigma"][k])
            rows.append((p.path, outcome, *(f"{v:.5g}" for v in numbers), int(flips[k])))
    rows.sort(key=lambda row: (row[1], -float(row[2])))
    write(o.out / "effects.csv", ("parameter", "outcome", "mu_star", "mu_star_conf", "sigma", "changes_of_order"), rows)
    best = [names[0] for names in orders]
    write(o.out / "ranks.csv", ("strategy", "share_best"), [(name, f"{best.count(name) / len(best):.4f}") for name in RIVALS])
    table = [(*(f"{v:.6g}" for v in row), *(f"{f[name]:.6g}" for name in RIVALS)) for row, f in zip(x, found, strict=True)]
    write(o.out / "points.csv", (*problem["names"], *RIVALS), table)
    for outcome in OUTCOMES:
        top = [f"{r[0]} {r[2]}" for r in rows if r[1] == outcome][:8]
        print(f"{outcome}: {', '.join(top)}")
    print({name: best.count(name) / len(best) for name in RIVALS}, f"{len(set(orders))} orders")


if __name__ == "__main__":
    main()

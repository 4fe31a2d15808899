"""Screen the assumptions by Morris' method: `python experiments/assumptions_morris/morris.py` (see question.md)."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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
WORDS = {"small": "small creators", "large": "large creators", "ads": "ads"}
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
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def answer(folder: Path, effects: pd.DataFrame, ranks: dict[str, float], design: dict[str, str]) -> str:
    """Write tables, figure and page to `folder`; return the finding."""
    from influence_sim._version import __version__
    from influence_sim.figures.screening import screening
    from influence_sim.figures.style import to_svg
    from influence_sim.report.experiment import Answer, experiment_page

    first = max(ranks, key=lambda name: ranks[name])
    told = {name: f"{100 * share:.0f} %" for name, share in ranks.items()}
    top = {outcome: list(effects[effects["outcome"] == outcome].nlargest(3, "mu_star")["parameter"]) for outcome in OUTCOMES}
    finding = (
        f"With every assumption wrong by up to a factor of {FACTOR:g}, {WORDS[first]} return most at {told[first]} of the points; "
        f"{', '.join(dict.fromkeys(top[OUTCOMES[0]]))} decide most"
    )
    steps = int(design["steps of each assumption"])
    by_name = effects.drop_duplicates("parameter").set_index("parameter")["changes_of_order"].sort_values(ascending=False)
    never = int((by_name == 0).sum())
    sentences = [
        "Share of points at which each is best: " + ", ".join(f"{WORDS[name]} {text}" for name, text in told.items()) + ".",
        *(f"{outcome}: moved most by {', '.join(names)}." for outcome, names in top.items()),
        f"The order of the three changed most often with {', '.join(f'{n} ({c} of {steps} steps)' for n, c in by_name.head(5).items())}; "
        f"never with {never} of {len(by_name)} assumptions.",
    ]
    source = f"assumptions_morris - {', '.join(f'{k} {v}' for k, v in design.items())} - influence_sim {__version__}"
    subtitle = "Mean absolute effect of a step and its 95 % interval; grey: steps that changed the order of the strategies"
    figures = {"effects": screening(effects, finding, subtitle, source)}
    rows = [
        [r["parameter"], r["outcome"], *(f"{r[name]:.3g}" for name in ("mu_star", "mu_star_conf", "sigma")), str(r["changes_of_order"])]
        for r in effects.sort_values(["outcome", "mu_star"], ascending=[True, False]).to_dict("records")
    ]
    page = Answer(
        finding=finding, question="Which assumptions decide which strategy is best?", answer=sentences, facts=list(design.items()),
        caption="Every assumption swept, by outcome",
        columns=["parameter", "outcome", "mu*", "+- (95 %)", "sigma", "changes of order"], rows=rows,
        text=(HERE / "question.md").read_text(encoding="utf-8"), command="python experiments/assumptions_morris/morris.py", footer=source,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "page.html").write_text(experiment_page(page, figures), encoding="utf-8", newline="\n")
    for name, figure in figures.items():
        (folder / f"{name}.svg").write_text(to_svg(figure, name), encoding="utf-8", newline="\n")
    return "\n".join([finding, *sentences])


def main() -> None:
    """Sample, play, analyse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=5)
    parser.add_argument("--people", type=int, default=800)
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
    head = ("parameter", "outcome", "mu_star", "mu_star_conf", "sigma", "changes_of_order")
    ranks = {name: [names[0] for names in orders].count(name) / len(orders) for name in RIVALS}
    table = [(*(f"{v:.6g}" for v in row), *(f"{f[name]:.6g}" for name in RIVALS)) for row, f in zip(x, found, strict=True)]
    write(o.out / "points.csv", (*problem["names"], *RIVALS), table)
    effects = pd.DataFrame(rows, columns=list(head)).astype({"mu_star": float, "mu_star_conf": float, "sigma": float})
    design = {
        "assumptions": str(len(listed)), "points": str(len(points)), "steps of each assumption": str(o.trajectories),
        "people": f"{o.people:,}", "days": str(o.days), "budget": f"{BUDGET:,.0f} USD",
    }  # fmt: skip
    full = all(getattr(o, name) == parser.get_default(name) for name in ("trajectories", "people", "days", "seed", "out"))
    for folder in [o.out, *([HERE / "answer"] if full else [])]:
        told = answer(folder, effects, ranks, design)
        write(folder / "effects.csv", head, rows)
        write(folder / "ranks.csv", ("strategy", "share_best"), [(name, f"{share:.4f}") for name, share in ranks.items()])
    print(told)


if __name__ == "__main__":
    main()

"""Does pairing pay? Variance of (A - B) for +20 % budget, paired against independent seeds.

Both arms of a pair play in the same world with the same dice. Independent seeds are the same runs
with the pairs broken up: Var(A) + Var(B), which needs no further runs.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from history import append
from loky import ProcessPoolExecutor, cpu_count

from influence_sim.engine import warm_up
from influence_sim.engine.simulation import Simulation
from influence_sim.scenario.parameters import Creators, Market, People
from influence_sim.strategies import build_strategy
from influence_sim.world.build import build_world

BUDGET = 3000.0


def market(people: int) -> Market:
    """Return the default market at 20 people per agent and 40 views a day."""
    return Market(
        people=People(agents=people, population=20 * people, views_per_day=40), creators=Creators(count=max(10, people * 3 // 100))
    )


def pair(people: int, days: int, replication: int) -> tuple[float, float]:
    """Return expected purchases with the budget and with 20 % more, in one world."""
    m = market(people)
    world = build_world(m, 1, replication)
    strategy = build_strategy("micro_portfolio", {"selector": "fit"})
    bought = []
    for budget in (BUDGET, 1.2 * BUDGET):
        run = Simulation(world, m, strategy, budget, days, 1, replication).run()
        bought.append(sum(run.daily["expected_purchases"]))
    return bought[0], bought[1]


def main() -> None:
    """Run the pairs and print the ratio of variances with a bootstrap lower bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=cpu_count())
    o = parser.parse_args()
    warm_up(lambda text: print(text, file=sys.stderr))
    with ProcessPoolExecutor(o.jobs) as pool:
        runs = np.array(list(pool.map(pair, [o.people] * o.pairs, [o.days] * o.pairs, range(o.pairs))))

    def ratio(rows: np.ndarray) -> float:
        return float(rows.var(axis=0, ddof=1).sum() / np.diff(rows, axis=1).var(ddof=1))

    dice = np.random.default_rng(1)
    boot = [ratio(runs[dice.integers(0, o.pairs, o.pairs)]) for _ in range(4000)]
    nonzero = float((np.diff(runs, axis=1) != 0).mean())
    row = {
        "people": o.people, "days": o.days, "pairs": o.pairs, "variance_ratio": ratio(runs), "lower_95": float(np.quantile(boot, 0.05)),
        "correlation": float(np.corrcoef(runs.T)[0, 1]), "nonzero_share": nonzero, "mean_difference": float(np.diff(runs, axis=1).mean()),
    }  # fmt: skip
    for name, value in row.items():
        print(f"{name:18s} {value:.4g}")
    append("pairing", row)


if __name__ == "__main__":
    main()

"""Which pairs of strategies can be told apart: the study's verdicts, turned so that the better comes first."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from influence_sim.figures.tables import Interval, control, interval, outcomes, strategies

#: objective -> (column of `outcomes`, what is compared, unit)
MEASURES = {
    "profit": ("profit", "incremental profit", "USD"),
    "incremental_purchases": ("incremental_purchases", "incremental purchases", "purchases"),
    "reach": ("reach", "people reached", "people"),
    "cost_per_incremental_purchase": ("cost", "saving per incremental purchase", "USD a purchase"),
}


class Verdict(NamedTuple):
    """One pair; `interval` is by how much `left` is better than `right` in the same world."""

    left: str
    right: str
    interval: Interval
    values: tuple[float, ...]
    ahead: int
    told_apart: bool
    needed: float
    target: float
    measure: str
    unit: str

    def involves(self, label: str) -> bool:
        """Tell whether `label` is one of the two."""
        return label in (self.left, self.right)

    def other(self, label: str) -> str:
        """Return the strategy of the pair that is not `label`."""
        return self.right if label == self.left else self.left

    @property
    def words(self) -> str:
        """Return the verdict as a short phrase with frequencies."""
        n = self.interval.n
        if not self.told_apart:
            return f"cannot tell apart: ahead in {self.ahead} of {n}"
        if self.interval.mean >= 0:
            return f"ahead in {self.ahead} of {n} worlds"
        behind = sum(value < 0 for value in self.values)
        return f"behind in {behind} of {n} worlds"


def verdicts(comparison: Any) -> list[Verdict]:
    """Return the pairs with the control first, then the pairs of strategies with the better one on the left.

    Mean, 95 % interval and verdict are those of `comparison.pairs`; the 50 % interval and the
    counts come from the worlds. Pairs without a difference (an arm that was not feasible) are left out.
    """
    column, measure, unit = MEASURES[str(comparison.scenario.objective)]
    cheaper = column == "cost"
    wide = outcomes(comparison).pivot(index="replication", columns="strategy", values=column)
    base, names = control(comparison), strategies(comparison)
    order = {name: i for i, name in enumerate([*names, base])}
    rows = []
    for row in comparison.pairs.to_dict("records"):
        left, right = str(row["strategy_a"]), str(row["strategy_b"])
        mean, low, high = (float(row[key]) for key in ("mean_difference", "lo", "hi"))
        if not math.isfinite(mean) or left not in wide.columns or right not in wide.columns:
            continue
        values = (wide[left] - wide[right]).dropna().to_numpy(dtype=float)
        flip = order[left] == len(names) or (order[right] != len(names) and (mean > 0) == cheaper and mean != 0)
        if flip:
            left, right = right, left
        if flip != cheaper:  # turn the sign once for the order, once for a cost, where less is better
            mean, low, high, values = -mean, -high, -low, -values
        found = interval(values)
        known = math.isfinite(low)
        found = Interval(mean, found.lo50 if known else math.nan, found.hi50 if known else math.nan, low, high, len(values))
        apart = str(row["verdict"]) in ("a better", "b better")
        rows.append(Verdict(left, right, found, tuple(values.tolist()), int((values > 0).sum()), apart,
                            float(row["replications_needed"]), float(row["precision_target"]), measure, unit))
    return sorted(rows, key=lambda v: (v.right != base, order[v.left], order[v.right]))

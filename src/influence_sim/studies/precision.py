"""Replicate until a difference is known well enough: which points of a sweep need more, and which rule ended each.

What is decided follows from the values of finished runs alone, never from who finished first: a sweep that is interrupted, or moves
to another executor, asks for the same runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from influence_sim.studies.journal import Records
from influence_sim.studies.results import PRECISION, Plan, replacing, table_rows
from influence_sim.studies.stopping import half_width

PRECISE, CAPPED, UNDEFINED, UNFINISHED = "precise enough", "cap reached", "no interval", "not finished"


class Reached(NamedTuple):
    """How precisely the difference is known at a point, and which rule ended its replications.

    `difference` is the mean over the `worlds` in which both strategies have a value, `half_width` that of its 95 % Student interval,
    `more` how many replications come next.
    """

    market: str
    point: int
    replications: int
    worlds: int
    difference: float
    half_width: float
    wanted: float
    rule: str
    more: int


def reached(plan: Plan, records: Records, again: Collection[str] = ()) -> list[Reached]:
    """Return how far every point of a plan that asks for a precision is; runs that are played `again` are not finished."""
    asked = plan.experiment.precision
    assert asked is not None
    values: dict[tuple[str, int, str], dict[int, float]] = {}
    finished = dict.fromkeys(plan.replications, 0)
    for row in table_rows(plan, records):
        finished[row["market"], row["point"]] += row["run_id"] not in again
        if row["strategy"] in asked.difference:
            values.setdefault((row["market"], row["point"], row["strategy"]), {})[row["replication"]] = row[asked.measure]
    found = []
    for (market, point), n in plan.replications.items():
        a, b = (values.get((market, point, label), {}) for label in asked.difference)
        d = np.array([a[r] - b[r] for r in sorted(a.keys() & b.keys())])
        d = d[np.isfinite(d)]  # a run that failed has no value
        mean, half = (float(d.mean()), half_width(d)) if len(d) > 1 else (math.nan, math.inf)
        whole = finished[market, point] == n * len(plan.experiment.labels[market])
        more = asked.rule.more(n, half, asked.half_width) if whole else 0
        rule = PRECISE if half <= asked.half_width else UNDEFINED if not math.isfinite(half) else CAPPED
        found.append(Reached(market, point, n, len(d), mean, half, asked.half_width, rule if whole and not more else UNFINISHED, more))
    return found


def extend(plan: Plan, folder: str | os.PathLike[str], again: Collection[str] = ()) -> bool:
    """Give every point the replications that it still needs by what is finished in `folder`; return whether any got some."""
    if plan.experiment.precision is None:
        return False
    grown = False
    with Records(folder) as records:
        # What was finished by an earlier call may carry a point through several looks.
        while needs := [at for at in reached(plan, records, again) if at.more]:
            grown = True
            for at in needs:
                plan.replications[at.market, at.point] += at.more
    return grown


def write_precision(plan: Plan, records: Records, folder: Path) -> None:
    """Write ``precision.csv``, a row per market and point; remove one that an earlier experiment of the folder asked for."""
    path = folder / PRECISION
    if plan.experiment.precision is None:
        path.unlink(missing_ok=True)
        return
    import pandas as pd

    with replacing(path) as temporary:
        pd.DataFrame(reached(plan, records)).drop(columns="more").to_csv(temporary, index=False, lineterminator="\n")

"""Several worlds of one run as if they were one: ratios of rare counts are taken of sums, not averaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from influence_sim.scorecard.crawl import Tables

APART = 1 << 24  # creators of different worlds are different creators
AVERAGED = ("price", "margin", "scale", "organic_rate", "fee_slope")
Worlds = Sequence[Mapping[str, Tables]]


def pooled(parts: Sequence[Tables]) -> Tables:
    """Return the tables of a campaign run in several worlds as one: totals add up, rows are put together, slopes are averaged."""
    out: Tables = {}
    for key in parts[0]:
        values = [part[key] for part in parts]
        if key in AVERAGED:
            out[key] = float(np.mean(values))
        elif key == "by_size":
            out[key] = {name: float(np.mean([v[name] for v in values])) for name in values[0]}
        elif isinstance(values[0], dict):
            out[key] = {name: _together(name, [v[name] for v in values]) for name in values[0]}
        else:
            out[key] = _together(key, values)
    return out


def _together(name: str, values: Sequence[Any]) -> Any:
    if not isinstance(values[0], np.ndarray):
        return float(sum(values))
    apart = APART if name in ("creator", "hired") else 0
    return np.concatenate([v + k * apart for k, v in enumerate(values)] if apart else list(values))


def jackknife(worlds: Worlds, measure: Callable[[Mapping[str, Tables]], float]) -> tuple[float, float, float]:
    """Return a measure of the pooled worlds and its 95 % jackknife interval (Efron & Tibshirani 1993, ch. 11).

    Parameters
    ----------
    worlds : sequence of mappings
        Tables by run, one mapping per seed.
    measure : callable
        Of tables by run.
    """
    from scipy.stats import t

    def of(chosen: Worlds) -> float:
        return measure({name: pooled([world[name] for world in chosen]) for name in chosen[0]})

    n, value = len(worlds), of(worlds)
    if n < 2:
        return value, math.nan, math.nan
    left = np.array([of([world for k, world in enumerate(worlds) if k != out]) for out in range(n)])
    half = float(t.ppf(0.975, n - 1)) * math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
    return value, value - half, value + half

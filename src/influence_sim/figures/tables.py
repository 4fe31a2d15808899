"""From a comparison to what the figures and the report need: one outcome per strategy and world."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student

from influence_sim._version import __version__
from influence_sim.studies.runner import control_label

TOTALS = ("spend", "reach", "impressions", "engagements", "clicks", "purchases", "expected_purchases")
OUTCOMES = (*TOTALS, "incremental_purchases", "profit", "roi", "per_1000_usd", "cost")


class Interval(NamedTuple):
    """A mean and the 50 % and 95 % intervals of that mean; not numbers where they cannot be known."""

    mean: float
    lo50: float
    hi50: float
    lo95: float
    hi95: float
    n: int


class Goal(NamedTuple):
    """What an objective measures per world, how it is called, and what counts as nothing gained."""

    column: str
    words: str
    unit: str
    zero: float
    zero_words: str


def interval(values: Iterable[float]) -> Interval:
    """Return the mean of worlds with Student intervals; one world has no interval."""
    x = np.asarray(list(values), dtype=float)
    x = x[np.isfinite(x)]
    n = len(x)
    if n == 0:
        return unbounded(math.nan, 0)
    mean = float(x.mean())
    if n == 1:
        return unbounded(mean, 1)
    error = float(x.std(ddof=1)) / math.sqrt(n)
    half, wide = (error * float(student.ppf(q, n - 1)) for q in (0.75, 0.975))
    return Interval(mean, mean - half, mean + half, mean - wide, mean + wide, n)


def unbounded(mean: float, n: int) -> Interval:
    """Return a mean whose intervals cannot be known."""
    return Interval(mean, math.nan, math.nan, math.nan, math.nan, n)


def control(comparison: Any) -> str:
    """Return the label of the control arm, the strategy that buys nothing."""
    return control_label(comparison.scenario)


def strategies(comparison: Any) -> list[str]:
    """Return the labels of the compared strategies in the order of the scenario, the control left out."""
    base = control(comparison)
    return [str(label) for label in comparison.summary["strategy"] if label != base]


def row(comparison: Any, strategy: str) -> dict[str, Any]:
    """Return the summary row of a strategy as a dict."""
    found = comparison.summary[comparison.summary["strategy"] == strategy]
    return {} if found.empty else {str(k): v for k, v in found.iloc[0].to_dict().items()}


def table(comparison: Any, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a table of the comparison, or an empty one with `columns` where it was not recorded."""
    frame = getattr(comparison, name, None)
    if frame is None or not set(columns) <= set(frame.columns):
        return pd.DataFrame({column: pd.Series(dtype=object if column == "strategy" else float) for column in columns})
    return pd.DataFrame(frame)


def daily(comparison: Any) -> pd.DataFrame:
    """Return the daily table in order of strategy, world and day."""
    frame = table(comparison, "daily", ("strategy", "replication", "day", "expected_purchases", "reach_cumulative"))
    return frame.sort_values(["strategy", "replication", "day"], kind="stable")


def contribution(comparison: Any) -> float:
    """Return what one purchase earns, price times margin, in USD."""
    brand = comparison.scenario.market.brand
    return float(brand.price) * float(brand.margin)


def outcomes(comparison: Any) -> pd.DataFrame:
    """Return one row per strategy and world with `OUTCOMES`; increments are paired with the control of the same world."""
    frame = table(comparison, "totals", ("strategy", "replication", *TOTALS))[["strategy", "replication", *TOTALS]].copy()
    frame = frame.astype(dict.fromkeys(TOTALS, float))
    base = frame[frame["strategy"] == control(comparison)].set_index("replication")["expected_purchases"]
    frame["incremental_purchases"] = frame["expected_purchases"] - frame["replication"].map(base).astype(float)
    frame["profit"] = frame["incremental_purchases"] * contribution(comparison) - frame["spend"]
    spend = frame["spend"].where(frame["spend"] > 0)
    frame["roi"] = frame["profit"] / spend
    frame["per_1000_usd"] = 1000 * frame["incremental_purchases"] / spend
    frame["cost"] = spend / frame["incremental_purchases"].where(frame["incremental_purchases"] > 0)
    order = {label: i for i, label in enumerate([control(comparison), *strategies(comparison)])}
    frame["order"] = frame["strategy"].map(order)
    return frame.dropna(subset=["order"]).sort_values(["order", "replication"], kind="stable").drop(columns="order").reset_index(drop=True)


def goal(comparison: Any) -> Goal:
    """Return how the scenario's objective is measured in figures."""
    objective = str(getattr(comparison.scenario, "objective", "profit"))
    if objective == "reach":
        return Goal("reach", "people reached", "people", 0.0, "nobody reached")
    if objective == "incremental_purchases":
        return Goal("incremental_purchases", "incremental purchases", "purchases", 0.0, "no effect")
    if objective == "cost_per_incremental_purchase":
        # Cost per purchase has no finite interval once zero purchases are possible; its inverse has.
        even = 1000 / contribution(comparison) if contribution(comparison) > 0 else math.nan
        return Goal("per_1000_usd", "incremental purchases per 1,000 USD", "purchases per 1,000 USD", even, "break-even")
    return Goal("roi", "return on investment", "profit / spend", 0.0, "break-even")


def worlds(comparison: Any) -> int:
    """Return the number of replications."""
    found = pd.to_numeric(comparison.summary["replications"], errors="coerce").dropna()
    return int(found.max()) if len(found) else int(getattr(comparison.scenario, "replications", 0))


def footer(comparison: Any) -> str:
    """Return the line under every figure: which scenario, how many worlds, which version."""
    scenario = comparison.scenario
    n = worlds(comparison)
    digest = str(getattr(scenario, "digest", ""))[:12]
    return f"{scenario.name} · scenario {digest or 'without digest'} · {n} simulated world{'s' * (n != 1)} · influence_sim {__version__}"

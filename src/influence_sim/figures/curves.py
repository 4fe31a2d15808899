"""What happens over the days: reach, and purchases that the campaign caused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from influence_sim.figures.style import INK, SERIES, Figure, empty, end_labels, finish, house, new, series_style, short
from influence_sim.figures.tables import control, daily, footer, strategies, worlds

BANDS = {"median": 0.5, "lo50": 0.25, "hi50": 0.75, "lo95": 0.025, "hi95": 0.975}


def bands(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return median and 50 % and 95 % bands over worlds per strategy and day."""
    records = []
    groups: Any = frame.groupby(["strategy", "day"], sort=False)[column]
    for (label, day), values in groups:
        x = values.to_numpy(dtype=float)
        x = x[np.isfinite(x)]
        if len(x):
            found = {name: float(np.quantile(x, q)) for name, q in BANDS.items()}
            if len(x) == 1:  # a band of one world would pretend to certainty
                found.update(lo50=math.nan, hi50=math.nan, lo95=math.nan, hi95=math.nan)
            records.append({"strategy": label, "day": int(day), **found, "n": len(x)})
    return pd.DataFrame(records, columns=["strategy", "day", *BANDS, "n"])


def _panels(count: int, base: float) -> tuple[Any, list[Axes]]:
    rows = max(1, math.ceil(count / len(SERIES)))
    return new(base + (rows - 1) * 2.2, rows, 1, sharex=True, sharey=True)


def _draw(axes: list[Axes], table: pd.DataFrame, labels: list[str], label_y: str) -> None:
    ends: list[list[Any]] = [[] for _ in axes]
    for index, label in enumerate(labels):
        part = table[table["strategy"] == label]
        if part.empty:
            continue
        ax, look = axes[index // len(SERIES)], series_style(index)
        x = part["day"].to_numpy(dtype=float) + 1  # the value at the end of day 0 is after one day
        ax.fill_between(x, part["lo95"].to_numpy(), part["hi95"].to_numpy(), color=look.color, alpha=0.10, lw=0)
        ax.fill_between(x, part["lo50"].to_numpy(), part["hi50"].to_numpy(), color=look.color, alpha=0.22, lw=0)
        y = part["median"].to_numpy()
        ax.plot(x, y, color=look.color, ls=look.line, marker=look.marker, ms=4.5, markevery=max(1, len(x) // 6))
        ends[index // len(SERIES)].append((label, float(x[-1]), float(y[-1]), look))
    for ax in axes:
        last = float(table["day"].max()) + 1
        ax.set_xlim(min(1.0, last - 1), last)
        ax.yaxis.set_major_formatter(short)
        ax.set_ylabel(label_y)
        ax.margins(x=0)
    for ax, items in zip(axes, ends, strict=True):
        end_labels(ax, items)
    axes[-1].set_xlabel("day of the campaign")
    axes[-1].xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, steps=[1, 2, 5, 10]))


def _spread_words(n: int) -> str:
    return f"median and 50 % and 95 % bands of n = {n} worlds" if n > 1 else "one world, so no bands"


@house
def reach_curve(comparison: Any) -> Figure:
    """Draw the people reached at least once by the end of each day."""
    labels = strategies(comparison)
    frame = daily(comparison)
    table = bands(frame[frame["strategy"].isin(labels)], "reach_cumulative")
    fig, axes = _panels(len(labels), 3.2)
    if table.empty:
        empty(axes[0], "No daily record: reach by day is not known.")
        title = "Reach by day was not recorded"
    else:
        _draw(axes, table, labels, "people")
        for ax in axes:
            ax.set_ylim(bottom=0)
        last = table[table["day"] == table["day"].max()].sort_values("median", ascending=False, kind="stable")
        top = last.iloc[0]
        title = f"{top['strategy']} reaches most people: {short(top['median'])} by day {int(top['day']) + 1}"
        if top["median"] <= 0:
            title = "No strategy reaches anybody"
        elif len(last) == 1:
            title = f"{top['strategy']} reaches {short(top['median'])} people by day {int(top['day']) + 1}"
    finish(fig, title, f"People who saw the brand; {_spread_words(worlds(comparison))}", footer(comparison))
    return Figure(fig, table, f"{title}. {_ends(table, 'people')}")


@house
def purchases_curve(comparison: Any) -> Figure:
    """Draw the purchases a campaign has caused so far: expected purchases minus the control's in the same world."""
    labels = strategies(comparison)
    frame = daily(comparison).copy()
    frame["so_far"] = frame.groupby(["strategy", "replication"], sort=False)["expected_purchases"].cumsum()
    base = frame[frame["strategy"] == control(comparison)][["replication", "day", "so_far"]].rename(columns={"so_far": "control"})
    paired = frame[frame["strategy"].isin(labels)].merge(base, on=["replication", "day"], how="inner")
    paired["incremental"] = paired["so_far"] - paired["control"]
    table = bands(paired, "incremental")
    fig, axes = _panels(len(labels), 3.2)
    if table.empty:
        empty(axes[0], "No control arm was recorded by day: increments are not known.")
        title = "Incremental purchases by day are not known"
    else:
        for ax in axes:
            ax.axhline(0, color=INK, lw=1, ls=(0, (4, 2)), zorder=1)
        _draw(axes, table, labels, "purchases")
        last = table[table["day"] == table["day"].max()].sort_values("median", ascending=False, kind="stable")
        top = last.iloc[0]
        title = f"{top['strategy']} adds most purchases: {short(top['median'])} by day {int(top['day']) + 1} (median)"
        if top["median"] <= 0:
            title = "No strategy adds purchases in the median world"
        elif len(last) == 1:
            title = f"{top['strategy']} adds {short(top['median'])} purchases by day {int(top['day']) + 1} (median)"
        elif top["lo50"] < last.iloc[1]["hi50"]:
            second = last.iloc[1]
            title = (f"{top['strategy']} ({short(top['median'])} purchases by day {int(top['day']) + 1}) and {second['strategy']} "
                     f"({short(second['median'])}) overlap (medians)")
    finish(fig, title, "Expected purchases so far minus those of the control in the same world; "
           f"{_spread_words(worlds(comparison))}; dashed: no effect", footer(comparison))
    return Figure(fig, table, f"{title}. {_ends(table, 'purchases')}")


def _ends(table: pd.DataFrame, unit: str) -> str:
    if table.empty:
        return "Nothing to show."
    last = table[table["day"] == table["day"].max()]
    parts = []
    for r in last.to_dict("records"):
        band = "" if math.isnan(r["lo95"]) else f", 95 % of worlds {short(r['lo95'])} to {short(r['hi95'])}"
        parts.append(f"{r['strategy']} {short(r['median'])} {unit}{band}")
    return "At the end: " + "; ".join(parts) + "."

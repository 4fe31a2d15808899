"""The answer of a study: every comparison in every variant with its interval, against the line where nothing happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from influence_sim.figures.style import INK, MUTED, Figure, finish, house, new, series_style, wrap

WIDE = 7.4  # inches: a full column of A4
UNTOLD = "#8A8A8A"  # grey: not told apart
Number = Callable[[float], str]


@house
def forest(rows: pd.DataFrame, numbers: Sequence[Number], title: str, source: str) -> Figure:
    """Draw a panel for every comparison: a row for every variant, the estimate and its interval; grey where not told apart."""
    names = list(dict.fromkeys(rows["comparison"]))
    variants = max((list(part["variant"]) for _, part in rows.groupby("comparison", sort=False)), key=len)
    columns = min(len(names), 3)
    lines = -(-len(names) // columns)
    fig, axes = new(1.5 + lines * (0.75 + 0.36 * len(variants)), lines, columns, width=WIDE, sharey=True)
    for ax, name, number in zip(axes, names, numbers, strict=False):
        _panel(ax, rows[rows["comparison"] == name], variants, number)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    n = int(rows["worlds"].iloc[0])
    subtitle = f"Mean of n = {n} paired worlds with its 95 % interval (BCa); line: no difference; grey: cannot tell them apart"
    finish(fig, title, subtitle, source)
    table = rows[["comparison", "variant", "value", "lo", "hi", "verdict"]]
    told = [f"{row['comparison']}, {row['variant']}: {_told(row)}" for row in table.to_dict("records")]
    return Figure(fig, table, f"{title}. " + "; ".join(told) + ".")


def _told(row: Mapping[Any, Any]) -> str:
    """Return a value with its interval and verdict, as far as there are such."""
    if not math.isfinite(row["value"]):
        return "not defined"
    interval = f" ({row['lo']:.3g} to {row['hi']:.3g})" if math.isfinite(row["lo"]) else ""
    return f"{row['value']:.3g}{interval}, {row['verdict']}"


def _panel(ax: Axes, rows: pd.DataFrame, variants: Sequence[str], number: Number) -> None:
    kind = str(rows["kind"].iloc[0])
    ratio = kind in ("ratio", "level")
    null = 0.0 if kind == "difference" else 1.0
    if ratio:
        ax.set_xscale("log")
    ax.axvline(null, color=INK, lw=0.8)
    for row in rows.to_dict("records"):
        y = variants.index(row["variant"])
        if not math.isfinite(row["value"]):
            ax.annotate("not defined", (null, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5, color=MUTED)
            continue
        look = series_style(0 if row["value"] > null else 1)
        color = look.color if row["verdict"] in ("higher", "lower") else UNTOLD
        if math.isfinite(row["lo"]):
            ax.plot([row["lo"], row["hi"]], [y, y], color=color, lw=2.4, solid_capstyle="butt")
        ax.plot([row["value"]], [y], look.marker, color=color, ms=6)
        at = (row["value"], y)
        ax.annotate(number(row["value"]), at, xytext=(0, 6), textcoords="offset points", ha="center", fontsize=7.5, color=INK)
    ends = rows[["value", "lo", "hi"]].to_numpy(float)
    low, high = (float(f(np.append(ends[np.isfinite(ends)], null))) for f in (np.min, np.max))
    if ratio:
        room = max(high / low, 1.05) ** 0.12
        ax.set_xlim(low / room, high * room)
        choices = ([1, 10, 100, 0.1, 0.01], [1, 3, 10, 0.3, 0.1], [0.5, 1, 2, 0.25, 4], [0.6, 0.8, 1, 1.25, 1.5], [0.9, 1, 1.1])
        fitting = [[tick for tick in choice if low / room <= tick <= high * room] for choice in choices]
        ax.xaxis.set_major_locator(FixedLocator(max(fitting, key=len)))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        room = 0.12 * max(high - low, 1e-12)
        ax.set_xlim(low - room, high + room)
        ax.locator_params(axis="x", nbins=4)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if ratio else number(value))
    ax.set_ylim(len(variants) - 0.5, -0.6)
    ax.set_yticks(range(len(variants)), [wrap(name, 24) for name in variants], color=INK)
    ax.grid(visible=False)
    ax.set_title(wrap(str(rows["comparison"].iloc[0]), 28, 3), color=INK, fontsize=9)
    ax.set_xlabel(_axis(kind, str(rows["a"].iloc[0]), str(rows["b"].iloc[0])))


def _axis(kind: str, a: str, b: str) -> str:
    if kind == "elasticity":
        return f"{a}: elasticity"
    if kind == "level":
        return a
    joint = "over" if kind == "ratio" else "minus"
    return f"{a} {joint} {b}" if a != b else f"{a}: variant {joint} the first"

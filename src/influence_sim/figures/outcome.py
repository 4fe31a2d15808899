"""Who wins, by how much, and how sure: forest and paired differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from influence_sim.figures.style import INK, MUTED, Figure, Look, empty, finish, house, new, percent, series_style, short, wrap
from influence_sim.figures.tables import Interval, footer, goal, interval, outcomes, row, strategies, unbounded, worlds
from influence_sim.figures.verdicts import Verdict, verdicts

MOST_ROWS = 12


def _interval_row(ax: Axes, y: float, found: Interval, look: Look, hollow: bool = False) -> None:
    ax.plot([found.lo95, found.hi95], [y, y], color=look.color, lw=1.6, solid_capstyle="butt")
    ax.plot([found.lo50, found.hi50], [y, y], color=look.color, lw=5.5, solid_capstyle="butt", alpha=0.55)
    ax.plot([found.mean], [y], look.marker, color=look.color, ms=7, mfc="white" if hollow else look.color, mew=1.6, zorder=4)


def label_rows(ax: Axes, labels: Sequence[str], colors: Sequence[str]) -> None:
    """Name the rows of a chart, first on top, each in its series' text colour."""
    ax.set_yticks(range(len(labels)), labels)
    for tick, color in zip(ax.get_yticklabels(), colors, strict=False):  # a shared axis has no labels
        tick.set_color(color)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.spines["left"].set_visible(False)
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")


def _beside(ax: Axes, y: float, text: str) -> None:
    ax.annotate(text, xy=(1.0, y), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5)


def _bracket(found: Interval, write: Callable[[float], str]) -> str:
    if math.isnan(found.lo95):
        return write(found.mean)
    return f"{write(found.mean)}  [{write(found.lo95)} to {write(found.hi95)}]"


@house
def strategy_forest(comparison: Any) -> Figure:
    """Draw the objective per strategy: mean, 50 % and 95 % intervals, every world, break-even line."""
    target = goal(comparison)
    write = percent if target.column == "roi" else short
    frame = outcomes(comparison)
    records: list[dict[str, Any]] = []
    for index, label in enumerate(strategies(comparison)):
        values = frame.loc[frame["strategy"] == label, target.column].to_numpy(dtype=float)
        values = values[np.isfinite(values)]
        found = _as_reported(interval(values), row(comparison, label), target.column)
        records.append({
            "strategy": label, "index": index, **found._asdict(), "values": values,
            "worlds_above": int((values > target.zero).sum()),
        })
    records.sort(key=lambda r: -math.inf if math.isnan(r["mean"]) else r["mean"], reverse=True)
    drawn = [r for r in records if math.isfinite(r["mean"])]
    fig, (ax,) = new(1.55 + 0.52 * max(len(drawn), 2))
    for y, r in enumerate(drawn):
        look = series_style(r["index"])
        found = Interval(*(r[k] for k in Interval._fields))
        ax.plot(r["values"], np.full(len(r["values"]), y + 0.27), "|", color=look.color, ms=5, mew=0.9, alpha=0.7)
        _interval_row(ax, y, found, look)
        _beside(ax, y, f"{_bracket(found, write)}\n{target_words(target.column)} in {r['worlds_above']} of {r['n']} worlds")
    if drawn:
        label_rows(ax, [wrap(r["strategy"]) for r in drawn], [series_style(r["index"]).text for r in drawn])
        if math.isfinite(target.zero):
            ax.axvline(target.zero, color=INK, lw=1, ls=(0, (4, 2)), zorder=1)
            ax.annotate(target.zero_words, xy=(target.zero, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                        textcoords="offset points", ha="center", fontsize=8, color=INK)
        ax.xaxis.set_major_formatter(write)
        ax.set_xlabel(f"{target.words} ({target.unit})")
    else:
        empty(ax, f"No strategy has a {target.words}: nothing was spent or nothing was recorded.")
    title = _forest_title(drawn, target.words, write, verdicts(comparison))
    n = worlds(comparison)
    spread = "one world: no interval can be given"
    if n > 1:
        spread = "bars: 50 % (thick) and 95 % (thin) interval of the mean; ticks: each world"
    finish(fig, title, f"{target.words.capitalize()} per strategy, mean of n = {n} world{'s' * (n != 1)}; {spread}", footer(comparison))
    table = pd.DataFrame([{k: v for k, v in r.items() if k not in ("values", "index")} for r in records],
                         columns=["strategy", *Interval._fields, "worlds_above"])
    parts = [f"{r['strategy']} {_bracket(Interval(*(r[k] for k in Interval._fields)), write)}" for r in drawn]
    return Figure(fig, table, f"{title}. {target.words.capitalize()} with 95 % intervals: " + "; ".join(parts or ["none"]) + ".")


def target_words(column: str) -> str:
    """Return what a world above the objective's zero line means, in words."""
    return {"roi": "in profit", "per_1000_usd": "in profit", "reach": "reached anybody"}.get(column, "above zero")


def _as_reported(found: Interval, summary: dict[str, Any], column: str) -> Interval:
    """Let the summary table rule where it states the same number: picture and table must not differ."""
    value = summary.get(column)
    if value is None or not math.isfinite(float(value)):
        return found
    if f"{column}_lo" not in summary:
        return found._replace(mean=float(value))
    low, high = (float(summary[f"{column}_{end}"]) for end in ("lo", "hi"))
    if not math.isfinite(low):
        return unbounded(float(value), found.n)
    return found._replace(mean=float(value), lo95=low, hi95=high)


def _forest_title(drawn: list[dict[str, Any]], words: str, write: Callable[[float], str], found: list[Verdict]) -> str:
    if not drawn:
        return f"No strategy has a {words}"
    best = drawn[0]
    lead = f"{best['strategy']} has the highest {words}, {write(best['mean'])}"
    if words == "return on investment" and best["mean"] < 0:
        lead = f"No strategy pays back; {best['strategy']} loses least, {write(best['mean'])}"
    if len(drawn) == 1:
        return f"{best['strategy']}: {words} {write(best['mean'])}"
    near = [v.other(best["strategy"]) for v in found if v.involves(best["strategy"]) and not v.told_apart]
    near = [name for name in near if name in [r["strategy"] for r in drawn]]
    if len(near) == 1:
        return f"{lead}, but it cannot be told apart from {near[0]}"
    if near:
        return f"{lead}, but it cannot be told apart from {len(near)} others"
    names = [r["strategy"] for r in drawn]
    unsure = any(v.left == best["strategy"] and v.right not in names and not v.told_apart for v in found)
    return f"{lead}, but it cannot be told apart from doing nothing" if unsure else lead


@house
def paired_difference(comparison: Any) -> Figure:
    """Draw every pair's difference world by world, and say which cannot be told apart."""
    found = verdicts(comparison)
    shown = found[:MOST_ROWS]
    unit = shown[0].unit if shown else ""
    order = {label: i for i, label in enumerate(strategies(comparison))}
    fig, (ax,) = new(1.6 + 0.44 * max(len(shown), 2))
    for y, v in enumerate(shown):
        look = series_style(order.get(v.left, 3))
        grey = look if v.told_apart else Look("#767676", MUTED, "-", look.marker)
        ax.plot(v.values, np.full(len(v.values), y + 0.27), "|", color=grey.color, ms=5, mew=0.9, alpha=0.7)
        _interval_row(ax, y, v.interval, grey, hollow=not v.told_apart)
        _beside(ax, y, f"{_bracket(v.interval, short)}\n{v.words}")
    if shown:
        label_rows(ax, [f"{wrap(v.left, 16, 1)}\n− {wrap(v.right, 16, 1)}" for v in shown], [INK if v.told_apart else MUTED for v in shown])
        ax.axvline(0, color=INK, lw=1, ls=(0, (4, 2)), zorder=1)
        ax.xaxis.set_major_formatter(short)
        ax.set_xlabel(f"{shown[0].measure}, first minus second ({unit})")
    else:
        empty(ax, "One strategy without a control: there is no pair to compare.")
    apart = sum(v.told_apart for v in found)
    if not found:
        title = "No pair to compare"
    elif apart == len(found):
        title = "Every pair can be told apart" if len(found) > 1 else f"{found[0].left} and {found[0].right} can be told apart"
    else:
        title = f"{len(found) - apart} of {len(found)} pairs cannot be told apart" if apart else "No pair can be told apart"
    cut = f"; {len(found) - len(shown)} more pairs in the table" if len(found) > len(shown) else ""
    n = worlds(comparison)
    what = shown[0].measure if shown else "objective"
    subtitle = (f"{what.capitalize()}, first against second in the same world, n = {n}; 50 % and 95 % interval of the mean; "
                f"hollow: not told apart once corrected for many pairs{cut}")
    finish(fig, title, subtitle, footer(comparison))
    table = pd.DataFrame([
        {"strategy": v.left, "against": v.right, **v.interval._asdict(), "told_apart": v.told_apart,
         "worlds_ahead": v.ahead, "replications_needed": v.needed} for v in found
    ], columns=["strategy", "against", *Interval._fields, "told_apart", "worlds_ahead", "replications_needed"])
    parts = [f"{v.left} minus {v.right} {_bracket(v.interval, short)} {unit}, {v.words}" for v in shown]
    return Figure(fig, table, f"{title}. " + "; ".join(parts or ["none"]) + ".")

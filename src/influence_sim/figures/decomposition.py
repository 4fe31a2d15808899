"""Why a strategy returns what it returns: price x reach x engagement x conversion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from influence_sim.figures.outcome import label_rows
from influence_sim.figures.style import INK, RULE, Figure, empty, finish, house, new, series_style, wrap
from influence_sim.figures.tables import footer, strategies

# Followers bought and impressions bought are different goods; what they have in common is impressions per USD.
PARTS = ("price", "reach")
FACTORS = ("impressions_per_usd", "engagement", "conversion")
COLUMNS = (*PARTS, *FACTORS, "product")
WORDS = {
    "price": "price\n(followers per USD)", "reach": "reach (impressions\nper follower)",
    "impressions_per_usd": "price × reach\n(impressions per USD)", "engagement": "engagement\n(per impression)",
    "conversion": "conversion\n(per engagement)", "product": "purchases\nper USD",
}
WIDE = 10.9


def relative_factors(comparison: Any) -> pd.DataFrame:
    """Return each factor of incremental purchases per USD relative to the geometric mean of the strategies.

    Columns strategy and `COLUMNS`, largest return first. NaN where a factor is not positive, and
    in price and reach of a strategy that buys impressions while others buy creators' followers.
    """
    frame: pd.DataFrame = comparison.decomposition
    if not {"strategy", "bought", *COLUMNS} <= set(frame.columns):
        return pd.DataFrame(columns=["strategy", *COLUMNS])
    frame = frame[frame["strategy"].isin(strategies(comparison))][["strategy", "bought", *COLUMNS]].reset_index(drop=True)
    values = frame[list(COLUMNS)].to_numpy(dtype=float)
    logs = np.log(np.where(np.isfinite(values) & (values > 0), values, np.nan))
    mixed = frame["bought"].nunique() > 1
    if mixed:
        logs[(frame["bought"] != "followers").to_numpy(), : len(PARTS)] = np.nan
    whole = np.isfinite(logs[:, 2:]).all(axis=1)  # one set of strategies for the mean, or the factors would not multiply up
    for column in range(len(COLUMNS)):
        chosen = np.isfinite(logs[:, column]) & (whole if whole.any() else True)
        logs[:, column] -= logs[chosen, column].mean() if chosen.any() else 0.0
    frame[list(COLUMNS)] = np.exp(logs)
    return frame.drop(columns="bought").sort_values("product", ascending=False, kind="stable", na_position="last").reset_index(drop=True)


@house
def return_decomposition(comparison: Any) -> Figure:
    """Draw the factors of the return of every strategy, each relative to the average strategy."""
    frame = relative_factors(comparison)
    usable = frame[frame[list(COLUMNS)].notna().any(axis=1)]
    if usable.empty:
        fig, (ax,) = new(2.0)
        empty(ax, "No strategy has a return above zero that could be taken apart.")
        finish(fig, "The return cannot be taken apart", "Factors of incremental purchases per USD", footer(comparison))
        return Figure(fig, frame, "The return cannot be taken apart: no strategy has one above zero.")
    order = {label: i for i, label in enumerate(strategies(comparison))}
    looks = [series_style(order[label]) for label in usable["strategy"]]
    fig, axes = new(1.7 + 0.4 * len(usable), 1, len(COLUMNS), width=WIDE, sharex=True, sharey=True)
    largest = float(np.nanmax(np.abs(np.log(usable[list(COLUMNS)].to_numpy(dtype=float)))))
    limit = max(1.6, math.exp(1.25 * largest))
    tick = max(t for t in (1.5, 2, 3, 5, 10, 30, 100, 1000) if t <= limit or t == 1.5)
    for ax, name in zip(axes, COLUMNS, strict=True):
        total = name == "product"
        ax.set_xscale("log")
        ax.set_xlim(1 / limit, limit)
        label_rows(ax, [wrap(label) for label in usable["strategy"]], [look.text for look in looks])
        ax.axvline(1, color=INK, lw=1)
        for y, (value, look) in enumerate(zip(usable[name], looks, strict=True)):
            if math.isfinite(value):
                ax.plot([1, value], [y, y], color=look.color, lw=3 if total else 2, solid_capstyle="butt")
                ax.plot([value], [y], look.marker, color=look.color, ms=6)
            ax.text(1, y - 0.17, f"×{value:.2g}" if math.isfinite(value) else "–", ha="center", va="bottom", fontsize=8.5,
                    fontweight="bold" if total else "normal", bbox={"fc": "#F4F4F4" if total else "white", "ec": "none", "pad": 0.5})
        ax.set_title(WORDS[name], loc="center", fontsize=8.5, fontweight="bold" if total else "normal")
        ax.set_facecolor("#F4F4F4" if total else "white")
        ax.grid(True, axis="x", color=RULE)
        ax.set_xticks([1 / tick, 1, tick], [f"÷{tick:g}", "1", f"×{tick:g}"])
        ax.minorticks_off()
    title = _title(usable)
    mixed = usable["price"].isna() & usable["product"].notna()
    note = "; –: no positive value, or impressions were bought instead of creators" if mixed.any() else ""
    finish(fig, title, "Factors of incremental purchases per USD, relative to the geometric mean of the strategies (black line), log axis; "
           f"price × reach, engagement and conversion multiply to purchases per USD{note}", footer(comparison))
    parts = []
    for r in usable.to_dict("records"):
        cells = [f"{WORDS[n].split(chr(10))[0]} ×{r[n]:.2g}" for n in (*FACTORS, "product") if math.isfinite(r[n])]
        parts.append(f"{r['strategy']}: {', '.join(cells)}")
    return Figure(fig, frame, f"{title}. " + "; ".join(parts) + ".")


def _title(frame: pd.DataFrame) -> str:
    top = frame.iloc[0]
    if len(frame) == 1 or not math.isfinite(float(top["product"])):
        return "What the return is made of"
    known = {name: float(top[name]) for name in FACTORS if math.isfinite(float(top[name]))}
    name = max(known, key=lambda k: known[k])
    words = WORDS[name].replace("\n", " ")
    if known[name] <= 1.02:
        return f"{top['strategy']} returns most per USD, by a little of everything"
    return f"{top['strategy']} returns most per USD, above all through {words}: ×{known[name]:.2g} the average"

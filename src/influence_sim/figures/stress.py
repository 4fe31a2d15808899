"""The answer of a stress test: every plan in every future, and what moves a plan most."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from influence_sim.figures.outcome import label_rows
from influence_sim.figures.style import INK, MUTED, Figure, finish, house, new, series_style, short, wrap

WIDE = 7.4
UNTOLD = "#8A8A8A"


@house
def regrets(table: pd.DataFrame, unit: str, title: str, source: str) -> Figure:
    """Draw the mean of every plan in every future as a grid; darker is further behind the best of that future."""
    means = table.pivot_table(index="future", columns="strategy", values="value", sort=False)
    futures, strategies, values = list(means.index), list(means.columns), means.to_numpy(float)
    regret = values.max(axis=1)[:, None] - values
    fig, (ax,) = new(1.5 + 0.3 * len(futures), width=WIDE)
    top = float(regret.max()) or 1.0
    ax.imshow(regret, cmap="Oranges", vmin=0.0, vmax=1.6 * top, aspect="auto")  # light enough for dark words
    for f in range(len(futures)):
        for s in range(len(strategies)):
            best = regret[f, s] == 0
            weight = "bold" if best else "normal"
            ax.text(s, f, short(float(values[f, s])), ha="center", va="center", fontsize=7.5, fontweight=weight, color=INK)
    ax.set_xticks(range(len(strategies)), [wrap(str(name), 12, 3) for name in strategies])
    ax.set_yticks(range(len(futures)), [wrap(str(name), 44, 1) for name in futures])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    finish(fig, title, f"Mean {unit} of each plan in each future; bold: best of that future; darker: further behind it", source)
    told = [
        f"{future}: " + ", ".join(f"{name} {short(float(x))}" for name, x in zip(strategies, row, strict=True))
        for future, row in zip(futures, values, strict=True)
    ]
    return Figure(fig, means.reset_index(), f"{title}. " + "; ".join(told) + ".")


@house
def tornado(changes: pd.DataFrame, strategies: list[str], unit: str, source: str) -> Figure:
    """Draw, for up to four plans, how far each future moves them from what is expected; the largest change first."""
    shown = strategies[:4]
    parts = [changes[changes["strategy"] == name] for name in shown]
    order = changes.groupby("future", sort=False)["change"].apply(lambda c: c.abs().max()).sort_values(ascending=False)
    futures = list(order.index)
    fig, axes = new(1.6 + 0.27 * len(futures), 1, len(shown), width=WIDE, sharey=True, sharex=True)
    for ax, name, part in zip(axes, shown, parts, strict=True):
        ax.axvline(0.0, color=INK, lw=0.8)
        rows = part.set_index("future").reindex(futures)
        for y, (_, row) in enumerate(rows.iterrows()):
            color = UNTOLD if not row["told"] else series_style(0 if row["change"] > 0 else 1).color
            ax.barh(y, row["change"], height=0.6, color=color, alpha=0.85)
            if math.isfinite(row["lo"]):
                ax.plot([row["lo"], row["hi"]], [y, y], color=INK, lw=1.1)
        ax.set_title(wrap(name, 18, 2), color=INK, fontsize=9)
        ax.xaxis.set_major_formatter(short)
        ax.locator_params(axis="x", nbins=4)
    label_rows(axes[0], [wrap(str(name), 40, 1) for name in futures], [INK] * len(futures))
    axes[len(shown) // 2].set_xlabel(f"change, {unit}")
    worst = changes.sort_values("change", kind="stable").iloc[0]
    title = f"What hurts most: {worst['future']} costs {worst['strategy']} {short(float(-worst['change']))} {unit}"
    finish(fig, title, "Paired change from the market as expected with 95 % interval; grey: cannot be told from none", source)
    told = [f"{r['strategy']}, {r['future']}: {short(r['change'])}" for r in changes.to_dict("records")]
    return Figure(fig, changes, f"{title}. " + "; ".join(told) + ".")


@house
def robustness(scores: pd.DataFrame, unit: str, title: str, source: str) -> Figure:
    """Draw mean, worst tenth and largest regret of every plan with their intervals."""
    panels = (("mean", "mean of all futures"), ("worst_tenth", "worst tenth"), ("largest_regret", "largest regret (less is better)"))
    order = scores.sort_values("worst_tenth", ascending=False)
    fig, axes = new(1.6 + 0.34 * len(order), 1, 3, width=WIDE, sharey=True)
    for k, (ax, (column, words)) in enumerate(zip(axes, panels, strict=True)):
        look = series_style(k)
        y = np.arange(len(order))
        ax.hlines(y, order[f"{column}_lo"], order[f"{column}_hi"], color=look.color, lw=2.4)
        ax.plot(order[column], y, look.marker, color=look.color, ms=6)
        ax.set_title(words, color=INK, fontsize=9)
        ax.xaxis.set_major_formatter(short)
        ax.locator_params(axis="x", nbins=4)
        ax.set_xlabel(unit, color=MUTED)
    label_rows(axes[0], [wrap(str(name), 24, 1) for name in order["strategy"]], [INK] * len(order))
    finish(fig, title, "All futures count equally; 95 % intervals over worlds", source)
    told = [f"{r['strategy']}: mean {short(r['mean'])}, worst tenth {short(r['worst_tenth'])}, largest regret {short(r['largest_regret'])}"
            for r in order.to_dict("records")]  # fmt: skip
    return Figure(fig, order, f"{title}. " + "; ".join(told) + ".")

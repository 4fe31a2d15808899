"""The answer of an allocation: splits in unseen worlds, what channels give alone, and gain against safety."""

from __future__ import annotations

import pandas as pd

from influence_sim.figures.outcome import label_rows
from influence_sim.figures.style import INK, MUTED, Figure, end_labels, finish, house, new, series_style, short, wrap

WIDE = 7.4
UNTOLD = "#8A8A8A"


@house
def splits(checked: pd.DataFrame, unit: str, title: str, source: str) -> Figure:
    """Draw how far every checked split is behind the best, with the paired interval; grey where it cannot be told from the best."""
    fig, (ax,) = new(1.5 + 0.36 * len(checked), width=WIDE)
    ax.axvline(0.0, color=INK, lw=0.8)
    for y, row in enumerate(checked.to_dict("records")):
        look = series_style(1)
        color = UNTOLD if row["near_tie"] else look.color
        if y:
            ax.plot([row["behind_lo"], row["behind_hi"]], [y, y], color=color, lw=2.4, solid_capstyle="butt")
        ax.plot([row["behind"]], [y], "o" if y else "D", color=color if y else series_style(0).color, ms=6)
        words = f"{row['words']} ({row['timing']})"
        ax.annotate(words, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=7, color=MUTED)
    label_rows(ax, [wrap(str(name), 24, 1) for name in checked["name"]], [INK] * len(checked))
    ax.xaxis.set_major_formatter(short)
    ax.set_xlabel(f"difference to the best split, {unit}")
    finish(fig, title, "Unseen worlds, paired difference with 95 % interval; grey: cannot be told from the best", source)
    table = checked[["name", "words", "timing", "mean", "mean_lo", "mean_hi", "behind", "behind_lo", "behind_hi", "near_tie"]]
    told = [
        f"{r['name']} ({r['words']}): {short(r['behind'])} ({short(r['behind_lo'])} to {short(r['behind_hi'])})"
        for r in table.to_dict("records")
    ]
    return Figure(fig, table, f"{title}. Difference to the best split: " + "; ".join(told) + ".")


@house
def responses(curves: pd.DataFrame, unit: str, budget: float, source: str) -> Figure:
    """Draw what each channel alone gives by money spent on it; outside of what was simulated nothing is drawn."""
    title = "What each channel gives alone, and how that flattens"
    fig, (ax,) = new(3.9, width=WIDE)
    ends = []
    for k, (channel, part) in enumerate(curves.groupby("channel", sort=False)):
        look = series_style(k)
        x = part["spend"].to_numpy(float)
        ax.fill_between(x, part["lo"].to_numpy(float), part["hi"].to_numpy(float), color=look.color, alpha=0.15, lw=0)
        ax.plot(x, part["value"], color=look.color, ls=look.line, marker=look.marker, ms=5)
        ends.append((str(channel), float(x[-1]), float(part["value"].iloc[-1]), look))
    ax.axhline(0.0, color=INK, lw=0.8)
    low, high = float(curves["spend"].min()), float(curves["spend"].max())
    room = 0.06 * (high - low)
    for left, right in ((low - room, low), (high, high + room)):
        ax.axvspan(left, right, color="#F0F0F0", lw=0)
    ax.set_xlim(low - room, high + room)
    at = (high + room / 2, 0.98)
    ax.annotate("not simulated", at, xycoords=("data", "axes fraction"), rotation=90, va="top", ha="center", fontsize=7, color=MUTED)
    ax.xaxis.set_major_formatter(short)
    ax.yaxis.set_major_formatter(short)
    ax.set_xlabel(f"spent on the channel alone, USD (budget {budget:,.0f})")
    ax.set_ylabel(unit)
    end_labels(ax, ends)
    finish(fig, title, "Mean of the search's worlds with 95 % band; points are simulated, lines between them only join them", source)
    told = [f"{r['channel']} at {r['spend']:,.0f} USD: {short(r['value'])}" for r in curves.to_dict("records")]
    return Figure(fig, curves, f"{title}. " + "; ".join(told) + ".")


@house
def safety(checked: pd.DataFrame, unit: str, source: str) -> Figure:
    """Draw the mean of every checked split against its worst tenth, and the frontier that no split beats in both."""
    edge = checked[checked["on_frontier"]].sort_values("worst_tenth")
    one = len(edge) == 1
    title = "One split is best on average and in bad luck" if one else "Gain on average against gain in bad luck"
    fig, (ax,) = new(3.9, width=WIDE)
    ax.plot(checked["worst_tenth"], checked["mean"], "o", color=UNTOLD, ms=5)
    look = series_style(0)
    ax.plot(edge["worst_tenth"], edge["mean"], color=look.color, marker="D", ms=6)
    for k, row in enumerate(edge.to_dict("records")):
        ax.annotate(
            f"{row['name']}: {row['words']}", (row["worst_tenth"], row["mean"]), xytext=(7, 7 - 11 * (k % 2)), textcoords="offset points",
            fontsize=7.5, color=look.text, ha="right" if row["worst_tenth"] > checked["worst_tenth"].median() else "left",
        )  # fmt: skip
    ax.margins(0.12)
    ax.grid(True, axis="both")
    ax.xaxis.set_major_formatter(short)
    ax.yaxis.set_major_formatter(short)
    ax.set_xlabel(f"mean of the worst tenth of worlds, {unit}")
    ax.set_ylabel(f"mean of all worlds, {unit}")
    finish(fig, title, "Splits in unseen worlds; blue: no other split is better in both", source)
    table = checked[["name", "words", "timing", "mean", "worst_tenth", "on_frontier"]]
    told = [f"{r['words']}: mean {short(r['mean'])}, worst tenth {short(r['worst_tenth'])}" for r in edge.to_dict("records")]
    return Figure(fig, table, f"{title}. On the frontier: " + "; ".join(told) + ".")

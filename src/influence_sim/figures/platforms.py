"""Two platforms in the same worlds: measures world by world, and unknown creators' share of views by where the line is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from influence_sim.figures.style import INK, MUTED, Figure, Look, end_labels, finish, house, new, percent, series_style
from influence_sim.studies.compare import UNDECIDED
from influence_sim.studies.platforms import Measure, difference_writer, pair_of

WIDE = 7.4  # inches: a full column of A4


class Panel(NamedTuple):
    """A measure, its name and unit in words, and how its values and differences are written."""

    measure: Measure
    name: str
    unit: str
    write: Callable[[float], str]


def signed(value: float, write: Callable[[float], str]) -> str:
    """Return a difference with its sign."""
    return f"+{write(value)}" if value > 0 else write(value)


@house
def paired_measures(worlds: pd.DataFrame, pairs: pd.DataFrame, panels: Sequence[Panel], title: str, source: str) -> Figure:
    """Draw every measure on two platforms: a dot each world, a line between the same world, the means with intervals."""
    rows = [pair_of(pairs, panel.measure) for panel in panels]
    fig, axes = new(4.1, 1, len(panels), width=WIDE)
    for ax, panel, row in zip(axes, panels, rows, strict=True):
        _panel(ax, _values(worlds, row), panel, row)
    n = int(rows[0]["worlds"])
    a, b = rows[0]["platform_a"], rows[0]["platform_b"]
    subtitle = (f"Each grey line is one world, {a} and {b}, n = {n}; large marks: mean with its 95 % interval (BCa); "
                f"below each name: {a} minus {b}, with its interval")
    finish(fig, title, subtitle, source)
    table = pd.DataFrame(rows)
    parts = [f"{panel.name}: {panel.write(row['a'])} on {a}, {panel.write(row['b'])} on {b}, difference {_difference(row, panel)}"
             for panel, row in zip(panels, rows, strict=True)]  # fmt: skip
    return Figure(fig, table, f"{title}. " + "; ".join(parts) + ".")


def _values(worlds: pd.DataFrame, row: dict[str, Any]) -> np.ndarray[Any, Any]:
    mine = worlds[(worlds["measure"] == row["measure"]) & (worlds["of"] == row["of"])]
    table = mine.pivot(index="replication", columns="platform", values="value")
    return np.asarray(table.reindex(columns=[row["platform_a"], row["platform_b"]]), float)


def _difference(row: dict[str, Any], panel: Panel) -> str:
    if not math.isfinite(row["difference"]):
        return "not known in every world"
    write = difference_writer(row["unit"], panel.write)
    text = signed(row["difference"], write)
    return f"{text} ({write(row['lo'])} to {write(row['hi'])})" if math.isfinite(row["lo"]) else text


def _panel(ax: Axes, values: np.ndarray[Any, Any], panel: Panel, row: dict[str, Any]) -> None:
    for pair in values:
        ax.plot([0, 1], pair, color="#9A9A9A", lw=0.6, alpha=0.6, marker="o", ms=2.2, mew=0)
    for x, (side, place) in enumerate((("a", -0.22), ("b", 1.22))):
        look = series_style(x)
        mean, low, high = (float(row[key]) for key in (side, f"{side}_lo", f"{side}_hi"))
        if math.isfinite(low):
            ax.plot([place, place], [low, high], color=look.color, lw=2.4, solid_capstyle="butt")
        ax.plot([place], [mean], look.marker, color=look.color, ms=7)
        ax.annotate(panel.write(mean) if math.isfinite(mean) else "not known", xy=(place, np.nanmax([0.0, mean, high])),
                    xytext=(0, 5 if math.isfinite(low) else 8), textcoords="offset points", ha="center", va="bottom", fontsize=8.5,
                    color=look.text, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8})
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    ax.set_ylim(0, 1.12 * top if top > 0 else 1.0)
    ax.set_xlim(-0.55, 1.55)
    ax.set_xticks([0, 1], [row["platform_a"], row["platform_b"]], color=INK)
    ax.yaxis.set_major_formatter(lambda value, _: panel.write(value))
    ax.set_ylabel(panel.unit)
    ax.set_title(f"{panel.name}\n{_difference(row, panel)}\n{row['verdict'] if row['verdict'] == UNDECIDED else ''}", color=INK, fontsize=9)


@house
def views_by_limit(pairs: pd.DataFrame, limits: Sequence[float], source: str) -> Figure:
    """Draw the share of views of creators below a number of followers at the start, against that number."""
    rows = [_shares(pairs, limit) for limit in limits]
    table = pd.DataFrame(rows)
    a, b = (str(pairs[f"platform_{side}"].iloc[0]) for side in "ab")
    fig, (ax,) = new(4.0, width=WIDE)
    ax.set_xscale("log")
    grey = Look("#767676", MUTED, (0, (1.2, 1.2)), "")
    dashed = grey._replace(line=(0, (5, 1.5)))
    drawn = [(a, "a", series_style(0)), (b, "b", series_style(1)), ("their share of follows", "followers", grey),
             ("their share of posts", "posts", dashed)]  # fmt: skip
    for _, column, look in drawn:
        wide = 2.0 if look.marker else 1.3
        ax.plot(table["limit"], table[column], color=look.color, ls=look.line, lw=wide, marker=look.marker or None, ms=6)
        if f"{column}_lo" in table:
            ax.vlines(table["limit"], table[f"{column}_lo"], table[f"{column}_hi"], color=look.color, lw=2.4)
    last = table.iloc[-1]
    end_labels(ax, [(name, float(last["limit"]), float(last[column]), look) for name, column, look in drawn])
    ax.set_xticks(list(limits), [f"{limit:,.0f}" for limit in limits])
    ax.minorticks_off()
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(percent)
    ax.set(xlabel="real followers at the start below which a creator counts as unknown", ylabel="share of views, follows, posts")
    title = _limits_title(rows, a, b)
    finish(fig, title, "Organic views of modelled creators; mean of worlds, bars: 95 % interval (BCa); grey: what they had at the start "
           "(follows) and what they made (posts), the same on both; log axis", source)  # fmt: skip
    parts = [f"under {row['limit']:,.0f}: {percent(row['a'])} on {a}, {percent(row['b'])} on {b}" for row in rows]
    return Figure(fig, table, f"{title}. " + "; ".join(parts) + ".")


def _limits_title(rows: Sequence[dict[str, float]], a: str, b: str) -> str:
    on_a, on_b = sum(row["lo"] > 0 for row in rows), sum(row["hi"] < 0 for row in rows)
    if on_a and on_b:
        return "On which platform unknown creators win more depends on where the line is drawn"
    if not (on_a or on_b):
        return f"Wherever the line is drawn, {a} and {b}: {UNDECIDED}"
    sure = on_a + on_b
    where = "Wherever the line is drawn" if sure == len(rows) else f"At {sure} of {len(rows)} lines, and at none the other way"
    return f"{where}, unknown creators win a larger share on {a if on_a else b}"


def _shares(pairs: pd.DataFrame, limit: float) -> dict[str, float]:
    of = f"under {limit:,.0f} followers"
    views = pair_of(pairs, Measure("views_of_unknown", of))
    kept = {key: float(views[key]) for key in ("a", "a_lo", "a_hi", "b", "b_lo", "b_hi", "difference", "lo", "hi")}
    others = {name: float(pair_of(pairs, Measure(f"{name}_of_unknown", of))["a"]) for name in ("followers", "posts")}
    return {"limit": limit, **kept, **others}

"""The answer of a screening: which assumptions move an outcome most, by Morris' method."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from influence_sim.figures.style import INK, MUTED, Figure, finish, house, new, series_style

SHOWN = 12  # parameters in a panel


@house
def screening(effects: pd.DataFrame, title: str, subtitle: str, source: str) -> Figure:
    """Draw a panel for every outcome: the parameters with the largest mu*, each with its interval.

    Parameters
    ----------
    effects : DataFrame
        Columns `parameter`, `outcome`, `mu_star`, `mu_star_conf`, `changes_of_order`.
    """
    outcomes = list(dict.fromkeys(effects["outcome"]))
    parts = {name: effects[effects["outcome"] == name].nlargest(SHOWN, "mu_star") for name in outcomes}
    fig, axes = new(1.6 + 0.27 * SHOWN, 1, len(outcomes), width=7.4)
    for ax, name in zip(axes, outcomes, strict=True):
        _panel(ax, parts[name], name)
    finish(fig, title, subtitle, source)
    table = pd.concat(parts.values(), ignore_index=True)
    told = [f"{row['outcome']}, {row['parameter']}: {row['mu_star']:.2g} (+-{row['mu_star_conf']:.2g})" for row in table.to_dict("records")]
    return Figure(fig, table, f"{title}. Mean absolute effect of a step: " + "; ".join(told) + ".")


def _panel(ax: Axes, rows: pd.DataFrame, outcome: str) -> None:
    look = series_style(0)
    names = [str(name).replace("_", " ") for name in rows["parameter"]]
    y = list(range(len(rows)))
    value, half = rows["mu_star"].to_numpy(float), rows["mu_star_conf"].to_numpy(float)
    ax.hlines(y, (value - half).clip(0.0), value + half, color=look.color, lw=2.4)
    ax.plot(value, y, look.marker, color=look.color, ms=5)
    for at, x, count in zip(y, value + half, rows["changes_of_order"], strict=True):
        ax.annotate(str(int(count)), (x, at), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7.5, color=MUTED)
    ax.set_yticks(y, names, color=INK, fontsize=7.5)
    ax.set_ylim(len(rows) - 0.5, -0.6)
    ax.set_xlim(0.0, float((value + half).max()) * 1.15)
    ax.locator_params(axis="x", nbins=4)
    ax.grid(visible=False, axis="y")
    ax.set_title(outcome, color=INK, fontsize=9)
    ax.set_xlabel("mu*, profit per USD")

"""Figures of sensitivity, calibration and power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from influence_sim.figures.outcome import label_rows
from influence_sim.figures.style import INK, MUTED, Figure, end_labels, finish, house, new, series_style, short, wrap

WIDE = 7.4
UNTOLD = "#8A8A8A"
SHOWN = 12
INDEX = {"morris": "mu*, in units of the outcome", "sobol": "share of variance", "pawn": "PAWN index (median)"}


@house
def indices(effects: pd.DataFrame, title: str, source: str) -> Figure:
    """Draw the parameters that move each outcome most, a panel an outcome; grey where not told from no influence."""
    outcomes = list(dict.fromkeys(effects["outcome"]))[:3]
    method = str(effects["method"].iloc[0])
    parts = [effects[effects["outcome"] == name].nlargest(SHOWN, "index") for name in outcomes]
    most = max(len(part) for part in parts)
    fig, axes = new(1.9 + 0.27 * most, 1, len(outcomes), width=WIDE)
    for ax, name, part in zip(axes, outcomes, parts, strict=True):
        for y, row in enumerate(part.to_dict("records")):
            color = series_style(0).color if row["told"] else UNTOLD
            ax.plot([max(0.0, row["lo"]), row["hi"]], [y, y], color=color, lw=2.4, solid_capstyle="butt")
            ax.plot([row["index"]], [y], "o", color=color, ms=5)
            if row["first"] == row["first"]:
                ax.plot([row["first"]], [y], "|", color=series_style(1).color, ms=9, mew=2)
            if row["changes_of_order"] == row["changes_of_order"]:
                text = str(int(row["changes_of_order"]))
                ax.annotate(text, (row["hi"], y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5, color=MUTED)
        label_rows(ax, [wrap(str(p).removeprefix("market.").replace("_", " "), 30, 2) for p in part["parameter"]], [INK] * len(part))
        ax.tick_params(axis="y", labelsize=7.5)
        ax.set_title(wrap(name, 40, 2), color=INK, fontsize=9)
        ax.set_xlim(left=0.0)
        ax.xaxis.set_major_formatter(short)
        ax.locator_params(axis="x", nbins=4)
        ax.set_xlabel(INDEX[method])
    more = {"sobol": "; bar: what it does alone", "morris": "; number: steps that changed which strategy is best"}.get(method, "")
    finish(fig, title, f"Index with 95 % interval; grey: cannot be told from no influence{more}", source)
    table = pd.concat(parts, ignore_index=True)
    told = [
        f"{r['outcome']}, {r['parameter']}: {short(r['index'])} ({short(r['lo'])} to {short(r['hi'])})" for r in table.to_dict("records")
    ]
    return Figure(fig, table.dropna(axis=1, how="all"), f"{title}. " + "; ".join(told) + ".")


@house
def known(summary: pd.DataFrame, title: str, source: str) -> Figure:
    """Draw the posterior of every parameter inside its range; grey where the facts say nothing."""
    fig, (ax,) = new(1.5 + 0.32 * len(summary), width=WIDE)
    width = summary["prior_high"] - summary["prior_low"]
    place = summary[["lo", "median", "hi"]].sub(summary["prior_low"], axis=0).div(width, axis=0)
    for y, (row, at) in enumerate(zip(summary.to_dict("records"), place.to_numpy(), strict=True)):
        color = UNTOLD if row["flat"] else series_style(0).color
        ax.plot([0, 1], [y, y], color="#D9D9D9", lw=1.0)
        ax.plot([at[0], at[2]], [y, y], color=color, lw=4, solid_capstyle="butt")
        ax.plot([at[1]], [y], "o", color=color, ms=7)
        if "truth" in row:
            ax.plot([(row["truth"] - row["prior_low"]) / (row["prior_high"] - row["prior_low"])], [y], "x", color=INK, ms=7, mew=1.6)
        for x, text, side in ((0, short(row["prior_low"]), "right"), (1, short(row["prior_high"]), "left")):
            off = (-5 if x == 0 else 5, 0)
            ax.annotate(text, (x, y), xytext=off, textcoords="offset points", ha=side, va="center", fontsize=7.5, color=MUTED)
    label_rows(ax, [wrap(str(p).replace("_", " "), 34, 1) for p in summary["parameter"]], [INK] * len(summary))
    ax.set_xlim(-0.12, 1.12)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    cross = "; cross: the truth" if "truth" in summary else ""
    finish(fig, title, f"Median and 95 % interval inside the range that was allowed; grey: the facts say nothing{cross}", source)
    told = [f"{r['parameter']}: {short(r['median'])} ({short(r['lo'])} to {short(r['hi'])})" for r in summary.to_dict("records")]
    return Figure(fig, summary, f"{title}. " + "; ".join(told) + ".")


@house
def predicted(checks: pd.DataFrame, title: str, source: str) -> Figure:
    """Draw what the fitted model predicts for every fact, in standard deviations around the fact."""
    fig, (ax,) = new(1.6 + 0.34 * len(checks), width=WIDE)
    ax.axvspan(-1.96, 1.96, color="#F0F0F0", lw=0)
    ax.axvline(0, color=INK, lw=0.8)
    for y, row in enumerate(checks.to_dict("records")):
        look = series_style(0 if row["kind"] == "fitted" else 1)
        low, middle, high = ((row[k] - row["fact"]) / row["fact_sd"] for k in ("lo", "median", "hi"))
        ax.plot([low, high], [y, y], color=look.color, lw=2.4, ls="-" if row["inside"] else ":")
        ax.plot([middle], [y], look.marker, color=look.color, ms=6, mfc=look.color if row["inside"] else "white")
    label_rows(ax, [f"{r['statistic'].replace('_', ' ')} ({r['kind']})" for r in checks.to_dict("records")], [INK] * len(checks))
    ax.set_xscale("symlog", linthresh=4)
    ax.xaxis.set_major_formatter(short)
    ax.set_xlabel("predicted minus fact, in standard deviations of the fact")
    finish(fig, title, "95 % range of unseen worlds; grey band: what the fact itself leaves open; hollow: outside", source)
    told = [
        f"{r['statistic']} ({r['kind']}): fact {short(r['fact'])}, predicted {short(r['lo'])} to {short(r['hi'])}"
        for r in checks.to_dict("records")
    ]
    return Figure(fig, checks, f"{title}. " + "; ".join(told) + ".")


@house
def power_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], pilot: int, title: str, source: str) -> Figure:
    """Draw the chance to tell pairs apart against the number of replications; `curves`: pair -> (replications, power)."""
    fig, (ax,) = new(3.9, width=WIDE)
    ends = []
    for k, (name, (n, power)) in enumerate(list(curves.items())[:5]):
        look = series_style(k)
        ax.plot(n, power, color=look.color, ls=look.line)
        ends.append((name, float(n[-1]), float(power[-1]), look))
    ax.axhline(0.8, color=MUTED, lw=0.8)
    ax.axvline(pilot, color=MUTED, lw=0.8, ls=":")
    ax.annotate("pilot", (pilot, 0.02), xytext=(3, 0), textcoords="offset points", fontsize=7.5, color=MUTED)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(short)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("paired replications")
    ax.set_ylabel("chance to tell them apart")
    end_labels(ax, ends)
    finish(fig, title, "Two-sided test, all pairs together at 5 %; line: 80 %", source)
    rows = [(name, a, b) for name, (n, p) in curves.items() for a, b in zip(n, p, strict=True)]
    table = pd.DataFrame(rows, columns=["pair", "replications", "power"])
    enough = table[table["power"] >= 0.8].groupby("pair", sort=False)["replications"].min()
    reached = [f"{name}: {enough[name]:.0f}" if name in enough else f"{name}: more than drawn" for name in curves]
    return Figure(fig, table, f"{title}. Replications for a chance of 80 %: " + "; ".join(reached) + ".")


def powers(effect: float, sd: float, alpha: float, most: float) -> tuple[list[float], list[float]]:
    """Return numbers of replications and the power at each."""
    from influence_sim.studies.power import power_of

    n = sorted({int(x) for x in np.geomspace(3, max(10.0, most), 40)})
    return [float(x) for x in n], [power_of(effect, sd, x, alpha) for x in n]

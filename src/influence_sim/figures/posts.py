"""The funnel, and what the feed does with posts: engagement by audience size, inequality of views."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from influence_sim.figures.style import INK, MUTED, SERIES, Figure, empty, finish, house, new, percent, series_style, short, wrap
from influence_sim.figures.tables import control, footer, interval, outcomes, strategies, table, worlds
from influence_sim.record.discovery import MIN_AGENT_VIEWS, gini, lorenz

STEPS = (("impressions", "impressions"), ("engagements", "likes, comments,\nshares"), ("clicks", "clicks"),
         ("incremental_purchases", "purchases caused\n(expected)"))
POSTS = ("strategy", "post", "creator", "followers", "views", "likes", "comments", "shares")
MOST_DOTS = 250


@house
def funnel(comparison: Any) -> Figure:
    """Draw impressions, engagements, clicks and caused purchases per strategy on a log axis."""
    labels = strategies(comparison)
    frame = outcomes(comparison)
    records: list[dict[str, Any]] = []
    for label in labels:
        before = math.nan
        part = frame[frame["strategy"] == label]
        for column, _ in STEPS:
            found = interval(part[column])
            rate = found.mean / before if before > 0 and found.mean >= 0 else math.nan
            records.append({"strategy": label, "step": column, **found._asdict(), "rate_of_previous": rate})
            before = found.mean
    data = pd.DataFrame(records, columns=["strategy", "step", "mean", "lo50", "hi50", "lo95", "hi95", "n", "rate_of_previous"])
    positive = data.loc[data["mean"] > 0, "mean"]
    n = worlds(comparison)
    subtitle = (f"Real people's actions per world, mean of n = {n}" + ("; line: 95 % interval of the mean" if n > 1 else "")
                + "; percent: of the step before; log axis")
    if positive.empty:
        fig, (ax,) = new(2.6)
        empty(ax, "No strategy had an impression.")
        finish(fig, "Nothing happened: no impressions", subtitle, footer(comparison))
        return Figure(fig, data, "No strategy had an impression.")
    height = 1.5 + len(STEPS) * max(0.42, 0.2 * len(labels))
    fig, (ax,) = new(height)
    ax.set_xscale("log")
    low, high = 10.0 ** math.floor(math.log10(float(positive.min()))), float(positive.max())
    for index, label in enumerate(labels):
        look = series_style(index)
        offset = (index - (len(labels) - 1) / 2) * 0.78 / max(len(labels), 3)
        for y, (column, _) in enumerate(STEPS):
            r = data[(data["strategy"] == label) & (data["step"] == column)].iloc[0]
            ok = r["mean"] > 0
            x = float(r["mean"]) if ok else low
            if ok and math.isfinite(r["lo95"]):
                ax.plot([max(float(r["lo95"]), low), max(float(r["hi95"]), low)], [y + offset] * 2, color=look.color, lw=1.4)
            if ok:
                ax.plot([x], [y + offset], look.marker, color=look.color, ms=5.5, label=label if y == 0 else None)
            words = short(float(r["mean"])) if ok or r["mean"] == 0 else f"{short(float(r['mean']))} (none)"
            if y and ok and math.isfinite(r["rate_of_previous"]):
                words += f" · {percent(float(r['rate_of_previous']))}"
            edge = max(x, float(r["hi95"])) if ok and math.isfinite(r["hi95"]) else x
            ax.annotate(words, xy=(edge, y + offset), xytext=(7, 0), textcoords="offset points", va="center", fontsize=7.5,
                        color=look.text, annotation_clip=False)
    ax.set_xlim(low * 0.8, high * 12)
    ax.set_ylim(len(STEPS) - 0.45, -0.55)
    ax.set_yticks(range(len(STEPS)), [words for _, words in STEPS], color=INK)
    ax.tick_params(axis="y", length=0)
    for y in range(1, len(STEPS)):
        ax.axhline(y - 0.5, color="#CFCFCF", lw=0.8)
    ax.grid(False, axis="y")
    ax.grid(True, axis="x")
    ax.xaxis.set_major_formatter(short)
    ax.minorticks_off()
    if ax.get_legend_handles_labels()[0]:
        legend = ax.legend(loc="upper left", bbox_to_anchor=(0, 1.0), fontsize=8, handletextpad=0.2, borderaxespad=0.2)
        for text in legend.get_texts():
            text.set_text(wrap(text.get_text(), 20, 1))
    title = _funnel_title(data)
    finish(fig, title, subtitle, footer(comparison))
    parts = []
    for label in labels:
        steps = data[data["strategy"] == label].to_dict("records")
        parts.append(f"{label}: " + ", ".join(f"{r['step'].replace('_', ' ')} {short(r['mean'])}" for r in steps))
    return Figure(fig, data, f"{title}. " + "; ".join(parts) + ".")


def _funnel_title(data: pd.DataFrame) -> str:
    wide = data.pivot(index="strategy", columns="step", values="mean")
    rate = (wide["incremental_purchases"] / wide["impressions"].where(wide["impressions"] > 0) * 1e6).dropna()
    if rate.empty or rate.max() <= 0:
        return "No strategy turns impressions into purchases"
    top = str(rate.idxmax())
    seen = str(wide["impressions"].idxmax())
    if top != seen:
        return f"{seen} shows most; {top} gets most out of an impression ({short(float(rate[top]))} purchases per million)"
    return f"{top}: {short(float(rate[top]))} purchases caused per million impressions"


def organic_posts(comparison: Any) -> pd.DataFrame:
    """Return the posts of one arm, the control where recorded, so that no post counts twice."""
    posts = table(comparison, "posts", POSTS)
    arms = list(dict.fromkeys(posts["strategy"]))
    arm = control(comparison) if control(comparison) in arms else (arms[0] if arms else None)
    posts = posts[posts["strategy"] == arm]
    if "sponsored" in posts.columns:
        posts = posts[~posts["sponsored"].astype(bool)]
    if "replication" not in posts.columns:
        posts = posts.assign(replication=0)
    return posts


def engagement_sizes(comparison: Any) -> pd.DataFrame:
    """Return engagement rates of creators by half-decade of followers: medians and middle halves."""
    creators = _creators(comparison)
    people = comparison.scenario.market.people
    scale = float(people.population) / max(1, int(people.agents))
    creators = creators.assign(bin=np.floor(2 * np.log10(creators["followers"].to_numpy(dtype=float))))
    records = []
    groups: Any = creators.groupby("bin")
    for size, part in groups:
        record: dict[str, Any] = {"followers": float(10 ** ((size + 0.5) / 2)), "creators": len(part),
                                  "median_views": float(part["median_views"].median())}
        for column in ("per_view", "per_follower"):
            for name, q in (("lo50", 0.25), ("median", 0.5), ("hi50", 0.75)):
                record[f"{column}_{name}"] = float(part[column].quantile(q))
        if record["median_views"] >= MIN_AGENT_VIEWS * scale and len(part) >= 3:
            records.append(record)
    quartiles = [f"{rate}_{name}" for rate in ("per_view", "per_follower") for name in ("lo50", "median", "hi50")]
    columns = ["followers", "creators", "median_views", *quartiles]
    return pd.DataFrame(records, columns=columns)


def _creators(comparison: Any) -> pd.DataFrame:
    posts = organic_posts(comparison)
    posts = posts[(posts["views"] > 0) & (posts["followers"] > 0)]
    posts = posts.assign(engagements=posts["likes"] + posts["comments"] + posts["shares"])
    groups = posts.groupby(["replication", "creator"], sort=True)
    creators = groups.agg(views=("views", "sum"), audience=("followers", "sum"), engagements=("engagements", "sum"),
                          followers=("followers", "mean"), median_views=("views", "median")).reset_index()
    creators["per_view"] = creators["engagements"].astype(float) / creators["views"].astype(float)
    creators["per_follower"] = creators["engagements"].astype(float) / creators["audience"].astype(float)
    return creators


def _slope(x: pd.Series, y: pd.Series) -> float:
    ok = (x > 0) & (y > 0)
    logs = np.log(x[ok].to_numpy(dtype=float))
    if ok.sum() < 3 or float(np.ptp(logs)) < 1e-9:
        return math.nan
    return float(np.polyfit(logs, np.log(y[ok].to_numpy(dtype=float)), 1)[0])


def _trend(slope: float) -> str:
    if not math.isfinite(slope):
        return "has too few creators for a slope"
    word = "is flat in size" if abs(slope) < 0.1 else ("falls with size" if slope < 0 else "rises with size")
    return f"{word} (slope {slope:.2f})".replace("-", "\N{MINUS SIGN}")


@house
def engagement_by_size(comparison: Any) -> Figure:
    """Draw engagement per view and per follower against followers, creators as dots, medians by size."""
    creators, sizes = _creators(comparison), engagement_sizes(comparison)
    subtitle = ("Organic posts pooled per creator and world; line: median and middle half of creators by size, "
                f"where the median post has {MIN_AGENT_VIEWS} simulated viewers; log axes")
    if creators.empty:
        fig, (ax,) = new(2.6)
        empty(ax, "No post with views and followers was recorded.")
        finish(fig, "Engagement by size is not known", subtitle, footer(comparison))
        return Figure(fig, sizes, "No post with views and followers was recorded.")
    fig, axes = new(3.7, 1, 2, sharex=True, sharey=True)
    dots = creators.iloc[:: max(1, math.ceil(len(creators) / MOST_DOTS))]
    trends = {}
    for ax, column, words, index in zip(axes, ("per_view", "per_follower"), ("per view", "per follower"), (0, 1), strict=True):
        look = series_style(index)
        trends[words] = _slope(creators["followers"], creators[column])
        ax.set_xscale("log")
        ax.set_yscale("log")
        shown = dots[dots[column] > 0]
        ax.plot(shown["followers"], shown[column], ".", color="#9A9A9A", ms=3.5, alpha=0.55, mew=0)
        ax.vlines(sizes["followers"], sizes[f"{column}_lo50"].clip(lower=1e-9), sizes[f"{column}_hi50"], color=look.color, lw=4, alpha=0.4)
        ax.plot(sizes["followers"], sizes[f"{column}_median"].where(sizes[f"{column}_median"] > 0), color=look.color, ls=look.line,
                marker=look.marker, ms=5.5)
        ax.set_title(f"Engagements {words}", color=look.text, fontweight="bold")
        ax.set_xlabel("followers")
        ax.xaxis.set_major_formatter(short)
        ax.yaxis.set_major_formatter(percent)
        ax.minorticks_off()
    values = np.concatenate([creators[c].to_numpy(dtype=float) for c in ("per_view", "per_follower")])
    values = values[values > 0]
    if len(values):
        axes[0].set_ylim(float(np.quantile(values, 0.01)) * 0.6, float(np.quantile(values, 0.99)) * 1.7)
    title = f"Engagement per view {_trend(trends['per view'])}, per follower it {_trend(trends['per follower'])}"
    finish(fig, title, subtitle, footer(comparison))
    return Figure(fig, sizes, f"{title}. {len(creators)} creators in {creators['replication'].nunique()} worlds.")


@house
def views_lorenz(comparison: Any) -> Figure:
    """Draw the Lorenz curve of views per post with its Gini coefficient, one thin line per world."""
    posts = organic_posts(comparison)
    grid = np.linspace(0, 1, 101)
    curves, ginis = [], []
    for _, views in posts.groupby("replication", sort=True)["views"]:
        if views.sum() > 0:
            curves.append(np.interp(grid, *lorenz(views)))
            ginis.append(gini(views))
    subtitle = "Lorenz curve of views over the modelled creators' organic posts; median world (thick), each world (thin)"
    if not curves:
        fig, (ax,) = new(2.6)
        empty(ax, "No post had views.")
        finish(fig, "No post had views", subtitle, footer(comparison))
        return Figure(fig, pd.DataFrame({"share_of_posts": [], "share_of_views": []}), "No post had views.")
    middle = np.median(np.array(curves), axis=0)
    fig, (ax,) = new(4.0)
    for curve in curves[:50]:
        ax.plot(grid, curve, color=SERIES[0], lw=0.7, alpha=0.35)
    ax.plot(grid, middle, color=SERIES[0])
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 2)))
    ax.annotate("all posts equal", xy=(0.45, 0.45), xytext=(-6, 4), textcoords="offset points", ha="right", fontsize=8.5, color=MUTED)
    top = 1 - float(np.interp(0.9, grid, middle))
    ax.plot([0.9], [1 - top], "o", color=SERIES[0], ms=6)
    words = f"Gini {np.median(ginis):.2f}"
    if len(ginis) > 1:
        words += f" ({min(ginis):.2f} to {max(ginis):.2f} over {len(ginis)} worlds)"
    words += f"\nDot: the most viewed tenth has {percent(top)} of views"
    ax.text(0.03, 0.96, words, transform=ax.transAxes, va="top", linespacing=1.4)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="share of posts, least viewed first", ylabel="share of views")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(percent)
    title = f"The most viewed tenth of posts gets {percent(top)} of all views (Gini {np.median(ginis):.2f})"
    finish(fig, title, subtitle, footer(comparison))
    data = pd.DataFrame({"share_of_posts": grid, "share_of_views": middle, "gini_median": float(np.median(ginis))})
    return Figure(fig, data, f"{title}. {len(curves)} worlds.")

"""What the feed makes of posts: views against followers, the way to 1,000 views, the test stages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from influence_sim.figures.posts import organic_posts
from influence_sim.figures.style import INK, MUTED, SERIES, SERIES_TEXT, Figure, empty, finish, house, new, percent, short
from influence_sim.figures.tables import footer, interval
from influence_sim.record.discovery import MIN_AGENT_VIEWS, TIMES, first_thousand, outran

MOST_DOTS = 600
MOST_LINES = 50
CLASSES = ("followers_low", "followers_high", "posts", "median_agent_views", "share", "lo95", "hi95", "worlds", "reason")


def _nothing(comparison: Any, title: str, why: str, columns: tuple[str, ...]) -> Figure:
    fig, (ax,) = new(2.6)
    empty(ax, why)
    finish(fig, title, "", footer(comparison))
    return Figure(fig, pd.DataFrame(columns=list(columns)), f"{title}. {why}")


def _size(low: float, high: float) -> str:
    return f"{short(low)} to {short(high)}"


def size_classes(comparison: Any) -> pd.DataFrame:
    """Return P(views > 10 x followers) per decade of followers: the mean of worlds with its interval."""
    people = comparison.scenario.market.people
    scale = float(people.population) / max(1, int(people.agents))
    posts = organic_posts(comparison)
    # Whether a class has enough views is asked once, of all worlds together: a world more must not drop it.
    pooled = outran(_table(posts), scale) if len(posts) else []
    parts = [_table(part) for _, part in posts.groupby("replication", sort=True)]
    worlds = [{c.low: c.share for c in outran(part, scale, 0)} for part in parts]
    rows = []
    for c in pooled:
        found = interval([world[c.low] for world in worlds if c.low in world] if not c.reason else [])
        bounds = (found.lo95, found.hi95) if found.mean > 0 else (math.nan, math.nan)  # none in any world bounds nothing
        rows.append((c.low, c.high, c.posts, c.median_agent_views, found.mean, *bounds, found.n, c.reason))
    return pd.DataFrame(rows, columns=list(CLASSES))


def _table(posts: pd.DataFrame) -> dict[str, Any]:
    """Return the columns that measures read; they are organic already."""
    none = np.zeros(len(posts), bool)
    return {"followers": posts["followers"], "views": posts["views"], "sponsored": none, "brand": np.full(len(posts), -1)}


@house
def views_against_followers(comparison: Any) -> Figure:
    """Draw views against followers of organic posts, the line of ten views a follower, and who gets above it."""
    posts, classes = organic_posts(comparison), size_classes(comparison)
    if classes.empty:
        return _nothing(comparison, "Views against followers are not known", "No post with followers was recorded.", CLASSES)
    shown = posts[(posts["views"] > 0) & (posts["followers"] > 0)]
    dots = shown.iloc[:: max(1, math.ceil(len(shown) / MOST_DOTS))]
    fig, (ax,) = new(4.2)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.plot(dots["followers"], dots["views"], ".", color=SERIES[0], ms=3.5, alpha=0.5, mew=0)
    left, right = float(classes["followers_low"].min()), float(classes["followers_high"].max())
    most = max(float(shown["views"].max()) if len(shown) else 1.0, 1.0)
    least = max(float(dots["views"].quantile(0.01)) * 0.5, 0.5) if len(dots) else 0.5
    styles = ((TIMES, SERIES[1], SERIES_TEXT[1], (0, (5, 1.5))), (1.0, MUTED, MUTED, (0, (1.2, 1.2))))
    for times, color, ink, line in styles:  # the band above the dots is for words
        end = min(right, 1.5 * most / times)
        if end > left:
            ax.plot([left, end], [times * left, times * end], lw=1.4, color=color, ls=line)
            ax.annotate(f"{times:g} view{'s' * (times > 1)}\na follower", xy=(end, times * end), xytext=(0, 2), ha="center",
                        va="bottom", textcoords="offset points", fontsize=7.5, color=ink)
    ax.set_ylim(least, 15 * most)
    ax.set_xlim(left, right)
    for row in classes.to_dict("records"):
        words = f"{percent(row['share'])} above" if not row["reason"] else "too few\nviews"
        if row["share"] == 0:
            words = f"none above\nof {row['posts']:,}"
        if math.isfinite(row["lo95"]):
            words += f"\n({percent(max(0.0, row['lo95']))} to {percent(min(1.0, row['hi95']))})"
        middle = math.sqrt(row["followers_low"] * row["followers_high"])
        ax.annotate(words, xy=(middle, 1.0), xycoords=("data", "axes fraction"), xytext=(0, -2), textcoords="offset points", ha="center",
                    va="top", fontsize=7.5, color=SERIES_TEXT[1] if not row["reason"] else MUTED)
    ax.set(xlabel="followers of the author when posted", ylabel="views")
    ax.xaxis.set_major_formatter(short)
    ax.yaxis.set_major_formatter(short)
    ax.minorticks_off()
    title = _outran_title(classes)
    n = int(classes["worlds"].max())
    inner = ", in brackets the 95 % interval over worlds" if n > 1 else ""
    subtitle = (f"Organic posts (dots: a sample); on top the share of posts with more than 10 views a follower by size{inner}; "
                f"sizes whose median post has under {MIN_AGENT_VIEWS} simulated viewers are not judged; log axes")
    finish(fig, title, subtitle, footer(comparison))
    parts = [f"{_size(r['followers_low'], r['followers_high'])}: {r['reason'] or percent(r['share'])}" for r in classes.to_dict("records")]
    return Figure(fig, classes, f"{title}. By followers: {'; '.join(parts)}.")


def _outran_title(classes: pd.DataFrame) -> str:
    known = [row for row in classes.to_dict("records") if not row["reason"]]
    if not known:
        return "Too few simulated viewers to say how often posts outrun their authors"
    best, last = max(known, key=lambda row: float(row["share"])), known[-1]
    if best["share"] <= 0:
        return "No post gets more than 10 views per follower"
    size = _size(best["followers_low"], best["followers_high"])
    said = f"{percent(best['share'])} of posts get over 10 views per follower at {size} followers"
    if last is best:
        return said
    rest = "none" if last["share"] == 0 else percent(last["share"])
    return f"{said}, {rest} at {_size(last['followers_low'], last['followers_high'])}"


@house
def first_thousand_views(comparison: Any) -> Figure:
    """Draw the share of organic posts that have 1,000 views, against days since posting, one thin line per world."""
    columns = ("days", "share", "lowest_world", "highest_world")
    posts = organic_posts(comparison)
    title, why = "The way to 1,000 views is not known", "No organic post with its time was recorded."
    if not {"first_1000_days", "posted"} <= set(posts.columns) or posts.empty:
        return _nothing(comparison, title, why, columns)
    end = float(comparison.scenario.horizon)
    curves = []
    grid = np.linspace(0.0, end, 201)
    for _, part in posts.groupby("replication", sort=True):
        if not (part["posted"] >= 0).any():
            continue
        timed = {**_table(part), "posted": part["posted"].to_numpy(float), "first_1000_days": part["first_1000_days"].to_numpy(float)}
        days, share = first_thousand(timed, end)
        curves.append(share[np.searchsorted(days, grid, side="right") - 1])
    if not curves:
        return _nothing(comparison, title, why, columns)
    bundle = np.array(curves)
    middle = np.median(bundle, axis=0)
    fig, (ax,) = new(3.8)
    for curve in bundle[:MOST_LINES]:
        ax.step(grid, curve, where="post", color=SERIES[0], lw=0.7, alpha=0.3)
    ax.step(grid, middle, where="post", color=SERIES[0], lw=2.2)
    marks = [day for day in (1.0, 7.0) if day <= end]
    settled = float(grid[np.argmax(bundle >= bundle[:, -1:], axis=1).max()])
    width = min(end, max(8.0, 1.3 * settled))
    for day in marks:
        at = float(np.interp(day, grid, middle))
        right = day < 0.6 * width
        ax.plot([day], [at], "o", color=SERIES[0], ms=6)
        ax.annotate(f"{percent(at)} after {day:g} day{'s' * (day > 1)}", xy=(day, at), xytext=(8 if right else 0, -12 if right else -15),
                    textcoords="offset points", ha="left" if right else "right", fontsize=8.5, color=SERIES_TEXT[0])
    ax.set(xlim=(0, width), xlabel="days since posting", ylabel="share of posts")
    ax.set_ylim(0, min(1.0, max(0.05, 1.25 * float(bundle.max()))))
    ax.yaxis.set_major_formatter(percent)
    title = f"{percent(float(middle[-1]))} of organic posts get 1,000 views"
    if marks:
        title += f", {percent(float(np.interp(1.0, grid, middle)))} within a day"
    subtitle = ("Organic posts since day 0, people's views; posts of the last days count for as long as they were seen (Kaplan-Meier); "
                "median world (thick), each world (thin)")
    finish(fig, title, subtitle, footer(comparison))
    data = pd.DataFrame({"days": grid, "share": middle, "lowest_world": bundle.min(axis=0), "highest_world": bundle.max(axis=0)})
    return Figure(fig, data, f"{title}. {len(curves)} worlds.")


@house
def stage_funnel(comparison: Any) -> Figure:
    """Draw how many organic posts pass each test stage, with the pass rate of those that were judged."""
    columns = ("stages_passed", "share_of_posts", "lo95", "hi95", "of_step_before", "worlds")
    posts = organic_posts(comparison)
    if {"stage", "stages_passed"} <= set(posts.columns):
        posts = posts[posts["stage"] != "unstaged"]
    if not {"stage", "stages_passed"} <= set(posts.columns) or posts.empty:
        return _nothing(comparison, "No post was tested", "This feed has no test stages, or they were not recorded.", columns)
    worlds = posts.groupby("replication", sort=True)
    rows: list[tuple[Any, ...]] = []
    for k in range(int(posts["stages_passed"].max()) + 1):
        found = interval([float((part["stages_passed"] >= k).mean()) for _, part in worlds])
        rows.append((k, found.mean, found.lo95, found.hi95, found.mean / rows[-1][1] if rows else math.nan, found.n))
    data = pd.DataFrame(rows, columns=list(columns))
    fig, (ax,) = new(1.6 + 0.42 * len(data))
    ax.set_xscale("log")
    least = float(data["share_of_posts"].min())
    for row in data.to_dict("records"):
        y, x = int(row["stages_passed"]), float(row["share_of_posts"])
        if math.isfinite(row["lo95"]) and row["hi95"] > row["lo95"]:
            ax.plot([max(row["lo95"], least * 0.2), row["hi95"]], [y, y], color=SERIES[0], lw=1.4)
        ax.plot([x], [y], "o", color=SERIES[0], ms=6)
        words = percent(x) + (f" · {percent(row['of_step_before'])} of the step before" if y else " of posts")
        edge = max(x, row["hi95"]) if math.isfinite(row["hi95"]) else x
        ax.annotate(words, xy=(edge, y), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8, color=SERIES_TEXT[0],
                    annotation_clip=False)
    ax.set_xlim(least * 0.5, 8.0)
    ax.set_ylim(len(data) - 0.5, -0.5)
    names = ["tested", *(f"passed {k} stage{'s' * (k > 1)}" for k in range(1, len(data)))]
    ax.set_yticks(range(len(data)), names, color=INK)
    ax.tick_params(axis="y", length=0)
    ax.set_xticks([x for x in (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0) if x >= least * 0.5])
    ax.xaxis.set_major_formatter(percent)
    ax.minorticks_off()
    ax.grid(False, axis="y")
    ax.grid(True, axis="x")
    ax.set_xlabel("share of organic posts")
    waiting, last = float((posts["stage"] == "test").mean()), data.iloc[-1]
    title = f"{percent(float(last['share_of_posts']))} of posts pass {int(last['stages_passed'])} test stage{'s' * (len(data) != 2)}"
    if len(data) == 1:
        title = "No post has passed a test stage"
    n = int(data["worlds"].max())
    subtitle = (f"Organic posts by how far they came in {comparison.scenario.horizon} days; {percent(waiting)} are still in a test; "
                + (f"line: 95 % interval of the mean of n = {n} worlds; " if n > 1 else "") + "log axis")
    finish(fig, title, subtitle, footer(comparison))
    steps = ", ".join(f"{name} {percent(float(x))}" for name, x in zip(names, data["share_of_posts"], strict=True))
    return Figure(fig, data, f"{title}. {steps}.")

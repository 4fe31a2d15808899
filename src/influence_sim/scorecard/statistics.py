"""Statistics of the scorecard: pure functions of the tables of a fact's runs under one seed, by name.

`@statistic` registers a function `(runs, *arguments) -> float`; `runs` maps names of runs to their tables in the order of
the fact. The same functions read simulated tables and those of the naive baseline; a table that lacks a column gives NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from influence_sim.record.discovery import gini
from influence_sim.scorecard.crawl import Tables
from influence_sim.studies.platform import Array, Posts, describe, log_slope, sponsored_effect, top_share

Runs = Mapping[str, Tables]
Statistic = Callable[..., float]
REGISTRY: dict[str, Statistic] = {}


def statistic(function: Statistic) -> Statistic:
    """Register a function under its own name."""
    REGISTRY[function.__name__] = function
    return function


def measure(call: str, runs: Runs) -> float:
    """Return the statistic that `call` names (a name and arguments) of one seed's runs; NaN where a table lacks what it needs.

    Raises
    ------
    KeyError
        When there is no such statistic.
    """
    name, *arguments = call.split()
    function = REGISTRY[name]
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(function(runs, *arguments))
    except (KeyError, ZeroDivisionError):
        return math.nan


def tables(runs: Runs) -> list[Tables]:
    """Return the tables in the order of the fact."""
    return list(runs.values())


# ----------------------------------------------------------------- one number


@statistic
def value(runs: Runs, name: str) -> float:
    """Return a number that the run itself gives."""
    return float(tables(runs)[0][name])


@statistic
def step(runs: Runs, name: str) -> float:
    """Return the number of the first run minus that of the second."""
    a, b = tables(runs)
    return float(a[name]) - float(b[name])


# ---------------------------------------------------------------------- posts


def sampled(runs: Runs) -> list[Posts]:
    """Return the posts sampled as the crawl was, by run."""
    return [t["posts"] for t in tables(runs)]


def of_size(posts: Posts, low: str, high: str) -> Posts:
    """Return the posts of accounts with `low` to `high` followers."""
    return posts.where((posts.followers >= float(low)) & (posts.followers < float(high)))


@statistic
def posts(runs: Runs, name: str) -> float:
    """Return one of the statistics of `studies.platform.describe`."""
    table = tables(runs)[0]
    if "described" not in table:
        table["described"] = describe(table["posts"])
    return float(table["described"][name])


@statistic
def knock_out(runs: Runs, name: str) -> float:
    """Return a statistic of posts in the first run minus that in the second."""
    a, b = (describe(p)[name] for p in sampled(runs))
    return a - b


@statistic
def views_over_followers(runs: Runs, low: str, high: str, quantile: str) -> float:
    """Return a quantile of views over followers in a band of followers."""
    p = of_size(sampled(runs)[0], low, high)
    return float(np.quantile(p.views / p.followers, float(quantile))) if len(p.age) else math.nan


@statistic
def spread_over_followers(runs: Runs, low: str, high: str) -> float:
    """Return the 95th over the 50th percentile of views over followers."""
    return views_over_followers(runs, low, high, "0.95") / views_over_followers(runs, low, high, "0.5")


@statistic
def over_followers(runs: Runs, times: str, low: str, high: str, sample: str = "posts") -> float:
    """Return the share of posts with more than `times` as many views as followers, sampled as the crawl or all (`open`)."""
    p = of_size(tables(runs)[0][sample], low, high)
    p = p.where(p.followers > 0)
    return float((p.views > float(times) * p.followers).mean()) if len(p.age) else math.nan


@statistic
def fewer_viral(runs: Runs, times: str, high: str) -> float:
    """Return that share in the first run minus that in the second, accounts below `high`."""
    a, b = (over_followers({"": t}, times, "0", high, "open") for t in tables(runs))
    return a - b


@statistic
def log_views_moment(runs: Runs, order: str) -> float:
    """Return the sd (2) or the skewness (3) of log views."""
    x = np.log(sampled(runs)[0].views)
    x = x - x.mean()
    return float(x.std(ddof=1)) if order == "2" else float((x**3).mean() / (x**2).mean() ** 1.5)


@statistic
def pooled_rate(runs: Runs, name: str) -> float:
    """Return counts over views in %, pooled over posts."""
    p = sampled(runs)[0]
    return 100.0 * float(getattr(p, name).sum() / p.views.sum())


@statistic
def sponsored_rate(runs: Runs) -> float:
    """Return log engagement per view of sponsored posts minus organic ones of the same accounts, over posts with engagement."""
    p = sampled(runs)[0]
    return sponsored_effect(p, p.engagements / p.views)


@statistic
def exposure_slope(runs: Runs) -> float:
    """Return the slope of log engagement per follower on log followers over exposures: posts weigh their views."""
    p = sampled(runs)[0]
    p = p.where(p.engagements > 0)
    x, y, w = np.log(p.followers), np.log(p.engagements / p.followers), p.views
    x = x - np.average(x, weights=w)
    return float((w * x * y).sum() / (w * x * x).sum())


@statistic
def selection_order(runs: Runs) -> float:
    """Return the smaller of the steps from timelines to top posts and from there to top lists."""
    a, b, c = (posts(runs, f"engagement_per_follower_slope_{name}") for name in ("timeline", "top_posts", "top_list"))
    return min(a - b, b - c)


def _accounts(p: Posts) -> tuple[Array, Array, Array]:
    """Return followers, and means over posts of engagement per follower and per view, by account."""
    _, group, size = np.unique(p.account, return_inverse=True, return_counts=True)
    columns = (p.followers, p.engagements / p.followers, p.engagements / p.views)
    followers, per_follower, per_view = (np.bincount(group, c) / size for c in columns)
    return followers, per_follower, per_view


@statistic
def tier_slope(runs: Runs, rate: str) -> float:
    """Return the slope of log median rates on log followers over decades of followers with at least five accounts."""
    followers, per_follower, per_view = _accounts(sampled(runs)[0])
    rates, decade = (per_follower if rate == "per_follower" else per_view), np.floor(np.log10(followers))
    bins = [decade == d for d in np.unique(decade) if (decade == d).sum() >= 5]
    return log_slope(np.array([np.median(followers[b]) for b in bins]), np.array([np.median(rates[b]) for b in bins]))


@statistic
def er_level(runs: Runs, low: str, high: str) -> float:
    """Return the median account's engagement per follower in %."""
    followers, per_follower, _ = _accounts(sampled(runs)[0])
    band = (followers >= float(low)) & (followers < float(high))
    return 100.0 * float(np.median(per_follower[band])) if band.any() else math.nan


@statistic
def past_r2(runs: Runs, low: str, high: str) -> float:
    """Return R2 of log views of a post on the mean of its account's earlier posts (five or more)."""
    p = of_size(sampled(runs)[0], low, high)
    past, now = [], []
    for account in np.unique(p.account):
        own = p.where(p.account == account)
        y = np.log(own.views[np.argsort(-own.age)])
        if len(y) > 5:
            past += list((np.cumsum(y)[4:-1] / np.arange(5, len(y))).tolist())
            now += y[5:].tolist()
    return float(np.corrcoef(past, now)[0, 1] ** 2) if len(now) > 2 else math.nan


@statistic
def exposure(runs: Runs, name: str) -> float:
    """Return inequality of exposures over posts with at least one: `gini`, `top` 1 %, or the share with at most 10 (`few`)."""
    p: Posts = tables(runs)[0]["open"]
    x = np.round(p.views / p.unit)
    x = x[x > 0]
    return {"gini": gini(x), "top": top_share(x, 0.01), "few": float((x <= 10).mean())}[name]


@statistic
def open_sample(runs: Runs, name: str) -> float:
    """Return inequality of views over all posts, those without views included: `gini` or `top_20`."""
    x = tables(runs)[0]["open"].views
    return gini(x) if name == "gini" else top_share(x, 0.2)


@statistic
def gini_difference(runs: Runs) -> float:
    """Return the Gini coefficient of views in the first run minus that in the second."""
    a, b = (gini(t["open"].views) for t in tables(runs))
    return a - b


@statistic
def creator_gini(runs: Runs) -> float:
    """Return the Gini coefficient of views per account that posted."""
    p: Posts = tables(runs)[0]["open"]
    _, group = np.unique(p.account, return_inverse=True)
    return gini(np.bincount(group, p.views))


@statistic
def creator_gini_difference(runs: Runs) -> float:
    """Return that coefficient in the first run minus that in the second."""
    a, b = (creator_gini({"": t}) for t in tables(runs))
    return a - b


@statistic
def correlation_difference(runs: Runs) -> float:
    """Return the correlation of log followers and log views in the first run minus that in the second."""
    a, b = (float(np.corrcoef(np.log(p.followers), np.log(p.views))[0, 1]) for p in sampled(runs))
    return a - b

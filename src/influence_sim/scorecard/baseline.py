"""The naive baseline: what the same statistics say of a world without any mechanism.

Views are lognormal given followers, engagement and clicks are constant shares of views, every click converts alike, and
recommended and random exposure are the same. Its constants are those of the data (and so calibrated); accounts, followers
and what was ordered are those of the simulated run, so that only outcomes differ. A table it can say nothing about is missing.
"""

from __future__ import annotations

import math

import numpy as np

from influence_sim.engine.state import MADE
from influence_sim.scorecard.crawl import Tables
from influence_sim.studies.platform import Array, Posts

SLOPE = 0.975  # of log views on log followers, crawl of 2020
LEVEL = 0.185  # views over followers, median post
SPREAD = math.hypot(1.13, 0.887)  # sd of log views given followers: between and within accounts
LIKES, COMMENTS, SHARES = 0.1477, 0.00195, 0.00052  # per view
CLICKS, AD_CLICKS, SALES = 0.015, 0.008, 0.017  # per view, per view of an ad, per click
AVERAGE = 100_000.0  # followers at which LEVEL holds (geometric middle of the crawl's accounts)
DAYS = 30.0  # over which views come evenly


def naive(name: str, tables: Tables, seed: int) -> Tables:
    """Return the naive counterpart of a run's tables.

    Parameters
    ----------
    name : str
        Of the run.
    tables : dict
        What the run gave; read for accounts, followers and orders only.
    seed : int
        Of the baseline's own dice.
    """
    dice = np.random.default_rng(seed)
    if name.startswith("crawl"):
        return {
            "posts": _posts(tables["posts"], dice),
            "open": _posts(tables["open"], dice),
            **{f"views_day_{age}": age / DAYS for age in (1, 2, 7)},
            **{key: 1.0 for key in tables if "ratio_" in key},
            "auc": 0.5,
            "jaccard": 0.0,  # the same for every feed
        }
    if name == "music_lab":
        alone = {key.replace("_alone", ""): x for key, x in tables.items() if "_alone" in key}
        return {**alone, "luck_rise": 0.0}
    if name.startswith("followers_added"):
        return {"elasticity": SLOPE}
    if name == "half_year":
        return {"likers_ratio": 1.0, "jeopardy": 0.0}
    if name.startswith("word_of_mouth"):
        return dict.fromkeys(tables, 0.0)
    return _campaign(tables, dice) if ":" in name else {}


def _views(followers: Array, dice: np.random.Generator) -> Array:
    level = LEVEL * followers * (np.maximum(followers, 1.0) / AVERAGE) ** (SLOPE - 1.0)
    views: Array = level * np.exp(SPREAD * dice.standard_normal(len(followers)))
    return views


def _posts(posts: Posts, dice: np.random.Generator) -> Posts:
    views = np.maximum(1.0, np.round(_views(posts.followers, dice)))
    likes, comments, shares = (dice.binomial(views.astype(np.int64), p).astype(float) for p in (LIKES, COMMENTS, SHARES))
    return Posts(posts.account, posts.age, views, likes, comments, shares, posts.followers, posts.sponsored)


def _campaign(tables: Tables, dice: np.random.Generator) -> Tables:
    """Return the arm with the same orders; who was reached and what people think is nothing it knows."""
    rows = dict(tables["posts"])
    hired = ~rows["account"]
    rows["impressions"] = np.where(hired, np.round(_views(rows["audience"], dice)), rows["impressions"])
    for name, rate in (("likes", LIKES), ("comments", COMMENTS), ("shares", SHARES)):
        rows[name] = rate * rows["impressions"]
    rows["clicks"] = np.where(rows["brand"] == 0, np.where(hired, CLICKS, AD_CLICKS), 0.0) * rows["impressions"]
    own = rows["brand"] == 0
    totals = {
        **tables["totals"],
        "impressions": float(rows["impressions"][own].sum()),
        "engagements": float(sum(rows[name][own].sum() for name in ("likes", "comments", "shares"))),
        "clicks": float(rows["clicks"].sum()),
        "expected_purchases": SALES * float(rows["clicks"].sum()),
        "reach": min(float(rows["impressions"][own].sum()), float(rows["audience"].max(initial=0.0))),
    }
    kept = ("price", "margin", "scale", "hired")
    flat = dict.fromkeys(("trust", "tie", "match"), 0.0)
    known = {name: tables[name] for name in kept}
    rows["format"] = np.where(rows["format"] == MADE, 0.0, rows["format"])  # nobody makes videos without being moved to
    return {**known, "posts": rows, "totals": totals, "by_size": flat, "organic_rate": LIKES, "unfollows": 0.0}

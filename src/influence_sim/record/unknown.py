"""How creators whom few follow at the start fare: their share of views, and how long 1,000 views take.

Tables and measures are as in `record.discovery`. Sizes are for reporting; no rule of the model reads them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from influence_sim.record.discovery import Table, first_thousand, organic, source_shares
from influence_sim.record.result import RunResult

Array = np.ndarray[Any, Any]
#: Real followers at the start below which a creator counts as unknown; X's source code draws its line at 1,000 (2026).
UNKNOWN = 1_000.0
#: Other lines, to show what the choice does (assumption: half-decades around it).
LIMITS = (300.0, UNKNOWN, 3_000.0, 10_000.0)
LOWER_HALF = "lower half"
EVERYBODY = "all creators"
WITHIN = 7.0  # days for which a post is watched on its way to 1,000 views (assumption: a week)


def followers_at_start(posts: Table) -> tuple[Array, Array]:
    """Return the creators who posted and their followers when they first did.

    Posts that are there when day 0 begins (`creators.opening_posts`) make that the start of the run.

    Examples
    --------
    >>> [x.tolist() for x in followers_at_start({"creator": [3, 1, 3], "followers": [10, 50, 90]})]
    [[1, 3], [50, 10]]
    """
    creator, first = np.unique(np.asarray(posts["creator"], np.int64), return_index=True)
    return creator, np.asarray(posts["followers"])[first]


def mean_days(days: Array, share: Array, limit: float = WITHIN) -> float:
    """Return the mean time to 1,000 views, `limit` for those that take longer: the restricted mean.

    A median does not exist where under half get there; this does in every world.

    Parameters
    ----------
    days, share : the curve that `first_thousand` returns
    limit : days

    Source: Royston & Parmar 2013, doi:10.1186/1471-2288-13-152.

    Examples
    --------
    >>> mean_days(np.array([0.0, 1.0]), np.array([0.0, 0.5]), 7)
    4.0
    """
    inside = days < limit
    edges = np.append(days[inside], limit)
    return float(np.diff(edges) @ (1.0 - share[inside]))


def unknown(run: RunResult, limits: Sequence[float] = LIMITS) -> dict[str, Array]:
    """Return how creators with few followers at the start fared in a run.

    Parameters
    ----------
    run : RunResult
    limits : real followers at the start; a creator with fewer is unknown

    Returns
    -------
    dict of equally long columns
        As of `discovery`. `of` is the class: under a limit, the lower half of the run's creators, or all.
    """
    rows: list[tuple[str, str, float, str, int, str]] = []
    posts = organic(run.posts)
    creator, start = followers_at_start(posts)
    at_start = start[np.searchsorted(creator, posts["creator"])]
    end = float(len(next(iter(run.daily.values()), ())))
    views, followers = float(posts["views"].sum()), float(start.sum())
    classes = [(f"under {limit:,.0f} followers", limit) for limit in limits]
    classes += [(LOWER_HALF, float(np.median(start)) if len(start) else math.nan), (EVERYBODY, math.inf)]
    for of, limit in classes:
        mine = at_start < limit
        p = {name: values[mine] for name, values in posts.items()}
        n, few = int(mine.sum()), int((start < limit).sum())
        young = int((p["posted"] >= 0).sum())

        def add(measure: str, value: float, unit: str, count: int, of: str = of) -> None:
            rows.append((measure, of, value, unit, count, "" if math.isfinite(value) else "nothing to count"))

        add("views_of_unknown", float(p["views"].sum()) / views if views > 0 else math.nan, "share of views", n)
        add("creators_unknown", few / len(start) if len(start) else math.nan, "share of creators", few)
        add("followers_of_unknown", float(start[start < limit].sum()) / followers if followers > 0 else math.nan, "share of follows", few)
        add("posts_of_unknown", n / len(mine) if len(mine) else math.nan, "share of posts", n)
        add("views_per_post", float(p["views"].mean()) if n else math.nan, "views", n)
        add("views_by_non_followers_of", source_shares(p)["non_followers"], "share of views", n)
        known = young > 0 and end >= WITHIN
        add("thousand_views_mean_days", mean_days(*first_thousand(p, end)) if known else math.nan, f"days, {WITHIN:g} at most", young)
    columns = ("measure", "of", "value", "unit", "n", "note")
    return {name: np.array([row[k] for row in rows]) for k, name in enumerate(columns)}

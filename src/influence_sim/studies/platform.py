"""What a platform's posts look like: the same pure functions for crawled posts and for simulated ones.

A table of posts is sampled first (`recent`: as the crawl was, the 25 most recent posts of an account
that are at least 7 days old), then described (`describe`). A simulated view stands for
`people_per_agent` views, so logs of small counts are noisy; variances are corrected for counting
noise by the same formula everywhere (`Posts.unit`), which changes nothing in real data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
LEAST_AGE = 7.0  # days: younger posts are still gaining most of their views
MOST_RECENT = 25  # posts per account in the crawl
LEAST_POSTS = 10  # posts an account needs for statistics of its sequence of posts
MANY_POSTS = 20  # posts an account needs for statistics of its distribution of posts
HIT = 5.0  # times an account's median that make a post a hit
QUARTILES = (0.25, 0.5, 0.75)


class Posts(NamedTuple):
    """Posts as columns (n,).

    `account` is any integer id, `age` days since posting, `followers` real followers when the table
    was taken, `sponsored` a flag. Counts are real; `unit` is what one counted event stands for.
    """

    account: Array
    age: Array
    views: Array
    likes: Array
    comments: Array
    shares: Array
    followers: Array
    sponsored: Array
    unit: float = 1.0

    def where(self, keep: Array) -> Posts:
        """Return the posts of a mask (n,) or of row numbers, in that order."""
        return self._replace(**{name: getattr(self, name)[keep] for name in self._fields if name != "unit"})

    @property
    def engagements(self) -> Array:
        """Return likes, comments and shares together, (n,)."""
        return self.likes + self.comments + self.shares


class Exposures(NamedTuple):
    """Impressions as columns (n,): who saw which post, and what followed (flags)."""

    person: Array
    post: Array
    play: Array
    like: Array
    comment: Array
    follow: Array


def recent(posts: Posts, least_age: float = LEAST_AGE, most: int = MOST_RECENT) -> Posts:
    """Return the `most` youngest posts of each account that are at least `least_age` days old, by account and age.

    Posts nobody saw and accounts nobody follows are left out after that: they have no logarithm.
    """
    posts = posts.where(posts.age >= least_age)
    posts = posts.where(np.lexsort((posts.age, posts.account)))
    place = np.arange(len(posts.age)) - np.searchsorted(posts.account, posts.account)
    return posts.where((place < most) & (posts.views > 0) & (posts.followers > 0))


def slope(x: Array, y: Array) -> float:
    """Return the least-squares slope of y on x; NaN without spread in x."""
    x = x - x.mean() if len(x) else x
    square = float((x * x).sum())
    return float((x * y).sum()) / square if square > 0 else float("nan")


def log_slope(x: Array, y: Array) -> float:
    """Return the slope of ln y on ln x over positive pairs: an elasticity."""
    keep = (x > 0) & (y > 0)
    return slope(np.log(x[keep]), np.log(y[keep]))


def _groups(account: Array) -> tuple[Array, Array]:
    """Return each row's group number (n,) and the group sizes."""
    _, group, size = np.unique(account, return_inverse=True, return_counts=True)
    return group, size


def _centred(values: Array, group: Array, size: Array) -> Array:
    centred: Array = values - (np.bincount(group, values) / size)[group]
    return centred


def _at_least(posts: Posts, least: int) -> Posts:
    group, size = _groups(posts.account)
    return posts.where(size[group] >= least) if len(size) else posts


def within_sd(posts: Posts) -> float:
    """Return the sd of log views around their account's mean, without counting noise."""
    w = _centred(np.log(posts.views), *_groups(posts.account))
    return float(np.sqrt(max(0.0, float((w * w).mean() - (posts.unit / posts.views).mean()))))


def lag_one(posts: Posts, least: int = LEAST_POSTS) -> float:
    """Return the regression of a post's centred log views on those of the account's post before it.

    Centring on the mean of about 25 posts lowers it by about 1/25, in a crawl and in a simulation alike.
    NaN where counting noise explains all of the variance.
    """
    posts = _at_least(posts.where(np.lexsort((posts.age, posts.account))), least)
    if not len(posts.age):
        return float("nan")
    w = _centred(np.log(posts.views), *_groups(posts.account))
    pair = np.flatnonzero(posts.account[1:] == posts.account[:-1])
    older = pair + 1
    noise = float((posts.unit / posts.views[older]).sum())
    square = float((w[older] ** 2).sum()) - noise
    return float((w[pair] * w[older]).sum()) / square if square > 0 else float("nan")


def between_share(posts: Posts) -> float:
    """Return the share of the variance of log views that lies between accounts (intraclass correlation, one-way)."""
    group, size = _groups(posts.account)
    log_views = np.log(posts.views)
    n, accounts = len(log_views), len(size)
    if accounts < 2 or n == accounts:
        return float("nan")
    w = _centred(log_views, group, size)
    noise = float((posts.unit / posts.views).mean())
    within = max(0.0, float((w * w).sum()) / (n - accounts))
    between = float((((log_views - w) - log_views.mean()) ** 2).sum()) / (accounts - 1)
    mean_size = (n - float((size**2).sum()) / n) / (accounts - 1)
    between = max(0.0, (between - within) / mean_size)
    total = between + max(0.0, within - noise)
    return between / total if total > 0 else float("nan")


def account_sd(posts: Posts, least: int = LEAST_POSTS) -> float:
    """Return the sd of accounts around the line of their median log views on their median log followers."""
    posts = _at_least(posts, least)
    if not len(posts.age):
        return float("nan")
    ids = np.unique(posts.account)
    y, x = (np.array([np.median(np.log(c[posts.account == a])) for a in ids]) for c in (posts.views, posts.followers))
    b = slope(x, y)
    rest = (y - y.mean()) - b * (x - x.mean())
    return float(rest.std(ddof=1)) if len(ids) > 1 else float("nan")


def sponsored_effect(posts: Posts, values: Array | None = None) -> float:
    """Return how far log views (or log `values`) of sponsored posts lie from organic ones of the same accounts."""
    values = posts.views if values is None else values
    group, size = _groups(posts.account)
    if not len(size):
        return float("nan")
    keep = (np.bincount(group, posts.sponsored) > 0)[group] & (values > 0)
    tag, account = posts.sponsored[keep].astype(bool), posts.account[keep]
    if not tag.any() or tag.all():
        return float("nan")
    w = _centred(np.log(values[keep]), *_groups(account))
    return float(w[tag].mean() - w[~tag].mean())


def gini(values: Array) -> float:
    """Return the Gini coefficient of non-negative values."""
    x = np.sort(values)
    n, total = len(x), float(x.sum())
    return float((2 * np.arange(1, n + 1) - n - 1) @ x) / (n * total) if total > 0 else float("nan")


def top_share(values: Array, share: float) -> float:
    """Return the part of the sum that the largest `share` of the values holds."""
    x = np.sort(values)
    return float(x[len(x) - max(1, round(share * len(x))) :].sum() / x.sum()) if len(x) and x.sum() > 0 else float("nan")


def per_account(posts: Posts, function: Callable[[Array], float], least: int = MANY_POSTS) -> Array:
    """Return quartiles (3,) over accounts of a function of their views."""
    posts = _at_least(posts, least)
    values = [function(posts.views[posts.account == a]) for a in np.unique(posts.account)]
    quartiles: Array = np.quantile(values, QUARTILES) if values else np.full(3, np.nan)
    return quartiles


def against_own_median(posts: Posts) -> Array:
    """Return views over the account's median (n,)."""
    ratio = np.empty(len(posts.age))
    for a in np.unique(posts.account):
        own = posts.account == a
        ratio[own] = posts.views[own] / np.median(posts.views[own])
    return ratio


def after_hit(posts: Posts, hit: float = HIT, following: int = 3, least: int = LEAST_POSTS) -> float:
    """Return the median, over posts above `hit` times their account's median, of the next posts' median in the same unit."""
    posts = _at_least(posts.where(np.lexsort((-posts.age, posts.account))), least)
    ratio = against_own_median(posts)
    after = [
        np.median(ratio[at + 1 : at + 1 + following][posts.account[at + 1 : at + 1 + following] == posts.account[at]])
        for at in np.flatnonzero(ratio > hit)
        if at + 1 < len(ratio) and posts.account[at + 1] == posts.account[at]
    ]
    return float(np.median(after)) if after else float("nan")


def top_accounts(posts: Posts, share: float) -> tuple[Array, Array, Array]:
    """Return mean followers, engagements and views of the accounts with most views per post: a top list."""
    group, size = _groups(posts.account)
    followers, engaged, views = (np.bincount(group, c) / size for c in (posts.followers, posts.engagements, posts.views))
    best = np.argsort(-views, kind="stable")[: max(3, round(share * len(size)))]
    return followers[best], engaged[best], views[best]


def account_slopes(posts: Posts) -> dict[str, float]:
    """Return slopes over accounts of pooled engagement per follower and per view: single posts without engagement do not drop out."""
    followers, engaged, views = top_accounts(posts, 1.0)
    return {
        "engagement_per_follower_slope_accounts": log_slope(followers, engaged / followers),
        "engagement_per_view_slope_accounts": log_slope(followers, engaged / views),
    }


def selection_slopes(posts: Posts, top_posts: float = 0.05, top_list: float = 0.15) -> dict[str, float]:
    """Return slopes of log engagement per follower (and per view) on log followers under three samplings.

    Timeline: all posts. Top posts: the most viewed `top_posts` of them, as a hashtag page shows them.
    Top list: the `top_list` of accounts with most views per post.
    """
    most = posts.where(posts.views >= np.quantile(posts.views, 1 - top_posts))
    f, e, v = top_accounts(posts, top_list)
    return {
        "engagement_per_follower_slope_timeline": log_slope(posts.followers, posts.engagements / posts.followers),
        "engagement_per_follower_slope_top_posts": log_slope(most.followers, most.engagements / most.followers),
        "engagement_per_follower_slope_top_list": log_slope(f, e / f),
        "engagement_per_view_slope_timeline": log_slope(posts.followers, posts.engagements / posts.views),
        "engagement_per_view_slope_top_posts": log_slope(most.followers, most.engagements / most.views),
        "engagement_per_view_slope_top_list": log_slope(f, e / v),
    }


def describe(posts: Posts) -> dict[str, float]:
    """Return every statistic of a sample of posts (see `recent`), by name."""
    views, followers = posts.views, posts.followers
    own = against_own_median(posts)
    out = {
        "views_slope": log_slope(followers, views),
        "within_sd": within_sd(posts),
        "lag_one": lag_one(posts),
        "between_share": between_share(posts),
        # A mean of ratios has no bias from small counts; medians of them sit on zero.
        "like_per_view_pct": float((100 * posts.likes / views).mean()),
        "comment_per_view_pct": float((100 * posts.comments / views).mean()),
        "median_like_per_view_pct": float(np.median(100 * posts.likes / views)),
        "median_comment_per_view_pct": float(np.median(100 * posts.comments / views)),
        "sponsored_views": sponsored_effect(posts),
        "sponsored_likes": sponsored_effect(posts, posts.likes),
        "sponsored_comments": sponsored_effect(posts, posts.comments),
        "sponsored_shares": sponsored_effect(posts, posts.shares),
        "account_sd": account_sd(posts),
        "log_followers_sd": float(np.log(followers).std(ddof=1)),
        "views_per_follower": float(np.median(views / followers)),
        "over_10_followers": float((views > 10 * followers).mean()),
        "over_5_own_median": float((own > 5).mean()),
        "over_10_own_median": float((own > 10).mean()),
        "over_100_own_median": float((own > 100).mean()),
        "after_hit": after_hit(posts),
        "median_share_per_view_pct": float(np.median(100 * posts.shares / views)),
        "likes_on_views": log_slope(views, posts.likes),
        "comments_on_views": log_slope(views, posts.comments),
        "shares_on_views": log_slope(views, posts.shares),
        "views_gini": gini(views),
        "views_top_1pct": top_share(views, 0.01),
        "views_top_10pct": top_share(views, 0.1),
    }
    for name, function in (("own_gini", gini), ("best_of_25", lambda v: float(v.max() / v.sum()))):
        for quartile, value in zip(("q25", "median", "q75"), per_account(posts, function), strict=True):
            out[f"{name}_{quartile}"] = float(value)
    return out | account_slopes(posts) | selection_slopes(posts)


def accrual(curves: Array, ages: Sequence[float] = (1.0, 2.0, 7.0)) -> Array:
    """Return the share of final views that posts had at the given ages.

    Parameters
    ----------
    curves
        (posts, days + 1) cumulative views at age 0, 1, 2, ... days; the last column counts as all.
    ages
        Days, not beyond the last column.
    """
    total = curves.sum(axis=0, dtype=np.float64)
    shares: Array = np.interp(ages, np.arange(len(total)), total) / total[-1]
    return shares


def exposure_ratios(recommended: Exposures, random: Exposures, by: str = "post", least: int = 1) -> dict[str, float]:
    """Return mean rates under recommendation over mean rates under random exposure, for units present in both.

    `by` is "post" (same videos: what matching adds) or "person" (same people: matching and better
    posts). A unit needs `least` impressions on both sides and counts once, as in KuaiRand's paired tables.
    """
    units = [getattr(side, by) for side in (recommended, random)]
    size = 1 + max(int(u.max(initial=-1)) for u in units)
    seen = [np.bincount(u, minlength=size) for u in units]
    both = (seen[0] >= least) & (seen[1] >= least)
    out = {}
    for name in ("play", "like", "comment", "follow"):
        rate = [
            float((np.bincount(u, getattr(side, name), minlength=size)[both] / n[both]).mean()) if both.any() else float("nan")
            for side, u, n in zip((recommended, random), units, seen, strict=True)
        ]
        out[name] = rate[0] / rate[1] if rate[1] > 0 else float("nan")
    return out

"""Worlds whose posts are sampled as the crawl of 2020 was: wide in followers, unselected posts, followers at the end.

The fit of the platform (`experiments/fit_platform`) and the scorecard play the same worlds, under other seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import COMMENT, LIKE, SUBSCRIBE
from influence_sim.feeds import with_policy
from influence_sim.record.discovery import post_likeness
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import BrandView, Order, SponsoredPost, Strategy
from influence_sim.studies.platform import Array, Exposures, Posts, accrual, describe, exposure_ratios, recent
from influence_sim.world.build import build_world
from influence_sim.world.columns import World

Tables = dict[str, Any]

# Wide, because the crawl's accounts differ 100,000-fold in followers; nothing of it is fitted.
CRAWL_MARKET: dict[str, Any] = {
    "people.agents": 9_000,
    "people.population": 4_500_000,
    "people.views_per_day": 40,
    "creators.count": 900,
    "creators.posts_per_day": 0.93,  # crawl: median 1.07 days between posts
    "creators.opening_posts": 0,
    "creators.appeal_sigma": 2.3,
    "graph.follows_per_person": 24,
    "feed.ad_fatigue": 0,  # the crawl's sponsored posts are of many brands; here one brand orders them all
    "feed.max_age": 30,
}
DAYS = 40
BURN_IN = 5  # days before the first post that is described
RANDOM_DAYS, RANDOM_FROM = 6, 2  # days of the random feed in the same world, and the day its impressions begin to count
LEAST_FOLLOWERS = 30  # agents an account needs: fewer give posts of a handful of agents
BIN, MOST_PER_BIN = 0.5, 30  # accounts are taken evenly over ln followers, as widely as the crawl's
EXPOSED = 200_000  # impressions of which the platform's predictions are judged


class Spread(Strategy):
    """Order a few sponsored posts every day from accounts that accept, in turn."""

    per_day: int = 12
    least: float = 0.0

    def plan(self, view: BrandView) -> list[Order]:
        """Return today's orders."""
        if not BURN_IN <= view.day < view.horizon - 8:
            return []
        willing = np.flatnonzero(np.isfinite(view.fee) & (view.followers >= self.least))
        willing = willing[np.argsort(view.uniform[willing], kind="stable")]
        first = self.per_day * (view.day - BURN_IN)
        return [SponsoredPost(int(willing[k % len(willing)]), view.day) for k in range(first, first + self.per_day)] if len(willing) else []


def market_of(overlay: Mapping[str, Any]) -> Market:
    """Return the default market with dotted `overlay` values."""
    groups: dict[str, dict[str, Any]] = {}
    for path, value in overlay.items():
        group, name = path.split(".")
        groups.setdefault(group, {})[name] = value
    return Market.model_validate(groups)


def exposures(s: Simulation) -> Exposures:
    """Return the organic modelled impressions of the last round; a post is known by creator and ordinal in every arm."""
    slots: Any = s.slots
    posts = s.posts
    row = np.flatnonzero(slots.post >= 0)
    row = row[posts.sponsored[slots.post[row]] == 0]
    p, action = slots.post[row], slots.action[row]
    play = slots.watch[row] >= np.minimum(s.market.feed.play_seconds, posts.duration[p])
    person = np.searchsorted(slots.start, row, side="right") - 1
    key = posts.creator[p].astype(np.int64) << 20 | posts.ordinal[p]
    like, comment, follow = ((action & bit) != 0 for bit in (LIKE, COMMENT, SUBSCRIBE))
    return Exposures(person, key, play, like, comment, follow)


def joined(parts: Sequence[Exposures]) -> Exposures:
    """Return exposures of several rounds as one table."""
    return Exposures(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def evenly(accounts: Array, followers: Array) -> Array:
    """Return at most `MOST_PER_BIN` accounts per bin of ln followers, lowest rows first (rows are random)."""
    bins = np.floor(np.log(followers) / BIN)
    kept = [accounts[bins == b][:MOST_PER_BIN] for b in np.unique(bins)]
    return np.concatenate(kept) if kept else accounts


def auc(score: Array, hit: Array) -> float:
    """Return the chance that a hit has a higher score than a miss (area under the ROC curve); ties count half."""
    from scipy.stats import rankdata

    hits = int(hit.sum())
    if not 0 < hits < len(hit):
        return float("nan")
    return float((rankdata(score)[hit].sum() - hits * (hits + 1) / 2) / (hits * (len(hit) - hits)))


def crawl_table(s: Simulation) -> tuple[Posts, Array]:
    """Return every post as the crawl would have it, in real units, and the mask of those it takes."""
    scale = s.world.people_per_agent
    posts = s.posts[: s.post_count]
    accounts = np.flatnonzero(s.followers[: s.modelled] >= LEAST_FOLLOWERS)
    accounts = evenly(accounts, s.followers[accounts])
    taken = np.isin(posts.creator, accounts) & (posts.posted >= BURN_IN)
    likes, comments, shares, views = (c * scale for c in (posts.likes, posts.comments, posts.shares, posts.impressions))
    followers = s.followers[posts.creator] * scale
    tagged = (posts.advert == 1) & (posts.disclosure > 0.0)  # for whom does not matter: the crawl's are of many brands
    return Posts(posts.creator, s.day - posts.posted, views, likes, comments, shares, followers, tagged, scale), taken


def _curves(s: Simulation, rows: Array, views: Sequence[Array]) -> Array:
    """Return cumulative views at whole ages, interpolated between midnights."""
    ages = np.arange(s.day - BURN_IN - 4)
    curves = np.empty((len(rows), len(ages)))
    for k, p in enumerate(rows):
        posted = float(s.posts.posted[p])
        known = [0, *(int(v[p]) for v in views[int(posted) :])]
        when = [posted, *range(int(posted) + 1, s.day + 1)]
        curves[k] = np.interp(posted + ages, when, known)
    return curves


def _alike(s: Simulation) -> float:
    """Return the mean Jaccard overlap of the modelled posts that sampled people saw on the days of the random feed."""
    days = [item for item in s.items if len(item["day"]) and RANDOM_FROM <= item["day"][0] < RANDOM_DAYS]
    person, post = (np.concatenate([item[name] for item in days]).astype(np.int64) for name in ("person", "post"))
    return post_likeness(person[post >= 0], post[post >= 0], s.post_count).observed


def play_crawl(world: World, market: Market, seed: int, ratios: bool = True, days: int = DAYS) -> Tables:
    """Play one world and return its sampled posts and what cannot be read from posts.

    Returns
    -------
    dict
        `posts` (sampled as the crawl), `open` (all posts aged 7 days or more), and numbers by name: shares of views
        by age, ratios of recommended over random exposure (with `ratios`, in the same world), and others.
    """
    s = Simulation(world, market, Spread(least=LEAST_FOLLOWERS * world.people_per_agent), 1e15, days, seed)
    views: list[Array] = []
    recommended: list[Exposures] = []
    watched = slots = 0.0
    judged: list[tuple[Array, Array]] = []
    while s.day < days:
        s.step()
        last: Any = s.slots
        views.append(s.posts.impressions[: s.post_count].copy())
        if s.day > BURN_IN:
            recommended.append(exposures(s))
            row = np.flatnonzero(last.post >= 0)
            watched += float(np.minimum(1.0, last.watch[row] / s.posts.duration[last.post[row]]).sum())
            slots += len(row)
            if sum(len(x) for x, _ in judged) < EXPOSED:
                judged.append((last.predicted[row], (last.action[row] & LIKE) != 0))
    s.close()
    table, taken = crawl_table(s)
    posts = s.posts[: s.post_count]
    young = np.flatnonzero(taken & (posts.posted < BURN_IN + 5) & (posts.advert == 0))
    seen = posts.impressions > 0
    gaps = [np.median(np.diff(np.sort(posts.posted[mine]))) for c in range(s.modelled) if (mine := posts.creator == c).sum() > 3]
    out: Tables = {
        "posts": recent(table.where(taken)),
        "open": table.where((table.age >= 7) & (posts.posted >= 0)),
        **dict(zip(("views_day_1", "views_day_2", "views_day_7"), accrual(_curves(s, young, views)).tolist(), strict=True)),
        "attention": watched / slots,
        "auc": auc(*(np.concatenate(x) for x in zip(*judged, strict=True))),
        "likes_per_follow": float(posts.likes.sum() / max(1, posts.follows.sum())),
        "modelled_share_of_slots": s.daily["views_modelled"][-1] / (s.daily["views_modelled"][-1] + s.daily["views_outside"][-1]),
        "stranger_views": float(np.median(1.0 - posts.from_followers[seen] / posts.impressions[seen])),
        "discovered_follows": float(posts.discovered.sum() / max(1, posts.follows.sum())),
        "duration_median": float(np.median(posts.duration)),
        "days_between": float(np.median(gaps)) if gaps else float("nan"),
        "jaccard": _alike(s),
    }
    return {**out, **_ratios(world, market, seed, joined(recommended))} if ratios else out


def _ratios(world: World, market: Market, seed: int, recommended: Exposures) -> dict[str, float]:
    """Return rates of recommended over random exposure: same posts, same people, and all impressions pooled."""
    chance = Simulation(world, market.model_copy(update={"feed": with_policy(market.feed, "random")}), horizon=RANDOM_DAYS, path_seed=seed)
    parts = []
    while chance.day < RANDOM_DAYS:
        chance.step()
        if chance.day > RANDOM_FROM:
            parts.append(exposures(chance))
    chance.close()
    uniform = joined(parts)
    _, index = np.unique(np.concatenate([recommended.post, uniform.post]), return_inverse=True)
    sides = recommended._replace(post=index[: len(recommended.post)]), uniform._replace(post=index[len(recommended.post) :])
    found = {"pooled_ratio_play": float(recommended.play.mean() / uniform.play.mean())}
    for label, by in (("ratio", "post"), ("people_ratio", "person")):
        found |= {f"{label}_{name}": x for name, x in exposure_ratios(*sides, by=by, least=5).items()}
    return found


def simulate(overlay: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Play the crawl's market with dotted `overlay` values under one seed; return every statistic."""
    market = market_of({**CRAWL_MARKET, **overlay})
    tables = play_crawl(build_world(market, seed), market, seed)
    numbers = {name: float(x) for name, x in tables.items() if isinstance(x, float)}
    return {**describe(tables["posts"]), **numbers}

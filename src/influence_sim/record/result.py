"""One run as tables. Counts are real units: agents' counts times people per agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.state import FAILED, FORMATS, HEATED, PASSED, SOURCES, UNSTAGED

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]


@dataclass
class RunResult:
    """What one strategy did in one replication; every table is a dict of equally long arrays."""

    strategy: str
    replication: int
    totals: dict[str, float]
    daily: dict[str, Array]
    posts: dict[str, Array]
    feed_items: dict[str, Array]
    stages: dict[str, Array] = field(default_factory=dict)
    people_per_agent: float = 1.0


def result_of(simulation: Simulation, label: str) -> RunResult:
    """Return the tables of a simulation as far as it has run."""
    s, scale = simulation, simulation.world.people_per_agent
    daily = {name: np.array(values) for name, values in s.daily.items()}
    n = s.post_count
    posts = s.posts[:n]
    branded = (posts.brand == 0) & (posts.posted < s.day)
    hired = branded & (posts.sponsored == 1) & (posts.creator < s.modelled)
    real = {name: getattr(posts, name) * scale for name in ("impressions", "likes", "comments", "shares", "follows", "clicks")}
    sums = {name: float(values.sum()) for name, values in daily.items()}
    wants = s.strategy is not None and s.strategy.name != "none"
    totals = {
        "spend": s.ledger.paid,
        "budget": s.budget,
        "feasible": float(not wants or bool(s.ledger.hired or s.ledger.ads)),
        "reach": float(daily["reach_cumulative"][-1]) if s.day else 0.0,
        "follower_base": float(posts.audience[hired].sum()) * scale,
        "posts_bought": float(hired.sum()),
        "views_total": sums["views_modelled"] + sums["views_outside"],
        "likes_total": sums["likes"],
        "follows_total": sums["follows"],
    }
    for name in (
        "impressions",
        "engagements",
        "clicks",
        "purchases",
        "expected_purchases",
        "watch_seconds",
        "minors_impressions",
        "organic_views",
        "organic_likes",
        "user_videos",
    ):
        totals[name] = sums[name]
    table = {
        "post": np.arange(n),
        "creator": posts.creator.astype(np.int64),
        "day": np.floor(posts.posted).astype(np.int64),
        "followers": posts.audience * scale,
        "views": real["impressions"],
        "likes": real["likes"],
        "comments": real["comments"],
        "shares": real["shares"],
        "follows": real["follows"],
        "duration_s": posts.duration.copy(),
        "sponsored": posts.sponsored == 1,
        "disclosed": (posts.sponsored == 1) & (posts.disclosure > 0),
        "brand": posts.brand.astype(np.int64),
        "format": np.array(FORMATS)[posts.format],
        "posted": posts.posted.copy(),
        "tag": posts.tag.astype(np.int64),
        "views_from_followers": posts.from_followers * scale,
        **{f"views_{SOURCES[k + 1]}": posts.sources[:, k] * scale for k in range(HEATED)},
        "follows_discovered": posts.discovered * scale,
        "first_1000_days": np.where(posts.thousand > 0.0, posts.thousand - posts.posted, np.nan),
    }
    stages = _stages(s)
    table["stages_passed"] = np.bincount(stages["post"][stages["passed"]], minlength=n)
    named = (posts.stage == PASSED, posts.stage == FAILED, posts.stage == UNSTAGED)
    table["stage"] = np.select(named, ("passed", "failed", "unstaged"), "test")
    return RunResult(label, int(s.rules.replication), totals, daily, table, _items(s), stages, scale)


def _stages(s: Simulation) -> dict[str, Array]:
    """Join the ends of test stages; a stage begins where the one before ended, the first when the post appears."""
    names = ("post", "stage", "ended", "impressions", "value", "passed")
    kinds = (np.int64, np.int64, float, np.int64, float, bool)
    ends = s.stage_ends or [{name: np.zeros(0, kind) for name, kind in zip(names, kinds, strict=True)}]
    joined = {name: np.concatenate([end[name] for end in ends]).astype(kind) for name, kind in zip(names, kinds, strict=True)}
    order = np.lexsort((joined["stage"], joined["post"]))
    joined = {name: values[order] for name, values in joined.items()}
    later = joined["stage"] > 0
    entered = s.posts.posted[joined["post"]]
    entered[later] = joined["ended"][np.flatnonzero(later) - 1]
    impressions = joined.pop("impressions") * s.world.people_per_agent
    return {"post": joined.pop("post"), "stage": joined.pop("stage"), "entered": entered, **joined, "impressions": impressions}


def _items(s: Simulation) -> dict[str, Array]:
    """Join the sampled slots; `slot` counts a person's slots of the day."""
    names = (
        "person",
        "day",
        "post",
        "source",
        "age_days",
        "views_at_exposure",
        "creator_followers",
        "follows_creator",
        "sponsored",
        "watched_s",
    )
    if not s.items:
        return {name: np.zeros(0) for name in ("person", "day", "slot", *names[2:])}
    joined = {name: np.concatenate([item[name] for item in s.items]) for name in (*names, "round")}
    order = np.lexsort((joined["round"], joined["person"], joined["day"]))
    joined = {name: values[order] for name, values in joined.items()}
    group = joined["day"] * s.world.size + joined["person"]
    slot = np.arange(len(group)) - np.searchsorted(group, group)
    watched = joined["watched_s"].astype(np.float64)
    return {
        "person": joined["person"],
        "day": joined["day"],
        "slot": slot,
        "post": joined["post"].astype(np.int64),
        "source": np.array(SOURCES)[joined["source"]],
        "age_days": joined["age_days"],
        "views_at_exposure": joined["views_at_exposure"],
        "creator_followers": joined["creator_followers"],
        "follows_creator": joined["follows_creator"],
        "sponsored": joined["sponsored"].astype(bool),
        "watched_s": watched,
    }

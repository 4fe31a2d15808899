"""One run as tables. Counts are real units: agents' counts times people per agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.contracts import results_of
from influence_sim.engine.state import AT_ONCE, FAILED, FINE, FORMATS, HEATED, NEW, PASSED, SOURCES, UNSTAGED
from influence_sim.record.attribution import credited, of_campaign
from influence_sim.strategies.pricing import ITEMS

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
    attribution: dict[str, Array] = field(default_factory=dict)
    people_per_agent: float = 1.0


def result_of(simulation: Simulation, label: str) -> RunResult:
    """Return the tables of a simulation as far as it has run."""
    s, scale = simulation, simulation.world.people_per_agent
    daily = {name: np.array(values) for name, values in s.daily.items()}
    n = s.post_count
    posts = s.posts[:n].view(np.ndarray)  # fields by name: attributes of records are slow
    branded = (posts["brand"] == 0) & (posts["posted"] < s.day)
    hired = branded & (posts["sponsored"] == 1) & (posts["creator"] < s.modelled)
    real = {name: posts[name] * scale for name in ("impressions", "likes", "comments", "shares", "follows", "clicks")}
    sums = {name: float(values.sum()) for name, values in daily.items()}
    wants = s.strategy is not None and s.strategy.name != "none"
    totals = {
        "spend": s.ledger.paid,
        "budget": s.budget,
        "spend_creators": s.ledger.paid - s.ledger.items.get("ads", 0.0),
        **{f"spend_{item}": s.ledger.items.get(item, 0.0) for item in ITEMS},
        "feasible": float(not wants or bool(s.ledger.booked or s.ledger.ads)),
        "reach": float(daily["reach_cumulative"][-1]) if s.day else 0.0,
        "follower_base": float(posts["audience"][hired].sum()) * scale,
        "posts_bought": float(hired.sum()),
        "views_total": sums["views_modelled"] + sums["views_outside"],
        "likes_total": sums["likes"],
        "follows_total": sums["follows"],
    }
    totals |= _brand_totals(s, posts, branded, hired)
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
        "creator": posts["creator"].astype(np.int64),
        "day": np.floor(posts["posted"]).astype(np.int64),
        "followers": posts["audience"] * scale,
        "views": real["impressions"],
        "likes": real["likes"],
        "comments": real["comments"],
        "shares": real["shares"],
        "follows": real["follows"],
        "duration_s": posts["duration"].copy(),
        "sponsored": posts["sponsored"] == 1,
        "advert": posts["advert"] == 1,
        "disclosed": (posts["advert"] == 1) & (posts["disclosure"] > 0),
        "brief": posts["brief"].copy(),
        "sales": posts["sales"] * scale,
        "spend": _spend(s, n),
        "brand": posts["brand"].astype(np.int64),
        "format": np.array(FORMATS)[posts["format"]],
        "posted": posts["posted"].copy(),
        "tag": posts["tag"].astype(np.int64),
        "views_from_followers": posts["from_followers"] * scale,
        **{f"views_{SOURCES[k + 1]}": posts["sources"][:, k] * scale for k in range(HEATED)},
        "follows_discovered": posts["discovered"] * scale,
        "first_1000_days": np.where(posts["thousand"] > 0.0, posts["thousand"] - posts["posted"], np.nan),
    }
    stages = _stages(s)
    table["stages_passed"] = np.bincount(stages["post"][stages["passed"]], minlength=n)
    named = (posts["stage"] == PASSED, posts["stage"] == FAILED, posts["stage"] == UNSTAGED)
    table["stage"] = np.select(named, ("passed", "failed", "unstaged"), "test")
    credit = credited(s)
    totals["attributed_purchases"] = of_campaign(credit, "last_click")
    return RunResult(label, int(s.rules.replication), totals, daily, table, _items(s), stages, credit, scale)


def _spend(s: Simulation, n: int) -> Array:
    """Return what the brand under study has paid for each post (n,) so far in USD; commissions left out."""
    told = np.zeros(n)
    told[(s.posts.brand[:n] == 0) & (s.posts.sponsored[:n] == 1)] = results_of(s, s.campaigns[0]).spend
    return told


def _brand_totals(s: Simulation, posts: Any, branded: Array, hired: Array) -> dict[str, float]:
    """Return what measures need about the brand under study, in real units."""
    scale, lead = s.world.people_per_agent, s.leads[:, 0]
    engaged = posts["likes"] + posts["comments"] + posts["shares"]
    views = np.sort(np.bincount(posts["creator"], posts["impressions"], minlength=s.modelled)[: s.modelled])
    # Gini of n sorted values: sum of (2 i - n - 1) x_i over n sum x.
    weights = 2.0 * np.arange(1, len(views) + 1) - len(views) - 1.0
    considered = (lead.considering == 1) | (lead.purchases > 0)
    reached = lead.reached > 0
    sums = s.credit[0] / FINE
    sales = {name: np.concatenate([day[name] for day in s.sales]) for name in s.sales[0]} if s.sales else {}
    base, again = _repeaters(sales, s.day) if sales else (0, 0)
    counts = {
        **{f"brand_{name}": posts[name][branded].sum() for name in ("likes", "comments", "shares")},
        "hired_engagements": engaged[hired].sum(), "finished": posts["finished"][branded].sum(),
        "category_impressions": posts["impressions"][posts["brand"] >= 0].sum(), "reached_by_several": (lead.reached > 1).sum(),
        "aware_end": lead.aware.sum(), "aware_reached": lead.aware[reached].sum(),
        "considered_end": considered.sum(), "considered_reached": considered[reached].sum(),
        "customers": (lead.purchases > 0).sum(), "repeat_base_90": base, "repeat_90": again,
        "click_purchases": sums[AT_ONCE], "new_customers": sums[NEW],
    }  # fmt: skip
    return {
        **{name: float(count) * scale for name, count in counts.items()},
        "posts_disclosed": float((posts["disclosure"][hired] > 0).sum()),
        "views_gini": float((weights * views).sum() / (len(views) * views.sum())) if views.sum() else 0.0,
        "unfollows_total": float(sum(s.daily["unfollows"])),
    }


def _repeaters(sales: dict[str, Array], end: int, days: int = 90) -> tuple[int, int]:
    """Return how many first purchases of the brand under study lie `days` before the end, and how many of these buyers came again."""
    mine = sales["brand"] == 0
    person, day, before = sales["person"][mine], sales["day"][mine], sales["before"][mine]
    first = {int(p): int(d) for p, d in zip(person[before == 0], day[before == 0], strict=True) if d <= end - days}
    again = {int(p) for p, d in zip(person, day, strict=True) if int(p) in first and first[int(p)] < d <= first[int(p)] + days}
    return len(first), len(again)


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

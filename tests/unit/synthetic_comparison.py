"""A made-up comparison with known structure, for tests of figures and report; no engine runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from influence_sim.scenario.parameters import Market
from influence_sim.studies.compare import Comparison, comparison_of

#: arm -> (thousand impressions a day, purchases caused a day, buys creators)
ARMS = {"micro_portfolio": (9.0, 11.4, True), "macro": (7.0, 10.2, True), "paid_infeed": (12.0, 4.8, False)}
Array = np.ndarray[Any, Any]


def comparison(
    arms: dict[str, tuple[float, float, bool]] | None = None, worlds: int = 10, days: int = 28, spend: float = 2500, posts: int = 400,
    objective: str = "profit", name: str = "demo city", question: str = "Which strategy sells most for 2,500 USD?", control: bool = True,
) -> Comparison:
    """Return a comparison of `arms`; `control` says whether the scenario lists the control itself."""
    arms = ARMS if arms is None else arms
    strategies = {label: SimpleNamespace(strategy=f"kind {i}", params={}) for i, label in enumerate(arms)}
    if control:
        strategies = {"none": SimpleNamespace(strategy="none", params={}), **strategies}
    scenario: Any = SimpleNamespace(
        name=name, question=question, market=Market(), strategies=strategies, budget=spend, horizon=days, replications=worlds, world_seed=1,
        path_seed=2, objective=objective, same_world=False, precision="demo", tiers={}, graph_file=None, digest="0123456789abcdef" * 4,
    )
    results = [
        _run(label, level, r, days, spend, posts) for r in range(worlds) for label, level in {"none": (0.0, 0.0, False), **arms}.items()
    ]
    return comparison_of(scenario, results)


def _run(label: str, level: tuple[float, float, bool], r: int, days: int, spend: float, posts: int) -> Any:
    impressions_level, sales, creators = level
    luck = float(np.random.default_rng(r).normal(0, 0.25))
    rng = np.random.default_rng([r, int(impressions_level * 10), int(sales * 10)])
    own, day = rng.normal(0, 0.12), np.arange(days)
    active = (day < days * 0.6) & (impressions_level > 0)
    impressions = impressions_level * 1000 * np.exp(luck + own) * active
    reach = 30_000 * (1 - np.exp(-np.cumsum(impressions) / 80_000))
    expected = 2 * np.exp(luck) + sales * np.exp(2 * luck + own) * (day > 1) * 0.94**day
    daily: dict[str, Array] = {
        "day": day, "impressions": impressions, "reach_cumulative": reach, "engagements": impressions * 0.04, "clicks": impressions * 0.008,
        "purchases": rng.poisson(expected).astype(float), "expected_purchases": expected, "spend": spend * active / max(1, active.sum()),
    }
    totals = {key: float(values.sum()) for key, values in daily.items() if key not in ("day", "reach_cumulative")}
    totals |= {"reach": float(reach[-1]), "budget": spend, "feasible": 1.0, "posts_bought": 5.0}
    totals["follower_base"] = 9e4 * creators * (impressions_level > 0)
    return SimpleNamespace(strategy=label, replication=r, totals=totals, daily=daily, posts=_posts(r, posts), feed_items={}, attribution={})


def _posts(r: int, count: int) -> dict[str, Array]:
    rng = np.random.default_rng(100 + r)
    creator, appeal = rng.integers(0, 80, count), rng.normal(0, 1.6, 80)
    followers = np.maximum(0, np.exp(7 + appeal[creator])).astype(int)
    views = np.exp(5.5 + 0.7 * appeal[creator] + rng.normal(0, 1, count)).astype(int)
    likes = rng.binomial(views, 0.04)
    return {
        "post": np.arange(count), "creator": creator, "day": np.full(count, 3), "followers": followers, "views": views, "likes": likes,
        "comments": likes // 12, "shares": likes // 20, "follows": likes // 22, "duration_s": np.full(count, 15.0),
        "sponsored": np.zeros(count, dtype=bool), "disclosed": np.zeros(count, dtype=bool), "brand": np.full(count, -1),
        "posted": np.full(count, 3.0), "first_1000_days": np.where(views >= 1000, 2000 / np.maximum(views, 1), np.nan),
        "stage": np.where(views >= 500, "passed", "failed"), "stages_passed": np.digitize(views, [100, 300, 500]),
    }  # fmt: skip

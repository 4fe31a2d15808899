"""Results depend on the market, not on how finely it is simulated; and the defaults are alive.

Tolerances stand in the tests. Measured when they were set (12 replications, 10 days, largest minus
smallest over the mean), under 3, 6 and 12 rounds: modelled views 3.4 %, likes per view 4.1 %, reach
8.1 %, impressions of the campaign 15.5 %, expected purchases 4.9 %, all monotone in the rounds (more
rounds find the good posts sooner); with 1,000 and 2,000 agents for 10,000 people: 1.7, 3.0, 4.5, 8.5
and 2.5 %. Totals of views are exact: a person's slots of a day do not depend on rounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.feeds import FeedPolicy
from influence_sim.record import result_of
from influence_sim.strategies import strategy_types
from small_worlds import market_of, simulation

MARKET: dict[str, Any] = {
    "people.agents": 1000,
    "people.population": 10_000,
    "people.views_per_day": 40,
    "creators.count": 60,
    "feed.stage_quota": 60,
}
NAMES = ("views_modelled", "likes_rate", "reach", "impressions", "expected_purchases", "follows_total")


def measure(values: dict[str, Any], replications: int, horizon: int = 10) -> dict[str, float]:
    """Return averages of named totals of a small campaign over replications."""
    found: dict[str, list[float]] = {name: [] for name in (*NAMES, "views_total")}
    for replication in range(replications):
        market = market_of(values, MARKET)
        strategy = strategy_types()["micro_portfolio"](followers_min=0, followers_max=1e9, start=1)
        sim = simulation(market, budget=1000, horizon=horizon, replication=replication, strategy=strategy).run()
        totals = result_of(sim, "x").totals
        views = sum(sim.daily["views_modelled"])
        found["views_modelled"].append(views)
        found["likes_rate"].append(totals["likes_total"] / views)
        for name in ("reach", "impressions", "expected_purchases", "follows_total"):
            found[name].append(totals[name])
        found["views_total"].append(totals["views_total"] + sum(sim.daily["views_empty"]))
    return {name: float(np.mean(x)) for name, x in found.items()}


def check_close(runs: dict[Any, dict[str, float]], tolerance: dict[str, float]) -> None:
    for name, allowed in tolerance.items():
        values = [run[name] for run in runs.values()]
        spread = (max(values) - min(values)) / np.mean(values)
        print(f"{name}: {values} spread {spread:.3f} (allowed {allowed})")
    for name, allowed in tolerance.items():
        values = [run[name] for run in runs.values()]
        assert (max(values) - min(values)) / np.mean(values) <= allowed, name


def test_slots_of_a_day_do_not_depend_on_rounds() -> None:
    totals = {r: measure({"feed.rounds_per_day": r}, 1, 3)["views_total"] for r in (1, 3, 6, 12, 24)}
    assert len(set(totals.values())) == 1


@pytest.mark.slow
def test_results_hold_under_3_6_and_12_rounds() -> None:
    runs = {r: measure({"feed.rounds_per_day": r}, 12) for r in (3, 6, 12)}
    assert len({run["views_total"] for run in runs.values()}) == 1
    # Modelled views rise by a fifth from 3 to 12 rounds: posts leave their test stages sooner. Six rounds are an assumption.
    check_close(runs, {"views_modelled": 0.25, "likes_rate": 0.10, "reach": 0.20, "impressions": 0.20, "expected_purchases": 0.20})


@pytest.mark.slow
def test_results_hold_when_agents_double_at_the_same_population() -> None:
    runs = {n: measure({"people.agents": n}, 12) for n in (1000, 2000)}
    check_close(runs, {"views_modelled": 0.15, "likes_rate": 0.10, "reach": 0.20, "impressions": 0.20, "expected_purchases": 0.20})


# ------------------------------------------------------------------- alive


def test_defaults_are_alive() -> None:
    sim = simulation(market_of({}, {"people.agents": 1000, "people.population": 20_000}), budget=0, horizon=6).run()
    for name in ("views_modelled", "views_outside", "likes", "comments", "shares", "follows", "expected_purchases", "watch_seconds"):
        assert sum(sim.daily[name]) > 0, name


def beyond_ten_followers(sim: Simulation) -> tuple[int, int]:
    """Return (posts of small creators seen by more than ten times their followers, posts of small creators)."""
    posts = sim.posts[: sim.post_count]
    small = (posts.creator < sim.modelled) & (posts.audience > 0) & (posts.audience <= np.median(sim.followers[: sim.modelled]))
    return int((posts.impressions[small] > 10 * posts.audience[small]).sum()), int(small.sum())


def test_a_small_creator_can_pass_ten_times_its_followers_only_where_posts_are_discovered() -> None:
    passed = {}
    for policy in ("for_you", "following"):
        values = {f"feed.{k}": v for k, v in FeedPolicy.registry[policy].values.items()} | {"feed.policy": policy}
        values |= {"graph.follows_per_person": 2, "people.agents": 1000, "people.population": 20_000, "creators.count": 50}
        counts = [beyond_ten_followers(simulation(market_of(values, {}), horizon=7, replication=r).run()) for r in range(3)]
        passed[policy] = sum(a for a, _ in counts) / max(1, sum(b for _, b in counts))
    print(passed)
    assert passed["for_you"] > 0.005
    assert passed["following"] < 0.1 * passed["for_you"]

"""Every parameter, moved to both ends of its range, changes some table a user gets; else it would not exist.

The list of parameters is the reference itself (`scenario.parameters.parameters`), so a new parameter is
tested by existing. The table below says only which setting makes a parameter's mechanism run, and which
ends stand for a range that a test of seconds cannot hold.
"""

from __future__ import annotations

from typing import Any

import pytest

from influence_sim.feeds import FeedPolicy
from influence_sim.scenario.parameters import Parameter, parameters
from influence_sim.scenario.schema import Scenario
from influence_sim.strategies.base import BrandView, Order, PaidImpressions, Strategy
from influence_sim.studies.compare import compare
from small_worlds import SMALL, campaign, differing, market_of, outputs, run, simulation

ALL = {p.path: p for p in parameters()}
ACTIVE: dict[str, Any] = {
    "feed.stages": 2,
    "response.comment_rate": 0.02,
    "response.share_rate": 0.02,
    "response.negative_rate": 0.02,
    "response.follows_per_like": 0.2,
    "ties.detection": 0.5,
    "ties.unfollow_sponsored": 0.05,
    "ties.unfollow_daily": 0.01,
    "creators.live_sessions_per_week": 5,
    "creators.live_attendance": 0.3,
    "creators.fit_required": 0.05,
    "funnel.initial_awareness": 0.3,
    "funnel.consideration": 0.3,
    "funnel.baseline_rate": 0.002,
    "funnel.click_influencer": 0.2,
    "funnel.buy_rate": 0.2,
    "wom.mention": 0.5,
    "wom.mention_bad": 0.5,
}
JOINING = {"formats.join": 0.2, "creators.amateurs": 0.5}
MIXTURE = {"feed.mode": "slot_mixture", "feed.candidates_random": 5}
RIVALS = {"rivals.count": 2, "rivals.spend": 100, "funnel.baseline_rate": 0.02}
OFTEN = {"funnel.baseline_rate": 0.05, "funnel.repurchase_gap": 5}
COLD_START = {"feed.cold_start_rank": 3, "feed.outside_posts": 0, "feed.stages": 0, "feed.slots_per_request": 4}
SELLING = {
    "funnel.buy_rate": 0.5, "funnel.click_influencer": 0.5, "funnel.buy_price": 0, "brand.price": 0.01, "creators.commission_accepted": 1,
    "creators.fit_required": 0,
}  # fmt: skip
REVIEWED = {"careers.review_days": 1, "creators.reservation": 1, "creators.reluctance": 0}
RIVALRY = {"rivals.count": 2, "rivals.spend": 1000, "rivals.creator_share": 1}
# Ends used instead of those of the range: too large for a small world, or not allowed together with it.
ENDS: dict[str, tuple[Any, Any]] = {
    "people.agents": (100, 200),
    "people.population": (2000, 10**9),
    "people.views_per_day": (0, 60),
    "brand.topic": (0, 4),
    "creators.count": (0, 40),
    "creators.opening_posts": (0, 20),
    "graph.follows_per_person": (0, 12),
    "graph.friends_per_person": (0, 50),
    "feed.tries": (1, 50),
    "feed.inbox": (1, 64),
    "people.arrival_days": (1, 5),
    "creators.sounds": (1, 1000),
    "feed.cold_start_rank": (0, 3),
    "feed.cold_start_followers": (0, 1e9),
    "feed.heating_views": (20, 2000),
    "careers.review_days": (1, 100),
    "prices.commission_days": (1, 5),
}
# What must run for the parameter to matter.
CONTEXT: dict[str, dict[str, Any]] = {
    "creators.amateurs": {"formats.join": 0.2},
    "creators.amateur_authenticity": JOINING,
    "formats.effect_ease": JOINING,
    "rivals.creator_share": {"rivals.count": 7, "rivals.spend": 50},
    "rivals.spend": {"rivals.count": 7},
    "rivals.silent": {"rivals.count": 7, "rivals.spend": 50},
    "feed.weight_follow": MIXTURE,
    "feed.weight_interest": MIXTURE,
    "feed.weight_trending": MIXTURE,
    "feed.weight_random": MIXTURE,
    "feed.tries": MIXTURE,
    "people.arrival_days": {"people.newcomers": 0.5},
    "creators.sounds": {"creators.shared_sounds": 1},
    "feed.refusal_floor": {"feed.refusal_days": 0, "response.negative_rate": 0.3},
    "feed.refusal_ramp": {"feed.refusal_days": 0, "response.negative_rate": 0.3},
    "feed.refusal_days": {"response.negative_rate": 0.3},
    "feed.cold_start_rank": COLD_START,
    "feed.cold_start_followers": COLD_START,
    "feed.cold_start_impressions": COLD_START,
    "feed.heating_views": {"feed.heating_share": 0.1},
    "creators.duration_min": {"creators.duration_median": 5},
    "creators.duration_max": {"creators.duration_median": 60},
    "feed.update": {"feed.stages": 0, "feed.trending_count": "views", "feed.rounds_per_day": 1, "feed.candidates_trending": 32},
    "funnel.satisfaction_quality": {"brand.quality": -1},
    "funnel.shop_factor": {"funnel.shop": "in_app"},
    **{f"funnel.{name}": OFTEN for name in ("closed_need", "repurchase_gap", "repurchase_shape", "lapse", "loyalty_gain", "loyalty_decay")},
    **{f"rivals.{name}": RIVALS for name in ("spend", "creator_share", "awareness", "size_ratio", "price", "trust", "quality")},
    "careers.price_step": REVIEWED,
    "careers.follower_loss": REVIEWED,
    "careers.success": REVIEWED,
    "careers.review_days": {"careers.success": 2},
    "careers.discouragement": {"careers.review_days": 1, "careers.quit": 0.3},
    "careers.entry": {"careers.quit": 0.5},
    "creators.loyalty": RIVALRY,
    "creators.loyalty_half_life": RIVALRY,
    "creators.other_disclosed": {"creators.other_deals": 0.5},
    "authenticity.window": {"creators.other_deals": 0.5},
    "authenticity.saturation": {"creators.other_deals": 0.5},
    "authenticity.tolerance": {"creators.other_deals": 0.5},
    "prices.commission_days": SELLING,
    "prices.commission": SELLING,
    "funnel.contact": {"funnel.contagion": 0.5, "funnel.baseline_rate": 0.2},
    "response.saturation": {"response.saturation_tolerance": 0, "feed.outside_ad_load": 0.3},
}


def ends(parameter: Parameter) -> tuple[Any, Any]:
    """Return the two values a parameter is moved to."""
    if parameter.path in ENDS:
        return ENDS[parameter.path]
    if parameter.path == "feed.policy":
        return "for_you", "following"
    if parameter.unit == "switch":
        return False, True
    if parameter.allowed:
        return parameter.allowed[0], parameter.allowed[-1]
    assert parameter.low is not None
    assert parameter.high is not None
    return parameter.low, parameter.high


def formats(day: int, creators: int) -> list[Order]:
    """Return the usual orders, and every large format on the first day."""
    large = [PaidImpressions(20.0, 0, format=name) for name in ("takeover", "challenge", "effect")] if day == 0 else []  # type: ignore[arg-type]
    return [*campaign(day, creators), *large]


def tables(path: str, value: Any) -> dict[str, Any]:
    """Return the tables of a small campaign with one parameter set to `value`."""
    values = {**ACTIVE, **CONTEXT.get(path, {}), path: value}
    if path == "feed.policy":
        values |= {f"feed.{name}": x for name, x in FeedPolicy.registry[value].values.items()}
    sim = simulation(market_of(values, SMALL), budget=3000.0, horizon=5)
    large = path.startswith("formats.") or path in ("prices.scaled", "creators.amateurs", "creators.amateur_authenticity")
    return outputs(run(sim, formats if large else campaign))


class Follower(Strategy):
    """Advertise once the dashboard shows a sale."""

    def plan(self, view: BrandView) -> list[Order]:
        """Order ads on the days on which sales are known."""
        return [PaidImpressions(5.0, view.day)] if view.sales.channel.sum() > 0 else []


def delay_tables(delay: int) -> dict[str, Any]:
    """Return the tables of a brand that waits for its dashboard."""
    return outputs(run(simulation(market_of({**ACTIVE, "attribution.delay": delay}), horizon=5, strategy=Follower()), None))


def margin_tables(margin: float) -> dict[str, Any]:
    """Return the columns of the summary: the margin is no part of what happens, only of what it is worth."""
    market = market_of({"feed.stages": 0, "brand.margin": margin}, SMALL)
    scenario = Scenario.model_validate(
        {"market": market, "strategies": {"ads": {"strategy": "paid_infeed"}}, "horizon": 4, "replications": 2, "budget": 50}
    )
    summary = compare(scenario, jobs=1).summary
    return {str(name): summary[name].to_numpy() for name in summary.columns if summary[name].dtype == float}


@pytest.mark.parametrize("path", sorted(ALL))
def test_both_ends_of_a_parameter_differ(path: str) -> None:
    low, high = ends(ALL[path])
    if path == "brand.margin":
        changed = differing(margin_tables(low), margin_tables(high))
    elif path == "attribution.delay":
        changed = differing(delay_tables(low), delay_tables(high))
    else:
        changed = differing(tables(path, low), tables(path, high))
    assert changed, f"{path}: {low} and {high} give the same tables"


def test_the_tables_of_this_file_name_parameters() -> None:
    assert {*ACTIVE, *ENDS, *CONTEXT} <= set(ALL)

"""Markets in which a textbook model must come out: everything else is switched off by public settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln, ive
from scipy.stats import norm, t

from influence_sim.engine.simulation import Simulation
from influence_sim.feeds import FeedPolicy
from influence_sim.scenario.parameters import Market
from influence_sim.world.build import build_world
from influence_sim.world.columns import World

Array = np.ndarray[Any, Any]
ALPHA = 1e-4  # of every statistical test here; seeds are fixed, so a passing test stays passed
Z = float(norm.isf(ALPHA / 2))

# Nobody reacts to anything.
SILENT: dict[str, Any] = {
    "like_rate": 0, "comment_rate": 0, "share_rate": 0, "negative_rate": 0, "follows_per_like": 0, "minimum_watch": 0,
}  # fmt: skip
# Reactions depend on nothing but the post's quality and its chance.
PLAIN: dict[str, Any] = {**SILENT, "match": 0, "follows": 0, "trust": 0, "tie": 0, "authenticity": 0, "saturation": 0, "noise": 0}
# Nobody buys.
UNSOLD: dict[str, Any] = {
    "initial_awareness": 0, "consideration": 0, "delayed_rate": 0, "baseline_rate": 0, "click_influencer": 0, "click_ad": 0, "buy_rate": 0,
}  # fmt: skip
# Posts of equal standing, no supply from outside, none left out for its age.
LEVEL: dict[str, Any] = {"outside_posts": 0, "exploration_share": 0, "stages": 0, "max_age": 365, "rounds_per_day": 1}
# One urn: every slot is one draw from trending, and the next slot knows it.
URN: dict[str, Any] = {
    **LEVEL,
    "mode": "slot_mixture", "ranking": "arrival", "update": "sequential", "repeats": True, "slots_per_request": 1,
    "trending_by": "platform", "trending_half_life": 10_000,
    "weight_trending": 1, "weight_follow": 0, "weight_interest": 0, "weight_random": 0,
    "candidates_trending": 1, "candidates_follow": 0, "candidates_interest": 0, "candidates_random": 0,
}  # fmt: skip


# Nobody posts after the start, and nothing is advertised.
ALONE = {"posts_per_day": 0, "other_deals": 0}


def market(policy: str | None = None, **groups: dict[str, Any]) -> Market:
    """Return the default market with some values replaced; a policy stands below the values given."""
    values = Market().model_dump()
    if policy is not None:
        values["feed"].update(FeedPolicy.registry[policy].values, policy=policy)
    for name, changed in groups.items():
        values[name].update(changed)
    return Market.model_validate(values)


def crowd(
    agents: int, views: float, creators: int, posts: int, feed: dict[str, Any], response: dict[str, Any], policy: str | None = None
) -> Market:
    """Return a market of `agents` unconnected people with equally many slots, and `creators` x `posts` posts that are there at 0."""
    return market(
        policy,
        people={"agents": agents, "population": agents, "views_per_day": views, "views_sigma": 0, "sharing_sigma": 0},
        creators={**ALONE, "count": creators, "opening_posts": posts, "ability_sd": 0, "form_sd": 0, "post_sd": 0},
        brand={"posts_per_day": 0},
        graph={"follows_per_person": 0, "friends_per_person": 0},
        feed=feed,
        response=response,
        funnel=UNSOLD,
    )


def played(world: World, settings: Market, replication: int = 0, days: int = 1, **more: Any) -> Simulation:
    """Return the simulation at its horizon."""
    return Simulation(world, settings, horizon=days, replication=replication, **more).run()


def built(settings: Market, **more: Any) -> World:
    """Return the world of the settings under the one world seed of these tests."""
    return build_world(settings, 11, **more)


def poisson_gini(mean: float, posts: int) -> float:
    """Return the expected Gini coefficient of `posts` independent Poisson counts, as the issue states it."""
    return float((1 - 1 / posts) * (ive(0, 2 * mean) + ive(1, 2 * mean)))


def urn_gini(alpha: float, posts: int) -> float:
    """Return the expected Gini coefficient of the limit shares of a Polya urn (symmetric Dirichlet)."""
    return float((1 - 1 / posts) * math.exp(gammaln(alpha + 0.5) - gammaln(alpha + 1)) / math.sqrt(math.pi))


def urn_gini_after(draws: int, alpha: float, posts: int) -> float:
    """Return the exact expected Gini coefficient of a Polya urn after `draws` draws (Dirichlet-multinomial)."""
    both = np.arange(draws + 1)

    def choose(n: Any, k: Any) -> Any:
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    rest = (posts - 2) * alpha
    weight = np.exp(choose(draws, both) + betaln(both + 2 * alpha, draws - both + rest) - betaln(2 * alpha, rest))
    gap = np.zeros(draws + 1)
    for s in both[weight > 1e-15].tolist():
        x = np.arange(s + 1)
        gap[s] = np.exp(choose(s, x) + betaln(x + alpha, s - x + alpha) - betaln(alpha, alpha)) @ np.abs(2 * x - s)
    return float((posts - 1) / (2 * draws) * (weight @ gap))


def distance(sample: Any, expected: float) -> float:
    """Return how many of its own critical values the mean of `sample` is from `expected`; a test at `ALPHA` demands at most 1."""
    x = np.asarray(sample, float)
    error = x.std(ddof=1) / math.sqrt(len(x))
    return float(abs(x.mean() - expected) / (error * t.isf(ALPHA / 2, len(x) - 1)))

"""Constants of a market: pure functions of the market file, never of a sampled world.

A constant that moved with the sample would let one more creator change everybody's day.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.feed import value
from influence_sim.engine.respond import length, normals2, sigmoid
from influence_sim.engine.state import RULES, records
from influence_sim.jit import hot
from influence_sim.rng import Stream, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.world.creators import brand_shares
from influence_sim.world.people import dirichlet

Array = np.ndarray[Any, Any]
SPONSORED_SLOTS = 4  # sponsored posts of a creator that topic retrieval can reach at a time
TOPIC_ROOM = 0.5  # topic buckets per retrieval slot of a topic: fewer tries find as many posts
DRAWS = 8192  # Monte Carlo size of the constants; their seed is fixed, so they are exact functions

# Share of a day's views in each hour: Kuaishou, 322 M exposures, KuaiRand (Gao et al. 2022), grade A.
HOURS = (
    0.0330,
    0.0201,
    0.0128,
    0.0090,
    0.0081,
    0.0115,
    0.0213,
    0.0309,
    0.0358,
    0.0402,
    0.0448,
    0.0479,
    0.0528,
    0.0532,
    0.0480,
    0.0489,
    0.0515,
    0.0544,
    0.0585,
    0.0617,
    0.0661,
    0.0686,
    0.0678,
    0.0531,
)


class Decays(NamedTuple):
    """What is left after d days, d = 0..horizon, applied when a pair is read."""

    tie: Array
    trust: Array
    affinity: Array


def decays(market: Market, horizon: int) -> Decays:
    """Return the decay tables of the market for a horizon in days."""
    days = np.arange(horizon + 2)
    return Decays(*(0.5 ** (days / half) for half in (market.ties.half_life, market.ties.trust_half_life, market.feed.affinity_half_life)))


def stage_quotas(market: Market, people_per_agent: float) -> Array:
    """Return agents' impressions that each test stage asks for; one entry at least."""
    feed = market.feed
    stages = range(max(1, feed.stages))
    return np.array([max(1, round(feed.stage_quota * feed.stage_growth**s / people_per_agent)) for s in stages], np.int64)


def cumulative_day(rounds: int) -> Array:
    """Return (rounds + 1,) shares of a day's views before each round begins."""
    curve = np.concatenate([[0.0], np.cumsum(HOURS)]) / sum(HOURS)
    return np.interp(np.arange(rounds + 1) * 24.0 / rounds, np.arange(25), curve)


def logit(rate: float) -> float:
    """Return the log odds; 0 and 1 give minus and plus infinity."""
    if rate <= 0.0:
        return -math.inf
    return math.inf if rate >= 1.0 else math.log(rate / (1.0 - rate))


def unit_rows(shares: Array) -> Array:
    """Return rows scaled to length one."""
    out: Array = shares / np.sqrt((shares * shares).sum(axis=1, keepdims=True))
    return out


class Tastes(NamedTuple):
    """Synthetic people and posts of a market, for its constants: unit rows (DRAWS, K)."""

    people: Array
    estimates: Array
    shares: Array
    posts: Array


@lru_cache(maxsize=64)
def _tastes(topics: int, interest: float, niche: float, noise: float, known: float) -> Tastes:
    rows = np.arange(DRAWS)
    x = dirichlet(0, Stream.MARKET_CONSTANT, 0, interest, topics, c0=rows)
    y = dirichlet(0, Stream.MARKET_CONSTANT, 1, niche, topics, c0=rows)
    e = dirichlet(0, Stream.MARKET_CONSTANT, 2, 1.0, topics, c0=rows)
    estimate = (1.0 - known) / topics + known * x
    return Tastes(unit_rows(x), unit_rows(estimate), estimate, unit_rows((1.0 - noise) * y + noise * e))


def tastes(market: Market) -> Tastes:
    """Return synthetic tastes and posts drawn from the market's laws with a fixed seed."""
    people, creators = market.people, market.creators
    return _tastes(
        people.topics, people.interest_concentration, creators.topic_concentration, creators.post_topic_noise, market.feed.initial_knowledge
    )


def recommended(t: Tastes) -> tuple[Array, Array]:
    """Return a post for each person as topic retrieval finds it (topic drawn from the estimate), and the uniforms used."""
    u = uniforms(0, Stream.MARKET_CONSTANT, 3, np.arange(DRAWS))
    topic = (np.cumsum(t.shares, axis=1) < u[:, :1]).sum(axis=1).clip(0, t.shares.shape[1] - 1)
    rows = np.arange(DRAWS)
    top = t.posts.argmax(axis=1)
    posts = t.posts.copy()
    posts[rows, topic], posts[rows, top] = t.posts[rows, top], t.posts[rows, topic]
    return posts, u


def category_mean(market: Market) -> float:
    """Return the mean cosine of people's tastes with the product category."""
    brand = unit_rows(brand_shares(market)[None, :])[0]
    return float((tastes(market).people @ brand).mean())


@hot
def _worth(z, u, rules, fresh, out):
    for j in range(len(z)):
        p_like = sigmoid(rules.like_logit + rules.like_slope * z[j])
        seconds = length(rules, normals2(u[j, 0], u[j, 1])[0], u[j, 2])
        score = value(z[j], seconds, p_like, rules) * rules.non_followed_factor * fresh[j]
        out[j] = score ** (1.0 / rules.rank_noise)


def retrieved_worth(market: Market, rules: Any, posts: Array, ages: Array) -> Array:
    """Return S^(1/t) (DRAWS,) of retrieved posts without history; t is the scale of the rank noise.

    With Gumbel rank noise the chance of winning a slot is proportional to it.
    """
    feed = market.feed
    z = rules.match * ((tastes(market).estimates * posts).sum(axis=1) - rules.match_mean) / rules.match_unit
    lengths = uniforms(0, Stream.MARKET_CONSTANT, 4, np.arange(DRAWS))
    worth = np.empty(DRAWS)
    _worth(z, lengths, rules, (1.0 + ages / feed.freshness_age) ** -feed.freshness_exponent, worth)
    return worth


def _retrieved_ages(market: Market, u: Array) -> Array:
    """Return ages of retrieved posts: topic retrieval accepts them in proportion to freshness."""
    feed = market.feed
    grid = np.linspace(0.0, feed.max_age, 2001)
    weight = (1.0 + grid / feed.freshness_age) ** -feed.freshness_exponent
    ages: Array = np.interp(u, np.cumsum(weight) / weight.sum(), grid)
    return ages


def _settle_match(market: Market, rules: Any) -> None:
    """Set the origin and unit of match: 0 is an average served post, -1 a random one.

    Rates and slopes of responses were measured per recommended impression, and against random
    exposure of the same videos (KuaiRand), so that gap is the unit.  What is served depends on
    scores, and scores on the unit: a few rounds of iteration settle both.
    """
    t = tastes(market)
    posts, u = recommended(t)
    ages = _retrieved_ages(market, u[:, 1])
    match = (t.people * posts).sum(axis=1)
    random = float((t.people * t.posts).sum(axis=1).mean())
    rules.match_mean, rules.match_unit = float(match.mean()), max(0.02, float(match.mean()) - random)
    if market.feed.ranking != "value":
        return
    for _ in range(12):
        worth = retrieved_worth(market, rules, posts, ages)
        if worth.sum() == 0.0:  # non_followed_factor 0: nothing is served from outside one's follows
            return
        served = float((worth * match).sum() / worth.sum())
        rules.match_mean, rules.match_unit = served, max(0.02, served - random)


def expected_candidates(market: Market) -> float:
    """Return how many posts topic retrieval is expected to find per request: tries x filled slots x acceptance."""
    creators, feed = market.creators, market.feed
    alive = creators.posts_per_day * feed.max_age + creators.opening_posts
    slots = 1.3 * creators.posts_per_day * feed.max_age + creators.opening_posts + 3.5 + SPONSORED_SLOTS
    age = np.linspace(0.0, feed.max_age, 2001)
    fresh = float(((1.0 + age / feed.freshness_age) ** -feed.freshness_exponent).mean())
    passed = feed.stage_pass**feed.stages
    accepted = fresh * (passed + (1.0 - passed) * feed.failed_factor)
    tries = feed.candidates_interest * feed.tries
    return float(min(feed.candidates_interest, tries * alive / (TOPIC_ROOM * slots) * accepted))


def outside_mass(market: Market, rules: Any) -> float:
    """Return the strength of the best post from outside the model that competes for a slot.

    The best of n posts with scores S under Gumbel rank noise of scale t is itself Gumbel, with
    exp(location / t) = n E[S^(1/t)].  n = expected candidates x outside supply / modelled supply:
    an outside post is found, and wins, like a modelled one.
    """
    creators, feed = market.creators, market.feed
    modelled = creators.count * creators.posts_per_day
    outside = feed.outside_posts * market.people.population - modelled
    if outside <= 0.0 or feed.outside_posts == 0.0:
        return 0.0
    posts, u = recommended(tastes(market))
    rivals = max(0.1, expected_candidates(market)) * outside / max(modelled, 1.0)
    return float(rivals * retrieved_worth(market, rules, posts, _retrieved_ages(market, u[:, 1])).mean())


def rules(market: Market, path_seed: int, replication: int, match: tuple[float, float] | None = None) -> Any:
    """Return the kernel rules of a market; floats and ints are made exact types once, here.

    `match` is the origin and unit of match that people have had so far: a change in mid-run changes
    what they are served, not what it is worth to them.
    """
    m = market
    computed: dict[str, Any] = {
        "seed": path_seed,
        "replication": replication,
        "mixture": int(m.feed.mode == "slot_mixture"),
        "ranking": ("value", "newest", "arrival").index(m.feed.ranking),
        "sequential": int(m.feed.update == "sequential"),
        "count_views": int(m.feed.trending_count == "views"),
        "full_watch": int(m.response.watch_law == "full"),
        "uniform_duration": int(m.creators.duration_law == "uniform"),
        "trending_cap": m.feed.trending_cap * m.people.agents,
        "match_mean": 0.0,
        "match_unit": 1.0,
        "like_logit": logit(m.response.like_rate),
        "comment_logit": logit(m.response.comment_rate),
        "share_logit": logit(m.response.share_rate),
        "follow_logit": logit(min(1.0, m.response.follows_per_like * m.response.like_rate)),
        "negative_logit": logit(m.response.negative_rate),
        "reputation_weight": m.ties.reputation_weight,
        "brand_trust": m.brand.trust,
        "click_influencer_logit": logit(m.funnel.click_influencer),
        "click_ad_logit": logit(m.funnel.click_ad),
        "buy_logit": logit(m.funnel.buy_rate),
        "price_ratio": m.brand.price / 40.0,
        "outside_mass": 0.0,
        "memory_keep": 0.5 ** (1.0 / m.funnel.memory_half_life),
        "annoyance_keep": 0.5 ** (1.0 / m.funnel.annoyance_half_life),
        "forget": 1.0 - 0.5 ** (1.0 / m.funnel.awareness_half_life),
        "saturation_keep": 0.5 ** (1.0 / m.response.saturation_half_life),
        "category_floor": category_mean(m),
    }
    table = records(1, RULES)
    for name in RULES.names or ():
        for group in (m.feed, m.response, m.creators, m.funnel, m.ties):
            if name not in computed and hasattr(group, name):
                computed[name] = getattr(group, name)
        table[name] = computed[name]
    made = table[0]
    if match is None:
        _settle_match(m, made)
    else:
        made.match_mean, made.match_unit = match
    if not made.mixture and made.ranking == 0:
        made.outside_mass = outside_mass(m, made)
    return made

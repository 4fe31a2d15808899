"""Constants of a market: pure functions of the market file, never of a sampled world.

A constant that moved with the sample would let one more creator change everybody's day.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.batch import scores_of
from influence_sim.engine.feed import value
from influence_sim.engine.respond import length, lengths, normals2, sigmoid
from influence_sim.engine.rules import RULES
from influence_sim.engine.state import BRAND, INTEREST, Boredom, records
from influence_sim.feeds import score_of
from influence_sim.feeds.candidates import Candidates, empty_candidates
from influence_sim.jit import hot
from influence_sim.maths import exp_of, log_of, power_of
from influence_sim.rng import Stream, normals, uniforms
from influence_sim.scenario.parameters import Feed, Market
from influence_sim.world.creators import brand_shares
from influence_sim.world.people import dirichlet, lognormal

Array = np.ndarray[Any, Any]
TOPIC_ROOM = 0.5  # closed platform: topic buckets per retrieval slot of a topic
COARSE = 16  # open platform: buckets of a topic
MOST_TRIES = 1000  # a candidate: where almost nothing is living, more tries would find nothing else
# The feed that settles the unit of match. It stays when defaults are fitted: a unit that moved with the fit could not be fitted.
REFERENCE = Feed(rank_noise=0.2, freshness_exponent=0.6)
GRID = 33  # points of `outside_worth`
RIVALS = 2048  # posts behind each of them
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
    due: Array  # chance that a need closed d days ago is due today, if it was not before


def decays(market: Market, horizon: int) -> Decays:
    """Return the decay tables of the market for a horizon in days."""
    from scipy.special import gammaincc

    days = np.arange(horizon + 2)
    f = market.funnel
    open_at = gammaincc(f.repurchase_shape, np.arange(-1, horizon + 2).clip(0) * f.repurchase_shape / f.repurchase_gap)
    due = np.where(open_at[:-1] > 0.0, 1.0 - open_at[1:] / np.maximum(open_at[:-1], 1e-300), 1.0)
    halves = (market.ties.half_life, market.ties.trust_half_life, market.feed.affinity_half_life)
    return Decays(*(power_of(0.5, days / half) for half in halves), due)


def boredom(rules: Any) -> Boredom:
    """Return how posts of a topic bore after 0 to 255 of them today."""
    times = np.arange(256)
    return Boredom(exp_of(-rules.same_tag_penalty * times), exp_of(-rules.same_tag_penalty * times / rules.rank_noise))


def brand_table(market: Market) -> Any:
    """Return records BRAND: the brand under study, then its rivals."""
    table = records(1 + market.rivals.count, BRAND)
    for b in range(len(table)):
        side = market.rivals if b else market.brand
        table.trust[b], table.price_ratio[b] = side.trust, side.price / 40.0
        table.satisfied[b] = min(1.0, max(0.0, market.funnel.satisfaction + market.funnel.satisfaction_quality * side.quality))
    return table


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
        out[j] = value(z[j], seconds, p_like, rules) * rules.non_followed_factor * fresh[j]


def unknown_scores(market: Market, rules: Any, z: Array, tag: Array, ages: Array) -> Array:
    """Return scores (n, m), before rank noise, of posts without history: post r at the m predictions z[r].

    z (n, m) is in units of match; tag (n,) and ages (n,), in days, belong to the posts.
    """
    feed = market.feed
    n, m = z.shape
    u = uniforms(0, Stream.MARKET_CONSTANT, 4, np.arange(n))
    function = score_of(feed.policy)
    if function is None:
        scores = np.empty(n * m)
        fresh = power_of(1.0 + ages / feed.freshness_age, -feed.freshness_exponent)
        _worth(z.ravel(), np.repeat(u, m, axis=0), rules, np.repeat(fresh, m), scores)
        return scores.reshape(n, m)
    table = _unknown_posts(market, rules, z, u, tag, ages)
    return exp_of(scores_of(feed.policy, function, table))


def _unknown_posts(market: Market, rules: Any, z: Array, u: Array, tag: Array, ages: Array) -> Candidates:
    """Return posts without history as a feed function sees them (n, m); audiences follow the market's law."""
    from scipy.special import expit

    table, duration = empty_candidates(*z.shape), np.empty(len(z))
    lengths(rules, u, duration)
    audience = market.graph.follows_per_person * market.people.population / max(1, market.creators.count)
    median = rules.watch_median * exp_of(rules.watch_slope * z)
    known: dict[str, Any] = {
        "valid": True, "standing": 1.0, "predicted": z, "source": INTEREST, "tag": tag[:, None], "age": ages[:, None],
        "duration": duration[:, None], "seconds": median * log_of(1.0 + duration[:, None] / median),
        "p_play": 1.0 / (1.0 + np.minimum(rules.play_seconds, duration)[:, None] / median),
        "followers": lognormal(audience, market.creators.appeal_sigma, normals(u)[:, 2])[:, None],
    }  # fmt: skip
    for name in ("like", "comment", "share", "follow", "negative"):
        known[f"p_{name}"] = expit(rules[f"{name}_logit"] + rules[f"{name}_slope"] * z)
    for name, values in known.items():
        getattr(table, name)[:] = values
    return table


def _retrieved_ages(market: Market, u: Array) -> Array:
    """Return ages of retrieved posts: topic retrieval accepts them in proportion to freshness."""
    feed = market.feed
    grid = np.linspace(0.0, feed.max_age, 2001)
    weight = power_of(1.0 + grid / feed.freshness_age, -feed.freshness_exponent)
    ages: Array = np.interp(u, np.cumsum(weight) / weight.sum(), grid)
    return ages


def settle_match(market: Market, rules: Any) -> None:
    """Set the origin and unit of match: 0 is an average post served by `REFERENCE`, -1 a random one.

    Rates and slopes of responses were measured per recommended impression, and against random
    exposure of the same videos (KuaiRand), so that gap is the unit; it belongs to people and posts, so another
    feed does not move it.  What is served depends on scores, and scores on the unit: a few rounds settle both.
    `market` and `rules` are those under the reference feed.
    """
    t = tastes(market)
    posts, u = recommended(t)
    ages = _retrieved_ages(market, u[:, 1])
    match, predicted, tag = (t.people * posts).sum(axis=1), (t.estimates * posts).sum(axis=1), posts.argmax(axis=1)
    random = float((t.people * t.posts).sum(axis=1).mean())
    rules.match_mean, rules.match_unit = float(match.mean()), max(0.02, float(match.mean()) - random)
    for _ in range(12):
        # With Gumbel rank noise of scale t the chance of winning a slot is proportional to S^(1/t).
        z = rules.match * (predicted - rules.match_mean) / rules.match_unit
        worth = unknown_scores(market, rules, z[:, None], tag, ages)[:, 0] ** (1.0 / rules.rank_noise)
        served = float((worth * match).sum() / worth.sum())
        rules.match_mean, rules.match_unit = served, max(0.02, served - random)


def supply(market: Market) -> float:
    """Return the posts per day on the whole platform, real units."""
    creators = market.creators
    return max(market.feed.outside_posts * market.people.population, creators.count * creators.posts_per_day, 1e-9)


def modelled_share(market: Market) -> float:
    """Return the share of the platform's supply of posts that is modelled; 1 where nothing else competes."""
    creators, feed = market.creators, market.feed
    modelled = creators.count * creators.posts_per_day
    if feed.mode == "slot_mixture" or feed.ranking != "value" or feed.outside_posts * market.people.population <= modelled:
        return 1.0
    return modelled / supply(market)


class Buckets(NamedTuple):
    """Numbers of buckets that retrieval tries hit: per topic, and over all posts."""

    topic: int
    all: int


def buckets(market: Market, slots: int) -> Buckets:
    """Return the buckets for `slots` retrieval slots of the creators.

    An open platform needs few, each with many modelled posts, for its tries are rare. On a closed one a bucket
    holds about one post, so that tries are independent.
    """
    topics = market.people.topics
    if modelled_share(market) < 1.0:
        return Buckets(COARSE, COARSE * topics)
    return Buckets(int(min(65536, max(8, np.ceil(TOPIC_ROOM * max(1, slots) / topics)))), max(1, slots))


def mean_weights(market: Market) -> tuple[float, float]:
    """Return the mean acceptance of a living post of the platform in topic and in trending retrieval."""
    feed, response = market.feed, market.response
    age = np.linspace(0.0, feed.max_age, 2001)
    fresh = float(power_of(1.0 + age / feed.freshness_age, -feed.freshness_exponent).mean())
    passed = feed.stage_pass**feed.stages
    open_to_all = passed + (1.0 - passed) * feed.failed_factor
    # The mean trending count: what an average post gathers (agents), faded over its life.
    views = market.people.views_per_day * market.people.agents / supply(market)
    positive = 1.0 if feed.trending_count == "views" else response.like_rate + response.comment_rate + response.share_rate
    count = views * positive * min(1.0, feed.trending_half_life / (math.log(2.0) * feed.max_age))
    cap = feed.trending_cap * market.people.agents
    hot = min(1.0, ((count + feed.trending_prior) / (cap + feed.trending_prior)) ** feed.trending_exponent)
    return fresh * open_to_all, hot * open_to_all


def tries(market: Market, wanted: int, weight: float) -> float:
    """Return the retrieval tries per request for `wanted` posts whose mean acceptance is `weight`.

    On a closed platform they are a parameter, and retrieval stops when enough posts are found. On an open one
    a request finds `wanted` posts of the whole platform, so a modelled post is found with chance
    wanted x its weight / (living posts x mean weight); drawing posts from outside one by one is not needed.
    """
    if modelled_share(market) == 1.0:
        return float(wanted * market.feed.tries)
    living = supply(market) * market.feed.max_age
    exact = wanted * COARSE * market.people.topics / (living * weight) if weight > 0.0 else 0.0
    return min(exact, float(wanted * MOST_TRIES))


def outside_worth(market: Market, rules: Any) -> Array:
    """Return the strength (GRID,) of the posts from outside the model that compete for a slot, by how surely the topic is liked.

    The best of n posts with scores S under Gumbel rank noise of scale t is itself Gumbel, with
    exp(location / t) = n E[S^(1/t)].  n = the posts a request retrieves by topic, trend and chance, without the
    modelled share of them; all are scored like topic posts without history.  Point g is for a topic that has
    cosine g / (GRID - 1) with the person's estimated tastes; a person's rivals are the sum over topics, each
    weighed by its estimated share.
    """
    feed = market.feed
    outside = 1.0 - modelled_share(market)
    if outside == 0.0:
        return np.zeros(GRID)
    t = tastes(market)
    posts, u = recommended(t)
    posts, tag = posts[:RIVALS], posts[:RIVALS].argmax(axis=1)
    rows = np.arange(RIVALS)
    main, liked = posts[rows, tag], t.estimates[rows, tag]
    aside = np.sqrt(1.0 - main**2), np.sqrt(1.0 - liked**2)
    # How a post's side topics agree with a person's is kept as drawn, so that its spread counts.
    agree = ((t.estimates[:RIVALS] * posts).sum(axis=1) - main * liked) / np.maximum(aside[0] * aside[1], 1e-9)
    cosine = np.linspace(0.0, 1.0, GRID)
    match = main[:, None] * cosine + (agree * aside[0])[:, None] * np.sqrt(1.0 - cosine**2)
    z = rules.match * (match - rules.match_mean) / rules.match_unit
    scores = unknown_scores(market, rules, z, tag, _retrieved_ages(market, u[:RIVALS, 1]))
    rivals = outside * max(1, feed.candidates_interest + feed.candidates_trending + feed.candidates_random)
    worth: Array = rivals * power_of(scores, 1.0 / rules.rank_noise).mean(axis=0)
    return worth


def like_calibration(market: Market) -> float:
    """Return the likes of an average served post per predicted one: what quality, noise and too short watching make of the prediction.

    A ranker is right on average; without this, every well-seen post would look better than expected.
    """
    creators, response = market.creators, market.response
    if response.like_rate == 0.0:
        return 1.0
    z = normals(uniforms(0, Stream.MARKET_CONSTANT, 5, np.arange(DRAWS)))
    quality = response.quality * math.hypot(creators.ability_sd, creators.form_sd, creators.post_sd)
    eta = quality * z[:, 0] + response.noise * z[:, 1]
    likes = 1.0 / (1.0 + exp_of(-(logit(response.like_rate) + response.like_slope * eta)))
    if response.watch_law == "loglogistic":
        likes /= 1.0 + response.minimum_watch / (response.watch_median * exp_of(response.watch_slope * eta))
    return float(likes.mean() / response.like_rate)


def heating(market: Market) -> tuple[float, int]:
    """Return (chance that an organic post is heated, impressions of agents it then gets)."""
    people, feed = market.people, market.feed
    scale = people.population / people.agents
    quota = max(1, round(feed.heating_views / scale))
    chance = feed.heating_share * people.views_per_day * people.population / (supply(market) * quota * scale)
    return min(1.0, chance), quota


def rules(market: Market, path_seed: int, replication: int, match: tuple[float, float] | None = None) -> Any:
    """Return the kernel rules of a market.

    `match` is the origin and unit of match that people have had so far: a change in mid-run changes
    what they are served, not what it is worth to them.
    """
    made = _record(market, path_seed, replication)
    if match is None:
        default = market.model_copy(update={"feed": REFERENCE})
        reference = _record(default, path_seed, replication)
        settle_match(default, reference)
        match = reference.match_mean, reference.match_unit
    made.match_mean, made.match_unit = match
    return made


def _record(market: Market, path_seed: int, replication: int) -> Any:
    """Return the rules but for what depends on their own scores; floats and ints are made exact types once, here."""
    m, (fresh, hot) = market, mean_weights(market)
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
        "tries_interest": tries(m, m.feed.candidates_interest, fresh),
        "tries_trending": tries(m, m.feed.candidates_trending, hot),
        "tries_random": tries(m, m.feed.candidates_random, 1.0),
        "cold_start_followers": m.feed.cold_start_followers * m.people.agents / m.people.population,
        "cold_start_impressions": m.feed.cold_start_impressions * m.people.agents / m.people.population,
        "heating_chance": heating(m)[0],
        "heating_quota": heating(m)[1],
        "match_mean": 0.0,
        "match_unit": 1.0,
        "like_calibration": like_calibration(m),
        "like_logit": logit(m.response.like_rate),
        "comment_logit": logit(m.response.comment_rate),
        "share_logit": logit(m.response.share_rate),
        "follow_logit": logit(min(1.0, m.response.follows_per_like * m.response.like_rate)),
        "negative_logit": logit(m.response.negative_rate),
        "reputation_weight": m.ties.reputation_weight,
        "click_influencer_logit": logit(m.funnel.click_influencer),
        "click_ad_logit": logit(m.funnel.click_ad),
        "buy_logit": logit(m.funnel.buy_rate),
        "shop": m.funnel.shop_factor if m.funnel.shop == "in_app" else 1.0,
        "mention": m.wom.mention,
        "mention_bad": m.wom.mention_bad,
        "word_trust": m.wom.trust,
        "word_homophily": m.wom.homophily,
        "word_awareness": m.wom.awareness,
        "word_attitude": m.wom.attitude,
        "click_window": m.attribution.window,
        "touch_keep": 0.5 ** (1.0 / m.attribution.touch_half_life),
        "code_use": m.attribution.code_use,
        "code_leak": m.attribution.code_leak,
        "memory_keep": 0.5 ** (1.0 / m.funnel.memory_half_life),
        "annoyance_keep": 0.5 ** (1.0 / m.funnel.annoyance_half_life),
        "awareness": (
            m.funnel.awareness_influencer, m.funnel.awareness_ad, m.formats.takeover_awareness,
            m.formats.challenge_awareness, m.formats.effect_awareness, m.formats.challenge_awareness,
        ),
        "join": tuple(m.formats.join * ease for ease in (0.0, 0.0, 0.0, 1.0, m.formats.effect_ease, 1.0)),
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
    return table[0]

"""Draw the people: tastes, activity, age, sharing and price sensitivity, each keyed by the person's row."""

from __future__ import annotations

from typing import Any

import numpy as np

from influence_sim.maths import exp_of
from influence_sim.rng import Stream, normals, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import People

Array = np.ndarray[Any, Any]
MOST_VIEWS = 5000.0  # upper end of the column: about 18 hours of 13-second videos


def lognormal(mean: float, sigma: float, z: Array) -> Array:
    """Return lognormal values with the given mean and ln sd from standard normals; zero when the mean is zero."""
    return mean * exp_of(sigma * z - 0.5 * sigma * sigma)


def dirichlet(seed: int, stream: Stream, replication: int, concentration: float, topics: int, **counter: Array) -> Array:
    """Return (n, topics) symmetric Dirichlet shares, `concentration` per topic, keyed by `counter` (`c0` or `c1`).

    Gamma variates come from inverting keyed uniforms, so that row i depends on nothing but its key.
    """
    from scipy.special import gammaincinv

    rows = len(next(iter(counter.values())))
    words: dict[str, Any] = {"c0": 0, **counter}
    out: Array = np.empty((rows, topics))
    for draw in range(-(-topics // 4)):
        u = uniforms(seed, stream, replication, c2=draw, **words)
        out[:, 4 * draw : 4 * draw + 4] = u[:, : topics - 4 * draw]
    # A tiny concentration can underflow to an all-zero row: then the largest uniform takes all.
    winner = out.argmax(axis=1)
    out = gammaincinv(concentration, out)
    total = out.sum(axis=1)
    empty = np.flatnonzero(total == 0)
    out[empty, winner[empty]] = 1.0
    total[empty] = 1.0
    out /= total[:, None]
    return out


def draw_people(market: Market, seed: int, replication: int, rows: int, creator_of: Array) -> People:
    """Return the people columns for `rows` people; `creator_of` is the creator row of each, or -1.

    Row i is the same whatever `rows` is. Views per day above 5000 are cut to 5000.
    """
    p = market.people
    person = np.arange(rows)

    def one_normal(stream: Stream) -> Array:
        return normals(uniforms(seed, stream, replication, person))[:, 0].copy()

    interests = dirichlet(seed, Stream.INTERESTS, replication, p.interest_concentration, p.topics, c0=person)
    arrival = uniforms(seed, Stream.ARRIVAL, replication, person)
    newcomer = (arrival[:, 0] < p.newcomers) & (creator_of < 0)
    known = np.where(newcomer, 0.0, market.feed.initial_knowledge)[:, None]
    age = uniforms(seed, Stream.AGE, replication, person)
    minor = age[:, 0] < p.minors_share
    young = np.where(age[:, 1] < p.younger_share, p.persuasion_knowledge_younger, p.persuasion_knowledge_minor)
    community = np.floor(uniforms(seed, Stream.COMMUNITY, replication, person)[:, 0] * p.communities)
    return People(
        interests=interests.astype(np.float32),
        estimate=((1 - known) / p.topics + known * interests).astype(np.float32),
        views=np.minimum(lognormal(p.views_per_day, p.views_sigma, one_normal(Stream.VIEWS)), MOST_VIEWS),
        minor=minor.astype(np.uint8),
        knowledge=np.where(minor, young, p.persuasion_knowledge_adult).astype(np.float64),
        sharing=p.sharing_sigma * one_normal(Stream.SHARING) - 0.5 * p.sharing_sigma**2,  # mean propensity is one
        price_sensitivity=lognormal(1.0, p.price_sensitivity_sigma, one_normal(Stream.PRICE)),
        community=community.astype(np.int32),
        creator=creator_of.astype(np.int32),
        joined=np.where(newcomer, np.floor(arrival[:, 1] * p.arrival_days), -1).astype(np.int32),
    )

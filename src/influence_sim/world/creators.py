"""Draw the creators, each keyed by its creator row, and the brands' own accounts as the last rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from influence_sim.maths import exp_of
from influence_sim.rng import Stream, normals, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import Creators
from influence_sim.world.people import dirichlet, lognormal

Array = np.ndarray[Any, Any]
BEFORE_DAY_0 = 0xFFFF << 16  # day word of draws made before the first day; no horizon reaches it


def brand_shares(market: Market) -> Array:
    """Return the brand's topics (K,) as shares: its category, with `breadth` spread over all topics."""
    brand, topics = market.brand, market.people.topics
    if brand.topic >= topics:
        raise ValueError(f"brand.topic is {brand.topic}, but people.topics = {topics} allows 0 to {topics - 1}")
    shares = np.full(topics, brand.breadth / topics)
    shares[brand.topic] += 1 - brand.breadth
    return shares


def draw_appeal(seed: int, replication: int, count: int) -> Array:
    """Return the standard normal appeal of `count` creators."""
    return normals(uniforms(seed, Stream.APPEAL, replication, 0, np.arange(count)))[:, 0].copy()


def draw_creators(market: Market, seed: int, replication: int, person: Array, appeal: Array) -> Creators:
    """Return the creators with the given person rows and appeal, then one row for the own account of each brand.

    An account belongs to nobody (person -1); it posts `brand.posts_per_day` besides its ads.
    """
    c, count, brands = market.creators, len(person), 1 + market.rivals.count
    row = np.arange(count)

    def words(stream: Stream, day: int = 0) -> Array:
        return uniforms(seed, stream, replication, 0, row, 0, day)

    def one_normal(stream: Stream, day: int = 0) -> Array:
        return normals(words(stream, day))[:, 0]

    def column(values: Array, account: float) -> Array:
        return np.append(values, np.full(brands, account))

    rho = c.appeal_ability_correlation
    ability = c.ability_sd * (rho * appeal + np.sqrt(1 - rho * rho) * one_normal(Stream.ABILITY))
    dice = words(Stream.ASKING)  # two words make the normal, two are left
    asking = exp_of(market.prices.fee_sigma * normals(dice)[:, 0])
    posting = np.minimum(lognormal(c.posts_per_day, c.posting_sigma, one_normal(Stream.POSTING)), 1000.0)
    topics = dirichlet(seed, Stream.CREATOR_TOPICS, replication, c.topic_concentration, market.people.topics, c1=row)
    return Creators(
        person=column(person, -1).astype(np.int32),
        key=np.concatenate([row, 2**31 + np.arange(brands)]),
        topics=np.vstack([topics, np.tile(brand_shares(market), (brands, 1))]),
        appeal=column(appeal, 0.0),
        ability=column(ability, 0.0),
        posting=column(posting, market.brand.posts_per_day),
        authenticity=column(
            np.clip(c.authenticity_mean + c.authenticity_sd * one_normal(Stream.AUTHENTICITY), 0, 1), market.brand.authenticity
        ),
        asking=column(asking, 1.0),
        reservation=column(asking * (1.0 - 2.0 * (1.0 - c.reservation) * dice[:, 3]), 1.0),
        fit_required=column(2 * c.fit_required * dice[:, 2], 0.0),
        form=column(c.form_sd * one_normal(Stream.FORM, BEFORE_DAY_0), 0.0),
        reputation=np.full(count + brands, 0.5),
        retrievable=column(np.ones(count), market.brand.posts_per_day > 0).astype(np.uint8),
    )

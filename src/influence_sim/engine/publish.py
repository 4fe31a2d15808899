"""Posts come into being: how many, when, about what and how good; all keyed by the post's identity."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.constants import unit_rows
from influence_sim.engine.respond import lengths
from influence_sim.engine.state import AMATEUR, BRAND_ACCOUNT, CHANNEL_OF, NO_CHANNEL, UNSTAGED, records
from influence_sim.maths import exp_of, log_of
from influence_sim.rng import Stream, normals, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import Creators

Array = np.ndarray[Any, Any]
AMATEUR_SLOTS = 2
MADE_FIRST = 2**15 - 32  # ordinals of videos for challenges: four for each brand
SPONSORED_SLOTS = 4  # sponsored posts of a creator that topic retrieval can reach at a time


class Ring(NamedTuple):
    """Fixed retrieval slots of each creator: first slot and how many organic posts they hold."""

    first: Array
    organic: Array
    total: int


def ring(market: Market, creators: Creators) -> Ring:
    """Give every retrievable creator a ring that holds its live posts; it depends on no other creator's posts."""
    room = np.ceil(1.3 * creators.posting * market.feed.max_age).astype(np.int64) + market.creators.opening_posts + 3
    amateur = (creators.key >= AMATEUR) & (creators.key < BRAND_ACCOUNT)
    size = np.where((creators.retrievable == 1) & ~amateur, room + SPONSORED_SLOTS, 0)
    first = np.concatenate([[0], np.cumsum(size)])
    # People who join a challenge come and go: their slots lie behind those that the pools are sized by.
    behind = first[-1] + AMATEUR_SLOTS * creators.person
    return Ring(np.where(amateur, behind, first[:-1]), np.where(amateur, AMATEUR_SLOTS, room), int(first[-1]))


def organic_counts(creators: Creators, day: int, seed: int, replication: int) -> Array:
    """Return (C,) Poisson numbers of organic posts today."""
    from scipy.special import pdtr

    u = uniforms(seed, Stream.PUBLISH, replication, 0, creators.key, 0, day << 16)[:, 0]
    counts = np.zeros(len(u), np.int64)
    while True:
        more = u > pdtr(counts, creators.posting)
        if not more.any():
            return counts
        counts += more


def advance_form(creators: Creators, market: Market, day: int, seed: int, replication: int) -> None:
    """Move every creator's form by one day (AR 1 with the stationary sd of the market)."""
    persistence = market.creators.form_persistence
    z = normals(uniforms(seed, Stream.FORM, replication, 0, creators.key, 0, day << 16))[:, 0]
    creators.form[:] = persistence * creators.form + market.creators.form_sd * np.sqrt(1.0 - persistence**2) * z


def write_posts(
    posts: Any,
    themes: Array,
    at: int,
    creator: Array,
    sponsored: Array,
    ordinal: Array,
    brand: Array,
    posted: Array,
    advert: Array,
    disclosure: Array,
    fit: Array,
    form: Array,
    brief: Array,
    market: Market,
    rules: Any,
    creators: Creators,
    slots: Ring,
    audience: Array,
) -> None:
    """Fill post rows at, at+1, ... ; raises `OverflowError` beyond 32,767 posts of a creator and kind."""
    n = len(creator)
    if n == 0:
        return
    if ordinal.max() >= 2**15:
        raise OverflowError("a creator has more than 32,767 posts of one kind; shorten the horizon or lower posts per day")
    rows = slice(at, at + n)
    key = creators.key[creator]
    word = sponsored.astype(np.int64) << 31 | ordinal << 16

    def draws(stream: Stream, draw: int = 0) -> Array:
        return uniforms(rules.seed, stream, rules.replication, 0, key, word + draw)

    topics = creators.topics.shape[1]
    noise = -log_of(np.concatenate([draws(Stream.POST_TOPIC, d) for d in range(-(-topics // 4))], axis=1)[:, :topics])
    noise /= noise.sum(axis=1, keepdims=True)
    share = np.where(key < BRAND_ACCOUNT, market.creators.post_topic_noise, 0.0)[:, None]
    shares = (1.0 - share) * creators.topics[creator] + share * noise
    posts.creator[rows] = creator
    posts.key[rows] = key
    posts.sponsored[rows] = sponsored
    posts.ordinal[rows] = ordinal
    posts.brand[rows] = brand
    posts.format[rows] = form
    themes[rows] = unit_rows(shares)
    posts.tag[rows] = shares.argmax(axis=1)
    z = normals(draws(Stream.POST_QUALITY))[:, 0]
    posts.quality[rows] = creators.ability[creator] + creators.form[creator] + market.creators.post_sd * z
    posts.quality[rows] -= market.creators.brief_quality * brief
    seconds = np.empty(n)
    lengths(rules, draws(Stream.DURATION), seconds)
    posts.duration[rows] = seconds
    posts.posted[rows] = posted
    posts.advert[rows] = advert
    posts.disclosure[rows] = disclosure
    posts.channel[rows] = np.where(brand >= 0, np.array(CHANNEL_OF)[form], NO_CHANNEL)
    posts.fit[rows] = fit
    posts.brief[rows] = brief
    place = np.where(sponsored == 1, slots.organic[creator] + ordinal % SPONSORED_SLOTS, ordinal % slots.organic[creator])
    # An ad of a brand's account reaches those it was bought for.
    found = (creators.retrievable[creator] == 1) & ((key < BRAND_ACCOUNT) | (sponsored == 0))
    posts.slot[rows] = np.where(found, slots.first[creator] + place, -1)
    posts.audience[rows] = audience
    staged = (market.feed.stages > 0) & found
    posts.stage[rows] = np.where(staged, 0, UNSTAGED)
    # Ranks with a log-uniform law have chances close to one over the rank.
    u = draws(Stream.SOUND)
    popular = np.minimum(np.floor(exp_of(u[:, 1] * log_of(market.creators.sounds + 1.0))), market.creators.sounds) - 1.0
    posts.sound[rows] = np.where(u[:, 0] < market.creators.shared_sounds, popular, -1)
    heated = (sponsored == 0) & found & (draws(Stream.HEAT)[:, 0] < rules.heating_chance)
    posts.heat[rows] = np.where(heated, rules.heating_quota, 0)


def with_room(posts: Any, themes: Array, needed: int) -> tuple[Any, Array]:
    """Return posts and their topics with room for `needed` rows; new rows are zero."""
    if needed <= len(posts):
        return posts, themes
    size = max(needed, 2 * len(posts))
    grown, topics = records(size, posts.dtype), np.zeros((size, themes.shape[1]))
    grown[: len(posts)], topics[: len(posts)] = posts, themes
    return grown, topics

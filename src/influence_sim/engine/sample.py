"""Exposures of a few people, kept whole: what the feed looked like from inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from influence_sim.engine.state import FOLLOWED, OUTSIDE_AD, Array, Slots


def exposures(people: Array, day: int, r: int, now: float, slots: Slots, posts: Any, followers: Array, scale: float) -> dict[str, Array]:
    """Return every slot of `people` in this round; call it before the round is added to the counters."""
    rows = np.concatenate([np.arange(slots.start[i], slots.start[i + 1]) for i in people])
    who = np.repeat(people, slots.start[people + 1] - slots.start[people])
    p = slots.post[rows]
    known = p >= 0
    post = posts[np.where(known, p, 0)]

    def of_post(values: Array) -> Array:
        return np.where(known, values, np.nan)

    return {
        "person": who,
        "day": np.full(len(rows), day),
        "round": np.full(len(rows), r),
        "post": p,
        "source": slots.source[rows],
        "age_days": of_post(now - post.posted),
        "views_at_exposure": of_post(post.impressions * scale),
        "creator_followers": of_post(followers[post.creator] * scale),
        "follows_creator": (slots.action[rows] & FOLLOWED) != 0,
        "sponsored": np.where(known, post.advert == 1, slots.source[rows] == OUTSIDE_AD),
        "watched_s": slots.watch[rows],
    }

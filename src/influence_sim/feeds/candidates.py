"""What a feed function written in Python may see: beliefs, counters and observables, never true tastes or quality."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Candidates(NamedTuple):
    """A block of feed requests: R requests with up to M candidates each.

    Arrays are (R, M) unless said otherwise; where `valid` is False there is no candidate and the other
    values mean nothing. Counts are real units (agents' counts times people per agent).
    """

    day: int
    time: float  # days since the start
    person: Array  # i8 (R,) person row
    valid: Array  # bool
    post: Array  # i8 post row
    creator: Array  # i8 creator row
    source: Array  # i8: 1 follow, 2 interest, 3 trending, 4 random
    age: Array  # days since the post appeared
    duration: Array  # s
    followers: Array  # followers of the creator when the post appeared
    follows: Array  # 1 when the person follows the creator
    affinity: Array  # past engagements of the person with the creator, decayed
    standing: Array  # 0 to 1: below 1 after `not interested`
    predicted: Array  # predicted engagement; 0 is an average served post, in sd of match
    p_like: Array
    p_comment: Array
    p_share: Array
    p_follow: Array
    p_negative: Array
    p_play: Array  # probability of watching for `feed.play_seconds` or to the end
    seconds: Array  # expected watch time, s
    views: Array  # the post's counters so far
    likes: Array
    comments: Array
    shares: Array
    trend: Array  # recent engagements behind trending, agents
    tag: Array  # i8 main topic
    same_tag_today: Array  # posts of that topic shown to the person today, before this request
    sponsored: Array  # 1 for sponsored posts
    annoyance: Array  # recent sponsored exposures of the person to the post's brand


def empty_candidates(requests: int, width: int, day: int = 0, time: float = 0.0) -> Candidates:
    """Return zeroed candidates of the given shape."""
    whole = {"post", "creator", "source", "tag"}
    columns = {
        name: np.zeros((requests, width), np.bool_ if name == "valid" else np.int64 if name in whole else np.float64)
        for name in Candidates._fields[3:]
    }
    return Candidates(day, time, np.zeros(requests, np.int64), **columns)

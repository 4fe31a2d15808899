"""Find a few dozen candidates for a request: followees' posts, topics, trending, uniform draws.

Topic, trending and uniform retrieval are keyed tries over stable slots: a try that hits an empty
slot or fails acceptance is lost, so a new post changes only the draws that hit it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.seen import is_seen
from influence_sim.engine.state import FOLLOW, INTEREST, RANDOM, TRENDING
from influence_sim.jit import hot
from influence_sim.rng import Stream, philox, unit

Array = np.ndarray[Any, Any]
CANDIDATES = 160
_INTEREST, _TRENDING, _RANDOM = int(Stream.RETRIEVE_INTEREST), int(Stream.RETRIEVE_TRENDING), int(Stream.RETRIEVE_RANDOM)


class Desk(NamedTuple):
    """Work space of one block of people: the candidates of the running request."""

    post: Array  # i4
    source: Array  # i8
    sharer: Array  # i4
    place: Array  # i8 inbox position, or -1
    score: Array  # f8
    predicted: Array  # f8 like probability
    taken: Array  # u1
    authors: Array  # i8 creators chosen so far
    tags: Array  # i8 tags shown in this request
    estimate: Array  # f8 (K)
    lesson: Array  # f8 (K)
    taste: Array  # f8 (K)


def new_desk(topics: int) -> Desk:
    """Return work space for one call of `serve`."""
    return Desk(
        np.empty(CANDIDATES, np.int32),
        np.empty(CANDIDATES, np.int64),
        np.empty(CANDIDATES, np.int32),
        np.empty(CANDIDATES, np.int64),
        np.empty(CANDIDATES),
        np.empty(CANDIDATES),
        np.zeros(CANDIDATES, np.uint8),
        np.empty(64, np.int64),
        np.empty(64, np.int64),
        np.empty(topics),
        np.empty(topics),
        np.empty(topics),
    )


@hot
def _offer(m, p, source, sharer, place, i, now, rules, creators, posts, seen, desk):
    """Add post p to the candidates unless it is own, too old, seen or there already."""
    if m >= CANDIDATES or creators.person[posts[p].creator] == i or now - posts[p].posted > rules.max_age:
        return m
    if not rules.repeats:
        for j in range(m):
            if desk.post[j] == p:
                return m
        if is_seen(seen, i, p):
            return m
    desk.post[m] = p
    desk.source[m] = source
    desk.sharer[m] = sharer
    desk.place[m] = place
    desk.taken[m] = 0
    return m + 1


@hot
def _from_inbox(m, i, now, rules, creators, posts, inbox, seen, desk):
    capacity = inbox.post.shape[1]
    stop = min(inbox.pushed[i], capacity)
    found = 0
    for back in range(stop):
        if found >= rules.candidates_follow:
            break
        place = (inbox.pushed[i] - 1 - back) % capacity
        p = inbox.post[i, place]
        if p < 0:
            continue
        if not rules.repeats and is_seen(seen, i, p):
            inbox.post[i, place] = -1
            continue
        grown = _offer(m, p, FOLLOW, inbox.sharer[i, place], place, i, now, rules, creators, posts, seen, desk)
        found += grown - m
        m = grown
    return m


@hot
def _by_interest(m, i, time_word, now, rules, creators, posts, pools, seen, desk):
    """Draw posts of estimated topics: one topic and three tries per block of random words."""
    wanted = m + rules.candidates_interest
    buckets = np.uint64(pools.interest_buckets)
    topics = len(desk.estimate)
    for turn in range((rules.candidates_interest * rules.tries + 2) // 3):
        words = philox(rules.seed, _INTEREST << 20 | rules.replication, i, INTEREST, turn, time_word)
        u = unit(words[0])
        topic = 0
        total = desk.estimate[0]
        while u >= total and topic < topics - 1:
            topic += 1
            total += desk.estimate[topic]
        for word in words[1:]:
            bucket = topic * pools.interest_buckets + int(((word >> np.uint64(16)) * buckets) >> np.uint64(16))
            accept = (float(word & np.uint64(0xFFFF)) + 0.5) / 65536.0
            for at in range(pools.interest.start[bucket], pools.interest.start[bucket + 1]):
                p = pools.interest.rows[at]
                if accept < posts[p].fresh_weight:
                    m = _offer(m, p, INTEREST, -1, -1, i, now, rules, creators, posts, seen, desk)
                    if m >= wanted:
                        return m
    return m


@hot
def _by_tries(m, count, source, stream, group, buckets, i, time_word, now, rules, creators, posts, seen, desk):
    """Draw posts by keyed tries over stable slots, accepted by trending weight (or always)."""
    wanted = m + count
    size = np.uint64(buckets)
    for turn in range((count * rules.tries + 1) // 2):
        a, b, c, d = philox(rules.seed, stream << 20 | rules.replication, i, source, turn, time_word)
        for half in range(2):
            word = c if half else a
            accept = unit(d if half else b)
            bucket = int((word * size) >> np.uint64(32))
            for at in range(group.start[bucket], group.start[bucket + 1]):
                p = group.rows[at]
                if source == RANDOM or accept < posts[p].trend_weight:
                    m = _offer(m, p, source, -1, -1, i, now, rules, creators, posts, seen, desk)
                    if m >= wanted:
                        return m
    return m


@hot
def retrieve(i, time_word, now, rules, creators, posts, pools, inbox, seen, desk):
    """Fill the desk with candidates of person i; return how many."""
    m = 0
    if rules.candidates_follow:
        m = _from_inbox(m, i, now, rules, creators, posts, inbox, seen, desk)
    if rules.candidates_interest:
        m = _by_interest(m, i, time_word, now, rules, creators, posts, pools, seen, desk)
    wanted = rules.candidates_trending
    if wanted:
        m = _by_tries(
            m, wanted, TRENDING, _TRENDING, pools.trending, pools.trending_buckets, i, time_word, now, rules, creators, posts, seen, desk
        )
    wanted = rules.candidates_random
    if wanted:
        m = _by_tries(
            m, wanted, RANDOM, _RANDOM, pools.everything, pools.all_buckets, i, time_word, now, rules, creators, posts, seen, desk
        )
    return m

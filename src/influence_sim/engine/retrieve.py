"""Find a few dozen candidates for a request: followees' posts, topics, trending, uniform draws.

Topic, trending and uniform retrieval are keyed tries over stable buckets of posts: a try that hits an
empty bucket or fails acceptance is lost, so a new post changes only the draws that hit it.  Modelled
creators are a sample of the platform's supply: on an open platform the number of tries is such that
modelled posts are found at the rate at which they would be among all of it (`constants.tries`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.seen import is_seen
from influence_sim.engine.state import FOLLOW, INTEREST, RANDOM, TRENDING, records
from influence_sim.jit import inner
from influence_sim.rng import Stream, philox, unit

Array = np.ndarray[Any, Any]
CANDIDATES = 160
MOST_SLOTS = 64  # per request
_INTEREST, _TRENDING, _RANDOM = int(Stream.RETRIEVE_INTEREST), int(Stream.RETRIEVE_TRENDING), int(Stream.RETRIEVE_RANDOM)


# The running request; one record instead of fifteen arguments.
REQUEST = np.dtype(
    [
        ("person", "i8"),
        ("row", "i8"),  # its first slot
        ("slots", "i8"),  # to fill
        ("number", "i8"),  # of the person's requests today
        ("time_word", "i8"),  # word of random keys
        ("candidates", "i8"),
        ("reserved", "i8"),  # last slots kept for posts in a test stage
        ("filled", "i8"),  # slots so far
        ("chosen", "i8"),  # modelled posts shown so far
        ("tagged", "i8"),  # posts shown so far, outside ones too
        ("last_author", "i8"),  # creator of the slot before, or -1
        ("last_sound", "i8"),  # its sound, or -1
        ("best", "i8"),  # leading candidate, or -1
        ("top", "f8"),  # its score
        ("stale", "i8"),  # 1: look for the leading candidate again
        ("outside", "f8"),  # strength of the best outside post: sum of `Desk.outside`
        ("limit", "f8"),  # an outside post wins when its uniform is above
        ("taste_scale", "f8"),  # one over the length of the true tastes
        ("estimate_scale", "f8"),  # and of the estimated
        ("protected", "i8"),  # 1: no advertising may be recommended
    ],
    align=True,
)


class Desk(NamedTuple):
    """Work space of the running request: its candidates and how far it is."""

    request: Any  # record REQUEST (1)
    post: Array  # i4
    source: Array  # i8
    sharer: Array  # i4
    place: Array  # i8 inbox position, or -1
    score: Array  # f8
    predicted: Array  # f8 predicted engagement, units of match
    follows: Array  # u1
    taken: Array  # u1
    authors: Array  # i8 creators chosen so far
    tags: Array  # i8 tags shown in this request
    estimate: Array  # f8 (K)
    lesson: Array  # f8 (K)
    taste: Array  # f8 (K)
    outside: Array  # f8 (K) strength of outside posts by topic


def new_desks(requests: int, topics: int) -> Desk:
    """Return work space for `requests` requests that are open together: every array has them as first axis."""

    def of(width: int, kind: Any) -> Array:
        return np.zeros((requests, width), kind)

    return Desk(
        records(requests, REQUEST),
        of(CANDIDATES, np.int32),
        of(CANDIDATES, np.int64),
        of(CANDIDATES, np.int32),
        of(CANDIDATES, np.int64),
        of(CANDIDATES, np.float64),
        of(CANDIDATES, np.float64),
        of(CANDIDATES, np.uint8),
        of(CANDIDATES, np.uint8),
        of(MOST_SLOTS, np.int64),
        of(MOST_SLOTS, np.int64),
        of(topics, np.float64),
        of(topics, np.float64),
        of(topics, np.float64),
        of(topics, np.float64),
    )


def new_desk(topics: int) -> Desk:
    """Return work space for one request at a time."""
    stacked = new_desks(1, topics)
    return Desk(stacked.request, *(column[0] for column in stacked[1:]))


@inner
def _offer(m, p, source, sharer, place, i, now, rules, person_of, posts, leads, seen, desk):
    """Add post p to the candidates unless it is own, too old, held out, seen or there already."""
    if m >= CANDIDATES or person_of[posts[p].creator] == i or now - posts[p].posted > rules.max_age:
        return m
    if source != FOLLOW and desk.request[0].protected and posts[p].sponsored:
        return m
    if posts[p].cell and leads[i, posts[p].brand].cell == posts[p].cell:
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


@inner
def _from_inbox(m, i, now, rules, person_of, posts, leads, inbox, seen, desk):
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
        grown = _offer(m, p, FOLLOW, inbox.sharer[i, place], place, i, now, rules, person_of, posts, leads, seen, desk)
        found += grown - m
        m = grown
    return m


@inner
def _by_tries(m, wanted, tries, source, stream, pool, i, now, rules, person_of, posts, leads, seen, desk):
    """Draw up to `wanted` posts: each try picks a bucket (of an estimated topic) and keeps what its draw accepts."""
    if wanted == 0:
        return m
    last = m + wanted
    buckets = pool.buckets
    count = 1
    turn = 0
    while turn < count:
        a, b, c, d = philox(rules.seed, stream << 20 | rules.replication, i, source, turn, desk.request[0].time_word)
        if turn == 0:
            count = int(math.floor(tries + unit(d)))
            if count == 0:
                return m
        turn += 1
        bucket = np.int64((b * np.uint64(buckets)) >> np.uint64(32))
        if pool.by_topic:
            u = unit(a)
            topic = 0
            total = desk.estimate[0]
            while u >= total and topic < len(desk.estimate) - 1:
                topic += 1
                total += desk.estimate[topic]
            bucket += topic * buckets
        accept = unit(c)
        for at in range(pool.posts.start[bucket], pool.posts.start[bucket + 1]):
            p = pool.posts.rows[at]
            weight = 1.0
            if source == INTEREST:
                weight = posts[p].fresh_weight
            elif source == TRENDING:
                weight = posts[p].trend_weight
            if accept < weight:
                m = _offer(m, p, source, -1, -1, i, now, rules, person_of, posts, leads, seen, desk)
                if m >= last:
                    return m
    return m


@inner
def retrieve(i, scene, desk):
    """Fill the desk with candidates of person i for the request at hand; return how many."""
    rules, pools, now, person_of = scene.rules, scene.pools, scene.now, scene.person_of
    posts, leads, seen = scene.posts, scene.leads, scene.seen
    m = 0
    if rules.candidates_follow:
        m = _from_inbox(m, i, now, rules, person_of, posts, leads, scene.inbox, seen, desk)
    m = _by_tries(
        m, rules.candidates_interest, rules.tries_interest, INTEREST, _INTEREST, pools.interest,
        i, now, rules, person_of, posts, leads, seen, desk,
    )  # fmt: skip
    m = _by_tries(
        m, rules.candidates_trending, rules.tries_trending, TRENDING, _TRENDING, pools.trending,
        i, now, rules, person_of, posts, leads, seen, desk,
    )  # fmt: skip
    return _by_tries(
        m, rules.candidates_random, rules.tries_random, RANDOM, _RANDOM, pools.everything,
        i, now, rules, person_of, posts, leads, seen, desk,
    )  # fmt: skip

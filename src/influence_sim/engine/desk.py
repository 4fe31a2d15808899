"""Work space of the requests that are open together: their candidates, and what each slot would be without one.

Requests of different people share nothing, so dozens are opened, scored and played together: what
takes a function of numbers alone (keyed draws, exponentials) then runs over one long column.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.state import Array, records

CANDIDATES = 160  # of a request
MOST_SLOTS = 64  # of a request
TOGETHER = 32  # people served together: their columns stay in the first levels of cache


REQUEST = np.dtype(
    [
        ("person", "i8"),
        ("row", "i8"),  # its first slot
        ("slots", "i8"),  # to fill
        ("number", "i8"),  # of the person's requests today
        ("time_word", "i8"),  # word of random keys
        ("first", "i8"),  # its first candidate on the desk
        ("candidates", "i8"),
        ("at", "i8"),  # its first slot on the desk
        ("reserved", "i8"),  # last slots kept for posts in a test stage
        ("filled", "i8"),  # slots so far
        ("chosen", "i8"),  # modelled posts shown so far
        ("last_author", "i8"),  # creator of the slot before, or -1
        ("last_sound", "i8"),  # its sound, or -1
        ("best", "i8"),  # leading candidate, or -1
        ("top", "f8"),  # its score
        ("stale", "i8"),  # 1: look for the leading candidate again
        ("outside", "f8"),  # strength of the best outside post
        ("limit", "f8"),  # an outside post wins when its uniform is above
        ("taste_scale", "f8"),  # one over the length of the true tastes
        ("estimate_scale", "f8"),  # and of the estimated
        ("boredom", "f8"),  # what saturation with advertising takes from every match
        ("protected", "i8"),  # 1: no advertising may be recommended
    ],
    align=True,
)


class Candidates(NamedTuple):
    """Posts that may be shown, those of a request together."""

    post: Array  # i4
    author: Array  # i4 row of its creator
    sound: Array  # i4
    source: Array  # i4
    sharer: Array  # i4
    place: Array  # i4 inbox position, or -1
    pair: Array  # i4 row of person and author in the table of acquaintances, or -1
    follows: Array  # u1
    taken: Array  # u1
    predicted: Array  # f8 predicted engagement, units of match
    duration: Array  # f8 s
    factor: Array  # f8 what the value is multiplied by
    score: Array  # f8
    # Words of the key of the rank noise, and room for its draws.
    person: Array  # u4
    key: Array  # u4
    word: Array  # u4
    time: Array  # u4
    u: Array  # f8 (4, columns)


class Outside(NamedTuple):
    """The post from outside the model that competes for each slot, and what would happen if it won."""

    request: Array  # i4
    person: Array  # u4 words of keys
    zero: Array  # u4
    nobody: Array  # u4
    place: Array  # u4 slot of the request
    word: Array  # u4 the same in the upper half
    time: Array  # u4
    contest: Array  # f8 uniform that decides whether it wins
    # Uniforms at first; then what they decide, in the same memory.
    topic: Array  # f8 the topic
    ad: Array  # f8 1 where it is an advertisement
    watch: Array  # f8 uniform of watching
    a: Array  # f8 noise of match, then what the platform learns from the slot, whatever it shows
    b: Array  # f8 length, s
    c: Array  # f8 seconds watched of one showing
    d: Array  # f8 share of the whole strength, then match, then median seconds of watching


class Desk(NamedTuple):
    """Requests that are open together, R at most, of K topics."""

    request: Any  # records REQUEST (R)
    next: Array  # i8 (R) next slot of each person
    candidates: Candidates  # (R * CANDIDATES)
    outside: Outside  # (R * slots of a request)
    authors: Array  # i8 (R, MOST_SLOTS) creators chosen so far
    estimate: Array  # f8 (R, K)
    lesson: Array  # f8 (R, K) what the request adds to it
    taste: Array  # f8 (R, K)
    appeal: Array  # f8 (R, K) match of a pure topic with the true tastes
    rivals: Array  # f8 (K, R) strength of outside posts, summed over topics


def new_desk(topics: int, requests: int = TOGETHER) -> Desk:
    """Return work space for so many requests that are open together."""

    def column(kind: Any, width: int) -> Array:
        return np.empty(requests * width, kind)

    def of_topics() -> Array:
        return np.empty((requests, topics))

    u1, u4, i4, f8 = np.uint8, np.uint32, np.int32, np.float64
    kinds = (i4, i4, i4, i4, i4, i4, i4, u1, u1, f8, f8, f8, f8, u4, u4, u4, u4)
    candidates = Candidates(*(column(kind, CANDIDATES) for kind in kinds), np.empty((4, requests * CANDIDATES)))
    words = [column(u4, MOST_SLOTS) for _ in range(6)]
    words[1][:], words[2][:] = 0, 0xFFFFFFFF
    outside = Outside(column(i4, MOST_SLOTS), *words, *(column(f8, MOST_SLOTS) for _ in range(8)))
    authors = np.empty((requests, MOST_SLOTS), np.int64)
    tables = (of_topics() for _ in range(4))
    rivals = np.empty((topics, requests))
    return Desk(records(requests, REQUEST), np.empty(requests, np.int64), candidates, outside, authors, *tables, rivals)

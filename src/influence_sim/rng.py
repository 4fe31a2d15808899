"""Keyed randomness: every draw is a pure function of what it decides (Philox4x32-10).

Key words: k0 = seed (`world_seed` for what exists, `path_seed` for what happens),
k1 = stream (12 bits) << 20 | replication (20 bits).
Counter words: c0 = person, c1 = creator, c2 = sponsored (1) << 31 | ordinal (15) << 16 | draw (16),
c3 = day (16) << 16 | request (16).
A post's identity is (creator, sponsored, ordinal), so buying one post renumbers no other.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np

from influence_sim.jit import hot, inner
from influence_sim.maths import log, turn

Array = np.ndarray[Any, Any]


class Stream(IntEnum):
    """One stream per decision. Append only: a number, once given, keeps its meaning."""

    INTERESTS = 1
    VIEWS = 2
    AGE = 3
    SHARING = 4
    PRICE = 5
    COMMUNITY = 6
    CREATOR_TOPICS = 7
    APPEAL = 8
    ABILITY = 9
    POSTING = 10
    AUTHENTICITY = 11
    ASKING = 12
    FOLLOW_COUNT = 13
    FOLLOW_TARGET = 14
    FRIEND_COUNT = 15
    FRIEND_TARGET = 16
    RECIPROCITY = 17
    AWARE_AT_START = 18
    MARKET_CONSTANT = 19
    CREATOR_CHOICE = 20
    SLOTS_TODAY = 32
    PUBLISH = 33
    POST_TOPIC = 34
    POST_QUALITY = 35
    FORM = 36
    DURATION = 37
    RETRIEVE_INTEREST = 38
    RETRIEVE_TRENDING = 39
    RETRIEVE_RANDOM = 40
    SLOT_SOURCE = 41
    TEST_AUDIENCE = 42
    AD_AUDIENCE = 43
    RACE = 44
    RANK_NOISE = 45
    OUTSIDE = 46
    RESERVED_SLOTS = 47
    WATCH = 48
    REACT = 49
    CLICK = 50
    LOOP = 51
    UNFOLLOW = 52
    LIVE = 53
    DETECT = 54
    AWARE = 55
    CONSIDER = 56
    BUY = 57
    BRAND_DICE = 58
    OUTSIDE_RESPONSE = 59
    SOUND = 60
    HEAT = 61
    ARRIVAL = 62
    FEED_RESET = 63
    EVENT_SAMPLE = 64
    COMMISSION = 65
    OTHER_DEAL = 66
    GIFT = 67
    CAREER = 68
    STRATEGY = 69
    NEED = 75
    CHOICE = 76
    MENTION = 77
    WORD = 78
    SPILL = 79
    SCANDAL = 85
    LEAVE = 86
    LABEL = 87
    AMATEUR = 88
    JOIN = 89
    RESULT_NOISE = 90
    TEST_CELL = 91


@inner
def philox(k0, k1, c0, c1, c2, c3):
    """Return four 32-bit words (as uint64) of Philox4x32-10 for 32-bit key and counter words."""
    mask = np.uint64(0xFFFFFFFF)
    s = np.uint64(32)
    m0 = np.uint64(0xD2511F53)
    m1 = np.uint64(0xCD9E8D57)
    w0 = np.uint64(0x9E3779B9)
    w1 = np.uint64(0xBB67AE85)
    a = np.uint64(k0) & mask
    b = np.uint64(k1) & mask
    x0 = np.uint64(c0) & mask
    x1 = np.uint64(c1) & mask
    x2 = np.uint64(c2) & mask
    x3 = np.uint64(c3) & mask
    for _ in range(10):
        p0 = m0 * x0
        p1 = m1 * x2
        y0 = (p1 >> s) ^ x1 ^ a
        y2 = (p0 >> s) ^ x3 ^ b
        x1 = p1 & mask
        x3 = p0 & mask
        x0 = y0
        x2 = y2
        a = (a + w0) & mask
        b = (b + w1) & mask
    return x0, x1, x2, x3


@inner
def unit(word):
    """Map a 32-bit word to the open interval (0, 1)."""
    return (np.float64(word) + 0.5) * 2.3283064365386963e-10


@inner
def uniform4(k0, k1, c0, c1, c2, c3):
    """Return four independent uniforms in (0, 1)."""
    a, b, c, d = philox(k0, k1, c0, c1, c2, c3)
    return unit(a), unit(b), unit(c), unit(d)


@hot
def uniform_columns(n, k0, k1, c0, c1, c2, c3, u0, u1, u2, u3):
    """Fill the first n entries of four columns of uniforms from n counters (columns of words); compiles to vector instructions."""
    for j in range(n):
        u0[j], u1[j], u2[j], u3[j] = uniform4(k0, k1, c0[j], c1[j], c2[j], c3[j])


@hot
def _uniform_rows(k0, k1, c0, c1, c2, c3, out):
    for i in range(len(out)):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = uniform4(k0, k1, c0[i], c1[i], c2[i], c3[i])


@hot
def _normal_rows(u, out):
    for i in range(len(u)):
        for pair in range(0, 4, 2):
            radius = math.sqrt(-2.0 * log(u[i, pair]))
            cosine, sine = turn(u[i, pair + 1])
            out[i, pair] = radius * cosine
            out[i, pair + 1] = radius * sine


def key(stream: Stream, replication: int) -> int:
    """Return key word k1; raises `ValueError` when the replication needs more than 20 bits."""
    if not 0 <= replication < 2**20:
        raise ValueError(f"replication must be below {2**20}, got {replication}")
    return int(stream) << 20 | replication


def uniforms(seed: int, stream: Stream, replication: int, c0: Any, c1: Any = 0, c2: Any = 0, c3: Any = 0) -> Array:
    """Return (n, 4) uniforms for counter words broadcast against each other (NumPy rules)."""
    words = np.broadcast_arrays(*(np.asarray(c, dtype=np.uint32) for c in (c0, c1, c2, c3)))
    flat = [w.flatten() for w in words]  # copies: a broadcast of one element is not ours to hand out as writable
    out = np.empty((len(flat[0]), 4))
    _uniform_rows(np.uint32(seed), np.uint32(key(stream, replication)), *flat, out)
    return out


def normals(u: Array) -> Array:
    """Turn (n, 4) uniforms into (n, 4) standard normals (Box-Muller on pairs of columns)."""
    out = np.empty(u.shape)
    _normal_rows(np.ascontiguousarray(u, np.float64), out)
    return out

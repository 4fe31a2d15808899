"""Generate who follows whom: people choose creators by appeal and taste, and friends by community.

Every person's choices are keyed by (person, try) or (person, creator), so they depend on nobody
else's. A creator is chosen with weight exp(appeal_sigma * appeal + topic_homophily * cosine), one
after the other without repeats. Two exact ways lead there: propose by appeal and accept by taste
(cheap for few follows), or give each creator an exponential race key (when most creators are
chosen, or when the proposals run out).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from influence_sim.jit import kernel
from influence_sim.maths import exp, exp_of, log
from influence_sim.rng import Stream, key, normals, uniform4, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import Creators, Edges, People
from influence_sim.world.people import lognormal

Array = np.ndarray[Any, Any]
MOST_TRIES = 60_000  # the draw word has 16 bits
RACE_DRAW = 0xFFFF  # draw word of race keys: never reached by a try
TRIES_PER_FRIEND = 64


@kernel
def sort_part(values, low, high):
    """Sort values[low:high] in place (shell sort: tiny to compile, and rows are short)."""
    gap = 1
    while gap < (high - low) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(low + gap, high):
            x = values[i]
            j = i
            while j - gap >= low and values[j - gap] > x:
                values[j] = values[j - gap]
                j -= gap
            values[j] = x
        gap //= 3


@kernel
def _smallest(values, work, k):
    """Return the k-th smallest value, from 0 (quickselect on the copy `work`)."""
    work[:] = values
    low = 0
    high = len(work) - 1
    while low < high:
        pivot = work[(low + high) // 2]
        i = low
        j = high
        while i <= j:
            while work[i] < pivot:
                i += 1
            while work[j] > pivot:
                j -= 1
            if i <= j:
                work[i], work[j] = work[j], work[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return work[k]


@kernel
def _cosine(interests, topics):
    dot = 0.0
    square = 0.0
    for t in range(len(topics)):
        x = np.float64(interests[t])
        dot += x * topics[t]
        square += x * x
    return dot / math.sqrt(square)


@kernel
def _race(k0, k1, person, wanted, found, interests, topics, weight, homophily, mark, stamp, row, race, sorted_race):
    """Complete `row` from `found` to `wanted` with the creators of the smallest race keys."""
    count = len(weight)
    for c in range(count):
        race[c] = math.inf
        if mark[c] != stamp:
            u, _, _, _ = uniform4(k0, k1, person, c, RACE_DRAW, 0)
            race[c] = -log(u) / (weight[c] * exp(homophily * (_cosine(interests, topics[c]) - 1.0)))
    left = wanted - found
    limit = _smallest(race, sorted_race, left - 1)
    for exact in range(2):  # first the keys below the limit, then those equal to it, in row order
        for c in range(count):
            if found < wanted and mark[c] != stamp and ((exact == 0 and race[c] < limit) or (exact == 1 and race[c] == limit)):
                mark[c] = stamp
                row[found] = c
                found += 1


@kernel
def choose_creators(k0, k1, start, interests, topics, weight, homophily, creator_of, out):
    """Fill out[start[p]:start[p + 1]] with the creator rows person p follows, in ascending order."""
    count = len(weight)
    cumulative = np.cumsum(weight)
    # Guide table: the first creator whose cumulative weight can exceed a proposal in this bucket.
    guide = np.empty(count + 1, np.int64)
    c = 0
    for b in range(count):
        while c < count - 1 and cumulative[c] < b / count * cumulative[-1]:
            c += 1
        guide[b] = max(0, c - 1)
    mark = np.full(count, -1, np.int64)
    race = np.empty(count)
    sorted_race = np.empty(count)
    most = min(MOST_TRIES, max(64, count))
    for p in range(len(start) - 1):
        row = out[start[p] : start[p + 1]]
        wanted = len(row)
        if wanted == 0:
            continue
        if creator_of[p] >= 0:
            mark[creator_of[p]] = p  # nobody follows themselves
        found = 0
        t = 0
        tries = most if 8 * wanted < count else 0
        u2 = 0.0
        u3 = 0.0
        while found < wanted and t < tries:
            if t % 2 == 0:
                u0, u1, u2, u3 = uniform4(k0, k1, p, 0, t // 2, 0)
            else:
                u0, u1 = u2, u3
            t += 1
            c = guide[min(count - 1, int(u0 * count))]
            while c < count - 1 and cumulative[c] < u0 * cumulative[-1]:
                c += 1
            if mark[c] != p and u1 < exp(homophily * (_cosine(interests[p], topics[c]) - 1.0)):
                mark[c] = p
                row[found] = c
                found += 1
        if found < wanted:
            _race(k0, k1, p, wanted, found, interests[p], topics, weight, homophily, mark, p, row, race, sorted_race)
        sort_part(row, 0, len(row))


@kernel
def choose_friends(k0, k1, start, first, community, members, member_start, bias, out, found):
    """Fill out[start[p]:][:found[p]] with the people p chooses; what no try can find is left out."""
    n = len(start) - 1
    mark = np.full(n, -1, np.int64)
    for p in range(n):
        mark[p] = p
        own = members[member_start[community[p]] : member_start[community[p] + 1]]
        draw = 0
        for _ in range(start[p + 1] - start[p]):
            inside = False
            for t in range(TRIES_PER_FRIEND):
                if draw >= MOST_TRIES:
                    break
                u0, u1, _, _ = uniform4(k0, k1, p, 0, draw, 0)
                draw += 1
                if t == 0:  # decided once: full communities must not push friends outside
                    inside = u0 < bias and len(own) > 0
                if inside:
                    q = np.int64(own[int(u1 * len(own))])
                else:
                    q = np.int64(first + int(u1 * (n - first)))
                if mark[q] != p:
                    mark[q] = p
                    out[start[p] + found[p]] = q
                    found[p] += 1
                    break


@kernel
def return_friends(k0, k1, start, found, target, probability, returned, count, fill):
    """Count, or with `fill` write to returned[count[q]:], the ties that person q gives back."""
    for p in range(len(start) - 1):
        for e in range(start[p], start[p] + found[p]):
            q = target[e]
            u, _, _, _ = uniform4(k0, k1, p, q, 0, 0)
            if u < probability:
                if fill:
                    returned[count[q]] = p
                count[q] += 1


@kernel
def merge_rows(a_start, a, b_start, b_found, b, c_start, c, out, out_start):
    """Join three lists per person into one ascending list without repeats; return its total length."""
    end = 0
    for p in range(len(a_start) - 1):
        out_start[p] = end
        top = end
        for e in range(a_start[p], a_start[p + 1]):
            out[top] = a[e]
            top += 1
        for e in range(b_start[p], b_start[p] + b_found[p]):
            out[top] = b[e]
            top += 1
        for e in range(c_start[p], c_start[p + 1]):
            out[top] = c[e]
            top += 1
        sort_part(out, end, top)
        begin = end
        for e in range(begin, top):
            if e == begin or out[e] != out[end - 1]:
                out[end] = out[e]
                end += 1
    out_start[-1] = end
    return end


def _rows(counts: Array) -> Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def draw_counts(seed: int, stream: Stream, replication: int, mean: float, sigma: float, most: Array) -> Array:
    """Return whole lognormal counts (P,) cut to `most`; rounding is random, so the mean is kept."""
    u = uniforms(seed, stream, replication, np.arange(len(most)))
    x = lognormal(mean, sigma, normals(u)[:, 0])
    return np.floor(np.minimum(x + u[:, 2], most)).astype(np.int64)


def draw_graph(market: Market, seed: int, replication: int, people: People, creators: Creators) -> Edges:
    """Return the follower graph: people -> creators, and people -> people in communities.

    A person's counts are lognormal with ln sd `follows_sigma`, cut to what exists. Of
    `friends_per_person`, 1 / (1 + reciprocity) are chosen and the rest are ties given back.
    """
    g, n = market.graph, len(people.views)
    count = market.creators.count  # the other rows are no creators
    seed_word = np.uint32(seed)
    first = count  # lowest row that may be chosen as a friend: nobody follows a creator as a mere friend

    available = count - (people.creator >= 0).astype(np.int64)
    follow_start = _rows(draw_counts(seed, Stream.FOLLOW_COUNT, replication, g.follows_per_person, g.follows_sigma, available))
    follow = np.empty(follow_start[-1], np.int32)
    if len(follow):
        topics = creators.topics[:count]
        unit = topics / np.sqrt((topics**2).sum(axis=1, keepdims=True))
        weight = exp_of(market.creators.appeal_sigma * creators.appeal[:count])
        word = np.uint32(key(Stream.FOLLOW_TARGET, replication))
        choose_creators(seed_word, word, follow_start, people.interests, unit, weight, float(g.topic_homophily), people.creator, follow)
        follow = creators.person[:count][follow]

    possible = n - first - (np.arange(n) >= first).astype(np.int64)
    chosen = g.friends_per_person / (1 + g.reciprocity)
    friend_start = _rows(draw_counts(seed, Stream.FRIEND_COUNT, replication, chosen, g.follows_sigma, np.maximum(possible, 0)))
    friend = np.empty(friend_start[-1], np.int32)
    found = np.zeros(n, np.int64)
    member = np.arange(first, n, dtype=np.int64)
    members = member[np.argsort(people.community[first:], kind="stable")]
    member_start = _rows(np.bincount(people.community[first:], minlength=market.people.communities))
    word = np.uint32(key(Stream.FRIEND_TARGET, replication))
    choose_friends(seed_word, word, friend_start, first, people.community, members, member_start, float(g.community_bias), friend, found)

    word = np.uint32(key(Stream.RECIPROCITY, replication))
    counts = np.zeros(n, np.int64)
    return_friends(seed_word, word, friend_start, found, friend, float(g.reciprocity), np.empty(0, np.int32), counts, False)
    returned_start = _rows(counts)
    returned = np.empty(returned_start[-1], np.int32)
    return_friends(seed_word, word, friend_start, found, friend, float(g.reciprocity), returned, returned_start[:-1].copy(), True)

    out = np.empty(len(follow) + int(found.sum()) + len(returned), np.int32)
    start = np.empty(n + 1, np.int64)
    total = merge_rows(follow_start, follow, friend_start, found, friend, returned_start, returned, out, start)
    return Edges(start=start, target=out[:total].copy(), weight=np.empty(0))

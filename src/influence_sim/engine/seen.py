"""The exact set of posts each person has been shown: open addressing in one array, a segment a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine.state import Array, Seen
from influence_sim.jit import hot, inner

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

DAYS_AHEAD = 3


@inner
def _home(p, capacity):
    return (int(p) * 2654435761 & 0xFFFFFFFF) * capacity >> 32


@inner
def is_seen(seen, i, p):
    """Tell whether post p is in the set of person i."""
    base = seen.start[i]
    capacity = seen.start[i + 1] - base
    at = _home(p, capacity)
    while True:
        k = seen.key[base + at]
        if k == 0:
            return False
        if k == p + 1:
            return True
        at += 1
        if at == capacity:
            at = 0


@inner
def add_seen(seen, i, p):
    """Add post p to the set of person i; return False when it was there."""
    base = seen.start[i]
    capacity = seen.start[i + 1] - base
    at = _home(p, capacity)
    while True:
        k = seen.key[base + at]
        if k == p + 1:
            return False
        if k == 0:
            seen.key[base + at] = p + 1
            seen.used[i] += 1
            return True
        at += 1
        if at == capacity:
            at = 0


@hot
def _copy(low, high, old, new, oldest):
    for i in range(low, high):
        for at in range(old.start[i], old.start[i + 1]):
            k = old.key[at]
            if k > oldest:
                add_seen(new, i, k - 1)


@hot
def _count_live(low, high, seen, oldest, live):
    for i in range(low, high):
        count = 0
        for at in range(seen.start[i], seen.start[i + 1]):
            if seen.key[at] > oldest:
                count += 1
        live[i] = count


def new_seen(people: int) -> Seen:
    """Return empty sets of the smallest capacity."""
    return _with_capacity(np.full(people, 8, np.int64))


def _with_capacity(capacity: Array) -> Seen:
    start = np.zeros(len(capacity) + 1, np.int64)
    np.cumsum(capacity, out=start[1:])
    return Seen(start, np.zeros(int(start[-1]), np.int32), np.zeros(len(capacity), np.int64))


def make_room(s: Simulation, additions: Array) -> None:
    """Rebuild the sets of a simulation unless everybody has room for `additions` (N,) more posts.

    Posts that are too old to be shown again are dropped when sets are rebuilt; where posts are shown again at will,
    the sets hold what was shared, and nothing is dropped.
    """
    seen = s.seen
    if (4 * (seen.used + additions) <= 3 * np.diff(seen.start)).all():
        return
    oldest = 0 if s.market.feed.repeats else s.first_live
    live = np.empty(len(seen.used), np.int64)
    s.threads.blocks(_count_live, seen, oldest, live)
    # Sets are at most three quarters full, with room for some days like those gone by, so that rebuilding stays rare.
    days = min(max(s.day, 1), int(s.market.feed.max_age) + 1)
    wanted = live + additions + DAYS_AHEAD * live // days + 8
    s.seen = _with_capacity(4 * wanted // 3 + 1)
    s.threads.blocks(_copy, seen, s.seen, oldest)

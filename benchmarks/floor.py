"""The floor: one keyed draw, one random read of an item and one counter update per impression, which no engine can avoid.

Items are the world's own live posts (records of the engine's size); each thread has its own counters.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from influence_sim.jit import hot
from influence_sim.rng import uniform4


@hot
def floor(low, high, views, items, counters):
    """Show `views` items to each of the people low..high-1."""
    total = 0.0
    for i in range(low, high):
        for s in range(views):
            u, _, _, _ = uniform4(1, 2, i, 0, s, 0)
            at = int(u * len(items))
            total += items[at].quality
            counters[at] += 1
    return total


def time_floor(people: int, views: int, items: Any, threads: int) -> float:
    """Return seconds per impression on `threads` threads of a pool like the engine's."""
    counters = np.zeros((threads, len(items)), np.int64)
    bounds = np.linspace(0, people, threads + 1).astype(int).tolist()
    floor(0, 1, 1, items, counters[0])  # compile, or load
    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        list(pool.map(lambda t: floor(bounds[t], bounds[t + 1], views, items, counters[t]), range(threads)))
        return (time.perf_counter() - begun) / (people * views)

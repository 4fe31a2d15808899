"""Where people stand on the interest map: near the topics they like, and never on top of each other."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SHARPNESS = 3.0  # tastes to this power pull: a strong interest wins, a mixed taste stands between
SWEEPS = 40


def interest_map(interests: Array, gap: float = 0.0175) -> tuple[Array, Array]:
    """Return the places (N, 2) of people within the unit disc, and those of topics (K, 2).

    Parameters
    ----------
    interests : array (N, K)
        Tastes; rows sum to one.
    gap : float
        Least distance between two people, for 2,000 of them; fewer stand wider apart.

    Notes
    -----
    Topics stand on a ring, people at the mean of the topics weighted by their sharpened tastes; then those that are too
    near push each other away. Nothing is drawn at random, so both worlds of a comparison have one map.
    """
    from scipy.spatial import cKDTree

    n, k = interests.shape
    angle = 2.0 * np.pi * np.arange(k) / k - np.pi / 2.0
    topics = 0.74 * np.column_stack([np.cos(angle), np.sin(angle)])
    pull = interests.astype(np.float64) ** SHARPNESS
    place = (pull / pull.sum(axis=1, keepdims=True)) @ topics
    # Whoever likes one thing only would stand on the topic itself: a sunflower of rows spreads them.
    row = np.arange(n)
    spread = 0.21 * np.sqrt((row * 0.618034) % 1.0)
    place += np.column_stack([spread * np.cos(2.399963 * row), spread * np.sin(2.399963 * row)])
    least = gap * np.sqrt(2000.0 / max(n, 300))
    for _ in range(SWEEPS):
        pairs = cKDTree(place).query_pairs(least, output_type="ndarray")
        if len(pairs) == 0:
            break
        apart = place[pairs[:, 0]] - place[pairs[:, 1]]
        distance = np.maximum(np.linalg.norm(apart, axis=1), 1e-9)
        push = apart * ((least - distance) / distance * 0.5)[:, None]
        move = np.zeros_like(place)
        for side, sign in ((0, 1.0), (1, -1.0)):
            for axis in (0, 1):
                move[:, axis] += sign * np.bincount(pairs[:, side], push[:, axis], minlength=n)
        place += 0.7 * move
    radius = np.linalg.norm(place, axis=1)
    # Nobody leaves the disc.
    return place / max(1.0, float(radius.max()) / 0.98), topics

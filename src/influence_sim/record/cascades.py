"""Shape of share cascades: who passed a post on to whom, and how far it travelled.

Structural virality (Goel, Anderson, Hofman & Watts 2016) is the mean distance between two members of
a cascade, over ordered pairs: near 2 for a broadcast, growing with the length of chains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Cascade(NamedTuple):
    """A tree of people who passed a post on: `parent[j]` is the position of whom `person[j]` had it from, or -1."""

    person: Array
    parent: Array


def cascade_tree(person: Sequence[int] | Array, sharer: Sequence[int] | Array) -> Cascade:
    """Return the tree in which `person[j]` took a post over from the person `sharer[j]`.

    Parameters
    ----------
    person : sequence of int
        Everybody who passed the post on, once, in any order.
    sharer : sequence of int
        The person each had it from; one who is not in `person` (or -1) makes a root.

    Raises
    ------
    ValueError
        When lengths differ or somebody appears twice.
    """
    who, source = np.asarray(person, np.int64), np.asarray(sharer, np.int64)
    if who.shape != source.shape or who.ndim != 1:
        raise ValueError(f"person and sharer must be equally long rows, got {who.shape} and {source.shape}")
    order = np.argsort(who, kind="stable")
    ranked = who[order]
    if (np.diff(ranked) == 0).any():
        raise ValueError("somebody passes the post on twice")
    if len(who) == 0:
        return Cascade(who, source)
    at = np.minimum(np.searchsorted(ranked, source), len(who) - 1)
    return Cascade(who, np.where(ranked[at] == source, order[at], -1))


def structural_virality(parent: Sequence[int] | Array) -> float:
    """Return the mean distance over ordered pairs of different members of a tree.

    Parameters
    ----------
    parent : sequence of int
        For each member the position of its parent; exactly one member, the root, has -1. Any order.

    Returns
    -------
    float
        0 for a single member. A star of n gives 2 (1 - 1/n), a path of n gives (n + 1) / 3.

    Raises
    ------
    ValueError
        When `parent` is not one tree.

    Notes
    -----
    The edge above a subtree of s members lies on s (n - s) of the n (n - 1) / 2 paths, so one pass from
    the leaves to the root suffices: time and memory grow linearly with n.
    """
    above = np.asarray(parent, np.int64)
    n = len(above)
    if above.ndim != 1 or n == 0 or int((above == -1).sum()) != 1:
        raise ValueError("a cascade tree has exactly one root, whose parent is -1")
    if above.min() < -1 or above.max() >= n:
        raise ValueError(f"parents must be positions 0 to {n - 1}, or -1 for the root")
    above_list = above.tolist()
    children = np.bincount(above[above >= 0], minlength=n).tolist()
    size = [1] * n
    ready = [j for j in range(n) if children[j] == 0]
    total = done = 0
    while ready:
        j = ready.pop()
        done += 1
        up = above_list[j]
        if up < 0:
            continue
        total += size[j] * (n - size[j])
        size[up] += size[j]
        children[up] -= 1
        if children[up] == 0:
            ready.append(up)
    if done < n:
        raise ValueError("the parents run in a circle")
    return 2.0 * total / (n * (n - 1)) if n > 1 else 0.0

"""Selectors: in which order a brand prefers creators.

A selector is a function of what the brand sees and a mask of candidates; it returns the rows of
the candidates, best first, ties by row. Adding one is one decorated function; its name is the
name used in scenario files.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np

from influence_sim.strategies.base import Audience, BrandView

Array = np.ndarray[Any, Any]
Selector = Callable[[BrandView, Array], Array]
SELECTORS: dict[str, Selector] = {}


def selector(function: Selector) -> Selector:
    """Register `function(view, mask) -> rows, best first` under its own name.

    Examples
    --------
    >>> import numpy as np
    >>> from influence_sim.strategies import SELECTORS, selector, synthetic_view
    >>> @selector
    ... def cheapest(view, mask):
    ...     "Lowest fee first."
    ...     rows = np.flatnonzero(mask)
    ...     return rows[np.argsort(view.fee[rows], kind="stable")]
    >>> "cheapest" in SELECTORS
    True
    >>> del SELECTORS["cheapest"]
    """
    SELECTORS[function.__name__] = function
    return function


def prefer(score: Array, mask: Array) -> Array:
    """Return the rows of `mask` by falling `score`; ties by row, NaN last."""
    rows = np.flatnonzero(mask)
    return rows[np.argsort(-score[rows], kind="stable")]


@selector
def random(view: BrandView, mask: Array) -> Array:
    """Order creators by the brand's own dice, which are equal in every arm of a replication."""
    return prefer(view.uniform, mask)


@selector
def followers(view: BrandView, mask: Array) -> Array:
    """Prefer the largest audience."""
    return prefer(view.followers, mask)


@selector
def fit(view: BrandView, mask: Array) -> Array:
    """Prefer creators whose declared topics are closest to the product."""
    return prefer(view.fit, mask)


@selector
def engagement(view: BrandView, mask: Array) -> Array:
    """Prefer creators whose past posts got most engagement per view; those without posts come last."""
    return prefer(view.engagement_per_view, mask)


@selector
def fit_engagement(view: BrandView, mask: Array) -> Array:
    """Prefer a high product of fit and engagement per view; those without posts come last."""
    return prefer(view.fit * view.engagement_per_view, mask)


@selector
def greedy_reach(view: BrandView, mask: Array) -> Array:
    """Prefer whoever adds most followers not yet reached per USD of fee and deal cost (lazy greedy on public follower lists).

    Source: CELF, Leskovec et al. 2007, KDD, 420-429. Per USD rather than per creator, because the
    budget binds before the number of creators does.
    """
    # A cent is the smallest price; who refuses costs infinitely much and comes last.
    cost = np.maximum(np.where(np.isfinite(view.fee), view.fee + view.deal_cost, np.inf), 0.01)
    return lazy_greedy(view.audience(), cost, mask)


def lazy_greedy(audience: Audience, cost: Array, mask: Array) -> Array:
    """Return the rows of `mask`, each the one that adds most new people per `cost` (C,) to those before it; ties by row.

    A gain can only fall as others are chosen, so an old gain is an upper bound: only the row on top
    of the queue is counted again.
    """
    start, person = audience
    reached = np.zeros(int(person.max()) + 1 if len(person) else 0, dtype=bool)
    queue = [(-(start[row + 1] - start[row]) / cost[row], int(row)) for row in np.flatnonzero(mask)]
    heapq.heapify(queue)
    chosen: list[int] = []
    while queue:
        old, row = queue[0]
        mine = person[start[row] : start[row + 1]]
        gain = -np.count_nonzero(~reached[mine]) / cost[row]
        if gain > old:
            heapq.heapreplace(queue, (gain, row))
            continue
        heapq.heappop(queue)
        reached[mine] = True
        chosen.append(row)
    return np.array(chosen, dtype=np.int64)

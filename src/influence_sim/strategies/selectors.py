"""Selectors: in which order a brand prefers creators.

A selector is a function of what the brand sees, a mask of candidates and options of its own; it returns the rows
of the candidates, best first, ties by row. Adding one is one decorated function; its name is the
name used in scenario files. One that reads the truth carries `reads_truth = True`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np

from influence_sim.strategies.base import Audience, BrandView

Array = np.ndarray[Any, Any]
Selector = Callable[..., Array]
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
    return lazy_greedy(view.audience(), _cost(view), mask)


@selector
def hired_by_rivals(view: BrandView, mask: Array) -> Array:
    """Prefer creators with most disclosed posts for rivals so far; those without any are left out."""
    return prefer(view.rivals.astype(float), mask & (view.rivals > 0))


@selector
def celf(view: BrandView, mask: Array, probability: float = 0.02, samples: int = 2000) -> Array:
    """Prefer whoever adds most expected spread per USD, when each follow passes a post on with `probability` (independent cascade).

    The spread of a set is the share of people whom a random cascade from them reaches: people are drawn, and the
    follows along which a cascade could have come to them are traced back, `samples` times; then the lazy greedy choice.
    Source: CELF, Leskovec et al. 2007, KDD, 420-429; reverse reachable sets, Borgs et al. 2014, SODA, 946-957.
    """
    network = view.network()
    people = len(network.creator)
    sets = np.arange(int(samples) if people else 0)
    person = np.floor(view.dice(sets, 0 * sets, 0 * sets) * people).astype(np.int64)
    found = [np.column_stack([sets, person])]
    seen = found[0][:, 0] * people + person
    while len(found[-1]):
        sample, person = found[-1].T
        number = network.start[person + 1] - network.start[person]
        row = np.repeat(network.start[person] - np.concatenate([[0], np.cumsum(number)[:-1]]), number) + np.arange(number.sum())
        sample, follower, followed = np.repeat(sample, number), np.repeat(person, number), network.followed[row]
        passed = view.dice(1 + sample, follower, followed) < probability
        fresh = np.setdiff1d(sample[passed] * people + followed[passed], seen)
        seen = np.union1d(seen, fresh)
        found.append(np.column_stack([fresh // max(people, 1), fresh % max(people, 1)]))
    sample, person = np.concatenate(found).T
    creator = network.creator[person]
    known = np.flatnonzero(creator >= 0)
    known = known[np.lexsort((sample[known], creator[known]))]
    start = np.concatenate([[0], np.cumsum(np.bincount(creator[known], minlength=len(view.fee)))])
    return lazy_greedy(Audience(start, sample[known]), _cost(view), mask)


@selector
def oracle(view: BrandView, mask: Array) -> Array:
    """Prefer the highest product per USD of followers, their true interest, trust and what they will like: no brand can know this.

    A bound for the other selectors, not advice: it ranks by true quality, interest, trust and authenticity.
    """
    truth = view.truth()
    worth = view.followers * np.exp(truth.quality + truth.interest + truth.trust + truth.authenticity)
    return prefer(worth / _cost(view), mask)


oracle.reads_truth = True  # type: ignore[attr-defined]


def _cost(view: BrandView) -> Array:
    """Return what the first post costs (C,): a cent is the smallest price; who refuses costs infinitely much and comes last."""
    return np.maximum(np.where(np.isfinite(view.fee), view.fee + view.deal_cost, np.inf), 0.01)


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

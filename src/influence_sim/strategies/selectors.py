"""Selectors: in which order a brand prefers creators.

A selector is a function of what the brand sees and a mask of candidates; it returns the rows of
the candidates, best first, ties by row. Adding one is one decorated function; its name is the
name used in scenario files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from influence_sim.strategies.base import BrandView

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

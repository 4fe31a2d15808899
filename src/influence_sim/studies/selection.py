"""Select the best of several strategies with a stated chance of being right, dropping the hopeless early."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
# (arms still in the race, replications) -> the objective, (len(replications), len(arms)), larger is better.
Play = Callable[[Sequence[str], range], Array]
ONE_LEFT, INDIFFERENT, CAP = "one left", "the rest are as good as equal", "cap reached"


class Selection(NamedTuple):
    """What a selection found.

    Attributes
    ----------
    best : the arm selected
    survivors : arms that were still in the race at the end, in the order given
    replications : how many each arm played, by arm
    rule : what ended it: `ONE_LEFT`, `INDIFFERENT` (every pair was played as long as the guarantee asks) or `CAP`
    guaranteed : whether the chance of being right holds; not after `CAP`
    """

    best: str
    survivors: tuple[str, ...]
    replications: dict[str, int]
    rule: str
    guaranteed: bool


def check(arms: Sequence[str], indifference: float, alpha: float, first: int, batch: int, most: int) -> None:
    """Refuse what `kim_nelson` cannot be asked; errors as there."""
    k = len(arms)
    if k < 2 or len(set(arms)) < k:
        raise ValueError(f"a selection needs at least two different strategies beside the control; got {', '.join(arms) or 'none'}")
    if not indifference > 0 or not 0 < alpha < 1 - 1 / k:
        raise ValueError(f"indifference must be positive and alpha between 0 and {1 - 1 / k:.2g}; got {indifference} and {alpha}")
    if first < 3 or batch < 1 or most < first:
        raise ValueError(f"a selection needs first >= 3, batch >= 1 and most >= first; got {first}, {batch} and {most}")


def kim_nelson(
    play: Play, arms: Sequence[str], indifference: float, alpha: float = 0.05, first: int = 20, batch: int = 10, most: int = 1_000
) -> Selection:
    """Select the arm with the highest mean by the fully sequential procedure of Kim and Nelson.

    The arm selected is within `indifference` of the best with probability at least 1 - `alpha`, for normal data, with or
    without common random numbers: only variances of differences enter. Arms are looked at after every `batch`, which
    eliminates later than looking after every replication, never more.

    Parameters
    ----------
    play
        Gives the objective of some arms in some replications; the same replications are the same worlds for all.
    arms
        At least two labels.
    indifference
        The smallest difference worth telling, in units of the objective.
    alpha
        Chance of error.
    first, batch, most
        Replications before the first look, between looks, and at most.

    Raises
    ------
    ValueError
        When there are no two arms, the indifference is not positive, or the numbers of replications make no sense.

    Source: Kim & Nelson 2001, ACM TOMACS 11(3), 251-273, with c = 1.
    """
    check(arms, indifference, alpha, first, batch, most)
    k = len(arms)
    eta = 0.5 * ((2 * alpha / (k - 1)) ** (-2 / (first - 1)) - 1)
    h2 = 2 * eta * (first - 1)
    values = np.asarray(play(list(arms), range(first)), float)
    variance = (values[:, :, None] - values[:, None, :]).var(axis=0, ddof=1)  # of the difference of every pair (k, k)
    sums, n = values.sum(axis=0), first
    longest = math.floor(float(h2 * variance.max() / indifference**2))
    alive, played = list(range(k)), dict.fromkeys(arms, first)
    while True:
        means = sums[alive] / n
        slack = np.maximum(0.0, indifference / (2 * n) * (h2 * variance[np.ix_(alive, alive)] / indifference**2 - n))
        keep = (means[:, None] >= means[None, :] - slack).all(axis=1)
        alive = [arm for arm, stays in zip(alive, keep, strict=True) if stays]
        if len(alive) == 1 or n > longest or n >= most:
            break
        more = min(batch, most - n)
        sums[alive] += np.asarray(play([arms[i] for i in alive], range(n, n + more)), float).sum(axis=0)
        n += more
        played |= {arms[i]: n for i in alive}
    best = max(alive, key=lambda i: sums[i])  # of equal means the first
    rule = INDIFFERENT if n > longest else ONE_LEFT if len(alive) == 1 else CAP
    return Selection(arms[best], tuple(arms[i] for i in alive), played, rule, rule != CAP)

"""Runs that look degenerate or heavy-tailed: said, so that nobody trusts an average that hangs on one world."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from influence_sim.studies.statistics import RELATIVE_TIE, correlation, mean_interval

Array = np.ndarray[Any, Any]
# One false alarm in a thousand comparisons of normal data.
ALPHA_OUTLIER = 1e-3


class Tail(NamedTuple):
    """The most extreme replication of (n,) values.

    Attributes
    ----------
    replication : its number
    share : its part of the sum of squared deviations
    p : Grubbs' two-sided p of so extreme a value among normal ones (an upper bound)
    without : the mean without it
    """

    replication: int
    share: float
    p: float
    without: float


def tail(values: Array) -> Tail:
    """Return how far one replication decides a mean.

    Source: Grubbs 1969, Technometrics 11(1).

    Examples
    --------
    >>> found = tail(np.array([1.0, 2.0, 1.5, 1.2, 1.8, 1.4, 60.0]))
    >>> found.replication, found.p < 1e-3
    (6, True)
    """
    from scipy.stats import t

    x = np.asarray(values, float)
    n = len(x)
    deviation = x - x.mean() if n else x
    total = float((deviation**2).sum())
    if n < 3 or not np.isfinite(x).all() or total <= (RELATIVE_TIE * float(np.abs(x).max())) ** 2:
        return Tail(-1, math.nan, math.nan, math.nan)
    worst = int(np.argmax(np.abs(deviation)))
    g2 = float(deviation[worst] ** 2) / (total / (n - 1))
    # G^2 n / (n-1)^2 = s / (n - 2 + s) with s = t^2: the inverse of Grubbs' critical value.
    ratio = min(g2 * n / (n - 1) ** 2, 1 - 1e-15)
    s = ratio * (n - 2) / (1 - ratio)
    p = min(1.0, 2 * n * float(t.sf(math.sqrt(s), n - 2)))
    return Tail(worst, float(deviation[worst] ** 2) / total, p, float(np.delete(x, worst).mean()))


def oddities(labels: Sequence[str], values: Array, spend: Array, control: int, leaders: tuple[int, int] | None = None) -> list[str]:
    """Return warnings about degenerate arms, and about a difference of the leading two that hangs on one replication.

    Parameters
    ----------
    labels : (k,) arms
    values : (n, k) the objective; columns with NaN are no contenders and are left out
    spend : (n, k) USD
    control : the arm that does nothing
    leaders : the two arms whose difference decides
    """
    found = []
    n = len(values)
    for k, label in enumerate(labels):
        x = values[:, k]
        if k == control or n < 3 or not np.isfinite(x).all():
            continue
        if np.ptp(spend[:, k]) == 0 and np.ptp(x) <= RELATIVE_TIE * float(np.abs(x).max()) and spend[:, k].any():
            found.append(f"degenerate: {label} gives exactly the same number in all {n} replications, so nothing random reaches it")
    if leaders is None or n < 3:
        return found
    a, b = leaders
    d = values[:, a] - values[:, b]
    extreme = tail(d)
    if extreme.p < ALPHA_OUTLIER:
        text = (
            f"heavy tail: replication {extreme.replication} makes {extreme.share:.0%} of the spread of {labels[a]} minus {labels[b]}; "
            f"without it the mean difference is {extreme.without:,.4g} instead of {float(d.mean()):,.4g}"
        )
        whole, rest = mean_interval(d), mean_interval(np.delete(d, extreme.replication))
        if (whole.lo > 0 or whole.hi < 0) != (rest.lo > 0 or rest.hi < 0):
            text += ", and whether they can be told apart hangs on it"
        found.append(text)
    r = correlation(values[:, a], values[:, b])
    if n >= 10 and r < -0.2:
        found.append(f"pairing does not help: {labels[a]} and {labels[b]} have a correlation of {r:.2f} over replications")
    return found

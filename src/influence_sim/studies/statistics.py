"""Statistics of paired replications: every arm ran in the same worlds, so only differences within a world count.

All functions are pure: resampling uses a fixed seed, so the same data give the same bytes. Data that
cannot tell anything (one replication, two equal arms) give NaN or an exact zero, never a warning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
CONFIDENCE = 0.95
RESAMPLES = 9_999
SEED = 20_261
# Above this many replications the mean is normal enough, and resampling costs more than it tells.
MANY = 1_000
# Two arms closer than this share of their size are the same up to rounding.
RELATIVE_TIE = 1e-12


class Estimate(NamedTuple):
    """An estimate and its 95 % interval; NaN bounds where the data cannot bound it."""

    value: float
    lo: float
    hi: float


class PairResult(NamedTuple):
    """Arm a minus arm b over paired replications."""

    difference: Estimate
    p: float
    sd: float
    correlation: float


def _student(values: Array) -> Estimate:
    from scipy.stats import t

    n, mean = len(values), float(values.mean())
    half = float(t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half)


def _rounding(values: Array, scale: float) -> Array:
    """Return `values` with what is only rounding of numbers of size `scale` set to zero."""
    return np.where(np.abs(values) <= RELATIVE_TIE * scale, 0.0, values)


def mean_interval(values: Sequence[float] | Array) -> Estimate:
    """Return the mean with its BCa bootstrap interval (Efron 1987); Student's where BCa is not defined.

    Up to two values bound nothing and give NaN bounds, unless all are exactly zero.

    Examples
    --------
    >>> mean_interval([0.0, 0.0])
    Estimate(value=0.0, lo=0.0, hi=0.0)
    >>> mean_interval([1.0, 2.0])
    Estimate(value=1.5, lo=nan, hi=nan)
    """
    x = np.asarray(values, dtype=float)
    if len(x) == 0 or not np.isfinite(x).all():
        return Estimate(math.nan, math.nan, math.nan)
    if not x.any():
        return Estimate(0.0, 0.0, 0.0)
    mean = float(x.mean())
    if len(x) <= 2:
        return Estimate(mean, math.nan, math.nan)
    if np.ptp(x) <= RELATIVE_TIE * float(np.abs(x).max()):
        return Estimate(mean, mean, mean)
    if len(x) > MANY:
        return _student(x)
    lo, hi = _bca((x,), lambda a, axis=-1: a.mean(axis=axis))
    return Estimate(mean, lo, hi) if lo <= hi else _student(x)


def _bca(samples: tuple[Array, ...], statistic: Any) -> tuple[float, float]:
    """Return the BCa bounds of a statistic of paired samples; NaN where they are not defined."""
    import warnings

    from scipy.stats import bootstrap

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a degenerate resample is answered below, not printed
        found = bootstrap(
            samples, statistic, paired=True, vectorized=True, axis=-1, method="BCa", confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES, batch=1_000, rng=np.random.default_rng(SEED),
        ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def permutation_p(differences: Sequence[float] | Array) -> float:
    """Return the two-sided p of "no difference" by flipping the signs of paired differences; exact up to 13 pairs.

    Examples
    --------
    >>> permutation_p([1.0, 2.0, 3.0, 4.0, 5.0])
    0.0625
    >>> permutation_p([0.0, 0.0, 0.0])
    1.0
    """
    from scipy.stats import permutation_test, ttest_1samp

    d = np.asarray(differences, dtype=float)
    if len(d) == 0 or not np.isfinite(d).all():
        return math.nan
    if not d.any() or len(d) == 1:
        return 1.0
    if len(d) > MANY:
        return 0.0 if np.ptp(d) == 0 else float(ttest_1samp(d, 0.0).pvalue)
    found = permutation_test(
        (d,), lambda a, axis=-1: a.mean(axis=axis), permutation_type="samples", vectorized=True,
        n_resamples=RESAMPLES, batch=1_000, rng=np.random.default_rng(SEED),
    )  # fmt: skip
    return float(min(found.pvalue, 1.0))


def correlation(a: Array, b: Array) -> float:
    """Return Pearson's correlation of two arms over replications; NaN when an arm does not vary."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    u, v = a - a.mean(), b - b.mean()
    size = math.sqrt(float((u * u).sum()) * float((v * v).sum()))
    return float(np.clip(float((u * v).sum()) / size, -1.0, 1.0)) if size > 0 else math.nan


def compare_pair(a: Sequence[float] | Array, b: Sequence[float] | Array) -> PairResult:
    """Compare two arms that ran in the same replications, in the same order.

    Raises
    ------
    ValueError
        When the arms have different numbers of replications.

    Examples
    --------
    >>> compare_pair([3.0, 4.0, 5.0], [3.0, 4.0, 5.0]).difference
    Estimate(value=0.0, lo=0.0, hi=0.0)
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(x) != len(y):
        raise ValueError(f"paired arms need equally many replications; got {len(x)} and {len(y)}")
    if len(x) == 0 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return PairResult(Estimate(math.nan, math.nan, math.nan), math.nan, math.nan, math.nan)
    d = _rounding(x - y, float(max(np.abs(x).max(), np.abs(y).max())))
    sd = float(d.std(ddof=1)) if len(d) > 1 else math.nan
    return PairResult(mean_interval(d), permutation_p(d), sd, correlation(x, y))


def replications_needed(sd: float, half_width: float) -> float:
    """Return how many paired replications give a Student interval of at most +- `half_width`; NaN if unknowable.

    Examples
    --------
    >>> replications_needed(sd=10.0, half_width=5.0)
    18.0
    """
    from scipy.stats import t

    if not (math.isfinite(sd) and math.isfinite(half_width) and half_width > 0 and sd >= 0):
        return math.nan
    if sd == 0:
        return 2.0

    def wide(n: int) -> bool:
        return float(t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * sd / math.sqrt(n) > half_width

    # Student's factor is never below the normal one, so its answer is where the search may begin.
    n = max(2, math.ceil((1.959963984540054 * sd / half_width) ** 2))
    while wide(n):
        n += 1
    return float(n)


def holm(p: Sequence[float] | Array) -> Array:
    """Return Holm's step-down adjusted p-values (Holm 1979); NaN entries stay and count for nothing.

    Examples
    --------
    >>> [round(float(p), 9) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=float)
    out = np.full(len(raw), np.nan)
    known = np.flatnonzero(np.isfinite(raw))
    order = known[np.argsort(raw[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    out[order] = np.minimum(np.maximum.accumulate(raw[order] * factors), 1.0) if len(order) else []
    return out


def ratio_interval(numerator: Sequence[float] | Array, denominator: Sequence[float] | Array) -> Estimate:
    """Return the ratio of means of paired data, resampled together (BCa); NaN unless the denominator is positive.

    A ratio of means, not a mean of ratios: one replication with a tiny denominator must not decide.

    Examples
    --------
    >>> ratio_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    Estimate(value=2.0, lo=2.0, hi=2.0)
    """
    x, y = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    if len(x) != len(y):
        raise ValueError(f"a paired ratio needs equally many values; got {len(x)} and {len(y)}")
    if len(x) == 0 or not (np.isfinite(x).all() and np.isfinite(y).all()) or (y < 0).any() or not y.any():
        return Estimate(math.nan, math.nan, math.nan)
    ratio = float(x.mean() / y.mean())
    if len(x) <= 2:
        return Estimate(ratio, math.nan, math.nan)
    # Deviations of each replication from the common ratio; their mean is zero by construction.
    spread = _rounding((x - ratio * y) / float(y.mean()), float(np.abs(x).max() / y.mean()))
    if not spread.any():
        return Estimate(ratio, ratio, ratio)
    lo, hi = math.nan, math.nan
    if len(x) <= MANY and (y > 0).all():
        lo, hi = _bca((x, y), lambda a, b, axis=-1: a.mean(axis=axis) / b.mean(axis=axis))
    if not lo <= hi:
        _, below, above = _student(spread)
        lo, hi = ratio + below, ratio + above
    return Estimate(ratio, lo, hi)


def linearised_ratio(numerator: Array, denominator: Array) -> Array:
    """Return one value per replication whose mean is the ratio of means (delta method).

    With these the machinery of paired means serves ratios too. NaN unless the mean denominator is positive.

    Examples
    --------
    >>> linearised_ratio(np.array([10.0, 10.0]), np.array([1.0, 3.0])).tolist()
    [7.5, 2.5]
    """
    bottom = float(denominator.mean()) if len(denominator) else 0.0
    if not bottom > 0:
        return np.full(len(numerator), np.nan)
    ratio = float(numerator.mean()) / bottom
    return np.asarray(ratio + (numerator - ratio * denominator) / bottom)


def probability_best(numerators: Array, denominators: Array | None = None, maximise: bool = True, resamples: int = RESAMPLES) -> Array:
    """Return, per arm, the share of bootstrap resamples of the replications in which it is best.

    All arms are resampled together, so what they share cancels. Arms that are equal share the win.

    Parameters
    ----------
    numerators : (n, k)
        The objective by replication and arm; a column with NaN takes no part and gets NaN.
    denominators : (n, k), optional
        With it the objective is a ratio of means; where the mean denominator is not positive the arm cannot win.
    maximise
        False when the smallest is best.

    Returns
    -------
    (k,) shares that sum to one; NaN for all below three replications, which resampling cannot judge.

    Examples
    --------
    >>> probability_best(np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]])).tolist()
    [1.0, 0.0]
    """
    n, k = numerators.shape
    out = np.full(k, np.nan)
    bottom = np.ones_like(numerators) if denominators is None else denominators
    arms = np.flatnonzero(np.isfinite(numerators).all(axis=0) & np.isfinite(bottom).all(axis=0))
    if n < 3 or len(arms) == 0:
        return out
    rng = np.random.default_rng(SEED)
    rounds = resamples if n <= MANY else max(200, resamples * MANY // n)
    size = float(np.abs(numerators[:, arms]).max())
    wins, counted, chunk = np.zeros(len(arms)), 0, max(1, 2_000_000 // n)
    for first in range(0, rounds, chunk):
        weights = rng.multinomial(n, np.full(n, 1.0 / n), size=min(chunk, rounds - first)).astype(float)
        # einsum without BLAS: the same order of additions on every machine and number of threads.
        top = np.einsum("bn,nk->bk", weights, numerators[:, arms]) / n
        low = np.einsum("bn,nk->bk", weights, bottom[:, arms]) / n
        score = np.full(top.shape, -np.inf)
        np.divide(top, low, out=score, where=low > 0)
        score = np.where(low > 0, score if maximise else -score, -np.inf)
        best = score.max(axis=1, keepdims=True)
        decided = np.isfinite(best[:, 0])
        slack = RELATIVE_TIE * np.maximum(size, np.abs(np.where(np.isfinite(best), best, 0.0)))
        winners = (score >= best - slack)[decided]
        wins += (winners / winners.sum(axis=1, keepdims=True)).sum(axis=0)
        counted += int(decided.sum())
    if counted:
        out[arms] = wins / counted
    return out

"""How many replications, or how large a test in a real market, a question needs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
POWER, ALPHA = 0.8, 0.05
MOST = 1_000_000  # replications; beyond it the answer is "more than anybody will run"
PAIRS = ("strategy_a", "strategy_b", "difference", "paired_sd", "unpaired_sd", "needed", "needed_hi", "needed_unpaired", "detectable")
MARKETS = ("strategy", "effect", "effect_lo", "people", "people_hi", "markets", "markets_hi")


def power_of(effect: float, sd: float, n: int, alpha: float = ALPHA) -> float:
    """Return the chance that a two-sided paired t test over `n` replications tells a mean difference `effect` from none.

    Examples
    --------
    >>> round(power_of(effect=0.5, sd=1.0, n=34), 2)
    0.81
    """
    from scipy.stats import chi2, nct, norm, t

    if n < 2 or not (math.isfinite(effect) and math.isfinite(sd)) or sd < 0:
        return math.nan
    if sd == 0:
        return 1.0 if effect else alpha
    shift, edge = abs(effect) / sd * math.sqrt(n), float(t.ppf(1 - alpha / 2, n - 1))
    found = float(nct.sf(edge, n - 1, shift) + nct.cdf(-edge, n - 1, shift))
    if math.isfinite(found):
        return min(found, 1.0)
    # Far out SciPy's noncentral t has no digits: the same integral over the spread, by quantiles.
    spread = np.sqrt(chi2.ppf((np.arange(2_000) + 0.5) / 2_000, n - 1) / (n - 1))
    return float(norm.sf(edge * spread - shift).mean())


def replications_for(effect: float, sd: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """Return the least number of paired replications with that power; NaN for no effect, infinity beyond a million.

    Examples
    --------
    >>> replications_for(effect=0.5, sd=1.0)
    34.0
    """
    if not effect or not (math.isfinite(effect) and math.isfinite(sd)):
        return math.nan
    low, high = 1, 2
    while not power_of(effect, sd, high, alpha) >= power:
        low, high = high, 2 * high
        if high > MOST:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(effect, sd, middle, alpha) >= power else (middle, high)
    return float(high)


def detectable(sd: float, n: int, power: float = POWER, alpha: float = ALPHA) -> float:
    """Return the smallest difference that `n` paired replications tell from none with that power.

    Examples
    --------
    >>> round(detectable(sd=1.0, n=34), 2)
    0.5
    """
    from scipy.optimize import brentq

    if not math.isfinite(sd) or n < 2:
        return math.nan
    if sd == 0:
        return 0.0
    high = sd
    while power_of(high, sd, n, alpha) < power:
        high *= 2
    return float(brentq(lambda effect: power_of(effect, sd, n, alpha) - power, 0.0, high))


def largest_sd(sd: float, n: int) -> float:
    """Return the upper end of the 95 % interval of a standard deviation known from `n` normal values."""
    from scipy.stats import chi2

    return sd * math.sqrt((n - 1) / float(chi2.ppf(0.05, n - 1))) if n > 1 else math.nan


def pair_needs(
    values: Array, labels: Sequence[str], detect: float | None = None, power: float = POWER, alpha: float = ALPHA
) -> pd.DataFrame:
    """Return, for every pair of arms, how many replications tell it apart.

    Parameters
    ----------
    values : (n, k)
        The objective of a pilot by replication and arm.
    labels
        The arms.
    detect
        The difference worth telling; that of the pilot unless given, which is a guess from few worlds.
    power, alpha
        Of each pair; alpha is shared by all pairs (Bonferroni, of which Holm's procedure is never the worse).

    Returns
    -------
    DataFrame
        `PAIRS`; `needed_hi` uses the largest standard deviation the pilot allows (one-sided 95 %), `needed_unpaired` is what
        independent worlds for each arm would take in all, per arm.
    """
    n, pairs = len(values), list(itertools.combinations(range(len(labels)), 2))
    level = alpha / max(1, len(pairs))
    rows = []
    for a, b in pairs:
        d = values[:, a] - values[:, b]
        sd = float(d.std(ddof=1)) if n > 1 else math.nan
        apart = math.hypot(float(values[:, a].std(ddof=1)), float(values[:, b].std(ddof=1))) if n > 1 else math.nan
        wanted = abs(detect) if detect is not None else abs(float(d.mean()))
        rows.append((
            labels[a], labels[b], float(d.mean()), sd, apart, replications_for(wanted, sd, power, level),
            replications_for(wanted, largest_sd(sd, n), power, level), replications_for(wanted, apart, power, level),
            detectable(sd, n, power, level),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(PAIRS))


class Cells(NamedTuple):
    """What a pilot tells about a market: expected purchases (n,) with and without the campaign, by replication."""

    with_it: Array
    without: Array


def market_needs(
    pilots: dict[str, Cells], people: float, power: float = POWER, alpha: float = ALPHA, detect: float | None = None
) -> pd.DataFrame:
    """Return how large a test in a real market must be to see a campaign's effect on sales.

    A real test cannot play the same world twice: different people are compared. Two tests are told. In `people` drawn at random
    into two cells of one market only the luck of single purchases differs (taken as Poisson; one simulated person stands for many, so the
    realised purchases of a run are too lumpy to be asked). With whole `markets` in pairs, markets differ too, as replications do.
    People of one cell are taken not to reach those of the other.

    Parameters
    ----------
    pilots
        By strategy.
    people
        Real people of the simulated market.
    detect
        Share of the simulated effect that must be seen (1 unless given).

    Returns
    -------
    DataFrame
        `MARKETS`; `people` are those of both cells together with budgets in proportion, `markets` is how many pairs of markets of the
        simulated size do instead; `*_hi` use the low end of the effect's 95 % interval (infinite where it includes zero).
    """
    from scipy.stats import norm

    from influence_sim.studies.statistics import mean_interval

    z2 = float(norm.ppf(1 - alpha / 2) + norm.ppf(power)) ** 2
    share = 1.0 if detect is None else detect
    rows = []
    for label, cells in pilots.items():
        effect = mean_interval(cells.with_it - cells.without)
        luck = float(cells.with_it.mean() + cells.without.mean())
        apart = luck + float(cells.with_it.var(ddof=1) + cells.without.var(ddof=1))
        needs = [z2 * v / (share * e) ** 2 if e > 0 else math.inf for v in (luck, apart) for e in (effect.value, effect.lo)]
        pairs = [float(math.ceil(x)) if math.isfinite(x) else x for x in needs[2:]]
        rows.append((label, effect.value, effect.lo, 2 * people * needs[0], 2 * people * needs[1], *pairs))
    return pd.DataFrame(rows, columns=list(MARKETS))

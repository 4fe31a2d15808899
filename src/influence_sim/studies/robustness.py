"""How strategies fare over many futures: regret, the worst tenth, satisfaction, stability of ranks; all from one tidy table.

The table has a row per `strategy`, `future` and `replication` and a `value` of which more is better. Futures count equally:
nobody knows how likely each is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from influence_sim.studies.statistics import SEED, compare_pair, holm

Array = np.ndarray[Any, Any]
TENTH, TWENTIETH = 0.1, 0.05
DRAWS = 999
SCORES = (
    "strategy", "mean", "mean_lo", "mean_hi", "worst_future", "worst", "worst_tenth", "worst_tenth_lo", "worst_tenth_hi",
    "largest_regret", "largest_regret_lo", "largest_regret_hi", "mean_regret", "satisfied", "satisfied_lo", "satisfied_hi",
    "best_in", "best_in_lo", "best_in_hi", "mean_tie", "worst_tenth_tie", "largest_regret_tie",
)  # fmt: skip
CHANGES = ("strategy", "future", "base", "value", "change", "lo", "hi", "p_holm", "told")


def worst_tenth(values: Array, share: float = TENTH, axis: int = -1) -> Array:
    """Return the mean of the lowest `share` of equally likely values; a value at the edge counts with its part (expected shortfall).

    Source: Rockafellar & Uryasev 2000, Journal of Risk 2(3).

    Examples
    --------
    >>> float(worst_tenth(np.arange(20.0)))
    0.5
    >>> float(worst_tenth(np.array([1.0, 5.0, 9.0])))
    1.0
    """
    x = np.sort(np.asarray(values, float), axis=axis)
    n = x.shape[axis]
    weight = np.clip(share * n - np.arange(n), 0.0, 1.0)
    return np.asarray(np.moveaxis(x, axis, -1) @ (weight / weight.sum()))


def cube(table: pd.DataFrame) -> tuple[Array, list[str], list[str]]:
    """Return values (strategies, futures, replications) with the names, in the order of the table.

    Raises
    ------
    ValueError
        When a cell is missing or no number: a table with holes would compare different futures.
    """
    names = [list(dict.fromkeys(table[column])) for column in ("strategy", "future", "replication")]
    indexed = table.set_index(["strategy", "future", "replication"])["value"]
    if indexed.index.has_duplicates:
        raise ValueError("a strategy stands twice in the same future and replication")
    values = indexed.reindex(pd.MultiIndex.from_product(names)).to_numpy(float).reshape([len(part) for part in names])
    if not np.isfinite(values).all():
        s, f, _ = (int(i[0]) for i in np.nonzero(~np.isfinite(values)))
        missing = int((~np.isfinite(values)).sum())
        raise ValueError(f"{missing} of {values.size} runs have no value, the first of {names[0][s]} in {names[1][f]}; run them again")
    return values, names[0], names[1]


def scores(table: pd.DataFrame, threshold: float = 0.0) -> pd.DataFrame:
    """Return `SCORES` of every strategy with 95 % percentile intervals over replications, resampled together for all.

    Parameters
    ----------
    threshold
        A future in which the mean is at least this satisfies (Starr's domain criterion).

    Notes
    -----
    `*_tie` says which strategies cannot be told from the best in that column. `worst_tenth` is over futures and replications together:
    bad futures and bad luck. Regret is of means: how much more the best strategy of that future gives; with few replications luck
    adds to the best, so regret is too high rather than too low.

    Source: Savage 1951 (regret); Starr 1963 (domain criterion); McPhail et al. 2018, Earth's Future 6 (how they differ).
    """
    values, strategies, futures = cube(table)
    whole = _measures(values, threshold)
    rng = np.random.default_rng(SEED)
    n = values.shape[2]
    draws = [_measures(values[:, :, rng.integers(0, n, n)], threshold) for _ in range(DRAWS)] if n >= 3 else []
    means = values.mean(axis=2)
    rows = []
    for s, name in enumerate(strategies):
        row: dict[str, Any] = {"strategy": name, "worst_future": futures[int(means[s].argmin())], "worst": float(means[s].min())}
        for key, found in whole.items():
            row[key] = float(found[s])
            sample = [draw[key][s] for draw in draws]
            row[f"{key}_lo"], row[f"{key}_hi"] = (float(np.quantile(sample, q)) if sample else math.nan for q in (0.025, 0.975))
        rows.append(row)
    for column, sign in (("mean", 1.0), ("worst_tenth", 1.0), ("largest_regret", -1.0)):
        best = int((sign * whole[column]).argmax())
        for s, row in enumerate(rows):
            # Resampled together, so what strategies share cancels.
            behind = [sign * float(draw[column][best] - draw[column][s]) for draw in draws]
            row[f"{column}_tie"] = s == best or not behind or bool(np.quantile(behind, 0.025) <= 0)
    return pd.DataFrame(rows)[list(SCORES)]


def _measures(values: Array, threshold: float) -> dict[str, Array]:
    means = values.mean(axis=2)
    regret = means.max(axis=0) - means
    best = regret <= 1e-12 * np.maximum(1.0, np.abs(means).max(axis=0))
    return {
        "mean": means.mean(axis=1),
        "worst_tenth": worst_tenth(values.reshape(len(values), -1)),
        "largest_regret": regret.max(axis=1),
        "mean_regret": regret.mean(axis=1),
        "satisfied": (means >= threshold).mean(axis=1),
        "best_in": (best / best.sum(axis=0)).mean(axis=1),
    }


def changes(table: pd.DataFrame, base: str) -> pd.DataFrame:
    """Return how far each future moves each strategy from the future `base`, paired, with Holm over all (the tornado)."""
    values, strategies, futures = cube(table)
    at = futures.index(base)
    pairs = [(s, f) for s in range(len(strategies)) for f in range(len(futures)) if f != at]
    found = [compare_pair(values[s, f], values[s, at]) for s, f in pairs]
    rows = []
    for (s, f), pair, p in zip(pairs, found, holm([pair.p for pair in found]), strict=True):
        told = bool((pair.difference.lo > 0 or pair.difference.hi < 0) and p <= 0.05)
        middle = float(values[s, at].mean())
        rows.append((strategies[s], futures[f], middle, float(values[s, f].mean()), *pair.difference, float(p), told))
    return pd.DataFrame(rows, columns=list(CHANGES))


def concordance(table: pd.DataFrame) -> float:
    """Return Kendall's W of the ranks of strategies over futures: 1 the same order everywhere, 0 no common order.

    Source: Kendall & Babington Smith 1939, with the correction for ties.
    """
    from scipy.stats import rankdata

    values, strategies, futures = cube(table)
    k, m = len(strategies), len(futures)
    if k < 2 or m < 2:
        return math.nan
    ranks = np.stack([rankdata(column) for column in values.mean(axis=2).T])  # (futures, strategies)
    spread = float(((ranks.sum(axis=0) - m * (k + 1) / 2) ** 2).sum())
    ties = sum(float((c**3 - c).sum()) for c in (np.unique(row, return_counts=True)[1] for row in ranks))
    below = m**2 * (k**3 - k) - m * ties
    return 12 * spread / below if below > 0 else math.nan


def say_scores(found: pd.DataFrame, w: float, unit: str, threshold: float, futures: int, number: Any) -> list[str]:
    """Return the robustness of strategies in sentences; equals are said to be equals."""
    lines = []
    for column, higher, words in (
        ("mean", True, "Highest average over all futures"),
        ("worst_tenth", True, "Best worst tenth of futures and luck together"),
        ("largest_regret", False, "Smallest largest regret (what the best plan of a future would have given more)"),
    ):
        order = found.sort_values(column, ascending=not higher, kind="stable")
        top, rest = order.iloc[0], order.iloc[1:]
        near = rest.loc[rest[f"{column}_tie"], "strategy"].tolist()
        interval = f"95 % interval {number(top[f'{column}_lo'])} to {number(top[f'{column}_hi'])}"
        text = f"{words}: {top['strategy']}, {number(top[column])} {unit} ({interval})"
        lines.append(f"{text}; cannot be told from it: {', '.join(near)}." if near else f"{text}; told apart from the rest.")
    enough = ", ".join(f"{row['strategy']} {row['satisfied'] * futures:.0f}" for _, row in found.iterrows())
    lines.append(f"Futures (of {futures}) in which the average is at least {number(threshold)} {unit}: {enough}.")
    if math.isfinite(w):
        same = "much the same" if w > 0.8 else "partly the same" if w > 0.5 else "mostly different"
        lines.append(f"The order of the strategies is {same} from future to future (Kendall's W {w:.2f}, 1 would be the same in all).")
    return lines


def say_worst(table: pd.DataFrame, unit: str, number: Any) -> str:
    """Return what plans give in the worst 1 in 20 of all futures and worlds, the best first; no interval: so few cases have none."""
    values, strategies, _ = cube(table)
    worst = {name: float(worst_tenth(part.ravel(), TWENTIETH)) for name, part in zip(strategies, values, strict=True)}
    told = ", ".join(f"{name} {number(worst[name])}" for name in sorted(worst, key=lambda name: -worst[name]))
    return f"Worst 1 in 20 of {values[0].size} cases (every future in every world): {told} {unit}."


def frontier(points: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the names of the points that no other beats in every coordinate (more is better), in the order given.

    Examples
    --------
    >>> frontier({"a": (1, 4), "b": (2, 3), "c": (1, 3), "d": (0, 5)})
    ['a', 'b', 'd']
    """
    rows = {name: np.asarray(values, float) for name, values in points.items()}

    def beaten(name: str) -> bool:
        mine = rows[name]
        return any((other >= mine).all() and (other > mine).any() for which, other in rows.items() if which != name)

    return [name for name in rows if np.isfinite(rows[name]).all() and not beaten(name)]

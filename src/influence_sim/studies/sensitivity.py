"""Which parameters move a measure, or the order of strategies: Morris, Sobol or PAWN on a finished sweep.

The only file that knows SALib's analyses. A design with a hole is refused: one missing row breaks Saltelli's and Morris'
structure, and SALib would answer NaN.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from influence_sim.studies.statistics import SEED

Array = np.ndarray[Any, Any]
METHODS = {"morris": "morris", "sobol": "sobol"}  # every other design: PAWN, which needs no structure
RESAMPLES = 1_000
EFFECTS = ("outcome", "parameter", "method", "index", "lo", "hi", "told", "first", "first_lo", "first_hi", "sigma", "changes_of_order")


class SensitivityError(ValueError):
    """A sweep cannot be analysed; the message says why and what to do."""


class Outcome(NamedTuple):
    """What is explained: a name in words, and its value at every point of every replication (points, replications)."""

    name: str
    values: Array


def measured(results: pd.DataFrame, points: int, measure: str) -> dict[str, Array]:
    """Return a measure by strategy as (points, replications).

    Raises
    ------
    SensitivityError
        When runs are missing or failed, or a value is not defined.
    """
    if measure not in results.columns:
        known = [name for name in results.columns if results[name].dtype.kind == "f" and not name.startswith("market.")]
        raise SensitivityError(f"the sweep has no measure `{measure}`; it has: {', '.join(known)}")
    failed = results[results["status"] != "ok"] if "status" in results else results.iloc[:0]
    replications = sorted(results["replication"].unique())
    found = {}
    if results.empty:
        raise SensitivityError("the sweep has no finished run: run it again")
    for strategy, part in results.groupby("strategy", sort=False):
        table = part.pivot(index="point", columns="replication", values=measure)
        values = table.reindex(index=range(points), columns=replications).to_numpy(float)
        holes = int((~np.isfinite(values)).sum())
        if holes == values.size and len(failed) == 0:
            continue  # the measure means nothing for this arm, such as a cost for the control
        if holes:
            row = int(np.nonzero(~np.isfinite(values))[0][0])
            why = f"; the first failure: {failed['message'].iloc[0]}" if len(failed) else ""
            raise SensitivityError(
                f"{holes} of {values.size} values of `{measure}` of {strategy} are missing or not defined, the first at point {row}{why}. "
                "One hole breaks the design: run the sweep again with --retry-failed, or choose a measure that is always defined"
            )
        found[str(strategy)] = values
    return found


def explained(
    results: pd.DataFrame, design: Mapping[str, Any], measure: str, differences: Sequence[tuple[str, str]] = (), market: str | None = None
) -> tuple[list[Outcome], Array]:
    """Return what is explained in a sweep: outcomes, and the strategy that is best at each point (points,), the control left out.

    Raises
    ------
    SensitivityError
        As `measured` and `outcomes_of`; when nothing is varied, or the market is not there.
    """
    markets = list(design["markets"])
    if not design["names"]:
        raise SensitivityError("the sweep varies no parameter: nothing can move anything")
    if market is None and len(markets) > 1:
        raise SensitivityError(f"the sweep has several markets; choose one: {', '.join(markets)}")
    chosen = markets[0] if market is None else market
    if chosen not in markets:
        raise SensitivityError(f"the sweep has no market `{chosen}`; it has: {', '.join(markets)}")
    # Worlds that every point has: with a precision some have more.
    rows = (results["market"] == chosen) & (results["replication"] < design["replications"])
    values = measured(results[rows], len(design["points"]), measure)
    contenders = [name for name in values if name != design["control"][chosen]]
    asked = outcomes_of({name: values[name] for name in values if differences or name in contenders}, measure, differences)
    return asked, best_at(values, contenders)


def outcomes_of(values: Mapping[str, Array], measure: str, differences: Sequence[tuple[str, str]] = ()) -> list[Outcome]:
    """Return the measure of every strategy, or the differences asked for (whose sign is the order of two strategies)."""
    for pair in differences:
        for label in pair:
            if label not in values:
                raise SensitivityError(f"the sweep has no strategy `{label}`; it has: {', '.join(values)}")
    if differences:
        return [Outcome(f"{measure}, {a} minus {b}", values[a] - values[b]) for a, b in differences]
    return [Outcome(f"{measure} of {name}", value) for name, value in values.items()]


def effects(outcome: Outcome, design: Mapping[str, Any], orders: Array | None = None) -> pd.DataFrame:
    """Return `EFFECTS` of every parameter, the largest first.

    Parameters
    ----------
    outcome
        Values at every point.
    design
        A sweep's design: `kind`, `names`, `problem` (SALib's), `unit` (points in the unit cube), `levels`, `second_order`.
    orders
        The strategy that is best at each point (points,), of which Morris counts the steps that change it.

    Notes
    -----
    `index` is mu* (Morris), the total index (Sobol) or the median PAWN index; `told` is whether it is above what no influence
    gives: an interval above zero, for PAWN above the 95 % quantile of a parameter that is not there.

    Source: Campolongo et al. 2007; Saltelli et al. 2010; Pianosi & Wagener 2018.
    """
    kind, names, y = METHODS.get(design["kind"], "pawn"), list(design["names"]), outcome.values.mean(axis=1)
    x = np.asarray(design["unit"] if design.get("unit") is not None else _unit(design), float)
    if len(x) != len(y):
        raise SensitivityError(f"the design has {len(x)} points, the results have {len(y)}")
    problem = design.get("problem") or {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    nothing = np.full(len(names), math.nan)
    first = first_half = sigma = nothing
    floor: Array = np.zeros(len(names))
    if np.ptp(y) == 0:  # a flat outcome has no indices; SALib would divide by its variance
        index, low, high = (np.zeros(len(names)) for _ in range(3))
    elif kind == "morris":
        from SALib.analyze import morris

        found = morris.analyze(problem, x, y, num_resamples=RESAMPLES, num_levels=int(design.get("levels", 4)), seed=SEED)
        index, sigma = np.asarray(found["mu_star"], float), np.asarray(found["sigma"], float)
        low, high = index - np.asarray(found["mu_star_conf"]), index + np.asarray(found["mu_star_conf"])
    elif kind == "sobol":
        from SALib.analyze import sobol

        # Centred and scaled: the estimator loses digits where the mean is large against the spread.
        scaled = (y - y.mean()) / y.std()
        found = sobol.analyze(problem, scaled, calc_second_order=bool(design.get("second_order")), num_resamples=RESAMPLES, seed=SEED)
        index, first = np.asarray(found["ST"], float), np.asarray(found["S1"], float)
        low, high = index - np.asarray(found["ST_conf"]), index + np.asarray(found["ST_conf"])
        first_half = np.asarray(found["S1_conf"], float)
    else:
        index, low, high, floor = _pawn(problem, x, y)
    table = pd.DataFrame({
        "outcome": outcome.name, "parameter": names, "method": kind, "index": index, "lo": low, "hi": high, "told": low > floor,
        "first": first, "first_lo": first - first_half, "first_hi": first + first_half, "sigma": sigma,
        "changes_of_order": changes_of_order(x, orders) if kind == "morris" and orders is not None else nothing,
    })  # fmt: skip
    return table[list(EFFECTS)].sort_values("index", ascending=False, kind="stable").reset_index(drop=True)


def _pawn(problem: Mapping[str, Any], x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """Return PAWN's median index with its bootstrap interval, and the 95 % quantile of that of shuffled outcomes."""
    from SALib.analyze import pawn

    rng = np.random.default_rng(SEED)
    slices = max(4, min(10, len(y) // 15))

    def medians(rows: Array, of: Array) -> Array:
        with warnings.catch_warnings():  # SALib's coefficient of variation, which nobody reads, of indices of zero
            warnings.simplefilter("ignore", RuntimeWarning)
            return np.asarray(pawn.analyze(problem, x[rows], of, S=slices, seed=SEED)["median"], float)

    every = np.arange(len(y))
    drawn = [rng.integers(0, len(y), len(y)) for _ in range(50)]
    boots = np.stack([medians(rows, y[rows]) for rows in drawn])
    shuffled = np.stack([medians(every, rng.permutation(y)) for _ in range(50)])
    floor = np.full(x.shape[1], float(np.quantile(shuffled, 0.95)))
    # The index of a resample is biased upwards as every distance is: its spread is laid around the estimate.
    index = medians(every, y)
    half = 1.96 * boots.std(axis=0, ddof=1)
    return index, index - half, index + half, floor


def _unit(design: Mapping[str, Any]) -> Array:
    """Return the points of a design without a sample as shares of the range of each parameter; words count in the order in which they come.

    Raises
    ------
    SensitivityError
        When points leave a parameter as it is: where it stands then is another question for every market.
    """
    columns = []
    for name, values in zip(design["names"], zip(*design["points"], strict=True), strict=True):
        if None in values:
            more = "; one parameter at a time has no index: compare its points, or use `morris`" if design["kind"] == "oat" else ""
            raise SensitivityError(f"points without a value of {name} cannot be analysed{more}")
        codes = {value: k for k, value in enumerate(dict.fromkeys(values))}
        columns.append([codes[value] for value in values] if isinstance(values[0], str) else values)
    points = np.array(columns, float).T
    low, high = points.min(axis=0), points.max(axis=0)
    found: Array = (points - low) / np.where(high > low, high - low, 1.0)
    return found


def changes_of_order(x: Array, best: Array) -> Array:
    """Return, per parameter, how many of its Morris steps changed which strategy is best."""
    count = np.zeros(x.shape[1])
    for k in range(len(x) - 1):
        moved = np.flatnonzero(np.abs(x[k] - x[k + 1]) > 1e-12)
        if len(moved) == 1 and (k + 1) % (x.shape[1] + 1):
            count[moved[0]] += best[k] != best[k + 1]
    return count


def best_at(values: Mapping[str, Array], among: Sequence[str] | None = None) -> Array:
    """Return the name of the strategy with the highest mean at every point (points,)."""
    names = np.array(list(among or values))
    found: Array = names[np.argmax(np.stack([values[name].mean(axis=1) for name in names]), axis=0)]
    return found


def noise_share(values: Array) -> float:
    """Return which share of the variance between points is only luck of their replications; NaN with one replication.

    Points meet the same worlds: what a world adds to all of them is no luck of any.

    Examples
    --------
    >>> noise_share(np.array([[1.0, 6.0], [2.0, 7.0]]))
    0.0
    """
    n = values.shape[1]
    values = values - values.mean(axis=0)
    total = float(values.mean(axis=1).var(ddof=1)) if len(values) > 1 else math.nan
    if n < 2 or not total > 0:
        return math.nan
    return float(min(1.0, float(values.var(axis=1, ddof=1).mean()) / n / total))


def agreement(outcome: Outcome, design: Mapping[str, Any]) -> float:
    """Return Spearman's correlation of the indices from odd and from even replications; NaN with one replication."""
    from scipy.stats import spearmanr

    if outcome.values.shape[1] < 2 or len(design["names"]) < 3:
        return math.nan
    halves = [
        effects(Outcome("", outcome.values[:, k::2]), design).set_index("parameter")["index"].loc[list(design["names"])] for k in (0, 1)
    ]
    one, other = (half.to_numpy(float) for half in halves)
    return math.nan if np.ptp(one) == 0 or np.ptp(other) == 0 else float(spearmanr(one, other).statistic)


def say_mover(table: pd.DataFrame) -> str:
    """Say which parameter moves an outcome most, and which cannot be told from it because their intervals reach into its own."""
    told = table[table["told"]]
    if not len(told):
        return "nothing is told to move it"
    names = [str(name).removeprefix("market.") for name in told.loc[told["hi"] >= told["lo"].iloc[0], "parameter"]]
    if len(names) == 1:
        return f"{names[0]} moves it most"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    first = ", ".join(names[:3]) if more else ", ".join(names[:-1]) + f" and {names[-1]}"
    return f"{first}{more} move it most"


def say_order(values: Array, pair: tuple[str, str], measure: str) -> str:
    """Say which of two strategies is ahead at how many points, from differences (points, replications); a tie is nobody's lead."""
    means, name = values.mean(axis=1), measure.replace("_", " ")
    ahead, behind, n = int((means > 0).sum()), int((means < 0).sum()), len(means)
    equal = f", equal at {n - ahead - behind}" if ahead + behind < n else ""
    if ahead == behind:
        return f"{' and '.join(pair)} are equally often ahead on {name} ({ahead} of {n} points each{equal})"
    first, second = pair if ahead > behind else pair[::-1]
    return f"{first} has more {name} on average than {second} at {max(ahead, behind) / n * 100:.0f} % of {n} points{equal}"


def say_effects(table: pd.DataFrame, noise: float, agree: float, number: Any) -> list[str]:
    """Return the result of one outcome in sentences."""
    name, method = table["outcome"].iloc[0], table["method"].iloc[0]
    words = {"morris": "mean absolute effect mu*", "sobol": "total share of variance", "pawn": "PAWN index"}[method]
    told = table[table["told"]]
    if not len(told):
        return [f"{name}: no parameter is told apart from no influence."]
    top = [
        f"{r['parameter'].removeprefix('market.')} {number(r['index'])} ({number(r['lo'])} to {number(r['hi'])})"
        for r in told.head(3).to_dict("records")
    ]
    lines = [f"{name}: moved most by {', '.join(top)}; this is the {words} with its 95 % interval."]
    weak = len(table) - len(told)
    if weak:
        lines.append(f"{weak} of {len(table)} parameters cannot be told from no influence on it.")
    if math.isfinite(noise) and noise > 0.2:
        lines.append(f"Luck is {noise * 100:.0f} % of the variance between points: more replications would sharpen this.")
    if math.isfinite(agree) and agree < 0.7:
        lines.append(f"Odd and even replications rank the parameters differently (Spearman {agree:.2f}): read only the first few.")
    return lines

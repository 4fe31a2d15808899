"""Compare strategies: runs in, summary, pairs, decomposition and an answer in words out.

Everything is paired: the incremental purchases of a run are its expected purchases minus those of the
control in the same replication.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from influence_sim.studies import runner
from influence_sim.studies.credit import attribution_table, measures_table
from influence_sim.studies.oddities import oddities
from influence_sim.studies.outputs import check_target, comparison_html, write_comparison, write_tables
from influence_sim.studies.statistics import (
    compare_pair,
    holm,
    linearised_ratio,
    mean_interval,
    probability_best,
    ratio_interval,
    replications_needed,
)
from influence_sim.studies.stopping import Stopping, half_width, leading_pair
from influence_sim.studies.words import Say, explain_probability_best, say_answer, say_stopped, say_warnings

if TYPE_CHECKING:
    from influence_sim.record import RunResult
    from influence_sim.scenario.schema import Scenario

__all__ = ["Comparison", "compare", "comparison_of", "write_comparison", "write_tables"]

Array = np.ndarray[Any, Any]
# Label -> (mean, low, high) of incremental purchases so far.
Estimates = dict[str, tuple[float, float, float]]
Progress = Callable[[int, int, Estimates], None]

SUMMARY = (
    "strategy", "spend", "reach", "impressions", "frequency", "engagement_rate_views", "engagement_rate_followers", "clicks", "purchases",
    "incremental_purchases", "incremental_purchases_lo", "incremental_purchases_hi", "cost_per_incremental_purchase", "roi", "roi_lo",
    "roi_hi", "probability_best", "replications", "unspent", "feasible", "expected_purchases",
)  # fmt: skip
PAIRS = (
    "strategy_a", "strategy_b", "objective", "mean_difference", "lo", "hi", "p_permutation", "p_holm", "paired_sd", "correlation",
    "replications_needed", "precision_target", "verdict",
)  # fmt: skip
DAILY = (
    "replication", "strategy", "day", "impressions", "reach_cumulative", "engagements", "clicks", "purchases", "expected_purchases",
    "spend", "aware", "considering", "sponsored_share_seen", "views_modelled", "views_outside", "likes", "comments", "shares", "follows",
    "unfollows", "spend_ads",
)  # fmt: skip
POSTS = (
    "replication", "strategy", "post", "creator", "day", "followers", "views", "likes", "comments", "shares", "follows", "duration_s",
    "sponsored", "advert", "disclosed", "brief", "brand",
)  # fmt: skip
FEED_ITEMS = (
    "replication", "strategy", "person", "day", "slot", "post", "source", "age_days", "views_at_exposure", "creator_followers",
    "follows_creator", "sponsored", "watched_s",
)  # fmt: skip
DECOMPOSITION = (
    "strategy", "bought", "price", "reach", "engagement", "conversion", "product", "impressions_per_usd",
)  # fmt: skip
A_BETTER, B_BETTER, UNDECIDED, NOT_FEASIBLE = "a better", "b better", "cannot tell them apart", "not feasible"
ALPHA = 0.05
# Half-widths that "replications needed" aims at: of the budget for money, of the largest arm otherwise.
TARGET_OF_BUDGET, TARGET_OF_LARGEST = 0.05, 0.10


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison: tables, the answer in words, and what the reader must be warned of.

    `decomposition` splits incremental purchases per USD into price, reach, engagement and
    conversion, `totals` has a row per run, `loaded` the scenario with the origin of its values if known;
    `provenance` is filled when the comparison is written; `stopped` says which rule ended the
    replications, where their number was not given; `attribution` is what dashboards credit, beside the truth,
    and `measures` the industry's measures (`record.measures`).
    """

    scenario: Scenario
    summary: pd.DataFrame
    pairs: pd.DataFrame
    daily: pd.DataFrame
    posts: pd.DataFrame
    feed_items: pd.DataFrame
    answer: str
    warnings: list[str]
    decomposition: pd.DataFrame = field(default_factory=pd.DataFrame)
    totals: pd.DataFrame = field(default_factory=pd.DataFrame)
    probability_explained: str = ""
    loaded: Any = None
    provenance: dict[str, Any] = field(default_factory=dict)
    stopped: str = ""
    attribution: pd.DataFrame = field(default_factory=pd.DataFrame)
    measures: pd.DataFrame = field(default_factory=pd.DataFrame)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the answer, warnings, a small table and the forest plot."""
        return comparison_html(self)


class _Runs:
    """Totals as arrays (replications, arms); arms in the order in which they ran."""

    def __init__(self, scenario: Scenario, results: Sequence[RunResult]) -> None:
        self.scenario = scenario
        self.labels = runner.arms(scenario)
        self.control = self.labels.index(runner.control_label(scenario))
        self.n = scenario.replications
        column = {label: k for k, label in enumerate(self.labels)}
        self._cells: dict[str, Array] = {}
        for result in results:
            for key, value in result.totals.items():
                table = self._cells.setdefault(key, np.full((self.n, len(self.labels)), np.nan))
                table[result.replication, column[result.strategy]] = value
        self.incremental = self["expected_purchases"] - self["expected_purchases"][:, [self.control]]
        self.spend = self["spend"]
        self.feasible = np.where(np.arange(len(self.labels)) == self.control, 1.0, self["feasible"])
        brand = scenario.market.brand
        self.profit = self.incremental * brand.price * brand.margin - self.spend
        # An arm that could buy nothing in every replication is no contender, whatever its numbers.
        self.contends = self.feasible.max(axis=0, initial=0.0) > 0

    def __getitem__(self, key: str) -> Array:
        return self._cells.get(key, np.full((self.n, len(self.labels)), np.nan))

    @property
    def smaller_is_better(self) -> bool:
        return self.scenario.objective == "cost_per_incremental_purchase"

    def ratio(self, top: Array, bottom: Array, k: int) -> float:
        """Return a ratio of sums of one arm; NaN when there is nothing below the line."""
        below = float(bottom[:, k].sum())
        return float(top[:, k].sum()) / below if below > 0 else math.nan

    def objective(self) -> Array:
        """Return the objective by replication and arm; costs as values whose mean is the ratio of means."""
        name = self.scenario.objective
        if name == "profit":
            return self.profit
        if name == "incremental_purchases":
            return self.incremental
        if name == "reach":
            return self["reach"]
        columns = [linearised_ratio(self.spend[:, k], self.incremental[:, k]) for k in range(len(self.labels))]
        return np.where(self.spend.sum(axis=0) > 0, np.column_stack(columns), np.nan)

    def probabilities(self) -> Array:
        """Return `probability_best` by arm; arms that are no contender get NaN."""
        out = np.where(self.contends, 0.0, np.nan)
        if self.smaller_is_better:
            out[self.spend.sum(axis=0) <= 0] = np.nan
            arms = np.flatnonzero(np.isfinite(out))
            out[arms] = probability_best(self.spend[:, arms], self.incremental[:, arms], maximise=False)
            return out
        arms = np.flatnonzero(self.contends)
        out[arms] = probability_best(self.objective()[:, arms])
        return out


def _summary(runs: _Runs) -> pd.DataFrame:
    best = runs.probabilities()
    brand, budget = runs.scenario.market.brand, runs["budget"]
    rows = []
    for k, label in enumerate(runs.labels):
        spend, gained = runs.spend[:, k], runs.incremental[:, k]
        incremental = mean_interval(gained)
        roi = ratio_interval(gained * brand.price * brand.margin - spend, spend)
        pays = spend.sum() > 0 and incremental.value > 0
        rows.append((
            label, spend.mean(), runs["reach"][:, k].mean(), runs["impressions"][:, k].mean(),
            runs.ratio(runs["impressions"], runs["reach"], k),
            runs.ratio(runs["engagements"], runs["impressions"], k),
            runs.ratio(runs["engagements"], runs["follower_base"], k),
            runs["clicks"][:, k].mean(), runs["purchases"][:, k].mean(), *incremental,
            spend.mean() / incremental.value if pays else math.nan, *roi, best[k], runs.n,
            (budget[:, k] - spend).mean(), runs.feasible[:, k].mean(), runs["expected_purchases"][:, k].mean(),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(SUMMARY))


def _precision_target(runs: _Runs, values: Array) -> float:
    """Return the half-width, in units of the objective, that `replications_needed` aims at."""
    if runs.scenario.objective == "profit" and runs.scenario.budget > 0:
        return float(TARGET_OF_BUDGET * runs.scenario.budget)
    means = np.abs(values[:, runs.contends].mean(axis=0))
    known = means[np.isfinite(means)]
    return float(TARGET_OF_LARGEST * known.max()) if len(known) and known.max() > 0 else math.nan


def _pairs(runs: _Runs) -> pd.DataFrame:
    values = runs.objective()
    target = _precision_target(runs, values)
    chosen = list(itertools.combinations(range(len(runs.labels)), 2))
    found = [compare_pair(values[:, a], values[:, b]) for a, b in chosen]
    alive = np.array([bool(runs.contends[a] and runs.contends[b]) for a, b in chosen], dtype=bool)
    adjusted = holm([pair.p if ok else math.nan for pair, ok in zip(found, alive, strict=True)])
    rows = []
    for (a, b), pair, ok, p_holm in zip(chosen, found, alive, adjusted, strict=True):
        names = (runs.labels[a], runs.labels[b], runs.scenario.objective)
        if not ok:
            rows.append((*names, *([math.nan] * 8), target, NOT_FEASIBLE))
            continue
        difference = pair.difference
        told = (difference.lo > 0 or difference.hi < 0) and p_holm <= ALPHA
        a_wins = (difference.value > 0) != runs.smaller_is_better
        verdict = (A_BETTER if a_wins else B_BETTER) if told else UNDECIDED
        needed = replications_needed(pair.sd, target)
        rows.append((*names, *difference, pair.p, float(p_holm), pair.sd, pair.correlation, needed, target, verdict))
    return pd.DataFrame(rows, columns=list(PAIRS))


def _decomposition(runs: _Runs, leader: str | None) -> pd.DataFrame:
    """Split incremental purchases per USD; `*_relative` columns are multiples of the leader's."""
    rows = []
    for k, label in enumerate(runs.labels):
        if not runs.contends[k] or runs.spend[:, k].sum() <= 0:
            continue
        followers = float(runs["follower_base"][:, k].sum()) > 0
        bought = runs["follower_base"] if followers else runs["impressions"]
        parts = (
            runs.ratio(bought, runs.spend, k),
            runs.ratio(runs["impressions"], bought, k),
            runs.ratio(runs["engagements"], runs["impressions"], k),
            runs.ratio(runs.incremental, runs["engagements"], k),
            runs.ratio(runs.incremental, runs.spend, k),
            runs.ratio(runs["impressions"], runs.spend, k),
        )
        rows.append((label, "followers" if followers else "impressions", *parts))
    table = pd.DataFrame(rows, columns=list(DECOMPOSITION))
    if table.empty:
        return table
    base = table[table["strategy"] == leader] if leader in set(table["strategy"]) else table.iloc[:1]
    same_unit = table["bought"] == base["bought"].iloc[0]
    for column in DECOMPOSITION[2:]:
        one = float(base[column].iloc[0])
        relative = table[column] / one if math.isfinite(one) and one != 0 else table[column] * math.nan
        # A follower and a bought impression are different goods: their prices have no ratio.
        table[f"{column}_relative"] = relative.where(same_unit) if column in ("price", "reach") else relative
    return table


def _table(results: Sequence[RunResult], part: str, columns: Sequence[str]) -> pd.DataFrame:
    """Stack one table of all runs in run order; the contract's columns first, any others after them by name."""
    frames = []
    for result in results:
        data: dict[str, Array] = getattr(result, part)
        if data and len(next(iter(data.values()))):
            frames.append(pd.DataFrame({"replication": result.replication, "strategy": result.strategy, **data}))
    if not frames:
        return pd.DataFrame({name: pd.Series(dtype=object if name == "strategy" else float) for name in columns})
    table = pd.concat(frames, ignore_index=True)
    first = [name for name in columns if name in table.columns]
    return table[[*first, *sorted(set(table.columns) - set(first))]]


def comparison_of(scenario: Scenario, results: Sequence[RunResult], loaded: Any = None) -> Comparison:
    """Turn finished runs into a comparison; `results` has every arm of `runner.arms` in every replication."""
    runs = _Runs(scenario, results)
    summary, pairs = _summary(runs), _pairs(runs)
    values = runs.objective()
    means = values.mean(axis=0)
    order = sorted(
        (k for k in range(len(runs.labels)) if runs.contends[k] and math.isfinite(means[k])),
        key=lambda k: means[k] if runs.smaller_is_better else -means[k],
    )  # equal means stay in the order of the scenario
    ranked = [runs.labels[k] for k in order]
    totals = pd.DataFrame([{"replication": r.replication, "strategy": r.strategy, **r.totals} for r in results])
    events = dict(zip(runs.labels, runs["expected_purchases"].sum(axis=0).tolist(), strict=True))
    say = Say(scenario, summary, pairs, ranked, dict(zip(runs.labels, means.tolist(), strict=True)), runs.labels[runs.control], events)
    odd = oddities(runs.labels, values, runs.spend, runs.control, (order[0], order[1]) if len(order) > 1 else None)
    return Comparison(
        scenario=scenario, summary=summary, pairs=pairs,
        daily=_table(results, "daily", DAILY), posts=_table(results, "posts", POSTS), feed_items=_table(results, "feed_items", FEED_ITEMS),
        answer=say_answer(say), warnings=[*say_warnings(say), *odd], decomposition=_decomposition(runs, ranked[0] if ranked else None),
        totals=totals, probability_explained=explain_probability_best(scenario), loaded=loaded,
        attribution=attribution_table(scenario, results), measures=measures_table(scenario, results),
    )  # fmt: skip


def running_estimates(scenario: Scenario, results: Sequence[RunResult]) -> Estimates:
    """Return (mean, low, high) of incremental purchases by arm over the replications that are complete so far."""
    from scipy.stats import t

    control = runner.control_label(scenario)
    expected = {(r.strategy, r.replication): float(r.totals["expected_purchases"]) for r in results}
    found: Estimates = {}
    for label in scenario.strategies:
        if label == control:
            continue
        gained = [v - expected[control, r] for (who, r), v in expected.items() if who == label and (control, r) in expected]
        if gained:
            mean, n, half = float(np.mean(gained)), len(gained), math.nan
            if n > 1:
                half = float(t.ppf(0.975, n - 1)) * float(np.std(gained, ddof=1)) / math.sqrt(n)
            found[label] = (mean, mean - half, mean + half)
    return found


def precision_reached(scenario: Scenario, results: Sequence[RunResult]) -> tuple[tuple[str, str], float, float] | None:
    """Return the two leading arms, the half-width of their paired difference and the half-width wanted; None without a pair."""
    runs = _Runs(scenario, results)
    values = runs.objective()
    pair = leading_pair(values, runs.contends, not runs.smaller_is_better)
    if pair is None:
        return None
    a, b = pair
    return (runs.labels[a], runs.labels[b]), half_width(values[:, a] - values[:, b]), _precision_target(runs, values)


def compare(
    scenario: Any,
    out: str | Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    agents: Any = None,
    stopping: Stopping | None = None,
    threads: int | None = None,
    keep: str | Path | None = None,
) -> Comparison:
    """Run every strategy of a scenario in the same worlds and say which wins, by how much and how sure that is.

    Parameters
    ----------
    scenario
        A `Scenario`, or what `load_scenario` returns.
    out
        Folder to write the result to, all or nothing; nothing is written when None.
    jobs
        Processes at the same time; by default one per core, as far as memory allows. Results do not depend on it.
    progress
        Called with (done, total, {label: (mean, low, high) of incremental purchases so far}).
    agents
        Hook with rules of your own, see `runner.run_one`.
    stopping
        Rule that decides the number of replications instead of the scenario. The tables are the same, byte
        for byte, as those of a scenario that asks for the number it stops at.
    threads
        Threads of each process; by default the cores that are left over. Results do not depend on it.
    keep
        Folder in which finished runs are kept: the same comparison, or one with more replications, goes on from there.

    Raises
    ------
    ValueError
        When runs are to be kept that follow `agents`: a file cannot tell what they would do.
    OutputError
        When `keep` cannot be used, or `out` holds something that is not an earlier result; before anything runs.
    RunError
        When a run fails.
    """
    import time

    loaded = scenario if hasattr(scenario, "origins") else None
    asked: Scenario = loaded.scenario if loaded is not None else scenario
    if out is not None:
        check_target(Path(out))
    if stopping is not None:
        asked = asked.model_copy(update={"replications": stopping.start})
    estimates: Estimates = {}
    told = float("-inf")
    stopped = ""

    def tell(done: int, total: int, results: Sequence[RunResult]) -> None:
        nonlocal estimates, told
        if progress is None:
            return
        if done == total or time.monotonic() - told > 1.0:  # the estimate reads every result so far
            estimates, told = running_estimates(asked, results), time.monotonic()
        progress(done, total, estimates)

    def more(results: Sequence[RunResult]) -> int:
        nonlocal asked, stopped
        assert stopping is not None
        found = precision_reached(asked, results)
        extra = stopping.more(asked.replications, found[1], found[2]) if found else 0
        if extra:
            asked = asked.model_copy(update={"replications": asked.replications + extra})
        else:
            stopped = say_stopped(asked, found)
        return extra

    from influence_sim.studies.keeping import Kept

    if keep is not None and agents is not None:
        raise ValueError("runs of agents with rules of their own cannot be kept")
    kept = None if keep is None else Kept(keep, asked)
    results = runner.run_all(
        asked, jobs=jobs, progress=tell, agents=agents, more=more if stopping is not None else None, threads=threads, keep=kept
    )
    if loaded is not None and stopping is not None:
        loaded = replace(loaded, scenario=asked, origins={**loaded.origins, "replications": "--replications auto"})
    comparison = replace(comparison_of(asked, results, loaded), stopped=stopped)
    if out is not None:
        write_comparison(comparison, Path(out))
    return comparison

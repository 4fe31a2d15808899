"""Play the runs that facts read, once each, and measure every fact and its naive baseline."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from influence_sim.scorecard import statistics_campaigns  # noqa: F401  (registers its statistics)
from influence_sim.scorecard.baseline import naive
from influence_sim.scorecard.crawl import Tables
from influence_sim.scorecard.facts import Fact, missing
from influence_sim.scorecard.pool import jackknife
from influence_sim.scorecard.statistics import REGISTRY, measure
from influence_sim.scorecard.worlds import LIMITS, is_long, known, play, seeds

PASS, FAIL, NOT_RUN = "pass", "fail", "not run"
Task = tuple[str, int]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Row:
    """A fact as measured, its 95 % interval over seeds (NaN with one), the baseline's value and the verdict."""

    fact: Fact
    value: float = math.nan
    lo: float = math.nan
    hi: float = math.nan
    baseline: float = math.nan
    seeds: int = 0
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Whether the mean lies in the band; a fact without a number is not run, and says why."""
        return NOT_RUN if not math.isfinite(self.value) else PASS if self.fact.passes(self.value) else FAIL

    @property
    def naive_passes(self) -> bool:
        """Whether the naive baseline lies in the band too: then a pass is no success of the mechanisms."""
        return math.isfinite(self.baseline) and self.fact.passes(self.baseline)


@dataclass(frozen=True)
class Played:
    """What a task gave: tables, or the reason why there are none, and the seconds it took."""

    tables: Tables | None
    reason: str
    seconds: float


def obstacle(fact: Fact) -> str:
    """Return why a fact cannot be run in this version of the model, or an empty string."""
    lacking = [*missing(fact), *(f"run {name}" for name in fact.runs if not known(name))]
    if fact.statistic.split()[0] not in REGISTRY:
        lacking.append(f"statistic {fact.statistic.split()[0]}")
    return f"needs {', '.join(lacking)}" if lacking else ""


def fast(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts that need no platform: exact limits, which take a minute."""
    return [fact for fact in facts if all(name in LIMITS for name in fact.runs)]


def tasks(facts: Sequence[Fact], most_seeds: int | None = None) -> list[Task]:
    """Return every run under every seed that the facts read, each once, the longest first."""
    names = dict.fromkeys(name for fact in facts if not obstacle(fact) for name in fact.runs)
    order = sorted(names, key=lambda name: (not name.startswith("crawl"), not is_long(name), ":" in name))
    return [(name, seed) for name in order for seed in seeds(name)[:most_seeds]]


def play_task(task: Task) -> Played:
    """Play one run; a failure is a reason, for one run that fails must not take the others with it."""
    begun = time.perf_counter()
    try:
        return Played(play(*task), "", time.perf_counter() - begun)
    except Exception as problem:
        return Played(None, f"{type(problem).__name__}: {problem}".splitlines()[0], time.perf_counter() - begun)


def play_all(wanted: Sequence[Task], jobs: int | None = None, progress: Progress | None = None) -> dict[Task, Played]:
    """Play every task, in this process or in several; results do not depend on how many."""
    from loky import ProcessPoolExecutor, cpu_count

    from influence_sim.engine import warm_up

    warm_up()
    workers = min(jobs or cpu_count(), max(1, len(wanted)))
    found: dict[Task, Played] = {}

    def note(task: Task, played: Played) -> None:
        found[task] = played
        if progress is not None:
            progress(len(found), len(wanted), task[0])

    if workers == 1:
        for task in wanted:
            note(task, play_task(task))
        return found
    from concurrent.futures import as_completed

    executor = ProcessPoolExecutor(max_workers=workers)
    finished = False
    try:
        futures = {executor.submit(play_task, task): task for task in wanted}
        for future in as_completed(futures):
            note(futures[future], future.result())
        finished = True
    finally:
        executor.shutdown(wait=True, kill_workers=not finished)
    return found


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and Student 95 % interval of the finite values; NaN bounds with fewer than two."""
    from scipy.stats import t

    x = np.array([v for v in values if math.isfinite(v)])
    if len(x) < 2:
        return (float(x[0]) if len(x) else math.nan), math.nan, math.nan
    half = float(t.ppf(0.975, len(x) - 1)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    mean = float(x[0] + (x - x[0]).mean())  # equal numbers have themselves as mean
    return mean, mean - half, mean + half


def row(fact: Fact, played: Mapping[Task, Played], twins: Mapping[Task, Tables]) -> Row:
    """Measure one fact and its baseline over the seeds that all of its runs share: the mean, or for campaigns the pooled worlds."""
    lacking = obstacle(fact)
    if lacking:
        return Row(fact, reason=lacking)
    by_run = {name: [seed for run, seed in played if run == name] for name in fact.runs}
    common = [seed for seed in next(iter(by_run.values())) if all(seed in mine for mine in by_run.values())]
    failed = [f"{name}: {played[name, seed].reason}" for seed in common for name in fact.runs if played[name, seed].tables is None]
    if failed or not common:
        return Row(fact, reason=failed[0] if failed else "no run")
    worlds = [{name: played[name, seed].tables or {} for name in fact.runs} for seed in common]
    bases = [{name: twins[name, seed] for name in fact.runs} for seed in common]

    def told(tables: Mapping[str, Tables]) -> float:
        return measure(fact.statistic, tables)

    if all(":" in name for name in fact.runs):  # campaigns: counts are rare, so worlds are pooled
        value, lo, hi = jackknife(worlds, told)
        base, seeds_measured = jackknife(bases, told)[0], len(common) if math.isfinite(value) else 0
    else:
        values = [told(world) for world in worlds]
        value, lo, hi = interval(values)
        base, seeds_measured = interval([told(world) for world in bases])[0], sum(map(math.isfinite, values))
    reason = "" if math.isfinite(value) else "nothing to count in these worlds"
    return Row(fact, value, lo, hi, base, seeds_measured, reason)


def measured(facts: Sequence[Fact], played: Mapping[Task, Played]) -> list[Row]:
    """Return the rows of the facts in their order."""
    twins = {task: naive(task[0], x.tables, task[1]) for task, x in played.items() if x.tables is not None}
    return [row(fact, played, twins) for fact in facts]


def counts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Return, by kind, facts and families, and how many passed, failed and were not run; passes that the baseline shares."""
    out: dict[str, dict[str, int]] = {}
    for kind in dict.fromkeys(r.fact.kind for r in rows):
        mine = [r for r in rows if r.fact.kind == kind]
        families = dict.fromkeys(r.fact.family for r in mine if r.verdict != NOT_RUN)
        whole = {f: all(r.verdict != FAIL for r in mine if r.fact.family == f) for f in families}
        out[kind] = {
            "facts": len(mine),
            **{verdict: sum(r.verdict == verdict for r in mine) for verdict in (PASS, FAIL, NOT_RUN)},
            "families": len(whole),
            "families whole": sum(whole.values()),
            "baseline passes": sum(r.naive_passes for r in mine if r.verdict != NOT_RUN),
            "passes of its own": sum(r.verdict == PASS and not r.naive_passes for r in mine),
        }
    return out


def record(r: Row) -> dict[str, Any]:
    """Return a row of scorecard.csv."""
    f = r.fact
    passes = r.verdict if r.verdict != NOT_RUN else f"{NOT_RUN}: {r.reason}"
    return {
        "id": f.id, "claim": f.claim, "kind": f.kind, "family": f.family, "sample": f.sample, "target": f.target, "low": f.band[0],
        "high": f.band[1], "value": r.value, "value_lo": r.lo, "value_hi": r.hi, "baseline": r.baseline, "passes": passes,
        "baseline_passes": r.naive_passes, "seeds": r.seeds, "source": f.source, "grade": f.grade,
    }  # fmt: skip

"""Play many scenarios: every arm in every replication, as one tidy table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from influence_sim.studies.runner import RunError, _warm_up, arms, graph_of, run_one

if TYPE_CHECKING:
    from influence_sim.record import RunResult
    from influence_sim.scenario.schema import Scenario

# A finished run and its scenario -> numbers by name; sent to workers by value.
Measures = Callable[["RunResult", "Scenario"], Mapping[str, float]]
Told = Callable[[int, int], None]


def totals(result: RunResult, scenario: Scenario) -> Mapping[str, float]:
    """Return the totals of a run."""
    return result.totals


def play(
    scenarios: Sequence[Scenario], replications: range, measures: Measures = totals, jobs: int | None = None, told: Told | None = None
) -> pd.DataFrame:
    """Return `point` (index of the scenario), `strategy`, `replication` and the measures, in this order of rows.

    All arms of a scenario play the same replications in the same worlds; results depend neither on `jobs` nor on who finished first.

    Raises
    ------
    RunError
        When a run fails, naming it.
    """
    from loky import ProcessPoolExecutor, as_completed, cpu_count

    from influence_sim.feeds import policies

    _warm_up()
    tasks = [(p, label, r) for p, s in enumerate(scenarios) for r in replications for label in arms(s)]
    workers = min(jobs if jobs is not None else cpu_count(), max(1, len(tasks)))
    rows: dict[int, dict[str, Any]] = {}
    tell = told or (lambda done, total: None)
    if workers == 1:
        for i, (p, label, r) in enumerate(tasks):
            rows[i] = _run(scenarios[p], p, label, r, measures, ())
            tell(i + 1, len(tasks))
    else:
        pool = ProcessPoolExecutor(max_workers=workers)
        try:
            feeds = tuple(policies().values())
            futures = {pool.submit(_run, scenarios[p], p, label, r, measures, feeds): i for i, (p, label, r) in enumerate(tasks)}
            for future in as_completed(futures):
                rows[futures[future]] = future.result()
                tell(len(rows), len(tasks))
            pool.shutdown(wait=True)
        except BaseException:
            pool.shutdown(wait=True, kill_workers=True)
            raise
    return pd.DataFrame([rows[i] for i in range(len(tasks))])


def _run(scenario: Scenario, point: int, label: str, replication: int, measures: Measures, feeds: Any) -> dict[str, Any]:
    """Play one arm; a worker registers feeds by receiving them."""
    try:
        result = run_one(scenario, label, replication, graph=graph_of(scenario))
        return {"point": point, "strategy": label, "replication": replication, **measures(result, scenario)}
    except Exception as problem:
        if isinstance(problem, OSError | MemoryError) or type(problem).__module__.startswith("influence_sim."):
            raise
        raise RunError(f"point {point}, {label}, replication {replication}: {type(problem).__name__}: {problem}") from problem

"""Play scenarios that an analysis chooses as it goes: every arm in every replication, as one tidy table, nothing twice.

It stands on the same loop, executors and journal as `sweep`, for questions whose points are whole scenarios (futures, splits of a
budget) or whose measures need more than the totals of a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from influence_sim.studies.executors import executor_of
from influence_sim.studies.journal import Journal, question_digest, run_id
from influence_sim.studies.loop import OK, Executor, Run, run_loop
from influence_sim.studies.results import decides
from influence_sim.studies.runner import RunError, arms, run_one
from influence_sim.studies.variants import totals_of
from influence_sim.studies.worlds import Worlds, sharing

if TYPE_CHECKING:
    from influence_sim.record import RunResult
    from influence_sim.scenario.schema import Scenario

# A finished run and its scenario -> numbers by name; sent to workers by value, and known by its name in a journal.
Measures = Callable[["RunResult", "Scenario"], Mapping[str, float]]
Told = Callable[[int, int], None]


class Play(Protocol):
    """Plays scenarios: what `playing` yields."""

    def __call__(
        self, scenarios: Sequence[Scenario], replications: range, measures: Measures = totals_of, only: str | None = None
    ) -> pd.DataFrame:
        """Return `point` (index of the scenario), `strategy`, `replication` and the measures, in this order of rows.

        All arms of a scenario play the same replications in the same worlds; results depend neither on the executor nor on who
        finished first; with `only` one arm plays alone. An arm that was played before, here or by an earlier call with the same
        journal, is not played again.

        Raises
        ------
        RunError
            When a run fails, naming it.
        ExecutorError
            When runs cannot go on.
        """


class _Work:
    """What a worker needs; a worker registers feeds by receiving them."""

    def __init__(self, worlds: Worlds) -> None:
        from influence_sim.feeds import policies

        self.worlds = worlds
        self.feeds = list(policies().values())

    def __call__(self, scenario: Scenario, label: str, replication: int, measures: Measures) -> dict[str, float]:
        """Play one arm in one replication."""
        return dict(measures(run_one(scenario, label, replication, worlds=self.worlds), scenario))


@contextmanager
def playing(executor: str = "local", keep: str | os.PathLike[str] | None = None, told: Told | None = None) -> Iterator[Play]:
    """Open workers and yield a function that plays.

    Parameters
    ----------
    executor
        As in `sweep`.
    keep
        Folder of a journal in which finished runs are kept: a later call goes on from there.
    told
        Called with (done, total) of each table.

    Raises
    ------
    ValueError
        When there is no such executor.
    OutputError
        When the journal's folder cannot be used.
    """
    from influence_sim.engine import warm_up

    warm_up()
    with nullcontext() if keep is None else Journal(keep) as journal, sharing() as worlds:
        known = {} if journal is None else {r["run_id"]: r["totals"] for r in journal.read() if r["status"] == OK}
        where = executor_of(executor, _Work(worlds))
        finished = False

        def play(
            scenarios: Sequence[Scenario], replications: range, measures: Measures = totals_of, only: str | None = None
        ) -> pd.DataFrame:
            rows: list[tuple[int, str, int, str]] = []
            waiting: dict[str, Run] = {}
            for point, scenario in enumerate(scenarios):
                labels = arms(scenario) if only is None else [only]
                digests = {label: question_digest({**decides(scenario, label), "told": measures.__name__}) for label in labels}
                for replication in replications:
                    for label, digest in digests.items():
                        key = run_id(digest, replication)
                        rows.append((point, label, replication, key))
                        if key not in known:
                            waiting.setdefault(key, Run(key, (scenario, label, replication, measures)))
            _finish(waiting, where, journal, known, told or (lambda done, total: None))
            return pd.DataFrame([{"point": p, "strategy": label, "replication": r, **known[key]} for p, label, r, key in rows])

        try:
            yield play
            finished = True
        finally:
            where.close(kill=not finished)


def _finish(waiting: Mapping[str, Run], where: Executor, journal: Journal | None, known: dict[str, Any], told: Told) -> None:
    """Play what is not known yet; keep every run as soon as it is finished."""
    done = 0
    with closing(run_loop(waiting.values(), where)) as played:
        for outcomes in played:
            fine = [outcome for outcome in outcomes if outcome.status == OK]
            known.update({outcome.key: outcome.value for outcome in fine})
            if journal is not None:
                named = [(outcome, waiting[outcome.key].arguments) for outcome in fine]
                journal.append([
                    {"run_id": o.key, "status": OK, "message": "", "seconds": round(o.seconds, 6), "strategy": label, "replication": r,
                     "totals": o.value}
                    for o, (_, label, r, _) in named
                ])  # fmt: skip
            for outcome in outcomes:
                if outcome.status != OK:
                    _, label, replication, _ = waiting[outcome.key].arguments
                    raise RunError(f"{label}, replication {replication}: {outcome.message}") from outcome.error
            done += len(outcomes)
            told(done, len(waiting))

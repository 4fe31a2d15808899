"""Sweeps: the runs of an experiment through the one loop into a journal, and from it into tables.

`sweep` plays an experiment file, `run_points` points that a program chooses, such as an optimiser. Both go on where an earlier
call stopped, on whatever executor; see `results` for what stands in the folder.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from influence_sim.engine import warm_up
from influence_sim.scenario.points import at_point
from influence_sim.scenario.schema import Scenario
from influence_sim.studies.estimating import timed
from influence_sim.studies.executors import check_executor, executor_of
from influence_sim.studies.experiment import MEASURES, THE_MARKET, Experiment, Stop, points_of_table
from influence_sim.studies.journal import NAME, Journal, check_folder, read_journal
from influence_sim.studies.loop import CRASHED, ERROR, OK, STALL, Executor, ExecutorError, Outcome, Run, play_batch, run_loop
from influence_sim.studies.outputs import MADE_BY, OutputError
from influence_sim.studies.precision import extend, write_precision
from influence_sim.studies.results import COLUMNS, DESIGN, Plan, Row, load_design, load_results, write_design, write_manifest, write_results
from influence_sim.studies.runner import begin_run
from influence_sim.studies.variants import totals_of
from influence_sim.studies.worlds import Worlds, sharing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Counts", "Estimate", "Play", "estimate", "load_results", "run_points", "sweep"]

Progress = Callable[[int, int], None]
POINTS = "points"  # the name of the experiment that `run_points` keeps


@dataclass
class Play:
    """What a worker needs to play any run of an experiment."""

    scenarios: dict[str, Scenario]
    stop: Stop | None
    feeds: Any  # policies of the driver; a worker registers them by receiving them
    worlds: Worlds
    _last: tuple[Any, Scenario] | None = field(default=None, repr=False)

    def __call__(self, market: str, point: tuple[tuple[str, Any], ...], label: str, replication: int) -> dict[str, float]:
        """Return the totals of an arm at a point in a replication, and its `days`."""
        from influence_sim.record import result_of

        last = self._last
        if last is None or last[0] != (market, point):
            last = self._last = (market, point), at_point(self.scenarios[market], dict(point))
        scenario = last[1]
        simulation = begin_run(scenario, label, replication, worlds=self.worlds)
        while simulation.day < simulation.horizon:
            simulation.step()
            if self.stop is not None and _reached(self.stop, simulation.daily):
                break
        result = result_of(simulation, label)
        simulation.close()
        return {**totals_of(result, scenario), "days": float(simulation.day)}


def _reached(stop: Stop, daily: Any) -> bool:
    days = daily[stop.series]
    return bool((sum(days) if stop.total else days[-1]) >= stop.at_least)


@dataclass(frozen=True)
class Counts:
    """How far a sweep is: distinct runs of the plan, those finished before, and those of this call by status."""

    planned: int
    before: int
    ok: int = 0
    error: int = 0
    crashed: int = 0
    damaged: int = 0

    @property
    def finished(self) -> int:
        """Runs of the plan that are finished, whenever."""
        return self.before + self.ok + self.error + self.crashed

    def plus(self, outcomes: Sequence[Outcome]) -> Counts:
        """Return the counts after `outcomes`."""
        of = [outcome.status for outcome in outcomes]
        return replace(self, ok=self.ok + of.count(OK), error=self.error + of.count(ERROR), crashed=self.crashed + of.count(CRASHED))


def play_of(experiment: Experiment, worlds: Worlds | None = None) -> Play:
    """Return what workers need to play an experiment; an executor that is opened with it may serve many calls."""
    from influence_sim.feeds import policies

    return Play(experiment.scenarios, experiment.stop, list(policies().values()), worlds or Worlds())


def sweep(
    experiment: Experiment,
    out: str | os.PathLike[str],
    executor: str | Executor = "local",
    progress: Progress | None = None,
    retry_failed: bool = False,
    stall: float = STALL,
    stopped: Callable[[], bool] = lambda: False,
) -> Counts:
    """Play every run of an experiment that is not finished yet, and write the tables.

    Parameters
    ----------
    experiment
        From `load_experiment`.
    out
        Folder; what an earlier call finished there is kept and not played again.
    executor
        ``serial``, ``local``, ``local:N``, ``dask://HOST:PORT``, ``dask-file:PATH``, or an open one. Results do not depend on it.
    progress
        Called with (runs finished in this call, runs of this call).
    retry_failed
        Whether runs that raised or crashed are played again.
    stall
        Seconds without a result after which a worker counts as stuck.
    stopped
        Asked between runs; when true, runs under way finish and nothing more is begun.

    Raises
    ------
    OutputError
        When the folder cannot be used or the disk is full.
    ExecutorError
        When runs cannot go on; tables of what is finished are written first.
    """
    return _swept(experiment, experiment, Path(out), executor, progress, retry_failed, stall, stopped)


def _swept(
    experiment: Experiment, shown: Experiment, folder: Path, executor: str | Executor, progress: Progress | None = None,
    retry_failed: bool = False, stall: float = STALL, stopped: Callable[[], bool] = lambda: False,
) -> Counts:  # fmt: skip
    """Play what is not finished of `experiment` and write the tables of `shown`, which has its points and maybe more."""
    plan, begun = Plan(experiment), datetime.now(UTC)
    with Journal(folder) as journal:
        _check_owner(folder, experiment)
        done, again = set[str](), set[str]()
        for record in journal.read():  # the last record of a run counts
            failed = retry_failed and record["status"] != OK
            (again if failed else done).add(record["run_id"])
            (done if failed else again).discard(record["run_id"])
        extend(plan, folder, again)
        counts = _counted(plan, done, Counts(0, 0, damaged=journal.damaged))
        told = plan if shown is experiment else Plan(shown)
        write_design(told, folder)
        try:
            todo = counts.planned > counts.before
            with closing(_played(plan, done, again, executor if todo else "serial", stall, stopped, journal)) as played:
                size = sum(plan.replications.values())
                for outcomes in played:
                    counts = counts.plus(outcomes)
                    if sum(plan.replications.values()) > size:
                        counts, size = _counted(plan, done, counts), sum(plan.replications.values())
                    if progress is not None:
                        progress(counts.finished - counts.before, counts.planned - counts.before)
        except ExecutorError as error:
            kept = f"{counts.finished} of {counts.planned} runs are finished and kept in {folder}; the same command goes on from there"
            raise ExecutorError(f"{error}. {kept}") from error
        finally:
            write_design(told, folder)
            with journal.records() as records:
                write_results(told, records, folder)
                write_precision(told, records, folder)
            write_manifest(_manifest(shown, counts, executor, begun), folder)
    return counts


def _counted(plan: Plan, done: set[str], counts: Counts) -> Counts:
    """Return counts of the plan as it is now, which may have grown."""
    known = [row.run_id in done for row in plan.runs()]
    now = counts.ok + counts.error + counts.crashed
    return replace(counts, planned=len(known), before=sum(known) - now)


def _played(
    plan: Plan, done: set[str], again: set[str], executor: str | Executor, stall: float, stopped: Callable[[], bool], journal: Journal
) -> Generator[list[Outcome]]:
    """Play what is not done and yield outcomes when they are on disk and among what is done, as often as a precision asks for more."""
    asked = plan.experiment
    rows: dict[str, Row] = {}  # those under way

    def runs() -> Iterator[Run]:
        for row in plan.runs():
            if row.run_id not in done:
                rows[row.run_id] = row
                point = tuple(asked.sample.points[row.point].items())
                yield Run(row.run_id, (row.market, point, row.strategy, row.replication))

    with opened(executor, asked) as where:
        more = True
        while more:
            for outcomes in run_loop(runs(), where, stall, stopped):
                journal.append([_record(rows.pop(outcome.key), outcome) for outcome in outcomes])
                done.update(outcome.key for outcome in outcomes)
                again.difference_update(outcome.key for outcome in outcomes)
                yield outcomes
            more = not stopped() and extend(plan, journal.path.parent, again)


@contextmanager
def opened(executor: str | Executor, experiment: Experiment) -> Iterator[Executor]:
    """Yield an executor for the runs of an experiment; one that is open already stays open."""
    if not isinstance(executor, str):
        yield executor
        return
    if check_executor(executor)[0] in ("serial", "local"):
        warm_up()  # once here, so that workers read the cache instead of compiling side by side
    with sharing() as worlds:
        where = executor_of(executor, play_of(experiment, worlds))
        finished = False
        try:
            yield where
            finished = True
        finally:
            where.close(kill=not finished)


def _record(row: Row, outcome: Outcome) -> dict[str, Any]:
    """Return the journal's record of a run: the totals, from which every measure can be had."""
    return {
        "run_id": row.run_id, "status": outcome.status, "message": outcome.message, "seconds": round(outcome.seconds, 6),
        "market": row.market, "strategy": row.strategy, "point": row.point, "replication": row.replication,
        **({"totals": outcome.value} if outcome.status == OK else {}),
    }  # fmt: skip


def _check_owner(folder: Path, experiment: Experiment) -> None:
    """Refuse a folder whose tables answer another experiment: they would be replaced."""
    if not (folder / DESIGN).exists():
        return
    name = load_design(folder).get("experiment")
    if name != experiment.name:
        raise OutputError(f"{folder} holds the experiment `{name}`, not `{experiment.name}`; choose another folder")


def _manifest(experiment: Experiment, counts: Counts, executor: str | Executor, begun: datetime) -> dict[str, Any]:
    from influence_sim.record.provenance import circumstances

    return {
        "made_by": MADE_BY, **circumstances(), "begun": begun.isoformat(timespec="seconds"),
        "executor": executor if isinstance(executor, str) else type(executor).__name__,
        "runs": {"planned": counts.planned, "finished": counts.finished, "before": counts.before,
                 OK: counts.ok, ERROR: counts.error, CRASHED: counts.crashed, "damaged_lines": counts.damaged},
        "experiment": experiment.name, "question": experiment.question, "files": list(experiment.files),
        "scenarios": {market: {"digest": s.digest, **s.model_dump(mode="json")} for market, s in experiment.scenarios.items()},
    }  # fmt: skip


class Estimate(NamedTuple):
    """What an experiment needs: distinct runs, those finished, seconds of one worker for the others, bytes on disk for all.

    With a precision `planned` are those that are known to be needed, and `most` those up to its cap.
    """

    planned: int
    finished: int
    seconds: float
    bytes: float
    most: int


def estimate(experiment: Experiment, out: str | os.PathLike[str] | None = None) -> Estimate:
    """Return how many runs an experiment needs and about what they cost.

    Seconds are the mean of the finished runs, where there are any; else a run of each market is played, of its last arm at its
    first point, as `estimating.timed` does.
    """
    plan = Plan(experiment)
    if out is not None and (Path(out) / NAME).exists():
        check_folder(out)
        extend(plan, out)
    planned = {row.run_id for row in plan.runs()}
    done, seconds, size = set[str](), list[float](), 0.0
    if out is not None and (Path(out) / NAME).exists():
        for record in read_journal(out):
            if record["run_id"] in planned:
                done.add(record["run_id"])
                seconds += [record["seconds"]] if record["status"] == OK else []
        size = (Path(out) / NAME).stat().st_size / max(1, len(done))
    if not seconds:
        warm_up()
        play = play_of(experiment)
        for row in _first_of_each_market(plan):
            point = tuple(experiment.sample.points[row.point].items())
            run = Run(row.run_id, (row.market, point, row.strategy, row.replication))
            took, (outcome,) = timed(partial(play_batch, play, [run]))
            seconds.append(took)
            size = max(size, len(json.dumps(_record(row, outcome))))
    cells = 8 * (len(COLUMNS) + len(experiment.names) + len(experiment.measures))
    most = plan.different * experiment.precision.most if experiment.precision else len(planned)
    left = len(planned) - len(done)
    return Estimate(len(planned), len(done), sum(seconds) / len(seconds) * left, (size + cells) * len(planned), max(most, len(planned)))


def _first_of_each_market(plan: Plan) -> list[Row]:
    """Return a run of the last arm at the first point in the first replication, by market."""
    asked = plan.experiment
    labels = {market: asked.labels[market][-1] for market in asked.scenarios}
    return [row for row in plan.rows() if (row.strategy, row.point, row.replication) == (labels[row.market], 0, 0)]


def run_points(
    scenario: Any,
    points: pd.DataFrame,
    replications: int | None = None,
    executor: str | Executor = "local",
    measures: Sequence[str] = MEASURES,
    out: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Play a scenario at points and return one row per point, arm and replication, with the columns of `results`.

    Parameters
    ----------
    scenario
        A `Scenario`, or what `load_scenario` returns; all of its arms are played.
    points
        One point a row, one column a parameter: keys as for ``--set``, and empty cells leave a value as it is.
    replications
        Paired replications of each point; the scenario's by default.
    executor
        As in `sweep`. Open one with `opened` to keep its workers between calls.
    measures
        Names of measures.
    out
        Folder that keeps what is finished: a point that was played before, by any call, costs nothing. Points are added to its tables.

    Returns
    -------
    DataFrame
        `point` is the number of the row in `points`.

    Raises
    ------
    PointError
        When a column names no parameter.
    OutputError, ExecutorError
        As in `sweep`.
    """
    import pandas as pd

    asked: Scenario = getattr(scenario, "scenario", scenario)
    sample = points_of_table(points, asked)
    if out is None:
        with tempfile.TemporaryDirectory(prefix="influence-sim-") as folder:
            return run_points(scenario, points, replications, executor, measures, Path(folder) / "points")
    known, most = list[dict[str, Any]](), 1
    if (Path(out) / DESIGN).exists():
        design = load_design(out)
        if (design["experiment"], design["names"]) != (POINTS, sample.about["names"]):
            raise OutputError(f"{out} holds other parameters than {', '.join(sample.about['names'])}; choose another folder")
        known = [dict(zip(design["names"], values, strict=True)) for values in design["points"]]
        most = design["replications"]
    place = {_key(point): k for k, point in enumerate(known)}
    for point in sample.points:
        place.setdefault(_key(point), len(place))
    n = asked.replications if replications is None else replications
    experiment = Experiment(POINTS, {THE_MARKET: asked}, sample, n, measures=tuple(measures))
    every = replace(sample, points=[dict(point) for point in place])
    _swept(experiment, replace(experiment, sample=every, replications=max(n, most)), Path(out), executor)
    table = load_results(out)
    table = table[table["replication"] < n]
    return pd.concat([table[table["point"] == place[_key(p)]].assign(point=k) for k, p in enumerate(sample.points)], ignore_index=True)


def _key(point: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(point.items())

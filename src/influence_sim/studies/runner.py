"""Run every strategy in every replication, in this process or in several, always in the same order of results."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from influence_sim.studies.worlds import Worlds, fitting, sharing

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation
    from influence_sim.record import RunResult
    from influence_sim.scenario.schema import Scenario
    from influence_sim.strategies.base import Strategy
    from influence_sim.studies.keeping import Kept
    from influence_sim.studies.loop import Executor, Outcome

CONTROL = "none"
# done, total, the results so far (in their final order, gaps left out).
Progress = Callable[[int, int, "list[RunResult]"], None]
# The results so far, complete up to the last replication -> how many more replications to run.
More = Callable[["list[RunResult]"], int]


class RunError(RuntimeError):
    """A run failed; the message says which one."""


@dataclass
class _Setting:
    """What the runs of one study share; sent to each worker once."""

    scenario: Scenario
    worlds: Worlds
    agents: Any
    threads: int
    feeds: Any  # policies of this process; a worker registers them by receiving them
    run: Callable[..., RunResult]

    def __call__(self, label: str, replication: int) -> RunResult:
        """Run one arm in one replication."""
        return self.run(self.scenario, label, replication, threads=self.threads, agents=self.agents, worlds=self.worlds)


_own = Worlds()  # of runs that belong to no study


def control_label(scenario: Scenario) -> str:
    """Return the label of the arm that does nothing: the scenario's own, or the one that is added."""
    for label, entry in scenario.strategies.items():
        if entry.strategy == CONTROL:
            return label
    return CONTROL if CONTROL not in scenario.strategies else f"{CONTROL} (control)"


def arms(scenario: Scenario) -> list[str]:
    """Return every label that runs, in the order of the scenario; a control it does not list comes first."""
    control = control_label(scenario)
    labels = list(scenario.strategies)
    return labels if control in labels else [control, *labels]


def strategy_of(scenario: Scenario, label: str) -> Strategy:
    """Return the strategy behind a label of `arms`, ready to plan."""
    from influence_sim.strategies import NoCampaign

    if label in scenario.strategies:
        return scenario.strategies[label].build()
    if label != control_label(scenario):
        raise KeyError(f"no strategy is labelled {label!r}; there are: {', '.join(arms(scenario))}")
    return NoCampaign()


def run_one(
    scenario: Scenario, label: str, replication: int, threads: int = 1, graph: Any = None, agents: Any = None, log: Any = None,
    worlds: Worlds | None = None,
) -> RunResult:  # fmt: skip
    """Run one strategy in one replication; parameters and errors as for `begin_run`.

    `log` is an open `record.EventLog`.
    """
    from influence_sim.record import result_of

    simulation = begin_run(scenario, label, replication, threads, graph, agents, worlds)
    simulation.log = log
    return result_of(simulation.run(), label)


def begin_run(
    scenario: Scenario, label: str, replication: int, threads: int = 1, graph: Any = None, agents: Any = None, worlds: Worlds | None = None
) -> Simulation:
    """Return one strategy in one replication before its first day.

    Parameters
    ----------
    scenario
        The question.
    label
        One of `arms(scenario)`.
    replication
        Which of the paired replications.
    threads
        Threads of the engine; they change nothing but the time.
    graph
        A loaded follower graph; the scenario's own file is read when this is None.
    agents
        `(simulation) -> None` hook that is called before the first day, for instance to attach Mesa agents with
        rules of their own.
    worlds
        Those of the study that the run belongs to, with its graph.

    Raises
    ------
    KeyError
        When there is no such label.
    """
    from influence_sim.engine.simulation import Simulation

    strategy = strategy_of(scenario, label)
    world = (worlds or _own_worlds(graph)).of(scenario, replication)
    if agents is not None:
        world = copy.deepcopy(world)  # the engine never writes into a world, a user's rules may
    # The control cannot spend; giving it no money keeps "unspent" meaningful.
    budget = 0.0 if strategy.name == CONTROL else scenario.budget
    events = [entry.build() for entry in scenario.events]
    sim = Simulation(world, scenario.market, strategy, budget, scenario.horizon, scenario.path_seed, replication, threads, events)
    if agents is not None:
        agents(sim)
    return sim


def _own_worlds(graph: Any) -> Worlds:
    """Return the worlds of this process around `graph`, which may be None."""
    global _own
    if _own.given is not graph:
        _own = Worlds(graph=graph)
    return _own


def run_all(
    scenario: Scenario,
    jobs: int | None = None,
    progress: Progress | None = None,
    agents: Any = None,
    graph: Any = None,
    more: More | None = None,
    threads: int | None = None,
    keep: Kept | None = None,
) -> list[RunResult]:
    """Run all arms in all replications and return the results ordered by (replication, arm), whatever finished first.

    Parameters
    ----------
    scenario
        The question.
    jobs
        Processes at the same time; 1 runs in this process. By default one per usable core, as far as their worlds fit into the free memory.
    progress
        Called with (done, total, results so far) as runs finish; with several processes at most five times a second.
    agents, graph
        As in `run_one`; the graph is loaded once for all runs.
    more
        Called with the results when all replications are done; returns how many further ones to run, 0 to stop.
    threads
        Threads of each process; by default the cores that are left over.
    keep
        Runs that are kept are not played again, and those that are played are kept.

    Raises
    ------
    RunError
        When a run fails, naming it.
    """
    from loky import cpu_count

    from influence_sim.feeds import policies
    from influence_sim.studies.executors import Local, Serial

    cores = jobs if jobs is not None else cpu_count()
    if cores < 1:
        raise ValueError(f"jobs must be at least 1; got {jobs}")
    labels, n = arms(scenario), scenario.replications
    tell = progress or (lambda done, total, results: None)
    _warm_up()
    with sharing(graph) as shared:
        workers, loaded = min(cores, n * len(labels)), shared.graph(scenario)
        workers = fitting(workers, scenario.market, loaded) if jobs is None else workers
        worlds = shared if workers > 1 else Worlds(graph=loaded)
        setting = _Setting(scenario, worlds, agents, threads or max(1, cores // workers), list(policies().values()), run_one)
        executor: Executor = Serial(setting) if workers == 1 else Local(setting, workers)
        results: list[RunResult] = []
        finished = False
        try:
            first = 0
            while True:
                results += _wave([(label, r) for r in range(first, n) for label in labels], executor, results, tell, keep)
                extra = 0 if more is None else more(results)
                if not extra:
                    break
                first, n = n, n + extra
            finished = True
        finally:
            executor.close(kill=not finished)
    return results


def _wave(
    tasks: list[tuple[str, int]], executor: Executor, before: list[RunResult], tell: Progress, keep: Kept | None
) -> list[RunResult]:  # fmt: skip
    """Return the results of tasks in their order; `tell` hears of them after those of earlier waves."""
    import time

    from influence_sim.studies.loop import Run, run_loop

    runs = {f"{label}, replication {replication}": (label, replication) for label, replication in tasks}
    found = {key: result for key, task in runs.items() if keep is not None and (result := keep.get(*task)) is not None}
    told, total = float("-inf"), len(before) + len(tasks)
    with closing(run_loop((Run(key, task) for key, task in runs.items() if key not in found), executor)) as outcomes:
        for outcome in itertools.chain.from_iterable(outcomes):
            _raise_failure(outcome)
            found[outcome.key] = outcome.value
            if keep is not None:
                keep.put(outcome.value)
            # Sorting the partial results is not free.
            if executor.workers == 1 or time.monotonic() - told > 0.2 or len(found) == len(tasks):
                tell(len(before) + len(found), total, [*before, *(found[key] for key in runs if key in found)])
                told = time.monotonic()
    return [found[key] for key in runs]


def _raise_failure(outcome: Outcome) -> None:
    """Raise what a run raised, if it says itself what is wrong, and has its own exit code; else an error that names the run."""
    error = outcome.error
    if isinstance(error, OSError | MemoryError) or type(error).__module__.startswith("influence_sim."):
        assert error is not None
        raise error
    if outcome.status != "ok":
        raise RunError(f"{outcome.key}: {outcome.message}") from error


def _warm_up() -> None:
    """Compile in this process first, so that workers read the cache instead of compiling side by side."""
    from influence_sim.engine import warm_up

    warm_up()

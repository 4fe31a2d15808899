"""Run every strategy in every replication, in this process or in several, always in the same order of results."""

from __future__ import annotations

import copy
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from influence_sim.studies.worlds import GRAPH_FROM, SHARED_FROM, MappedGraph, drawn, fitting, forget, people_of, world_of

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation
    from influence_sim.record import RunResult
    from influence_sim.scenario.schema import Scenario
    from influence_sim.strategies.base import Strategy

CONTROL = "none"
# done, total, the results so far (in their final order, gaps left out).
Progress = Callable[[int, int, "list[RunResult]"], None]
# The results so far, complete up to the last replication -> how many more replications to run.
More = Callable[["list[RunResult]"], int]
_Task = tuple[str, int]
# (tasks, told after each with what these tasks gave so far) -> results in the order of the tasks.
_Run = Callable[["list[_Task]", "Callable[[list[RunResult]], None]"], "list[RunResult]"]


class RunError(RuntimeError):
    """A run failed; the message says which one."""


@dataclass
class _Setting:
    """What the runs of one study share; sent to each worker once."""

    scenario: Scenario
    graph: Any
    agents: Any
    threads: int
    feeds: Any  # policies of this process; a worker registers them by receiving them
    run: Callable[..., RunResult]
    shelf: Path | None = None


_setting: _Setting | None = None
_last_world: tuple[Any, Any] | None = None
_shelf: Path | None = None  # where this worker leaves worlds for the others


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


def graph_of(scenario: Scenario) -> Any:
    """Load the scenario's follower graph, or return None when it is generated."""
    if scenario.graph_file is None:
        return None
    from influence_sim.world.graph_files import load_graph

    return load_graph(scenario.graph_file, scenario.graph_direction)


def _world(scenario: Scenario, replication: int, graph: Any) -> Any:
    """Return the replication's world; the last one built is kept, for the next arm needs it again."""
    global _last_world
    draw = drawn(scenario, replication)
    key = (scenario.market, scenario.world_seed, draw, id(graph), scenario.world)
    if _last_world is None or _last_world[0] != key:
        _last_world = None  # free the old one before the new one is built
        _last_world = (key, (world_of(scenario, draw, graph, _shelf), graph))
    return _last_world[1][0]


def run_one(
    scenario: Scenario, label: str, replication: int, threads: int = 1, graph: Any = None, agents: Any = None, log: Any = None
) -> RunResult:
    """Run one strategy in one replication; parameters and errors as for `begin_run`.

    `log` is an open `record.EventLog`.
    """
    from influence_sim.record import result_of

    simulation = begin_run(scenario, label, replication, threads, graph, agents)
    simulation.log = log
    return result_of(simulation.run(), label)


def begin_run(scenario: Scenario, label: str, replication: int, threads: int = 1, graph: Any = None, agents: Any = None) -> Simulation:
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
    log
        An open `EventLog` that the run writes.

    Raises
    ------
    KeyError
        When there is no such label.
    """
    from influence_sim.engine.simulation import Simulation

    strategy = strategy_of(scenario, label)
    world = _world(scenario, replication, graph_of(scenario) if graph is None else graph)
    if agents is not None:
        world = copy.deepcopy(world)  # the engine never writes into a world, a user's rules may
    # The control cannot spend; giving it no money keeps "unspent" meaningful.
    budget = 0.0 if strategy.name == CONTROL else scenario.budget
    events = [entry.build() for entry in scenario.events]
    sim = Simulation(world, scenario.market, strategy, budget, scenario.horizon, scenario.path_seed, replication, threads, events)
    if agents is not None:
        agents(sim)
    return sim


def _start_worker(setting: _Setting) -> None:
    global _setting, _shelf
    if isinstance(setting.graph, MappedGraph):
        setting = replace(setting, graph=setting.graph.open())
    _setting, _shelf = setting, setting.shelf


def _task(label: str, replication: int) -> RunResult:
    if _setting is None:
        raise RunError("the worker was not started by run_all")
    s = _setting
    try:
        return s.run(s.scenario, label, replication, threads=s.threads, graph=s.graph, agents=s.agents)
    except Exception as problem:
        if isinstance(problem, OSError | MemoryError) or type(problem).__module__.startswith("influence_sim."):
            raise  # says itself what is wrong, and has its own exit code
        raise RunError(f"{label}, replication {replication}: {type(problem).__name__}: {problem}") from problem


def run_all(
    scenario: Scenario,
    jobs: int | None = None,
    progress: Progress | None = None,
    agents: Any = None,
    graph: Any = None,
    more: More | None = None,
    threads: int | None = None,
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

    Raises
    ------
    RunError
        When a run fails, naming it.
    """
    from loky import cpu_count

    from influence_sim.feeds import policies

    cores = jobs if jobs is not None else cpu_count()
    if cores < 1:
        raise ValueError(f"jobs must be at least 1; got {jobs}")
    labels, n = arms(scenario), scenario.replications
    shared = graph if graph is not None else graph_of(scenario)
    workers = min(cores, n * len(labels))
    workers = fitting(workers, scenario.market, shared) if jobs is None else workers
    setting = _Setting(scenario, shared, agents, threads or max(1, cores // workers), list(policies().values()), run_one)
    tell = progress or (lambda done, total, results: None)
    _warm_up()
    results: list[RunResult] = []
    with _here(setting) if workers == 1 else _pool(setting, workers) as run:

        def wave(first: int, last: int) -> None:
            tasks = [(label, replication) for replication in range(first, last) for label in labels]
            total = last * len(labels)
            results.extend(run(tasks, lambda new: tell(len(results) + len(new), total, [*results, *new])))

        wave(0, n)
        while more is not None and (extra := more(results)):
            wave(n, n + extra)
            n += extra
    return results


def _warm_up() -> None:
    """Compile in this process first, so that workers read the cache instead of compiling side by side."""
    import influence_sim.engine as engine

    warm_up = getattr(engine, "warm_up", None)
    if warm_up is not None:
        warm_up(lambda message: None)


@contextmanager
def _here(setting: _Setting) -> Iterator[_Run]:
    """Run in this process, one after the other."""
    global _setting, _last_world
    before, _setting = _setting, setting

    def run(tasks: list[_Task], tell: Callable[[list[RunResult]], None]) -> list[RunResult]:
        results: list[RunResult] = []
        for label, replication in tasks:
            results.append(_task(label, replication))
            tell(results)
        return results

    try:
        yield run
    finally:
        _setting, _last_world = before, None


@contextmanager
def _pool(setting: _Setting, workers: int) -> Iterator[_Run]:
    """Run in several processes, which are kept for all tasks."""
    import time
    from concurrent.futures import as_completed

    from loky import ProcessPoolExecutor

    scenario, graph = setting.scenario, setting.graph
    folder = tempfile.TemporaryDirectory(prefix="influence-sim-", ignore_cleanup_errors=True)
    shelf = Path(folder.name)
    if people_of(scenario, graph) >= SHARED_FROM:
        setting = replace(setting, shelf=shelf)
        if graph is not None and len(graph.target) >= GRAPH_FROM:
            setting = replace(setting, graph=MappedGraph.of(graph, shelf))
    executor = ProcessPoolExecutor(max_workers=workers, initializer=_start_worker, initargs=(setting,))

    def run(tasks: list[_Task], tell: Callable[[list[RunResult]], None]) -> list[RunResult]:
        results: dict[int, RunResult] = {}
        told = float("-inf")
        left = Counter(replication for _, replication in tasks)
        futures = {executor.submit(_task, *task): i for i, task in enumerate(tasks)}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            replication = tasks[futures[future]][1]
            left[replication] -= 1
            if setting.shelf is not None and not left[replication] and not scenario.same_world:
                forget(scenario, replication, shelf)  # a large one takes as much of the disk as of the memory
            if time.monotonic() - told > 0.2 or len(results) == len(tasks):  # sorting the partial results is not free
                tell([results[i] for i in sorted(results)])
                told = time.monotonic()
        return [results[i] for i in range(len(tasks))]

    finished = False
    try:
        yield run
        finished = True
    finally:
        executor.shutdown(wait=True, kill_workers=not finished)
        folder.cleanup()

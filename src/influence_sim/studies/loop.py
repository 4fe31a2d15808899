"""One loop for many runs: hand them out, collect them, try alone what killed its worker, stop when asked.

A run is a key and the arguments of `work`, a picklable callable that workers hold; its value is whatever `work` returns.
Where runs happen is an executor's business (`executors`), what is kept of them the caller's (`runner`, `sweep`).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

OK, ERROR, CRASHED = "ok", "error", "crashed"
# A worker gets so many runs at once that they take about SLICE seconds, and hands back what it did not begin within twice
# that time: collecting a batch costs 1 to 5 ms (loky, dask), which must stay below 2 % of it.
SLICE = 0.5
LARGEST = 1000
STALL = 3600.0


class ExecutorError(RuntimeError):
    """Runs cannot go on: no worker, no scheduler, another version; what is finished is kept by whoever asked."""


class Run(NamedTuple):
    """A run: its identity and the arguments of `work`."""

    key: str
    arguments: tuple[Any, ...]


class Outcome(NamedTuple):
    """What came of a run: `status` is `OK`, `ERROR` (it raised) or `CRASHED` (it killed its worker each time)."""

    key: str
    status: str
    value: Any = None
    message: str = ""
    seconds: float = 0.0
    error: Exception | None = None


Batch = tuple[Run, ...]


class Executor(Protocol):
    """Where runs happen; one batch per worker at a time, so that a death has one culprit.

    A run that alone killed its worker `deaths` times is the culprit: workers may also be killed by others.
    """

    deaths: int

    @property
    def workers(self) -> int:
        """How many batches may be under way at the same time."""

    def submit(self, ticket: int, batch: Batch) -> None:
        """Begin a batch."""

    def wait(self, seconds: float) -> list[tuple[int, list[Outcome] | None]]:
        """Return finished batches by ticket, after at most about `seconds`; None for one whose worker died.

        Raises
        ------
        ExecutorError
            When no batch can finish any more.
        """

    def kill(self, ticket: int) -> bool:
        """End the worker of a batch that gives no result, so that `wait` reports a death; False when no worker has begun it."""

    def close(self, kill: bool) -> None:
        """Let workers go, at once with `kill`."""


def play_batch(work: Callable[..., Any], batch: Sequence[Run]) -> list[Outcome]:
    """Play the runs of a batch as long as its time lasts, at least one; called in the worker."""
    done: list[Outcome] = []
    begun = time.perf_counter()
    for run in batch:
        started = time.perf_counter()
        if done and started - begun > 2 * SLICE:
            break
        try:
            outcome = Outcome(run.key, OK, work(*run.arguments))
        except Exception as error:
            outcome = Outcome(run.key, ERROR, message=f"{type(error).__name__}: {error}", error=_portable(error))
        done.append(outcome._replace(seconds=time.perf_counter() - started))
    return done


def _portable(error: Exception) -> Exception | None:
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception class may break pickling in any way
        return None
    return error


def run_loop(
    runs: Iterable[Run], executor: Executor, stall: float = STALL, stopped: Callable[[], bool] = lambda: False
) -> Generator[list[Outcome]]:
    """Yield outcomes as they come, each run exactly once, in the order in which they finish.

    Parameters
    ----------
    runs
        Taken one after the other, never more than the workers need next.
    executor
        Stays open.
    stall
        Seconds after which a batch without a result counts as stuck and its worker is killed.
    stopped
        When it says so nothing more is handed out; what is under way still finishes.

    Raises
    ------
    ExecutorError
        When runs cannot go on.
    """
    waiting, ahead = iter(runs), deque[Run]()
    alone, deaths = deque[Run](), Counter[str]()
    flying: dict[int, tuple[Batch, float]] = {}
    stuck: set[int] = set()
    ticket, size, deaths_in_a_row = 0, 1, 0

    def take() -> Batch:
        if alone:
            return (alone.popleft(),)
        workers = max(1, executor.workers)  # a cluster may lose its last one at any time
        ahead.extend(islice(waiting, max(0, size * workers - len(ahead))))
        share = min(size, -(-len(ahead) // workers))  # the last runs are dealt out, so that no worker waits long for another
        return tuple(ahead.popleft() for _ in range(share))

    while True:
        while len(flying) < executor.workers and not stopped() and (batch := take()):
            ticket += 1
            executor.submit(ticket, batch)
            flying[ticket] = batch, time.monotonic()
        if not flying:
            return
        for done, outcomes in executor.wait(1.0):
            batch, _ = flying.pop(done)
            if outcomes is None:
                deaths_in_a_row += 1
                crashed = _after_death(batch, deaths, executor.deaths, alone, "gave no result" if done in stuck else "its worker died")
                if crashed:
                    yield crashed
                if deaths_in_a_row > executor.deaths * (executor.workers + 1):
                    raise ExecutorError(f"{deaths_in_a_row} workers died one after the other without a result; too little memory?")
                continue
            deaths_in_a_row = 0
            ahead.extendleft(reversed(batch[len(outcomes) :]))
            mean = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
            size = max(1, min(LARGEST, 2 * size, round(SLICE / max(mean, 1e-6))))
            yield outcomes
        for late in [t for t, (_, since) in flying.items() if time.monotonic() - since > stall and t not in stuck]:
            if executor.kill(late):
                stuck.add(late)
            else:  # still in a queue, so nothing to blame
                flying[late] = flying[late][0], time.monotonic()


def _after_death(batch: Batch, deaths: Counter[str], most: int, alone: deque[Run], how: str) -> list[Outcome]:
    """Queue the runs of a batch that killed its worker to be tried alone; return those that did it often enough."""
    if len(batch) > 1:
        alone.extend(batch)
        return []
    (run,) = batch
    deaths[run.key] += 1
    if deaths[run.key] < most:
        alone.append(run)
        return []
    return [Outcome(run.key, CRASHED, message=f"{how} {most} times, run alone")]

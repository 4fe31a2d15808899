"""Where runs happen: in this process, in processes of this machine (loky), or on a dask.distributed scheduler that exists.

Whatever the executor, a run computes the same numbers: it gets its arguments and keyed randomness, nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from influence_sim._version import MODEL_VERSION, __version__
from influence_sim.studies.loop import Batch, Executor, ExecutorError, Outcome, play_batch

Work = Callable[..., Any]
FORMS = "serial, local, local:N, dask://HOST:PORT, dask-file:PATH"
# How long a scheduler, its file or its first worker may take to appear: a cluster starts them beside the driver.
PATIENCE = 60.0
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

_work: Work | None = None


def check_executor(text: str) -> tuple[str, str]:
    """Return kind and place of an executor's name.

    Raises
    ------
    ValueError
        When there is no such executor.

    Examples
    --------
    >>> check_executor("local:4"), check_executor("dask://boss:8786")
    (('local', '4'), ('dask', 'boss:8786'))
    """
    kind, _, place = text.partition(":")
    if text in ("serial", "local"):
        return text, ""
    if kind == "local" and place.isdecimal() and int(place) > 0:
        return kind, place
    if kind == "dask" and place.startswith("//") and place[2:].rpartition(":")[2].isdecimal() and place[2:].rpartition(":")[0]:
        return kind, place[2:]
    if kind == "dask-file" and place:
        return kind, place
    raise ValueError(f"no executor is called `{text}`; there are: {FORMS}")


def executor_of(text: str, work: Work) -> Executor:
    """Return the executor of that name, open, with `work` in its workers.

    Raises
    ------
    ValueError
        When there is no such executor.
    ExecutorError
        When it cannot be reached, or its workers have another version.
    """
    kind, place = check_executor(text)
    if kind == "serial":
        return Serial(work)
    if kind == "local":
        from loky import cpu_count

        return Local(work, int(place) if place else cpu_count())
    return Dask(work, **{"address": f"tcp://{place}"} if kind == "dask" else {"file": place})


class Serial:
    """One run after the other in this process."""

    workers = 1
    deaths = 1

    def __init__(self, work: Work) -> None:
        self._work = work
        self._next: tuple[int, Batch] | None = None

    def submit(self, ticket: int, batch: Batch) -> None:
        """Keep a batch for `wait`."""
        self._next = ticket, batch

    def wait(self, seconds: float) -> list[tuple[int, list[Outcome] | None]]:
        """Play the first run of the batch; the loop hands out the others again."""
        if self._next is None:
            return []
        (ticket, batch), self._next = self._next, None
        return [(ticket, list(play_batch(self._work, batch[:1])))]

    def kill(self, ticket: int) -> bool:
        """Do nothing: a run in this process cannot be looked at while it goes on."""
        return False

    def close(self, kill: bool) -> None:
        """Do nothing."""


class Local:
    """Processes of this machine. Each is a loky pool of its own: when one dies it is known whose run it was."""

    deaths = 3

    def __init__(self, work: Work, workers: int) -> None:
        self._work = work
        self._pools: list[Any] = [None] * workers
        self._idle = list(range(workers))[::-1]
        self._flying: dict[Any, tuple[int, int]] = {}

    @property
    def workers(self) -> int:
        """Number of processes."""
        return len(self._pools)

    def submit(self, ticket: int, batch: Batch) -> None:
        """Begin a batch in an idle process; the first one starts it."""
        from loky import ProcessPoolExecutor

        k = self._idle.pop()
        if self._pools[k] is None:
            self._pools[k] = ProcessPoolExecutor(1, initializer=_begin, initargs=(self._work, os.getpid()), env=_ONE_THREAD)
        self._flying[self._pools[k].submit(_play, batch)] = ticket, k

    def wait(self, seconds: float) -> list[tuple[int, list[Outcome] | None]]:
        """Return finished batches; a process that died is replaced by the next one that is needed."""
        from concurrent.futures import FIRST_COMPLETED, wait

        from loky.process_executor import BrokenProcessPool

        found: list[tuple[int, list[Outcome] | None]] = []
        for future in wait(self._flying, seconds, FIRST_COMPLETED).done:
            ticket, k = self._flying.pop(future)
            try:
                found.append((ticket, future.result()))
            except BrokenProcessPool:
                self._drop(k)
                found.append((ticket, None))
            self._idle.append(k)
        return found

    def kill(self, ticket: int) -> bool:
        """Kill the process that plays a batch; `wait` then reports its death."""
        for at, k in self._flying.values():
            if at == ticket:
                for pid in list(self._pools[k]._processes):
                    os.kill(pid, signal.SIGKILL)  # also ends one that is stopped or deep in compiled code
        return True

    def close(self, kill: bool) -> None:
        """End the processes."""
        for k in range(len(self._pools)):
            self._drop(k, kill)

    def _drop(self, k: int, kill: bool = True) -> None:
        pool, self._pools[k] = self._pools[k], None
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=kill)


def _begin(work: Work, parent: int) -> None:
    """Make a fresh process a worker: Ctrl-C is the driver's to answer, and without a driver there is nothing to do."""
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _work = work


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _play(batch: Batch) -> list[Outcome]:
    assert _work is not None
    return play_batch(_work, batch)


def version() -> tuple[str, str, str]:
    """Return what driver and workers must share: package, model and Python version."""
    return __version__, MODEL_VERSION, f"{sys.version_info.major}.{sys.version_info.minor}"


@lru_cache(maxsize=1)  # a study keeps its last world, which may be large
def _unpacked(digest: str, packed: bytes) -> Work:
    import cloudpickle

    work: Work = cloudpickle.loads(packed)
    return work


def _play_packed(wanted: tuple[str, str, str], digest: str, packed: bytes, batch: Batch) -> list[Outcome] | str:
    """Play a batch on a worker that came from anywhere; return a refusal in words when it has another version."""
    if version() != wanted:
        return _differs(version(), wanted)
    return play_batch(_unpacked(digest, packed), batch)


def _differs(got: tuple[str, str, str], wanted: tuple[str, str, str]) -> str:
    names = ("influence-sim", "model", "Python")
    told = [f"{name} {a} instead of {b}" for name, a, b in zip(names, got, wanted, strict=True) if a != b]
    return f"a worker has {', '.join(told)}: install the same version everywhere"


async def _kill_me() -> None:
    """End a dask worker whose run is stuck: told to its event loop, which is not; what nobody waits for must be a coroutine there."""
    os.kill(os.getpid(), signal.SIGKILL)


def _playing(key: Any) -> Callable[..., tuple[str, str] | None]:
    """Return a function for the scheduler: address and id of the worker that plays a task, None while the task waits behind others."""

    def ask(dask_scheduler: Any) -> tuple[str, str] | None:  # sent by value: the scheduler need not have this package
        task = dask_scheduler.tasks.get(key)
        worker = None if task is None else task.processing_on
        return None if worker is None or task not in worker.executing else (worker.address, worker.server_id)

    return ask


class Dask:
    """Workers of a dask.distributed scheduler that somebody runs; they outlive the driver, by design."""

    deaths = 2  # each stands for as many as the scheduler allows, four by default

    def __init__(self, work: Work, address: str | None = None, file: str | None = None) -> None:
        try:
            import distributed
        except ModuleNotFoundError as missing:
            raise ExecutorError("dask needs the package `distributed`: pip install 'influence-sim[dask]'") from missing
        import cloudpickle

        # A scheduler that dies is told once, by us; the library tells it in some sixty lines.
        for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self.name = address or f"the scheduler of {file}"
        until = time.monotonic() + PATIENCE
        while file is not None and not _complete(Path(file)):
            if time.monotonic() > until:
                raise ExecutorError(f"no scheduler wrote {file} within {PATIENCE:.0f} s: start `dask scheduler --scheduler-file {file}`")
            time.sleep(0.2)
        try:
            connect: Any = distributed.Client
            self._client = connect(address=address, scheduler_file=file, timeout=PATIENCE / 4, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ExecutorError(f"cannot reach {self.name}: {error}") from error
        self._futures: dict[Any, int] = {}
        self._killed: list[tuple[int, list[Outcome] | None]] = []
        self._dead = set[tuple[str, str]]()  # workers that were killed; one that starts anew at the same address has another id
        self._packed = cloudpickle.dumps(work)
        self._digest = hashlib.sha256(self._packed).hexdigest()
        self._asked, self._threads, self._seen = float("-inf"), 0, time.monotonic()
        while self.workers == 0:
            if time.monotonic() > until:
                self.close(kill=True)
                raise ExecutorError(f"{self.name} has no worker: start `dask worker` with the same version of influence-sim")
            time.sleep(0.2)

    @property
    def workers(self) -> int:
        """Threads of all workers now; a cluster may grow and shrink."""
        if time.monotonic() - self._asked > 1.0:
            try:
                self._threads = sum(self._client.nthreads().values())
            except Exception as error:  # whatever the library raises when its scheduler is gone
                raise self._gone() from error
            self._asked = time.monotonic()
            if self._threads:
                self._seen = self._asked
        return self._threads

    def submit(self, ticket: int, batch: Batch) -> None:
        """Begin a batch; `pure=False`: what is known is not asked again."""
        future = self._client.submit(_play_packed, version(), self._digest, self._packed, batch, pure=False, retries=0)
        self._futures[future] = ticket

    def wait(self, seconds: float) -> list[tuple[int, list[Outcome] | None]]:
        """Return finished batches; a batch that killed workers as often as the scheduler allows is dead."""
        if self._killed:
            found, self._killed = self._killed, []
            return found
        from distributed import wait

        wait_for: Any = wait
        try:
            with self._client.as_current():
                done = wait_for(list(self._futures), timeout=seconds, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
        except Exception as error:
            raise self._gone() from error
        if not done and self._client.status != "running":
            raise self._gone()
        if not done and self.workers == 0 and time.monotonic() - self._seen > PATIENCE:
            raise ExecutorError(f"{self.name} has had no worker for {PATIENCE:.0f} s")
        return [(self._futures.pop(future), self._result(future)) for future in done]

    def _result(self, future: Any) -> list[Outcome] | None:
        from distributed import KilledWorker

        try:
            found: list[Outcome] | str = future.result(timeout=PATIENCE)
        except KilledWorker:
            return None
        except ModuleNotFoundError as missing:
            raise ExecutorError(f"a worker lacks the package `{missing.name}`: install the same version everywhere") from missing
        except Exception as error:  # a result may be lost with its worker or its scheduler between `done` and now
            if self._client.status != "running" or "ancelled" in type(error).__name__:
                raise self._gone() from error
            raise ExecutorError(f"a worker of {self.name} failed outside of a run: {type(error).__name__}: {error}") from error
        if isinstance(found, str):
            raise ExecutorError(found)
        return found

    def kill(self, ticket: int) -> bool:
        """Kill the worker that plays a batch; a nanny starts another one, and other work of it is done elsewhere."""
        future = next(future for future, at in self._futures.items() if at == ticket)
        try:
            where = self._client.run_on_scheduler(_playing(future.key))
            if where is None or where in self._dead:
                return False
            future.cancel()  # first: the scheduler would hand it to the next worker
            self._client.run(_kill_me, workers=[where[0]], wait=False, on_error="ignore")
        except Exception as error:
            if self._client.status == "running":  # a worker may have left in between: asked again later
                return False
            raise self._gone() from error
        self._dead.add(where)
        self._killed.append((self._futures.pop(future), None))
        return True

    def _gone(self) -> ExecutorError:
        return ExecutorError(f"{self.name} is gone")

    def close(self, kill: bool) -> None:
        """Forget what is under way and leave the cluster."""
        for future in self._futures:
            future.cancel()
        self._client.close(timeout=2)


def _complete(file: Path) -> bool:
    import json

    try:
        return "address" in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False

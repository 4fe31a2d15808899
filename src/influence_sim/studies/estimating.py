"""How long a study will take: a run of it is played, and the others are expected to take as long."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario

T = TypeVar("T")
# A run shorter than this is played some times more, for the first one loads compiled code and a busy machine stops any.
LOADING, TRIALS = 2.0, 3


class Cost(NamedTuple):
    """Runs, seconds of one worker for each, and workers."""

    runs: int
    seconds: float
    workers: int

    @property
    def total(self) -> float:
        """Seconds from the first run to the last."""
        return self.runs * self.seconds / min(self.workers, self.runs)


def cost_of(scenario: Scenario, runs: int, workers: int | None = None) -> Cost:
    """Return what `runs` runs of a scenario cost, judged by its last arm in the first replication.

    Parameters
    ----------
    scenario
        Whose arms the runs are, or arms like these.
    runs
        How many.
    workers
        Processes; one per core by default, as far as memory allows.
    """
    from loky import cpu_count

    from influence_sim.engine import warm_up
    from influence_sim.studies.runner import arms, run_one
    from influence_sim.studies.worlds import Worlds, fitting

    warm_up()
    worlds = Worlds()
    seconds, _ = timed(lambda: run_one(scenario, arms(scenario)[-1], 0, worlds=worlds))
    return Cost(runs, seconds, workers or fitting(cpu_count(), scenario.market, worlds.graph(scenario)))


def timed(run: Callable[[], T]) -> tuple[float, T]:
    """Return how long a run takes, and what it gives; a long one is played once."""
    taken = list[float]()
    while not taken or (taken[0] < LOADING and len(taken) <= TRIALS):
        begun = time.perf_counter()
        value = run()
        taken.append(time.perf_counter() - begun)
    return median(taken[1:] or taken), value

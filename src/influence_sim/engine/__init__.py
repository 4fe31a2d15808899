"""What happens: the ordered phases of a day, each kernel beside its phase.

Kernels are plain functions on arrays (numba), randomness is keyed, and cross-person sums are
integers, so that results do not depend on threads, processes or the order of people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_COMPILE_REST = """
from influence_sim.engine import tiny_market, tiny_run
from influence_sim.engine.simulation import Simulation
from influence_sim.world.build import build_world

class Unserved(Simulation):
    def serve(self, low, high, scene):
        self.slots.post[:], self.slots.source[:], self.slots.action[:], self.slots.watch[:] = -2, 0, 0, 0.0

tiny_run(Unserved)
build_world(tiny_market(), 0)
"""


def tiny_market() -> Any:
    """Return the smallest market in which every kernel runs."""
    from influence_sim.scenario.parameters import Creators, Feed, Market, People

    return Market(people=People(agents=30, population=300), creators=Creators(count=3), feed=Feed(candidates_random=2))


def tiny_run(kind: Any) -> None:
    """Play two days of a tiny market with `kind` of simulation, on a given graph."""
    import numpy as np

    from influence_sim.strategies.base import PaidImpressions
    from influence_sim.world.build import build_world
    from influence_sim.world.graph_files import LoadedGraph

    market, people = tiny_market(), np.arange(30)
    graph = LoadedGraph(source=people, target=np.roll(people, 1), weight=None, names=people.tolist())
    simulation = kind(build_world(market, 0, graph=graph), market, horizon=2)
    simulation.ledger.budget = 1.0
    simulation.step([PaidImpressions(spend=1.0, day=0)])
    simulation.step()


def warm_up(announce: Callable[[str], None] | None = None) -> None:
    """Compile every kernel once (seconds the first time, then cached on disk); say so through `announce`."""
    from influence_sim.jit import CACHE_DIR, is_cold, mark_warm

    if not is_cold():
        return
    if announce is not None:
        announce(f"Compiling the engine once (half a minute); kept in {CACHE_DIR}")
    import subprocess
    import sys

    # Serving takes half of the time to compile, so the rest compiles in a second process.
    other = subprocess.Popen([sys.executable, "-c", _COMPILE_REST], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    from influence_sim.engine.simulation import Simulation
    from influence_sim.world.build import build_world

    tiny_run(Simulation)
    if other.wait() != 0:
        build_world(tiny_market(), 0)
    mark_warm()

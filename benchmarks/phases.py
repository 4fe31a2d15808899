"""Seconds by phase of a day, measured from outside: functions are wrapped while a world runs, the engine knows nothing of it.

Times are exclusive: a phase does not count what other phases do inside it.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

# Phase: the functions it consists of, each where it is called from. What no longer exists is reported and left out.
PHASES = {
    "events, brands, posts": ("simulation.sign", "simulation.publish"),
    "room in seen lists": ("rounds.make_room",),
    "deliver to followers": ("rounds._deliver",),
    "pools": ("rounds._pools",),
    "audiences of tests, ads": ("rounds._test_audiences", "rounds._ad_audiences"),
    "serve": ("simulation.Simulation.serve",),
    "sampled slots": ("rounds.exposures",),
    "count": ("rounds._count",),
    "events of the round": ("ties.collect", "rounds.modelled"),
    "rest of rounds": ("simulation.play_round",),
    "ties": ("ties.meet", "blocks.ties"),
    "creators' work": ("careers.work",),
    "funnel": ("evening._funnel", "blocks.funnel", "blocks.wom"),
    "rest of evening": ("simulation.play_evening",),
}
REST = "rest of day"


class Stopwatch:
    """Exclusive seconds by phase since the last `take`; wraps the engine's functions for the rest of the process."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []
        for phase, names in PHASES.items():
            for name in names:
                self._wrap(phase, *name.rsplit(".", 1))
        self._wrap_blocks()

    def take(self) -> dict[str, float]:
        """Return what was measured and begin anew."""
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken

    def run(self, phase: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a function on behalf of a phase."""
        begun = time.perf_counter()
        self._inside.append(0.0)
        try:
            return function(*arguments, **named)
        finally:
            spent = time.perf_counter() - begun
            self.seconds[phase] += spent - self._inside.pop()
            if self._inside:
                self._inside[-1] += spent

    def _wrap(self, phase: str, module: str, name: str) -> None:
        if module == "blocks":
            return
        module, _, kind = module.partition(".")
        owner = importlib.import_module(f"influence_sim.engine.{module}")
        owner = getattr(owner, kind) if kind else owner
        function = getattr(owner, name, None)
        if function is None:
            print(f"phase {phase!r}: engine.{module} has no {name}", file=sys.stderr)
            return
        setattr(owner, name, lambda *arguments, **named: self.run(phase, function, *arguments, **named))

    def _wrap_blocks(self) -> None:
        """Name what `blocks` runs on the threads by the method or the module it comes from."""
        from influence_sim.engine.threads import Threads

        phases = {name.split(".")[1]: phase for phase, names in PHASES.items() for name in names if name.startswith("blocks.")}
        whole = Threads.blocks

        def blocks(s: Threads, function: Callable[..., None], *arguments: Any) -> None:
            module = getattr(function, "py_func", function).__module__.rsplit(".", 1)[-1]
            phase = phases.get(function.__name__) or phases.get(module)
            if phase is None:
                whole(s, function, *arguments)
            else:
                self.run(phase, whole, s, function, *arguments)

        Threads.blocks = blocks  # type: ignore[method-assign]

"""How much memory a process has used, and what the arrays of a simulation take."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np


def peak() -> int:
    """Return the largest resident size of this process so far, bytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024


def now() -> int:
    """Return the resident size now, bytes; the peak where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return peak()


def arrays_of(value: Any, found: dict[int, int]) -> None:
    """Add the arrays in a value to `found`, bytes by address, so that shared ones count once."""
    if isinstance(value, np.ndarray):
        # A column with room to grow is a view: what it uses counts, for pages that were never written take no memory.
        found[value.ctypes.data] = max(value.nbytes, found.get(value.ctypes.data, 0))
    elif isinstance(value, dict):
        for item in value.values():
            arrays_of(item, found)
    elif isinstance(value, list | tuple):
        for item in value:
            arrays_of(item, found)


def state_bytes(simulation: Any) -> dict[str, int]:
    """Return bytes of arrays by attribute of a simulation, largest first; `world` is what it shares with other arms."""
    world: dict[int, int] = {}
    arrays_of(list(vars(simulation.world).values()), world)
    told, known = {"world": sum(world.values())}, dict(world)
    for name, value in vars(simulation).items():
        found: dict[int, int] = {}
        arrays_of(value, found)
        new = sum(size for at, size in found.items() if at not in known)
        known |= found
        if new:
            told[name] = new
    return dict(sorted(told.items(), key=lambda item: -item[1]))

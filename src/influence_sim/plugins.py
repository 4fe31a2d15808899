"""What installed packages add: a strategy, feed or event registers itself when its module is imported."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points


@lru_cache
def load_plugins(kind: str) -> None:
    """Import the modules that installed packages name in the entry-point group ``influence_sim.<kind>``, once."""
    for point in entry_points(group=f"influence_sim.{kind}"):
        point.load()

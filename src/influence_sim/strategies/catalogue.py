"""Find strategies by name: the built-in ones, those a user defined, and those of installed plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from influence_sim.plugins import load_plugins
from influence_sim.strategies.base import Strategy


def strategy_types() -> dict[str, type[Strategy]]:
    """Return every registered strategy class by name, sorted.

    Examples
    --------
    >>> from influence_sim.strategies import strategy_types
    >>> [name for name in strategy_types() if name in ("none", "macro")]
    ['macro', 'none']
    """
    load_plugins("strategies")
    return dict(sorted(Strategy.registry.items()))


def build_strategy(name: str, params: Mapping[str, Any] | None = None) -> Strategy:
    """Make the strategy registered under `name`; raise `KeyError` naming the known ones, or pydantic's error."""
    known = strategy_types()
    if name not in known:
        raise KeyError(f"no strategy is called {name!r}; known: {', '.join(known)}")
    return known[name](**dict(params or {}))

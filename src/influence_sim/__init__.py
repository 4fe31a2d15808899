"""Compare influencer marketing strategies in one simulated world.

Everything below is loaded when first asked for: `import influence_sim` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from influence_sim._version import MODEL_VERSION, __version__

if TYPE_CHECKING:
    from influence_sim.agents import Brand, Creator, User
    from influence_sim.engine.simulation import Simulation
    from influence_sim.model import InfluenceModel
    from influence_sim.scenario import load_scenario, scenario_from_dict
    from influence_sim.strategies import Strategy, check_strategy
    from influence_sim.studies.compare import compare
    from influence_sim.world.build import build_world
    from influence_sim.world.graph_files import load_graph

# Public name -> room it is defined in.
_LAZY = {
    "compare": "studies.compare",
    "load_scenario": "scenario",
    "scenario_from_dict": "scenario",
    "build_world": "world.build",
    "load_graph": "world.graph_files",
    "Simulation": "engine.simulation",
    "Strategy": "strategies",
    "check_strategy": "strategies",
    "InfluenceModel": "model",
    "User": "agents",
    "Creator": "agents",
    "Brand": "agents",
}

__all__ = [
    "MODEL_VERSION", "Brand", "Creator", "InfluenceModel", "Simulation", "Strategy", "User", "__version__",
    "build_world", "check_strategy", "compare", "load_graph", "load_scenario", "scenario_from_dict",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the room of a public name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

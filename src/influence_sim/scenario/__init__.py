"""What is asked: the scenario file, its parameters and everything that can be wrong with it.

`load_scenario` reads a file, `scenario_from_dict` a mapping; both give a frozen `Scenario` or
raise one `ScenarioError` that lists every problem.
"""

from __future__ import annotations

from influence_sim.scenario.errors import Problem, ScenarioError, format_problem, format_problems
from influence_sim.scenario.loader import Loaded, load_scenario, scenario_from_dict
from influence_sim.scenario.parameters import Market, Parameter, parameters
from influence_sim.scenario.schema import DEFAULT_TIERS, Scenario, StrategyEntry

__all__ = [
    "DEFAULT_TIERS",
    "Loaded",
    "Market",
    "Parameter",
    "Problem",
    "Scenario",
    "ScenarioError",
    "StrategyEntry",
    "format_problem",
    "format_problems",
    "load_scenario",
    "parameters",
    "scenario_from_dict",
]

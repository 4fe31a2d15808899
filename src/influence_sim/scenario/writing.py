"""Write a scenario: as one file without references, or value by value with its origin."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario, StrategyEntry

ALWAYS = ("budget", "horizon", "replications", "world_seed", "path_seed", "objective")  # said also where they are the defaults


def scenario_text(scenario: Scenario) -> str:
    """Return YAML that `load_scenario` reads as a scenario of the same digest.

    A graph file and a world are named by their whole path, so that the text means the same wherever it is kept.

    Examples
    --------
    >>> from influence_sim.scenario import scenario_from_dict
    >>> print(scenario_text(scenario_from_dict({"name": "one", "strategies": ["none"], "market": {"brand": {"price": 7}}}))[:39])
    name: one
    market:
      brand: {price: 7.0}
    """
    from ruamel.yaml import YAML

    from influence_sim.scenario.loader import scenario_from_dict

    policy = scenario.market.feed.policy
    # A policy stands between the defaults and the file: what equals the default may have been said against the policy.
    plain = scenario_from_dict({"strategies": ["none"], "market": {"feed": {"policy": policy}}})
    told = {"name": scenario.name, **_differing(scenario.model_dump(exclude={"strategies", "events", "tiers"}), plain.model_dump())}
    if policy != type(plain.market.feed)().policy:
        market = told.setdefault("market", {})
        market["feed"] = {"policy": policy, **market.get("feed", {})}
    told["strategies"] = [_entry(label, entry) for label, entry in scenario.strategies.items()]
    told["events"] = [{**event.model_dump(exclude={"params"}), **event.params} for event in scenario.events]
    told |= {name: getattr(scenario, name) for name in ALWAYS}
    told |= {name: os.path.abspath(told[name]) for name in ("graph_file", "world") if name in told}
    told["tiers"] = {label: list(edges) for label, edges in scenario.tiers.items()}
    out = io.StringIO()
    yaml = YAML(pure=True)
    yaml.default_flow_style = None  # short mappings on one line
    yaml.representer.sort_base_mapping_type_on_output = False
    yaml.dump({key: value for key, value in told.items() if value not in ({}, [])}, out)
    return out.getvalue()


def own_params(entry: StrategyEntry) -> dict[str, Any]:
    """Return the parameters of an arm that are not at their defaults."""
    from influence_sim.scenario.schema import strategy_registry

    usual = strategy_registry()[entry.strategy].model_validate({}).model_dump(mode="json")
    return {key: value for key, value in entry.params.items() if value != usual[key]}


def _entry(label: str, entry: StrategyEntry) -> str | dict[str, Any]:
    said = own_params(entry)
    if label != entry.strategy:
        said = {"strategy": entry.strategy, **said}
    return {label: said} if said else label


def _differing(value: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """Return what of `value` is not in `plain`, mapping by mapping; tuples as lists."""
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and isinstance(plain.get(key), dict):
            if deeper := _differing(inner, plain[key]):
                found[key] = deeper
        elif key not in plain or inner != plain[key]:
            found[key] = list(inner) if isinstance(inner, tuple) else inner
    return found


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and their values in file order; an empty mapping is a value."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def origin_of(key: str, origins: Mapping[str, str]) -> str:
    """Return the origin of a key or of the nearest key above it."""
    short = key.removeprefix("market.")
    while key or short:
        for candidate in (key, short):
            if candidate in origins:
                return origins[candidate]
        key, short = (k.rpartition(".")[0] for k in (key, short))
    return "default"


def text(value: Any) -> str:
    """Write a value the way a YAML file would."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)

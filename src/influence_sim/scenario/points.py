"""A scenario at a point: the same question with other values for some of its keys, without reading a file again."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from influence_sim.scenario.errors import closest
from influence_sim.scenario.parameters import Feed, Market
from influence_sim.scenario.schema import Scenario, policy_values, strategy_registry

POLICY = "market.feed.policy"
# Keys that are neither of the market nor of a strategy, and make another run.
OWN = ("budget", "horizon", "world_seed", "path_seed", "same_world")


class PointError(ValueError):
    """A key cannot be varied, or not to that value; the message says what can."""


def full_key(scenario: Scenario, key: str) -> str:
    """Return the dotted key of a value that may differ between points: groups of the market may be named without `market.`.

    Raises
    ------
    PointError
        When there is no such value.

    Examples
    --------
    >>> full_key(Scenario(strategies={}), "feed.exploration_share")
    'market.feed.exploration_share'
    """
    path = key.split(".")
    if path[0] in Market.model_fields:
        path = ["market", *path]
    known = _known(scenario, path)
    if known is None:
        return ".".join(path)
    near = closest(path[-1], known)
    hint = f"did you mean `{'.'.join([*path[:-1], near])}`?" if near else f"there are: {', '.join(known)}"
    raise PointError(f"`{key}` cannot be varied; {hint}")


def _known(scenario: Scenario, path: list[str]) -> list[str] | None:
    """Return None for a path that leads to a value, else the names at the place where it goes wrong."""
    if path[0] == "market" and len(path) == 3 and path[1] in Market.model_fields:
        names = list(_group(path[1]).model_fields)
    elif path[0] == "market":
        names = [f"market.{group}.{name}" for group in Market.model_fields for name in _group(group).model_fields]
    elif path[0] == "strategies" and len(path) == 3 and path[1] in scenario.strategies:
        names = list(strategy_registry()[scenario.strategies[path[1]].strategy].model_fields)
    elif path[0] == "strategies":
        names = list(scenario.strategies)
        return names
    else:
        names = list(OWN)
    return None if path[-1] in names and (len(path) > 1 or path[0] in OWN) else names


def _group(name: str) -> Any:
    return Market.model_fields[name].annotation


def value_at(scenario: Scenario, key: str) -> Any:
    """Return the value behind a full key."""
    path = key.split(".")
    if path[0] == "strategies":
        return scenario.strategies[path[1]].params[path[-1]]
    value: Any = scenario
    for name in path:
        value = getattr(value, name)
    return value


def is_whole(scenario: Scenario, key: str) -> bool:
    """Tell whether a full key takes whole numbers only."""
    path = key.split(".")
    if path[0] == "strategies":
        kind = strategy_registry()[scenario.strategies[path[1]].strategy].model_fields[path[-1]].annotation
    else:
        fields: Any = _group(path[1]).model_fields if path[0] == "market" else Scenario.model_fields
        kind = fields[path[-1]].annotation
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return int in kinds and float not in kinds


def at_point(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """Return `scenario` with other values.

    Parameters
    ----------
    scenario
        Where everything else comes from.
    values
        By full key, see `full_key`. None leaves a value as it is. A feed policy sets what it sets, except for
        values in which the scenario differs from its own policy: these were said explicitly.

    Raises
    ------
    ValueError
        When a value is not allowed, alone or with the others; pydantic's message says why.
    """
    data = scenario.model_dump()
    said = {key: value for key, value in values.items() if value is not None}
    if POLICY in said:
        feed = data["market"]["feed"]
        own = {**Feed().model_dump(), **policy_values(feed)}
        kept = {name: value for name, value in feed.items() if value != own[name]}
        data["market"]["feed"] = {**kept, "policy": said[POLICY]}
    for key, value in said.items():
        path = key.split(".")
        if path[0] == "strategies":
            data["strategies"][path[1]]["params"][path[-1]] = value
            continue
        holder = data
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value
    return Scenario.model_validate(data)

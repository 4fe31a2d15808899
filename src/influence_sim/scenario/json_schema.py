"""JSON Schema of scenario and market files, for completion and checks in an editor.

Built from the models that read the files, so it knows every parameter, strategy, selector and feed
policy that is registered. What needs more than one value at a time is left to `influence-sim check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from influence_sim.scenario.checks import number
from influence_sim.scenario.parameters import Market, Parameter, parameters
from influence_sim.scenario.schema import Scenario, strategy_registry

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"  # the draft that editors know best
# Editors read YAML 1.2, in which 1_000 is text; scenario files may group digits.
_GROUPED = r"^[-+]?[0-9]+(_[0-9]+)+(\.[0-9]*)?([eE][-+]?[0-9]+)?$"
_FILE = {"type": "string", "pattern": r"\.ya?ml$"}


def scenario_schema() -> Schema:
    """Return the JSON Schema (draft 7) of a scenario file."""
    whole = Scenario.model_json_schema()
    ours = {*_groups(), "Market", "StrategyEntry"}
    fields = {name: draft7(field) for name, field in whole["properties"].items() if name not in ("market", "strategies")}
    return {
        "$schema": DRAFT,
        "title": "influence_sim scenario",
        "description": "One market x several strategies x a horizon, seeds and replications.",
        "type": "object",
        "properties": {
            "extends": {**_FILE, "description": "A scenario file, relative to this one, that this file is laid over"},
            **fields,
            "market": {
                "description": "The world: a market file, or `extends:` and groups of parameters",
                "anyOf": [{"type": "null"}, _FILE, {"$ref": "#/$defs/market"}],
            },
            "strategies": {
                "description": "Arms of the comparison: names, or labels with a strategy and its parameters",
                "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/item"}}, {"$ref": "#/$defs/labels"}],
            },
        },
        "additionalProperties": False,
        "anyOf": [{"required": ["strategies"]}, {"required": ["extends"]}],
        "$defs": {
            "market": _market(),
            **_strategies(),
            **{name: draft7(found) for name, found in whole.get("$defs", {}).items() if name not in ours},
        },
    }


def market_schema() -> Schema:
    """Return the JSON Schema (draft 7) of a market file."""
    return {"$schema": DRAFT, "title": "influence_sim market", **_market()}


def _groups() -> dict[str, type[BaseModel]]:
    return {field.annotation.__name__: field.annotation for field in Market.model_fields.values()}  # type: ignore[union-attr,misc]


def _market() -> Schema:
    from influence_sim.feeds import policies

    lines = {line.path: line for line in parameters()}
    groups: Schema = {}
    for group, field in Market.model_fields.items():
        model: type[BaseModel] = field.annotation  # type: ignore[assignment]
        found = {name: draft7(schema) for name, schema in model.model_json_schema()["properties"].items()}
        for name, schema in found.items():
            line = lines[f"{group}.{name}"]
            schema["description"] = describe(line)
        groups[group] = {
            "type": ["object", "null"],  # null: a group whose every line is commented out
            "description": " ".join((model.__doc__ or "").split()),
            "properties": found,
            "additionalProperties": False,
        }
    groups["feed"]["properties"]["policy"]["enum"] = sorted(policies())
    return {
        "type": "object",
        "description": "The world a scenario plays in: everything the strategist does not choose.",
        "properties": {"extends": {**_FILE, "description": "A market file, relative to this one, that these lie over"}, **groups},
        "additionalProperties": False,
    }


def describe(line: Parameter) -> str:
    """Return meaning, unit, range, default and source of a parameter as sentences.

    Examples
    --------
    >>> describe(next(line for line in parameters() if line.path == "prices.deal_overhead"))
    'Brief and contract per creator hired. USD/deal; 0 to 10,000; default 50. Source: assumption.'
    """
    default = number(line.default) if isinstance(line.default, int | float) and not isinstance(line.default, bool) else str(line.default)
    parts = [line.unit] if line.unit not in ("1", "name", "switch") else []
    parts += [f"{number(line.low)} to {number(line.high)}"] if line.low is not None and line.high is not None else []
    parts.append(f"default {default.lower()}")
    source = line.source if line.source == line.grade else f"{line.source} ({line.grade})"
    return f"{line.meaning}. {'; '.join(parts)}. Source: {source}."


def draft7(schema: Any) -> Any:
    """Return pydantic's schema of a model in draft 7, without titles, and with grouped digits allowed in numbers."""
    if isinstance(schema, list):
        return [draft7(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    dropped = ("title", "unit", "source", "grade", "low", "high")
    # Below `properties` the keys are names of fields, which may be called `title` or `source`.
    found = {
        key: {name: draft7(field) for name, field in value.items()} if key == "properties" else draft7(value)
        for key, value in schema.items()
        if key not in dropped
    }
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
    if found.get("type") in ("number", "integer"):
        found |= {"type": [found["type"], "string"], "pattern": _GROUPED}
    return found


def _strategies() -> Schema:
    """Return the definitions behind `strategies`: one per registered strategy, and the ways to write an arm."""
    known = strategy_registry()
    names: Schema = {"enum": list(known)}
    defs: Schema = {}
    for name, kind in known.items():
        params: Schema = draft7({"properties": kind.model_json_schema().get("properties", {})})["properties"]
        defs[f"strategy_{name}"] = {
            "type": "object",
            "description": f"{kind.claim} Source: {kind.source}",
            "properties": {
                "strategy": {"const": name},
                "params": {"type": ["object", "null"], "properties": params, "additionalProperties": False},
                **params,
            },
            "additionalProperties": False,
        }
    chosen: Schema = {
        "type": "object",
        "required": ["strategy"],
        "properties": {"strategy": {**names, "description": "Registered name of the strategy"}},
        "allOf": [
            {
                "if": {"properties": {"strategy": {"const": name}}, "required": ["strategy"]},
                "then": {"$ref": f"#/$defs/strategy_{name}"},
            }
            for name in known
        ],
    }
    # A label that is a strategy's name needs no `strategy`; any other label does.
    by_name = {
        name: {
            "description": kind.claim,
            "if": {"type": "object", "required": ["strategy"]},
            "then": {"$ref": "#/$defs/chosen"},
            "else": {"anyOf": [{"type": "null"}, names, {"$ref": f"#/$defs/strategy_{name}"}]},
        }
        for name, kind in known.items()
    }
    labels: Schema = {
        "type": "object",
        "properties": by_name,
        "additionalProperties": {"anyOf": [names, {"$ref": "#/$defs/chosen"}]},
        "propertyNames": {"minLength": 1, "maxLength": 60},
    }
    item: Schema = {
        "if": {"type": "object", "required": ["strategy"]},
        "then": {"$ref": "#/$defs/chosen"},
        "else": {"anyOf": [names, {"allOf": [{"$ref": "#/$defs/labels"}, {"minProperties": 1, "maxProperties": 1}]}]},
    }
    return {**defs, "chosen": chosen, "labels": labels, "item": item}

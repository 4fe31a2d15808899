"""From a validation error to a problem a person can act on: place, what is allowed, what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from influence_sim.scenario.checks import number
from influence_sim.scenario.document import Node
from influence_sim.scenario.errors import (
    CONTRADICTION,
    MISSING,
    OUT_OF_RANGE,
    UNKNOWN_KEY,
    UNKNOWN_NAME,
    WRONG_TYPE,
    Problem,
    closest,
    shown,
)
from influence_sim.scenario.parameters import Market, parameters

_NOUNS: dict[Any, str] = {int: "an integer", float: "a number", bool: "true or false", str: "text"}
_RANGE_ERRORS = {
    "greater_than_equal",
    "less_than_equal",
    "greater_than",
    "less_than",
    "finite_number",
    "string_too_short",
    "string_too_long",
    "multiple_of",
}


def locate(root: Node, path: Sequence[int | str]) -> tuple[Node, bool]:
    """Return the deepest node on `path`, and whether it is the one asked for."""
    node = root
    for part in path:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[str(part)]
        elif isinstance(value, list) and str(part).isdigit() and int(part) < len(value):
            node = value[int(part)]
        else:
            return node, False
    return node, True


def field_of(model: type[BaseModel], path: Sequence[int | str]) -> FieldInfo | None:
    """Return the field a path leads to, through nested models."""
    field: FieldInfo | None = None
    current: Any = model
    for part in path:
        if get_origin(current) is dict:  # the key of a mapping of models
            current = get_args(current)[1]
            continue
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or part not in current.model_fields:
            return field if not isinstance(current, type) or not issubclass(current, BaseModel) else None
        field = current.model_fields[str(part)]
        current = _model(field.annotation)
    return field


def _model(kind: Any) -> Any:
    """Return the model of `Model | None`; anything else as it is."""
    models = [part for part in get_args(kind) if isinstance(part, type) and issubclass(part, BaseModel)]
    return models[0] if get_origin(kind) in (Union, UnionType) and models else kind


def model_of(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """Return the model that stands at `path`, when one does."""
    if not path:
        return model
    field = field_of(model, path)
    kind = _model(field.annotation) if field else None
    kind = get_args(kind)[1] if get_origin(kind) is dict else kind
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def choices(field: FieldInfo | None) -> list[str]:
    """Return the names a `Literal` field allows."""
    kind = field.annotation if field else None
    kinds = [kind, *get_args(kind)]
    return [str(value) for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]


def allowed(field: FieldInfo | None) -> str:
    """Say in words what a field takes: range, unit and default, or the names to choose from."""
    if field is None:
        return ""
    default = "" if field.is_required() or field.default is None or field.default_factory else f" (default {_default(field.default)})"
    names = choices(field)
    if names:
        return ", ".join(names) + default
    low, high = _bound(field, ("ge", "gt")), _bound(field, ("le", "lt"))
    kinds = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else (field.annotation,)
    noun = next((_NOUNS[kind] for kind in kinds if kind in _NOUNS), "")
    if get_origin(field.annotation) is dict:
        return field.description or "a mapping"
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = str(extra.get("unit", ""))
    if isinstance(low, int | float) or isinstance(high, int | float):
        least = "above" if _bound(field, ("ge",)) is None else "at least"
        span = (
            f"{number(low)} to {number(high)}"
            if low is not None and high is not None
            else f"{least} {number(low)}"
            if high is None
            else f"at most {number(high)}"
        )
        return f"{noun}, {span}{f' {unit}' if unit not in ('', '1') else ''}{default}"
    return noun + default


def _default(value: Any) -> str:
    return shown(value) if isinstance(value, bool | str) or not isinstance(value, int | float) else number(value)


def _bound(field: FieldInfo, names: Iterable[str]) -> Any:
    return next((getattr(part, name) for part in field.metadata for name in names if getattr(part, name, None) is not None), None)


def meant_number(value: object) -> str:
    """Return the number or switch a piece of text seems to mean (`1,500`, `$40`, `"12"`, `yes`)."""
    if not isinstance(value, str):
        return ""
    words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    if value.lower() in words:
        return words[value.lower()]
    text = value.strip().lstrip("$€").removesuffix("USD").replace(",", "").replace(" ", "")
    try:
        return text if float(text) - float(text) == 0 else ""
    except ValueError:
        return ""


def elsewhere(key: str) -> str:
    """Return the full key of a market parameter or group called `key`, for one written at the wrong place."""
    if key in Market.model_fields:
        return f"market.{key}"
    return _paths().get(key, "")


@cache
def _paths() -> dict[str, str]:
    found: dict[str, str] = {}
    for parameter in parameters():
        found.setdefault(parameter.path.split(".")[1], f"market.{parameter.path}")
    return found


def explain(error: ErrorDetails, root: Node, model: type[BaseModel], prefix: Sequence[str] = ()) -> Problem:
    """Return the problem behind one pydantic error; `root` is the node that `model` was validated from."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    kind = error["type"]
    node, exact = locate(root, path)
    name = str(path[-1]) if path else (prefix[-1] if prefix else "")
    key = ".".join(map(str, (*prefix, *path)))
    field = field_of(model, path)
    got = shown(node.plain()) if exact else ""
    if kind == "extra_forbidden":
        parent = model_of(model, path[:-1])
        names = list(parent.model_fields) if parent else []
        near = closest(name, names) or elsewhere(name)
        return node.name_mark.problem(
            UNKNOWN_KEY, key, f"unknown key `{name}`" + _inside((*prefix, *path)[:-1]), "" if near else ", ".join(names), suggestion=near
        )
    if kind == "missing":
        return node.name_mark.problem(MISSING, key, f"key `{name}` is missing{_inside((*prefix, *path)[:-1])}", allowed(field))
    if kind == "literal_error":
        names = choices(field)
        near = closest(str(node.plain()), names)
        return node.mark.problem(UNKNOWN_NAME, key, f"`{name}` has no choice {got}", allowed(field), got, near)
    if kind in _RANGE_ERRORS:
        message = f"`{name}` must be a finite number" if kind == "finite_number" else f"`{name}` is out of range"
        return node.mark.problem(OUT_OF_RANGE, key, message, allowed(field) or error["msg"], got)
    if kind == "value_error":
        reason = str(error.get("ctx", {}).get("error", error["msg"]))
        if path and reason.startswith("must be one of "):  # how plug-ins word a choice among registered names
            names = reason.removeprefix("must be one of ").split(";")[0].split(", ")
            return node.mark.problem(
                UNKNOWN_NAME, key, f"`{name}` has no choice {got}", ", ".join(names), got, closest(str(node.plain()), names)
            )
        return node.mark.problem(CONTRADICTION, key, f"`{name}`: {reason}" if name else reason, got=got if path else "")
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return node.mark.problem(WRONG_TYPE, key, f"`{name}` must be a mapping of keys", "a mapping", got)
    wanted = allowed(field) or error["msg"].removeprefix("Input should be ")
    return node.mark.problem(WRONG_TYPE, key, f"`{name}` has the wrong type", wanted, got, meant_number(node.plain()))


def _inside(path: Sequence[int | str]) -> str:
    return f" in `{'.'.join(map(str, path))}`" if path else ""

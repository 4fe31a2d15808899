"""Layers of values: laying one over another, and telling afterwards where each value came from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from influence_sim.scenario.document import Mark, Node
from influence_sim.scenario.errors import closest
from influence_sim.scenario.schema import Scenario, policy_values

MAX_BITS = 1000  # some 300 digits, as in files; Python refuses to print an integer of more than 4,300
WHOLE = {"strategies", "tiers"}  # an inherited list of arms or bins is replaced, not mixed


def from_python(value: Any, mark: Mark) -> Node:
    """Return the tree of a Python value; models give what was set on them, NumPy scalars their value."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    if isinstance(value, Mapping):
        return Node({str(key): from_python(item, mark) for key, item in value.items()}, mark)
    if isinstance(value, list | tuple):
        return Node([from_python(item, mark) for item in value], mark)
    if isinstance(value, os.PathLike):
        return Node(os.fspath(value), mark)
    if value is not None and not isinstance(value, bool | int | float | str):
        item = getattr(value, "item", None)  # NumPy scalars
        value = item() if callable(item) and getattr(value, "ndim", None) == 0 else repr(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        value = f"a number of {value.bit_length():,} bits"
    return Node(value, mark)


def to_json(plain: Any) -> str:
    """Write plain values as JSON, whole floats as integers."""

    def exact(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: exact(item) for key, item in value.items()}
        if isinstance(value, list):
            return [exact(item) for item in value]
        # 2e3 is a whole number and may stand where an integer is wanted
        return int(value) if isinstance(value, float) and abs(value) < 2**63 and value.is_integer() else value

    return json.dumps(exact(plain))


def merge(base: Node, over: Node) -> Node:
    """Return `over` laid on `base`: mappings are merged, everything else is replaced."""
    if over.replaces or not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(base.value)
    for key, node in over.value.items():
        merged[key] = merge(merged[key], node) if key in merged and key not in WHOLE else node
    return Node(merged, over.mark, over.key_mark)


def near_file(file: str, suffix: str = ".yaml") -> str:
    """Return the file in the same folder whose name is most like the missing one."""
    folder, name = os.path.split(file)
    try:
        near = closest(name, [other for other in os.listdir(folder or ".") if other.endswith(suffix)])
    except (OSError, ValueError):
        return ""
    return os.path.join(folder, near) if near else ""


def origins(scenario: Scenario, root: Node) -> dict[str, str]:
    """Return where each value of `scenario` came from, by dotted key."""
    said = {".".join(path): node.mark.origin for path, node in root.leaves()}
    policy = scenario.market.feed.policy
    preset = {f"market.feed.{name}": f"policy {policy}" for name in policy_values({"policy": policy})}
    result: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                walk(item, f"{path}.{key}" if path else str(key))
        elif not isinstance(value, Mapping) or not path.endswith(".params"):
            result[path] = said.get(path) or preset.get(path) or "default"

    walk(scenario.model_dump(), "")
    return result

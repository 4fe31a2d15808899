"""Everything that has a name and a value: parameters of the market, keys of a scenario, parameters of strategies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

GRADES = {
    "A": "peer-reviewed or first-party",
    "B": "industry report",
    "C": "vendor page",
    "D": "derived from a graded number",
    "assumption": "no source pins it down",
}


@dataclass(frozen=True)
class Key:
    """One line of the reference; `setting` is what stands behind `--set`, with LABEL where an arm's label belongs."""

    name: str
    setting: str
    meaning: str
    default: Any
    unit: str = ""
    allowed: str = ""
    source: str = ""
    grade: str = ""


def keys() -> Iterator[Key]:
    """Yield every key: market parameters in file order, scenario keys, then strategies by name."""
    from influence_sim.scenario.checks import number
    from influence_sim.scenario.parameters import parameters
    from influence_sim.scenario.schema import Scenario
    from influence_sim.strategies import strategy_types

    for line in parameters():
        span = f"{number(line.low)} to {number(line.high)}" if line.low is not None and line.high is not None else ", ".join(line.allowed)
        yield Key(line.path, line.path, line.meaning, line.default, line.unit, span, line.source, line.grade)
    for name, field in Scenario.model_fields.items():
        if name not in ("market", "strategies"):
            yield Key(name, name, field.description or "", field.get_default(call_default_factory=True), allowed=_allowed(field))
    for name, kind in strategy_types().items():
        schema = kind.model_json_schema()["properties"] if kind.model_fields else {}
        for key, field in kind.model_fields.items():
            span = ", ".join(schema[key].get("enum", ())) or _allowed(field)  # registered names stand in the schema only
            default = field.get_default(call_default_factory=True)
            yield Key(f"{name}.{key}", f"strategies.LABEL.{key}", field.description or "", default, "", span, kind.source)


def _allowed(field: FieldInfo) -> str:
    from influence_sim.scenario.diagnose import allowed

    return allowed(field).partition(" (default")[0]


def find(name: str) -> list[Key]:
    """Return the keys called `name`, in full, with `market.` or `strategies.` before it, or by the last part alone."""
    every = list(keys())
    plain = name.removeprefix("market.").removeprefix("strategies.")
    return [key for key in every if key.name == plain] or [key for key in every if key.name.rpartition(".")[2] == plain]


def near(name: str) -> str:
    """Return the key most like `name`, or an empty string."""
    from influence_sim.scenario.errors import closest

    every = [key.name for key in keys()]
    last = {full.rpartition(".")[2]: full for full in reversed(every)}
    return closest(name, every) or last.get(closest(name.rpartition(".")[2], last), "")

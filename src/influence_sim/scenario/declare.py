"""How a parameter is declared: default, unit, range, source and grade on one line."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

ASSUMPTION = "assumption"


def par(
    default: float, unit: str, low: float, high: float, source: str, grade: str, meaning: str
) -> Any:
    """Declare one parameter; `low` and `high` are inclusive bounds in `unit`."""
    extra: dict[str, Any] = {"unit": unit, "source": source, "grade": grade, "low": low, "high": high}
    return Field(default, ge=low, le=high, description=meaning, json_schema_extra=extra)


def choice(default: str, source: str, meaning: str) -> Any:
    """Declare one named choice; the allowed names stand in its `Literal` type."""
    extra: dict[str, Any] = {"unit": "name", "source": source, "grade": ASSUMPTION}
    return Field(default, description=meaning, json_schema_extra=extra)


class Group(BaseModel):
    """A frozen group of parameters; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

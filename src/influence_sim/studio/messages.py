"""What a page may say to its session, and how a session's answer is written."""

from __future__ import annotations

import json
import math
import struct
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from influence_sim.studio.lessons import Setup

MOST_BYTES = 64 * 1024  # of a message
Name = Annotated[str, Field(max_length=40)]
Settings = Annotated[dict[Name, float], Field(max_length=20)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Turned(_Message):
    """A knob that was turned after so many rounds."""

    round: int = Field(ge=0, le=10_000)
    world: Name
    settings: Settings


class Open(_Message):
    """Begin a lesson; `rounds` and `log` bring it to where it was when the connection broke."""

    type: Literal["open"]
    lesson: Name
    setup: Setup = Setup()
    settings: dict[Name, Settings] = Field(default_factory=dict, max_length=20)
    base: str | None = Field(None, max_length=32, description="A scenario this session has received")
    rounds: int = Field(0, ge=0, le=10_000)
    log: list[Turned] = Field(default_factory=list, max_length=500)


class Run(_Message):
    """Play at so many rounds a second until paused."""

    type: Literal["play"]
    speed: float = Field(8, ge=0.5, le=60)


class Simple(_Message):
    """Pause, play a single round, or say that a frame was drawn."""

    type: Literal["pause", "step", "drawn"]


class TurnKnob(_Message):
    """Turn knobs of a world; `version` comes back with the first frame in which they act."""

    type: Literal["knob"]
    world: Name
    settings: Settings
    version: int = Field(ge=0)


class Ask(_Message):
    """Ask about a person: take up the phone, look at it again, or why the followed video was shown."""

    type: Literal["hold", "phone", "why"]
    world: Name
    person: int = Field(ge=0)


class Many(_Message):
    """Ask for other luck with the same video, or for the same question in other towns."""

    type: Literal["luck", "reveal"]
    times: int = Field(20, ge=1, le=60)


class Take(_Message):
    """Ask for a world as a scenario file or as Python code."""

    type: Literal["scenario", "python"]
    world: Name


Request = Open | Run | Simple | TurnKnob | Ask | Many | Take
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])


def read(text: str) -> Request:
    """Return the request a page sent; raise `pydantic.ValidationError` (a `ValueError`) when it is none."""
    return _REQUEST.validate_json(text)


def pack(header: dict[str, Any], columns: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """Return a message with columns: length of the JSON (u32, little endian), the JSON, then the columns one after another.

    The JSON names the columns: `columns: [[name, dtype, length], ...]` with dtypes `u1`, `u2`, `i4` and `f4`.
    """
    listed = [[name, values.dtype.str[1:], len(values)] for name, values in columns.items()]
    text = json.dumps(finite({**header, "columns": listed}), separators=(",", ":"), allow_nan=False, default=float).encode()
    return struct.pack("<I", len(text)) + text + b"".join(np.ascontiguousarray(values).tobytes() for values in columns.values())


def finite(value: Any) -> Any:
    """Return a message as strict JSON has it: what is not a number is null."""
    if isinstance(value, dict):
        return {key: finite(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [finite(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Events that concern some creators: given by rows, or drawn as a share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from influence_sim.events.base import Event
from influence_sim.rng import Stream, uniforms
from influence_sim.scenario.parameters import Market

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]


class CreatorsEvent(Event):
    """An event of the creators named by their rows, or of a share of them drawn by keyed dice."""

    creators: tuple[int, ...] = Field((), description="Rows of the creators; unless given, `share` says how many")
    share: float | None = Field(None, gt=0, le=1, description="Share of creators, drawn by keyed dice, instead of rows")

    @field_validator("creators")
    @classmethod
    def _rows(cls, creators: tuple[int, ...]) -> tuple[int, ...]:
        if any(row < 0 for row in creators) or len(set(creators)) < len(creators):
            raise ValueError("rows of creators are 0, 1, 2, ..., each once")
        return creators

    @model_validator(mode="after")
    def _says_whom(self) -> CreatorsEvent:
        if bool(self.creators) == (self.share is not None):
            raise ValueError("give either `creators` (rows) or `share`")
        return self

    def impossible(self, market: Market, before: Sequence[Event]) -> str:
        """Say which creator does not exist."""
        count = market.creators.count
        wrong = [row for row in self.creators if row >= count]
        return f"there is no creator {wrong[0]}; the rows are 0 to {count - 1}" if wrong else ""

    def chosen(self, simulation: Simulation, stream: Stream) -> Array:
        """Return the rows of the creators concerned, in order."""
        if self.share is None:
            if max(self.creators) >= simulation.modelled:
                last = simulation.modelled - 1
                raise ValueError(f"event `{self.name}`: there is no creator {max(self.creators)}; the rows are 0 to {last}")
            return np.array(sorted(self.creators), np.int64)
        rules, rows = simulation.rules, np.arange(simulation.modelled)
        u = uniforms(rules.seed, stream, rules.replication, 1, rows, 0, self.day << 16)[:, 0]
        return np.flatnonzero(u < self.share)

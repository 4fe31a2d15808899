"""Posts pushed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator, model_validator

from influence_sim.events.base import Event
from influence_sim.rng import Stream, uniforms

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class Heating(Event):
    """Give some creators' organic posts of this day a fixed number of impressions, beside what they earn.

    The impressions take the slots that ads may take, spread over the people the platform takes for
    interested, each post at most once a person; they are delivered as soon as there is room, on later days too.
    """

    name = "heating"
    claim = "Views given by hand make a post look like a success of the creator, and feed the popularity it is ranked by."
    source = "TikTok's `heating` (Forbes, January 2023); whom, when and how much are the user's question"

    views: float = Field(10_000.0, ge=1, le=1e8, description="Impressions per post, in real units (assumption: 10,000)")
    creators: tuple[int, ...] = Field((), description="Rows of the creators; unless given, `share` says how many")
    share: float | None = Field(None, gt=0, le=1, description="Share of creators, drawn by keyed dice, instead of rows")

    @field_validator("creators")
    @classmethod
    def _rows(cls, creators: tuple[int, ...]) -> tuple[int, ...]:
        if any(row < 0 for row in creators) or len(set(creators)) < len(creators):
            raise ValueError("rows of creators are 0, 1, 2, ..., each once")
        return creators

    @model_validator(mode="after")
    def _says_whom(self) -> Heating:
        if bool(self.creators) == (self.share is not None):
            raise ValueError("give either `creators` (rows) or `share`")
        return self

    def apply(self, simulation: Simulation) -> None:
        """Note what today's posts of the creators are to be given."""
        rules, creators = simulation.rules, np.arange(simulation.modelled)
        if self.share is not None:
            chosen = uniforms(rules.seed, Stream.HEAT, rules.replication, 1, creators, 0, self.day << 16)[:, 0] < self.share
        else:
            if max(self.creators) >= simulation.modelled:
                raise ValueError(f"event `heating`: there is no creator {max(self.creators)}; the rows are 0 to {simulation.modelled - 1}")
            chosen = np.isin(creators, self.creators)
        simulation.heat[creators[chosen]] += max(1, round(self.views / simulation.world.people_per_agent))

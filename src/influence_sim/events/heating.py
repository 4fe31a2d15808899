"""Posts pushed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from influence_sim.events.whom import CreatorsEvent
from influence_sim.rng import Stream

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class Heating(CreatorsEvent):
    """Give some creators' organic posts of this day a fixed number of impressions, beside what they earn.

    The impressions take the slots that ads may take, spread over the people the platform takes for
    interested, each post at most once a person; they are delivered as soon as there is room, on later days too.
    """

    name = "heating"
    claim = "Views given by hand make a post look like a success of the creator, and feed the popularity it is ranked by."
    source = "TikTok's `heating` (Forbes, January 2023); whom, when and how much are the user's question"

    views: float = Field(10_000.0, ge=1, le=1e8, description="Impressions per post, in real units (assumption: 10,000)")

    def apply(self, simulation: Simulation) -> None:
        """Note what today's posts of the creators are to be given."""
        simulation.heat[self.chosen(simulation, Stream.HEAT)] += max(1, round(self.views / simulation.world.people_per_agent))

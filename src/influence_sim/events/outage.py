"""The platform is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from influence_sim.events.base import Event

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class Outage(Event):
    """Lose a share of each day's feed slots, evenly over people and hours.

    Creators still upload, and brands still plan: their posts wait for the audience that is left.
    Bought impressions that could not be delivered by the end of their flight are paid back.
    """

    name = "outage"
    claim = "Attention lost in an outage does not come back; posts of those days age unseen."
    source = "TikTok's shutdown in the USA on 18 and 19 January 2025, less than a day; the even spread is an assumption"

    days: int = Field(1, ge=1, le=3650, description="Days it lasts (assumption: one)")
    share: float = Field(1.0, gt=0, le=1, description="Share of each day's slots that is lost (1: all of them)")

    @property
    def last_day(self) -> int:
        """The last day on which slots are lost."""
        return self.day + self.days - 1

    def apply(self, simulation: Simulation) -> None:
        """Serve only the rest of today's slots."""
        simulation.open_share *= 1.0 - self.share

"""A competitor begins to advertise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from influence_sim.events.base import Event
from influence_sim.scenario.parameters import Market

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class RivalEnters(Event):
    """Give the first rival that is silent (`rivals.silent`) money to advertise from that day to the end."""

    name = "rival_enters"
    claim = "A new competitor takes attention, creators and buyers, and makes advertising space dearer."
    source = "assumption: day and spending are the user's question"

    spend: float | None = Field(None, gt=0, le=1000, description="USD per 1,000 people and day; `rivals.spend` unless given")

    def impossible(self, market: Market, before: Sequence[Event]) -> str:
        """Say that no rival is left that is silent."""
        entered = sum(isinstance(event, RivalEnters) for event in before)
        silent = market.rivals.silent
        return "" if entered < silent else f"rivals.silent is {silent}, and each such event needs a rival that is silent until then"

    def apply(self, simulation: Simulation) -> None:
        """Give the rival its money."""
        market = simulation.market
        rate = market.rivals.spend if self.spend is None else self.spend
        silent = [campaign for campaign in simulation.campaigns[1:] if campaign.ledger.budget == 0.0]
        if not silent:
            raise ValueError("event `rival_enters`: no rival is silent; see `rivals.silent`")
        silent[0].ledger.budget = rate * market.people.population / 1000.0 * (simulation.horizon - self.day)

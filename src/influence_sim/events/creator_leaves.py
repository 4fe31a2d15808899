"""Creators leave the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influence_sim.events.whom import CreatorsEvent
from influence_sim.rng import Stream

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

GONE = 2  # of `stopped`: for good


class CreatorLeaves(CreatorsEvent):
    """Let creators stop: no more posts and live sessions, and no brand is accepted.

    Contracts lapse: sponsored posts due from that day on are not made and their fees are paid back;
    what the deal itself cost is lost. Earlier posts stay.
    """

    name = "creator_leaves"
    claim = "When a creator leaves, attention moves to others, and brands that hung on few creators lose what they had planned."
    source = "assumption: who leaves and when are the user's question"

    def apply(self, simulation: Simulation) -> None:
        """Stop the creators and undo their contracts."""
        rows = self.chosen(simulation, Stream.LEAVE)
        simulation.own_column("creators", "posting")[rows] = 0.0
        simulation.career.stopped[rows] = GONE
        for campaign in simulation.campaigns:
            campaign.ledger.lapse(rows.tolist(), self.day)

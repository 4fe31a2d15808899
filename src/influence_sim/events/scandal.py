"""Creators fall into disgrace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from influence_sim.events.whom import CreatorsEvent
from influence_sim.rng import Stream

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class Scandal(CreatorsEvent):
    """Give everybody who learns of it negative trust evidence about the creator, and harm the brands it advertised.

    Followers learn of it that morning; whoever learns tells their own followers with chance `told`,
    each by dice of their own, until nobody new hears of it. Trust comes back as evidence is forgotten
    (`ties.trust_half_life`).
    """

    name = "scandal"
    claim = "A scandal costs a creator the trust of those who hear of it, and some of it falls on the brands it stood for."
    source = (
        "Harris poll of 2,140 adults (2010): 22 % feel worse about the brand, 74 % unaffected; von Mettenheim 2023: purchase "
        "intention falls. Size, spreading and spill-over are assumptions"
    )

    size: float = Field(8.0, gt=0, le=100, description="Negative trust evidence of everybody who knows (assumption)")
    told: float = Field(0.05, ge=0, le=1, description="Chance that somebody who knows tells their followers (assumption)")
    spill: float = Field(0.2, ge=0, le=2, description="Attitude lost to a brand wholly associated with the creator (assumption)")
    spill_chance: float = Field(0.22, ge=0, le=1, description="Chance that somebody who knows holds it against the brand (Harris poll)")

    def apply(self, simulation: Simulation) -> None:
        """Discredit the creators."""
        for creator in self.chosen(simulation, Stream.SCANDAL).tolist():
            simulation.discredit(creator, self.size, self.told, self.spill, self.spill_chance)

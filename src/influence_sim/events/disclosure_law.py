"""A law on advertising labels."""

from __future__ import annotations

from pydantic import Field

from influence_sim.events.base import LastingEvent, with_values
from influence_sim.scenario.parameters import Market


class DisclosureLaw(LastingEvent):
    """Label sponsored posts from that day on, whatever brand and creator agreed.

    A share `compliance` of posts obeys, drawn for each post by keyed dice; the others are marked as agreed.
    """

    name = "disclosure_law"
    claim = "Labels make advertising recognised: it persuades less at once, and is found out less often later."
    source = "European Commission sweep 2024: 97 % of 576 influencers advertise, 20 % disclose it always; compliance is an assumption"

    compliance: float = Field(0.9, ge=0, le=1, description="Share of sponsored posts that obey (assumption)")

    def changed(self, market: Market) -> Market:
        """Return the market under the law."""
        return with_values(market, "creators", lawful_labels=self.compliance)

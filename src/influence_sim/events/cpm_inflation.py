"""Dearer advertising space."""

from __future__ import annotations

from pydantic import Field

from influence_sim.events.base import LastingEvent, with_values
from influence_sim.scenario.parameters import Market

DEAREST = 1000.0  # USD, the range of `prices.cpm`


class CpmInflation(LastingEvent):
    """Multiply the list price of a thousand in-feed impressions.

    It concerns what is booked from that day on: ads ordered before keep the price agreed. Beyond 1,000 USD,
    the range of the price, it does not rise.
    """

    name = "cpm_inflation"
    claim = "When advertising space becomes dear, the same budget buys fewer impressions, and creators gain against ads."
    source = "Vendor pages 2023-25: USD 3.2-15 per thousand, dearest in the last quarter; factor and days are the user's question"

    factor: float = Field(2.0, gt=0, le=10, description="New price over the old (assumption: 2)")

    def changed(self, market: Market) -> Market:
        """Return the market with the new price."""
        return with_values(market, "prices", cpm=max(0.01, min(DEAREST, self.factor * market.prices.cpm)))

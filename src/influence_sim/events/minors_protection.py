"""Minors are protected from advertising."""

from __future__ import annotations

from influence_sim.events.base import LastingEvent, with_feed
from influence_sim.scenario.parameters import Market


class MinorsProtection(LastingEvent):
    """Show people aged 13-17 no ads, and recommend no sponsored posts to them.

    Sponsored posts that reach them along a follow, from the creator or re-shared by a friend, are still shown.
    """

    name = "minors_protection"
    claim = "Protecting minors costs a brand the reach it has among them, and hardly any sales to adults."
    source = "EU Digital Services Act, Article 28 (2024): no profiling-based ads to minors; recommendations are the wider, assumed case"

    def changed(self, market: Market) -> Market:
        """Return the market with the protection."""
        return with_feed(market, ads_to_minors=False, sponsored_to_minors=False)

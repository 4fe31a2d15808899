"""The control: no campaign."""

from __future__ import annotations

from influence_sim.strategies.base import BrandView, Order, Strategy


class NoCampaign(Strategy):
    """Do nothing and spend nothing; what is sold anyway is the baseline of every comparison.

    Examples
    --------
    >>> from influence_sim.strategies import NoCampaign, synthetic_view
    >>> NoCampaign().plan(synthetic_view(money=1000))
    []
    """

    name = "none"
    claim = "Some customers buy without any campaign, so only sales above this control count."
    source = "Incrementality by a control arm: Gordon et al. 2019, Marketing Science 38(2), 193-225."

    def plan(self, view: BrandView) -> list[Order]:
        """Order nothing."""
        return []

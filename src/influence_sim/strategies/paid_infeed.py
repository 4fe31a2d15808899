"""Ads in the feed."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from influence_sim.strategies.base import BrandView, Order, PaidImpressions, Strategy


class PaidInFeed(Strategy):
    """Spend the whole budget on in-feed ads of the brand's own account, at the market's price per thousand.

    Examples
    --------
    >>> from influence_sim.strategies import PaidInFeed, synthetic_view
    >>> [(order.spend, order.day, order.days) for order in PaidInFeed(days=5).plan(synthetic_view(day=2, money=1000))]
    [(1000.0, 2, 5)]
    """

    name = "paid_infeed"
    claim = "Bought impressions reach a chosen number of people with certainty, without any creator's trust."
    source = "Vendor pages 2023-25: USD 3.2-15 per thousand impressions, median 8; click-through .73-.9 %."
    format: ClassVar[Literal["infeed", "challenge", "effect"]] = "infeed"

    start: int = Field(2, ge=0, description="First day of delivery; the last day when the horizon is shorter")
    days: int = Field(14, ge=1, description="Days of delivery; cut at the horizon")

    def plan(self, view: BrandView) -> list[Order]:
        """Order the whole flight on its first morning."""
        if view.day != min(self.start, view.horizon - 1) or view.money_left <= 0:
            return []
        return [PaidImpressions(float(view.money_left), view.day, min(self.days, view.horizon - view.day), self.format)]

"""The first thing everybody sees."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.base import BrandView, Order, PaidImpressions, Strategy


class Takeover(Strategy):
    """Buy the first slot of people's day, on as many days as asked for and affordable, with equal money each.

    A person sees a takeover once. Money for more people than there are comes back unspent. When not even
    one day is affordable the order is placed, refused and reported.

    Examples
    --------
    >>> from influence_sim.strategies import Takeover, synthetic_view
    >>> [(order.day, order.spend) for order in Takeover(days=2).plan(synthetic_view(day=2, money=1000))]
    [(2, 500.0), (9, 500.0)]
    """

    name = "takeover"
    claim = "A takeover makes a brand known to nearly everybody in a day, at a high price and without anybody's trust."
    source = "Term papers on TikTok formats (brand takeover); vendor pages: 50,000-100,000 USD a day, 15-25 USD per thousand."

    start: int = Field(2, ge=0, description="First day; the last day when the horizon is shorter")
    days: int = Field(1, ge=1, description="Takeovers, each of one day")
    spacing: int = Field(7, ge=1, description="Days from one to the next")

    def plan(self, view: BrandView) -> list[Order]:
        """Order all takeovers on the morning of the first."""
        if view.day != min(self.start, view.horizon - 1) or view.money_left <= 0:
            return []
        days = list(range(view.day, view.horizon, self.spacing))[: self.days]
        affordable = max(1, int(view.money_left // view.least_spend["takeover"])) if view.least_spend["takeover"] > 0 else len(days)
        days = days[:affordable]
        return [PaidImpressions(float(view.money_left) / len(days), day, 1, "takeover") for day in days]

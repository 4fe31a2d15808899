"""A budget split between small creators, a celebrity and ads."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, model_validator

from influence_sim.strategies.base import BrandView, Order
from influence_sim.strategies.mega import Mega
from influence_sim.strategies.paid_infeed import PaidInFeed
from influence_sim.strategies.portfolio import Portfolio


class Mixed(Portfolio):
    """Split the budget: `micro_share` on small creators, `celebrity_share` on the largest, the rest on in-feed ads.

    Each part spends its own share only; what a part cannot use stays unspent and is shown as such.

    Examples
    --------
    >>> from influence_sim.strategies import Mixed, synthetic_view
    >>> orders = Mixed(celebrity_followers_min=100_000).plan(synthetic_view(day=2, money=5_000))
    >>> sorted({type(order).__name__ for order in orders}), round(orders[-1].spend)
    (['PaidImpressions', 'SponsoredPost'], 1500)
    """

    name = "mixed"
    claim = "Small creators for trust, a celebrity for reach and ads for the rest do better together than any of them alone."
    source = "47 % of budgets go to micro creators (survey headline 2020), 23 % to celebrities; that the rest buys ads is an assumption."

    micro_share: float = Field(0.47, ge=0, le=1, description="Share of the budget for creators inside the band")
    celebrity_share: float = Field(0.23, ge=0, le=1, description="Share of the budget for the largest creators; ads get what is left")
    followers_min: float = Field(1_000, ge=0, description="Smallest real follower count of the small creators (inclusive)")
    followers_max: float = Field(100_000, gt=0, description="Largest real follower count of the small creators (exclusive)")
    celebrity_followers_min: float = Field(1_000_000, ge=0, description="Smallest real follower count of a celebrity (inclusive)")
    days: int = Field(14, ge=1, description="Days the ads are delivered; cut at the horizon")

    @model_validator(mode="after")
    def _parts(self) -> Mixed:
        if self.micro_share + self.celebrity_share > 1 + 1e-9:
            raise ValueError(f"micro_share ({self.micro_share:g}) and celebrity_share ({self.celebrity_share:g}) add up to more than 1")
        if self.celebrity_followers_min < self.followers_max:
            raise ValueError(
                f"celebrity_followers_min ({self.celebrity_followers_min:g}) must be at least followers_max: nobody is in both parts"
            )
        return self

    def plan(self, view: BrandView) -> list[Order]:
        """Order the three parts on the morning of the first day, each from its own money."""
        shared = ("posts", "start", "spacing", "timing", "timing_options", "disclosure", "brief", "exclusive_days", "usage_rights", "pay")
        celebrity = Mega(followers_min=self.celebrity_followers_min, **{name: getattr(self, name) for name in shared})
        ads = PaidInFeed(start=self.start, days=self.days, timing=self.timing, timing_options=self.timing_options)
        # Rounded, so that 1 - .6 - .4 is nothing rather than a millionth of a cent.
        rest = round(1 - self.micro_share - self.celebrity_share, 9)
        return [
            *super().plan(_with(view, self.micro_share)),
            *celebrity.plan(_with(view, self.celebrity_share)),
            *ads.plan(_with(view, rest)),
        ]


def _with(view: BrandView, share: float) -> BrandView:
    return replace(view, money_left=share * view.money_left)

"""The same money every day."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost, Strategy
from influence_sim.strategies.portfolio import registered_selectors
from influence_sim.strategies.pricing import package_cost
from influence_sim.strategies.selectors import SELECTORS

WEEK = 7  # days


class AlwaysOn(Strategy):
    """Spend what is left evenly over the days left: ads every day, creators once a week.

    Creators are hired in the selector's order, each once before anybody is hired again. What the
    last day finds goes into ads.

    Examples
    --------
    >>> from influence_sim.strategies import AlwaysOn, synthetic_view
    >>> [type(order).__name__ for order in AlwaysOn(creator_share=0).plan(synthetic_view(day=2, money=1000))]
    ['PaidImpressions']
    """

    name = "always_on"
    claim = "Being there every day keeps a brand in memory between purchases, which bursts do not."
    source = "Common practice of established brands; Kronrod & Huber 2019: memory fades with a half-life of weeks."

    creator_share: float = Field(0.5, ge=0, le=1, description="Part of the money that hires creators; the rest buys in-feed ads")
    selector: str = Field("followers", description="Registered selector that orders the creators", json_schema_extra=registered_selectors)
    disclosure: Literal["none", "hashtag", "label"] = Field("label", description="How the posts are marked as advertising")

    @field_validator("selector")
    @classmethod
    def _known_selector(cls, value: str) -> str:
        if value not in SELECTORS:
            raise ValueError(f"must be one of {', '.join(sorted(SELECTORS))}; got {value!r}")
        return value

    @property
    def reads_truth(self) -> bool:
        """Whether the selector does."""
        return bool(getattr(SELECTORS[self.selector], "reads_truth", False))

    def plan(self, view: BrandView) -> list[Order]:
        """Order today's ads, and once a week the posts that a week's money for creators can buy."""
        days_left = view.horizon - view.day
        if days_left < 1 or view.money_left <= 0:
            return []
        orders: list[Order] = []
        left = view.money_left
        if self.creator_share > 0 and view.day % WEEK == 0:
            gathered = self.creator_share * left * min(WEEK, days_left) / days_left
            order = SELECTORS[self.selector](view, np.isfinite(view.fee))
            for row in order[np.argsort(view.hired[order], kind="stable")].tolist():
                post = SponsoredPost(row, view.day, self.disclosure)
                cost = package_cost([post], view)
                if cost <= gathered:
                    orders.append(post)
                    gathered -= cost
                    left -= cost
        ads = (1.0 if days_left == 1 else 1.0 - self.creator_share) * left / days_left
        return [*orders, PaidImpressions(ads, view.day)] if ads > 0 else orders

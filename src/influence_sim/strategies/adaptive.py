"""Learn from the dashboard where the money works."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost, Strategy

Array = np.ndarray[Any, Any]
WEEK = 7  # days
DRAWS = 64  # of every channel's worth each week


class Adaptive(Strategy):
    """Every week give money to channels by Thompson sampling on what the dashboard says their posts brought.

    Channels are creators by follower count, cut at `edges`, and in-feed ads. What a channel sells per USD is
    believed to follow a Gamma law: the prior counts as one sale on `prior_spend` USD, and posts count from
    the day their sales are reported. With `signal: engagements` likes, comments and shares take the place of sales;
    posts count after a week. Beliefs are drawn many times with today's dice; a channel gets the
    share of draws in which it is best, and never less than `exploration` over the number of channels. Inside a
    channel creators not hired yet come first. Money that finds no post waits for the next week; the last week's goes into ads.

    Last-click sales credit what people would have bought anyway, so this strategy learns what a dashboard
    says, not what happens.

    Examples
    --------
    >>> from influence_sim.strategies import Adaptive, synthetic_view
    >>> orders = Adaptive().plan(synthetic_view(day=0, money=5000))
    >>> sorted({type(order).__name__ for order in orders})
    ['PaidImpressions', 'SponsoredPost']
    """

    name = "adaptive"
    claim = "Brands first bought reach and later moved money to smaller creators, because the dashboard told them to."
    source = "Thompson 1933, Biometrika 25, 285-294; term papers on budgets (47 % micro, 23 % celebrities) as what may emerge."

    edges: tuple[float, ...] = Field((10_000.0, 100_000.0), max_length=8, description="Follower counts that cut creators into channels")
    exploration: float = Field(0.05, ge=0, le=1, description="Share of every week's money that is spread evenly over the channels")
    prior_spend: float = Field(200.0, gt=0, description="USD per sale expected before anything is known, and the weight of that belief")
    signal: Literal["sales", "engagements"] = Field("sales", description="Number of the dashboard that money follows")

    @field_validator("edges")
    @classmethod
    def _ascending(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if list(edges) != sorted(set(edges)) or any(not edge > 0 for edge in edges):
            raise ValueError(f"edges must be above 0 and ascending; got {edges}")
        return edges

    def channels(self, view: BrandView) -> Array:
        """Return the channel (C,) of each creator; the number after the last is in-feed ads."""
        return np.searchsorted(self.edges, view.followers, side="right")

    def shares(self, view: BrandView) -> Array:
        """Return each channel's share of this week's money (channels of creators, then ads)."""
        from scipy.special import gammaincinv

        ads = len(self.edges) + 1
        told, size = view.results, self.channels(view)
        channel = np.full(len(told.creator), ads)
        hired = told.creator >= 0
        channel[hired] = size[told.creator[hired]]
        known = np.isfinite(told.sales) if self.signal == "sales" else view.day - told.day >= WEEK
        success = told.sales if self.signal == "sales" else told.engagements
        won_by = np.bincount(channel[known], success[known], minlength=ads + 1)
        spend = np.bincount(channel[known], told.spend[known], minlength=ads + 1)
        draw, of_channel = np.divmod(np.arange(DRAWS * (ads + 1)), ads + 1)
        draws = view.dice(draw, of_channel, np.zeros_like(draw)).reshape(DRAWS, ads + 1)
        worth = gammaincinv(1.0 + won_by, draws) / (self.prior_spend + spend)
        open_to_all = np.append(np.bincount(size[np.isfinite(view.fee)], minlength=ads) > 0, True)
        best = np.where(open_to_all, worth, -1.0).argmax(axis=1)
        won = np.bincount(best, minlength=ads + 1) / len(best)
        even = open_to_all / open_to_all.sum()
        shares: Array = (1.0 - self.exploration) * won + self.exploration * even
        return shares

    def plan(self, view: BrandView) -> list[Order]:
        """Order a week of posts and ads."""
        days_left = view.horizon - view.day
        if view.day % WEEK or days_left < 1 or view.money_left <= 0:
            return []
        last = days_left <= WEEK
        week = float(view.money_left) * min(WEEK, days_left) / days_left
        shares, size = self.shares(view), self.channels(view)
        orders: list[Order] = []
        left = week
        for channel in range(len(shares) - 1):
            money = week * float(shares[channel])
            rows = np.flatnonzero((size == channel) & np.isfinite(view.fee))
            for k, row in enumerate(rows[np.lexsort((rows, -view.uniform[rows], view.hired[rows]))].tolist()):
                cost = float(view.fee[row]) + (0.0 if view.hired[row] else float(view.deal_cost[row]))
                if cost <= money:
                    orders.append(SponsoredPost(row, view.day + k % min(WEEK, days_left)))
                    money -= cost
                    left -= cost
        ads = left if last else min(left, week * float(shares[-1]))
        return [*orders, PaidImpressions(ads, view.day, min(WEEK, days_left))] if ads > 0 else orders

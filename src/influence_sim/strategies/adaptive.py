"""Learn from the dashboard, or from hold-outs, where the money works."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost, Strategy

Array = np.ndarray[Any, Any]
WEEK = 7  # days
DRAWS = 64  # of every channel's worth each week


class Adaptive(Strategy):
    """Every week give money to channels by Thompson sampling on what they seem to have sold per USD.

    Channels are creators by follower count, cut at `edges`, and in-feed ads. Three signals can be followed:

    - `sales`: last-click sales of the dashboard. What a channel sells per USD is believed to follow a Gamma law: the prior
      counts as one sale on `prior_spend` USD, and posts count from the day their sales are reported.
    - `engagements`: likes, comments and shares in the place of sales; posts count after a week.
    - `lift`: for every channel a share `holdout` of all people is never shown its posts. What it sold is the sales per
      person of those who may see it, less those of the held-out, times all people. The belief about sales per USD is
      normal, with mean and sd 1 / `prior_spend` before anything is known, and weighs the lift by its standard error.

    Beliefs are drawn many times with today's dice; a channel gets the share of draws in which it is best, and never less
    than `exploration` over the number of channels. Inside a channel creators not hired yet come first. Money that finds no
    post waits for the next week; the last week's goes into ads.

    Last-click sales credit what people would have bought anyway; lift does not, but costs reach and is much noisier.

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
    signal: Literal["sales", "engagements", "lift"] = Field("sales", description="What money follows")
    holdout: float = Field(0.1, gt=0, le=0.1, description="For `lift`: share of all people never shown a channel, for each")

    @field_validator("edges")
    @classmethod
    def _ascending(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if list(edges) != sorted(set(edges)) or any(not edge > 0 for edge in edges):
            raise ValueError(f"edges must be above 0 and ascending; got {edges}")
        return edges

    @property
    def held_out(self) -> tuple[float, ...]:
        """One test cell for each channel, where lift is followed."""
        return (self.holdout,) * (len(self.edges) + 2) if self.signal == "lift" else ()

    def channels(self, view: BrandView) -> Array:
        """Return the channel (C,) of each creator; the number after the last is in-feed ads."""
        return np.searchsorted(self.edges, view.followers, side="right")

    def shares(self, view: BrandView) -> Array:
        """Return each channel's share of this week's money (channels of creators, then ads)."""
        ads = len(self.edges) + 1
        size = self.channels(view)
        draw, of_channel = np.divmod(np.arange(DRAWS * (ads + 1)), ads + 1)
        draws = view.dice(draw, of_channel, np.zeros_like(draw)).reshape(DRAWS, ads + 1)
        worth = self._by_lift(view, draws) if self.signal == "lift" else self._by_dashboard(view, draws)
        open_to_all = np.append(np.bincount(size[np.isfinite(view.fee)], minlength=ads) > 0, True)
        best = np.where(open_to_all, worth, -np.inf).argmax(axis=1)
        won = np.bincount(best, minlength=ads + 1) / len(best)
        even = open_to_all / open_to_all.sum()
        shares: Array = (1.0 - self.exploration) * won + self.exploration * even
        return shares

    def _sums(self, view: BrandView, known: Array, what: Array) -> Array:
        """Return sums by channel over the posts that are known."""
        told, ads = view.results, len(self.edges) + 1
        channel = np.full(len(told.creator), ads)
        hired = told.creator >= 0
        channel[hired] = self.channels(view)[told.creator[hired]]
        sums: Array = np.bincount(channel[known], what[known], minlength=ads + 1)
        return sums

    def _by_dashboard(self, view: BrandView, draws: Array) -> Array:
        """Return successes per USD (draws, channels) drawn from their Gamma posteriors."""
        from scipy.special import gammaincinv

        told = view.results
        known = np.isfinite(told.sales) if self.signal == "sales" else view.day - told.day >= WEEK
        success = self._sums(view, known, told.sales if self.signal == "sales" else told.engagements)
        worth: Array = gammaincinv(1.0 + success, draws) / (self.prior_spend + self._sums(view, known, told.spend))
        return worth

    def _by_lift(self, view: BrandView, draws: Array) -> Array:
        """Return sales per USD (draws, channels) drawn from their normal posteriors."""
        from scipy.special import ndtri

        told, hold, channels = view.results, view.hold_outs, len(self.edges) + 2
        spend = self._sums(view, told.day < hold.days, told.spend)
        mean, sd = np.full(channels, 1.0 / self.prior_spend), np.full(channels, 1.0 / self.prior_spend)
        people, variance = hold.people, hold.error**2
        for k in range(min(channels, len(people) - 1)):
            held, others = people[k + 1], people.sum() - people[k + 1]
            if not (spend[k] > 0 and held > 0 and others > 0):
                continue
            lift = (hold.sales.sum() - hold.sales[k + 1]) / others - hold.sales[k + 1] / held
            error = np.sqrt((variance.sum() - variance[k + 1]) / others**2 + variance[k + 1] / held**2)
            if error == 0.0:  # nobody has bought: that is no knowledge
                continue
            told_by_test = (error * people.sum() / spend[k]) ** -2.0
            weight = told_by_test / (told_by_test + sd[k] ** -2.0)
            mean[k] += weight * (lift * people.sum() / spend[k] - mean[k])
            sd[k] *= np.sqrt(1.0 - weight)
        worth: Array = mean + sd * ndtri(draws)
        return worth

    def plan(self, view: BrandView) -> list[Order]:
        """Order a week of posts and ads."""
        days_left = view.horizon - view.day
        if view.day % WEEK or days_left < 1 or view.money_left <= 0:
            return []
        last = days_left <= WEEK
        week = float(view.money_left) * min(WEEK, days_left) / days_left
        shares, size = self.shares(view), self.channels(view)
        tested = self.signal == "lift"
        orders: list[Order] = []
        left = week
        for channel in range(len(shares) - 1):
            money = week * float(shares[channel])
            rows = np.flatnonzero((size == channel) & np.isfinite(view.fee))
            for k, row in enumerate(rows[np.lexsort((rows, -view.uniform[rows], view.hired[rows]))].tolist()):
                cost = float(view.fee[row]) + (0.0 if view.hired[row] else float(view.deal_cost[row]))
                if cost <= money:
                    orders.append(SponsoredPost(row, view.day + k % min(WEEK, days_left), cell=channel + 1 if tested else 0))
                    money -= cost
                    left -= cost
        ads = left if last else min(left, week * float(shares[-1]))
        if ads > 0:
            orders.append(PaidImpressions(ads, view.day, min(WEEK, days_left), cell=len(shares) if tested else 0))
        return orders

"""What hiring strategies share: choose creators inside a band of followers, then spend the budget on their posts."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from influence_sim.strategies.base import BrandView, Order, SponsoredPost, Strategy
from influence_sim.strategies.plugins import check_named
from influence_sim.strategies.pricing import package_cost
from influence_sim.strategies.selectors import SELECTORS
from influence_sim.strategies.timing import TIMINGS, registered_timings

Array = np.ndarray[Any, Any]


def posting_days(start: int, horizon: int, spacing: int) -> list[int]:
    """Return the days on which one creator posts, in the order they are used; each day once.

    Every `spacing`-th day comes first, then the days between, so that many posts still fit into
    a short campaign.

    Examples
    --------
    >>> posting_days(2, 8, 3)
    [2, 5, 3, 6, 4, 7]
    """
    days = range(start, horizon)
    return sorted(days, key=lambda day: ((day - start) % spacing, day))


def registered_selectors(schema: dict[str, Any]) -> None:
    """Name the selectors of this moment in a parameter's JSON Schema."""
    schema["enum"] = sorted(SELECTORS)


class Portfolio(Strategy):
    """Hire `creators` creators inside the band, in the selector's order, on one morning, and use the whole budget.

    1. Walk the preference order and hire whoever is still affordable, `posts` posts each, up to `creators`.
    2. With money left keep hiring down the order, first at `posts` posts each, then at one.
    3. With money left buy further posts of those hired, in turn, at most one a day and creator.

    Whatever then cannot buy anything stays unspent and is shown as such.
    """

    followers_min: float = Field(0, ge=0, description="Smallest real follower count hired (inclusive)")
    followers_max: float | None = Field(None, gt=0, description="Largest real follower count hired (exclusive); empty: no bound")
    creators: int = Field(10, ge=1, description="Creators hired before money goes anywhere else")
    posts: int = Field(1, ge=1, description="Posts ordered from each creator")
    selector: str = Field("random", description="Registered selector that orders the candidates", json_schema_extra=registered_selectors)
    selector_options: dict[str, float] = Field(default_factory=dict, description="Options of the selector by name")
    start: int = Field(2, ge=0, description="Day of the first posts; the last day when the horizon is shorter")
    spacing: int = Field(3, ge=1, description="Days between posts of one creator")
    timing: str = Field("burst", description="Registered timing: the days on the air", json_schema_extra=registered_timings)
    timing_options: dict[str, float] = Field(default_factory=dict, description="Options of the timing by name")
    disclosure: Literal["none", "hashtag", "label"] = Field("label", description="How the posts are marked as advertising")
    brief: float = Field(0.0, ge=0, le=1, description="How tightly posts are scripted: 0 free, 1 word for word")
    exclusive_days: int = Field(0, ge=0, description="Days after a post for which its creator works for no rival; 0: not asked for")
    usage_rights: bool = Field(False, description="Buy the right to use the posts in ads")
    pay: Literal["fee", "gift", "commission"] = Field("fee", description="What creators get: a fee, a gift, or a share of sales")

    @field_validator("selector")
    @classmethod
    def _known_selector(cls, value: str) -> str:
        check_named(value, {}, SELECTORS, 2)
        return value

    @field_validator("timing")
    @classmethod
    def _known_timing(cls, value: str) -> str:
        check_named(value, {}, TIMINGS, 2)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Portfolio:
        if self.followers_max is not None and self.followers_max <= self.followers_min:
            raise ValueError(f"followers_max ({self.followers_max:g}) must be above followers_min ({self.followers_min:g})")
        if self.pay == "gift" and (self.exclusive_days or self.usage_rights):
            raise ValueError("a gift buys neither exclusivity nor usage rights: set exclusive_days to 0 and usage_rights to false")
        check_named(self.selector, self.selector_options, SELECTORS, 2)
        check_named(self.timing, self.timing_options, TIMINGS, 2)
        return self

    @property
    def reads_truth(self) -> bool:
        """Whether the selector does."""
        return bool(getattr(SELECTORS[self.selector], "reads_truth", False))

    def candidates(self, view: BrandView) -> Array:
        """Return the mask (C,) of creators inside the band who accept these terms."""
        top = np.inf if self.followers_max is None else self.followers_max
        accepts = view.gift_taken if self.pay == "gift" else np.isfinite(view.fee)
        if self.pay == "commission":
            accepts = accepts & view.commission_taken
        return (view.followers >= self.followers_min) & (view.followers < top) & accepts

    def plan(self, view: BrandView) -> list[Order]:
        """Order the whole campaign on the morning of its first day."""
        if view.day != min(self.start, view.horizon - 1) or view.money_left <= 0:
            return []
        order = [int(row) for row in SELECTORS[self.selector](view, self.candidates(view), **self.selector_options)]
        schedule = TIMINGS[self.timing](view.day, view.horizon, **self.timing_options)
        bought: dict[int, list[SponsoredPost]] = {}  # insertion order is the order of hiring
        orders: list[Order] = []
        left = float(view.money_left)

        def buy(creator: int, posts: int) -> bool:
            nonlocal left
            had = bought.get(creator, [])
            if len(had) + posts > len(schedule.days):
                return False
            # Everybody's own order of days begins with the launch that is next when they are hired.
            launch = schedule.days.index(had[0].day if had else schedule.launches[len(bought) % len(schedule.launches)])
            turned = schedule.days[launch:] + schedule.days[:launch]
            places = posting_days(0, len(turned), self.spacing)[len(had) : len(had) + posts]
            more = [self._post(creator, turned[k]) for k in places]
            # Enough posts of one creator are cheaper: what more of them cost is the difference of two packages.
            cost = package_cost([*had, *more], view) - package_cost(had, view)
            if not cost <= left:
                return False
            left -= cost
            bought[creator] = [*had, *more]
            orders.extend(more)
            return True

        each = min(self.posts, len(schedule.days))
        for limit, posts in ((self.creators, each), (len(order), each), (len(order), 1)):
            for creator in order:
                if len(bought) >= limit:
                    break
                if creator not in bought:
                    buy(creator, posts)
        more = bool(bought)
        while more:
            turns = [buy(creator, 1) for creator in list(bought)]
            more = any(turns)
        return orders

    def _post(self, creator: int, day: int) -> SponsoredPost:
        return SponsoredPost(creator, day, self.disclosure, self.brief, self.exclusive_days, self.usage_rights, self.pay)

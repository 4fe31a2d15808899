"""What hiring strategies share: choose creators inside a band of followers, then spend the budget on their posts."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from influence_sim.strategies.base import BrandView, Order, SponsoredPost, Strategy
from influence_sim.strategies.selectors import SELECTORS

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
    start: int = Field(2, ge=0, description="Day of the first posts; the last day when the horizon is shorter")
    spacing: int = Field(3, ge=1, description="Days between posts of one creator")
    disclosure: Literal["none", "hashtag", "label"] = Field("label", description="How the posts are marked as advertising")

    @field_validator("selector")
    @classmethod
    def _known_selector(cls, value: str) -> str:
        if value not in SELECTORS:
            raise ValueError(f"must be one of {', '.join(sorted(SELECTORS))}; got {value!r}")
        return value

    @model_validator(mode="after")
    def _band(self) -> Portfolio:
        if self.followers_max is not None and self.followers_max <= self.followers_min:
            raise ValueError(f"followers_max ({self.followers_max:g}) must be above followers_min ({self.followers_min:g})")
        return self

    def candidates(self, view: BrandView) -> Array:
        """Return the mask (C,) of creators inside the band who quote a fee."""
        top = np.inf if self.followers_max is None else self.followers_max
        return (view.followers >= self.followers_min) & (view.followers < top) & np.isfinite(view.fee)

    def plan(self, view: BrandView) -> list[Order]:
        """Order the whole campaign on the morning of its first day."""
        if view.day != min(self.start, view.horizon - 1) or view.money_left <= 0:
            return []
        order = [int(row) for row in SELECTORS[self.selector](view, self.candidates(view))]
        days = posting_days(view.day, view.horizon, self.spacing)
        bought: dict[int, int] = {}  # insertion order is the order of hiring
        orders: list[Order] = []
        left = float(view.money_left)

        def buy(creator: int, posts: int) -> bool:
            nonlocal left
            cost = posts * float(view.fee[creator]) + (0.0 if creator in bought else view.deal_cost)
            already = bought.get(creator, 0)
            if cost > left or already + posts > len(days):
                return False
            left -= cost
            bought[creator] = already + posts
            orders.extend(SponsoredPost(creator, days[already + k], self.disclosure) for k in range(posts))
            return True

        each = min(self.posts, len(days))
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

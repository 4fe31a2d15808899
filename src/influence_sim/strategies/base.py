"""What a brand may see and order. A strategy reads observables, never trust, taste or quality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SponsoredPost:
    """Order one post of `creator` (row) for `day`; the engine quotes the fee and pays it on publication of the plan."""

    creator: int
    day: int
    disclosure: Literal["none", "hashtag", "label"] = "label"


@dataclass(frozen=True)
class PaidImpressions:
    """Order in-feed ads for `spend` USD at the market's CPM, delivered from `day` over `days` days."""

    spend: float
    day: int
    days: int = 1


Order = SponsoredPost | PaidImpressions


class Audience(NamedTuple):
    """Public follower lists: `person[start[c] : start[c + 1]]` are the people who follow creator c, in rising order.

    `start` is (C + 1,); every person stands for equally many real people.
    """

    start: Array
    person: Array


class Sales(NamedTuple):
    """What a dashboard credits to a brand's channels and creators: realised purchases by last click, in real units.

    `channel` (6,) is in the order influencer, infeed, takeover, challenge, word_of_mouth, none; `creator` (C,)
    is per modelled creator. They come `attribution.delay` days late, are few and therefore noisy, and hold
    purchases that would have happened anyway.
    """

    channel: Array
    creator: Array


@dataclass(frozen=True)
class BrandView:
    """What a brand can observe on a morning.

    Arrays have one entry per modelled creator (C,): real followers, engagement per view and per
    follower of past posts (NaN before the first posts), cosine of declared topics with the
    product, quoted fee in USD (NaN: refuses this brand). `deal_cost` is added once per creator
    hired; `hired` (C,) counts the posts this brand has ordered so far. `uniform` (C,) are the brand's
    own keyed dice, equal in every arm. `audience()` reads the public follower lists; it is a function
    because reading them costs time that most strategies need not spend. `sales` is what its dashboard shows.
    """

    day: int
    horizon: int
    money_left: float
    followers: Array
    engagement_per_view: Array
    engagement_per_follower: Array
    fit: Array
    fee: Array
    hired: Array
    deal_cost: float
    cpm: float
    uniform: Array
    audience: Callable[[], Audience]
    sales: Sales


class Strategy(BaseModel, ABC):
    """A way to spend a budget. Subclass, give `name`, `claim`, `source` and parameters, implement `plan`.

    Defining a subclass with a `name` registers it. `plan` is called every morning with what the
    brand sees and returns the orders it places today; an order that costs more than the money left
    is dropped and reported, so no plan can overspend. It must be deterministic.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str] = ""
    claim: ClassVar[str] = ""
    source: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[Strategy]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.name:
            Strategy.registry[cls.name] = cls

    @abstractmethod
    def plan(self, view: BrandView) -> list[Order]:
        """Return the orders placed this morning."""

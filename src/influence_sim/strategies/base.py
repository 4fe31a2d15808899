"""What a brand may see and order. A strategy reads observables, never trust, taste or quality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
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
    usage_rights: bool = False  # the brand may boost the post


@dataclass(frozen=True)
class PaidImpressions:
    """Order bought impressions for `spend` USD, delivered from `day` over `days` days at the price agreed when booked.

    Formats: ``infeed``; ``takeover``, the first slot of a person's day, once a person, for one day;
    ``challenge`` and ``effect``, a video that people may answer with one of their own. All run on the brand's
    own account, unless `creator` names whose post, bought with usage rights, is boosted in the feed.
    """

    spend: float
    day: int
    days: int = 1
    format: Literal["infeed", "takeover", "challenge", "effect"] = "infeed"
    creator: int | None = None


Order = SponsoredPost | PaidImpressions


class Audience(NamedTuple):
    """Public follower lists: `person[start[c] : start[c + 1]]` are the people who follow creator c, in rising order.

    `start` is (C + 1,); every person stands for equally many real people.
    """

    start: Array
    person: Array


class Results(NamedTuple):
    """What a brand's dashboard tells of its posts so far, one entry per post (P,), in order of their day.

    `creator` is the row of the creator, or -1 for the brand's own account; counts are real. `sales` are
    purchases right after a click on the post, with the noise of tracking; NaN until `REPORT_DELAY` days have passed.
    """

    creator: Array
    day: Array
    spend: Array  # USD: the fee, or what impressions have cost so far
    impressions: Array
    engagements: Array
    clicks: Array
    sales: Array


REPORT_DELAY = 14  # days


@dataclass(frozen=True)
class BrandView:
    """What a brand can observe on a morning.

    Arrays have one entry per modelled creator (C,): real followers, engagement per view and per
    follower of past posts (NaN before the first posts), cosine of declared topics with the
    product, quoted fee in USD (NaN: refuses this brand). `deal_cost` is added once per creator
    hired; `hired` (C,) counts the posts this brand has ordered so far. `uniform` (C,) are the brand's
    own keyed dice, equal in every arm; `dice` (64,) are today's. `audience()` reads the public follower lists; it is a function
    because reading them costs time that most strategies need not spend. `cpm` is today's price of in-feed
    impressions, before this brand's orders of today make it dearer; `least_spend` gives the least USD of an
    order by ad format. `results` are the outcomes of this brand's orders so far.
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
    least_spend: Mapping[str, float]
    results: Results
    uniform: Array
    dice: Array
    audience: Callable[[], Audience]


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

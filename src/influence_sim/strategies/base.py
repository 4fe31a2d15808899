"""What a brand may see and order. A strategy reads observables, never trust, taste or quality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

Array = np.ndarray[Any, Any]
Format = Literal["infeed", "takeover", "challenge", "effect"]


@dataclass(frozen=True)
class SponsoredPost:
    """Order one post of `creator` (row) for `day`; `pricing.prices` says what it costs.

    `brief` is how tightly the brand scripts it, 0 free to 1 word for word. For `exclusive_days` after
    the post the creator works for no rival. With `usage_rights` the brand may use the post in its own
    advertising. `pay`: a fee, paid at once; a gift, after which the creator may post or not, and which
    binds nobody; or a commission on the sales of the creator's posts, paid as they come, for which the
    fee is held back as the most it can cost.
    """

    creator: int
    day: int
    disclosure: Literal["none", "hashtag", "label"] = "label"
    brief: float = 0.0
    exclusive_days: int = 0
    usage_rights: bool = False  # the brand may boost the post
    pay: Literal["fee", "gift", "commission"] = "fee"
    cell: int = 0  # people of this test cell are not shown it


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
    format: Format = "infeed"
    creator: int | None = None
    cell: int = 0  # people of this test cell are not shown it


Order = SponsoredPost | PaidImpressions


class Terms(NamedTuple):
    """The market's price list beside the fees: shares of the fee, numbers of posts and days, USD."""

    exclusivity: float
    usage_rights: float
    ambassador_discount: float
    ambassador_posts: int
    overhead: float  # once per creator with whom there is a contract
    product: float  # the same
    gift: float
    commission: float  # share of attributed sales
    commission_days: int


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


class HoldOuts(NamedTuple):
    """What a hold-out test tells, by test cell (K + 1,); the first entry are the people who are in none.

    People of cell k >= 1 are never shown the posts and ads ordered with `cell=k`. `people` are real people, `sales` what
    they bought of the brand from the first day on, `error` the standard error of that sum. Sales come
    `attribution.delay` days late: `days` of the campaign are in.
    """

    people: Array
    sales: Array
    error: Array
    days: int


class Network(NamedTuple):
    """The public follower graph: person i follows the people `followed[start[i] : start[i + 1]]`.

    `creator` (N,) is the row of the creator a person is, or -1.
    """

    start: Array
    followed: Array
    creator: Array


class Truth(NamedTuple):
    """What no brand can know, per modelled creator (C,): only strategies that say `reads_truth` get it.

    `quality` is the mean quality of today's posts in units of match, `interest` the mean interest of the
    followers in the category (cosine), `trust` their mean trust, `authenticity` is 0 to 1.
    """

    quality: Array
    interest: Array
    trust: Array
    authenticity: Array


class Results(NamedTuple):
    """What a brand's dashboard tells of its posts so far, one entry per post (P,), in order of their day.

    `creator` is the row of the creator, or -1 for the brand's own account; counts are real. `sales` are
    purchases right after a click on the post, with the noise of tracking; NaN until `attribution.delay` days have passed.
    """

    creator: Array
    day: Array
    spend: Array  # USD: the fee, or what impressions have cost so far
    impressions: Array
    engagements: Array
    clicks: Array
    sales: Array


@dataclass(frozen=True)
class BrandView:
    """What a brand can observe on a morning.

    Arrays have one entry per modelled creator (C,): real followers, engagement per view and per
    follower of past posts (NaN before the first posts), cosine of declared topics with the
    product, quoted fee in USD (NaN: refuses this brand), whether the creator takes gifts and
    commissions from it, the cost of finding and contracting it for the first time (`deal_cost`, of
    which `search_cost` also comes with a gift). `hired` (C,) counts the posts this brand has ordered so
    far, `rivals` (C,) the disclosed posts that rivals had. `uniform` (C,) are the brand's own keyed dice,
    equal in every arm; `dice(a, b, c)` rolls further ones for integers of equal shape.
    `audience()` reads the public follower lists and `network()` the follower graph; they are functions
    because reading them costs time that most strategies need not spend. `cpm` is today's price of in-feed
    impressions, before this brand's orders of today make it dearer; `least_spend` gives the least USD of an
    order by ad format. `sales` and `results` are what its dashboard shows, by channel and creator and by
    post; `hold_outs` what its tests show (see `Strategy.held_out`). `truth()` is refused to a brand whose
    strategy does not declare that it reads it.
    """

    day: int
    horizon: int
    money_left: float
    followers: Array
    engagement_per_view: Array
    engagement_per_follower: Array
    fit: Array
    fee: Array
    gift_taken: Array
    commission_taken: Array
    hired: Array
    rivals: Array
    deal_cost: Array
    search_cost: Array
    terms: Terms
    cpm: float
    least_spend: Mapping[str, float]
    results: Results
    uniform: Array
    dice: Callable[[Array, Array, Array], Array]
    audience: Callable[[], Audience]
    sales: Sales
    hold_outs: HoldOuts
    network: Callable[[], Network]
    truth: Callable[[], Truth]


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

    @property
    def reads_truth(self) -> bool:
        """Whether it uses what no brand can know; then it is a bound for others, not a strategy to follow."""
        return False

    @property
    def held_out(self) -> tuple[float, ...]:
        """Shares of people in test cells 1, 2, ...: drawn at the start, and never shown what is ordered for everybody but them."""
        return ()

    @abstractmethod
    def plan(self, view: BrandView) -> list[Order]:
        """Return the orders placed this morning."""

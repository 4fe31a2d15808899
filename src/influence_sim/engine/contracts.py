"""What a brand sees, what its orders cost, and the ledger that no plan can overdraw.

Every brand that acts has a `Campaign`: the brand under study is the first, rivals follow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from influence_sim.engine.media import agreed_cpm, least_spend, refusal
from influence_sim.rng import Stream, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.always_on import AlwaysOn
from influence_sim.strategies.base import Audience, BrandView, Order, PaidImpressions, Results, SponsoredPost, Strategy
from influence_sim.world.columns import Creators

Array = np.ndarray[Any, Any]


@dataclass
class Flight:
    """A running order of bought impressions; quota and delivered are in agents' impressions."""

    post: int
    first_day: int
    last_day: int
    quota: int
    reserved: float  # USD promised and not yet charged
    cpm: float  # USD per thousand real impressions, as agreed
    delivered: int = 0


@dataclass
class Ledger:
    """Money of one arm. `paid` is spent, `reserved` is promised to ads not delivered yet."""

    budget: float
    paid: float = 0.0
    reserved: float = 0.0
    withdrawn: float = 0.0  # taken away by an event
    hired: set[int] = field(default_factory=set)
    booked: list[SponsoredPost] = field(default_factory=list)
    fees: list[float] = field(default_factory=list)  # paid for each of them
    ads: list[PaidImpressions] = field(default_factory=list)
    cpms: list[float] = field(default_factory=list)  # agreed for each of them
    flights: list[Flight] = field(default_factory=list)
    refused: list[Order] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why, for each of them

    @property
    def left(self) -> float:
        """Money neither paid, reserved nor withdrawn, in USD."""
        return self.budget - self.paid - self.reserved - self.withdrawn

    def refuse(self, order: Order, reason: str) -> None:
        """Note an order that is not accepted, and why."""
        self.refused.append(order)
        self.reasons.append(reason)

    def lapse(self, creators: Collection[int], day: int) -> None:
        """Undo posts due on `day` or later by `creators` and get their fees back; what the deals cost is lost."""
        kept = [not (order.creator in creators and order.day >= day) for order in self.booked]
        self.paid -= sum(fee for fee, keep in zip(self.fees, kept, strict=True) if not keep)
        self.booked = [order for order, keep in zip(self.booked, kept, strict=True) if keep]
        self.fees = [fee for fee, keep in zip(self.fees, kept, strict=True) if keep]


@dataclass
class Campaign:
    """What one brand plans and pays; without a strategy or money it does nothing."""

    brand: int
    strategy: Strategy | None
    ledger: Ledger


def rivals(market: Market, horizon: int) -> list[Campaign]:
    """Return the campaigns of the rivals: each advertises all the time, with money that grows with the market.

    The last `rivals.silent` of them have no money until an event gives it to them.
    """
    r = market.rivals
    each = r.spend * market.people.population / 1000.0 * horizon
    money = [each if k < r.count - r.silent else 0.0 for k in range(r.count)]
    return [Campaign(1 + k, AlwaysOn(creator_share=r.creator_share), Ledger(money[k])) for k in range(r.count)]


def quotes(market: Market, creators: Creators, followers: Array, per_view: Array, fit: Array) -> Array:
    """Return the fee (C,) in USD each creator asks for one post; NaN where it refuses the brand.

    followers are real; per_view is the engagement rate of past posts (NaN: unknown, taken as average).
    """
    prices = market.prices
    relative = np.where(np.isnan(per_view), 1.0, per_view / 0.05)
    engagement = np.maximum(0.2, 1.0 + prices.fee_engagement * (relative - 1.0))
    fee = prices.fee * (followers / 10_000.0) ** prices.fee_exponent * engagement * creators.asking[: len(fit)]
    return np.where(fit < creators.fit_required[: len(fit)], np.nan, np.round(fee, 2))


def observe(
    market: Market,
    creators: Creators,
    day: int,
    horizon: int,
    ledger: Ledger,
    followers: Array,
    views: Array,
    engagements: Array,
    posts: Array,
    fit: Array,
    seed: int,
    replication: int,
    brand: int,
    cpm: float,
    results: Results,
    audience: Callable[[], Audience],
) -> BrandView:
    """Return what the brand can see this morning; all arrays are per modelled creator."""
    with np.errstate(divide="ignore", invalid="ignore"):
        per_view = np.where(views > 0, engagements / views, np.nan)
        per_follower = np.where((followers > 0) & (posts > 0), engagements / (followers * posts), np.nan)
    dice = uniforms(seed, Stream.BRAND_DICE, replication, 0, np.arange(len(fit)))[:, 0]
    today = uniforms(seed, Stream.BRAND_DICE, replication, 1 + brand, np.arange(16), 0, day << 16).ravel()
    return BrandView(
        day=day,
        horizon=horizon,
        money_left=ledger.left,
        followers=followers,
        engagement_per_view=per_view,
        engagement_per_follower=per_follower,
        fit=fit,
        fee=quotes(market, creators, followers, per_view, fit),
        hired=np.bincount(np.array([order.creator for order in ledger.booked], np.int64), minlength=len(fit)),
        deal_cost=market.prices.deal_overhead + market.prices.product_cost,
        cpm=cpm,
        least_spend=least_spend(market),
        results=results,
        uniform=dice,
        dice=today,
        audience=audience,
    )


def follower_lists(start: Array, creator: Array, follows: Array, modelled: int) -> Audience:
    """Return who follows whom by creator, from acquaintances (start, creator, follows) sorted by person."""
    person = np.repeat(np.arange(len(start) - 1), np.diff(start))
    chosen = np.flatnonzero((follows > 0) & (creator < modelled))
    order = chosen[np.argsort(creator[chosen], kind="stable")]
    counts = np.bincount(creator[chosen], minlength=modelled)
    return Audience(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), person[order])


def contract(ledger: Ledger, orders: list[Order], view: BrandView, market: Market, campaigns: Sequence[Campaign]) -> None:
    """Accept the orders that can be paid, in order; the others are listed in `ledger.refused` with the reason.

    `campaigns` are those of every brand: their ads together set the price of impressions.
    """
    for order in orders:
        if isinstance(order, SponsoredPost):
            known = 0 <= order.creator < len(view.fee) and view.day <= order.day < view.horizon
            fee = cost = float(view.fee[order.creator]) if known else float("nan")
            if known and order.creator not in ledger.hired:
                cost += view.deal_cost
            if not cost <= ledger.left + 1e-9:
                wanted = f"{cost:,.2f} USD wanted, {ledger.left:,.2f} USD left" if cost == cost else "no such day or creator, or it refuses"
                ledger.refuse(order, wanted)
                continue
            ledger.paid += cost
            ledger.hired.add(order.creator)
            ledger.booked.append(order)
            ledger.fees.append(fee)
        else:
            if reason := refusal(market, ledger, order, view):
                ledger.refuse(order, reason)
                continue
            ledger.cpms.append(agreed_cpm(market, campaigns, order))
            ledger.reserved += order.spend
            ledger.ads.append(order)


def settle(ledger: Ledger, flight: Flight, delivered: int, people_per_agent: float) -> None:
    """Charge delivered ad impressions, at the price agreed, against what was reserved for them."""
    cost = delivered * people_per_agent * flight.cpm / 1000.0
    flight.delivered += delivered
    ledger.paid += cost
    flight.reserved -= cost
    ledger.reserved -= cost


def release(ledger: Ledger, day: int) -> None:
    """Free what was reserved for impressions that flights ending on `day` could not deliver."""
    for flight in ledger.flights:
        if flight.last_day == day:
            ledger.reserved -= flight.reserved
            flight.reserved = 0.0

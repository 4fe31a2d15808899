"""Bought impressions: what each format costs today, what can be booked, and what is delivered and charged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import BrandView, PaidImpressions

if TYPE_CHECKING:
    from influence_sim.engine.contracts import Campaign, Ledger


def least_spend(market: Market) -> dict[str, float]:
    """Return the least USD that an order in each format must spend; a takeover costs that per day.

    Prices are those of a whole country; with `prices.scaled` they shrink to the modelled population.
    """
    f = market.formats
    scale = market.people.population / f.population if market.prices.scaled else 1.0
    return {"infeed": 0.0, "takeover": f.takeover_price * scale, "challenge": f.challenge_price * scale, "effect": f.effect_price * scale}


def demand(market: Market, campaigns: Iterable[Campaign], day: int) -> float:
    """Return what brands have booked for a day, in USD per 1,000 people."""
    booked = (order for campaign in campaigns for order in campaign.ledger.ads if order.day <= day < order.day + order.days)
    return sum(order.spend / order.days for order in booked) / market.people.population * 1000.0


def price(market: Market, spending: float) -> float:
    """Return the price of a thousand in-feed impressions when modelled brands spend `spending` USD per 1,000 people and day.

    cpm x (1 + spending / ad_demand)^auction: slots are auctioned, and who bids more makes them dearer for all.
    """
    p = market.prices
    return float(p.cpm * (1.0 + spending / p.ad_demand) ** p.auction)


def agreed_cpm(market: Market, campaigns: Iterable[Campaign], order: PaidImpressions) -> float:
    """Return the price per thousand at which an order is booked and will be charged; takeovers are not auctioned."""
    if order.format == "takeover":
        return market.formats.takeover_cpm
    own = order.spend / order.days / market.people.population * 1000.0
    return price(market, demand(market, campaigns, order.day) + own)


def refusal(market: Market, ledger: Ledger, order: PaidImpressions, view: BrandView) -> str:
    """Say why an order of bought impressions cannot be booked; an empty text when it can."""
    least = least_spend(market).get(order.format)
    if least is None:
        return f"there is no ad format {order.format!r}"
    if not (order.spend > 0 and order.days >= 1 and view.day <= order.day < view.horizon):
        return f"ads need money and days from {view.day} to {view.horizon - 1}"
    if order.format == "takeover" and order.days != 1:
        return "a takeover lasts one day: order each day"
    if order.creator is not None:
        if order.format != "infeed":
            return f"a creator's post is boosted in the feed, not as {order.format}"
        owned = [o for o in ledger.booked if o.creator == order.creator and o.usage_rights and o.day <= order.day]
        if not owned:
            return f"boosting needs a post of creator {order.creator} bought with usage rights, by day {order.day}"
    if order.spend < least - 1e-9:
        whole = "" if market.prices.scaled else " (prices are those of a whole country; see prices.scaled)"
        return f"{order.format} costs at least {least:,.2f} USD in this market{whole}; {order.spend:,.2f} USD offered"
    if order.spend > ledger.left + 1e-9:
        return f"{order.spend:,.2f} USD wanted, {ledger.left:,.2f} USD left"
    return ""

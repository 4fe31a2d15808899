"""Gifts to the smallest accounts."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.gifting import Gifting


class NanoSeeding(Gifting):
    """Send the product to as many accounts below `followers_max` followers as the budget allows.

    Examples
    --------
    >>> from influence_sim.strategies import NanoSeeding, synthetic_view
    >>> orders = NanoSeeding(selector="fit").plan(synthetic_view(day=2, money=150))
    >>> {order.pay for order in orders}, max(order.creator for order in orders)
    ({'gift'}, 4)
    """

    name = "nano_seeding"
    claim = "Accounts with few followers turn more of them into buyers, per follower and per USD, than large ones."
    source = "Beichert et al. 2024, Journal of Marketing: revenue per follower .265 EUR of nano against .049 of macro accounts."

    followers_min: float = Field(0, ge=0, description="Smallest real follower count hired (inclusive)")
    followers_max: float | None = Field(1_000, gt=0, description="Largest real follower count hired (exclusive); empty: no bound")

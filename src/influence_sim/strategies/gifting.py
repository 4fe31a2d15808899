"""Products in place of fees."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from influence_sim.strategies.portfolio import Portfolio


class Gifting(Portfolio):
    """Send the product to as many creators of the band as the budget allows, and hope that they post.

    Examples
    --------
    >>> from influence_sim.strategies import Gifting, synthetic_view
    >>> orders = Gifting(selector="followers").plan(synthetic_view(day=2, money=130))
    >>> [(order.creator, order.pay) for order in orders]
    [(14, 'gift'), (12, 'gift')]
    """

    name = "gifting"
    claim = "A gift costs less than a fee, and who posts without being paid for it does so because the product fits."
    source = "Traackr; Harvard Business Review: gifts of about USD 50; over 60 % of 300 marketers say under half of recipients post."

    followers_min: float = Field(1_000, ge=0, description="Smallest real follower count hired (inclusive)")
    followers_max: float | None = Field(100_000, gt=0, description="Largest real follower count hired (exclusive); empty: no bound")
    creators: int = Field(1000, ge=1, description="Creators who get a gift before anybody gets a second one")
    pay: Literal["fee", "gift", "commission"] = Field("gift", description="What creators get: a fee, a gift, or a share of sales")

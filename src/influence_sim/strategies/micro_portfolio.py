"""Many small creators."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.portfolio import Portfolio


class MicroPortfolio(Portfolio):
    """Spread the budget over many creators between `followers_min` and `followers_max` followers.

    Only the follower count, which anybody can see, decides who is a candidate; whether small
    creators are trusted more or answer more is left to the world.

    Examples
    --------
    >>> from influence_sim.strategies import MicroPortfolio, synthetic_view
    >>> orders = MicroPortfolio(creators=2, selector="followers").plan(synthetic_view(day=2, money=700))
    >>> [(order.creator, order.day) for order in orders]
    [(14, 2), (11, 2)]
    """

    name = "micro_portfolio"
    claim = "Many small creators cost less per engaged follower and are trusted more than one large creator."
    source = "Direction: Cascio Rizzo et al. 2024, Journal of Marketing. Band of 1,000 to 100,000 followers: industry usage, a parameter."

    followers_min: float = Field(1_000, ge=0, description="Smallest real follower count hired (inclusive)")
    followers_max: float | None = Field(100_000, gt=0, description="Largest real follower count hired (exclusive); empty: no bound")
    creators: int = Field(10, ge=1, description="Creators hired before money goes anywhere else")

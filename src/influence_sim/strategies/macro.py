"""Few large creators."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.portfolio import Portfolio


class Macro(Portfolio):
    """Concentrate the budget on few creators above `followers_min` followers.

    The bound is a parameter: in the market of one city, 10,000 followers may be large.

    Examples
    --------
    >>> from influence_sim.strategies import Macro, synthetic_view
    >>> orders = Macro(creators=1, selector="followers").plan(synthetic_view(day=2, money=2000))
    >>> [(order.creator, order.day) for order in orders]
    [(17, 2)]
    """

    name = "macro"
    claim = "Few large creators reach many people at once, with less overhead per follower."
    source = "Fees rise slower than followers: exponent .93-.98, vendor price lists 2024-25. Bound: industry usage, a parameter."

    followers_min: float = Field(100_000, ge=0, description="Smallest real follower count hired (inclusive)")
    creators: int = Field(2, ge=1, description="Creators hired before money goes anywhere else")

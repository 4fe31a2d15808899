"""One celebrity."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.portfolio import Portfolio, registered_selectors


class Mega(Portfolio):
    """Put the budget on the largest affordable creator above `followers_min` followers.

    Where nobody that large exists or is affordable, the arm is not feasible and is shown as such.

    Examples
    --------
    >>> from influence_sim.strategies import Mega, synthetic_view
    >>> orders = Mega(posts=2).plan(synthetic_view(day=2, money=12_000))
    >>> [(order.creator, order.day) for order in orders]
    [(19, 2), (19, 5)]
    """

    name = "mega"
    claim = "One celebrity is seen by more people at once than any number of smaller creators the same money hires."
    source = "Bound of 1,000,000 followers: industry usage, a parameter. Choice by size: the habit of 67 % of brands, industry survey."

    followers_min: float = Field(1_000_000, ge=0, description="Smallest real follower count hired (inclusive)")
    creators: int = Field(1, ge=1, description="Creators hired before money goes anywhere else")
    selector: str = Field("followers", description="Registered selector that orders the candidates", json_schema_extra=registered_selectors)

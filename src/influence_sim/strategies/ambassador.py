"""Few creators, for long."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.portfolio import Portfolio, registered_selectors


class Ambassador(Portfolio):
    """Make few creators the faces of the brand: many posts of each, all through the campaign, and none for rivals.

    Examples
    --------
    >>> from influence_sim.strategies import Ambassador, synthetic_view
    >>> orders = Ambassador(creators=1, posts=2, followers_max=5_000).plan(synthetic_view(day=2, money=200))
    >>> [(order.creator, order.day, order.exclusive_days) for order in orders]
    [(4, 2, 90), (4, 6, 90)]
    """

    name = "ambassador"
    claim = "The same faces again and again seem more authentic and are remembered better than as many posts by ever new creators."
    source = "Brand ambassadors: usage of the trade. That consistency seems authentic is an assumption; exclusivity has a price."

    creators: int = Field(2, ge=1, description="Creators hired before money goes anywhere else")
    posts: int = Field(6, ge=1, description="Posts ordered from each creator")
    selector: str = Field(
        "fit_engagement", description="Registered selector that orders the candidates", json_schema_extra=registered_selectors
    )
    spacing: int = Field(4, ge=1, description="Days between posts of one creator")
    exclusive_days: int = Field(90, ge=0, description="Days after a post for which its creator works for no rival; 0: not asked for")

"""Do what the others do."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.portfolio import Portfolio, registered_selectors


class CompetitorCopy(Portfolio):
    """Wait, then hire the creators who had most disclosed posts for rivals; in a market without rivals there is nothing to copy.

    Examples
    --------
    >>> from influence_sim.strategies import CompetitorCopy, synthetic_view
    >>> orders = CompetitorCopy(creators=2).plan(synthetic_view(day=7, money=200))
    >>> [order.creator for order in orders]
    [2, 5]
    """

    name = "competitor_copy"
    claim = "Who sells for a rival has the right audience, and the rival has paid for finding that out."
    source = "Habit of the trade. Against it: who worked for a rival may refuse (loyalty in a category), and its audience knows the rival."

    selector: str = Field(
        "hired_by_rivals", description="Registered selector that orders the candidates", json_schema_extra=registered_selectors
    )
    start: int = Field(7, ge=0, description="Day of the first posts; the last day when the horizon is shorter")

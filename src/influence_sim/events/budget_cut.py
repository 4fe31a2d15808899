"""The brand loses money it had planned with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from influence_sim.events.base import Event

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class BudgetCut(Event):
    """Take away a share of what the brand under study has neither paid nor promised.

    Contracts are kept: a strategy that ordered everything on its first morning loses nothing.
    """

    name = "budget_cut"
    claim = "A cut hurts plans that spend late, and spares those bound by contract."
    source = "assumption: size and day are the user's question"

    share: float = Field(0.5, gt=0, le=1, description="Share of the money left that is taken away (assumption: half)")

    def apply(self, simulation: Simulation) -> None:
        """Withdraw the money."""
        simulation.ledger.withdrawn += self.share * max(0.0, simulation.ledger.left)

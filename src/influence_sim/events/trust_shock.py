"""Creators in general lose trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from influence_sim.events.base import Event

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class TrustShock(Event):
    """Multiply the positive trust evidence that people have about every creator.

    What speaks against a creator stays. Trust is earned anew by engagement.
    """

    name = "trust_shock"
    claim = "What rests on trust suffers when people stop trusting creators: conversion falls more than views."
    source = "assumption: size and day are the user's question"

    factor: float = Field(0.5, ge=0, le=1, description="Positive evidence kept (assumption: half)")

    def apply(self, simulation: Simulation) -> None:
        """Let people keep only a part of what spoke for creators."""
        simulation.acquaintances.good[:] *= self.factor

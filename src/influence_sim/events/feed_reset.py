"""The platform forgets what it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from influence_sim.events.base import Event
from influence_sim.rng import Stream, uniforms

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


class FeedReset(Event):
    """Set the platform's estimate of people's tastes back to the average person of day 0.

    The same people are reset in every arm. What they follow, and their past engagement with single
    creators, stays. The feed then learns them anew.
    """

    name = "feed_reset"
    claim = "A feed that no longer knows its people serves them worse until it has learned again."
    source = "TikTok's `Refresh your For You feed` (2023); the share of people is an assumption"

    share: float = Field(1.0, gt=0, le=1, description="Share of people who are reset, drawn by keyed dice (assumption: everybody)")

    def apply(self, simulation: Simulation) -> None:
        """Forget the people drawn."""
        rules, people = simulation.rules, np.arange(simulation.world.size)
        u = uniforms(rules.seed, Stream.FEED_RESET, rules.replication, people, c3=self.day << 16)[:, 0]
        # The average of day 0, not of today, so that arms which taught the platform different things stay comparable.
        average = simulation.world.people.estimate.mean(axis=0, dtype=np.float64)
        simulation.own_column("people", "estimate")[u < self.share] = average

"""The discovery feed: follow, topic, trending and test-stage posts compete on predicted value."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

FOR_YOU = FeedPolicy(
    name="for_you",
    claim="A post is shown for what the viewer is predicted to do with it, whoever posted it; small creators can pass large ones.",
    source="Four-term value score (New York Times, December 2021); ranking modifiers of the X release (2023); defaults of the parameters",
)

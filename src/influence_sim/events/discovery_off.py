"""A feed without discovery."""

from __future__ import annotations

from influence_sim.events.base import LastingEvent, with_feed
from influence_sim.scenario.parameters import Market


class DiscoveryOff(LastingEvent):
    """Fill no slot with what does not come along a follow.

    Posts and re-shares of followees remain, ranked as before; bought ads remain, for they are no
    discovery. Topic, trending and random retrieval, test stages and posts from outside the model
    stop, and a slot for which no followee has anything new stays empty.
    """

    name = "discovery_off"
    claim = "Without recommendation a person sees only those followed, and creators live off their followers."
    source = "EU Digital Services Act, Article 38: a feed option not based on profiling; here for everybody, as an extreme case"

    def changed(self, market: Market) -> Market:
        """Return the market with the follow source alone."""
        return with_feed(
            market,
            candidates_interest=0,
            candidates_trending=0,
            candidates_random=0,
            weight_interest=0,
            weight_trending=0,
            weight_random=0,
            exploration_share=0,
            outside_posts=0,
        )

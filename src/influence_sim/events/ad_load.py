"""More or fewer ads in the feed."""

from __future__ import annotations

from pydantic import Field, model_validator

from influence_sim.events.base import LastingEvent, with_feed
from influence_sim.scenario.parameters import Market


class AdLoad(LastingEvent):
    """Change the share of ads among posts from outside the model, the gap between bought slots, or both."""

    name = "ad_load"
    claim = "A platform that sells more of its feed saturates people with advertising, which lowers the response to all of it."
    source = "assumption: size and day are the user's question"

    outside_ad_load: float | None = Field(None, ge=0, le=0.3, description="Share of outside posts that are ads; as before unless given")
    ad_gap: int | None = Field(None, ge=1, le=20, description="Organic slots before each bought slot; as before unless given")

    @model_validator(mode="after")
    def _says_something(self) -> AdLoad:
        if self.outside_ad_load is None and self.ad_gap is None:
            raise ValueError("give `outside_ad_load`, `ad_gap` or both: otherwise nothing would change")
        return self

    def changed(self, market: Market) -> Market:
        """Return the market with the new load."""
        said = {"outside_ad_load": self.outside_ad_load, "ad_gap": self.ad_gap}
        return with_feed(market, **{name: value for name, value in said.items() if value is not None})

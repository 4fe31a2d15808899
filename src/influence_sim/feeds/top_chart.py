"""The top chart: posts are shown in proportion to all engagement they ever had (MusicLab)."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy
from influence_sim.feeds.trending import TRENDING

TOP_CHART = FeedPolicy(
    name="top_chart",
    claim="Every slot draws a post with weight (all engagements so far + 3): a chart that never forgets, so early luck lasts.",
    source="Popularity urn of MusicLab, strong condition (Salganik et al. 2006): linear weight, prior 3",
    values={
        **TRENDING.values,
        "tries": 200,
        "trending_half_life": 10_000.0,
        # Longer than the usual run; a year would leave most tries on empty places.
        "max_age": 60.0,
    },
)

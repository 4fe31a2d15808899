"""The top chart: posts are shown in proportion to all engagement they ever had (MusicLab)."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

TOP_CHART = FeedPolicy(
    name="top_chart",
    claim="Every slot draws a post with weight (all engagements so far + 3): a chart that never forgets, so early luck lasts.",
    source="Popularity urn of MusicLab, strong condition (Salganik et al. 2006): linear weight, prior 3",
    values={
        "mode": "slot_mixture",
        "ranking": "arrival",
        "trending_by": "platform",
        "weight_follow": 0.0,
        "weight_interest": 0.0,
        "weight_trending": 1.0,
        "weight_random": 0.0,
        "candidates_follow": 0,
        "candidates_interest": 0,
        "candidates_trending": 20,
        "candidates_random": 0,
        "tries": 200,
        "trending_prior": 3.0,
        "trending_exponent": 1.0,
        # Above what posts gather while each is shown once a person: a chart has no ceiling.
        "trending_cap": 0.05,
        "trending_half_life": 10_000.0,
        # Longer than the usual run; a year would leave most tries on empty places.
        "max_age": 60.0,
        "exploration_share": 0.0,
        "stages": 0,
        "refusal_days": 0.0,
        "refusal_ramp": 0.0,
    },
)

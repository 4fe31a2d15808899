"""The trending feed: posts are shown in proportion to their recent engagement."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

TRENDING = FeedPolicy(
    name="trending",
    claim="Every slot draws a post with weight (recent engagements + 3), whoever watches: popularity of the last days feeds on itself.",
    source="Popularity urn of MusicLab (Salganik et al. 2006), half-life assumed; trending pages of platforms",
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
        "tries": 100,
        "trending_prior": 3.0,
        "trending_exponent": 1.0,
        "trending_half_life": 2.0,  # assumed: "recent" is a matter of days
        # Above what nearly all posts gather, so that the weight is the count.
        "trending_cap": 0.05,
        "exploration_share": 0.0,
        "stages": 0,
        "refusal_days": 0.0,
        "refusal_ramp": 0.0,
    },
)

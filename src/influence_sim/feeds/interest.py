"""The content feed: nothing counts but how well a post's topics match the estimated taste."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

INTEREST = FeedPolicy(
    name="interest",
    claim="Posts are found by topic and ranked by predicted match alone: no follows, no popularity, no freshness, no tests.",
    source="Content-based filtering (Pazzani & Billsus 2007); the reference feed of filter-bubble arguments",
    values={
        "mode": "slot_mixture",
        "weight_follow": 0.0,
        "weight_interest": 1.0,
        "weight_trending": 0.0,
        "weight_random": 0.0,
        "candidates_follow": 0,
        "candidates_interest": 32,
        "candidates_trending": 0,
        "candidates_random": 0,
        "tries": 4,
        "exploration_share": 0.0,
        "stages": 0,
        "prediction_follow": 0.0,
        "prediction_affinity": 0.0,
        "prediction_creator": 0.0,
        "prior_impressions": 500,
        "freshness_exponent": 0.0,
        "same_tag_penalty": 0.0,
        "author_seen_bonus": 0.0,
        "rank_noise": 0.02,
    },
)

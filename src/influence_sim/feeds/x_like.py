"""An X-like feed: the published weights and post-scoring rules of X, on video posts."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

X_LIKE = FeedPolicy(
    name="x_like",
    claim="Half followed, half found by topic, weighed as X published: a reply counts ten likes, strangers .75; two days at most.",
    source="X: twitter/the-algorithm (2023) and xai-org/x-algorithm (weights of August 2026)",
    values={
        "slots_per_request": 35,
        # At most 60 posts from inside and 60 from outside one's follows (2023).
        "candidates_follow": 60,
        "candidates_interest": 60,
        "candidates_trending": 0,
        "candidates_random": 0,
        "max_age": 2.0,
        # like .5, reply 5, repost 1, follow 4, not interested -43.2; watching: .004 a second of dwell,
        # .05 for a quality view (10 s of a video).
        "value_like": 0.5,
        "value_comment": 5.0,
        "value_share": 1.0,
        "value_follow": 4.0,
        "value_negative": 43.2,
        "value_playtime": 0.004,
        "value_play": 0.05,
        "play_seconds": 10.0,
        "non_followed_factor": 0.75,
        "author_decay": 0.5,
        "author_floor": 0.25,
        # Not in the published rules.
        "same_tag_penalty": 0.0,
        "author_seen_bonus": 0.0,
        "popularity_exponent": 0.0,
        "refusal_days": 14.0,
        "refusal_ramp": 140.0,
        "refusal_floor": 0.2,
        "cold_start_rank": 15,
        "cold_start_followers": 1000.0,
        "cold_start_impressions": 1000.0,
        "ad_gap": 3,
        # No test stages are published; cold start takes their place.
        "exploration_share": 0.0,
        "stages": 0,
    },
)

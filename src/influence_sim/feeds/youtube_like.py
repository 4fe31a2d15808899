"""A YouTube-like feed: expected watch time is all that counts, and old posts stay in the race."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

YOUTUBE_LIKE = FeedPolicy(
    name="youtube_like",
    claim="Ranked by expected watch time alone, subscriptions first among the sources, posts of a whole year compete.",
    source="Covington et al. 2016 (expected watch time); exploration budget for new posts: Google, KDD 2023; amounts assumed",
    values={
        "value_like": 0.0,
        "value_comment": 0.0,
        "value_play": 0.0,
        "value_share": 0.0,
        "value_follow": 0.0,
        "value_playtime": 0.056,
        "candidates_follow": 16,
        "candidates_interest": 20,
        "candidates_trending": 4,
        "max_age": 365.0,
        "freshness_exponent": 0.0,
        "same_tag_penalty": 0.05,
        "stages": 1,
        "stage_quota": 100.0,
        "exploration_share": 0.03,
    },
)

"""The follower feed: nothing but the newest posts and re-shares of followed accounts."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

FOLLOWING = FeedPolicy(
    name="following",
    claim="Only posts and re-shares of followees, newest first; a slot without one stays empty. Reach is bounded by followers.",
    source="The reverse-chronological timelines of Instagram until 2016 and Twitter until 2016; the `Following` tab of TikTok and X",
    values={
        "mode": "slot_mixture",
        "ranking": "newest",
        "weight_follow": 1.0,
        "weight_interest": 0.0,
        "weight_trending": 0.0,
        "weight_random": 0.0,
        # As many as the inbox keeps, so that no followee's post is passed over.
        "candidates_follow": 64,
        "candidates_interest": 0,
        "candidates_trending": 0,
        "candidates_random": 0,
        "exploration_share": 0.0,
        "stages": 0,
        "refusal_days": 0.0,
        "refusal_ramp": 0.0,
        # The rest of the platform is not followed, so it cannot fill a slot.
        "outside_posts": 0.0,
    },
)

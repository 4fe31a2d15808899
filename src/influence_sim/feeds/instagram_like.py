"""An Instagram-like feed: followed accounts and recommendations share the slots, and shares weigh most."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

INSTAGRAM_LIKE = FeedPolicy(
    name="instagram_like",
    claim="Followed accounts and recommendations compete for every slot; shares weigh most, and `not interested` has a cost.",
    source="Meta 2023 (Explore: weighted sum of actions, negative ones too), 2024 (about half recommended); weights: equal contribution",
    values={
        "candidates_follow": 24,
        "candidates_interest": 12,
        "candidates_trending": 4,
        # Shares of the value at base rates: watching .35, play .10, like .15, comment .10, share .20, follow .10.
        "value_playtime": 0.039,
        "value_play": 0.22,
        "value_like": 5.0,
        "value_comment": 42.0,
        "value_share": 133.0,
        "value_follow": 74.0,
        "value_negative": 143.0,
        # Assumed: recommendations are to fall back behind followed accounts, of which people follow few modelled ones here.
        "non_followed_factor": 0.6,
        "stages": 1,
        "stage_quota": 200.0,
        "exploration_share": 0.05,
    },
)

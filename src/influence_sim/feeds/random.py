"""The random feed: every post has the same chance; the null model of recommendation."""

from __future__ import annotations

from influence_sim.feeds import FeedPolicy

RANDOM = FeedPolicy(
    name="random",
    claim="Posts are drawn uniformly and shown as drawn; what differs between posts is chance and the response to them.",
    source="Randomly exposed feed of KuaiRand (Gao et al. 2022); independent condition of MusicLab (Salganik et al. 2006)",
    values={
        "mode": "slot_mixture",
        "ranking": "arrival",
        "weight_follow": 0.0,
        "weight_interest": 0.0,
        "weight_trending": 0.0,
        "weight_random": 1.0,
        "candidates_follow": 0,
        "candidates_interest": 0,
        "candidates_trending": 0,
        "candidates_random": 20,
        "tries": 6,
        "exploration_share": 0.0,
        "stages": 0,
        "refusal_days": 0.0,
        "refusal_ramp": 0.0,
    },
)

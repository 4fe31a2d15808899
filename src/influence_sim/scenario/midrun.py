"""Which parameters of a market may change after the first day, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterator

from influence_sim.scenario.parameters import Market

_BUILT = "it made the people, creators, posts or follows that exist"
_DECAY = "ties, trust and affinity decay over the whole time since the last contact, part of which has passed"
_FIXED: dict[str, dict[str, str]] = {
    "people": {"*": _BUILT},
    "graph": {"*": _BUILT},
    "creators": {
        name: _BUILT
        for name in (
            "count", "posts_per_day", "posting_sigma", "opening_posts", "topic_concentration", "appeal_sigma", "appeal_ability_correlation",
            "ability_sd", "authenticity_mean", "authenticity_sd", "fit_required",
        )
    },
    "feed": {
        "rounds_per_day": "posts appear on its grid",
        "update": "people are served in one order for the whole run",
        "max_age": "creators' retrieval slots were sized by it",
        "stage_memory": "recent results of stages are kept in as many places",
        "inbox": "what followees published is kept in as many places",
        "initial_knowledge": _BUILT,
        "affinity_half_life": _DECAY,
        "repeats": "who has seen or shared what was remembered under it",
    },
    "ties": {"half_life": _DECAY, "trust_half_life": _DECAY},
    "brand": {
        "topic": _BUILT,
        "breadth": _BUILT,
        "authenticity": _BUILT,
        "margin": "it values purchases of the whole run and enters no day",
    },
    "funnel": {"initial_awareness": "it is the state on day 0"},
    "prices": {"fee_sigma": _BUILT},
}  # fmt: skip


def why_fixed(group: str, name: str) -> str:
    """Return why a parameter cannot change in mid-run; an empty text when it can."""
    reasons = _FIXED.get(group, {})
    return reasons.get(name) or reasons.get("*", "")


def fixed_changes(before: Market, after: Market) -> Iterator[str]:
    """Yield `group.name: reason` for every parameter that differs and cannot change in mid-run."""
    for group in Market.model_fields:
        old, new = getattr(before, group), getattr(after, group)
        if old == new:
            continue
        for name in type(old).model_fields:
            if getattr(old, name) != getattr(new, name) and why_fixed(group, name):
                yield f"market.{group}.{name}: {why_fixed(group, name)}"

"""Which parameters of a market may change after the first day, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from influence_sim.scenario.checks import Contradiction, contradictions
from influence_sim.scenario.parameters import Market

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario

_BUILT = "it made the people, creators, posts or follows that exist"
_DECAY = "ties, trust and affinity decay over the whole time since the last contact, part of which has passed"
_FIXED: dict[str, dict[str, str]] = {
    "people": {"*": _BUILT},
    "graph": {"*": _BUILT},
    "creators": dict.fromkeys(
        (
            "count", "posts_per_day", "posting_sigma", "opening_posts", "topic_concentration", "appeal_sigma", "appeal_ability_correlation",
            "ability_sd", "authenticity_mean", "authenticity_sd", "fit_required", "reservation", "amateurs",
        ),
        _BUILT,
    ),
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
        "posts_per_day": _BUILT,
        "margin": "it values purchases of the whole run and enters no day",
    },
    "rivals": {
        "count": _BUILT,
        "awareness": "it is the state on day 0",
        "size_ratio": "it made the state on day 0 and the money of rivals",
        "silent": "rivals have their money from the first day",
        "spend": "rivals have their money from the first day",
        "creator_share": "rivals have their plans from the first day",
    },
    "funnel": {
        "initial_awareness": "it is the state on day 0",
        **dict.fromkeys(("repurchase_gap", "repurchase_shape"), "needs are closed, and part of their time has passed"),
    },
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


def event_contradictions(scenario: Scenario) -> Iterator[Contradiction]:
    """Yield what is wrong with the events of a scenario, and with the market of each day they change."""
    if not scenario.events:
        return
    from influence_sim.events import in_order, market_on

    built = [entry.build() for entry in scenario.events]
    for i, event in enumerate(built):
        if event.day >= scenario.horizon:
            yield Contradiction(
                (f"events.{i}.day", "horizon"),
                f"event `{event.name}` would never happen: the run ends before it",
                f"day at most {scenario.horizon - 1} (horizon is {scenario.horizon})",
                f"day {event.day}",
            )
        if reason := event.impossible(scenario.market, built[:i]):
            yield Contradiction((f"events.{i}",), f"event `{event.name}` cannot happen: {reason}")
    ordered = in_order(built)
    before = set(contradictions(scenario))
    told: set[str] = set()
    for day in sorted({day for event in built for day in (event.day, event.last_day + 1) if day < scenario.horizon}):
        market = market_on(scenario.market, ordered, day)
        # Blame the newest event that lasts on that day: without it, the day before was sound.
        key = f"events.{max((e.day, i) for i, e in enumerate(built) if e.day <= day)[1]}"
        wrong = [Contradiction((key,), f"cannot change in mid-run: {text}") for text in fixed_changes(scenario.market, market)]
        wrong += [
            Contradiction((key,), f"on day {day}: {c.message}", c.allowed, c.got)
            for c in contradictions(scenario.model_copy(update={"market": market}))
            if c not in before
        ]
        for found in wrong:
            text = found.message.partition(": ")[2]
            if text not in told:
                told.add(text)
                yield found

"""Say in words and numbers why somebody was shown something."""

from __future__ import annotations

import math
from collections.abc import Iterator

from influence_sim.engine.replay import Contender, SlotReplay

SOURCE_WORDS = {
    "follow": "was published or passed on by somebody the person follows",
    "interest": "was drawn from the topics the platform believes the person likes",
    "trending": "was drawn for its recent engagement",
    "random": "was drawn at random from all posts",
    "explore": "is in a test stage: its quota of impressions was allotted to this person, and the slot was reserved for tests",
    "paid": "was bought: the impression was allotted to this person, and it was an advertising slot",
    "heated": "is heated: the platform gives it impressions by hand, and this person was among those allotted",
}
FACTOR_WORDS = {
    "value": "value of what the person is predicted to do",
    "freshness": "freshness",
    "sponsored": "sponsored posts",
    "popularity": "popularity",
    "standing": "after `not interested`",
    "same topic today": "same topic seen today",
    "author seen": "author known",
    "ad fatigue": "tired of this brand",
    "not followed": "author not followed",
    "noise": "luck (rank noise)",
    "request": "author shown before in this request, or a small account lifted",
    "function": "score of the feed function",
    "newest first": "time posted (newest first)",
    "as retrieved": "place in the order of retrieval (the first wins)",
}
MATCH_WORDS = {
    "topics": "topics match the estimated taste",
    "record": "record of the post and its creator",
    "follows": "follows the creator",
    "affinity": "past engagement with the creator",
}


def why(replay: SlotReplay) -> list[str]:
    """Return the explanation of a slot as lines of text."""
    return [*_headline(replay), *_contest(replay), *_table(replay), *_reaction(replay)]


def _headline(r: SlotReplay) -> Iterator[str]:
    where = f"in slot {r.slot} of day {r.day} (round {r.round}, request {r.request})"
    if r.winner is None and r.source == "empty":
        yield f"Person {r.person} was shown nothing {where}: no post was left that could be shown."
    elif r.winner is None:
        kind = "an advertisement" if r.source == "outside_ad" else "a post"
        yield f"Person {r.person} was shown {kind} from outside the model {where}."
    else:
        w = r.winner
        yield f"Person {r.person} was shown post {w.post} of creator {w.creator} {where}."
        yield f"It {SOURCE_WORDS[r.source]}."
    if r.drawn:
        yield f"This feed draws the source of each slot: it was `{r.drawn}`."


def _contest(r: SlotReplay) -> Iterator[str]:
    found = f"{r.candidates} modelled post{'s' if r.candidates != 1 else ''} found for this request"
    if r.source in ("paid", "heated", "explore"):
        yield f"There was no contest for this slot ({found})."
        return
    beaten = []
    if r.winner is not None and r.runner_up is not None:
        near = r.runner_up
        if near.score > r.winner.score:
            beaten.append(f"post {near.post} scored more ({_number(near.score)}), but shares the author or sound of the slot before")
        else:
            beaten.append(f"the runner-up was post {near.post} of creator {near.creator} with {_number(near.score)}")
    if r.winner is not None and r.outside > 0.0:
        beaten.append(f"the best post from outside the model had {_number(r.outside)}")
    if r.winner is not None:
        yield f"It won with a score of {_number(r.winner.score)}" + "".join(f"; {text}" for text in beaten) + f". {found.capitalize()}."
    elif r.source != "empty":
        lost = f"; the best modelled post had {_number(r.runner_up.score)}" if r.runner_up else "; no modelled post was left"
        yield f"It won with a score of {_number(r.outside)}{lost}. {found.capitalize()}."
    else:
        yield f"{found.capitalize()}."


def _table(r: SlotReplay) -> Iterator[str]:
    shown = [c for c in (r.winner, r.runner_up) if c is not None]
    if not shown:
        return
    heads = (["shown"] if r.winner else []) + (["runner-up" if r.winner else "best modelled"] if r.runner_up else [])
    yield ""
    yield _row("", heads)
    yield _row("post", [str(c.post) for c in shown])
    yield _row("source", [c.source for c in shown])
    yield _row("age, days", [_number(c.age) for c in shown])
    yield _row("follows the creator", ["yes" if c.follows else "no" for c in shown])
    yield "Predicted engagement, in sd of match (0: an average served post)"
    for name, text in MATCH_WORDS.items():
        yield _row(f"  {text}", [f"{c.match[name]:+.2f}" for c in shown])
    yield "Predicted reaction"
    yield _row("  watches, s", [f"{c.predictions['seconds']:.1f}" for c in shown])
    for name in ("play", "like", "comment", "share", "follow", "negative"):
        text = "not interested" if name == "negative" else name
        yield _row(f"  {text}, %", [f"{100 * c.predictions[name]:.3g}" for c in shown])
    yield "Score, a product"
    for name in {name: None for c in shown for name in c.factors}:
        yield _row(f"  {FACTOR_WORDS[name]}", [_number(c.factors.get(name, math.nan)) for c in shown])
    yield _row("  = score", [_number(c.score) for c in shown])


def _reaction(r: SlotReplay) -> Iterator[str]:
    if r.source == "empty":
        return
    did = ", ".join(name.replace("_", " ") for name in r.actions) or "nothing else"
    yield ""
    yield f"The person watched {r.watched:.1f} s and did: {did}."


def _row(name: str, values: list[str]) -> str:
    return f"{name:<66}" + "".join(f"{value:>14}" for value in values)


def _number(x: float) -> str:
    return "-" if math.isnan(x) else f"{x:.4g}"


def as_record(contender: Contender | None) -> dict[str, object] | None:
    """Return a contender for JSON: NaN becomes None."""
    if contender is None:
        return None
    from dataclasses import asdict

    def plain(x: object) -> object:
        if isinstance(x, dict):
            return {key: plain(value) for key, value in x.items()}
        return None if isinstance(x, float) and not math.isfinite(x) else x

    return {key: plain(value) for key, value in asdict(contender).items()}

"""What stands on somebody's phone, and why: a slot of the feed in words and numbers a page can show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from influence_sim.engine.replay import Contender, SlotReplay
from influence_sim.record.why import FACTOR_WORDS, MATCH_WORDS, SOURCE_WORDS, why

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

_FIRST = ("lu", "mi", "ka", "no", "ze", "ri", "ta", "be", "so", "ja")
_SECOND = ("na", "lo", "mi", "ra", "vi", "po", "do", "el", "ko", "sha")


def handle(creator: int) -> str:
    """Return an invented name for a creator; the number in it is the creator's row."""
    return f"@{_FIRST[creator % 10]}{_SECOND[creator // 10 % 10]}{creator}"


def card(s: Simulation, replay: SlotReplay, hours_per_round: float, begin: int, followed: int) -> dict[str, Any]:
    """Return a slot for the page; `begin` are the rounds before hour 0, `followed` the post the lesson follows."""
    rounds = replay.day * s.market.feed.rounds_per_day + replay.round - begin
    found: dict[str, Any] = {
        "day": replay.day, "slot": replay.slot, "hour": rounds * hours_per_round, "source": replay.source,
        "watched": _plain(replay.watched),
        "actions": replay.actions, "candidates": replay.candidates, "outside": _plain(replay.outside),
        "words": why(replay)[:3],
        "source_words": SOURCE_WORDS.get(replay.source, ""), "winner": None, "runner_up": None,
    }  # fmt: skip
    for name, contender in (("winner", replay.winner), ("runner_up", replay.runner_up)):
        if contender is not None:
            found[name] = _contender(s, contender)
    if replay.winner is not None:
        found["followed"] = replay.winner.post == followed
    return found


def _contender(s: Simulation, c: Contender) -> dict[str, Any]:
    post = s.posts[c.post]
    return {
        "post": c.post, "creator": c.creator, "handle": handle(c.creator) if c.creator < s.modelled else "@brand", "source": c.source,
        "followers": int(s.followers[c.creator]), "topic": int(post.tag), "seconds": round(float(post.duration), 1), "age": c.age,
        "follows": c.follows, "likes": int(post.likes), "sponsored": bool(post.advert), "labelled": bool(post.disclosure > 0),
        "predictions": {name: _plain(x) for name, x in c.predictions.items()},
        "match": [{"words": MATCH_WORDS[name], "value": _plain(x)} for name, x in c.match.items()],
        "factors": [{"name": name, "words": FACTOR_WORDS.get(name, name), "value": _plain(x)} for name, x in c.factors.items()],
        "score": _plain(c.score),
    }  # fmt: skip


def _plain(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None

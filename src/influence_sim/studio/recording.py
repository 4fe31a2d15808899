"""Record the worlds of a lesson, so that a page can play them without a server.

A tape holds one world: numbers by round, and for every column only what changed. All tapes of a recording
stand in one message (`messages.pack`), compressed and written as text into the page.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from influence_sim.scenario.parameters import Market
from influence_sim.studio.lessons import Lesson, Setup, lesson
from influence_sim.studio.messages import finite, pack
from influence_sim.studio.page import replay_page
from influence_sim.studio.plays import PLAYS
from influence_sim.studio.worlds import Array

MOST_BYTES = 5_000_000  # of a page; a browser opens it at once, and a course page takes it
LUCK = 20
FEW_PEOPLE = 1_000
LORENZ_EVERY = 12  # rounds
Progress = Callable[[int, int], None]


class Tape:
    """What happened in one world, round by round.

    `facts` are series by name, None where nothing changed; `columns` are changes of a column: how many in each round, at
    which rows, by how much.
    """

    def __init__(self, world: str, seed: int, settings: dict[str, float]) -> None:
        self.world, self.seed, self.settings = world, seed, dict(settings)
        self.rounds = 0
        self.facts: dict[str, list[Any]] = {}
        self._last: dict[str, Any] = {}
        self._before: dict[str, Array] = {}
        self._changes: dict[str, list[tuple[Array, Array]]] = {}

    def take(self, facts: dict[str, Any], columns: dict[str, Array]) -> None:
        """Keep one frame."""
        for name, value in _flat({key: x for key, x in facts.items() if key not in ("name", "settings", "turned")}):
            if name == "lorenz" and self.rounds % LORENZ_EVERY:
                continue
            series = self.facts.setdefault(name, [])
            series += [None] * (self.rounds - len(series))
            short = _short(value)
            happens = name == "news"  # an event, not a state: it does not last
            if happens:
                series.append(short or None)
            else:
                series.append(None if self._last.get(name) == short else short)
                self._last[name] = short
        rows, via = columns.get("rows"), columns.get("via")
        kept = {name: values for name, values in columns.items() if name not in ("rows", "via")}
        for name, values in kept.items():
            before = self._before.get(name, np.zeros_like(values))
            at = np.flatnonzero(values != before)
            self._changes.setdefault(name, []).append((at, values[at] - before[at]))  # small numbers; a byte wraps, as on the page
            self._before[name] = values.copy()
        if rows is not None and via is not None:
            passed = via >= 0
            self._changes.setdefault("via", []).append((rows[passed], via[passed]))
        self.rounds += 1

    def columns(self, number: int) -> dict[str, Array]:
        """Return the changes as columns: `n` how many a round, `i` rows as steps from the one before, `v` steps of values."""
        found: dict[str, Array] = {}
        for name, changes in self._changes.items():
            rows = [np.diff(np.sort(at), prepend=0) if name != "via" else at for at, _ in changes]
            values = np.concatenate([v[np.argsort(at, kind="stable")] if name != "via" else v for at, v in changes])
            found[f"n.{name}.{number}"] = np.array([len(at) for at, _ in changes], np.uint16)
            found[f"i.{name}.{number}"] = np.concatenate(rows).astype(np.uint16)
            found[f"v.{name}.{number}"] = values if values.dtype == np.uint8 else values.astype(np.int32)
        return found


def _flat(facts: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in facts.items():
        found += _flat(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, value)]
    return found


def _short(value: Any) -> Any:
    """Four digits are what a screen shows."""
    return float(f"{value:.4g}") if isinstance(value, float) and abs(value) < 1e4 else round(value) if isinstance(value, float) else value


def record(lesson: Lesson, progress: Progress | None = None) -> dict[str, Any]:
    """Return the recording of a lesson: every setting under every seed that its file names, and what luck might have done.

    Parameters
    ----------
    progress : callable, optional
        Called with (runs recorded, runs in all).
    """
    settings = [dict(x) for x in lesson.record.settings]
    group = 1 if lesson.shared_knobs else len(lesson.worlds)
    chunks = [settings[at : at + group] for at in range(0, len(settings), group)]
    tapes: list[Tape] = []
    scenes: dict[str, Any] = {}
    columns: dict[str, Array] = {}
    luck: dict[str, list[list[float]]] = {}
    rounds_of, runs = 0, len(lesson.record.seeds) * len(chunks)
    runs_done = 0
    for seed in lesson.record.seeds:
        for chunk in chunks:
            setup = Setup(seed=seed)
            given = {"all": chunk[0]} if lesson.shared_knobs else dict(zip(lesson.worlds, chunk, strict=False))
            play = PLAYS[lesson.name](lesson, setup, given)
            try:
                rounds_of = round(lesson.hours / play.hours_per_round)
                scene, static = play.scene()
                if str(seed) not in scenes:
                    scenes[str(seed)] = scene
                    columns |= {f"{name}.{seed}": _narrow(name, values) for name, values in static.items()}
                mine = [Tape(name if lesson.shared_knobs else "", seed, w.settings) for name, w in play.worlds.items()]
                together: list[dict[str, Any]] = []
                for at in range(rounds_of + 1):
                    if at:
                        play.advance()
                    header, arrays = play.frame()
                    together.append({k: x for k, x in header.items() if k in ("gini", "unpredictability", "hits")})
                    for i, tape in enumerate(mine):
                        own = {name[:-1]: x for name, x in arrays.items() if name[-1] == str(i)}  # fewer than ten worlds
                        tape.take({**header["worlds"][i], **(together[-1] if lesson.shared_knobs else {})}, own)
                tapes += mine[: len(chunk)] if not lesson.shared_knobs else mine
                if lesson.name == "follow":
                    luck[str(seed)] = [x["curve"] for x in sorted(play.luck(LUCK), key=lambda x: x["k"])]
            finally:
                play.close()
            runs_done += 1
            if progress is not None:
                progress(runs_done, runs)
    for number, tape in enumerate(tapes):
        columns |= tape.columns(number)
    header = {
        "type": "recording", "lesson": lesson.name, "rounds": rounds_of, "scenes": scenes, "luck": luck,
        "tapes": [{"world": t.world, "seed": t.seed, "settings": t.settings, "facts": t.facts} for t in tapes],
    }  # fmt: skip
    packed = zlib.compress(pack(finite(header), columns), 9)
    return {"seeds": list(lesson.record.seeds), "data": base64.b64encode(packed).decode()}


def _narrow(name: str, values: Array) -> Array:
    """Places to a sixteenth of a pixel, rows as they are."""
    if name in ("x", "y"):
        return ((values + 1.0) * 32_000).round().astype(np.uint16)
    return values


def replay(lesson: Lesson, progress: Progress | None = None) -> str:
    """Return a page that plays the recorded worlds of a lesson from disk; raise `ValueError` when it would be too large."""
    page = replay_page(lesson, record(lesson, progress))
    size = len(page.encode())
    if size > MOST_BYTES:
        raise ValueError(f"the page would have {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f}: record fewer seeds or settings")
    return page


def replay_of_market(market: Market, progress: Progress | None = None) -> str:
    """Return a page that follows one video in a market, with fewer people where it has many; people stand for more then."""
    groups = market.model_dump(mode="json")
    groups["people"]["agents"] = min(market.people.agents, FEW_PEOPLE)
    one = lesson("follow")
    seen = one.record.model_copy(update={"seeds": one.record.seeds[:1]})
    return replay(one.model_copy(update={"market": groups, "record": seen}), progress)

"""What can be played: lessons are data, one YAML file each, and every knob is a parameter of the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

from influence_sim.scenario.parameters import Market
from influence_sim.scenario.schema import Scenario

NAMES = ("follow", "tune", "parallel", "trust")
MOST_PEOPLE = 5_000  # whom a picture can hold, and what a round may cost


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Knob(_Frozen):
    """A knob of a lesson: parameters that move in a straight line from the low end to the high end."""

    name: str
    label: str
    help: str
    low: float
    high: float
    step: float
    percent: bool = False
    sets: dict[str, tuple[float, float]]

    def values(self, at: float) -> dict[str, float]:
        """Return the parameters when the knob stands at `at`; raise `ValueError` outside its range."""
        if not self.low <= at <= self.high:
            raise ValueError(f"`{self.name}` goes from {self.low:g} to {self.high:g}, got {at:g}")
        part = (at - self.low) / (self.high - self.low)
        # Rounded, so that a page and a scenario file write the same number.
        return {key: round(first + (last - first) * part, 6) for key, (first, last) in self.sets.items()}


class Setup(_Frozen):
    """What is chosen before a lesson starts."""

    seed: int = Field(1, ge=0, le=99_999)
    size: str = Field("small", pattern="^(small|middle|large)$")
    strength: str = Field("strong", pattern="^(weak|average|strong)$")


class Preset(_Frozen):
    """A named starting point."""

    name: str
    text: str
    setup: dict[str, Any] = Field(default_factory=dict)
    knobs: dict[str, dict[str, float]] = Field(default_factory=dict)


class Recorded(_Frozen):
    """What a file for a class holds: every setting under every seed."""

    seeds: tuple[int, ...]
    settings: tuple[dict[str, float], ...]


class Notes(_Frozen):
    """The sections of the NetLogo models library; each lesson fills all of them."""

    what: str
    how: str
    use: str
    notice: tuple[str, ...] = Field(min_length=3)
    try_: tuple[str, ...] = Field(alias="try", min_length=3)
    extend: str
    limits: str


class Lesson(_Frozen):
    """One lesson: a world, what may be turned in it, and what is said about it."""

    name: str
    title: str
    question: str
    minutes: int
    worlds: tuple[str, ...]
    hours: int
    market: dict[str, dict[str, Any]]
    warm_up_days: int
    knobs: tuple[Knob, ...]
    shared_knobs: bool = False  # one setting for all worlds
    start: dict[str, dict[str, float]] = Field(default_factory=dict)
    presets: tuple[Preset, ...] = Field(min_length=3)
    record: Recorded
    notes: Notes
    teacher: tuple[str, ...] = Field(min_length=3)
    topics: tuple[str, ...]

    def knob(self, name: str) -> Knob:
        """Return a knob; raise `ValueError` when there is none of that name."""
        for knob in self.knobs:
            if knob.name == name:
                return knob
        raise ValueError(f"the lesson has no knob `{name}`; it has: {', '.join(k.name for k in self.knobs) or 'none'}")

    def settings(self, world: str) -> dict[str, float]:
        """Return where the knobs of a world stand at the start."""
        return dict(self.start.get("all" if self.shared_knobs else world, {}))


def lessons() -> dict[str, Lesson]:
    """Return every lesson by name, in the order of the start page."""
    return {name: lesson(name) for name in NAMES}


@cache
def lesson(name: str) -> Lesson:
    """Read a lesson; raise `ValueError` when there is none of that name."""
    if name not in NAMES:
        raise ValueError(f"there is no lesson `{name}`; there are: {', '.join(NAMES)}")
    text = (files("influence_sim.studio") / "lessons" / f"{name}.yaml").read_text(encoding="utf-8")
    return Lesson.model_validate({"name": name, **YAML(typ="safe", pure=True).load(text)})


def scenario_of(chosen: Lesson, settings: Mapping[str, float], seed: int, base: Mapping[str, Any] | None = None) -> Scenario:
    """Return what a world of a lesson plays: its market, with `base` in place of it where given, and the knobs on top.

    Raises
    ------
    ValueError
        When a knob is unknown or out of its range, or a market has too many people to be drawn.
    """
    from influence_sim.scenario import scenario_from_dict

    groups: dict[str, dict[str, Any]] = {name: dict(values) for name, values in (chosen.market if base is None else base).items()}
    for name, at in settings.items():
        for key, value in chosen.knob(name).values(at).items():
            group, _, parameter = key.partition(".")
            groups.setdefault(group, {})[parameter] = value
    made = scenario_from_dict(
        {
            "name": f"{chosen.name}-{seed}", "question": chosen.question, "market": groups, "strategies": ["none"],
            "horizon": horizon_of(chosen), "path_seed": seed, "budget": 0,
        }
    )  # fmt: skip
    if made.market.people.agents > MOST_PEOPLE:
        raise ValueError(f"the studio draws up to {MOST_PEOPLE:,} people, this market has {made.market.people.agents:,}")
    return made


def horizon_of(chosen: Lesson) -> int:
    """Return the days a world of this lesson can be played: one more than is shown, for a video may be posted late on its day."""
    return chosen.warm_up_days + -(-chosen.hours // 24) + 1


def turned(chosen: Lesson, market: Market, settings: Mapping[str, float]) -> Market:
    """Return a market with the knobs set as in `settings`."""
    groups: dict[str, dict[str, float]] = {}
    for name, at in settings.items():
        for key, value in chosen.knob(name).values(at).items():
            group, _, parameter = key.partition(".")
            groups.setdefault(group, {})[parameter] = value
    return market.model_copy(
        update={
            group: type(getattr(market, group)).model_validate({**getattr(market, group).model_dump(), **values})
            for group, values in groups.items()
        }
    )

"""The question a run answers: one market, several strategies, a horizon, seeds and replications."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from influence_sim.scenario.checks import ContradictionError, contradictions
from influence_sim.scenario.errors import closest
from influence_sim.scenario.midrun import event_contradictions
from influence_sim.scenario.parameters import Feed, Market

if TYPE_CHECKING:
    from influence_sim.events.base import Event
    from influence_sim.strategies.base import Strategy

Objective = Literal["profit", "incremental_purchases", "reach", "cost_per_incremental_purchase"]
OBJECTIVE_UNITS: dict[Objective, str] = {
    "profit": "USD", "incremental_purchases": "purchases", "reach": "people", "cost_per_incremental_purchase": "USD a purchase",
}  # fmt: skip
Edge = Annotated[float, Field(allow_inf_nan=True)]
LABEL = re.compile(r"\w[\w +%()-]{0,59}")
LABEL_RULE = "1 to 60 letters, digits, spaces or any of _ + % ( ) -, beginning with a letter or digit"
# Reporting bins only: no rule of the model reads them. Common agency classes; definitions differ widely.
DEFAULT_TIERS: dict[str, tuple[float, float]] = {
    "nano": (0.0, 1e3), "micro": (1e3, 1e5), "macro": (1e5, 1e6), "mega": (1e6, float("inf")),
}  # fmt: skip


def strategy_registry() -> dict[str, type[Strategy]]:
    """Return every registered strategy by name (imported here, on demand: strategies load NumPy)."""
    from influence_sim.strategies import strategy_types

    return strategy_types()


def event_registry() -> dict[str, type[Event]]:
    """Return every registered event by name."""
    from influence_sim.events import event_types

    return event_types()


def filled_in(data: Any, kind: str, registry: Mapping[str, type[BaseModel]]) -> Any:
    """Return an entry with every parameter written out, so that the digest changes when a default does."""
    if not isinstance(data, Mapping) or not isinstance(data.get(kind), str):
        return data
    name = data[kind]
    if name not in registry:
        near = closest(name, registry)
        raise ValueError(f"unknown {kind} `{name}`" + (f"; did you mean `{near}`?" if near else f"; known: {', '.join(registry)}"))
    params = registry[name].model_validate(dict(data.get("params") or {}))
    return {**data, "params": params.model_dump(mode="json")}


def policy_values(feed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the policy named in `feed` sets; nothing when there is no such policy."""
    from influence_sim.feeds import FeedPolicy

    policy = feed.get("policy", "for_you")
    return dict(FeedPolicy.registry[policy].values) if isinstance(policy, str) and policy in FeedPolicy.registry else {}


class StrategyEntry(BaseModel):
    """One arm of a comparison: a registered strategy with every one of its parameters filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    strategy: str = Field(description="Registered name of the strategy")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of that strategy")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        return filled_in(data, "strategy", strategy_registry())

    def build(self) -> Strategy:
        """Return the strategy, ready to plan."""
        return strategy_registry()[self.strategy].model_validate(self.params)


class EventEntry(BaseModel):
    """Something that happens in mid-run, in every arm: a registered event with every one of its parameters filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    event: str = Field(description="Registered name of the event")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of that event, `day` among them")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        if isinstance(data, Mapping):  # in a file the parameters stand beside the name
            beside = {key: value for key, value in data.items() if key not in ("event", "params")}
            data = {**{key: data[key] for key in ("event",) if key in data}, "params": {**(data.get("params") or {}), **beside}}
        return filled_in(data, "event", event_registry())

    def build(self) -> Event:
        """Return the event, ready to happen."""
        return event_registry()[self.event].model_validate(self.params)


class Scenario(BaseModel):
    """A frozen, validated question. Load it with `load_scenario` or `scenario_from_dict`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str = Field("scenario", min_length=1, max_length=200, description="Short name; the file's name unless given")
    question: str = Field("", max_length=2000, description="The question in words; printed above the answer")
    market: Market = Field(default_factory=Market, description="The world: a file, or groups of parameters")
    strategies: dict[str, StrategyEntry] = Field(description="Arms of the comparison by label")
    events: tuple[EventEntry, ...] = Field(
        (), max_length=200, description="What happens in mid-run, in every arm: a list such as [{day: 10, event: outage}]"
    )
    budget: float = Field(1500.0, ge=0, le=1e12, description="USD every strategy may spend")
    horizon: int = Field(28, ge=1, le=3650, description="Days simulated")
    replications: int = Field(10, ge=1, le=100_000, description="Paired replications")
    world_seed: int = Field(1, ge=0, le=2**32 - 1, description="Seed of people, graph and tastes")
    path_seed: int = Field(1, ge=0, le=2**32 - 1, description="Seed of what happens")
    objective: Objective = Field("profit", description="What `probability_best` ranks by")
    same_world: bool = Field(False, description="All replications share one world; otherwise each has its own")
    precision: str | None = Field(None, max_length=100, description="Label of how precise the intervals are meant to be, such as demo")
    tiers: dict[str, tuple[Edge, Edge]] = Field(
        default_factory=lambda: dict(DEFAULT_TIERS), description="reporting classes of real followers, label: [low, high]"
    )
    world: str | None = Field(None, description="Folder of a world that `influence-sim world` wrote; all replications play in it")
    graph_file: str | None = Field(None, description="Follower graph to load instead of generating one")
    graph_direction: Literal["follows", "influences"] = Field("follows", description="Meaning of an edge source -> target in that file")

    @field_validator("market", mode="before")
    @classmethod
    def _apply_policy(cls, market: Any) -> Any:
        # A policy stands between the defaults and what was said explicitly, however the market was made.
        group = market.feed if isinstance(market, Market) else market.get("feed", {}) if isinstance(market, Mapping) else None
        if isinstance(group, Feed):
            group = {name: getattr(group, name) for name in group.model_fields_set}
        if not isinstance(group, Mapping):
            return market
        said = {**policy_values(group), **group}
        if isinstance(market, Mapping):
            return {**market, "feed": said}
        if len(said) > len(group):
            return market.model_copy(update={"feed": market.feed.model_copy(update=said)})
        return market

    @field_validator("strategies")
    @classmethod
    def _labels(cls, strategies: dict[str, StrategyEntry]) -> dict[str, StrategyEntry]:
        for label in strategies:
            if not LABEL.fullmatch(label):
                raise ValueError(f"label {label!r} is not allowed: {LABEL_RULE}")
        return strategies

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        from influence_sim.feeds import FeedPolicy

        if self.market.feed.policy not in FeedPolicy.registry:
            raise ValueError(f"unknown feed policy `{self.market.feed.policy}`; known: {', '.join(FeedPolicy.registry)}")
        found = [*contradictions(self), *event_contradictions(self)]
        if found:
            raise ContradictionError(found)
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is asked, as 64 hexadecimal digits.

        Computed at each call, so a `model_copy(update=...)` has its own; 1500 and 1500.0 are the
        same question, and a graph file or a world counts by its name, not by the folder it lies in.
        """
        data = self.model_dump(mode="python", warnings=False)
        data |= {key: PurePath(data[key]).name for key in ("world", "graph_file") if data[key] is not None}
        if self.world is None:
            del data["world"]  # the same question as before there were world files
        text = json.dumps(canonical(data), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """Return plain values in one form: 1500 and 1500.0 are the same, infinity is a word."""
    if isinstance(value, BaseModel):
        return canonical(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return repr(value) if isinstance(value, float) and value - value != 0 else value

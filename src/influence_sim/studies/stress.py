"""Stress tests: plans of a scenario in named and sampled futures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from influence_sim.scenario.layers import to_json
from influence_sim.scenario.loader import Loaded, load_scenario
from influence_sim.scenario.schema import Objective, Scenario, event_registry
from influence_sim.studies.play import Play
from influence_sim.studies.questions import beside
from influence_sim.studies.runner import arms, control_label

EXPECTED = "as expected"


class Future(BaseModel):
    """What is different: keys of the scenario, and events."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    why: str = Field("", description="What happens, in words")
    set: dict[str, Any] = Field(default_factory=dict, description="Keys as for `--set`")
    events: tuple[dict[str, Any], ...] = Field((), description="Events as in a scenario file")

    @model_validator(mode="after")
    def _says_something(self) -> Future:
        if not self.set and not self.events:
            raise ValueError("a future must change something: give `set` or `events`")
        return self


class Stress(BaseModel):
    """The question: a scenario with plans, and the futures they must stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    scenario: str = Field(description="Scenario file whose strategies are tested")
    goal: Objective = Field("profit", description="What counts; cost per purchase is not defined in every future and not allowed")
    threshold: float = Field(0.0, description="Mean value from which a future satisfies; below it the plan fails")
    worlds: int = Field(12, ge=3, le=10_000, description="Paired worlds of every future")
    futures: dict[str, Future] = Field(default_factory=dict, description="Named futures; the market as it is comes first by itself")
    combine: tuple[tuple[str, ...], ...] = Field((), description="Combinations of named futures: [[one, other], ...]")
    ranges: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="Sampled futures: key as for `--set`, or EVENT.PARAMETER, with [low, high]"
    )
    samples: int = Field(0, ge=0, le=100_000, description="How many futures are sampled from the ranges (Latin hypercube)")
    sample_worlds: int = Field(3, ge=1, le=10_000, description="Paired worlds of every sampled future")
    day: int = Field(3, ge=0, description="Day of the events of sampled futures")
    seed: int = Field(1, ge=0, description="Seed of the sample")

    @model_validator(mode="after")
    def _fits(self) -> Stress:
        if self.goal == "cost_per_incremental_purchase":
            raise ValueError("goal must be profit, incremental_purchases or reach: a cost has no value where nothing is sold")
        if bool(self.ranges) != bool(self.samples):
            raise ValueError("`ranges` and `samples` belong together")
        for key, (low, high) in self.ranges.items():
            if not low < high:
                raise ValueError(f"range of `{key}` must rise; got [{low:g}, {high:g}]")
        if EXPECTED in self.futures:
            raise ValueError(f"`{EXPECTED}` is the market as it is, and always there")
        unknown = {name for group in self.combine for name in group} - set(self.futures)
        if unknown:
            raise ValueError(f"`combine` names futures that are not there: {', '.join(sorted(unknown))}")
        if not self.futures and not self.ranges:
            raise ValueError("no future is given: name some under `futures`, or sample from `ranges`")
        return self


class Prepared(NamedTuple):
    """Futures as scenarios; `inputs` has a row per sampled future, whose name is its index."""

    named: dict[str, Scenario]
    sampled: dict[str, Scenario]
    inputs: pd.DataFrame
    expected: Loaded


def prepare(asked: Stress, file: str | os.PathLike[str], changes: Sequence[str] = ()) -> Prepared:
    """Return every future as a checked scenario.

    Raises
    ------
    ScenarioError
        When a future is not possible, with the key that makes it so.
    """
    path = beside(file, asked.scenario)
    expected = load_scenario(path, changes)
    own = [{"event": e.event, **e.params} for e in expected.scenario.events]

    def scenario(values: dict[str, Any], events: Sequence[dict[str, Any]]) -> Scenario:
        said = [f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in values.items()]
        happens = [f"events={to_json([*own, *events])}"] if events else []
        return load_scenario(path, [*changes, *said, *happens]).scenario

    named = {EXPECTED: expected.scenario}
    for name, future in asked.futures.items():
        named[name] = scenario(future.set, future.events)
    for group in asked.combine:
        parts = [asked.futures[name] for name in group]
        merged = {key: value for part in parts for key, value in part.set.items()}
        named[" + ".join(group)] = scenario(merged, [event for part in parts for event in part.events])
    inputs, sampled = sample_inputs(asked), {}
    for label, row in inputs.iterrows():
        values, events = dict[str, Any](), dict[str, dict[str, Any]]()
        for key, value in row.items():
            kind, _, parameter = str(key).partition(".")
            if kind in event_registry():
                events.setdefault(kind, {"event": kind, "day": asked.day})[parameter] = float(f"{value:.8g}")
            else:
                values[str(key)] = float(f"{value:.8g}")
        sampled[str(label)] = scenario(values, list(events.values()))
    return Prepared(named, sampled, inputs, expected)


def sample_inputs(asked: Stress) -> pd.DataFrame:
    """Return the sampled futures, one row each."""
    from scipy.stats import qmc

    names = list(asked.ranges)
    if not names:
        return pd.DataFrame()
    low, high = np.array([asked.ranges[name] for name in names]).T
    unit = qmc.LatinHypercube(len(names), rng=asked.seed).random(asked.samples)
    return pd.DataFrame(low + unit * (high - low), columns=names, index=[f"sample {k}" for k in range(1, asked.samples + 1)])


def play_futures(asked: Stress, futures: dict[str, Scenario], worlds: int, play: Play) -> pd.DataFrame:
    """Return `strategy`, `future`, `replication` and `value` of the goal; increments are over the control of the same future and world."""
    names = list(futures)
    runs = play(list(futures.values()), range(worlds))
    first = next(iter(futures.values()))
    control = control_label(first)
    brand = first.market.brand
    keys = ["point", "replication"]
    base = runs[runs["strategy"] == control].set_index(keys)["expected_purchases"].rename("without")
    found = runs[runs["strategy"] != control].join(base, on=keys)
    gained = found["expected_purchases"] - found["without"]
    value = {"incremental_purchases": gained, "reach": found["reach"]}.get(asked.goal, gained * brand.price * brand.margin - found["spend"])
    table = found[["strategy", "replication"]].assign(future=[names[k] for k in found["point"]], value=value)
    return table[["strategy", "future", "replication", "value"]].reset_index(drop=True)


def sample_means(asked: Stress, ready: Prepared, play: Play) -> pd.DataFrame:
    """Return the sampled futures, one a row: its name, its inputs, and the mean value of every plan; empty without any."""
    if not ready.sampled:
        return pd.DataFrame()
    drawn = play_futures(asked, ready.sampled, asked.sample_worlds, play)
    means = drawn.pivot_table(index="future", columns="strategy", values="value", sort=False).loc[ready.inputs.index]
    return ready.inputs.join(means).rename_axis("future").reset_index()


def plans(scenario: Scenario) -> list[str]:
    """Return the labels that are tested."""
    return [label for label in arms(scenario) if label != control_label(scenario)]

"""Experiment files: markets x strategies x a design of parameters x replications, checked before anything runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from influence_sim.engine.simulation import DAILY
from influence_sim.scenario import Problem, Scenario, ScenarioError, load_scenario
from influence_sim.scenario.diagnose import explain, locate
from influence_sim.scenario.document import Mark, Node, parse, read_text
from influence_sim.scenario.errors import CONTRADICTION, OUT_OF_RANGE, SYNTAX, UNKNOWN_NAME, UNREADABLE, closest, shown
from influence_sim.scenario.layers import to_json
from influence_sim.scenario.points import PointError, at_point, full_key, is_whole
from influence_sim.studies.design import Design, Range, Sample, sample_of
from influence_sim.studies.runner import arms, control_label
from influence_sim.studies.stopping import Stopping
from influence_sim.studies.variants import StudyError, measure_of

SERIES = DAILY[1:]
# What a results table shows unless a file names its measures: what was bought, what it cost, what it caused.
MEASURES = ("spend", "reach", "impressions", "engagements", "incremental_purchases", "profit")
THE_MARKET = "market"


class Stop(BaseModel):
    """When a run ends before its horizon: after the first day on which a daily series is large enough."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    series: str = Field(description="A column of the daily table")
    at_least: float = Field(description="a number: the run ends after the first day with so much")
    total: bool = Field(False, description="Whether the days so far are added up")


class Precision(BaseModel):
    """How well a difference must be known: every point is replicated until then, `first` times at least, `most` times at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    measure: str = Field(description="One of the measures")
    difference: tuple[str, ...] = Field(
        description="two labels, [A, B]: strategy A minus strategy B in the same worlds", json_schema_extra={"minItems": 2, "maxItems": 2}
    )
    half_width: float = Field(gt=0, description="Half the width of the 95 % interval of the difference, in units of the measure")
    first: int = Field(Stopping.first, ge=2, le=100_000, description="Paired replications before the first look")
    batch: int = Field(Stopping.batch, ge=1, le=100_000, description="Paired replications between looks")
    most: int = Field(Stopping.most, ge=2, le=100_000, description="Paired replications at most")

    @model_validator(mode="after")
    def _two(self) -> Self:
        if len(self.difference) != 2:
            raise ValueError(f"`difference` needs two labels, [A, B]; got {len(self.difference)}")
        if self.difference[0] == self.difference[1]:
            raise ValueError(f"`difference` needs two strategies; got `{self.difference[0]}` twice")
        return self

    @property
    def rule(self) -> Stopping:
        """The rule by which replications end."""
        return Stopping(self.first, self.batch, self.most)


class Asked(BaseModel):
    """What an experiment file says."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field("experiment", min_length=1, max_length=200, description="Short name; the file's name unless given")
    question: str = Field("", max_length=2000, description="The question in words")
    scenario: str = Field(description="scenario file: strategies, budget, days, seeds and, unless `markets` are given, the market")
    markets: dict[str, str] = Field(default_factory=dict, description="market files by label")
    strategies: tuple[str, ...] = Field((), description="labels of the scenario's strategies; all of them by default")
    set: dict[str, Any] = Field(default_factory=dict, description="keys of the scenario that differ at every point")
    design: Design | None = Field(None, description="Which points are played; one, the scenario as it is, by default")
    replications: int | None = Field(None, ge=1, le=100_000, description="Paired replications of each point; the scenario's by default")
    precision: Precision | None = Field(None, description="Replicate until a difference is known well; in place of `replications`")
    stop: Stop | None = Field(None, description="When a run ends early")
    measures: tuple[str, ...] = Field(MEASURES, min_length=1, description="columns of the results; see `influence-sim list measures`")


def experiment_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of an experiment file, short forms too; what needs the scenario is left to `sweep --dry-run`."""
    from influence_sim.scenario.json_schema import DRAFT, draft7

    whole = draft7(Asked.model_json_schema())
    files = {"type": "array", "items": {"type": "string"}}
    whole["properties"]["markets"]["anyOf"] = [{"type": whole["properties"]["markets"].pop("type")}, files]
    design = whole["$defs"]["Design"]
    by_key = design["properties"]["parameters"]
    by_key["additionalProperties"] = {"anyOf": [by_key["additionalProperties"], {"type": "array", "minItems": 1}]}
    whole["$defs"]["Stop"]["properties"]["series"]["enum"] = list(SERIES)
    return {"$schema": DRAFT, "title": "influence_sim experiment", **whole}


@dataclass(frozen=True)
class Experiment:
    """A checked experiment: one scenario per market, and the points at which each is played.

    With a `precision`, `replications` are those before the first look.
    """

    name: str
    scenarios: dict[str, Scenario]
    sample: Sample
    replications: int
    strategies: tuple[str, ...] = ()
    measures: tuple[str, ...] = MEASURES
    stop: Stop | None = None
    precision: Precision | None = None
    question: str = ""
    files: tuple[str, ...] = field(default=(), compare=False)

    @property
    def labels(self) -> dict[str, list[str]]:
        """Arms that run by market: the strategies asked for and the control that their effects are measured against."""
        return {
            market: [label for label in arms(s) if not self.strategies or label in self.strategies or label == control_label(s)]
            for market, s in self.scenarios.items()
        }

    @property
    def names(self) -> list[str]:
        """Full keys of the parameters that differ between points."""
        return list(self.sample.about["names"])


def load_experiment(path: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Experiment:
    """Read an experiment file, and the scenario, markets and table it names.

    Parameters
    ----------
    path
        A YAML 1.2 file.
    overrides
        ``key=value`` pairs for the scenario, which win over the file's `set`; `replications` may be among them.

    Raises
    ------
    ScenarioError
        With every problem, each with file, line and column.
    """
    return _Reader(Path(path)).read(list(overrides))


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path, self.file = path, str(path)
        self.problems: list[Problem] = []
        self.root = Node({}, Mark(self.file))

    def read(self, overrides: Sequence[str]) -> Experiment:
        asked = self.validated()
        file = self.beside(asked.scenario)
        fixed = [*self.fixed(asked), *overrides]
        markets = {label: [f"market={to_json(self.beside(market))}"] for label, market in asked.markets.items()} or {THE_MARKET: []}
        loaded = {label: self.loaded(file, [*market, *fixed], label) for label, market in markets.items()}
        self.stop_at_problems()
        scenarios = {label: found.scenario for label, found in loaded.items()}
        base = next(iter(scenarios.values()))
        self.check_names(asked, base)
        design = self.with_full_keys(asked.design, base)
        self.stop_at_problems()
        sample = self.sample(design, base)
        # A number said on the command line wins over whatever the file says of replications.
        said = any(item.partition("=")[0].strip() == "replications" for item in overrides)
        precision = None if said else asked.precision
        number = None if said else precision.rule.start if precision else asked.replications
        experiment = Experiment(
            name=asked.name, scenarios=scenarios, sample=sample, strategies=asked.strategies, measures=asked.measures, stop=asked.stop,
            replications=number or base.replications, precision=precision, question=asked.question,
            files=(self.file, *dict.fromkeys(f for found in loaded.values() for f in found.files)),
        )  # fmt: skip
        self.check_points(experiment, file, {label: [*market, *fixed] for label, market in markets.items()})
        return experiment

    def stop_at_problems(self) -> None:
        if self.problems:
            raise ScenarioError(sorted(dict.fromkeys(self.problems), key=lambda p: (p.file, p.line, p.column)))

    def beside(self, name: str) -> str:
        return os.path.normpath(self.path.parent / name)

    # ------------------------------------------------------------------- the file itself
    def validated(self) -> Asked:
        text = read_text(self.path, self.file)
        root = None if isinstance(text, Problem) else parse(text, self.file, self.problems)
        if isinstance(text, Problem):
            self.problems.append(text)
        elif root is None or not isinstance(root.value, dict):
            if not self.problems:
                at = Mark(self.file, 1, 1)
                self.problems.append(at.problem(SYNTAX, "", "an experiment file must be a mapping of keys", "scenario: FILE, design: ..."))
        else:
            self.root = root
        self.stop_at_problems()
        plain = {"name": self.path.stem, **_with_lists(self.root.plain())}
        try:
            return Asked.model_validate_json(to_json(plain), strict=True)
        except ValidationError as error:
            self.problems += [explain(detail, self.root, Asked) for detail in error.errors(include_url=False)]
        self.stop_at_problems()
        raise AssertionError("unreachable: a validation error has problems")

    def mark(self, *path: str) -> Mark:
        node, exact = locate(self.root, path)
        return node.name_mark if exact else Mark(self.file, 1, 1)

    def fixed(self, asked: Asked) -> list[str]:
        return [f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in asked.set.items()]

    def loaded(self, file: str, overrides: Sequence[str], market: str) -> Any:
        try:
            return load_scenario(file, overrides)
        except ScenarioError as error:
            changed = self.root.value.get("set")
            places = {key: self.mark("set", key) for key in (changed.value if changed else {})}
            places["market"] = self.mark("markets", market)
            missing = [p for p in error.problems if p.code == UNREADABLE and p.file == file and not p.line]
            self.problems += [_placed(p, places) for p in error.problems if p not in missing]
            self.problems += [_at(p, self.mark("scenario")) for p in missing]
        return None

    def check_names(self, asked: Asked, base: Scenario) -> None:
        known = arms(base)
        for label in asked.strategies:
            if label not in known:
                self.unknown("strategies", label, "no strategy is labelled", known)
        for name in asked.measures:
            try:
                measure_of(name)
            except StudyError:
                from influence_sim.record.measures import MEASURES as INDUSTRY
                from influence_sim.studies.variants import OWN

                self.unknown("measures", name, "no measure is called", [*OWN, *INDUSTRY])
        if asked.precision:
            played = {*asked.strategies, control_label(base)} if asked.strategies else {*known}
            self.check_precision(asked, asked.precision, [label for label in known if label in played])
        if asked.stop and asked.stop.series not in SERIES:
            node, _ = locate(self.root, ["stop", "series"])
            near = closest(asked.stop.series, SERIES)
            self.problems.append(node.mark.problem(UNKNOWN_NAME, "stop.series", "no such daily series", ", ".join(SERIES), near, near))

    def check_precision(self, asked: Asked, precision: Precision, known: Sequence[str]) -> None:
        if asked.replications is not None:
            mark = self.mark("precision")
            self.problems.append(mark.problem(CONTRADICTION, "precision", "takes the place of `replications`: leave out one of them"))
        for label in precision.difference:
            if label not in known:
                self.unknown("precision.difference", label, "no strategy that is played is labelled", known)
        if precision.measure not in asked.measures:
            node, _ = locate(self.root, ["precision", "measure"])
            words, known = "not among the measures of this experiment", ", ".join(asked.measures)
            near = closest(precision.measure, asked.measures)
            self.problems.append(node.mark.problem(UNKNOWN_NAME, "precision.measure", words, known, precision.measure, near))

    def unknown(self, key: str, name: str, what: str, known: Sequence[str]) -> None:
        nodes, _ = locate(self.root, key.split("."))
        mark = next((node.mark for node in nodes.value if node.value == name), nodes.mark) if isinstance(nodes.value, list) else nodes.mark
        self.problems.append(mark.problem(UNKNOWN_NAME, key, f"{what} `{name}`", ", ".join(known), shown(name), closest(name, known)))

    # ------------------------------------------------------------------- points
    def with_full_keys(self, design: Design | None, base: Scenario) -> Design | None:
        if design is None or design.kind == "table":
            return design
        found: dict[str, Range] = {}
        for key, part in design.parameters.items():
            mark = self.mark("design", "parameters", key)
            try:
                full = full_key(base, key)
            except PointError as error:
                self.problems.append(mark.problem(UNKNOWN_NAME, key, str(error)))
                continue
            if full in found:
                self.problems.append(mark.problem(CONTRADICTION, key, f"`{full}` stands twice"))
            found[full] = part
        return design.model_copy(update={"parameters": found})

    def sample(self, design: Design | None, base: Scenario) -> Sample:
        if design is None:
            return Sample("one", [{}], about={"names": []})
        if design.kind == "table":
            return self.table(self.beside(design.file or ""), base)
        return sample_of(design, {key: is_whole(base, key) for key in design.parameters})

    def table(self, file: str, base: Scenario) -> Sample:
        """Read the points of a table."""
        import pandas as pd

        try:
            frame = pd.read_parquet(file) if file.endswith(".parquet") else pd.read_csv(file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            self.problems.append(self.mark("design", "file").problem(UNREADABLE, "design.file", f"cannot read {file}: {reason}"))
        else:
            try:
                return points_of_table(frame, base)
            except PointError as error:
                self.problems.append(Mark(file, 1, 1).problem(UNKNOWN_NAME, "design.file", str(error)))
        self.stop_at_problems()
        raise AssertionError("unreachable: a table that cannot be read is a problem")

    def check_points(self, experiment: Experiment, file: str, overrides: Mapping[str, Sequence[str]]) -> None:
        """Refuse the first point that is not possible, with the value that makes it so where it is one value alone."""
        for market, scenario in experiment.scenarios.items():
            for k, point in enumerate(experiment.sample.points):
                try:
                    at_point(scenario, point)
                except ValueError as error:
                    self.blame(point, k, file, overrides[market], error)
                    self.stop_at_problems()

    def blame(self, point: Mapping[str, Any], k: int, file: str, overrides: Sequence[str], error: ValueError) -> None:
        parameters = locate(self.root, ["design", "parameters"])[0]
        written = dict(parameters.value) if isinstance(parameters.value, dict) else {}
        for key, value in point.items():
            try:
                load_scenario(file, [*overrides, f"{key}={value if isinstance(value, str) else to_json(value)}"])
            except ScenarioError as found:
                short = next((name for name in written if key.removeprefix("market.") == name.removeprefix("market.")), None)
                at = written[short].name_mark if short else self.mark("design", "file")
                self.problems += [_at(p, at) for p in found.problems if p.code != CONTRADICTION]
        if not self.problems:
            values = ", ".join(f"{key}={value}" for key, value in point.items() if value is not None)
            reason = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
            self.problems.append(self.mark("design").problem(OUT_OF_RANGE, "design", f"point {k} ({values}) is not possible: {reason}"))


def points_of_table(frame: Any, scenario: Scenario) -> Sample:
    """Return the rows of a DataFrame as points; an empty cell leaves a value as it is.

    Raises
    ------
    PointError
        When a column names no parameter.
    """
    import pandas as pd

    keys = [full_key(scenario, str(column).strip()) for column in frame.columns]
    twice = next((key for k, key in enumerate(keys) if key in keys[:k]), None)
    if twice:
        raise PointError(f"two columns are `{twice}`")
    columns = []
    for key, column in zip(keys, frame.columns, strict=True):
        whole = is_whole(scenario, key)
        plain = [None if pd.isna(x) else x.item() if hasattr(x, "item") else x for x in frame[column].tolist()]
        columns.append([int(x) if whole and isinstance(x, float) and x.is_integer() else x for x in plain])
    points = [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)] if keys else [{}] * len(frame)
    return Sample("table", points, about={"names": keys})


def _with_lists(plain: Any) -> dict[str, Any]:
    """Return what a file says with its short forms written out: a list of values, or of market files."""
    found: dict[str, Any] = dict(plain)
    markets = found.get("markets")
    if isinstance(markets, list) and all(isinstance(name, str) for name in markets):
        found["markets"] = {Path(name).stem: name for name in markets}
    design = found.get("design")
    parameters = design.get("parameters") if isinstance(design, dict) else None
    if isinstance(design, dict) and isinstance(parameters, dict):
        written = {key: {"values": part} if isinstance(part, list) else part for key, part in parameters.items()}
        found["design"] = {**design, "parameters": written}
    return found


def _placed(problem: Problem, places: Mapping[str, Mark]) -> Problem:
    """Return a problem of an override at the place of the experiment file that made it."""
    key = problem.file.removeprefix("--set ")
    return _at(problem, places[key]) if problem.file.startswith("--set ") and key in places else problem


def _at(problem: Problem, mark: Mark) -> Problem:
    return replace(problem, file=mark.file, line=mark.line, column=mark.column, source_line=mark.source_line, width=mark.width)

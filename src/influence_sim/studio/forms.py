"""From the forms of the strategy pages to the command lines that answer them, and the question files these read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from influence_sim.scenario.diagnose import allowed
from influence_sim.scenario.errors import ScenarioError, format_problem
from influence_sim.scenario.errors import shown as shown_value
from influence_sim.scenario.layers import to_json
from influence_sim.scenario.loader import load_scenario
from influence_sim.scenario.schema import Objective, Scenario
from influence_sim.scenario.writing import own_params
from influence_sim.studies.allocation import Allocation
from influence_sim.studies.runner import control_label
from influence_sim.studies.stress import Stress, prepare
from influence_sim.studio.scenario_files import yaml_text

QUICK_PEOPLE, QUICK_WORLDS = 1_000, 10  # sizes with which a class laptop answers in about a minute
MOST_AGENTS = 100_000
FILE = "question.yaml"
Percent = Annotated[float, Field(ge=0, le=100)]


class FormError(ValueError):
    """What a form asks cannot be asked; `problems` says why, one text each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Source(NamedTuple):
    """A scenario that forms can ask about: a file, and how a job gets it when the file does not last."""

    file: Path
    text: bytes | None = None  # of a file that a page has sent


class Asked(NamedTuple):
    """What a job needs: its command line from its folder and that of its result, and its files."""

    words: Callable[[Path, Path], list[str]]
    files: dict[str, str | bytes]
    name: str  # of the scenario


class Form(BaseModel):
    """What all forms ask."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)
    kind: ClassVar[str]
    strategies: tuple[str, ...] = ()
    goal: Objective = Field("profit", title="Goal")
    budget: float = Field(title="Budget, USD", ge=0, le=1e12)
    days: int = Field(title="Days", ge=1, le=3650)
    people: int | None = Field(None, title="Simulated people", ge=50, le=MOST_AGENTS)

    def changes(self, scenario: Scenario) -> list[str]:
        """Return `key=value` for `--set`, of what differs from the scenario's file."""
        said: dict[str, tuple[Any, Any]] = {"budget": (self.budget, scenario.budget), "horizon": (self.days, scenario.horizon)}
        if self.people is not None:
            said["people.agents"] = (self.people, scenario.market.people.agents)
        chosen = [label for label in plans(scenario) if label in self.strategies]
        if self.kind != "allocate" and chosen != plans(scenario):
            chosen.append(control_label(scenario))
            arms = {label: arm for label, arm in scenario.strategies.items() if label in chosen}
            said["strategies"] = ({label: {"strategy": arm.strategy, "params": own_params(arm)} for label, arm in arms.items()}, None)
        said |= self.own(scenario)
        return [f"{key}={plain(value)}" for key, (value, before) in said.items() if value != before]

    def own(self, scenario: Scenario) -> dict[str, tuple[Any, Any]]:
        """Return more of them: key -> (value, what the file says)."""
        return {}

    def question(self, scenario: Scenario, file: str) -> dict[str, Any] | None:
        """Return the question file beside the scenario `file`; None where the command asks the scenario itself."""
        return None

    def ask(self, source: Source) -> Asked:
        """Check everything as the command will, and return what the job needs.

        Raises
        ------
        FormError
            With every problem.
        """
        name = "scenario.yaml"
        try:
            scenario = load_scenario(source.file).scenario
            if self.kind != "allocate" and not set(plans(scenario)) & set(self.strategies):
                raise FormError(["tick at least one strategy"])
            changes = self.changes(scenario)
            question = self.question(scenario, str(source.file))
            changed = load_scenario(source.file, changes).scenario
            self.check(question, source.file, changes, changed)
        except ScenarioError as error:
            raise FormError([format_problem(p).replace(f"{source.file.parent}/", "") for p in error.problems[:20]]) from error
        except ValidationError as error:
            raise FormError(_told(error)) from error

        def words(place: Path, out: Path) -> list[str]:
            asked = place / name if source.text is not None else source.file
            if question is not None:
                (place / FILE).write_text(yaml_text({**question, "scenario": os.path.relpath(asked, place)}), encoding="utf-8")
                asked = place / FILE
            return [self.kind, shown(asked), "--out", shown(out), *(word for change in changes for word in ("--set", change))]

        return Asked(words, {} if source.text is None else {name: source.text}, scenario.name)

    def check(self, question: dict[str, Any] | None, file: Path, changes: list[str], scenario: Scenario) -> None:
        """Raise what is wrong with the question."""


class CompareForm(Form):
    """Which strategy is best."""

    kind = "compare"
    replications: int = Field(QUICK_WORLDS, title="Worlds", ge=2, le=10_000)

    def own(self, scenario: Scenario) -> dict[str, tuple[Any, Any]]:
        """Return the goal and the number of worlds."""
        return {"objective": (self.goal, scenario.objective), "replications": (self.replications, None)}


class StressForm(Form):
    """How plans fare when the future is not as expected."""

    kind = "stress"
    futures: tuple[str, ...] = ()
    worlds: int = Field(4, title="Worlds of each future", ge=3, le=10_000)
    threshold: float = Field(0, title="A plan is good enough from")

    def question(self, scenario: Scenario, file: str) -> dict[str, Any]:
        """Return the futures that are ticked, with days that fit."""
        chosen = {name: future for name, future in futures().items() if name in self.futures}
        if not chosen:
            raise FormError(["tick at least one future"])
        return {
            "scenario": file, "goal": self.goal, "threshold": self.threshold, "worlds": self.worlds,
            "futures": {name: _future(future, scenario, self.days) for name, future in chosen.items()},
        }  # fmt: skip

    def check(self, question: dict[str, Any] | None, file: Path, changes: list[str], scenario: Scenario) -> None:
        """Make every future."""
        prepare(Stress.model_validate(question), file.parent / FILE, changes)


class AllocateForm(Form):
    """How to split the budget; shares are whole percents."""

    kind = "allocate"
    floor: dict[str, Percent] = Field(default_factory=dict, title="at least, %")
    ceiling: dict[str, Percent] = Field(default_factory=dict, title="at most, %")
    now: dict[str, Percent] = Field(default_factory=dict, title="your plan now, %")
    caution: float = Field(0.0, ge=0, le=1)
    timings: tuple[str, ...] = ("burst",)
    trials: int = Field(12, title="Splits tried", ge=2, le=10_000)
    worlds: int = Field(4, title="Worlds of the search", ge=3, le=10_000)
    check_worlds: int = Field(12, title="Unseen worlds", ge=5, le=10_000)

    def question(self, scenario: Scenario, file: str) -> dict[str, Any]:
        """Return the channels that are ticked, with their bounds."""
        known = channels(scenario)
        chosen = {
            label: {**known[label], "floor": self.floor.get(label, 0) / 100, "ceiling": self.ceiling.get(label, 100) / 100}
            for label in known if label in self.strategies
        }  # fmt: skip
        if len(chosen) < 2:
            raise FormError(["tick at least two channels"])
        now = {label: share / 100 for label, share in self.now.items() if label in chosen and share}
        return {
            "scenario": file, "goal": self.goal, "caution": self.caution, "channels": chosen, "timings": list(self.timings),
            **({"known": {"current plan": now}} if now else {}),
            "trials": self.trials, "batch": 4, "worlds": self.worlds, "finalists": 3, "check_worlds": self.check_worlds,
            "random_search": False,
        }  # fmt: skip

    def check(self, question: dict[str, Any] | None, file: Path, changes: list[str], scenario: Scenario) -> None:
        """Read the question as the command does."""
        Allocation.model_validate(question)


FORMS: dict[str, type[Form]] = {form.kind: form for form in (CompareForm, StressForm, AllocateForm)}


def read_form(kind: str, given: Mapping[str, Sequence[str]]) -> Form:
    """Return the form that a page sent; `floor:LABEL` and the like are mappings, empty fields are left out.

    Raises
    ------
    FormError
        With every problem.
    """
    form, values = FORMS[kind], dict[str, Any]()
    for key, texts in given.items():
        name, _, label = key.partition(":")
        if label:
            values.setdefault(name, {})[label] = texts[-1]
        elif name in ("strategies", "futures", "timings"):
            values[name] = texts
        elif texts[-1].strip():
            values[name] = texts[-1]
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise FormError(_told(error, form)) from error


def plans(scenario: Scenario) -> list[str]:
    """Return the labels of a scenario but its control."""
    return [label for label in scenario.strategies if label != control_label(scenario)]


def channels(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """Return what money can be split over: the scenario's strategies that order on one morning, or those of `split` by default."""
    from influence_sim.strategies.split import Part, Split

    found: dict[str, dict[str, Any]] = {}
    for label in plans(scenario):
        arm = scenario.strategies[label]
        own = {key: value for key, value in own_params(arm).items() if key not in ("start", "timing")}
        try:
            Part(strategy=arm.strategy, share=0, params=own)
        except ValidationError:
            continue
        found[label] = {"strategy": arm.strategy, "params": own}
    if len(found) >= 2:
        return found
    return {label: {"strategy": part.strategy, "params": part.params} for label, part in Split().parts.items()}


@cache
def futures() -> dict[str, dict[str, Any]]:
    """Return the futures on offer by name."""
    found: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(Path(__file__).with_name("futures.yaml"))
    return found


def shown(path: Path) -> str:
    """Return a path as a user of the working folder would write it."""
    here = os.path.relpath(path)
    return str(path) if here.startswith("..") else here


def _future(future: Mapping[str, Any], scenario: Scenario, days: int) -> dict[str, Any]:
    event = {"day": min(days - 1, round(future["when"] * days)), **future["event"]}
    found: dict[str, Any] = {"why": future["why"], "events": [event]}
    for key, more in future.get("add", {}).items():
        group, _, name = key.partition(".")
        found.setdefault("set", {})[key] = getattr(getattr(scenario.market, group), name) + more
    return found


def plain(value: Any) -> str:
    """Return a value as `--set` and a field take it; every digit of a number.

    Examples
    --------
    >>> plain(1234567.89), plain(300.0)
    ('1234567.89', '300')
    """
    if isinstance(value, str):
        return value
    return str(value).removesuffix(".0") if isinstance(value, int | float) else to_json(value)


def _told(error: ValidationError, form: type[BaseModel] = BaseModel) -> list[str]:
    """Return the problems; those of a form's own boxes in the words that the boxes bear."""
    told = []
    for detail in error.errors(include_url=False):
        name, *rest = [str(part) for part in detail["loc"]] or ["question"]
        field, said = form.model_fields.get(name), detail["msg"].removeprefix("Value error, ")
        if field is not None and field.title:
            wanted = said.removeprefix("Input should be ") if rest else allowed(field)
            got = "nothing" if detail["type"] == "missing" else shown_value(detail["input"])
            name, said = field.title, f"must be {wanted}. Got {got} instead."
        told.append(f"{' '.join([name, *rest])}: {said}")
    return told

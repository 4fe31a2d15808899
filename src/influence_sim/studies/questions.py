"""Question files: what an analysis is asked beside a scenario, read with the same care (file, line, column, did-you-mean)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from influence_sim.scenario.diagnose import explain
from influence_sim.scenario.document import Mark, parse, read_text
from influence_sim.scenario.errors import SYNTAX, WRONG_TYPE, Problem, ScenarioError, shown
from influence_sim.scenario.layers import to_json
from influence_sim.scenario.loader import Loaded, load_scenario

Question = TypeVar("Question", bound=BaseModel)


class InsteadError(ValueError):
    """A value that was to take the place of a file's is not possible; the message says which and why."""


def load_question(path: str | os.PathLike[str], model: type[Question], instead: Mapping[str, Any] | None = None) -> Question:
    """Read a YAML file into `model`, with values `instead` of the file's by key.

    Raises
    ------
    ScenarioError
        With every problem of the file.
    InsteadError
        When it is a value of `instead` that is not possible.
    """
    file = os.fspath(path)
    text = read_text(Path(file), file)
    if isinstance(text, Problem):
        raise ScenarioError([text])
    problems: list[Problem] = []
    root = parse(text, file, problems)
    if problems:
        raise ScenarioError(problems)
    if root is None or root.value is None:
        raise ScenarioError([Mark(file, 1, 1).problem(SYNTAX, "", f"{file} is empty", "a mapping of keys")])
    if not isinstance(root.value, dict):
        raise ScenarioError([root.mark.problem(WRONG_TYPE, "", "the file must be a mapping of keys", "key: value", shown(root.plain()))])
    instead = instead or {}
    try:
        return model.model_validate_json(to_json({**root.plain(), **instead}))
    except ValidationError as error:
        found = error.errors(include_url=False)
    if instead and (any(detail["loc"][:1] and detail["loc"][0] in instead for detail in found) or _is_valid(root.plain(), model)):
        detail = next((d for d in found if d["loc"][:1] and d["loc"][0] in instead), found[0])
        at = ".".join(map(str, detail["loc"]))
        raise InsteadError(f"{at}: {detail['msg']}" if at else str(detail["msg"]).removeprefix("Value error, "))
    raise ScenarioError([explain(detail, root, model) for detail in found])


def _is_valid(told: Mapping[str, Any], model: type[BaseModel]) -> bool:
    try:
        model.model_validate_json(to_json(told))
    except ValidationError:
        return False
    return True


def beside(file: str | os.PathLike[str], name: str) -> Path:
    """Return a path that a question file names, relative to its folder."""
    return Path(os.path.normpath(Path(os.fspath(file)).parent / name))


def scenario_of(file: str | os.PathLike[str], name: str, changes: Sequence[str] = ()) -> Loaded:
    """Return the scenario that a question file names; problems are those of the scenario, in its own file."""
    return load_scenario(beside(file, name), changes)

"""What the tests of scenario files share: write a file, load it, return what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from influence_sim.scenario import Problem, ScenarioError, format_problem, load_scenario

BASE = "strategies: [none]\n"


def write(folder: Path, text: str | bytes, name: str = "x.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(folder: Path, text: str | bytes, overrides: tuple[str, ...] = ()) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(write(folder, text), overrides)
    for problem in caught.value.problems:
        assert format_problem(problem).startswith(f"error[{problem.code}]: ")
    return caught.value.problems

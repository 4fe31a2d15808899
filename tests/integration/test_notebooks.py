"""The notebooks run from top to bottom: at small size always, as they stand when slow tests do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
nbclient = pytest.importorskip("nbclient", reason="the notebooks extra is not installed")

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TINY = ["people.agents=200", "people.population=4_000", "creators.count=12", "feed.stage_quota=15", "horizon=4", "budget=200"]
OWN = [f"strategies.{name}" for name in ("micro_portfolio.followers_min=0", "micro_portfolio.followers_max=300", "macro.followers_min=300")]
# Values of the cell tagged "parameters", as papermill would set them.
SMALL: dict[str, dict[str, Any]] = {
    "1_quick_start": {"CHANGES": [*TINY, *OWN, "replications=3"], "JOBS": 1},
    "2_teach_it": {"PEOPLE": 200, "ROLLS": 3, "TOWNS": 2, "REPLAY_SEEDS": 1},
    "3_compare_and_stress": {"CHANGES": [*TINY, *OWN], "REPLICATIONS": 3, "WORLDS": 3, "JOBS": 1, "EXECUTOR": "serial"},
    "4_sweep_and_calibrate": {"SMALL": TINY, "POINTS": 15, "REPLICATIONS": 1, "TRIALS": 40, "DRAWS": 5, "EXECUTOR": "serial"},
}
# What the outputs of a notebook say at any size, and how many pictures they hold.
SAYS = {
    "1_quick_start": ["micro_portfolio", "paid_infeed", r"[\d,]+ people, \d+ creators, [\d,]+ follows", r"the largest creator, agent \d+"],
    "2_teach_it": [r"\d+ people saw the video; your bet was 100", r"B is kinder in \d+ of \d+ towns", "<iframe srcdoc="],
    "3_compare_and_stress": ["trust halved"],
    "4_sweep_and_calibrate": [r"response\.like_rate", "incremental_purchases, paid_infeed minus micro_portfolio"],
}
PICTURES = {"1_quick_start": 4, "2_teach_it": 0, "3_compare_and_stress": 4, "4_sweep_and_calibrate": 1}


def read(name: str) -> Any:
    """Return a notebook."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def play(notebook: Any, values: dict[str, Any]) -> list[str]:
    """Run a notebook with other parameters; return the texts and HTML of all outputs."""
    (place,) = [k for k, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(f"{name} = {value!r}" for name, value in values.items())))
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not [text for text in complaints if "TqdmWarning" not in text]  # Mesa asks for widgets, and does without
    return [output.get("text") or output["data"].get("text/html") or output["data"].get("text/plain", "") for output in outputs]


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_notebooks_hold_no_outputs_and_name_files_that_exist(name: str) -> None:
    """Outputs would be out of date with the next change of the model, and every run would change the file."""
    for cell in read(name).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            continue
        for link in re.findall(r"\]\(([^)]+)\)", cell.source):
            assert (NOTEBOOKS / link).exists(), link


def check(name: str, values: dict[str, Any]) -> None:
    """Run a notebook and find in its outputs what `SAYS` and `PICTURES` expect."""
    shown = "\n".join(play(read(name), values))
    for words in SAYS[name]:
        assert re.search(words, shown), words
    assert shown.count("<svg") == PICTURES[name]


@pytest.mark.parametrize("name", SMALL)
def test_notebooks_at_small_size(name: str) -> None:
    check(name, SMALL[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_notebooks_as_they_stand(name: str) -> None:
    check(name, {})

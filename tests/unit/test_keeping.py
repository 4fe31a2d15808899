"""`compare --keep`: finished runs come back as they were, and only where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from influence_sim.cli import main
from influence_sim.scenario.loader import load_scenario
from influence_sim.studies.compare import compare
from influence_sim.studies.keeping import TABLES, Kept
from influence_sim.studies.outputs import OutputError
from influence_sim.studies.runner import run_one
from tiny_market import TINY


@pytest.fixture
def scenario(tmp_path):
    """A small scenario from a file."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    return load_scenario(tmp_path / "tiny.yaml").scenario


def test_a_run_comes_back_as_it_was_and_a_torn_file_does_not(scenario, tmp_path):
    kept, result = Kept(tmp_path / "kept", scenario), run_one(scenario, "small", 1)
    assert kept.get("small", 1) is None
    kept.put(result)
    again = Kept(tmp_path / "kept", scenario.model_copy(update={"replications": 99, "name": "other"})).get("small", 1)
    assert again is not None
    assert again.totals == result.totals
    assert again.people_per_agent == result.people_per_agent
    for table in TABLES:
        ours, theirs = getattr(again, table), getattr(result, table)
        assert ours.keys() == theirs.keys()
        for name, values in theirs.items():
            assert ours[name].dtype == values.dtype
            np.testing.assert_array_equal(ours[name], values)
    # Another question has no such run.
    for change in ({"budget": 10.0}, {"horizon": 4}, {"path_seed": 2}):
        assert Kept(tmp_path / "kept", scenario.model_copy(update=change)).get("small", 1) is None
    (file,) = (tmp_path / "kept").glob("*.npz")
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    assert kept.get("small", 1) is None
    for at in range(200, len(whole) - 200, len(whole) // 40):  # a damaged disk: a wrong byte is noticed, or changed nothing
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert (found := kept.get("small", 1)) is None or found.totals == result.totals


def test_kept_runs_are_not_played_again(scenario, tmp_path, monkeypatch):
    first = compare(scenario, jobs=1, keep=tmp_path / "kept")
    monkeypatch.setattr("influence_sim.studies.runner.run_one", None)  # whoever plays now fails
    again = compare(scenario, jobs=1, keep=tmp_path / "kept")
    assert again.answer == first.answer
    assert again.summary.equals(first.summary)
    with pytest.raises(ValueError, match="rules of their own"):
        compare(scenario, jobs=1, keep=tmp_path / "kept", agents=lambda simulation: None)


def test_a_folder_with_other_files_is_left_alone(scenario, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("x")
    with pytest.raises(OutputError, match="other files"):
        Kept(tmp_path / "mine", scenario)
    assert main(["compare", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out"), "--keep", str(tmp_path / "mine")]) == 6
    assert "other files" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_kept_lies_outside_the_result_that_replaces_its_folder(scenario, tmp_path, capsys):
    for keep in ("out", "out/runs"):
        assert main(["compare", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out"), "--keep", str(tmp_path / keep)]) == 2
        assert "replaced as a whole" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

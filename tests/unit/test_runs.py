"""What the runs pages find in a results folder, and what they say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the studio extra is not installed")

from influence_sim.cli import main
from influence_sim.scenario import load_scenario
from influence_sim.studio.runs import again, differing, found_in, rows_of
from tiny_market import TINY


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and a sweep that was stopped."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "market.yaml").write_text(TINY)
    told = ["run", str(folder / "market.yaml"), "--strategy", "ads", "--replication", "2", "--out", str(folder / "deep/er/one"), "-q"]
    assert main(told) == 0
    sweep = folder / "sweep"
    sweep.mkdir()
    manifest = {"made_by": "influence-sim", "created": "2026-01-02T03:04:05+00:00", "command": ["influence-sim", "sweep", "short.yaml"],
                "runs": {"planned": 30, "finished": 28, "ok": 27, "error": 1, "crashed": 0}}  # fmt: skip
    (sweep / "manifest.json").write_text(json.dumps(manifest))
    (folder / "foreign").mkdir()
    (folder / "foreign/provenance.json").write_text('{"made_by": "another"}')
    (folder / "jobs/x").mkdir(parents=True)
    (folder / "jobs/x/manifest.json").write_text(json.dumps(manifest))
    return folder


def test_results_are_found_and_say_how_far_they_are(results: Path) -> None:
    found = {one.name: one for one in found_in(results).values()}
    assert set(found) == {"deep/er/one", "sweep"}
    assert (found["deep/er/one"].kind, found["deep/er/one"].status) == ("run", "done")
    assert (found["sweep"].kind, found["sweep"].status) == ("sweep", "28 of 30 runs, 1 failed")
    assert rows_of(found["sweep"]) == []
    assert found["sweep"].about.startswith("2026-01-02 03:04")
    assert all(len(identity) == 12 and identity.isalnum() for identity in found_in(results))


def test_the_command_of_a_run_names_its_own_scenario(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results)
    found = {one.name: one for one in found_in(results).values()}
    command = again(found["deep/er/one"])
    assert command == "influence-sim run deep/er/one/scenario.yaml --strategy ads --replication 2 --out deep/er/one-again"
    assert load_scenario("deep/er/one/scenario.yaml").scenario.digest == found["deep/er/one"].known["scenario_digest"]
    assert main([*command.split()[1:-1], str(results / "copy"), "-q"]) == 0
    assert (results / "copy/totals.csv").read_bytes() == (results / "deep/er/one/totals.csv").read_bytes()
    assert again(found["sweep"]) == "influence-sim sweep short.yaml"


def test_only_what_differs_is_shown() -> None:
    columns = {"a": {"x": 1, "y": True}, "b": {"x": 1, "y": False, "z": None}}
    assert differing(columns) == [["y", "true", "false"], ["z", "\N{EN DASH}", "null"]]

"""What the runs pages find in a results folder, and what they say of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the studio extra is not installed")

from influence_sim.cli import main
from influence_sim.scenario import load_scenario
from influence_sim.studio.app import build_app
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
    (folder / "jobs_of_spring").mkdir()
    split = {"made_by": "influence-sim", "command": ["influence-sim", "allocate", "q.yaml", "--out", "jobs_of_spring", "--set", "a=1"]}
    (folder / "jobs_of_spring/provenance.json").write_text(json.dumps(split))
    (folder / "jobs/x").mkdir(parents=True)
    (folder / "jobs/x/manifest.json").write_text(json.dumps(manifest))
    return folder


def test_results_are_found_and_say_how_far_they_are(results: Path) -> None:
    found = {one.name: one for one in found_in(results).values()}
    assert set(found) == {"deep/er/one", "sweep", "jobs_of_spring"}
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
    assert again(found["jobs_of_spring"]) == "influence-sim allocate q.yaml --out jobs_of_spring-again --set a=1"


def test_a_run_that_ended_early_ends_early_again(results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    told = ["run", str(results / "market.yaml"), "--strategy", "small", "--until", "2", "--out", "short", "-q"]
    assert main(told) == 0
    (one,) = found_in(tmp_path).values()
    command = again(one)
    assert command == "influence-sim run short/scenario.yaml --strategy small --replication 0 --until 2 --out short-again"
    assert main([*command.split()[1:], "-q"]) == 0
    assert Path("short/totals.csv").read_bytes() == Path("short-again/totals.csv").read_bytes()


def test_only_the_token_opens_results_and_a_damaged_one_costs_only_itself(results: Path, tmp_path: Path) -> None:
    testing = pytest.importorskip("starlette.testclient")
    shutil.copytree(results / "sweep", tmp_path / "whole")
    for name, known in (("compared", {"scenario": {"objective": "profit"}}), ("stopped", {"runs": {"planned": 3}})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "provenance.json").write_text(json.dumps({"made_by": "influence-sim", **known}))
    (tmp_path / "compared/pairs.csv").write_text("")  # and no summary.csv
    names = {one.name: identity for identity, one in found_in(tmp_path).items()}
    assert set(found_in(tmp_path, {names["whole"]})) == {names["whole"]}
    with testing.TestClient(build_app("t", tmp_path, tmp_path), base_url="http://127.0.0.1") as client:
        page = client.get("/strategy/runs?token=t")
        assert page.status_code == 200
        assert page.text.count("damaged") == 2
        assert "28 of 30 runs, 1 failed" in page.text
        assert client.get(f"/strategy/runs/{names['whole']}?token=t").status_code == 200
        for name in ("compared", "stopped"):
            answer = client.get(f"/strategy/runs/{names[name]}?token=t")
            assert (answer.status_code, answer.json()["problems"]) == (422, ["files of this run are missing or damaged"])
        for path in ("", f"/{names['whole']}", "/ffffffffffff", f"/{names['whole']}/file/manifest.json"):
            for query in ("", "?token=", "?token=wrong"):
                answer = client.get(f"/strategy/runs{path}{query}")
                assert (answer.status_code, answer.text) == (403, "refused\n")


def test_only_what_differs_is_shown() -> None:
    columns = {"a": {"x": 1, "y": True}, "b": {"x": 1, "y": False, "z": None}}
    assert differing(columns) == [["y", "true", "false"], ["z", "\N{EN DASH}", "null"]]

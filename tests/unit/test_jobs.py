"""Strategy pages without a browser: jobs are real commands in real processes, forms and files come from whoever has the token."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from influence_sim.cli import main
from influence_sim.scenario.loader import load_scenario
from influence_sim.scenario.writing import scenario_text
from influence_sim.studio.answers import files_of
from influence_sim.studio.app import build_app
from influence_sim.studio.forms import FormError, Source, channels, futures, read_form
from influence_sim.studio.jobs import Job, JobError, Jobs, estimate
from tiny_market import TINY

FORM = {"strategies": ["small", "ads"], "goal": ["profit"], "budget": ["250"], "days": ["5"], "people": ["200"]}
ORIGIN = "http://127.0.0.1"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with one scenario."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "tiny.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def jobs(place: Path) -> Iterator[Jobs]:
    """The jobs of a studio."""
    found = Jobs(place / "results")
    yield found
    found.close()


def asked(jobs: Jobs, kind: str = "compare", **more: list[str]) -> str:
    """Ask a form and return the job."""
    one = read_form(kind, {**FORM, **more}).ask(Source(Path("scenarios/tiny.yaml").absolute()))
    return jobs.ask(kind, one.words, one.files, {"scenario": one.name, "source": "tiny"})


def wait(jobs: Jobs, identity: str, *until: str, done: int = 0) -> Job:
    """Wait until a job has a status, or has so many runs."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        job = jobs.read(identity)
        if job.status in until and job.done >= done:
            return job
        assert job.status in ("waiting", "running"), job
        time.sleep(0.1)
    raise AssertionError(job)


@pytest.mark.slow
def test_a_job_has_the_numbers_of_its_command_and_more_worlds_go_on_from_its_runs(jobs, capsys):
    identity = asked(jobs, replications=["3"])
    job = wait(jobs, identity, "done")
    assert (job.done, job.total) == (9, 9)
    assert job.words[:4] == ["compare", "scenarios/tiny.yaml", "--out", f"results/{identity}"]
    again = [*job.words]
    again[3] = "again"
    assert main(again) == 0
    for name in ("summary.csv", "pairs.csv", "measures.csv", "report.html"):
        assert (jobs.result(identity) / name).read_bytes() == Path("again", name).read_bytes(), name
    kept = {path.name: path.stat().st_mtime_ns for path in (jobs.place(identity) / "kept").glob("*.npz")}
    assert len(kept) == 9

    words = [word.replace("replications=3", "replications=5") for word in job.words]
    jobs.again(identity, words)
    assert wait(jobs, identity, "done").total == 15
    assert main([*words[:3], "five", *words[4:]]) == 0
    assert (jobs.result(identity) / "summary.csv").read_bytes() == Path("five", "summary.csv").read_bytes()
    now = {path.name: path.stat().st_mtime_ns for path in (jobs.place(identity) / "kept").glob("*.npz")}
    assert len(now) == 15
    assert kept.items() <= now.items()  # nothing was played twice
    capsys.readouterr()


@pytest.mark.slow
def test_another_studio_finds_the_job_stops_it_and_goes_on(jobs, place):
    identity = asked(jobs, replications=["60"])
    wait(jobs, identity, "running", done=6)
    other = Jobs(place / "results")
    try:
        assert other.read(identity).status == "running"
        with pytest.raises(JobError, match="under way"):
            other.again(identity)
        other.stop(identity)
        assert wait(other, identity, "stopped").status == "stopped"
        assert not jobs.result(identity).exists()
        before = len(list((other.place(identity) / "kept").glob("*.npz")))
        assert before >= 6
        other.again(identity, [word.replace("replications=60", "replications=4") for word in other.read(identity).words])
        job = wait(other, identity, "done")
        assert job.answer["result"]["summary"][0]["replications"] == 4
    finally:
        other.close()


def test_jobs_wait_in_line_and_end_with_the_studio(jobs):
    first, second = asked(jobs, replications=["60"]), asked(jobs, replications=["2"])
    wait(jobs, first, "running")
    assert (jobs.read(second).status, jobs.read(second).ahead) == ("waiting", 1)
    assert jobs.identities()[0].startswith("compare-")
    jobs.stop(second)
    assert jobs.read(second).status == "stopped"
    wait(jobs, first, "running", done=1)
    jobs.close()
    assert jobs.read(first).status == "stopped"


def test_a_command_that_fails_says_why(jobs):
    identity = jobs.ask("compare", lambda place, out: ["compare", "missing.yaml", "--out", str(out)], {}, {})
    job = wait(jobs, identity, "failed")
    assert "not found" in job.answer["result"]["message"]


@pytest.mark.parametrize("name", ["..", "../..", "jobs", "", "compare-20260101-000000-ffff", "compare-20260101-000000-ffff/../..", "\0"])
def test_only_names_of_jobs_are_looked_up(jobs, name):
    with pytest.raises(JobError):
        jobs.place(name)


@pytest.mark.slow
def test_allocation_and_stress_are_those_of_the_command(jobs, capsys):
    shares = {"floor:ads": ["20"], "now:small": ["70"], "now:ads": ["30"]}
    split = asked(jobs, "allocate", **shares, trials=["4"], worlds=["3"], check_worlds=["5"])
    stress = asked(jobs, "stress", futures=["CPM +30 %", "rival enters"], worlds=["3"])
    for identity, table in ((split, "checked.csv"), (stress, "scores.csv")):
        job = wait(jobs, identity, "done")
        assert main([*job.words[:3], "again", *job.words[4:], "--executor", "serial"]) == 0
        assert (jobs.result(identity) / table).read_bytes() == Path("again", table).read_bytes()
    checked = pd.read_csv(jobs.result(split) / "checked.csv")
    assert (checked["ads"] >= 20).all()
    assert (checked["ads"] + checked["small"] == 100).all()
    assert "current plan" in set(checked["name"])
    futures_ = pd.read_csv(jobs.result(stress) / "futures.csv")
    assert set(futures_["future"]) == {"as expected", "CPM +30 %", "rival enters"}
    lines = json.loads((jobs.place(stress) / "answer.json").read_text())["result"]["answer"]
    assert any(line.startswith("Worst 1 in 20 of 9 cases") for line in lines)
    plan = load_scenario(jobs.result(split) / "plan.yaml").scenario
    Path("alone.yaml").write_text(scenario_text(plan))
    assert load_scenario("alone.yaml").scenario.digest == plan.digest
    capsys.readouterr()


def test_a_dry_run_tells_how_long_and_writes_nothing(place, capsys):
    assert main(["compare", "scenarios/tiny.yaml", "--out", "out", "--dry-run", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["runs"] == 9
    assert 0 < result["seconds"] < 60
    assert not Path("out").exists()
    small = {"trials": ["4"], "worlds": ["3"], "check_worlds": ["5"]}
    one = read_form("allocate", {**FORM, **small}).ask(Source(place / "scenarios" / "tiny.yaml"))
    assert estimate(one.words, one.files)["told"].startswith("at most 85 runs")
    assert os.listdir(place) == ["scenarios"]


@pytest.mark.parametrize("name", ["demo", "plans", "following"])
def test_a_scenario_written_back_is_the_same_question(name, tmp_path):
    scenario = load_scenario(Path(__file__).parents[2] / "scenarios" / f"{name}.yaml").scenario
    (tmp_path / "same.yaml").write_text(scenario_text(scenario))
    again = load_scenario(tmp_path / "same.yaml").scenario
    assert again == scenario
    assert len(channels(scenario)) >= 2


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("compare", {"strategies": []}, "tick at least one strategy"),
        ("compare", {"budget": ["much"]}, 'Budget, USD: must be a number, 0 to 1,000,000,000,000. Got "much" instead.'),
        ("compare", {"budget": [""]}, "Budget, USD: must be a number, 0 to 1,000,000,000,000. Got nothing instead."),
        ("compare", {"replications": ["1"]}, 'Worlds: must be an integer, 2 to 10,000 (default 10). Got "1" instead.'),
        ("compare", {"goal": ["fame"]}, "Goal: must be profit"),
        ("compare", {"people": ["20"]}, "Simulated people: must be an integer, 50 to 100,000."),
        ("stress", {"futures": []}, "tick at least one future"),
        ("stress", {"futures": list(futures()), "goal": ["cost_per_incremental_purchase"]}, "cost"),
        ("allocate", {"strategies": ["ads"]}, "two channels"),
        ("allocate", {"floor:ads": ["150"]}, 'at least, % ads: must be less than or equal to 100. Got "150" instead.'),
        ("allocate", {"floor:ads": ["60"], "floor:small": ["60"]}, "floors"),
        ("allocate", {"floor:ads": ["60"], "ceiling:ads": ["20"]}, "ceiling"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_runs(place, kind, change, words):
    with pytest.raises(FormError) as error:
        read_form(kind, {**FORM, **change}).ask(Source(place / "scenarios" / "tiny.yaml"))
    assert words in str(error.value)


def test_links_and_other_files_are_not_given_away(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "a.csv").write_text("1")
    (tmp_path / "result" / "link.csv").symlink_to(tmp_path / "secret")
    assert list(files_of(tmp_path / "result")) == ["a.csv"]


def test_requests_need_token_and_origin_and_know_no_paths(place):
    testing = pytest.importorskip("starlette.testclient")
    job = place / "results" / "jobs" / "compare-20260101-000000-abcd"
    job.mkdir(parents=True)
    (job / "job.json").write_text('{"words": ["compare", "scenarios/tiny.yaml"]}')
    (place / "results" / job.name).mkdir()
    (place / "results" / job.name / "page.html").write_text("<p>")
    with testing.TestClient(build_app("t", place / "results", place / "scenarios"), base_url=ORIGIN) as client:
        at = f"/strategy/compare/{job.name}"
        for path in ("/strategy/compare", at, f"{at}/file/page.html"):
            assert client.get(path).status_code == 403
            assert client.get(path, params={"token": "wrong"}).status_code == 403
            assert client.get(path, params={"token": "t"}).status_code == 200, path
        assert "sandbox" in client.get(f"{at}/file/page.html?token=t").headers["content-security-policy"]
        for path in ("/strategy/compare", f"{at}/stop", "/strategy/compare/upload"):
            assert client.post(f"{path}?token=t").status_code == 403
            assert client.post(f"{path}?token=t", headers={"Origin": "http://evil.example"}).status_code == 403
            assert client.post(path, headers={"Origin": ORIGIN}).status_code == 403
        for path in (f"{at}/file/../jobs/{job.name}/job.json", f"{at}/file/%2e%2e/jobs/{job.name}/job.json", f"{at}/file//etc/passwd",
                     f"{at}/file/job.json", "/strategy/exec", "/strategy/compare/compare-20260101-000000-ffff"):  # fmt: skip
            assert client.get(f"{path}?token=t").status_code == 404, path
        given = {"Origin": ORIGIN}
        for scenario in ("../tiny", "/etc/passwd", "tiny.yaml", "upload-00000000", f"plan-{job.name}"):
            answer = client.post("/strategy/compare?token=t", data={"scenario": scenario, "budget": "1", "days": "1"}, headers=given)
            assert answer.status_code == 422
            assert "knows no scenario" in answer.text
        assert client.post("/strategy/compare/upload?token=t", content=b"x" * 300_000, headers=given).status_code == 422
        bad = client.post("/strategy/compare/upload?token=t", content=b"strategies: [none]\nmarket: {peeple: {}}", headers=given)
        assert "scenario.yaml:2:10" in bad.text
        assert "did you mean `people`" in bad.text
        hostile = TINY.replace("name: tiny", 'name: "<script>alert(1)</script>"').encode()
        went = client.post("/strategy/compare/upload?token=t", content=hostile, headers=given).json()["go"]
        page = client.get(f"/strategy/{went}?token=t").text
        assert "&lt;script&gt;" in page
        assert "<script" not in page

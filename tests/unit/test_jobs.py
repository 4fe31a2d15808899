"""Strategy pages without a browser: jobs are real commands in real processes, forms and files come from whoever has the token."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from influence_sim.cli import main
from influence_sim.scenario.loader import load_scenario
from influence_sim.scenario.writing import scenario_text
from influence_sim.studio.answers import files_of
from influence_sim.studio.app import build_app
from influence_sim.studio.forms import FormError, Source, channels, futures, plain, read_form
from influence_sim.studio.jobs import Job, JobError, Jobs, _end
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
    assert (job.done, job.total, job.earlier) == (9, 9, {})
    first = job.answer
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
    assert jobs.read(identity).earlier == first  # shown until the new one is there
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


def test_a_command_that_fails_says_why_whatever_lies_in_the_folder_and_wherever_the_studio_is_now(jobs, place, monkeypatch):
    (place / "click.py").write_text("raise RuntimeError('not that click')")
    monkeypatch.setattr(jobs, "_enter", lambda identity: None)
    identity = jobs.ask("compare", lambda place, out: ["compare", "scenarios/tin.yaml", "--out", str(out)], {}, {})
    monkeypatch.undo()
    monkeypatch.chdir(place.parent)
    assert jobs.read(identity).status == "stopped"  # it never began
    jobs.again(identity)
    job = wait(jobs, identity, "failed")
    assert "Did you mean `scenarios/tiny.yaml`" in job.answer["result"]["message"]


def test_a_torn_file_or_a_crash_is_told_and_stops_no_other_job(jobs, place):
    def failing(told: str) -> str:
        identity = asked(jobs)
        jobs.stop(identity)
        (jobs.place(identity) / "job.json").write_text(told)
        jobs.again(identity)
        return identity

    torn, lost = failing('{"words": ["comp'), failing(json.dumps({"words": ["compare"], "folder": str(place / "gone")}))
    last = jobs.ask("compare", lambda place, out: ["compare", "missing.yaml", "--out", str(out)], {}, {})
    assert "not found" in wait(jobs, last, "failed").answer["result"]["message"]
    assert "could not begin" in wait(jobs, torn, "failed").line
    assert "gone" in wait(jobs, lost, "failed").line
    (jobs.place(last) / "answer.json").write_text("")
    (jobs.place(last) / "log.txt").write_text("3/9 runs, 2 s left\nMemoryError\n")
    job = jobs.read(last)
    assert (job.status, job.done, job.total, job.line) == ("failed", 3, 9, "MemoryError")


def test_workers_that_outlive_their_command_are_ended(monkeypatch):
    monkeypatch.setattr("influence_sim.studio.jobs.PATIENCE", 0.2)
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo"], stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"
        child.wait()

        def lives() -> bool:
            return not select.select([child.stdout], [], [], 0.1)[0]  # nobody writes any more: the end of the pipe can be read

        assert lives()
        _end(child.pid, lives)
        assert not lives()


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
    jobs = Jobs(place / "results")
    found: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: found.append(jobs.estimate(one.words, one.files)))
    asking.start()
    while not jobs._one_estimate.locked():
        time.sleep(0.01)
    assert "under way" in jobs.estimate(one.words, one.files)["problems"][0]
    asking.join()
    assert found[0]["told"].startswith("at most 85 runs")
    assert os.listdir(place) == ["scenarios"]
    asking = threading.Thread(target=lambda: found.append(jobs.estimate(one.words, one.files)))
    asking.start()
    while jobs._estimate is None or jobs._estimate.poll() is not None:
        time.sleep(0.01)
    jobs.close()
    asking.join(5)
    assert found[1] == {"problems": ["the command gave no answer"]}


@pytest.mark.parametrize("budget", ["1234567.89", "999999999999.5", "0.25"])
def test_a_form_keeps_every_digit_of_the_budget(place, budget):
    file = place / "scenarios" / "tiny.yaml"
    file.write_text(TINY.replace("budget: 300", f"budget: {budget}"))
    shown = plain(load_scenario(file).scenario.budget)
    assert float(shown) == float(budget)
    words = read_form("compare", {**FORM, "budget": [shown]}).ask(Source(file)).words(place, place / "out")
    assert not [word for word in words if word.startswith("budget=")]


def test_a_scenario_written_elsewhere_finds_its_graph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("far").mkdir()
    Path("edges.csv").write_text("".join(f"{k},{(k + j) % 60}\n" for k in range(60) for j in (1, 2)))
    Path("one.yaml").write_text(TINY + "graph_file: edges.csv\n")
    scenario = load_scenario("one.yaml", ["people.agents=60"]).scenario
    Path("far/two.yaml").write_text(scenario_text(scenario))
    monkeypatch.chdir("far")
    again = load_scenario("two.yaml").scenario
    assert (again.graph_file, again.digest) == (str(tmp_path / "edges.csv"), scenario.digest)


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
    (job / "job.json").write_text('{"words": ["compare", "scenarios/tiny.yaml"], "about": {"source": "tiny"}}')
    (place / "results" / job.name).mkdir()
    (place / "results" / job.name / "page.html").write_text("<p>")
    with testing.TestClient(build_app("t", place / "results", place / "scenarios"), base_url=ORIGIN) as client:
        at = f"/strategy/compare/{job.name}"
        for path in ("/strategy/compare", at, f"{at}/file/page.html"):
            assert client.get(path).status_code == 403
            assert client.get(path, params={"token": "wrong"}).status_code == 403
            assert client.get(path, params={"token": "t"}).status_code == 200, path
        assert "Ask again with other numbers" in client.get(f"{at}?token=t").text
        (job / "answer.json").write_text('{"status": "ok", "result": {"answer": "ads: ..."}}')
        assert "The result is gone, or damaged." in client.get(f"{at}?token=t").text
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

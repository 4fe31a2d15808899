"""The command line: what is printed where, with which exit code, and that help costs nothing."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from influence_sim.cli import ExitCode, main
from influence_sim.cli.app import _FIRST_STEPS, _VERBS
from influence_sim.cli.console import Console, jsonable
from influence_sim.cli.failures import explain
from influence_sim.cli.progress import Progress
from influence_sim.cli.table import comparison_table

TOP = Path(__file__).parents[2]
HEAVY = ("numpy", "pandas", "numba", "mesa", "matplotlib", "pydantic", "scipy", "networkx", "pyarrow", "rich", "ruamel", "loky", "jinja2")
TINY = ["--set", "people.agents=60", "--set", "people.population=3000", "--set", "creators.count=6", "--set", "feed.stages=0"]
# What makes an example of an analysis small.
ANALYSES = {
    "allocate": ["--trials", "4", "--worlds", "3", "--check-worlds", "5", "--set", "horizon=4"],
    "stress": ["--worlds", "3", "--samples", "4", "--set", "horizon=8", *TINY[:4], "--set", "creators.count=24", "--set", "feed.stages=0"],
    "calibrate": ["--points", "24", "--draws", "5", "--set", "horizon=5"],
    "power": ["--pilot", "3", "--days", "3", *TINY],
    "select": ["--days", "3", "--first", "3", "--batch", "1", *TINY],
    "sensitivity": [],
}


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch):
    # Examples are written for the top folder of the repository.
    monkeypatch.chdir(TOP)
    monkeypatch.delenv("INFLUENCE_SIM_DEBUG", raising=False)


def call(capsys, *args):
    """Run the command line in this process; return (exit code, stdout, stderr)."""
    code = main([str(a) for a in args])
    out, err = capsys.readouterr()
    return code, out, err


# ------------------------------------------------------------------ help


@pytest.mark.parametrize("verb", ["", *_VERBS])
def test_help_is_fast_and_imports_nothing_heavy(verb):
    script = f"""
import sys, json
from influence_sim.cli import main
code = main({[verb] if verb else []!r} + ["--help"])
print(json.dumps([code, sorted(m for m in {HEAVY!r} if m in sys.modules)]))
"""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]
    # The aim is 0.3 s; a loaded machine gets slack, a numpy import would still not fit in.
    assert time.perf_counter() - started < 2.0


def test_import_of_the_package_is_light():
    script = f"import sys, influence_sim; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("verb", list(_VERBS))
def test_help_has_every_section(capsys, verb):
    code, out, _ = call(capsys, verb, "--help")
    assert code == 0
    for section in ("Usage:", "Examples:", "Options:", "Writes:", "Exit codes:"):
        assert section in out
    assert len(examples(out)) == 3
    # The sentence of the group's help is the sentence of the verb's help.
    assert _VERBS[verb][1][:30] in " ".join(out.split()) or verb in ("list", "show")


def examples(text):
    """Return the command lines of the Examples block of a help page."""
    block = text.split("Examples:\n", 1)[1].split("\n\n", 1)[0]
    return [line.strip() for line in block.splitlines()]


def all_examples():
    """Return every example of every help page."""
    found = list(_FIRST_STEPS)
    for verb in _VERBS:
        command = [sys.executable, "-m", "influence_sim.cli", verb, "--help"]
        found += examples(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return list(dict.fromkeys(found))


def shrink(command, out):
    """Return the arguments of an example with its results elsewhere and, where it runs, a tiny setting added."""
    args = shlex.split(command)[1:]
    for option in {"--out", "--snapshot"} & {*args}:
        args[args.index(option) + 1] = str(out if args[0] != "schema" else out / "schema.json")
    if "--keep" in args:
        args[args.index("--keep") + 1] = f"{out}_kept"
    if args[0] == "replay":
        args[args.index("--out") + 1] = str(out / "class.html")
    if args[0] == "new":
        args[1] = str(out / Path(args[1]).name)
    if args[0] == "compare":
        args += ["--max-replications" if "auto" in args else "--replications", "2", "--days", "3", "--jobs", "1", *TINY]
    if args[0] == "run":
        args += ["--set", "horizon=3", *TINY]
    if args[0] == "sweep":
        args += ["--set", "replications=1", "--set", "horizon=2"]
    if args[0] in ANALYSES:
        args += ANALYSES[args[0]]
    if args[0] == "export-mmm":
        args += ["--days", "4", *TINY]
    return args


def is_quick(line):
    words = line.split()
    slow = ("compare", "run", "sweep", "doctor", "studio", "replay", *ANALYSES)
    return words[1] not in slow and (words[1] != "scorecard" or "--list" in words)


def test_quick_examples_run(capsys, tmp_path):
    quick = [line for line in all_examples() if is_quick(line)]
    assert len(quick) >= 18
    for i, line in enumerate(quick):
        if "--slot" in line or line.split()[1] == "report":  # need a result; tests of their own
            continue
        code, out, err = call(capsys, *shrink(line, tmp_path / str(i)))
        assert (code, bool(out)) == (0, True), f"{line}\n{err}"


@pytest.mark.slow
def test_running_examples_run(capsys, tmp_path):
    # The studio serves until it is stopped: tests/browser.
    running = [line for line in all_examples() if not is_quick(line) and line.split()[1] != "studio"]
    assert len(running) >= 6
    for i, line in enumerate(running):
        if "sensitivity" in line:  # needs a sweep; tests of its own
            continue
        args = shrink(line, tmp_path / str(i))
        if "--world" in args:  # written by the example before it, in another size
            args[args.index("--world") + 1] = str(tmp_path / "world")
            assert call(capsys, "world", args[1], "--out", str(tmp_path / "world"), *TINY)[0] == 0
        code, out, err = call(capsys, *args)
        assert (code, bool(out)) == (0, True), f"{line}\n{err}"


# ------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["comare"], 2, "Did you mean `compare`?"),
        (["check", "scenarios/dmo.yaml"], 2, "Did you mean `scenarios/demo.yaml`?"),
        (["check", "scenarios"], 2, "is a folder"),
        (["compare", "scenarios/demo.yaml"], 2, "--out"),
        (["compare", "scenarios/demo.yaml", "--out", "x", "--graph", "no.csv"], 2, "no.csv"),
        (["compare", "scenarios/demo.yaml", "--out", "x", "--graph-direction", "follows"], 2, "needs --graph"),
        (["compare", "scenarios/demo.yaml", "--out", "x", "--replications", "some"], 2, "neither a whole number nor `auto`"),
        (["compare", "scenarios/demo.yaml", "--out", "x", "--max-replications", "50"], 2, "needs --replications auto"),
        (["run", "scenarios/demo.yaml", "--strategy", "macor"], 2, "Did you mean `macro`?"),
        (["check", "scenarios/demo.yaml", "--set", "horizon"], 2, "KEY=VALUE"),
        (["check", "scenarios/demo.yaml", "--set", "horizn=3"], 3, "horizon"),
        (["list", "parameters", "no_such_thing"], 5, "no parameters contain"),
    ],
)
def test_mistakes_are_explained(capsys, args, code, said):
    got, _, err = call(capsys, *args)
    assert got == code
    assert said in err
    assert "Traceback" not in err


def test_all_problems_of_all_files_at_once(capsys, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("strategies: [none, micro_portfolo]\nhorizon: -3\n")
    code, _, err = call(capsys, "check", tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert code == ExitCode.SCENARIO_INVALID
    assert re.search(r"a\.yaml:1:\d+", err)
    assert re.search(r"b\.yaml:2:\d+", err)
    assert "did you mean `micro_portfolio`" in err


def test_failures_are_json_too(capsys):
    code, out, _ = call(capsys, "check", "scenarios/demo.yaml", "--set", "horizon=-1", "--json")
    answer = json.loads(out)
    assert list(answer) == ["schema_version", "command", "status", "result", "warnings", "outputs"]
    assert (answer["command"], answer["status"]) == ("check", "error")
    assert answer["result"]["exit_code"] == code == ExitCode.SCENARIO_INVALID
    assert answer["result"]["problems"][0]["key"] == "horizon"


def test_usage_errors_are_json_too(capsys):
    code, out, _ = call(capsys, "check", "no.yaml", "--json")
    assert json.loads(out)["result"]["exit_code"] == code == ExitCode.USAGE


def test_out_that_is_a_file(capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, _, err = call(capsys, "compare", "scenarios/demo.yaml", "--out", tmp_path / "taken")
    assert (code, "it is a file" in err) == (ExitCode.ENVIRONMENT, True)
    code, _, err = call(capsys, "compare", "scenarios/demo.yaml", "--out", tmp_path / "taken" / "below")
    assert (code, "not a folder" in err) == (ExitCode.ENVIRONMENT, True)
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_broken_graph_file_is_no_traceback(capsys, tmp_path):
    (tmp_path / "bad.csv").write_text("source,target\na\n")
    code, _, err = call(capsys, "compare", "scenarios/network.yaml", "--out", tmp_path / "out", "--graph", tmp_path / "bad.csv")
    assert code == ExitCode.SCENARIO_INVALID
    assert "bad.csv" in err
    assert not (tmp_path / "out").exists()


def test_exceptions_have_codes():
    assert explain(KeyboardInterrupt()).code == ExitCode.INTERRUPTED
    assert explain(FileNotFoundError(2, "no", "x.csv")).code == ExitCode.USAGE
    assert explain(PermissionError(13, "permission denied", "/x")).code == ExitCode.ENVIRONMENT
    assert explain(ModuleNotFoundError("no", name="mesa")).code == ExitCode.ENVIRONMENT
    assert "fault of influence-sim" in explain(ZeroDivisionError("x")).text


# ------------------------------------------------------------------ results


def test_show_names_the_origin_of_every_value(capsys):
    code, out, _ = call(capsys, "show", "scenarios/demo.yaml", "--set", "feed.policy=following", "--json")
    values = json.loads(out)["result"]["values"]
    assert code == 0
    assert values["market.feed.policy"] == {"value": "following", "origin": "--set"}
    assert values["market.feed.stages"] == {"value": 0, "origin": "policy following"}
    assert values["market.ties.gain"]["origin"] == "default"
    assert re.fullmatch(r"scenarios/demo\.yaml:\d+", values["budget"]["origin"])
    assert re.fullmatch(r"scenarios/markets/city\.yaml:\d+", values["market.brand.price"]["origin"])


def test_show_changed_has_no_defaults(capsys):
    _, out, _ = call(capsys, "show", "scenarios/demo.yaml", "--changed")
    rows = out.splitlines()[:-1]
    assert rows
    assert not any(line.endswith("  default") for line in rows)


def test_list_parameters_has_unit_and_source(capsys):
    code, out, _ = call(capsys, "list", "parameters", "feed.stage_quota", "--json")
    row = json.loads(out)["result"][0]
    assert code == 0
    assert row["name"] == "feed.stage_quota"
    assert row["unit"] == "impressions"
    assert row["source"]


@pytest.mark.parametrize("kind", ["strategies", "feeds", "selectors", "scenarios"])
def test_lists_are_sorted_by_what_people_type(capsys, kind):
    code, out, _ = call(capsys, "list", kind, "--json")
    rows = json.loads(out)["result"]
    assert code == 0
    assert {"none", "for_you", "fit", "scenarios/demo.yaml"} & {row["name"] for row in rows}
    assert all(row["meaning"] for row in rows)


@pytest.fixture
def fake_compare(monkeypatch):
    """Replace the runs by a comparison made by hand; return what was asked."""
    import influence_sim.engine

    room = importlib.import_module("influence_sim.studies.compare")  # the package's own name for it is the function
    asked = {}
    summary = pd.DataFrame(
        {"strategy": ["none", "macro"], "spend": [0.0, 1000.0], "reach": [0.0, 5000.0], "incremental_purchases": [0.0, 12.5],
         "incremental_purchases_lo": [0.0, 3.0], "incremental_purchases_hi": [0.0, 20.0], "roi": [float("nan"), -0.7],
         "roi_lo": [float("nan"), -0.9], "roi_hi": [float("nan"), -0.5], "probability_best": [1.0, 0.0],
         "feasible": [1.0, 1.0], "cost_per_incremental_purchase": [float("nan"), 80.0]}
    )  # fmt: skip

    def compare(loaded, out=None, jobs=None, progress=None, stopping=None, threads=None, keep=None):
        asked.update(loaded=loaded, out=out, jobs=jobs, stopping=stopping)
        progress(1, 4, {"macro": (12.5, 3.0, 20.0)})
        if asked.get("interrupt"):
            raise KeyboardInterrupt
        progress(4, 4, {"macro": (12.5, 3.0, 20.0)})
        Path(out).mkdir(parents=True)
        (Path(out) / "report.html").write_text("report")
        stopped = "Cap reached." if stopping else ""
        return SimpleNamespace(summary=summary, answer="macro does not pay.", warnings=["underpowered"], stopped=stopped)

    monkeypatch.setattr(room, "compare", compare)
    monkeypatch.setattr(influence_sim.engine, "warm_up", lambda announce: announce("compiling once"))
    return asked


def test_compare_answers_first(capsys, tmp_path, fake_compare):
    out_dir = tmp_path / "out"
    code, out, err = call(capsys, "compare", "scenarios/demo.yaml", "--out", out_dir, "--days", 5, "--seed", 9, "--budget", 10, "--jobs", 1)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "macro does not pay."
    assert lines[-1] == f"Report: {out_dir / 'report.html'}"
    assert "12 [3, 20]" in out
    assert "compiling once" in err
    assert "1/4 runs" in err
    assert "macro 12 (3 to 20)" in err
    assert "warning: underpowered" in err
    assert "\x1b[" not in out + err
    scenario = fake_compare["loaded"].scenario
    assert (scenario.horizon, scenario.budget, scenario.world_seed, scenario.path_seed) == (5, 10, 9, 9)
    assert fake_compare["loaded"].origins["horizon"] == "--set"


def test_compare_json_is_one_object(capsys, tmp_path, fake_compare):
    code, out, err = call(capsys, "compare", "scenarios/demo.yaml", "--out", tmp_path / "out", "--json", "-q")
    answer = json.loads(out, parse_constant=pytest.fail)
    assert (code, answer["status"], answer["warnings"]) == (0, "ok", ["underpowered"])
    assert answer["result"]["summary"][0]["roi"] is None
    assert answer["outputs"] == {"report.html": str(tmp_path / "out" / "report.html")}
    assert err == "warning: underpowered\n"


def test_replications_auto_says_which_rule_stopped(capsys, tmp_path, fake_compare):
    args = ("compare", "scenarios/demo.yaml", "--out", tmp_path / "out", "--replications", "auto")
    code, out, err = call(capsys, *args, "--max-replications", 70)
    assert (code, out.splitlines()[1]) == (0, "Cap reached.")
    assert "x 30 to 70 replications" in err
    assert fake_compare["stopping"].most == 70
    assert fake_compare["loaded"].origins["replications"] != "--set"


def test_compare_without_progress(capsys, tmp_path, fake_compare):
    _, _, err = call(capsys, "compare", "scenarios/demo.yaml", "--out", tmp_path / "out", "--no-progress")
    assert "runs," not in err


def test_interrupt_is_130(capsys, tmp_path, fake_compare):
    fake_compare["interrupt"] = True
    code, out, err = call(capsys, "compare", "scenarios/demo.yaml", "--out", tmp_path / "out", "--json")
    assert code == ExitCode.INTERRUPTED
    assert "1 of 4 runs were done, nothing was written" in err
    assert json.loads(out)["status"] == "interrupted"


def test_a_graph_brings_its_people(capsys, tmp_path, fake_compare):
    names = [f"n {i}" for i in range(300)]
    path = tmp_path / "my graph.csv"
    path.write_text("source,target\n" + "".join(f"{a},{b}\n" for a in names for b in names[:40] if a != b))
    code, _, err = call(
        capsys, "compare", "scenarios/network.yaml", "--out", tmp_path / "a", "--graph", path, "--graph-direction", "influences"
    )
    assert code == 0, err
    scenario = fake_compare["loaded"].scenario
    assert scenario.graph_direction == "influences"
    assert Path(scenario.graph_file) == path
    assert scenario.market.people.agents == scenario.market.people.population > 200
    code, _, err = call(capsys, "compare", "scenarios/network.yaml", "--out", tmp_path / "b", "--graph", path, "--population", 1200)
    assert code == 0, err
    assert fake_compare["loaded"].scenario.market.people.population == 1200


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("INFLUENCE_SIM_DEBUG", "1")
    with pytest.raises(Exception, match="horizn"):
        main(["show", "scenarios/demo.yaml", "--set", "horizn=3"])


# ------------------------------------------------------------------ parts


def test_table_marks_what_means_nothing():
    rows = [{"strategy": "macro", "feasible": 0.0, "roi": float("nan"), "spend": 1234.5, "reach": 10}]
    text = comparison_table(rows)
    assert "macro (not feasible)" in text
    assert "1,234" in text
    assert " - " in text


def test_jsonable_has_no_nan():
    assert jsonable({"a": [float("nan"), float("inf"), 1.5], 2: (None, True)}) == {"a": [None, None, 1.5], "2": [None, True]}


def test_progress_line(capsys):
    progress = Progress(Console(), shown=True)
    progress(1, 4, {})
    assert "1/4 runs" in capsys.readouterr().err
    assert progress.line(10.0, {"a": (5.0, float("nan"), float("nan"))}) == "1/4 runs, 10 s, about 30 s left; extra purchases so far: a 5"


def test_output_to_a_closed_pipe_is_no_failure():
    command = f"{sys.executable} -m influence_sim.cli list parameters | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_exit_codes_are_stable():
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 130]
    assert all(code.meaning for code in ExitCode)


def test_public_names_are_lazy_and_complete():
    import influence_sim

    source = ast.parse(Path(influence_sim.__file__).read_text())
    assert ast.get_docstring(source)
    assert set(influence_sim._LAZY) <= set(influence_sim.__all__) <= set(dir(influence_sim))
    assert influence_sim.load_scenario("scenarios/demo.yaml").scenario.name == "demo"
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = influence_sim.no_such_name


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_terminal_gets_a_bar_and_no_color_is_obeyed(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Progress(Console(), shown=True).live
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Progress(Console(), shown=True).live


@pytest.mark.slow
def test_python_of_the_readme_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", (TOP / "README.md").read_text(), re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert "people," in capsys.readouterr().out


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", (TOP / "README.md").read_text())
    missing = [link for link in links if "://" not in link and not (TOP / link).exists() and not link.startswith("docs/images/")]
    assert links
    assert not missing

"""What a user can get wrong in a scenario file or on the command line: the exit code, the place, the words, nothing written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from scenario_files import BASE, write

from influence_sim.cli import main

# A world so small that a run takes no time; `at` of a case counts lines from here.
WORLD = """\
strategies: [none, macro]
horizon: 2
replications: 1
market:
  people: {agents: 40, population: 4000, views_per_day: 20}
  creators: {count: 4}
  feed: {stages: 0}
"""
BIG = "x" * 5000
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))


def call(capsys, *args):
    """Run the command line in this process; return (exit code, stdout, stderr)."""
    code = main([str(a) for a in args])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "fault of influence-sim" not in out + err
    return code, out, err


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Work in a folder with a good file, a circle, files of the wrong kind and a graph."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INFLUENCE_SIM_DEBUG", raising=False)
    write(tmp_path, WORLD, "good.yaml")
    write(tmp_path, "extends: b.yaml\n", "a.yaml")
    write(tmp_path, "extends: a.yaml\n", "b.yaml")
    write(tmp_path, "people: {agents: 0}\n", "nobody.yaml")
    write(tmp_path, "people: [1\n", "broken.yaml")
    write(tmp_path, b"\x00\x01\x02\xff", "binary.yaml")
    write(tmp_path, b"people: {agents: 3}\n# \xe9\n", "latin.yaml")
    write(tmp_path, "", "empty.yaml")
    write(tmp_path, "1,2\n2,1\n3,1\n", "three.csv")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    os.mkfifo(tmp_path / "pipe.csv")


# fmt: off
# name: (text of x.yaml, line:column, words)
FILES = {
    # the text itself
    "empty": ("", "1:1", "is empty"),
    "only a comment": ("# nothing\n", "1:1", "is empty"),
    "only a mark": ("\ufeff", "1:1", "is empty"),
    "a null": ("~\n", "1:1", "is empty"),
    "a list": ("- none\n", "1:1", "must be a mapping of keys"),
    "a number": ("3\n", "1:1", "must be a mapping of keys"),
    "truncated list": ("strategies: [none", "1:18", "not valid YAML"),
    "truncated mapping": (BASE + "market: {people: {agents: 3", "2:28", "not valid YAML"),
    "truncated quote": (BASE + 'name: "demo', "2:12", "not valid YAML"),
    "tab": (BASE + "market:\n\tpeople: {}\n", "3:1", "not valid YAML"),
    "bad escape": (BASE + 'name: "\\q"\n', "2:9", "not valid YAML"),
    "binary": (b"\x7fELF\x02\x01\x01\x00" + bytes(range(128, 256)), "1:9", "byte 0x80"),
    "nul": (BASE + "name: a\0b\n", "2:8", "U+0000"),
    "latin-1": ("strategies: [none]\nname: Köln\n".encode("latin-1"), "2:8", "not UTF-8"),
    "utf-16": ("strategies: [none]\n".encode("utf-16"), "1:1", "not UTF-8"),
    "escaped surrogate": (BASE + 'name: "\\ud800"\n', "2:7", "U+D800"),
    "escaped control": (BASE + 'name: "\\e[2J"\n', "2:7", "U+001B"),
    "control in a key": (BASE + '"na\\x07me": 3\n', "2:1", "U+0007"),
    "two documents": (BASE + "---\n" + BASE, "2:1", "another document"),
    "yaml 3": ("%YAML 3.0\n---\n" + BASE, "1:1", "not valid YAML"),
    "tag that runs code": (BASE + "name: !!python/object/apply:os.system [id]\n", "2:7", "tags are not allowed"),
    "binary tag": (BASE + "name: !!binary aGk=\n", "2:7", "tags are not allowed"),
    "unknown alias": (BASE + "name: *x\n", "2:7", "undefined alias"),
    "merge key": (BASE + "market:\n  <<: {}\n", "3:3", "merge keys"),
    "duplicate key": (BASE + "budget: 1\nbudget: 2\n", "3:1", "first on line 2"),
    "duplicate strategy": ("strategies: [macro, macro]\n", "1:21", "two strategies are labelled"),
    "complex key": (BASE + "? [a, b]\n: 3\n", "2:3", "a key must be a word"),
    # bombs
    "aliases of aliases": (BOMB, "1:", "too many values"),
    "alias in itself": (BASE + "name: &a [*a]\n", "2:7", "nested too deeply"),
    "ten thousand brackets": (BASE + "name: " + "[" * 10_000, "2:46", "nested too deeply"),
    "ten thousand braces": (BASE + "name: " + "{a: " * 10_000, "2:", "nested too deeply"),
    "ten thousand dashes": (BASE + "name:\n  " + "- " * 10_000, "3:81", "nested too deeply"),
    "a megabyte of numbers": (BASE + "name: [" + "1," * 490_000 + "]", "2:", "at most 10,000 values"),
    "a megabyte of keys": (BASE + "".join(f"k{i}: 1\n" for i in range(90_000)), "5000:1", "at most 10,000 values"),
    "a megabyte of digits": (BASE + "budget: " + "9" * 900_000, "2:9", "too many digits"),
    "a megabyte of text": (BASE + "name: " + "x" * 900_000, "2:7", "`name` is out of range"),
    "a megabyte of key": (BASE + "x" * 900_000 + ": 1", "2:", "not valid YAML"),
    "more than a megabyte": (BASE + "# " + "x" * 1_000_000, "", "at most 1 MB"),
    # values
    "no strategies": ("budget: 3\n", "1:1", "`strategies` is missing"),
    "no strategy": ("strategies: []\n", "1:13", "at least one strategy"),
    "unknown key": (BASE + "bugdet: 3\n", "2:1", "did you mean `budget`"),
    "unknown strategy": ("strategies: [makro]\n", "1:14", "did you mean `macro`"),
    "word as number": (BASE + "budget: much\n", "2:9", 'got: "much"'),
    "quoted number": (BASE + 'budget: "5"\n', "2:9", "did you mean `5`"),
    "yes as number": (BASE + "budget: yes\n", "2:9", "wrong type"),
    "list as number": (BASE + "budget: [1]\n", "2:9", "got: a list"),
    "mapping as number": (BASE + "budget: {a: 1}\n", "2:9", "got: a mapping"),
    "nothing as number": (BASE + "budget:\nhorizon: 2\n", "2:1", "got: null"),
    "number as group": (BASE + "market: {people: 3}\n", "2:18", "must be a mapping"),
    "number as name": (BASE + "name: 3\n", "2:7", "text"),
    "empty name": (BASE + 'name: ""\n', "2:7", "out of range"),
    "long name": (BASE + f"name: {BIG}\n", "2:7", "out of range"),
    "long question": (BASE + f"question: {BIG}\n", "2:11", "out of range"),
    "negative budget": (BASE + "budget: -1\n", "2:9", "got: -1"),
    "budget nan": (BASE + "budget: .nan\n", "2:9", "finite"),
    "budget infinite": (BASE + "budget: .inf\n", "2:9", "finite"),
    "budget 1e999": (BASE + "budget: 1e999\n", "2:9", "finite"),
    "budget beyond": (BASE + "budget: 1e300\n", "2:9", "0 to 1,000,000,000,000"),
    "horizon 0": (BASE + "horizon: 0\n", "2:10", "1 to 3,650"),
    "horizon 2.5": (BASE + "horizon: 2.5\n", "2:10", "an integer"),
    "horizon nan": (BASE + "horizon: .nan\n", "2:10", "an integer"),
    "replications 0": (BASE + "replications: 0\n", "2:15", "1 to 100,000"),
    "replications -1": (BASE + "replications: -1\n", "2:15", "got: -1"),
    "replications 1e9": (BASE + "replications: 1_000_000_000\n", "2:15", "1 to 100,000"),
    "seed -1": (BASE + "world_seed: -1\n", "2:13", "0 to 4,294,967,295"),
    "seed 2^32": (BASE + "path_seed: 4294967296\n", "2:12", "0 to 4,294,967,295"),
    "zero people": (BASE + "market: {people: {agents: 0}}\n", "2:27", "1 to 5,000,000"),
    "too many people": (BASE + "market: {people: {agents: 6_000_000, population: 9_000_000}}\n", "2:27", "1 to 5,000,000"),
    "negative creators": (BASE + "market: {creators: {count: -1}}\n", "2:28", "0 to 1,000,000"),
    "more creators than people": (BASE + "market: {people: {agents: 9}}\n", "2:27", "at most 9"),
    "more people than the population": (BASE + "market: {people: {agents: 50_000}}\n", "2:27", "at least 50,000"),
    "more follows than anybody": (BASE + "market: {graph: {follows_per_person: 1e6}}\n", "2:38", "0 to 2,000"),
    "negative views": (BASE + "market: {people: {views_per_day: -1}}\n", "2:34", "0 to 400"),
    "probability above 1": (BASE + "market: {graph: {reciprocity: 1.01}}\n", "2:31", "0 to 1"),
    "impossible load": (BASE + "market: {people: {views_per_day: 0}}\n", "2:34", "impressions a day"),
    "no such topic": (BASE + "market: {brand: {topic: 10}}\n", "2:25", "0 to 9"),
    "objective": (BASE + "objective: proft\n", "2:12", "did you mean `profit`"),
    "strategy parameter": ("strategies: [{macro: {creators: 0}}]\n", "1:33", "at least 1"),
    "strategy nan": ("strategies: [{macro: {followers_min: .nan}}]\n", "1:38", "finite"),
    "tier nan": (BASE + "tiers: {a: [.nan, 1]}\n", "2:12", "not ordered"),
    # names
    "label that climbs": ('strategies: [{"../../x": {strategy: macro}}]\n', "1:15", "1 to 60 letters"),
    "label with a slash": ("strategies: [{a/b: {strategy: macro}}]\n", "1:15", "1 to 60 letters"),
    "label with a control": ('strategies: [{"a\\nb": {strategy: macro}}]\n', "1:15", "1 to 60 letters"),
    "label of an emoji": ("strategies: [{\U0001f600: {strategy: macro}}]\n", "1:15", "1 to 60 letters"),
    "empty label": ('strategies: [{"": {strategy: macro}}]\n', "1:15", "1 to 60 letters"),
    "long label": ("strategies: [{" + "x" * 61 + ": {strategy: macro}}]\n", "1:15", "1 to 60 letters"),
    # other files
    "base is missing": (BASE + "extends: goood.yaml\n", "2:10", "did you mean"),
    "base is the file": (BASE + "extends: x.yaml\n", "2:10", "circle: x.yaml -> x.yaml"),
    "base is in a circle": (BASE + "extends: a.yaml\n", "b.yaml:1:10", "a.yaml -> b.yaml -> a.yaml"),
    "base is no scenario": (BASE + "extends: ../../../../../../etc/passwd\n", "2:10", "does not name a .yaml file"),
    "base is a device": (BASE + "extends: zero.yaml\n", "2:10", "not a regular file"),
    "base is a pipe": (BASE + "extends: pipe.yaml\n", "2:10", "not a regular file"),
    "base is a folder": (BASE + "extends: folder.yaml\n", "2:10", "is a directory"),
    "base is a circle of links": (BASE + "extends: loop.yaml\n", "2:10", "cannot open"),
    "base is a broken link": (BASE + "extends: gone.yaml\n", "2:10", "no such file"),
    "base is empty": (BASE + "extends: empty.yaml\n", "empty.yaml:1:1", "is empty"),
    "base is binary": (BASE + "extends: binary.yaml\n", "binary.yaml:1:4", "not UTF-8"),
    "base has a long name": (BASE + f"extends: {BIG}.yaml\n", "2:10", "cannot open"),
    "base is a list": (BASE + "extends: [good.yaml]\n", "2:10", "does not name a .yaml file"),
    "base with a nul": (BASE + 'extends: "a\\0.yaml"\n', "2:10", "cannot"),
    "market is wrong": (BASE + "market: nobody.yaml\n", "nobody.yaml:1:18", "1 to 5,000,000"),
    "market is broken": (BASE + "market: broken.yaml\n", "broken.yaml:2:1", "not valid YAML"),
    "market is latin-1": (BASE + "market: latin.yaml\n", "latin.yaml:2:3", "not UTF-8"),
    "market extends itself": (BASE + "market: {extends: x.yaml}\n", "2:19", "circle"),
    "graph is missing": (BASE + "graph_file: thre.csv\n", "2:13", "did you mean"),
    "graph is a folder": (BASE + "graph_file: folder.yaml\n", "2:13", "is a directory"),
    "graph is a device": (BASE + "graph_file: zero.csv\n", "2:13", "not a regular file"),
    "graph is a pipe": (BASE + "graph_file: pipe.csv\n", "2:13", "not a regular file"),
    "graph has a long name": (BASE + f"graph_file: {BIG}\n", "2:13", "cannot open"),
    "graph is a number": (BASE + "graph_file: 3\n", "2:13", "wrong type"),
}
# name: (arguments, exit code, words); GOOD is a good scenario
ARGUMENTS = {
    "missing file": (["check", "god.yaml"], 2, "Did you mean `good.yaml`"),
    "folder": (["check", "folder.yaml"], 2, "is a folder"),
    "pipe": (["check", "pipe.yaml"], 2, "not a regular file"),
    "device": (["check", "zero.yaml"], 2, "not a regular file"),
    "links in a circle": (["check", "loop.yaml"], 2, "cannot open"),
    "broken link": (["check", "gone.yaml"], 2, "not found"),
    "long file name": (["check", BIG + ".yaml"], 2, "cannot open"),
    "escape in a file name": (["check", "a\x1b[2J.yaml"], 2, "not found"),
    "no command": (["chek", "good.yaml"], 2, "Did you mean `check`"),
    "unknown option": (["check", "good.yaml", "--fast"], 2, "--fast"),
    "set without a value": (["check", "good.yaml", "--set", "horizon"], 2, "KEY=VALUE"),
    "set without a key": (["check", "good.yaml", "--set", "=3"], 3, "not key=value"),
    "set of nothing": (["check", "good.yaml", "--set", "horizon="], 3, "wrong type"),
    "set of a word": (["check", "good.yaml", "--set", "horizon=soon"], 3, "wrong type"),
    "set of nan": (["check", "good.yaml", "--set", "budget=.nan"], 3, "finite"),
    "set of infinity": (["check", "good.yaml", "--set", "budget=-.inf"], 3, "finite"),
    "set of 1e999": (["check", "good.yaml", "--set", "budget=1e999"], 3, "finite"),
    "set of many digits": (["check", "good.yaml", "--set", "budget=" + "9" * 5000], 3, "too many digits"),
    "set of a list": (["check", "good.yaml", "--set", "budget=[1, 2]"], 3, "got: a list"),
    "set of broken YAML": (["check", "good.yaml", "--set", "budget={"], 3, "not valid YAML"),
    "set of a deep list": (["check", "good.yaml", "--set", "budget=" + "[" * 10_000], 3, "nested too deeply"),
    "set of an unknown key": (["check", "good.yaml", "--set", "horizn=3"], 3, "did you mean `horizon`"),
    "set of a control": (["check", "good.yaml", "--set", "name=\x1b[2J"], 3, "U+001B"),
    "set of a surrogate": (["check", "good.yaml", "--set", "name=\udcff"], 3, "U+DCFF"),
    "set through a number": (["check", "good.yaml", "--set", "horizon.x=3"], 3, "not a mapping"),
    "set of extends": (["check", "good.yaml", "--set", "extends=a.yaml"], 3, "cannot be overridden"),
    "set of a market": (["check", "good.yaml", "--set", "market=../../etc/passwd"], 3, "does not name a .yaml file"),
    "set of an arm": (["check", "good.yaml", "--set", "strategies.makro.creators=3"], 3, "did you mean `macro`"),
    "show of nothing": (["show", "empty.yaml"], 3, "is empty"),
    "show of binary": (["show", "binary.yaml"], 3, "not UTF-8"),
    "list of nothing": (["list", "strategies", "zzz"], 5, "no strategies contain"),
    "list of what": (["list", "people"], 2, "people"),
    "no such arm": (["run", "good.yaml", "--strategy", "makro"], 2, "Did you mean `macro`"),
    "no arm": (["run", "good.yaml"], 2, "--strategy"),
    "negative replication": (["run", "good.yaml", "--strategy", "none", "--replication", "-1"], 2, "--replication"),
    "endless replication": (["run", "good.yaml", "--strategy", "none", "--replication", "1048576"], 2, "--replication"),
    "no threads": (["run", "good.yaml", "--strategy", "none", "--threads", "0"], 2, "--threads"),
    "graph too small": (["run", "good.yaml", "--strategy", "none", "--set", "graph_file=three.csv"], 3, "at most 3"),
    "no jobs": (["compare", "good.yaml", "--out", "out", "--jobs", "0"], 2, "--jobs"),
    "jobs as word": (["compare", "good.yaml", "--out", "out", "--jobs", "all"], 2, "--jobs"),
    "no replications": (["compare", "good.yaml", "--out", "out", "--replications", "0"], 3, "1 to 100,000"),
    "many replications": (["compare", "good.yaml", "--out", "out", "--replications", "1000000000"], 3, "1 to 100,000"),
    "no days": (["compare", "good.yaml", "--out", "out", "--days", "0"], 3, "1 to 3,650"),
    "budget option nan": (["compare", "good.yaml", "--out", "out", "--budget", "nan"], 3, "a number, 0 to"),
    "budget option negative": (["compare", "good.yaml", "--out", "out", "--budget", "-5"], 3, "got: -5"),
    "seed option": (["compare", "good.yaml", "--out", "out", "--seed", "-1"], 3, "0 to 4,294,967,295"),
    "population 0": (["compare", "good.yaml", "--out", "out", "--population", "0"], 2, "--population"),
    "population below the agents": (["compare", "good.yaml", "--out", "out", "--population", "39"], 3, "at least 40"),
    "graph option missing": (["compare", "good.yaml", "--out", "out", "--graph", "no.csv"], 2, "not found"),
    "graph option device": (["compare", "good.yaml", "--out", "out", "--graph", "zero.csv"], 3, "not a regular file"),
    "graph option pipe": (["compare", "good.yaml", "--out", "out", "--graph", "pipe.csv"], 3, "not a regular file"),
    "graph option of another kind": (["compare", "good.yaml", "--out", "out", "--graph", "good.yaml"], 3, "unknown format"),
    "direction of no graph": (["compare", "good.yaml", "--out", "out", "--graph-direction", "follows"], 2, "needs --graph"),
    "no folder": (["compare", "good.yaml"], 2, "--out"),
    "folder is a file": (["compare", "good.yaml", "--out", "good.yaml"], 6, "it is a file"),
    "folder below a file": (["compare", "good.yaml", "--out", "good.yaml/out"], 6, "not a folder"),
    "folder is the root": (["compare", "good.yaml", "--out", "/"], 6, "holds other files"),
    "folder is here": (["compare", "good.yaml", "--out", "."], 6, "holds other files"),
    "folder is a link": (["compare", "good.yaml", "--out", "gone.yaml"], 6, "is not a folder"),
    "folder cannot be": (["compare", "good.yaml", "--out", "/proc/nothing/out"], 6, "cannot write"),
    "folder name is long": (["compare", "good.yaml", "--out", BIG], 6, "name too long"),
    "run into a file": (["run", "good.yaml", "--strategy", "none", "--out", "good.yaml"], 6, "it is a file"),
}
# fmt: on


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of everything in a folder, links not followed."""
    return {str(p): (p.lstat().st_size, p.lstat().st_mtime_ns) for p in sorted(folder.rglob("*"))}


def test_there_are_enough_cases():
    assert len(FILES) + len(ARGUMENTS) >= 150


@pytest.mark.parametrize("name", FILES)
def test_a_bad_scenario_is_refused_with_place_and_words(capsys, tmp_path, name):
    text, place, words = FILES[name]
    path = write(tmp_path, text)
    before = tree(tmp_path)
    code, out, err = call(capsys, "check", "x.yaml")
    assert (code, out) == (3, ""), err
    named = place if ".yaml" in place else f"{path.name}:{place}" if place else path.name
    assert f"--> {named}" in err
    assert words in err
    assert "Nothing was run." in err
    assert len(err) < 40_000
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_bad_argument_is_refused_with_its_exit_code(capsys, tmp_path, name):
    args, expected, words = ARGUMENTS[name]
    before = tree(tmp_path)
    code, _, err = call(capsys, *args)
    assert code == expected, err
    assert words in err
    assert "\x1b" not in err
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["escaped surrogate", "escaped control", "a megabyte of numbers", "base has a long name"])
def test_bad_scenarios_are_json_too(capsys, tmp_path, name):
    write(tmp_path, FILES[name][0])
    code, out, _ = call(capsys, "check", "x.yaml", "--json")
    answer = json.loads(out)
    assert answer["result"]["exit_code"] == code == 3
    assert answer["result"]["problems"]


def test_thousands_of_problems_are_counted_and_the_first_are_shown(capsys, tmp_path):
    write(tmp_path, "{strategies: [none], " + "".join(f"k{i}: 1, " for i in range(3000)) + "}")
    code, _, err = call(capsys, "check", "x.yaml")
    assert code == 3
    assert "... and 2900 more\n3000 errors. Nothing was run." in err
    assert len(err) < 100_000
    _, out, _ = call(capsys, "check", "x.yaml", "--json")
    assert len(json.loads(out)["result"]["problems"]) == 100


# Legal extremes run to their end: nobody posts, nobody buys, nobody else is there.
EXTREMES = {
    "one person, who posts": ["people.agents=1", "people.population=1", "creators.count=1"],
    "one person, no creators": ["people.agents=1", "people.population=1", "creators.count=0"],
    "no creators": ["creators.count=0"],
    "one creator": ["creators.count=1"],
    "everybody posts": ["creators.count=40"],
    "no views": ["people.views_per_day=0"],
    "no budget": ["budget=0"],
    "all the money": ["budget=1e12", "strategies.macro.followers_min=0"],
    "one day": ["horizon=1"],
    "more follows than people": ["graph.follows_per_person=2000", "graph.friends_per_person=500"],
    "no follows": ["graph.follows_per_person=0", "graph.friends_per_person=0"],
    "a billion people": ["people.population=1000000000"],
    "seeds at their end": ["world_seed=4294967295", "path_seed=4294967295"],
    "a graph of three": ["graph_file=three.csv", "creators.count=1"],
    "a name that is a path": ["name=../../name"],
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("strategy", ["none", "macro"])
def test_legal_extremes_run(capsys, name, strategy):
    overrides = [part for item in EXTREMES[name] for part in ("--set", item)]
    code, out, err = call(capsys, "run", "good.yaml", "--strategy", strategy, "--json", *overrides)
    assert code == 0, err
    totals = json.loads(out)["result"]["totals"]
    assert 0 <= totals["spend"] <= totals["budget"]


def test_a_bad_name_of_an_output_cannot_leave_its_folder(capsys, tmp_path):
    code, _, err = call(capsys, "compare", "good.yaml", "--out", "out", "--set", "name=../../up", "--jobs", "1", "--set", "horizon=1", "-q")
    assert code == 0, err
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["folder.yaml", "out"]


# An older result is replaced only when it is one of ours.
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"made_by": "another"}', "[" * 100_000, '{"made_by": 3}', "\0", "\ud800"],
    ids=["empty", "cut", "list", "null", "another", "deep", "number", "nul", "surrogate"],
)  # fmt: skip
def test_a_folder_that_is_not_ours_is_left_alone(capsys, tmp_path, text):
    write(tmp_path, text.encode("utf-8", "surrogatepass"), "out/provenance.json")
    write(tmp_path, "mine", "out/mine.txt")
    before = tree(tmp_path)
    code, _, err = call(capsys, "compare", "good.yaml", "--out", "out")
    assert (code, "holds other files" in err) == (6, True)
    assert tree(tmp_path) == before

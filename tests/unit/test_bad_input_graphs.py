"""Follower graphs that are wrong, hostile or merely odd, through the command line: what is refused, where, and what still runs."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from scenario_files import write

from influence_sim.cli import main
from influence_sim.world import edge_lists
from influence_sim.world.graph_files import GraphError, load_graph

WORLD = """\
strategies: [none]
horizon: 1
replications: 1
market:
  people: {agents: 1, population: 1}
  creators: {count: 1}
  feed: {stages: 0}
"""
ML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">{}</graph></graphml>'
LOL = '<!DOCTYPE g [<!ENTITY a0 "aaaaaaaaaa">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)) + "]>"
XXE = '<!DOCTYPE g [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def table(**columns):
    """Return the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


# fmt: off
# file: (content, what follows the file's name in the message, words)
BAD = {
    "empty.csv": ("", ":", "the file is empty"),
    "blank.txt": (" \n\n\t\n", ":", "the file is empty"),
    "mark.csv": ("\ufeff", ":", "expected"),
    "comments.txt": ("# 1 2\n" * 1000, ":", "no accounts found"),
    "header.csv": ("source,target,weight\n", ":", "no accounts found"),
    "one_column.csv": ("a\nb\n", ":1:", "1 columns"),
    "four_columns.csv": ("1,2,.5,x\n", ":1:", "4 columns"),
    "ragged.csv": ("source,target\n1,2\n3\n4,5\n", ":3:", "1 columns"),
    "no_name.csv": ("1,2\n,3\n", ":2:", "an account without a name"),
    "nan.csv": ("1,2,.5\n2,3,nan\n", ":2:", "weight nan"),
    "infinite.txt": ("1 2 .5\n2 3 inf\n", ":2:", "weight inf"),
    "overflow.txt": ("1 2 .5\n2 3 1e999\n", ":2:", "1e999"),
    "negative.tsv": ("1\t2\t.5\n2\t3\t-1\n", ":2:", "weight -1"),
    "word.txt": ("1 2 .5\n2 3 much\n", ":2:", "'much' is not a number"),
    "half.csv": ("1,2,.5\n2,3,\n", ":2:", "no weight"),
    "windows.csv": ("1,2,.5\r\n2,3,x\r\n", ":2:", "'x' is not a number"),
    "quote.csv": ('1,2\n"3,4\n', ":2:", "1 columns"),
    "code.edgelist": ("1 2 {'weight': __import__('os').getpid()}\n", ":1:", "is not a number"),
    "braces.edgelist": ("1 2 " + "{" * 50_000 + "\n", ":1:", "is not a number"),
    "minus.edgelist": ("1 2 {'weight': " + "-" * 50_000 + "1}\n", ":1:", "is not a number"),
    "long_line.txt": ("1 2\n" + "x" * 200_000 + "\n", ":2:", "a line of 200,001 bytes"),
    "long_digits.txt": ("1 2 " + "9" * 5000 + "\n", ":1:", "is not a number"),
    "prose.txt": ("it was a dark and stormy night\n" * 3000, ":1:", "995 more lines"),
    "binary.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ":1:", "not UTF-8"),
    "nul.txt": (b"1 2\n3 \x004\n", ":2:", "binary data"),
    "latin.csv": ("1,M\xfcller\n".encode("latin-1"), ":1:", "not UTF-8"),
    "utf16.csv": ("1,2\n".encode("utf-16"), ":1:", "not UTF-8"),
    "cut.txt.gz": (gzip.compress(b"1 2\n" * 1000)[:-9], ":", "not a whole gzip file"),
    "header.csv.gz": (gzip.compress(b"1,2\n")[:5], ":", "not a whole gzip file"),
    "plain.csv.gz": ("1,2\n", ":", "not a whole gzip file"),
    "rotten.csv.gz": (gzip.compress(b"1,2\n" * 99)[:-8] + b"\0" * 8, ":", "not a whole gzip file"),
    "bomb.csv.gz": (gzip.compress(b"1,2\n" * 2_500_000), ":", "no list of edges packs so well"),
    "bomb.parquet.gz": (gzip.compress(b"\0" * 10_000_000), ":", "no list of edges packs so well"),
    "twice.csv.gz": (gzip.compress(gzip.compress(b"1,2\n")), ":1:", "not UTF-8"),
    "text.parquet": ("1,2\n", ":", "not a Parquet file"),
    "cut.parquet": (table(source=[1, 2], target=[2, 1])[:-20], ":", "not a Parquet file"),
    "magic.parquet": (b"PAR1" + b"\xff" * 40 + b"PAR1", ":", "not a Parquet file"),
    "narrow.parquet": (table(source=[1]), ":", "expected two columns"),
    "null.parquet": (table(source=[1, None], target=[2, 3]), ":", "empty cells"),
    "nan.parquet": (table(source=[1], target=[2], weight=[float("nan")]), ":", "weight nan"),
    "lists.parquet": (table(source=[[1]], target=[2]), ":", "expected two columns"),
    "none.parquet": (table(source=pa.array([], pa.int64()), target=pa.array([], pa.int64())), ":", "no accounts found"),
    "cut.graphml": ("<graphml>\n<graph>\n", ":3:", "not well-formed XML"),
    "page.graphml": ("<html></html>", ":", "not GraphML"),
    "no_ids.graphml": (ML.format("<node/><edge/>"), ":", "not GraphML"),
    "key.graphml": (ML.format('<node id="a"><data key="k">1</data></node>'), ":", "not GraphML"),
    "none.graphml": (ML.format(""), ":", "no accounts found"),
    "bomb.graphml": (LOL + ML.format('<node id="&a11;"/>'), ":1:", "not well-formed XML"),
    "outside.graphml": (XXE + ML.format('<node id="&x;"/>'), ":1:", "not well-formed XML"),
    "kind.xls": ("1,2\n", ":", "unknown format"),
    "pickled.pkl": (b"\x80\x04.", ":", "unknown format"),
}
# file: (content, accounts, follows)
ODD = {
    "self.csv": ("1,1\n", 1, 0),
    "self_and_more.txt": ("1 1\n1 2\n2 2\n", 2, 1),
    "repeated.txt": ("1 2\n1 2\n1 2\n", 2, 1),
    "both_ways.txt": ("1 2\n2 1\n", 2, 2),
    "no_newline.csv": ("1,2", 2, 1),
    "negative_names.csv": ("-1,-2\n", 2, 1),
    "huge_names.txt": ("9" * 40 + " 1\n", 2, 1),
    "emoji.csv": ("\U0001f600,\u00fc\n", 2, 1),
    "paths.csv": ("../../etc/passwd,/\n", 2, 1),
    "formula.csv": ("=1+1,@x\n", 2, 1),
    "windows.csv": ("\ufeffsource,target\r\n1,2\r\n", 2, 1),
    "old_mac.txt": ("1 2\r2 3\r", 3, 2),
    "strong.txt": ("1 2 1e300\n2 1 0\n", 2, 2),
    "node.graphml": (ML.format('<node id="a"/>'), 1, 0),
    "two_members.csv.gz": (gzip.compress(b"1,2\n") + gzip.compress(b"2,1\n"), 2, 2),
    "dictionary.parquet": (table(source=pa.array(["a", "b"]).dictionary_encode(), target=["b", "a"]), 2, 2),
}
# fmt: on


# Processes that start in another folder import what this test imports.
HERE = {**os.environ, "PYTHONPATH": str(Path(edge_lists.__file__).parents[2])}


def save(folder, name, content):
    """Write text or bytes exactly."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def compare(capsys, monkeypatch, folder, name):
    """Compare on a graph; return (exit code, stderr)."""
    monkeypatch.chdir(folder)
    write(folder, WORLD, "world.yaml")
    code = main(["compare", "world.yaml", "--out", "out", "--graph", name, "--jobs", "1", "--no-progress"])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "fault of influence-sim" not in err
    return code, err


@pytest.mark.parametrize("name", BAD)
def test_a_bad_graph_is_refused_with_place_and_words(capsys, monkeypatch, tmp_path, name):
    content, place, words = BAD[name]
    save(tmp_path, name, content)
    code, err = compare(capsys, monkeypatch, tmp_path, name)
    assert code == 3
    assert f"{name}{place}" in err
    assert words in err
    assert "Nothing was run." in err
    assert len(err) < 10_000
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "world.yaml"])


@pytest.mark.parametrize("name", ODD)
def test_an_odd_graph_is_read(tmp_path, name):
    content, accounts, follows = ODD[name]
    graph = load_graph(save(tmp_path, name, content))
    assert (len(graph.names), len(graph.source)) == (accounts, follows)


@pytest.mark.parametrize("name", ["self.csv", "node.graphml"])
def test_one_account_that_follows_nobody_runs(capsys, monkeypatch, tmp_path, name):
    save(tmp_path, name, ODD[name][0])
    code, err = compare(capsys, monkeypatch, tmp_path, name)
    assert code == 0, err
    assert "1 accounts, 0 follows" in err
    assert (tmp_path / "out" / "report.html").exists()


def test_more_than_there_is_memory_for_is_refused_before_it_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(edge_lists, "free_memory", lambda: 10_000.0)
    for name, content, words in (
        ("a.txt", "1 2\n" * 1000, "4,000 bytes need about"),
        ("a.parquet", table(source=[1] * 1000, target=[2] * 1000), "1,000 edges need about"),
        ("b.txt", "1 2 # \n" * 1000, "7,000 bytes need about"),
        ("c.txt", "1 2 x 3\n" * 200, "1,600 bytes of mixed lines need about"),
        ("d.txt.gz", gzip.compress(b"1 2\n" * 1000), "more than 1,666 bytes unpacked need about"),
    ):
        with pytest.raises(GraphError, match=rf"{words} 0\.0 GB of memory to be read, 0\.0 GB are free"):
            load_graph(save(tmp_path, name, content))


# A hundred megabytes of what a follower graph is not, under a limit of the whole process.
HUGE = {
    "zeros.csv": (lambda: b"\0" * 100_000_000, "binary data"),
    "line.txt": (lambda: b"a" * 100_000_000, "a line of 100,000,0"),
    "commas.csv": (lambda: b"," * 100_000_000, "a line of 100,000,0"),
    "prose.txt": (lambda: b"it was a dark and stormy night\n" * 3_200_000, "7 columns"),
    "breaks.txt": (lambda: b"\n" * 100_000_000, "the file is empty"),
    "zeros.yaml": (lambda: b"a: 1\n" * 20_000_000, "at most 1 MB"),
}
PROBE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from influence_sim.cli import main
name = sys.argv[1]
code = main(["check", name]) if name.endswith(".yaml") else 0
if not code:
    from influence_sim.world.graph_files import GraphError, load_graph
    try:
        load_graph(name)
    except GraphError as error:
        print(error, file=sys.stderr)
        code = 3
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(peak)
sys.exit(code)
"""


@pytest.mark.parametrize("name", HUGE)
def test_a_hundred_megabytes_cost_no_more_than_some_copies(tmp_path, name):
    make, words = HUGE[name]
    path = save(tmp_path, name, make())
    done = subprocess.run([sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, timeout=120, check=False, env=HERE)
    path.unlink()
    assert done.returncode == 3, done.stderr
    assert words in done.stderr
    assert int(done.stdout.splitlines()[-1]) < 1200  # megabytes


def test_a_graph_that_cannot_be_opened(tmp_path):
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.csv")
    for name, words in (("loop.csv", "symbolic links"), ("zero.csv", "not a regular file"), ("pipe.csv", "not a regular file"),
                        ("x" * 300 + ".csv", "name too long"), ("a\0.csv", "null")):  # fmt: skip
        with pytest.raises(GraphError, match=words):
            load_graph(tmp_path / name)


# --------------------------------------------------------------- a machine that is full


def command(folder: Path, *args: str, limit: int | None = None, stdout: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a real process in `folder`, its files limited to `limit` bytes."""

    def bound() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "influence_sim.cli", *args],
        cwd=folder, text=True, stdout=subprocess.PIPE if stdout is None else stdout, stderr=subprocess.PIPE, preexec_fn=bound,
        check=False, timeout=120, env=HERE,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("limit", [200, 20_000])
def test_a_disk_that_fills_up_leaves_nothing(tmp_path, limit):
    write(tmp_path, WORLD, "world.yaml")
    done = command(tmp_path, "compare", "world.yaml", "--out", "out", "--jobs", "1", "-q", limit=limit)
    assert done.returncode == 6, done.stderr
    assert "nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["world.yaml"]


def test_a_disk_that_fills_up_keeps_the_older_result(tmp_path):
    write(tmp_path, WORLD, "world.yaml")
    write(tmp_path, '{"made_by": "influence-sim"}', "out/provenance.json")
    write(tmp_path, "old", "out/report.html")
    done = command(tmp_path, "compare", "world.yaml", "--out", "out", "--jobs", "1", "-q", limit=20_000)
    assert done.returncode == 6, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "world.yaml"]
    assert (tmp_path / "out" / "report.html").read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_answer_that_cannot_be_printed_is_a_failure(tmp_path):
    write(tmp_path, WORLD, "world.yaml")
    with open("/dev/full", "w") as full:
        done = command(tmp_path, "check", "world.yaml", stdout=full.fileno())
    assert done.returncode == 6
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_in_any_bytes_and_a_terminal_of_few_letters(tmp_path):
    name = os.fsdecode(b"\xff\xc3\xbc.yaml")
    write(tmp_path, WORLD + "name: \U0001f600\n", name)
    done = subprocess.run(
        [sys.executable, "-m", "influence_sim.cli", "show", name, "--changed"],
        cwd=tmp_path, capture_output=True, env={**HERE, "PYTHONIOENCODING": "ascii"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"\\U0001f600" in done.stdout

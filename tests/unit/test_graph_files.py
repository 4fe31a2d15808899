"""Follower graphs from files and NetworkX: every format, every direction, and errors that name the line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from influence_sim.scenario.parameters import Market
from influence_sim.world import edge_lists, graph_files
from influence_sim.world.build import build_world
from influence_sim.world.graph_files import GraphError, LoadedGraph, load_graph, to_networkx

DATA = Path(__file__).parents[3] / "shared" / "data"
EDGES = [(10, 2, 0.5), (2, 10, 0.25), (7, 2, 1.0), (3, 7, 0.0)]


def triples(graph: LoadedGraph) -> list[tuple[Any, ...]]:
    weight = [1.0] * len(graph.source) if graph.weight is None else graph.weight.tolist()
    return sorted((graph.names[u], graph.names[v], w) for u, v, w in zip(graph.source, graph.target, weight, strict=True))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def lines(sign: str, *, header: str = "", weights: bool = True) -> str:
    rows = [sign.join(map(str, e if weights else e[:2])) for e in EDGES]
    return "\n".join(([header] if header else []) + rows) + "\n"


FILES = {
    "blanks.edgelist": lines(" "),
    "tabs.txt": lines("\t"),
    "mixed.txt": lines("  \t "),
    "comments.txt": "# a comment 1 2\n\n" + lines(" ") + "# 5 6 7\n",
    "networkx.edgelist": "".join(f"{u} {v} {{'weight': {w}, 'since': 'a b'}}\n" for u, v, w in EDGES),
    "plain.csv": lines(","),
    "header.csv": lines(",", header="source,target,weight"),
    "unknown_header.csv": lines(",", header="a,b,weight"),
    "quoted.csv": '"source","target","weight"\n' + "".join(f'"{u}","{v}","{w}"\n' for u, v, w in EDGES),
    "spaced.csv": lines(" , "),
    "reordered.csv": "probability,followed,age,follower\n" + "".join(f"{w},{v},33,{u}\n" for u, v, w in EDGES),
    "comments.csv": "# c,d\n" + lines(",", header="from,to,weight") + "#1,2,3\n",
    "plain.tsv": lines("\t"),
    "header.tsv": lines("\t", header="Source\tTarget\tWeight"),
    "windows.csv": lines(",", header="source,target,weight").replace("\n", "\r\n"),
    "marked.csv": "\ufeff" + lines(",", header="source,target,weight"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_text_formats(tmp_path: Path, name: str, packed: bool) -> None:
    path = tmp_path / (name + ".gz" * packed)
    data = FILES[name].replace("\r\n", "\n").replace("\n", "\r\n" if name.startswith("windows") else "\n").encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    graph = load_graph(path)
    assert triples(graph) == sorted(EDGES)
    assert graph.names == [2, 3, 7, 10]
    assert load_graph(str(path)).names == graph.names


@pytest.mark.parametrize("name", ["a.edgelist", "a.txt", "a.csv", "a.tsv"])
def test_without_weights(tmp_path: Path, name: str) -> None:
    sign = {"a.csv": ",", "a.tsv": "\t"}.get(name, " ")
    graph = load_graph(write(tmp_path / name, lines(sign, weights=False)))
    assert graph.weight is None
    assert triples(graph) == sorted((u, v, 1.0) for u, v, _ in EDGES)


def test_words_above_numbers_are_a_header(tmp_path: Path) -> None:
    assert load_graph(write(tmp_path / "a.csv", "left,right\n1,2\n")).names == [1, 2]
    assert load_graph(write(tmp_path / "b.csv", "ann,bob\nbob,cem\n")).names == ["ann", "bob", "cem"]


def test_networkx_writes_what_is_read(tmp_path: Path) -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_weighted_edges_from(EDGES)
    nx.write_edgelist(graph, tmp_path / "a.edgelist")
    nx.write_edgelist(nx.DiGraph(graph.edges), tmp_path / "b.edgelist")  # lines end in {}
    nx.write_weighted_edgelist(graph, tmp_path / "c.edgelist.gz")
    nx.write_graphml(graph, tmp_path / "d.graphml")
    nx.write_graphml(graph, tmp_path / "e.graphml.gz")
    for name in ("a.edgelist", "c.edgelist.gz", "d.graphml", "e.graphml.gz"):
        assert triples(load_graph(tmp_path / name)) == sorted(EDGES), name
    assert load_graph(tmp_path / "b.edgelist").weight is None


def test_graphml_keeps_accounts_without_edges(tmp_path: Path) -> None:
    graph = nx.DiGraph([("a", "b")])
    graph.add_node("alone")
    nx.write_graphml(graph, tmp_path / "a.graphml")
    assert load_graph(tmp_path / "a.graphml").names == ["a", "b", "alone"]


@pytest.mark.parametrize("columns", [("source", "target", "weight"), ("weight", "target", "source"), ("x", "y", "weight")])
@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_parquet(tmp_path: Path, columns: tuple[str, ...], kind: pa.DataType) -> None:
    u, v, w = zip(*EDGES, strict=True)
    table = {name: pa.array(w) if name == "weight" else pa.array(u if name in ("source", "x") else v).cast(kind) for name in columns}
    parquet.write_table(pa.table(table), tmp_path / "a.parquet")
    assert triples(load_graph(tmp_path / "a.parquet")) == sorted(EDGES)


@pytest.mark.parametrize(
    "columns",
    [
        {"source": pa.array([5, 70_000_000_000, 5], pa.int64()), "target": pa.array([1, 2, 3], pa.int8())},  # far apart
        {"source": pa.array([-7, 2**31 - 1, 3], pa.int32()), "target": pa.array([1, -(2**31), 2], pa.int32())},
        {"source": pa.array([5, 10**18, 5], pa.int64()), "target": pa.array([1, 2, 3], pa.int64())},  # too large for a number: all are text
        {"source": pa.array([5, 2**64 - 1, 5], pa.uint64()), "target": pa.array([1, 2, 3], pa.int64())},
        {"source": pa.array([5, 6, 7], pa.int64()), "target": pa.array(["5", "06", "x"])},
        {"source": pa.array(["b", "a", "b"]), "target": pa.DictionaryArray.from_arrays([0, 2, 0], ["b", "unused", "c"])},
    ],
)
def test_kinds_of_names_in_parquet(tmp_path: Path, columns: dict[str, Any]) -> None:
    """Whatever type a column has, the graph is the one of the same names in text."""
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=2)
    rows = zip(*(columns[end].to_pylist() for end in ("source", "target")), strict=True)
    text = load_graph(write(tmp_path / "a.csv", "source,target\n" + "".join(f"{u},{v}\n" for u, v in rows)))
    graph = load_graph(tmp_path / "a.parquet")
    assert graph.names == text.names
    assert triples(graph) == triples(text)
    assert "unused" not in graph.names


@pytest.mark.parametrize("name", ["01", "-0", "+5", "5.0", "1e3", "0", "-3", "9" * 18, "9" * 19, "-" + "9" * 18, "--1", "1-2"])
def test_numbers_are_names_only_where_they_come_back_as_written(tmp_path: Path, name: str) -> None:
    graph = load_graph(write(tmp_path / "a.csv", f"source,target,weight\n1,{name},0.05\n"))
    assert sorted(map(str, graph.names)) == sorted(["1", name])
    whole = name in ("0", "-3", "9" * 18, "-" + "9" * 18)
    assert all(type(n) is (int if whole else str) for n in graph.names)


def test_quotes_around_the_names_of_columns_are_no_surprise(tmp_path: Path) -> None:
    graph = load_graph(write(tmp_path / "a.csv", '"target","source","note"\n1,2,x\n3,2,y\n'))
    assert triples(graph) == [(2, 1, 1.0), (2, 3, 1.0)]
    assert "columns ignored: note" in graph.notes


def test_direction() -> None:
    edge = nx.DiGraph([("a", "b")])
    assert triples(load_graph(edge, "follows")) == [("a", "b", 1.0)]
    assert triples(load_graph(edge, "influences")) == [("b", "a", 1.0)]
    with pytest.raises(GraphError, match="'follows' or 'influences'"):
        load_graph(edge, "sideways")  # type: ignore[arg-type]


def test_self_follows_and_repeats_are_dropped_and_counted(tmp_path: Path) -> None:
    graph = load_graph(write(tmp_path / "a.txt", "1 1 .1\n1 2 .2\n2 1 .3\n1 2 .4\n3 3 .5\n1 2 .6\n"))
    assert triples(graph) == [(1, 2, 0.2), (2, 1, 0.3)]
    assert graph.names == [1, 2, 3]
    assert "2 self follows dropped" in graph.notes
    assert "2 repeated edges dropped" in graph.notes


def test_undirected_graphs_count_in_both_directions() -> None:
    graph: nx.Graph[Any] = nx.Graph()
    graph.add_weighted_edges_from([(1, 2, 0.5), (2, 2, 1.0)])
    loaded = load_graph(graph)
    assert triples(loaded) == [(1, 2, 0.5), (2, 1, 0.5)]
    assert any("undirected" in note for note in loaded.notes)
    assert "1 self follows dropped" in loaded.notes


def test_multigraph_and_objects_as_nodes() -> None:
    graph = nx.MultiDiGraph([(("a", 1), frozenset()), (("a", 1), frozenset())])
    assert load_graph(graph).names == [("a", 1), frozenset()]


def test_order_of_lines_does_not_matter(tmp_path: Path) -> None:
    a = load_graph(write(tmp_path / "a.txt", "9 b\n10 b\nb 9\n"))
    b = load_graph(write(tmp_path / "b.txt", "b 9\n9 b\n10 b\n"))
    assert a.names == b.names == ["10", "9", "b"]
    assert np.array_equal(a.target, b.target)


def test_names_that_only_look_like_numbers_stay_apart(tmp_path: Path) -> None:
    assert load_graph(write(tmp_path / "a.txt", "007 7\n-0 0\n")).names == ["-0", "0", "007", "7"]


BAD = {
    "missing.csv": (None, r"missing\.csv: cannot be read: No such file"),
    "kind.xls": ("1 2\n", r"kind\.xls: unknown format '\.xls': expected a file ending in \.edgelist"),
    "nothing": ("1 2\n", r"unknown format ''"),
    "pickled.pkl": ("1 2\n", "unknown format"),
    "empty.txt": ("", "the file is empty"),
    "blank.csv": ("\n \n", "the file is empty"),
    "comments.txt": ("# 1 2\n", "no accounts found"),
    "header.csv": ("source,target\n", "no accounts found"),
    "one.txt": ("1 2\n3\n", r"one\.txt:2: 1 columns: expected two account names"),
    "one.csv": ("source,target\n1,2\n3\n", r"one\.csv:3: 1 columns"),
    "many.csv": ("1,2,0.5,9\n", r"many\.csv:1: 4 columns"),
    "comma.txt": ("1,2\n", r"comma\.txt:1: 1 columns"),
    "noname.csv": ("1,2\n,3\n", r"noname\.csv:2: an account without a name"),
    "word.txt": ("1 2 .5\n2 3 much\n", r"word\.txt:2: weight 'much' is not a number"),
    "nan.txt": ("1 2 .5\n# c\n2 3 nan\n", r"nan\.txt:3: weight nan is not a number of at least 0"),
    "nan.csv": ("1,2,.5\n2,3,NaN\n", r"nan\.csv:2: weight NaN"),
    "inf.csv": ("1,2,.5\n2,3,inf\n", r"inf\.csv:2: weight inf"),
    "negative.tsv": ("1\t2\t.5\n2\t3\t-1\n", r"negative\.tsv:2: weight -1"),
    "half.txt": ("1 2 .5\n2 3\n", r"half\.txt:2: no weight, though other lines have one"),
    "half.csv": ("1,2,.5\n2,3,\n", r"half\.csv:2: no weight"),
    "dict.edgelist": ("1 2 {'weight': .5}\n2 3 {'weight'\n", r"dict\.edgelist:2: weight"),
    "code.edgelist": ("1 2 {'weight': __import__('os')}\n", r"code\.edgelist:1: weight"),
    "tree.graphml": ("<graphml>\n<graph>\n", r"tree\.graphml:\d+: not well-formed XML"),
    "other.graphml": ("<html></html>", r"other\.graphml: not GraphML"),
    "not.parquet": ("1,2\n", r"not\.parquet: not a Parquet file"),
    "not.csv.gz": ("1,2\n", r"not\.csv\.gz: not a whole gzip file"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_name_file_line_and_what_is_expected(tmp_path: Path, name: str) -> None:
    text, message = BAD[name]
    if text is not None:
        write(tmp_path / name, text)
    with pytest.raises(GraphError, match=message) as caught:
        load_graph(tmp_path / name)
    assert isinstance(caught.value, ValueError)


def test_only_the_first_wrong_lines_are_shown(tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        load_graph(write(tmp_path / "a.txt", "1 2\n" + "3\n" * 20))
    shown = str(caught.value).splitlines()
    assert len(shown) == 6
    assert shown[-1] == "... and 15 more lines"


@pytest.mark.parametrize("data", [b"1 2\n\xff\xfe\x00", b"1 2\n3 \x004\n"])
def test_binary(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(GraphError, match=r"a\.txt:2: (binary data|not UTF-8 text)"):
        load_graph(path)


def test_cut_gzip_and_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"1 2\n" * 1000)[:-12])
    with pytest.raises(GraphError, match="not a whole gzip file"):
        load_graph(path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(GraphError, match="cannot be read"):
        load_graph(tmp_path / "folder.csv")


def test_bad_parquet_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for table, message in (
        ({"a": [1]}, "expected two columns"),
        ({"source": [1, None], "target": [2, 3]}, "empty cells"),
        ({"source": [1], "target": [2], "weight": [None]}, "weight nan"),
        ({"source": [1], "target": [2], "weight": ["x"]}, "expected two columns"),
        ({"source": [[1]], "target": [2]}, "expected two columns"),
    ):
        parquet.write_table(pa.table(table), path)
        with pytest.raises(GraphError, match=message):
            load_graph(path)


def test_bad_networkx_graphs() -> None:
    for weight, message in ((float("nan"), "1 -> 2 has weight nan"), (-1, "has weight -1"), ("x", "must be numbers")):
        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_edge(1, 2, weight=weight)
        with pytest.raises(GraphError, match=message):
            load_graph(graph)
    graph = nx.DiGraph([(1, 2)])
    graph.add_edge(2, 3, weight=1.0)
    with pytest.raises(GraphError, match="edge 1 -> 2 has no weight"):
        load_graph(graph)
    for nothing, message in ((nx.DiGraph(), "no accounts found"), (5, "got int")):
        with pytest.raises(GraphError, match=message):
            load_graph(nothing)


def test_weights_that_are_no_probabilities_are_ones_in_the_world() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_weighted_edges_from([(1, 2, 3.0), (2, 1, 0.5)])
    loaded = load_graph(graph)
    assert any("no probabilities" in note for note in loaded.notes)
    assert build_world(_market(2), 1, graph=loaded).follows.weights().tolist() == [1, 1]


def _market(creators: int, population: int = 1000) -> Market:
    return Market.model_validate({"people": {"population": population}, "creators": {"count": creators}})


def test_to_networkx_returns_the_loaded_graph() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_node("alone")
    graph.add_weighted_edges_from([("a", "b", 0.5), ("c", "b", 0.25), ("b", "a", 1.0)])
    world = build_world(_market(1, 400), 1, graph=load_graph(graph))
    back = to_networkx(world)
    assert set(back.nodes) == set(graph.nodes)
    assert set(back.edges(data="weight")) == set(graph.edges(data="weight"))
    assert back.nodes["b"] == {"creator": True, "followers": 200.0}  # two agents of 100 people
    assert back.nodes["a"] == {"creator": False, "followers": 1.0}


def test_to_networkx_of_a_generated_world() -> None:
    world = build_world(Market(), 1)
    graph = to_networkx(world)
    assert graph.number_of_nodes() == world.size
    assert graph.number_of_edges() == len(world.follows.target)
    assert sum(data["creator"] for _, data in graph.nodes(data=True)) == 100
    again = load_graph(graph)
    assert np.array_equal(again.target, world.follows.target)


NAMES = st.one_of(st.integers(-5, 12).map(str), st.text("abåß7.-_'", min_size=1, max_size=3))


@settings(max_examples=150, deadline=None)
@given(
    edges=st.lists(st.tuples(NAMES, NAMES, st.floats(0, 2).map(lambda x: round(x, 3))), min_size=1, max_size=12),
    weighted=st.booleans(),
    sign=st.sampled_from([" ", "\t", ","]),
)
def test_fast_and_careful_reading_agree(edges: list[tuple[str, str, float]], weighted: bool, sign: str) -> None:
    text = "".join(sign.join([u, v, str(w)] if weighted else [u, v]) + "\n" for u, v, w in edges)
    delimiter = None if sign == " " else sign
    fast = edge_lists._read_regular(Path("a"), text.encode(), delimiter)
    careful = graph_files._finish(edge_lists._read_lines(Path("a"), text.encode(), delimiter), "follows", "a")
    if fast is not None:
        quick = graph_files._finish(fast, "follows", "a")
        assert quick.names == careful.names
        assert triples(quick) == triples(careful)
        assert quick.notes == careful.notes
    pairs = list(zip(careful.source.tolist(), careful.target.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert all(u != v for u, v in pairs)


@settings(max_examples=100, deadline=None)
@given(text=st.text("12 a,\t\n\r#{}':.\"", max_size=40), kind=st.sampled_from([".txt", ".csv", ".tsv"]))
def test_any_text_is_read_or_refused(text: str, kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{kind}"
    path.write_bytes(text.encode())
    problem, names = "", []
    try:
        names = load_graph(path).names
    except GraphError as error:
        problem = str(error)
    assert str(path) in problem or names


@pytest.mark.parametrize(
    ("path", "accounts", "edges"),
    [
        ("graph_higgs_mention/higgs-mention_network.edgelist.gz", 116_408, 145_465),
        ("graph_congress_twitter/congress.edgelist", 475, 13_289),
    ],
)
def test_real_graphs(path: str, accounts: int, edges: int) -> None:
    if not (DATA / path).exists():
        pytest.skip("data not here")
    graph = load_graph(DATA / path, "influences")
    assert (len(graph.names), len(graph.source)) == (accounts, edges)
    world = build_world(_market(100, 1_000_000), 1, graph=graph)
    top = np.bincount(world.follows.target, minlength=world.size)[world.creators.person[:-1]]
    assert (np.diff(top) <= 0).all()
    if accounts == 475:
        assert graph.weight is not None
        assert world.follows.weight.tolist() == graph.weight.tolist()

"""Whatever stands in a scenario or a graph file, it is loaded or refused with a reason: no other exception, no long wait, no warning."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from influence_sim.scenario import ScenarioError, load_scenario, parameters, scenario_from_dict
from influence_sim.world.edge_lists import FORMATS
from influence_sim.world.graph_files import GraphError, load_graph

TOP = Path(__file__).parents[2]
SCENARIOS = [path.read_bytes() for path in sorted((TOP / "scenarios").glob("*.yaml"))]
MARKETS = [path.read_bytes() for path in sorted((TOP / "scenarios" / "markets").glob("*.yaml"))]
SIGNS = [b"\0", b"\xff", b"\t", b"\r", b"\n", b"\n\n", b": ", b"- ", b"? ", b"&a ", b"*a", b"!!x ", b"<<: ", b"{", b"}", b"[", b"]",
         b"'", b'"', b"|", b">", b"%", b"---\n", b"...\n", b"#", b"\\ud800", b".nan", b".inf", b"1e999", b"9" * 400,
         b"~", b"\xef\xbb\xbf", b"\xc2\x85"]  # fmt: skip
FUZZ = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
SECONDS, MEGABYTES = 8, 50  # of this process; a megabyte of hostile text takes 1 to 3


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Draw a text with bytes flipped, pieces cut out or doubled, lines exchanged and signs put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for kind in draw(st.lists(st.sampled_from(["flip", "cut", "double", "exchange", "insert", "truncate"]), min_size=1, max_size=6)):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        end = min(len(data), at + draw(st.integers(1, 60)))
        if kind == "flip":
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del data[at:end]
        elif kind == "double":
            data[at:at] = data[at:end]
        elif kind == "insert":
            data[at:at] = draw(st.sampled_from(SIGNS))
        elif kind == "truncate":
            del data[at:]
        else:
            lines = bytes(data).split(b"\n")
            a, b = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
            lines[a], lines[b] = lines[b], lines[a]
            data = bytearray(b"\n".join(lines))
    return bytes(data)


def loaded_or_refused(load, *args):
    """Call `load`; return what the user is told, or nothing. Anything but the two errors fails the test."""
    began = time.process_time()
    try:
        load(*args)
        said = ""
    except ScenarioError as error:
        said = str(error) if all(p.message and p.code for p in error.problems) else "a problem without words"
    except GraphError as error:
        said = str(error)
    assert not said or said.startswith(("error[S1", str(args[0])))
    assert time.process_time() - began < SECONDS
    assert "\x1b" not in said
    return said


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the shipped scenarios, as the mutated files refer to them."""
    (tmp_path / "markets").mkdir()
    for path in (TOP / "scenarios").rglob("*.yaml"):
        (tmp_path / path.relative_to(TOP / "scenarios")).write_bytes(path.read_bytes())
    return tmp_path


@FUZZ
@given(data=mutated(SCENARIOS))
def test_mutated_scenarios(folder, data):
    (folder / "x.yaml").write_bytes(data)
    loaded_or_refused(load_scenario, folder / "x.yaml")


@FUZZ
@given(data=mutated(MARKETS))
def test_mutated_markets(folder, data):
    (folder / "markets" / "x.yaml").write_bytes(data)
    (folder / "x.yaml").write_bytes(b"strategies: [none]\nmarket: markets/x.yaml\n")
    loaded_or_refused(load_scenario, folder / "x.yaml")


ENDLESS = st.sampled_from([300, 400, 5000]).map(lambda digits: 10**digits)  # Python prints no more than 4,300
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | ENDLESS | st.sampled_from([2**63, 1e308])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
KEYS = [p.path for p in parameters()] + ["brand", "feed", "people"]
TOPS = ["name", "question", "market", "strategies", "budget", "horizon", "replications", "world_seed", "tiers", "graph_file", "extends"]


@FUZZ
@given(key=st.sampled_from(KEYS), value=VALUES, top=st.sampled_from(TOPS), other=VALUES)
def test_any_value_at_any_key(key, value, top, other):
    group, _, name = key.partition(".")
    market = {group: {name: value} if name else value}
    loaded_or_refused(scenario_from_dict, {"strategies": ["none"], "market": market})
    loaded_or_refused(scenario_from_dict, {"strategies": ["none", "macro"], top: other})
    loaded_or_refused(scenario_from_dict, {"strategies": {"macro": {"creators": value, "followers_min": other}}})


@FUZZ
@given(key=st.sampled_from(KEYS + TOPS), value=st.text(max_size=20) | st.sampled_from([s.decode("latin-1") for s in SIGNS]))
def test_any_override(folder, key, value):
    loaded_or_refused(load_scenario, folder / "demo.yaml", [f"{key}={value}"])


def _graphs() -> dict[str, bytes]:
    """Return a small valid graph in every format."""
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table({"source": ["a", "b", "c"], "target": ["b", "c", "a"], "weight": [0.1, 0.2, 0.3]}), sink)
    text = b"a b 0.1\nb c 0.2\nc a 0.3\n# end\n"
    graphml = (
        b'<?xml version="1.0" encoding="utf-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
        b'<key id="w" for="edge" attr.name="weight" attr.type="double"/><graph edgedefault="directed">'
        b'<node id="a"/><node id="b"/><edge source="a" target="b"><data key="w">0.5</data></edge></graph></graphml>'
    )
    return {
        ".edgelist": b"a b {'weight': 0.1}\nb c {'weight': 0.2}\n", ".txt": text, ".csv": b"source,target,weight\na,b,0.1\n\"b\",c,0.2\n",
        ".tsv": b"1\t2\t0.5\n2\t3\t0.1\n", ".graphml": graphml, ".parquet": sink.getvalue().to_pybytes(),
    }  # fmt: skip


GRAPHS = _graphs()


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_graphs(tmp_path, kind, data):
    content = data.draw(mutated([GRAPHS[kind]]) | st.binary(max_size=80))
    path = tmp_path / f"x{kind}"
    path.write_bytes(content)
    said = loaded_or_refused(load_graph, path)
    packed = tmp_path / f"y{kind}.gz"
    packed.write_bytes(gzip.compress(content))
    assert bool(loaded_or_refused(load_graph, packed)) == bool(said)


@FUZZ
@given(data=mutated([gzip.compress(GRAPHS[".csv"] * 20)]))
def test_mutated_packed_graphs(tmp_path, data):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(data)
    loaded_or_refused(load_graph, path)


PIECES = [b"[", b"{", b"- ", b"a: ", b"&a ", b"*a,", b"? ", b"!!str ", b"'", b'"', b"#\n", b"\n", b"1,", b"x: 1\n", b"<<: {}\n", b"%A\n"]


@pytest.mark.parametrize("piece", PIECES, ids=[repr(piece)[2:-1] for piece in PIECES])
def test_many_repeats_of_one_sign_cost_neither_time_nor_memory(tmp_path, piece):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"strategies: [none]\nname: 3\nquestion:\n  " + piece * (25_000 // len(piece)))
    tracemalloc.start()
    try:
        said = loaded_or_refused(lambda file: load_scenario(file), path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said
    assert peak < MEGABYTES * 1e6

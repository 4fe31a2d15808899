"""Read follower graphs from files or NetworkX, and hand the world's graph back to NetworkX."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import itertools
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import networkx as nx

    from influence_sim.world.columns import World

Array = np.ndarray[Any, Any]
Direction = Literal["follows", "influences"]
FORMATS = (".edgelist", ".txt", ".csv", ".tsv", ".graphml", ".parquet")
SOURCE_NAMES = ("source", "from", "src", "u", "follower", "fromnodeid", "node1")
TARGET_NAMES = ("target", "to", "dst", "v", "followed", "followee", "tonodeid", "node2")
WEIGHT_NAMES = ("weight", "probability", "w", "p")
SHOWN = 5  # problems of a file reported at once
# Bounds on what is read, so that a wrong file costs neither the memory nor the day (assumptions). The largest public
# follower graphs of one topic have 15 million edges; names of accounts pack to a tenth.
MAX_BYTES = 1_000_000_000
MAX_EDGES = 50_000_000
MAX_LINE = 100_000  # bytes of one edge
MAX_RATIO = 200
MAX_WRONG = 1000  # wrong lines after which reading stops: the file is something else
SPACED = "two account names and optionally a weight, e.g. `12 34 0.05`"
DELIMITED = "two columns of account names and optionally one of weights"


class GraphError(ValueError):
    """A graph that cannot be read; the message names the file, the line and what is expected."""


@dataclass(frozen=True)
class LoadedGraph:
    """A follower graph: person `source[i]` follows person `target[i]`.

    Edges are sorted by (source, target), without self follows and repeats. `weight` is None when
    the graph has none; `names[p]` is the node that person p was; `notes` tell what was dropped or
    decided.
    """

    source: Array
    target: Array
    weight: Array | None
    names: list[Any]
    notes: list[str] = field(default_factory=list)


@dataclass
class _Raw:
    """Edges as the source has them: names or, with `nodes`, positions in it."""

    source: Any
    target: Any
    weight: Array | None = None
    nodes: list[Any] | None = None
    notes: list[str] = field(default_factory=list)


def load_graph(source: Any, direction: Direction = "follows") -> LoadedGraph:
    """Return the follower graph in a file or a NetworkX graph.

    Parameters
    ----------
    source
        A NetworkX graph (an undirected edge counts in both directions), or the path of a file:
        `.edgelist` or `.txt` (names separated by blanks, then nothing, a weight, or NetworkX data
        such as ``{'weight': 0.1}``), `.csv` or `.tsv` (with or without a header; columns are
        recognised as source/target/weight, from/to, follower/followed, else the first two count),
        `.parquet` or `.graphml`; each may end in `.gz`. Lines that begin with ``#`` are comments.
    direction
        `follows`: an edge u, v says that u follows v. `influences`: that u influences v, so v follows u.

    Returns
    -------
    LoadedGraph
        People are numbered in the order of a NetworkX graph, else by name (as numbers when all
        are whole numbers), so the order of lines does not matter. Self follows and repeated edges
        are dropped (the first weight stays) and counted in `notes`.

    Raises
    ------
    GraphError
        When the source cannot be read as a graph.
    """
    if direction not in ("follows", "influences"):
        raise GraphError(f"graph direction must be 'follows' or 'influences', got {direction!r}")
    if isinstance(source, (str, PathLike)):
        return _finish(_read(Path(source)), direction, str(source))
    if hasattr(source, "is_directed") and hasattr(source, "edges"):
        return _finish(_from_networkx(source), direction, "graph")
    raise GraphError(f"expected a NetworkX graph or the path of a file, got {type(source).__name__}")


def to_networkx(world: World) -> nx.DiGraph[Any]:
    """Return the follower graph of `world`; an edge u, v says that u follows v.

    Nodes have the loaded names, or person rows. Node attributes: `creator` (bool) and `followers`
    in real people (an agent that follows a creator stands for `people_per_agent`). Edge attribute: `weight`.
    """
    import networkx as nx

    names = world.names if world.names is not None else list(range(world.size))
    is_creator = world.people.creator >= 0
    followers = np.bincount(world.follows.target, minlength=world.size) * np.where(is_creator, world.people_per_agent, 1.0)
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_nodes_from(
        (name, {"creator": bool(c), "followers": float(f)}) for name, c, f in zip(names, is_creator, followers, strict=True)
    )
    follower = np.repeat(np.arange(world.size), np.diff(world.follows.start))
    rows = zip(follower.tolist(), world.follows.target.tolist(), world.follows.weights().tolist(), strict=True)
    graph.add_weighted_edges_from((names[u], names[v], w) for u, v, w in rows)
    return graph


def _finish(raw: _Raw, direction: Direction, where: str) -> LoadedGraph:
    notes = list(raw.notes)
    names, u, v = _number(raw.source, raw.target) if raw.nodes is None else (raw.nodes, raw.source, raw.target)
    if not names:
        raise GraphError(f"{where}: no accounts found: expected at least one edge")
    if (weight := raw.weight) is not None:
        bad = np.flatnonzero(~(weight >= 0) | np.isinf(weight))
        for i in bad[:1]:
            raise GraphError(f"{where}: edge {names[u[i]]} -> {names[v[i]]} has weight {weight[i]}: expected a number of at least 0")
    if direction == "influences":
        u, v = v, u

    other = np.flatnonzero(u != v)
    if len(other) < len(u):
        notes.append(f"{len(u) - len(other)} self follows dropped")
    first = other[np.unique(u[other] * len(names) + v[other], return_index=True)[1]]  # sorted by (u, v)
    if len(first) < len(other):
        notes.append(f"{len(other) - len(first)} repeated edges dropped")
    if weight is not None:
        weight = weight[first]
        if (weight > 1).any():
            notes.append(f"weights run to {weight.max():g}, so they are no probabilities: in a world every edge has weight 1")
    notes.append("creators are the accounts with most followers; ties go to the account that comes first in `names`")
    return LoadedGraph(u[first], v[first], weight, names, notes)


_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_COMMENTS = re.compile(rb"(?:#[^\n]*+(?:\n|\Z))*+")
_NUMBER = re.compile(r"[-+]?(nan|inf|(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)", re.ASCII | re.IGNORECASE)


def _whole(names: list[str]) -> list[Any]:
    """Return the names as numbers if all are whole numbers."""
    return [int(name) for name in names] if all(_WHOLE.fullmatch(name) for name in names) else list(names)


def _number(source: Any, target: Any) -> tuple[list[Any], Array, Array]:
    """Return the sorted names and the positions of both ends in them."""
    import pyarrow as pa

    ends = [x if isinstance(x, pa.ChunkedArray) else pa.chunked_array([x], pa.large_string()) for x in (source, target)]
    both = pa.chunked_array([chunk for end in ends for chunk in end.cast(pa.large_string()).chunks], pa.large_string())
    coded = both.combine_chunks().dictionary_encode()
    names = _whole(coded.dictionary.to_pylist())
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    rows = rank[coded.indices.to_numpy()]
    return [names[i] for i in order], rows[: len(rows) // 2], rows[len(rows) // 2 :]


def _from_networkx(graph: Any, where: str = "graph") -> _Raw:
    nodes = list(graph.nodes)
    row = {node: i for i, node in enumerate(nodes)}
    edges = list(graph.edges(data="weight"))
    u = np.array([row[e[0]] for e in edges], np.int64)
    v = np.array([row[e[1]] for e in edges], np.int64)
    given = [e[2] is not None for e in edges]
    weight, notes = None, []
    if any(given):
        if not all(given):
            e = edges[given.index(False)]
            raise GraphError(f"{where}: edge {e[0]} -> {e[1]} has no weight, others have: expected a weight on every edge or on none")
        try:
            weight = np.array([float(e[2]) for e in edges])
        except (TypeError, ValueError) as error:
            raise GraphError(f"{where}: edge weights must be numbers: {error}") from error
    if not graph.is_directed():
        loops = u == v  # one self edge must not be counted as two
        u, v = np.concatenate([u, v[~loops]]), np.concatenate([v, u[~loops]])
        weight = None if weight is None else np.concatenate([weight, weight[~loops]])
        notes.append("the graph is undirected: every edge counts in both directions")
    return _Raw(u, v, weight, nodes, notes)


def _bytes(path: Path) -> bytes:
    """Return the unpacked bytes of a file, at most `MAX_BYTES` and, packed, `MAX_RATIO` times its size."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe or a device could be read for ever
            raise GraphError(f"{path}: cannot be read: not a regular file")
        if found.st_size > MAX_BYTES:
            raise GraphError(f"{path}: {found.st_size:,} bytes are too many for a follower graph: expected at most {MAX_BYTES:,}")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, GraphError):
            raise
        raise GraphError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not path.name.lower().endswith(".gz"):
        return data
    most = min(MAX_BYTES, MAX_RATIO * len(data))
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            data = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise GraphError(f"{path}: not a whole gzip file: {error}") from error
    if len(data) > most:
        raise GraphError(f"{path}: unpacks to more than {most:,} bytes, {MAX_RATIO} times its size at most: no list of edges packs so well")
    return data


def _read(path: Path) -> _Raw:
    name = path.name.lower().removesuffix(".gz")
    kind = Path(name).suffix
    if kind not in FORMATS:
        raise GraphError(f"{path}: unknown format {kind!r}: expected a file ending in {', '.join(FORMATS)}, or one of them and .gz")
    data = _bytes(path)
    if not data or data.isspace():
        raise GraphError(f"{path}: the file is empty: expected {DELIMITED}")
    if kind == ".parquet":
        return _read_parquet(path, data)
    if kind == ".graphml":
        return _read_graphml(path, data)
    delimiter = {".csv": ",", ".tsv": "\t"}.get(kind)
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GraphError(f"{path}:{data.count(bytes([10]), 0, error.start) + 1}: not UTF-8 text: expected {DELIMITED}") from error
    if "\0" in text:
        raise GraphError(f"{path}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: binary data: expected {DELIMITED}")
    signs = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero((signs == 10) | (signs == 13))
    if len(breaks) > MAX_EDGES:
        raise GraphError(f"{path}: {len(breaks):,} lines are too many: expected at most {MAX_EDGES:,} edges")
    lengths = np.diff(np.concatenate([[-1], breaks, [len(data)]]))
    if lengths.max() > MAX_LINE:
        line = data.count(b"\n", 0, int(breaks[lengths.argmax() - 1]) + 1 if lengths.argmax() else 0) + 1
        raise GraphError(f"{path}:{line}: a line of {lengths.max():,} bytes: expected {DELIMITED if delimiter else SPACED}")
    fast = _read_regular(data, delimiter)
    return fast if fast is not None else _read_lines(path, text, delimiter)


def _read_regular(data: bytes, delimiter: str | None) -> _Raw | None:
    """Read a text without quotes, comments in the middle or other surprises quickly, else return None.

    Every surprise is left to `_read_lines`, which knows all forms and names the lines that are wrong.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as pacsv

    if data.startswith(b"#"):  # one step over all comments: a step each would copy the file as often
        data = data[_COMMENTS.match(data).end() :]  # type: ignore[union-attr]
    if not data:
        return _Raw([], [])
    head = [line.rstrip(b"\r").decode() for line in data.split(b"\n", 2)[:2]]
    sign = delimiter or ("\t" if "\t" in head[0] else " ")
    if any(odd in data for odd in (b"#", b'"', b"{", *([b" "] if sign != " " else []))):
        return None
    columns = head[0].split(sign)
    if len(head) > 1 and not head[1].strip():
        return None
    if header := _is_header(columns, head[-1].split(sign), delimiter):
        data = data.partition(b"\n")[2]
    elif len(columns) not in (2, 3):
        return None
    u, v, w = _pick(columns) if header else (0, 1, 2 if len(columns) == 3 else None)
    keys = [str(i) for i in range(len(columns))]
    types = {key: pa.float64() if key == str(w) else pa.string() for key in keys}
    try:
        table = pacsv.read_csv(
            io.BytesIO(data),
            pacsv.ReadOptions(column_names=keys),
            pacsv.ParseOptions(delimiter=sign, quote_char=False),
            pacsv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[]),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    if any(pc.any(pc.match_substring_regex(table[end], r"^$|[\s\v\x1c-\x1f\x85]|\pZ")).as_py() for end in (u, v)):
        return None
    weight = None if w is None else table[w].to_numpy()
    if weight is not None and not ((weight >= 0) & (weight < np.inf)).all():
        return None
    return _Raw(table[u], table[v], weight, notes=_ignored(columns, u, v, w))


def _read_lines(path: Path, text: str, delimiter: str | None) -> _Raw:
    """Read any accepted text line by line; raise with the first lines that are wrong."""
    head = [fields for _, fields in itertools.islice(_rows(path, text, delimiter), 2)]
    columns = head[0] if head else []
    header = _is_header(columns, head[-1], delimiter) if head else False
    rows = itertools.islice(_rows(path, text, delimiter), int(header), None)
    u, v, w = _pick(columns) if header else (0, 1, 2 if any(len(fields) > 2 for _, fields in _rows(path, text, delimiter)) else None)
    width = len(columns) if header else 2 if w is None else 3
    ends: tuple[list[str], list[str]] = ([], [])
    once: dict[str, str] = {}  # one string for each account, not for each edge
    weight: list[float] = []
    problems: list[str] = []
    for number, fields in rows:
        if len(problems) == MAX_WRONG:
            break
        try:
            if len(fields) != width and not (len(fields) == 2 and width == 3):
                raise ValueError(f"{len(fields)} columns")
            if not fields[u] or not fields[v]:
                raise ValueError("an account without a name")
            if w is not None:
                weight.append(_weight(fields[w] if w < len(fields) else ""))
            for end, name in zip(ends, (fields[u], fields[v]), strict=True):
                end.append(once.setdefault(name, name))
        except ValueError as problem:
            problems.append(f"{path}:{number}: {problem}: expected {DELIMITED if delimiter else SPACED}")
    if problems:
        more = [f"... and {len(problems) - SHOWN} more lines"] if len(problems) > SHOWN else []
        raise GraphError("\n".join(problems[:SHOWN] + more))
    return _Raw(ends[0], ends[1], np.array(weight) if w is not None else None, notes=_ignored(columns, u, v, w) if header else [])


def _rows(path: Path, text: str, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of every line that is not blank or a comment."""
    lines = io.StringIO(text, newline=None)
    if delimiter is None:
        for number, line in enumerate(lines, 1):
            fields = line.split(None, 2)
            if fields and not fields[0].startswith("#"):
                yield number, fields[:2] + (_data(fields[2]) if len(fields) == 3 else [])
        return
    reader = csv.reader(("\n" if line.startswith("#") else line for line in lines), delimiter=delimiter)
    try:
        for fields in reader:
            if any(f.strip() for f in fields):
                yield reader.line_num, [f.strip() for f in fields]
    except csv.Error as error:
        raise GraphError(f"{path}:{reader.line_num}: {error}: expected {DELIMITED}") from error


def _data(text: str) -> list[str]:
    """Return what follows two names as fields; NetworkX data counts as its weight, or as nothing without one."""
    if not text.startswith("{"):
        return text.split()
    try:
        data = ast.literal_eval(text.strip())
        return [str(data["weight"])] if "weight" in data else []
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return [text.strip()]  # reported as a weight that is no number


def _weight(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"weight {text[:40]!r} is not a number" if text else "no weight, though other lines have one") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"weight {text} is not a number of at least 0")
    return value


def _is_header(first: Sequence[str], second: Sequence[str], delimiter: str | None) -> bool:
    """Tell a header: known names, or (with a delimiter) a third field that is no number, or words above whole numbers."""
    lowered = [name.strip().lower() for name in first]
    if any(name in SOURCE_NAMES for name in lowered) and any(name in TARGET_NAMES for name in lowered):
        return True
    if delimiter is None or len(first) < 2:
        return False
    if len(first) > 2 and len(second) > 2 and not _NUMBER.fullmatch(first[2].strip()) and _NUMBER.fullmatch(second[2].strip()):
        return True
    whole = [bool(_WHOLE.fullmatch(name.strip())) for name in (*first[:2], *second[:2])]
    return whole == [False, False, True, True]


def _pick(columns: Sequence[str]) -> tuple[int, int, int | None]:
    """Return which columns are source, target and weight."""
    lowered = [name.strip().lower() for name in columns]
    u, v, w = (next((i for i, c in enumerate(lowered) if c in names), None) for names in (SOURCE_NAMES, TARGET_NAMES, WEIGHT_NAMES))
    if u is None or v is None:
        u, v = 0, 1
    return u, v, None if w in (u, v) else w


def _ignored(columns: Sequence[str], u: int, v: int, w: int | None) -> list[str]:
    names = ", ".join(name.strip() for i, name in enumerate(columns) if i not in (u, v, w))
    return [f"columns ignored: {names}"] if names else []


def _read_parquet(path: Path, data: bytes) -> _Raw:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        columns, edges = file.schema_arrow.names, file.metadata.num_rows
        if len(columns) < 2:
            raise GraphError(f"{path}: columns {columns}: expected {DELIMITED}")
        if edges > MAX_EDGES:  # a few bytes can stand for any number of equal rows
            raise GraphError(f"{path}: {edges:,} rows are too many: expected at most {MAX_EDGES:,} edges")
        table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise GraphError(f"{path}: not a Parquet file: {error}") from error
    u, v, w = _pick(columns)
    try:
        ends = [table[i].cast(pa.large_string()) for i in (u, v)]
        weight = None if w is None else table[w].cast(pa.float64()).to_numpy()  # a null becomes NaN and is refused
    except pa.ArrowException as error:
        raise GraphError(f"{path}: {error}: expected {DELIMITED}") from error
    if any(end.null_count for end in ends):
        raise GraphError(f"{path}: empty cells in {table.column_names[u]!r} or {table.column_names[v]!r}: expected {DELIMITED}")
    return _Raw(ends[0], ends[1], weight, notes=_ignored(table.column_names, u, v, w))


def _read_graphml(path: Path, data: bytes) -> _Raw:
    from xml.etree.ElementTree import ParseError

    import networkx as nx

    try:
        graph = nx.read_graphml(io.BytesIO(data))
    except ParseError as error:
        raise GraphError(f"{path}:{error.position[0]}: not well-formed XML: {error}") from error
    except (nx.NetworkXError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise GraphError(f"{path}: not GraphML: {error}") from error
    if "None" in graph and not re.search(rb"""["']None["']""", data):  # what NetworkX makes of a missing id
        raise GraphError(f"{path}: not GraphML: a node or an edge without an id")
    raw = _from_networkx(graph, str(path))
    raw.nodes = _whole([str(name) for name in raw.nodes or []])
    return raw

"""Read lists of edges from text, Parquet and GraphML files, a part at a time, within the memory there is."""

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
from pathlib import Path
from typing import Any

import numpy as np

from influence_sim.machine import free_memory, gigabytes
from influence_sim.world.numbering import WHOLE, only_numbers

Array = np.ndarray[Any, Any]
FORMATS = (".edgelist", ".txt", ".csv", ".tsv", ".graphml", ".parquet")
SOURCE_NAMES = ("source", "from", "src", "u", "follower", "fromnodeid", "node1")
TARGET_NAMES = ("target", "to", "dst", "v", "followed", "followee", "tonodeid", "node2")
WEIGHT_NAMES = ("weight", "probability", "w", "p")
SHOWN = 5  # problems of a file reported at once
# A wrong file must cost neither the memory nor the day. What a file takes while it is read is measured, with margin
# (docs/howto/million.md); more than is free is refused before it is read.
BYTES_PER_EDGE, BYTES_PER_TEXT_EDGE = 48, 100  # of Parquet, with numbers or with text as names
BYTES_PER_BYTE = 6  # of a text file that is regular
LINE_BYTES_PER_BYTE = 12  # of one that has to be read line by line
MAX_LINE = 100_000  # bytes of one edge
MAX_RATIO = 200  # of unpacked to packed size (assumption: names of accounts pack to a tenth)
MAX_WRONG = 1000  # wrong lines after which reading stops: the file is something else
PART = 1 << 22  # edges, or bytes, handled at a time
SPACED = "two account names and optionally a weight, e.g. `12 34 0.05`"
DELIMITED = "two columns of account names and optionally one of weights"
_COMMENTS = re.compile(rb"(?:#[^\n]*+(?:\n|\Z))*+")
_NUMBER = re.compile(r"[-+]?(nan|inf|(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)", re.ASCII | re.IGNORECASE)


class GraphError(ValueError):
    """A graph that cannot be read; the message names the file, the line and what is expected."""


@dataclass
class RawEdges:
    """Edges as the source has them: names or, with `nodes`, positions in it."""

    source: Any
    target: Any
    weight: Array | None = None
    nodes: list[Any] | None = None
    notes: list[str] = field(default_factory=list)


def _room_for(path: Path, what: str, needed: float) -> None:
    """Raise `GraphError` when reading `what` needs more memory than is free."""
    free = free_memory()
    if free is not None and needed > free:
        raise GraphError(f"{path}: {what} need about {gigabytes(needed)} of memory to be read, {gigabytes(free)} are free")


def read_edges(path: Path) -> RawEdges:
    """Return the edges in a text or Parquet file, by what its name ends in.

    Raises
    ------
    GraphError
        When it cannot be read, naming the first lines that are wrong.
    """
    kind = kind_of(path)
    data = read_bytes(path)
    if kind == ".parquet":
        return _read_parquet(path, data)
    delimiter = {".csv": ",", ".tsv": "\t"}.get(kind)
    data = data.removeprefix(b"\xef\xbb\xbf")
    _check_text(path, data, DELIMITED if delimiter else SPACED)
    fast = _read_regular(path, data, delimiter)
    return fast if fast is not None else _read_lines(path, data, delimiter)


def kind_of(path: Path) -> str:
    """Return the suffix that names the format of a file, packed or not."""
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    if kind not in FORMATS:
        raise GraphError(f"{path}: unknown format {kind!r}: expected a file ending in {', '.join(FORMATS)}, or one of them and .gz")
    return kind


def read_bytes(path: Path) -> bytes:
    """Return the unpacked bytes of a file that holds something, as far as there is memory for what it becomes."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe or a device could be read for ever
            raise GraphError(f"{path}: cannot be read: not a regular file")
        packed = path.name.lower().endswith(".gz")
        factor = 1 if packed or path.suffix.lower() == ".parquet" else BYTES_PER_BYTE
        _room_for(path, f"{found.st_size:,} bytes", factor * found.st_size)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, GraphError):
            raise
        raise GraphError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if packed:
        data = _unpacked(path, data)
    if not data or data.isspace():
        raise GraphError(f"{path}: the file is empty: expected {DELIMITED}")
    return data


def _unpacked(path: Path, data: bytes) -> bytes:
    free = free_memory()
    most = MAX_RATIO * len(data) if free is None else min(MAX_RATIO * len(data), int(free / BYTES_PER_BYTE))
    size = len(data)
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            data = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise GraphError(f"{path}: not a whole gzip file: {error}") from error
    if len(data) > most:
        if most == MAX_RATIO * size:
            raise GraphError(f"{path}: unpacks to more than {most:,} bytes, {MAX_RATIO} times its size: no list of edges packs so well")
        _room_for(path, f"more than {most:,} bytes unpacked", BYTES_PER_BYTE * len(data))
    return data


def _check_text(path: Path, data: bytes, expected: str) -> None:
    """Raise `GraphError` when the bytes are no text, or have a line longer than any edge."""
    try:
        for at in () if data.isascii() else (0,):
            data[at:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise GraphError(f"{path}:{data.count(bytes([10]), 0, error.start) + 1}: not UTF-8 text: expected {DELIMITED}") from error
    if (at := data.find(0)) >= 0:
        raise GraphError(f"{path}:{data.count(bytes([10]), 0, at) + 1}: binary data: expected {DELIMITED}")
    last, signs = -1, np.frombuffer(data, np.uint8)
    for at in range(0, len(data) + 1, PART):
        part = signs[at : at + PART]
        breaks = np.flatnonzero((part == 10) | (part == 13)) + at
        if at + PART > len(data):
            breaks = np.append(breaks, len(data))
        lengths = np.diff(breaks, prepend=last)
        if len(breaks) and lengths.max() > MAX_LINE:
            begun = int(breaks[lengths.argmax()] - lengths.max()) + 1
            line = data.count(b"\n", 0, begun) + 1
            raise GraphError(f"{path}:{line}: a line of {lengths.max():,} bytes: expected {expected}")
        last = breaks[-1] if len(breaks) else last


def _read_regular(path: Path, data: bytes, delimiter: str | None) -> RawEdges | None:
    """Read a text without quotes, comments in the middle or other surprises quickly, else return None.

    Every surprise is left to `_read_lines`, which knows all forms and names the lines that are wrong.
    """
    if data.startswith(b"#"):  # one step over all comments: a step each would copy the file as often
        data = data[_COMMENTS.match(data).end() :]  # type: ignore[union-attr]
    if not data:
        return RawEdges([], [])
    head = [line.rstrip(b"\r").decode() for line in data.split(b"\n", 2)[:2]]
    sign = delimiter or ("\t" if "\t" in head[0] else " ")
    names = len(data.partition(b"\n")[0])  # quotes around names of columns are usual, and no surprise
    if data.find(b'"', names) >= 0 or any(odd in data for odd in (b"#", b"{", *([b" "] if sign != " " else []))):
        return None
    columns = next(csv.reader(head[:1], delimiter=sign), []) if '"' in head[0] else head[0].split(sign)
    if len(head) > 1 and not head[1].strip():
        return None
    if header := _is_header(columns, head[-1].split(sign), delimiter):
        data = data[names + 1 :]
    elif '"' in head[0] or len(columns) not in (2, 3):
        return None
    u, v, w = _pick(columns) if header else (0, 1, 2 if len(columns) == 3 else None)
    for numbers in (True, False) if only_numbers(np.frombuffer(data, np.uint8), ord(sign)) else (False,):
        read = _read_parts(data, sign, columns, (u, v, w), numbers)
        if read is not None:
            source, target, weight = read
            return RawEdges(source, target, weight, notes=_ignored(columns, u, v, w))
    return None


def _read_parts(data: bytes, sign: str, columns: Sequence[str], chosen: tuple[int, int, int | None], numbers: bool) -> Any:
    """Return source, target and weight of a regular text, names as whole numbers or as text; None where that is not what stands there."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as pacsv

    u, v, w = (None if i is None else str(i) for i in chosen)
    keys = [str(i) for i in range(len(columns))]
    name = pa.int64() if numbers else pa.string()
    types = {key: name if key in (u, v) else pa.float64() if key == w else pa.string() for key in keys}
    ends: tuple[list[Any], list[Any]] = ([], [])
    weights: list[Array] = []
    try:
        parts = pacsv.open_csv(
            io.BytesIO(data),
            pacsv.ReadOptions(column_names=keys, block_size=4 * PART),
            pacsv.ParseOptions(delimiter=sign, quote_char=False),
            pacsv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[]),
        )
        for part in parts:
            for end, key in zip(ends, (u, v), strict=True):
                if not numbers and pc.any(pc.match_substring_regex(part[key], r"^$|[\s\v\x1c-\x1f\x85]|\pZ")).as_py():
                    return None
                end.append(part[key].to_numpy() if numbers else part[key].dictionary_encode())
            if w is not None:
                weights.append(part[w].to_numpy())
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    weight = np.concatenate([np.zeros(0), *weights]) if w is not None else None
    if weight is not None and not ((weight >= 0) & (weight < np.inf)).all():
        return None
    if numbers:
        return *(np.concatenate([np.zeros(0, np.int64), *end]) for end in ends), weight
    return *(pa.chunked_array(end, pa.dictionary(pa.int32(), pa.string())) for end in ends), weight


def _read_lines(path: Path, data: bytes, delimiter: str | None) -> RawEdges:
    """Read any accepted text line by line; raise with the first lines that are wrong."""
    _room_for(path, f"{len(data):,} bytes of mixed lines", LINE_BYTES_PER_BYTE * len(data))
    text = data.decode("utf-8")
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
    return RawEdges(ends[0], ends[1], np.array(weight) if w is not None else None, notes=_ignored(columns, u, v, w) if header else [])


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
    whole = [bool(WHOLE.fullmatch(name.strip())) for name in (*first[:2], *second[:2])]
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


def _read_parquet(path: Path, data: bytes) -> RawEdges:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        schema, edges = file.schema_arrow, file.metadata.num_rows
        if len(schema.names) < 2:
            raise GraphError(f"{path}: columns {schema.names}: expected {DELIMITED}")
        u, v, w = _pick(schema.names)
        numbers = all(pa.types.is_integer(schema.field(i).type) for i in (u, v))
        # A few bytes can stand for any number of equal rows.
        _room_for(path, f"{edges:,} edges", (BYTES_PER_EDGE if numbers else BYTES_PER_TEXT_EDGE) * edges)
        text = [schema.names[i] for i in (u, v) if pa.types.is_string(schema.field(i).type)]
        file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=text)  # each name once in a part, not in each row
        ends = tuple(_names(path, file, schema, i) for i in (u, v))
        weight = None
        if w is not None:
            parts = (_cast(path, part.column(0), pa.float64()) for part in file.iter_batches(PART, columns=[schema.names[w]]))
            # A null becomes NaN and is refused.
            weight = np.concatenate([np.zeros(0), *(part.to_numpy(zero_copy_only=False) for part in parts)])
    except (pa.ArrowException, OSError) as error:
        raise GraphError(f"{path}: not a Parquet file: {error}") from error
    if any(not isinstance(end, np.ndarray) and end.null_count for end in ends):
        raise GraphError(f"{path}: empty cells in {schema.names[u]!r} or {schema.names[v]!r}: expected {DELIMITED}")
    return RawEdges(ends[0], ends[1], weight, notes=_ignored(schema.names, u, v, w))


def _cast(path: Path, values: Any, kind: Any) -> Any:
    import pyarrow as pa

    try:
        return values.cast(kind)
    except pa.ArrowException as error:
        raise GraphError(f"{path}: {error}: expected {DELIMITED}") from error


def _names(path: Path, file: Any, schema: Any, column: int) -> Any:
    """Return one column of a Parquet file, read in parts: whole numbers as an array, anything else as coded text."""
    import pyarrow as pa

    kind, parts = schema.field(column).type, []
    for part in file.iter_batches(PART, columns=[schema.names[column]]):
        values = part.column(0)
        if pa.types.is_integer(kind) and not values.null_count and kind != pa.uint64():
            parts.append(values.to_numpy())
        elif pa.types.is_dictionary(values.type) and pa.types.is_string(values.type.value_type) and values.type.index_type == pa.int32():
            parts.append(values)
        else:
            parts.append(_cast(path, values, pa.string()).dictionary_encode())
    if parts and all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    coded = [pa.array(part).cast(pa.string()).dictionary_encode() if isinstance(part, np.ndarray) else part for part in parts]
    return pa.chunked_array(coded, pa.dictionary(pa.int32(), pa.string()))

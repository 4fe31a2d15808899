"""YAML 1.2 text to a tree of nodes that know where they stand.

Nothing is constructed from tags: only mappings, lists and the scalars of the YAML 1.2 core
schema exist, so a scenario file cannot run code.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from influence_sim.scenario.errors import DUPLICATE, SYNTAX, UNREADABLE, Problem, shown

MAX_BYTES = 1_000_000
# The parser makes some 10,000 values a second; every parameter set in a hundred arms is less (assumption).
MAX_NODES = 10_000
MAX_DEPTH = 40
MAX_LINE = 1000  # characters of a line that a problem keeps to be shown
TOO_MANY = "the file expands to too many values (aliases of aliases?)"
TOO_DEEP = "nested too deeply"

_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge", "timestamp", "value")}
# YAML 1.2 core schema; digits may be grouped with underscores (5_500_000), as in YAML 1.1 and Python.
_INT = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(_[0-9]+)*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Mark:
    """A place in a text: what to print when the thing that stands there is wrong."""

    file: str
    line: int = 0
    column: int = 0
    source_line: str = ""
    width: int = 1

    def problem(self, code: str, key: str, message: str, allowed: str = "", got: str = "", suggestion: str = "") -> Problem:
        """Return a problem at this place."""
        source = self.source_line[:MAX_LINE] if self.column <= MAX_LINE else ""
        return Problem(self.file, self.line, self.column, key, message, allowed, got, suggestion, code, source, self.width)

    @property
    def origin(self) -> str:
        """Where a value came from, as the origins of a loaded scenario name it."""
        if self.line:
            return f"{self.file}:{self.line}"
        return "--set" if self.file.startswith("--set ") else self.file


@dataclass
class Node:
    """A value with its place; `value` is a dict or list of nodes, or a scalar."""

    value: Any
    mark: Mark
    key_mark: Mark | None = None
    # A market named by a file replaces an inherited one whole; a mapping is merged into it.
    replaces: bool = field(default=False)

    @property
    def name_mark(self) -> Mark:
        """The place of the key, or of the value where there is no key."""
        return self.key_mark or self.mark

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Yield every scalar or list below this node with its path."""
        if isinstance(self.value, dict):
            for key, node in self.value.items():
                yield from node.leaves((*path, key))
        else:
            yield path, self


def why_unreadable(path: str | os.PathLike[str], what: str = "file") -> str:
    """Say why `path` is no file that can be read to its end; an empty string when it is one."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return f"no such {what}: {path}"
    except (OSError, ValueError) as error:  # no permission, links in a circle, a name that is too long
        return f"cannot open {path}: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(mode):
        return f"{path} is a directory, not a {what}"
    return "" if stat.S_ISREG(mode) else f"{path} is not a regular file"  # a pipe or a device could be read for ever


def read_text(path: Path, file: str, mark: Mark | None = None) -> str | Problem:
    """Read a UTF-8 file of at most one megabyte; `mark` is where the file was asked for."""
    at = mark or Mark(file)
    if reason := why_unreadable(file):
        return at.problem(UNREADABLE, "", reason)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return at.problem(UNREADABLE, "", f"cannot read {file}: {getattr(error, 'strerror', None) or error}")
    if len(data) > MAX_BYTES:
        return at.problem(UNREADABLE, "", f"{file} is too big for a scenario", "at most 1 MB", "more than 1 MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")) + 1
        return Problem(file, line, column, "", "the file is not UTF-8 text", "UTF-8", f"byte 0x{data[error.start]:02x}", code=UNREADABLE)


def parse(text: str, file: str, problems: list[Problem], set_key: str = "") -> Node | None:
    """Parse one YAML document; append what is wrong to `problems`.

    Returns None when nothing usable could be read. `set_key` names the ``--set`` key the text belongs to.
    """
    return _Reader(text, file, problems, set_key).read()


class _Reader:
    def __init__(self, text: str, file: str, problems: list[Problem], set_key: str) -> None:
        self.text, self.file, self.problems, self.set_key = text, file, problems, set_key
        self.lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)  # the line breaks ruamel counts
        self.count = 0
        self.path: list[Any] = []

    def mark(self, line: int, column: int, width: int = 1) -> Mark:
        source = self.lines[line] if line < len(self.lines) else ""
        if self.set_key:
            return Mark(f"--set {self.set_key}", 0, column + len(self.set_key) + 2, f"{self.set_key}={source}", width)
        return Mark(self.file, line + 1, column + 1, source, width)

    def node_mark(self, node: Any) -> Mark:
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else len(self.mark(start.line, 0).source_line) - start.column
        return self.mark(start.line, start.column, max(1, width))

    def read(self) -> Node | None:
        bad = UNPRINTABLE.search(self.text)
        if bad:
            before = self.text[: bad.start()]
            line = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", before)) - 1
            mark = self.mark(line, len(re.split("[\n\r\x85\u2028\u2029]", before)[-1]))
            self.problems.append(mark.problem(SYNTAX, "", "character that YAML does not allow", got=f"U+{ord(bad.group()):04X}"))
            return None
        try:
            yaml = YAML(typ="safe", pure=True)  # not "rt": keeping comments takes a minute for a megabyte of them
            yaml.Composer = _Composer
            root = yaml.compose(self.text)
            return None if root is None else self.convert(root)
        except MarkedYAMLError as error:
            at = error.problem_mark or error.context_mark
            place = self.mark(at.line, at.column) if at else Mark(self.file)
            reason = " ".join(str(part).strip() for part in (error.problem, error.context) if part)
            self.problems.append(place.problem(SYNTAX, "", f"not valid YAML: {reason}"))
        except _TooMuch as bomb:
            mark = self.mark(bomb.line, bomb.column)
            self.problems.append(mark.problem(SYNTAX, "", bomb.message, bomb.allowed))
        except (YAMLError, ValueError, AttributeError, AssertionError, KeyError, IndexError, TypeError, NotImplementedError) as error:
            # ruamel lets a few plain Python errors escape on broken directives; they are syntax errors all the same
            self.problems.append(self.mark(0, 0).problem(SYNTAX, "", f"not valid YAML: {error}"))
        return None

    def convert(self, node: Any) -> Node:
        self.count += 1
        _bounded(node, self.count, len(self.path))  # once more: an alias is one value in the text and many here
        mark = self.node_mark(node)
        if node.tag and str(node.tag) not in _CORE_TAGS:
            self.problems.append(mark.problem(SYNTAX, "", f"YAML tags are not allowed: {node.tag}", "plain values, lists and mappings"))
        if isinstance(node, ScalarNode):
            return Node(self.scalar(node, mark), mark)
        self.path.append(node)
        if isinstance(node, SequenceNode):
            result = Node([self.convert(item) for item in node.value], mark)
        else:
            assert isinstance(node, MappingNode)
            result = Node(self.mapping(node), mark)
        self.path.pop()
        return result

    def mapping(self, node: Any) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key_mark = self.node_mark(key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.append(key_mark.problem(SYNTAX, "", "a key must be a word", got="a list or mapping"))
                continue
            key = str(key_node.value)
            child = self.convert(value_node)
            child.key_mark = key_mark
            if value_node.start_mark.index == value_node.end_mark.index:
                child.mark = key_mark  # nothing stands there: the parser's place is that of the next key
            if str(key_node.tag) == "tag:yaml.org,2002:merge":
                self.problems.append(key_mark.problem(SYNTAX, key, "merge keys (`<<`) are not part of YAML 1.2", "`extends: file.yaml`"))
            elif key in found:
                first = found[key].name_mark
                where = f"line {first.line}" if first.line else "the same mapping"
                self.problems.append(key_mark.problem(DUPLICATE, key, f"key `{key}` stands twice; first on {where}"))
            else:
                found[key] = child
        return found

    def scalar(self, node: Any, mark: Mark) -> Any:
        text = str(node.value)
        if node.style in ("'", '"', "|", ">"):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if len(text) > 300 and (_INT.fullmatch(text) or _FLOAT.fullmatch(text)):
            self.problems.append(mark.problem(SYNTAX, "", "number with too many digits", "at most 300 characters", shown(text)))
            return 0
        if _INT.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text


class _TooMuch(Exception):
    def __init__(self, place: Any, message: str, allowed: str) -> None:
        self.line, self.column, self.message, self.allowed = place.start_mark.line, place.start_mark.column, message, allowed


def _bounded(place: Any, count: int, depth: int) -> None:
    if count > MAX_NODES:
        raise _TooMuch(place, TOO_MANY, f"at most {MAX_NODES:,} values")
    if depth >= MAX_DEPTH:
        raise _TooMuch(place, TOO_DEEP, f"at most {MAX_DEPTH} levels")


class _Composer(Composer):
    """Stops at a bound while it reads, before a hostile text has cost time or memory."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False  # YAML 1.2 allows them
        self.values = self.levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node."""
        self.values += 1
        _bounded(self.parser.peek_event(), self.values, self.levels)
        self.levels += 1
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node

"""Rules of the house, read from the source: one direction, keyed randomness, documented names, sourced numbers."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from influence_sim.scenario.parameters import parameters

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "src" / "influence_sim"

# A room may import itself and rooms of a lower number.
ORDER = {
    "_version": 0, "plugins": 0, "machine": 0,
    "scenario": 1, "jit": 2, "maths": 2, "rng": 2, "world": 3, "feeds": 4, "strategies": 4, "events": 4, "engine": 5,
    "record": 6, "model": 7, "agents": 7, "studies": 7, "figures": 8, "report": 9, "studio": 10, "scorecard": 10, "cli": 11, "__init__": 12,
}  # fmt: skip
# Rooms of the same number that may know each other: model and agents are one front door, feeds and strategies are not.
TOGETHER = ({"jit", "maths", "rng"}, {"model", "agents", "studies"})
# Reading a file means looking names up in the registries of plug-ins; only inside functions, so that loading order stays one way.
LOOKUPS = {("scenario", "feeds"), ("scenario", "strategies"), ("scenario", "events"), ("events", "feeds")}
# Writing a comparison includes its figures and its report: one file calls forward, inside functions.
FORWARD = {("studies/outputs.py", "figures"), ("studies/outputs.py", "report")}

FORBIDDEN = {
    "engine": {"mesa", "pandas", "matplotlib", "networkx", "click", "rich"},
    "world": {"mesa", "pandas", "matplotlib", "click", "rich"},
    "jit": {"mesa", "pandas", "matplotlib"},
    "maths": {"mesa", "pandas", "matplotlib"},
    "rng": {"mesa", "pandas", "matplotlib"},
    "feeds": {"mesa", "pandas", "matplotlib"},
    "strategies": {"mesa", "pandas", "matplotlib"},
    "events": {"mesa", "pandas", "matplotlib"},
}
# A loaded graph may be a table or a NetworkX graph: read at the door, with imports inside functions.
AT_THE_DOOR = {("world/graph_files.py", "pandas"), ("world/graph_files.py", "networkx")}
KEYED_ROOMS = {"world", "engine", "feeds", "strategies", "events"}


def sources() -> list[Path]:
    """Return every source file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """Return the room a file lies in; a single file is a room of its own."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def where(path: Path, node: ast.AST) -> str:
    """Return file:line of a node."""
    return f"{path.relative_to(TOP)}:{getattr(node, 'lineno', 0)}"


def nodes(path: Path) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node of a file that runs, and whether it stands inside a function."""

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
        yield node, inside
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for child in node.orelse:
                yield from walk(child, inside)
            return
        deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, deeper)

    yield from walk(ast.parse(path.read_text()), False)


def imports(path: Path) -> Iterator[tuple[str, ast.AST, bool]]:
    """Yield (dotted module, node, inside a function) of every import."""
    for node, inside in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{where(path, node)}: relative import"
            assert node.module is not None
            # `from influence_sim import rng` imports a room, `from influence_sim import __version__` does not.
            if node.module == "influence_sim":
                yield from ((f"influence_sim.{alias.name}", node, inside) for alias in node.names)
            else:
                yield node.module, node, inside


def may_import(here: str, there: str, inside: bool) -> bool:
    """Tell whether room `here` may import room `there`."""
    if here == there or there not in ORDER or ORDER[there] < ORDER[here]:
        return True
    return any({here, there} <= group for group in TOGETHER) or (inside and (here, there) in LOOKUPS)


def test_every_room_has_a_place():
    assert {room(path) for path in sources()} <= set(ORDER)


def test_imports_point_one_way():
    wrong = [
        f"{where(path, node)}: {room(path)} imports {module}"
        for path in sources()
        for module, node, inside in imports(path)
        if module.startswith("influence_sim.")
        and not may_import(room(path), module.split(".")[1], inside)
        and not (inside and (str(path.relative_to(PACKAGE)), module.split(".")[1]) in FORWARD)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("here", "there", "inside", "allowed"),
    [("world", "engine", False, False), ("engine", "world", False, True), ("scenario", "feeds", False, False),
     ("scenario", "feeds", True, True), ("engine", "cli", True, False), ("feeds", "strategies", False, False),
     ("report", "figures", False, True)],
)  # fmt: skip
def test_the_rule_itself(here, there, inside, allowed):
    assert may_import(here, there, inside) is allowed


def test_rooms_stay_free_of_what_they_must_not_know():
    wrong = []
    for path in sources():
        for module, node, inside in imports(path):
            package = module.split(".")[0]
            door = inside and (str(path.relative_to(PACKAGE)), package) in AT_THE_DOOR
            if package in FORBIDDEN.get(room(path), set()) and not door:
                wrong.append(f"{where(path, node)}: {room(path)} imports {module}")
    assert not wrong, "\n".join(wrong)


def is_set(node: ast.AST) -> bool:
    """Tell whether an expression is visibly a set."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}


def unkeyed(tree: Iterator[ast.AST]) -> Iterator[tuple[ast.AST, str]]:
    """Yield what makes a run depend on anything but its keys."""
    for node in tree:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if {"random", "secrets", "uuid", "numpy.random"} & set(names):
            yield node, "a random module"
        elif isinstance(node, ast.Attribute) and node.attr == "random" and ast.unparse(node.value) in {"np", "numpy"}:
            yield node, "np.random"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hash":
            yield node, "hash() differs between processes"
        elif isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
            yield node.iter, "the order of a set"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"list", "tuple", "enumerate"} and any(map(is_set, node.args)):
            yield node, "the order of a set"


def test_randomness_is_keyed():
    wrong = [
        f"{where(path, node)}: {what}"
        for path in sources()
        if room(path) in KEYED_ROOMS
        for node, what in unkeyed(node for node, _ in nodes(path))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "code", ["np.random.rand()", "import random", "from random import choice", "hash('a')", "for x in {1, 2}: pass", "list(set(a))"]
)
def test_the_rule_finds_unkeyed_randomness(code):
    assert list(unkeyed(ast.walk(ast.parse(code))))


def test_every_public_name_is_documented():
    missing = []
    for path in sources():
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            missing.append(f"{path.relative_to(TOP)}:1 module")
        # Nested functions are details of their parent: module and class level only.
        owners: list[ast.Module | ast.ClassDef] = [tree]
        while owners:
            for node in owners.pop().body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    overload = any(ast.unparse(d).endswith(("overload", ".setter")) for d in node.decorator_list)
                    if not ast.get_docstring(node) and not overload:
                        missing.append(f"{where(path, node)} {node.name}")
                    if isinstance(node, ast.ClassDef):
                        owners.append(node)
    assert not missing, "without a docstring:\n" + "\n".join(missing)


def test_every_number_has_a_source_and_a_unit():
    listed = list(parameters())
    assert len(listed) > 100
    missing = [p.path for p in listed if not p.source.strip() or not p.unit.strip() or not p.grade.strip() or not p.meaning.strip()]
    assert not missing, f"no source, unit, grade or meaning: {missing}"


def test_every_default_lies_in_its_range():
    wrong = [p.path for p in parameters() if p.low is not None and p.high is not None and not p.low <= p.default <= p.high]
    assert not wrong


def test_files_stay_readable():
    long = {str(p.relative_to(TOP)): n for p in sources() if (n := len(p.read_text().splitlines())) > 450}
    assert not long, f"above 450 lines: {long}"


def tracked() -> list[Path]:
    """Return the text files git tracks; without git (an unpacked archive) those that would be tracked."""
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=False)
    names = [name for name in answer.stdout.split("\0") if name]
    found = [TOP / name for name in names] or [*sources(), *TOP.glob("*.*"), *TOP.glob("docs/**/*.md")]
    text = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".cff", ".html", ".j2", ".css", ".ipynb", ""}
    return [p for p in found if p.is_file() and p.suffix in text]


# Written in pieces, so that this file does not find itself.
ADDRESSES = [r"pypi" + r"\.org", r"files\.python" + "hosted", r"--(extra-)?index" + "-url", r"--find" + "-links", r"registry\.np" + "mjs"]
INDEX = re.compile("|".join(ADDRESSES))
MACHINE = re.compile(r"(?<![\w.])/(" + "|".join(["ho" + "me", "ro" + "ot", "Us" + "ers", "wo" + "rk", "opt" + "/wheels"]) + r")/\w")


def test_no_index_addresses_or_machine_paths():
    wrong = []
    for path in tracked():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if INDEX.search(line) or MACHINE.search(line):
                wrong.append(f"{path.relative_to(TOP)}:{number}: {line.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


def test_constraints_pin_exactly():
    lines = [line for line in (TOP / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) > 30
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][\w.]*( ; .+)?", line) for line in lines), lines

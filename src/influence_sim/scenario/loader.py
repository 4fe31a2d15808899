"""Read a scenario file: references, `extends`, `--set`, policies, validation, origins.

Layers, each over the one before: defaults, feed policy, base files (`extends`), the file, `--set`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from influence_sim.scenario.arms import normalise, normalise_entry
from influence_sim.scenario.checks import Contradiction, ContradictionError
from influence_sim.scenario.diagnose import explain, locate
from influence_sim.scenario.document import MAX_DEPTH, UNPRINTABLE, Mark, Node, parse, read_text, why_unreadable
from influence_sim.scenario.errors import (
    CONTRADICTION,
    OVERRIDE,
    REFERENCE,
    SYNTAX,
    UNKNOWN_NAME,
    UNREADABLE,
    WRONG_TYPE,
    Problem,
    ScenarioError,
    closest,
    shown,
)  # fmt: skip
from influence_sim.scenario.layers import from_python, merge, near_file, origins, to_json
from influence_sim.scenario.parameters import Market
from influence_sim.scenario.schema import Scenario, strategy_registry
from influence_sim.scenario.timeline import check_events

SUFFIXES = (".yaml", ".yml")
MAX_CHAIN = 20


@dataclass(frozen=True)
class Loaded:
    """A scenario with where it came from.

    `origins` names the source of every value by dotted key: ``default``, ``policy following``,
    ``scenarios/demo.yaml:14``, ``--set`` or ``file name``. `files` are all files that were read.
    """

    scenario: Scenario
    origins: dict[str, str]
    file: str
    files: tuple[str, ...]


def load_scenario(path: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Loaded:
    """Load a scenario file.

    Parameters
    ----------
    path : path
        A YAML 1.2 file.
    overrides : iterable of str
        ``key=value`` pairs that win over the file; keys are dotted (``market.feed.policy`` or, for
        groups of the market, ``feed.policy``), values are read as YAML.

    Raises
    ------
    ScenarioError
        With every problem of the file, of the files it refers to, and of the overrides.
    """
    file = os.fspath(path)
    loader = _Loader()
    root = loader.document(file, None, ())
    if root is None:
        raise ScenarioError(loader.problems)
    loader.override(root, overrides)
    return loader.finish(root, file, Path(file).stem)


def scenario_from_dict(values: Mapping[str, Any], overrides: Iterable[str] = ()) -> Scenario:
    """Make a scenario from a mapping with the keys of a scenario file; paths are relative to the working folder.

    Raises
    ------
    ScenarioError
        With every problem at once.
    """
    loader = _Loader()
    try:
        root = from_python(values, Mark("<mapping>"))
    except RecursionError:
        raise ScenarioError([Mark("<mapping>").problem(SYNTAX, "", "nested too deeply", f"at most {MAX_DEPTH} levels")]) from None
    resolved = loader.compose(root, "", ())
    loader.override(resolved, overrides)
    return loader.finish(resolved, "<mapping>", "scenario").scenario


class _Loader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.files: list[str] = []
        self.bad: set[tuple[str, ...]] = set()  # keys whose value is already known to be wrong
        self.incomplete = False  # a file is missing: what it would have said must not be asked for

    # ------------------------------------------------------------------ files
    def document(self, file: str, mark: Mark | None, stack: tuple[str, ...], market: bool = False) -> Node | None:
        """Read a file and everything it refers to; None (and problems) when it cannot be read."""
        try:
            real = os.path.realpath(file)
        except (OSError, ValueError) as error:
            self.problems.append((mark or Mark(file)).problem(UNREADABLE, "", f"cannot read {file}: {error}"))
            return None
        at = mark or Mark(file)
        if real in stack:
            chain = " -> ".join(os.path.basename(name) for name in (*stack[stack.index(real) :], real))
            self.problems.append(at.problem(REFERENCE, "extends", f"files extend each other in a circle: {chain}"))
            return None
        if len(stack) >= MAX_CHAIN:
            self.problems.append(at.problem(REFERENCE, "extends", "too many files extend each other", f"at most {MAX_CHAIN}"))
            return None
        text = read_text(Path(file), file, mark)
        if isinstance(text, Problem):
            near = near_file(file) if "no such file" in text.message else ""
            self.problems.append(Problem(**{**text.__dict__, "suggestion": near}))
            return None
        self.files.append(file)
        before = len(self.problems)
        root = parse(text, file, self.problems)
        if root is None or root.value is None:
            if len(self.problems) == before:
                self.problems.append(Mark(file, 1, 1).problem(SYNTAX, "", f"{file} is empty", "a mapping of keys"))
            return None
        if not isinstance(root.value, dict):
            self.problems.append(
                root.mark.problem(WRONG_TYPE, "", "a scenario file must be a mapping of keys", "key: value", shown(root.plain()))
            )
            return None
        return self.compose(root, os.path.dirname(file), (*stack, real), market)

    def compose(self, node: Node, folder: str, stack: tuple[str, ...], market: bool = False) -> Node:
        """Resolve what a mapping refers to, and lay it over what it extends."""
        if not market:
            self.resolve_market(node, folder, stack)
            if "strategies" in node.value:
                node.value["strategies"] = normalise(node.value["strategies"], self.problems, self.bad)
        elif isinstance(node.value, dict):
            for name in [name for name, group in node.value.items() if name in Market.model_fields and group.value is None]:
                del node.value[name]  # a group whose every line is commented out
        reference = node.value.pop("extends", None)
        if reference is None:
            return node
        base = self.follow(reference, folder, stack, "extends", market)
        if base is None:
            self.incomplete = True
            return node
        return merge(base, node)

    def follow(self, reference: Node, folder: str, stack: tuple[str, ...], key: str, market: bool) -> Node | None:
        name = reference.value
        if not isinstance(name, str) or not name.endswith(SUFFIXES):
            allowed = "a path to a .yaml file, relative to this file" + (", or a mapping" if key == "market" else "")
            self.problems.append(
                reference.mark.problem(REFERENCE, key, f"`{key}` does not name a .yaml file", allowed, shown(reference.plain()))
            )
            return None
        return self.document(os.path.normpath(os.path.join(folder, name)), reference.mark, stack, market)

    def resolve_market(self, node: Node, folder: str, stack: tuple[str, ...]) -> None:
        market = node.value.get("market")
        if market is None:
            return
        if market.value is None:
            del node.value["market"]
        elif isinstance(market.value, dict):
            node.value["market"] = self.compose(market, folder, stack, market=True)
        else:
            base = self.follow(market, folder, stack, "market", True)
            if base is None:
                del node.value["market"]
                self.bad.add(("market",))
            else:
                node.value["market"] = Node(base.value, market.mark, market.key_mark, replaces=True)

    # -------------------------------------------------------------- overrides
    def override(self, root: Node, overrides: Iterable[str]) -> None:
        """Lay `key=value` pairs over the tree, in order."""
        for text in overrides:
            key, equals, value = text.partition("=")
            key = key.strip()
            mark = Mark(f"--set {key}", 0, 1, text, max(1, len(key)))
            path = key.split(".")
            if not equals or not all(path):
                self.problems.append(
                    mark.problem(
                        OVERRIDE, key, f"`--set {text}` is not key=value", "for example --set market.feed.policy=following", shown(text)
                    )
                )
                continue
            if path[0] in Market.model_fields:
                path = ["market", *path]
            before = len(self.problems)
            node = parse(value, "", self.problems, set_key=key)
            if len(self.problems) > before:
                continue
            node = node or Node(None, Mark(f"--set {key}", 0, len(key) + 2, text))
            node.key_mark = mark
            self.put(root, path, node, mark)

    def put(self, root: Node, path: Sequence[str], node: Node, mark: Mark) -> None:
        key = ".".join(path)
        if path[0] == "extends" or path[-1] == "extends":
            self.problems.append(mark.problem(OVERRIDE, key, "`extends` cannot be overridden", "a key of the scenario"))
            return
        if path[0] == "strategies":
            arms = root.value.get("strategies")
            known = list(arms.value) if arms and isinstance(arms.value, dict) else []
            if len(path) == 1:
                node = normalise(node, self.problems, self.bad)
            elif path[1] not in known:
                self.problems.append(
                    mark.problem(
                        UNKNOWN_NAME, key, f"no strategy is labelled `{path[1]}`", ", ".join(known), path[1], closest(path[1], known)
                    )
                )
                return
            elif len(path) == 2:
                node = normalise_entry(path[1], node, self.problems)
            elif path[2] not in ("strategy", "params"):
                path = [*path[:2], "params", *path[2:]]
        holder = root
        for part in path[:-1]:
            if not isinstance(holder.value, dict):
                break
            holder = holder.value.setdefault(part, Node({}, mark, mark))
        if not isinstance(holder.value, dict):
            self.problems.append(
                mark.problem(OVERRIDE, key, f"`{key}` goes through a value that is not a mapping", got=shown(holder.plain()))
            )
            return
        holder.value[path[-1]] = node
        if path == ["market"]:
            self.resolve_market(root, "", ())

    # ------------------------------------------------------------- validation
    def finish(self, root: Node, file: str, name: str) -> Loaded:
        """Validate the tree; raise every problem at once."""
        named = "name" in root.value
        if not named:
            root.value["name"] = Node(name, Mark("file name" if file != "<mapping>" else "default"))
        self.check_characters(root)
        plain = root.plain()
        self.check_policy(root, plain)
        self.check_arms(root, plain)
        self.check_events(root, plain)
        self.check_graph_file(root, plain)
        self.check_world(root, plain)
        scenario = self.validate(root, plain)
        if self.problems or scenario is None:
            broken = {(p.location, p.column) for p in self.problems if p.code == SYNTAX}  # what follows from it is no news
            unique = [p for p in dict.fromkeys(self.problems) if p.code == SYNTAX or (p.location, p.column) not in broken]
            raise ScenarioError(sorted(unique, key=lambda p: (not p.line, p.file != file, p.file, p.line, p.column)))
        return Loaded(scenario, origins(scenario, root), file, tuple(dict.fromkeys(self.files)))

    def check_characters(self, node: Node) -> None:
        """Refuse what an escape can bring into a text: control characters paint over a terminal, surrogates cannot be written."""

        def refuse(mark: Mark, what: str, bad: re.Match[str]) -> None:
            self.problems.append(mark.problem(SYNTAX, "", f"{what} with a character that is not allowed", got=f"U+{ord(bad.group()):04X}"))

        if isinstance(node.value, str) and (bad := UNPRINTABLE.search(node.value)):
            refuse(node.mark, "text", bad)
            node.value = UNPRINTABLE.sub("?", node.value)
        elif isinstance(node.value, list):
            for item in node.value:
                self.check_characters(item)
        elif isinstance(node.value, dict):
            for key, child in list(node.value.items()):
                if bad := UNPRINTABLE.search(key):
                    refuse(child.name_mark, "key", bad)
                    del node.value[key]
                else:
                    self.check_characters(child)

    def check_policy(self, root: Node, plain: dict[str, Any]) -> None:
        from influence_sim.feeds import FeedPolicy

        node, exact = locate(root, ("market", "feed", "policy"))
        if exact and isinstance(node.value, str) and node.value not in FeedPolicy.registry:
            names = list(FeedPolicy.registry)
            message = f"unknown feed policy {shown(node.value)}"
            self.problems.append(
                node.mark.problem(
                    UNKNOWN_NAME, "market.feed.policy", message, ", ".join(names), shown(node.value), closest(node.value, names)
                )
            )
            self.drop(plain, ("market", "feed", "policy"))

    def check_arms(self, root: Node, plain: dict[str, Any]) -> None:
        """Validate each strategy against its own class, so that its problems have places."""
        arms = root.value.get("strategies")
        if arms is None or not isinstance(arms.value, dict):
            return
        registry = strategy_registry()
        for label, entry in arms.value.items():
            chosen, params = entry.value["strategy"], entry.value["params"]
            if not isinstance(chosen.value, str) or chosen.value not in registry:
                near = closest(str(chosen.value), registry)
                message = f"unknown strategy {shown(chosen.plain())}"
                self.problems.append(
                    chosen.mark.problem(
                        UNKNOWN_NAME, f"strategies.{label}.strategy", message, ", ".join(registry), shown(chosen.plain()), near
                    )
                )
                self.drop(plain, ("strategies", label))
                continue
            strategy = registry[chosen.value]
            try:
                strategy.model_validate_json(to_json(params.plain()), strict=True)
            except ValidationError as error:
                for detail in error.errors(include_url=False):
                    self.problems.append(explain(detail, params, strategy, ("strategies", label)))
                self.drop(plain, ("strategies", label))

    def check_events(self, root: Node, plain: dict[str, Any]) -> None:
        """Validate each event against its own class, so that its problems have places."""
        node = root.value.get("events")
        if node is not None and node.value is None:  # a list whose every line is commented out
            node.value, plain["events"] = [], []
        if node is not None and check_events(node, self.problems):
            self.drop(plain, ("events",))

    def check_graph_file(self, root: Node, plain: dict[str, Any]) -> None:
        node = root.value.get("graph_file")
        if node is None or not isinstance(node.value, str):
            return
        folder = os.path.dirname(node.mark.file) if node.mark.line else ""
        plain["graph_file"] = path = os.path.normpath(os.path.join(folder, node.value))
        if reason := why_unreadable(path, "graph file"):
            near = near_file(path, "") if reason.startswith("no such") else ""
            self.problems.append(node.mark.problem(UNREADABLE, "graph_file", reason, suggestion=near))

    def check_world(self, root: Node, plain: dict[str, Any]) -> None:
        node = root.value.get("world")
        if node is None or not isinstance(node.value, str):
            return
        folder = os.path.dirname(node.mark.file) if node.mark.line else ""
        plain["world"] = path = os.path.normpath(os.path.join(folder, node.value))
        if why_unreadable(os.path.join(path, "world.json")):
            allowed = "a folder that `influence-sim world SCENARIO --out FOLDER` wrote"
            self.problems.append(node.mark.problem(UNREADABLE, "world", f"no world in {path}", allowed))

    def drop(self, plain: dict[str, Any], path: Sequence[int | str]) -> bool:
        """Forget a wrong value, so that the rest can still be checked."""
        self.bad.add(tuple(map(str, path)))
        holder: Any = plain
        for part in path[:-1]:
            holder = holder.get(part) if isinstance(holder, dict) else None
        return isinstance(holder, dict) and holder.pop(path[-1], self) is not self

    def validate(self, root: Node, plain: dict[str, Any]) -> Scenario | None:
        """Validate; on errors note them, drop the values and validate the rest, so that checks across keys run too."""
        for _ in range(MAX_DEPTH):
            try:
                return Scenario.model_validate_json(to_json(plain), strict=True)
            except ValidationError as error:
                progress = False
                for detail in error.errors(include_url=False):
                    loc = detail["loc"]
                    cause = detail.get("ctx", {}).get("error")
                    if isinstance(cause, ContradictionError):
                        self.problems += [self.blame(root, c) for c in cause.found if not self.hidden(c)]
                        continue
                    if detail["type"] == "missing":
                        if not self.incomplete and ("strategies",) not in self.bad:
                            self.problems.append(explain(detail, root, Scenario))
                        self.bad.add(tuple(map(str, loc)))
                        plain["strategies"], progress = {}, "strategies" not in plain
                        continue
                    self.problems.append(explain(detail, root, Scenario))
                    # an entry of a list cannot be dropped alone: drop the list
                    while loc and not self.drop(plain, loc):
                        loc = loc[:-1]
                    progress = progress or bool(loc)
                if not progress:
                    return None
        return None

    def hidden(self, found: Contradiction) -> bool:
        """Whether a contradiction is only the shadow of a value already reported."""
        keys = [tuple(key.split(".")) for key in found.keys]
        return self.incomplete or any(key[: len(bad)] == bad or bad[: len(key)] == key for key in keys for bad in self.bad)

    def blame(self, root: Node, found: Contradiction) -> Problem:
        for key in found.keys:
            node, exact = locate(root, key.split("."))
            if exact:
                break
        else:
            key, node = found.keys[0], root
        return node.mark.problem(CONTRADICTION, key, found.message, found.allowed, found.got)

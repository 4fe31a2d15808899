"""The worlds of a study: built once for all arms, and from a certain size on shared by its processes through mapped files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from influence_sim.scenario.parameters import Market
    from influence_sim.scenario.schema import Scenario
    from influence_sim.world.columns import World
    from influence_sim.world.graph_files import LoadedGraph

# People from which on processes share a world: measured, 10,000 take 260 ms to build and 13 ms to write and open;
# below, a process builds its own in the time of some posts.
SHARED_FROM = 10_000
GRAPH_FROM = 1_000_000  # follows from which on a loaded graph is mapped by workers instead of being sent to them
# Bytes of worlds that a study keeps on the disk, some five of 1,000,000 people: those used last, for runs go replication by replication.
KEPT = 2e9
PREFIX = "influence-sim-worlds-"  # of the temporary folder of a study, then the number of its process
_EDGES = ("source", "target", "weight")
# Memory of one run: measured 5.2 GB at its peak in 7 days of 1,000,000 people with 56 follows each (7.0 projected to 30), .7 GB in
# 2 days of 100,000; with a margin, because it grows with the days (docs/howto/million.md).
BYTES_PER_PERSON, BYTES_PER_FOLLOW, BYTES_AT_LEAST = 4000.0, 70.0, 300e6


def drawn(scenario: Scenario, replication: int) -> int:
    """Return which draw of the world a replication plays in: its own, or the one that all share."""
    return 0 if scenario.same_world or scenario.world is not None else replication


def world_of(scenario: Scenario, draw: int, graph: LoadedGraph | None = None) -> World:
    """Return a world of a scenario: opened where the scenario names one, else built around `graph`, which may be None.

    Raises
    ------
    WorldError
        When the world that the scenario names cannot be used, or was made for another market.
    """
    from influence_sim.world.build import build_world

    if scenario.world is None:
        return build_world(scenario.market, scenario.world_seed, draw, graph)
    from influence_sim.world.files import check_fit, open_world

    check_fit(scenario.world, scenario.market)
    return open_world(scenario.world)


class Worlds:
    """The worlds of a study as one of its processes has them; sent to workers, they are those of the worker.

    The last world is kept, for the next arm needs it again. With a shelf large worlds and graphs are left there by the process that
    made them and mapped by the others; on a machine without that folder each process makes its own.

    Parameters
    ----------
    shelf
        Folder of the study, see `sharing`.
    graph
        A follower graph that takes the place of the scenario's.
    """

    def __init__(self, shelf: Path | None = None, graph: LoadedGraph | None = None) -> None:
        self.given = graph
        self._shelf = shelf
        self._lent: Path | None = None  # where workers find the graph that is given
        self._graph: tuple[Any, LoadedGraph] | None = None
        self._world: tuple[Any, World] | None = None
        if shelf is not None and graph is not None and len(graph.target) >= GRAPH_FROM:
            place = shelf / "graph"
            self._lent = place if _leave(place, partial(_write_graph, graph)) else None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a worker makes or maps itself."""
        return self.__dict__ | {"given": None if self._lent else self.given, "_graph": None, "_world": None}

    def graph(self, scenario: Scenario) -> LoadedGraph | None:
        """Return the follower graph of a scenario, None when it is generated.

        Raises
        ------
        GraphError
            When its file cannot be used.
        """
        if self.given is None and self._lent is not None:
            self.given = _open_graph(self._lent)
        if self.given is not None or scenario.graph_file is None:
            return self.given
        file = Path(scenario.graph_file)
        key = str(file), scenario.graph_direction, file.stat().st_mtime_ns if file.exists() else 0
        known = self._graph
        if known is None or known[0] != key:
            self._graph = known = None  # free the old one before the new one is read
            known = self._graph = key, self._read_graph(scenario, key)
        return known[1]

    def _read_graph(self, scenario: Scenario, key: Any) -> LoadedGraph:
        from influence_sim.world.graph_files import load_graph

        place = None if self._shelf is None else self._shelf / f"graph-{_digest(key)}"
        if place is not None and place.exists():
            return _open_graph(place)
        graph = load_graph(scenario.graph_file, scenario.graph_direction)
        if place is None or len(graph.target) < GRAPH_FROM or not _leave(place, partial(_write_graph, graph)):
            return graph
        return _open_graph(place)

    def of(self, scenario: Scenario, replication: int) -> World:
        """Return the world in which a replication of a scenario plays; errors as for `world_of` and `graph`."""
        from influence_sim.world.files import shaping

        draw, graph = drawn(scenario, replication), self.graph(scenario)
        key = shaping(scenario.market), scenario.world_seed, draw, scenario.world, scenario.graph_file, id(graph)
        known = self._world
        if known is None or known[0] != key:
            self._world = known = None  # free the old one before the new one is built
            known = self._world = key, self._made(scenario, draw, graph, key[:-1])
        return known[1]

    def _made(self, scenario: Scenario, draw: int, graph: LoadedGraph | None, key: Any) -> World:
        """Return a world that any process may have built; two that begin together both build it, for waiting would take as long."""
        if self._shelf is None or scenario.world is not None or people_of(scenario, graph) < SHARED_FROM:
            return world_of(scenario, draw, graph)
        from influence_sim.world.files import WorldError, open_world, write_world

        place = self._shelf / f"world-{_digest(key)}"
        if not place.exists():
            world = world_of(scenario, draw, graph)
            # Whoever opens it has the graph, whose names need not be text.
            plain = replace(world, names=None)
            if not _leave(place, lambda folder: write_world(plain, folder, scenario.market, scenario.world_seed, draw)):
                return world
            _make_room(self._shelf)
        try:
            os.utime(place)
            return replace(open_world(place, verify=False), names=None if graph is None else list(graph.names))
        except (OSError, WorldError):  # another process made room just now
            return world_of(scenario, draw, graph)


@contextmanager
def sharing(graph: LoadedGraph | None = None) -> Iterator[Worlds]:
    """Yield worlds that the processes of a study share on this machine, in a temporary folder that is removed at the end.

    `graph` as in `Worlds`.
    """
    _clear_up()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as shelf:
        yield Worlds(Path(shelf), graph)


def _clear_up() -> None:
    """Remove what studies left that were killed; one that lives elsewhere but shares this folder only makes its worlds again."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        number = left.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and not _lives(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True


def _leave(place: Path, write: Callable[[Path], None]) -> bool:
    """Write a folder whole or not at all; tell whether it is there now, by whoever was faster."""
    building: str | None = None
    try:
        building = tempfile.mkdtemp(prefix="new-", dir=place.parent)
        write(Path(building))
        os.replace(building, place)  # fails when another process was faster
    except OSError:  # or no such shelf on this machine, or no room: what was made serves this process as well
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)
    return place.exists()


def _make_room(shelf: Path) -> None:
    """Remove the worlds used longest ago beyond `KEPT` bytes, never the last one; who has opened one keeps it."""
    found = []
    for place in shelf.glob("world-*"):
        try:
            found.append((place.stat().st_mtime_ns, sum(file.stat().st_size for file in place.iterdir()), place))
        except OSError:  # another process removes it just now
            continue
    size = 0
    for k, (_, bytes_, place) in enumerate(sorted(found, reverse=True)):
        size += bytes_
        if k and size > KEPT:
            shutil.rmtree(place, ignore_errors=True)


def _digest(key: Any) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:20]


def _write_graph(graph: LoadedGraph, folder: Path) -> None:
    import cloudpickle

    for name in _EDGES:
        if (values := getattr(graph, name)) is not None:
            np.save(folder / f"{name}.npy", values, allow_pickle=False)
    # A private folder of this study, and nodes may be anything.
    (folder / "names.pickle").write_bytes(cloudpickle.dumps((graph.names, graph.notes)))


def _open_graph(folder: Path) -> LoadedGraph:
    """Return a graph on a shelf, its columns mapped."""
    import cloudpickle

    from influence_sim.world.files import mapped
    from influence_sim.world.graph_files import LoadedGraph

    source, target, weight = (mapped(file) if (file := folder / f"{name}.npy").exists() else None for name in _EDGES)
    assert source is not None
    assert target is not None
    names, notes = cloudpickle.loads((folder / "names.pickle").read_bytes())
    return LoadedGraph(source, target, weight, names, notes)


def people_of(scenario: Scenario, graph: LoadedGraph | None) -> int:
    """Return how many people a world of the scenario has."""
    return scenario.market.people.agents if graph is None else len(graph.names)


def run_bytes(market: Market, graph: LoadedGraph | None = None) -> float:
    """Return about how much memory one run of a market takes at its peak."""
    if graph is None:
        people, each = market.people.agents, market.graph.follows_per_person + market.graph.friends_per_person
        follows = people * min(each, float(people))
    else:
        people, follows = len(graph.names), float(len(graph.target))
    return BYTES_AT_LEAST + BYTES_PER_PERSON * people + BYTES_PER_FOLLOW * follows


def fitting(workers: int, market: Market, graph: LoadedGraph | None = None) -> int:
    """Return how many of `workers` runs of a market fit into the free memory together, at least one."""
    from influence_sim.machine import free_memory

    free = free_memory()
    return workers if free is None else max(1, min(workers, int(free / run_bytes(market, graph))))

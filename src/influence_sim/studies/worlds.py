"""The worlds of a study: built once for all arms, and from a certain size on shared by its processes through mapped files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
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
# Memory of one run: measured 6.8 GB at its peak in 4 days of 1,000,000 people with 56 follows each, .7 GB in 2 days of
# 100,000; with a margin of a fifth, because it grows with the days (docs/howto/million.md).
BYTES_PER_PERSON, BYTES_PER_FOLLOW, BYTES_AT_LEAST = 4000.0, 70.0, 300e6


def drawn(scenario: Scenario, replication: int) -> int:
    """Return which draw of the world a replication plays in: its own, or the one that all share."""
    return 0 if scenario.same_world or scenario.world is not None else replication


def world_of(scenario: Scenario, draw: int, graph: LoadedGraph | None = None, shelf: Path | None = None) -> World:
    """Return a world of a scenario: opened where the scenario names one, else built around `graph`, which may be None.

    Parameters
    ----------
    scenario
        The question.
    draw
        As `drawn` says.
    graph
        A loaded follower graph.
    shelf
        Folder in which the processes of a study leave worlds for each other; with None the world is this process's own.

    Raises
    ------
    WorldError
        When the world that the scenario names cannot be used, or was made for another market.
    """
    from influence_sim.world.build import build_world

    if scenario.world is not None:
        from influence_sim.world.files import check_fit, open_world

        check_fit(scenario.world, scenario.market)
        return open_world(scenario.world)
    if shelf is None:
        return build_world(scenario.market, scenario.world_seed, draw, graph)
    return _from_shelf(scenario, draw, graph, shelf)


def _from_shelf(scenario: Scenario, draw: int, graph: LoadedGraph | None, shelf: Path) -> World:
    """Return a world that any process may have built; two that begin together both build it, for waiting would take as long."""
    from influence_sim.world.build import build_world
    from influence_sim.world.files import open_world, write_world

    place = _place(scenario, draw, shelf)
    names = None if graph is None else list(graph.names)  # a worker has them, the file need not
    if place.exists():
        return replace(open_world(place, verify=False), names=names)
    world = build_world(scenario.market, scenario.world_seed, draw, graph)
    building = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        building.mkdir()
        write_world(replace(world, names=None), building, scenario.market, scenario.world_seed, draw)
        os.replace(building, place)  # fails when another process was faster
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        if not place.exists():  # no room on the disk: this copy serves as well, only not the others
            return world
    return replace(open_world(place, verify=False), names=names)


def forget(scenario: Scenario, draw: int, shelf: Path) -> None:
    """Remove a world from the shelf; who has opened it keeps it."""
    shutil.rmtree(_place(scenario, draw, shelf), ignore_errors=True)


def _place(scenario: Scenario, draw: int, shelf: Path) -> Path:
    from influence_sim.world.files import shaping

    text = json.dumps([shaping(scenario.market), scenario.world_seed, draw, scenario.graph_file], sort_keys=True)
    return shelf / hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class MappedGraph:
    """A loaded graph whose columns lie in files: small to send, and shared by those who open it."""

    folder: Path
    names: list[Any]
    notes: list[str]

    @classmethod
    def of(cls, graph: LoadedGraph, shelf: Path) -> MappedGraph:
        """Write the columns of a graph into a folder."""
        for name in ("source", "target", "weight"):
            if (values := getattr(graph, name)) is not None:
                np.save(shelf / f"{name}.npy", values, allow_pickle=False)
        return cls(shelf, graph.names, graph.notes)

    def open(self) -> LoadedGraph:
        """Return the graph, its columns mapped."""
        from influence_sim.world.files import mapped
        from influence_sim.world.graph_files import LoadedGraph

        files = [self.folder / f"{name}.npy" for name in ("source", "target", "weight")]
        source, target, weight = (mapped(file) if file.exists() else None for file in files)
        assert source is not None
        assert target is not None
        return LoadedGraph(source, target, weight, self.names, self.notes)


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

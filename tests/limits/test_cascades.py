"""A following feed in which everybody shares once with a fixed chance is the independent cascade model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from influence_sim.scorecard.cascade_worlds import both_ways, cascade_world, spread, weighted
from influence_sim.scorecard.limit_worlds import Array, distance

POSTS = 400  # independent cascades per simulation
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture(scope="module")
def known() -> dict[str, list[float]]:
    """Spreads by two independent programs: mean, s.e., mean, s.e."""
    path = DATA / "known_answers" / "cascade_spread.json"
    if not path.exists():
        pytest.skip("the shared data with known spreads are not here")
    answers: dict[str, list[float]] = json.loads(path.read_text())
    return answers


def sizes(world: Any, settings: Any, seeds: list[Any], runs: int) -> Array:
    return np.concatenate([spread(world, settings, seeds, replication)[0] for replication in range(runs)])


def agrees(name: str, sample: Array, expected: float, error: float = 0.0) -> None:
    """Demand agreement within four standard errors of both."""
    own = sample.std(ddof=1) / len(sample) ** 0.5
    z = (sample.mean() - expected) / np.hypot(own, error)
    print(f"{name}: {sample.mean():.4f} (s.e. {own:.4f}), known {expected}, z {z:.2f}")
    assert abs(z) <= 4


EXACT = {
    "diamond": (nx.DiGraph([(0, 1), (0, 2), (1, 3), (2, 3)]), 2.4375),
    "path of 6": (nx.path_graph(6, nx.DiGraph), 1.96875),
    "triangle": (both_ways(nx.complete_graph(3)), 2.25),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("by_edge", [False, True])
def test_small_graphs_have_their_exact_spread(name: str, by_edge: bool) -> None:
    graph, expected = EXACT[name]
    if by_edge:
        nx.set_edge_attributes(graph, 0.5, "weight")
    found = sizes(*cascade_world(graph, None if by_edge else 0.5, POSTS), [0], 10)
    print(f"{name}: {found.mean():.4f}, exact {expected}")
    assert distance(found, expected) <= 1


def test_a_certain_share_reaches_exactly_the_reachable() -> None:
    graph = both_ways(nx.karate_club_graph())
    graph.remove_edges_from([(u, v) for u, v in graph.edges if v == 16])
    found = sizes(*cascade_world(graph, 1.0, 20), [0], 1)
    assert (found == len(nx.descendants(graph, 0)) + 1).all()


def test_no_share_ends_with_the_followers_of_the_seed() -> None:
    world, settings = cascade_world(both_ways(nx.karate_club_graph()), 0.0, 20)
    assert (sizes(world, settings, [0, 33], 1) == 2).all()


KARATE = [
    (chance, seeds) for chance in (0.05, 0.1, 0.2, None) for seeds in ([0], [33], [0, 33], [16]) if not (chance is None and seeds == [16])
]


@pytest.mark.parametrize(("chance", "seeds"), KARATE)
def test_karate_spreads(known: dict[str, list[float]], chance: float | None, seeds: list[int]) -> None:
    graph = both_ways(nx.karate_club_graph())
    name = f"karate WC seeds={seeds}" if chance is None else f"karate IC p={chance} seeds={seeds}"
    found = sizes(*cascade_world(weighted(graph) if chance is None else graph, chance, POSTS), seeds, 5)
    agrees(name, found, known[name][0], known[name][1])


@pytest.mark.slow
@pytest.mark.parametrize(("chance", "seeds"), KARATE)
def test_karate_spreads_with_many_more(known: dict[str, list[float]], chance: float | None, seeds: list[int]) -> None:
    graph = both_ways(nx.karate_club_graph())
    name = f"karate WC seeds={seeds}" if chance is None else f"karate IC p={chance} seeds={seeds}"
    found = sizes(*cascade_world(weighted(graph) if chance is None else graph, chance, POSTS), seeds, 40)
    agrees(name, found, known[name][0], known[name][1])


@pytest.mark.parametrize("seeds", [[322], [367], [367, 322, 393, 71, 399]])
def test_congress_spreads_with_its_measured_chances(known: dict[str, list[float]], seeds: list[int]) -> None:
    graph = nx.read_edgelist(DATA / "graph_congress_twitter" / "congress.edgelist", nodetype=int, create_using=nx.DiGraph)
    found = sizes(*cascade_world(graph, None, POSTS), seeds, 5)
    name = f"congress IC seeds={seeds}"
    agrees(name, found, known[name][0], known[name][1])

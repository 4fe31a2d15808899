"""Structural virality is the mean distance over ordered pairs of a cascade."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from influence_sim.record.cascades import cascade_tree, structural_virality
from influence_sim.scorecard.cascade_worlds import both_ways, cascade_world, spread


def test_star_and_path() -> None:
    assert structural_virality([-1, 0, 0, 0, 0]) == pytest.approx(1.6)
    assert structural_virality([-1, 0, 1, 2, 3]) == pytest.approx(2.0)
    assert structural_virality([-1]) == 0.0
    n = 100_000  # linear, and no recursion
    assert structural_virality([-1, *range(n - 1)]) == pytest.approx((n + 1) / 3)
    assert structural_virality([-1] + [0] * (n - 1)) == pytest.approx(2 * (1 - 1 / n))


def test_any_tree_in_any_order_agrees_with_networkx() -> None:
    rng = np.random.default_rng(1)
    for n in (2, 3, 10, 60):
        parent = np.array([-1, *(rng.integers(0, j) for j in range(1, n))])
        order = rng.permutation(n)
        place = np.argsort(order)
        mixed = np.array([place[parent[j]] if parent[j] >= 0 else -1 for j in order])
        tree = nx.Graph([(j, int(p)) for j, p in enumerate(parent) if p >= 0])
        assert structural_virality(mixed) == pytest.approx(nx.average_shortest_path_length(tree))


@pytest.mark.parametrize("parent", [[], [-1, -1], [-1, 2, 1], [-1, 5], [0, 0], [-1, -2]])
def test_what_is_no_tree_is_refused(parent: list[int]) -> None:
    with pytest.raises(ValueError, match=r"root|circle|positions"):
        structural_virality(parent)


def test_tree_of_sharers() -> None:
    tree = cascade_tree([7, 3, 9], [-1, 7, 3])
    assert tree.parent.tolist() == [-1, 0, 1]
    assert cascade_tree([5], [99]).parent.tolist() == [-1]
    assert cascade_tree([], []).parent.tolist() == []
    with pytest.raises(ValueError, match="twice"):
        cascade_tree([1, 1], [-1, 1])
    with pytest.raises(ValueError, match="equally long"):
        cascade_tree([1, 2], [-1])


@pytest.mark.parametrize(("graph", "virality"), [(nx.star_graph(4), 1.6), (nx.path_graph(5), 2.0)])
def test_simulated_broadcast_and_chain(graph: nx.Graph[int], virality: float) -> None:
    size, who, source = spread(*cascade_world(both_ways(graph), 1.0, 3), [0])
    assert (size == 5).all()
    for person, sharer in zip(who, source, strict=True):
        assert structural_virality(cascade_tree(person, sharer).parent) == pytest.approx(virality)

"""Cascades agree with another program on a graph that no file of known answers contains."""

from __future__ import annotations

from array import array

import networkx as nx
import numpy as np
import pytest

from influence_sim.scorecard.cascade_worlds import cascade_world, spread

POSTS, RUNS, THEIRS = 400, 5, 20_000


def directed_graph() -> nx.DiGraph:
    """Return 60 accounts in a directed random graph, each edge with a chance of its own."""
    rng = np.random.default_rng(20)
    graph = nx.gnp_random_graph(60, 0.06, seed=20, directed=True)
    for u, v in graph.edges:
        graph[u][v]["weight"] = round(float(rng.beta(1.5, 5)), 3)
    return graph


@pytest.mark.parametrize("seeds", [[0], [7, 31]])
def test_sizes_agree_with_cynetdiff(seeds: list[int]) -> None:
    models = pytest.importorskip("cynetdiff.models", reason="the package cynetdiff (test extra) is not installed")
    graph = directed_graph()
    rows = [sorted(graph.successors(u)) for u in range(len(graph))]
    starts = array("I", [0, *np.cumsum([len(r) for r in rows])[:-1].tolist()])
    edges, chances = array("I", [v for r in rows for v in r]), array("f", [graph[u][v]["weight"] for u, r in enumerate(rows) for v in r])
    peer = models.IndependentCascadeModel(starts, edges, activation_probs=chances)
    peer.set_rng(7)
    peer.set_seeds(seeds)
    theirs = np.empty(THEIRS)
    for k in range(THEIRS):
        peer.reset_model()
        peer.advance_until_completion()
        theirs[k] = peer.get_num_activated_nodes()
    world, settings = cascade_world(graph, None, POSTS)
    ours = np.concatenate([spread(world, settings, seeds, replication)[0] for replication in range(RUNS)])
    error = np.hypot(ours.std(ddof=1) / len(ours) ** 0.5, theirs.std(ddof=1) / THEIRS**0.5)
    z = (ours.mean() - theirs.mean()) / error
    print(f"seeds {seeds}: {ours.mean():.3f} here, {theirs.mean():.3f} by cynetdiff, z {z:.2f}")
    assert len(seeds) < theirs.mean() < len(graph) / 2  # a spread worth comparing
    assert abs(z) <= 4

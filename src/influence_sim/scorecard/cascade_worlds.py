"""Loaded graphs on which many independent cascades run at once, as posts of one simulation.

An account from outside the graph publishes the posts; only its own fans see them there. Whoever
`Simulation.share` names passes a post on to its followers, and from there on the graph alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import SHARE
from influence_sim.scenario.parameters import Market
from influence_sim.scorecard.limit_worlds import ALONE, PLAIN, UNSOLD, Array, market
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from influence_sim.world.graph_files import load_graph

# One impression per sharer-follower edge, nobody's day is too short in the end: what is not served today waits.
OPEN: dict[str, Any] = {"repeats": True, "max_age": 365, "rounds_per_day": 1, "slots_per_request": 20}


def both_ways(graph: nx.Graph[Any]) -> nx.DiGraph[Any]:
    """Return a graph in which every tie runs both ways, without weights."""
    return nx.DiGraph([*graph.edges, *((v, u) for u, v in graph.edges)])


def weighted(graph: nx.DiGraph[Any]) -> nx.DiGraph[Any]:
    """Return the weighted cascade: an edge u, v passes on with one over the number of those who influence v."""
    out: nx.DiGraph[Any] = nx.DiGraph()
    out.add_weighted_edges_from((u, v, 1 / graph.in_degree(v)) for u, v in graph.edges)
    return out


def cascade_world(influences: nx.DiGraph[Any], probability: float | None, posts: int, inbox: int = 4096) -> tuple[World, Market]:
    """Return a world in which u passes on to v along every edge u, v; `probability` None reads the edges' weights."""
    graph: nx.DiGraph[Any] = nx.DiGraph(influences)
    most = max(degree for _, degree in influences.out_degree())
    for fan in range(most + 1):
        graph.add_edge("author", f"fan {fan}")
    for _, _, data in graph.edges(data=True):
        data.setdefault("weight", 0.0)
    loaded = load_graph(graph, direction="influences")
    people = len(loaded.names)
    settings = market(
        "following",
        people={"agents": people, "population": people, "views_per_day": 400, "views_sigma": 0, "sharing_sigma": 0},
        creators={"count": 1, "opening_posts": posts, **ALONE},
        brand={"posts_per_day": 0},
        feed={**OPEN, "inbox": inbox},
        response={**PLAIN, "share_rate": probability or 0.0, "share_slope": 0, "edge_shares": probability is None},
        ties={"unfollow_daily": 0},
        funnel=UNSOLD,
    )
    world = build_world(settings, 11, graph=loaded)
    assert loaded.names[world.creators.person[0]] == "author"
    return world, settings


def spread(world: World, settings: Market, seeds: Sequence[Any], replication: int = 0) -> tuple[Array, list[Array], list[Array]]:
    """Return how many passed each post on (seeds included), and per post who did and whom they had it from."""
    s: Any = Simulation(world, settings, horizon=1000, replication=replication)
    s.step()
    count = s.post_count
    assert (s.posts.impressions[:count] == s.followers[0]).all()  # nobody but the fans, and they once each
    assert world.names is not None
    rows = [world.names.index(name) for name in seeds]
    post = [np.repeat(np.arange(count), len(rows))]
    person = [np.tile(np.array(rows), count)]
    sharer = [np.full(len(person[0]), -1)]
    for p in range(count):
        for i in rows:
            s.share(i, p)
    while True:
        s.step()
        at = np.flatnonzero((s.slots.action & SHARE) != 0)
        post.append(s.slots.post[at])
        person.append(np.searchsorted(s.slots.start, at, side="right") - 1)
        sharer.append(s.slots.sharer[at])
        if not s.pending and not (s.slots.post >= 0).any():
            break
    who, what, source = (np.concatenate(x) for x in (person, post, sharer))
    order = np.argsort(what, kind="stable")
    ends = np.cumsum(np.bincount(what, minlength=count))[:-1]
    return np.bincount(what, minlength=count), np.split(who[order], ends), np.split(source[order], ends)

"""Build what exists before the first day, from the market file or around a loaded follower graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from influence_sim.maths import log_of
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import Edges, World
from influence_sim.world.creators import brand_shares, draw_appeal, draw_creators
from influence_sim.world.graph import draw_graph
from influence_sim.world.graph_files import LoadedGraph
from influence_sim.world.numbering import sort_edges
from influence_sim.world.people import draw_people

Array = np.ndarray[Any, Any]


def build_world(market: Market, seed: int, replication: int = 0, graph: LoadedGraph | None = None) -> World:
    """Return the world of `market`: a pure function of the arguments.

    Parameters
    ----------
    market
        Everything the strategist does not choose.
    seed
        World seed, 0 to 2**32 - 1.
    replication
        Replication, 0 to 2**20 - 1.
    graph
        A loaded follower graph. Its nodes are the people (`people.agents` is not read), and the
        `creators.count` accounts with most followers are the creators, largest first; ties go to
        the node that comes first. Their appeal is ln(1 + in-degree), standardised over them.
        Tastes are drawn as usual, independently of the graph. Weights above 1 are no
        probabilities: then every edge has weight 1.

    Raises
    ------
    ValueError
        When creators, people and population do not fit together.

    Notes
    -----
    Without a graph, creators are the people of rows 0 to `creators.count` - 1. The last creator
    rows are the brands' own accounts: the brand under study, then its rivals.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be 0 to {2**32 - 1}, got {seed}")
    count = market.creators.count
    rows = market.people.agents if graph is None else len(graph.names)
    origin = f"people.agents is {rows}" if graph is None else f"the graph has {rows} accounts"
    if count > rows:
        raise ValueError(f"creators.count is {count}, but {origin}, and every creator is one of them: set creators.count to {rows} or less")
    if market.people.population < rows:
        raise ValueError(f"people.population is {market.people.population}, but {origin}: set people.population to {rows} or more")

    if graph is None:
        person = np.arange(count)
        appeal = draw_appeal(seed, replication, count)
    else:
        followers = np.bincount(graph.target, minlength=rows)
        person = np.argsort(-followers, kind="stable")[:count]
        appeal = _standardised(log_of(1.0 + followers[person]))
    creator_of = np.full(rows, -1, np.int32)
    creator_of[person] = np.arange(count)

    people = draw_people(market, seed, replication, rows, creator_of)
    creators = draw_creators(market, seed, replication, person, appeal)
    follows = _of_residents(draw_graph(market, seed, replication, people, creators), people.joined) if graph is None else _edges(graph)
    shares = brand_shares(market)
    world = World(
        people=people,
        creators=creators,
        follows=follows,
        brand_topics=np.tile(shares / np.sqrt((shares**2).sum()), (1 + market.rivals.count, 1)),
        people_per_agent=market.people.population / rows,
        names=None if graph is None else list(graph.names),
    )
    world.validate()
    return world


def _standardised(x: Array) -> Array:
    spread = x.std() if len(x) else 0.0
    # One account followed and a thousand not would be more than 20 sd apart, the end of the column.
    return np.clip((x - x.mean()) / spread, -20, 20) if spread > 0 else np.zeros(len(x))


def _of_residents(edges: Edges, joined: Array) -> Edges:
    """Return the follows of people who are there before the first day; newcomers follow nobody yet."""
    if (joined < 0).all():
        return edges
    follower = np.repeat(np.arange(len(joined)), np.diff(edges.start))
    kept = joined[follower] < 0
    counts = np.bincount(follower[kept], minlength=len(joined))
    return Edges(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), edges.target[kept], edges.weight)


def _edges(graph: LoadedGraph) -> Edges:
    start, target, place, _ = sort_edges(graph.source, graph.target, len(graph.names))
    weight = np.empty(0)
    if graph.weight is not None and (graph.weight <= 1).all():
        weight = graph.weight[place].astype(np.float64)
    return Edges(start, target, weight)

"""Read follower graphs from files or NetworkX, and hand the world's graph back to NetworkX."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from influence_sim.world.edge_lists import GraphError, RawEdges, kind_of, read_bytes, read_edges
from influence_sim.world.numbering import number, sort_edges, whole

if TYPE_CHECKING:
    import networkx as nx

    from influence_sim.world.columns import World

Array = np.ndarray[Any, Any]
Direction = Literal["follows", "influences"]

__all__ = ["GraphError", "LoadedGraph", "load_graph", "to_networkx"]


@dataclass(frozen=True)
class LoadedGraph:
    """A follower graph: person `source[i]` follows person `target[i]`.

    Edges are sorted by (source, target), without self follows and repeats. `weight` is None when
    the graph has none; `names[p]` is the node that person p was; `notes` tell what was dropped or
    decided.
    """

    source: Array
    target: Array
    weight: Array | None
    names: list[Any]
    notes: list[str] = field(default_factory=list)


def load_graph(source: Any, direction: Direction = "follows") -> LoadedGraph:
    """Return the follower graph in a file or a NetworkX graph.

    Parameters
    ----------
    source
        A NetworkX graph (an undirected edge counts in both directions), or the path of a file:
        `.edgelist` or `.txt` (names separated by blanks, then nothing, a weight, or NetworkX data
        such as ``{'weight': 0.1}``), `.csv` or `.tsv` (with or without a header; columns are
        recognised as source/target/weight, from/to, follower/followed, else the first two count),
        `.parquet` or `.graphml`; each may end in `.gz`. Lines that begin with ``#`` are comments.
    direction
        `follows`: an edge u, v says that u follows v. `influences`: that u influences v, so v follows u.

    Returns
    -------
    LoadedGraph
        People are numbered in the order of a NetworkX graph, else by name (as numbers when all
        are whole numbers), so the order of lines does not matter. Self follows and repeated edges
        are dropped (the first weight stays) and counted in `notes`.

    Raises
    ------
    GraphError
        When the source cannot be read as a graph.
    """
    if direction not in ("follows", "influences"):
        raise GraphError(f"graph direction must be 'follows' or 'influences', got {direction!r}")
    if isinstance(source, (str, PathLike)):
        path = Path(source)
        return _finish(_read_graphml(path) if kind_of(path) == ".graphml" else read_edges(path), direction, str(source))
    if hasattr(source, "is_directed") and hasattr(source, "edges"):
        return _finish(_from_networkx(source), direction, "graph")
    raise GraphError(f"expected a NetworkX graph or the path of a file, got {type(source).__name__}")


def to_networkx(world: World) -> nx.DiGraph[Any]:
    """Return the follower graph of `world`; an edge u, v says that u follows v.

    Nodes have the loaded names, or person rows. Node attributes: `creator` (bool) and `followers`
    in real people (an agent that follows a creator stands for `people_per_agent`). Edge attribute: `weight`.
    """
    import networkx as nx

    names = world.names if world.names is not None else list(range(world.size))
    is_creator = world.people.creator >= 0
    followers = np.bincount(world.follows.target, minlength=world.size) * np.where(is_creator, world.people_per_agent, 1.0)
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_nodes_from(
        (name, {"creator": bool(c), "followers": float(f)}) for name, c, f in zip(names, is_creator, followers, strict=True)
    )
    follower = np.repeat(np.arange(world.size), np.diff(world.follows.start))
    rows = zip(follower.tolist(), world.follows.target.tolist(), world.follows.weights().tolist(), strict=True)
    graph.add_weighted_edges_from((names[u], names[v], w) for u, v, w in rows)
    return graph


def _finish(raw: RawEdges, direction: Direction, where: str) -> LoadedGraph:
    notes = list(raw.notes)
    names, u, v = number(raw.source, raw.target) if raw.nodes is None else (raw.nodes, raw.source, raw.target)
    if not names:
        raise GraphError(f"{where}: no accounts found: expected at least one edge")
    if (weight := raw.weight) is not None:
        bad = np.flatnonzero(~(weight >= 0) | np.isinf(weight))
        for i in bad[:1]:
            raise GraphError(f"{where}: edge {names[u[i]]} -> {names[v[i]]} has weight {weight[i]}: expected a number of at least 0")
    if direction == "influences":
        u, v = v, u

    start, followed, place, selfish = sort_edges(u, v, len(names))
    if selfish:
        notes.append(f"{selfish} self follows dropped")
    if repeated := len(u) - selfish - len(followed):
        notes.append(f"{repeated} repeated edges dropped")
    if weight is not None:
        weight = weight[place]
        if (weight > 1).any():
            notes.append(f"weights run to {weight.max():g}, so they are no probabilities: in a world every edge has weight 1")
    notes.append("creators are the accounts with most followers; ties go to the account that comes first in `names`")
    return LoadedGraph(np.repeat(np.arange(len(names), dtype=np.int32), np.diff(start)), followed, weight, names, notes)


def _from_networkx(graph: Any, where: str = "graph") -> RawEdges:
    nodes = list(graph.nodes)
    row = {node: i for i, node in enumerate(nodes)}
    edges = list(graph.edges(data="weight"))
    u = np.array([row[e[0]] for e in edges], np.int64)
    v = np.array([row[e[1]] for e in edges], np.int64)
    given = [e[2] is not None for e in edges]
    weight, notes = None, []
    if any(given):
        if not all(given):
            e = edges[given.index(False)]
            raise GraphError(f"{where}: edge {e[0]} -> {e[1]} has no weight, others have: expected a weight on every edge or on none")
        try:
            weight = np.array([float(e[2]) for e in edges])
        except (TypeError, ValueError) as error:
            raise GraphError(f"{where}: edge weights must be numbers: {error}") from error
    if not graph.is_directed():
        loops = u == v  # one self edge must not be counted as two
        u, v = np.concatenate([u, v[~loops]]), np.concatenate([v, u[~loops]])
        weight = None if weight is None else np.concatenate([weight, weight[~loops]])
        notes.append("the graph is undirected: every edge counts in both directions")
    return RawEdges(u, v, weight, nodes, notes)


def _read_graphml(path: Path) -> RawEdges:
    from xml.etree.ElementTree import ParseError

    import networkx as nx

    data = read_bytes(path)
    try:
        graph = nx.read_graphml(io.BytesIO(data))
    except ParseError as error:
        raise GraphError(f"{path}:{error.position[0]}: not well-formed XML: {error}") from error
    except (nx.NetworkXError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise GraphError(f"{path}: not GraphML: {error}") from error
    if "None" in graph and not re.search(rb"""["']None["']""", data):  # what NetworkX makes of a missing id
        raise GraphError(f"{path}: not GraphML: a node or an edge without an id")
    raw = _from_networkx(graph, str(path))
    raw.nodes = whole([str(name) for name in raw.nodes or []])
    return raw

"""From the options of a command to the scenario that is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.options import load

if TYPE_CHECKING:
    from influence_sim.scenario.loader import Loaded

# Option -> the keys it is short for.
_SHORT = {"replications": ("replications",), "days": ("horizon",), "budget": ("budget",), "seed": ("world_seed", "path_seed")}


def as_overrides(options: dict[str, Any]) -> list[str]:
    """Return the `--set` items that options are short for, so that one loader checks them all."""
    return [f"{key}={options[name]}" for name, keys in _SHORT.items() if options.get(name) is not None for key in keys]


def ask(console: Console, path: Path, overrides: tuple[str, ...], options: dict[str, Any]) -> Loaded:
    """Return the scenario with every option laid over it; a graph or a world brings its number of people.

    Parameters
    ----------
    console : Console
        Hears what the graph reader dropped or decided.
    path : Path
        The scenario file.
    overrides : tuple of str
        Items of `--set`; named options win over them.
    options : dict
        Named options, `graph`, `graph_direction`, `population` and `world` among them where the command has them.
    """
    items = [*overrides, *as_overrides(options)]
    population = [] if options.get("population") is None else [f"people.population={options['population']}"]
    file, direction, world = (options.get(name) for name in ("graph", "graph_direction", "world"))
    if world is not None:
        items.append(f"world={json.dumps(str(world))}")
    if file is not None and not file.exists():
        raise click.BadParameter(f"graph file `{file}` not found.", param_hint="--graph")
    # Without a graph of its own the file must be right as it stands; with one, its population is not known yet.
    plain = load(path, items if file is not None else [*items, *population])
    if plain.scenario.world is not None:
        return _in_world(console, path, plain, items)
    if file is None and plain.scenario.graph_file is None:
        if direction is not None:
            raise click.UsageError("--graph-direction needs --graph FILE or a scenario with graph_file")
        return plain

    from influence_sim.world.graph_files import load_graph

    source = str(file or plain.scenario.graph_file)
    graph = load_graph(source, direction or plain.scenario.graph_direction)
    nodes = len(graph.names)
    if file is not None and not population and plain.origins.get("market.people.population") != "--set":
        # What the file says is the population of the world it generates, not of this graph.
        population = [f"people.population={nodes}"]
    # JSON strings are YAML strings: a path with blanks or signs stays one.
    items += [f"graph_file={json.dumps(source)}", f"people.agents={nodes}", *population]
    items += [f"graph_direction={direction}"] if direction is not None else []
    loaded = load(path, items)
    console.note(f"{source}: {nodes:,} accounts, {len(graph.source):,} follows, for {loaded.scenario.market.people.population:,} people")
    for note in graph.notes:
        console.note(f"  {note}")
    return loaded


def _in_world(console: Console, path: Path, plain: Loaded, items: list[str]) -> Loaded:
    """Return the scenario with the people of the world it plays in; raise `WorldError` when it asks for another market."""
    from influence_sim.world.files import check_fit, read_header

    folder = str(plain.scenario.world)
    there = read_header(folder)
    if there["graph"] is not None:  # the file of the scenario cannot know how many accounts a graph has
        items = [*items, *(f"people.{name}={there['parameters'][f'people.{name}']}" for name in ("agents", "population"))]
        plain = load(path, items)
    check_fit(folder, plain.scenario.market)
    console.note(f"{folder}: {there['people']:,} people, {there['follows']:,} follows, the same in every replication")
    return plain

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
    """Return the scenario with every option laid over it; a graph brings its number of people.

    Parameters
    ----------
    console : Console
        Hears what the graph reader dropped or decided.
    path : Path
        The scenario file.
    overrides : tuple of str
        Items of `--set`; named options win over them.
    options : dict
        Named options; `graph`, `graph_direction` and `population` among them.
    """
    items = [*overrides, *as_overrides(options)]
    population = [] if options["population"] is None else [f"people.population={options['population']}"]
    file, direction = options["graph"], options["graph_direction"]
    if file is not None and not file.exists():
        raise click.BadParameter(f"graph file `{file}` not found.", param_hint="--graph")
    # Without a graph of its own the file must be right as it stands; with one, its population is not known yet.
    plain = load(path, items if file is not None else [*items, *population])
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

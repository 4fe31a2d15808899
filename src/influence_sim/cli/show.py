"""`influence-sim show`: the resolved configuration with the origin of every value."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console, is_plain
from influence_sim.cli.helping import Page
from influence_sim.cli.options import INVALID, load, scenario_argument, set_option, voice_options


@click.command(
    "show",
    cls=Page,
    examples=(
        "influence-sim show scenarios/demo.yaml",
        "influence-sim show scenarios/demo.yaml --changed",
        "influence-sim show scenarios/demo.yaml --set feed.policy=following --json",
    ),
    codes=INVALID,
)
@scenario_argument
@set_option
@click.option("--changed", is_flag=True, help="Only values that are not defaults.")
@voice_options
@click.pass_obj
def command(console: Console, /, scenario: Path, overrides: tuple[str, ...], changed: bool, **_: Any) -> int:
    """Show a scenario as resolved: every value and where it came from (file:line, policy, --set, default)."""
    loaded = load(scenario, overrides)
    rows = [(key, value, origin_of(key, loaded.origins)) for key, value in flatten(loaded.scenario.model_dump(mode="json"))]
    if changed:
        rows = [row for row in rows if row[2] != "default"]
    keys = max((len(key) for key, _, _ in rows), default=0)
    values = min(40, max((len(text(value)) for _, value, _ in rows), default=0))
    lines = [f"{key:<{keys}}  {text(value):<{values}}  {dim(origin)}" for key, value, origin in rows]
    lines.append(f"digest {loaded.scenario.digest}")
    result = {"digest": loaded.scenario.digest, "values": {key: {"value": value, "origin": origin} for key, value, origin in rows}}
    return console.done("\n".join(lines), result)


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and their values in file order; an empty mapping is a value."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def origin_of(key: str, origins: Mapping[str, str]) -> str:
    """Return the origin of a key or of the nearest key above it."""
    short = key.removeprefix("market.")
    while key or short:
        for candidate in (key, short):
            if candidate in origins:
                return origins[candidate]
        key, short = (k.rpartition(".")[0] for k in (key, short))
    return "default"


def text(value: Any) -> str:
    """Write a value the way a YAML file would."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def dim(origin: str) -> str:
    """Grey on a terminal, plain elsewhere."""
    return origin if is_plain(sys.stdout) else f"\x1b[2m{origin}\x1b[0m"

"""`influence-sim show`: the resolved configuration with the origin of every value."""

from __future__ import annotations

import sys
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
    from influence_sim.scenario.writing import flatten, origin_of, text

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


def dim(origin: str) -> str:
    """Grey on a terminal, plain elsewhere."""
    return origin if is_plain(sys.stdout) else f"\x1b[2m{origin}\x1b[0m"

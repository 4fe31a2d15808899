"""`influence-sim schema`: JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options


@click.command(
    "schema",
    cls=Page,
    examples=(
        "influence-sim schema --out results/scenario.schema.json",
        "influence-sim schema --market --out results/market.schema.json",
        "influence-sim schema --experiment --out results/experiment.schema.json",
    ),
    writes="With --out FILE: that file, whole or not at all; an older one is replaced. Without it nothing.",
    codes=(ExitCode.USAGE, ExitCode.ENVIRONMENT),
)
@click.option("--market", is_flag=True, help="The schema of a market file instead of a scenario.")
@click.option("--experiment", is_flag=True, help="The schema of an experiment file (`sweep`) instead of a scenario.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE instead of standard output.")
@voice_options
@click.pass_obj
def command(console: Console, /, market: bool, experiment: bool, out: Path | None, **_: Any) -> int:
    """Print the JSON Schema of scenario files, with which an editor completes and checks them.

    Put `# yaml-language-server: $schema=scenario.schema.json` (a path relative to the file) on the
    first line of a scenario.
    """
    if market and experiment:
        raise click.UsageError("--market and --experiment are two schemas; ask for one at a time")
    if experiment:
        from influence_sim.studies.experiment import experiment_schema

        found = experiment_schema()
    else:
        from influence_sim.scenario.json_schema import market_schema, scenario_schema

        found = market_schema() if market else scenario_schema()
    text = json.dumps(found, indent=1, ensure_ascii=False)
    if out is None:
        return console.done(text, found)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return console.done(f"Schema: {out}", {"file": str(out)}, {out.name: str(out)})

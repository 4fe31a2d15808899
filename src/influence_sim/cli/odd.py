"""`influence-sim odd`: a scenario's model as an ODD description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import INVALID, load, scenario_argument, set_option, voice_options


@click.command(
    "odd",
    cls=Page,
    examples=(
        "influence-sim odd scenarios/demo.yaml",
        "influence-sim odd scenarios/demo.yaml --out results/odd.md",
        "influence-sim odd scenarios/demo.yaml --set feed.policy=following --out results/odd_following.md",
    ),
    writes="With --out FILE: that file. With --update FILE: the generated tables of that document. Else nothing.",
    codes=(*INVALID, ExitCode.ENVIRONMENT),
)
@scenario_argument
@set_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE instead of standard output.")
@click.option(
    "--update",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Renew the tables between the marks of FILE (docs/ODD.md), with the default market.",
)
@voice_options
@click.pass_obj
def command(console: Console, /, scenario: Path, overrides: tuple[str, ...], out: Path | None, update: Path | None, **_: Any) -> int:
    """Describe a scenario by the ODD 2020 protocol: the rationale of docs/ODD.md, tables from the declarations the code reads."""
    from influence_sim.scorecard.odd import describe, rationale_file, tables, with_tables

    loaded = load(scenario, overrides)
    if update is not None:
        try:
            text = with_tables(update.read_text(encoding="utf-8"), tables())
        except ValueError as problem:
            raise CommandError(f"{update}: {problem}", ExitCode.USAGE) from problem
        update.write_text(text, encoding="utf-8", newline="\n")
        return console.done(f"{update} is up to date", {"file": str(update)}, {"odd": str(update)})
    source = rationale_file()
    if source is None:
        console.note("docs/ODD.md is not here: the tables alone")
    text = describe(loaded.scenario, loaded.origins, None if source is None else source.read_text(encoding="utf-8"))
    if out is None:
        return console.done(text, {"text": text})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", newline="\n")
    return console.done(f"Written to {out}", {"file": str(out)}, {"odd": str(out)})

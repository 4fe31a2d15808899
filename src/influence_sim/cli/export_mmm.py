"""`influence-sim export-mmm`: data for marketing-mix models, with the truth they should find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.asking import ask
from influence_sim.cli.completing import arm_labels
from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, scenario_argument, set_option, voice_options, writable
from influence_sim.cli.run import label_of
from influence_sim.cli.table import columns


@click.command(
    "export-mmm",
    cls=Page,
    examples=(
        "influence-sim export-mmm scenarios/demo.yaml --strategy paid_infeed --out results/mmm",
        "influence-sim export-mmm scenarios/demo.yaml --strategy micro_portfolio --out results/mmm --days 120 --json",
        "influence-sim export-mmm scenarios/demo.yaml --strategy paid_infeed --out results/mmm --replication 3 --set rivals.count=2",
    ),
    writes="DIR/daily.csv, pymc_marketing.csv, meridian.csv, robyn.csv, truth.json (true return, marginal return and carry-over by "
    "channel, from twin runs) and provenance.json; all or nothing.",
    codes=RUNNING,
)
@scenario_argument
@click.option("--strategy", required=True, metavar="NAME", shell_complete=arm_labels, help="Strategy as named in the scenario.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the data.")
@click.option("--replication", type=click.IntRange(0, 2**20 - 1), default=0, show_default=True, metavar="N", help="Which replication.")
@click.option("--days", type=int, metavar="N", help="Horizon in days; mix models want many.")
@click.option("--budget", type=float, metavar="USD", help="Budget of the strategy.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Threads. Results do not depend on it.")
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console,
    /,
    scenario: Path,
    strategy: str,
    out: Path,
    replication: int,
    threads: int,
    overrides: tuple[str, ...],
    days: int | None,
    budget: float | None,
    **_: Any,
) -> int:
    """Write daily spend, exposure and sales by channel for a mix model, and the truth it should find."""
    from influence_sim.studies.outputs import check_target

    check_target(writable(out))
    options = {"graph": None, "graph_direction": None, "population": None, "days": days, "budget": budget}
    loaded = ask(console, scenario, overrides, options)
    label_of(loaded.scenario, strategy, scenario)

    from influence_sim.engine import warm_up
    from influence_sim.studies.mmm import MmmError, export_mmm

    warm_up(announce=console.note)
    console.note(f"{loaded.scenario.name}: {strategy}, replication {replication}, and its twins")
    try:
        truth = export_mmm(loaded, strategy, out, replication, threads)
    except MmmError as problem:
        raise CommandError(str(problem), ExitCode.USAGE) from problem
    rows = [("campaign", _say(truth["campaign"])), *((name, _say(found)) for name, found in truth["channels"].items())]
    return console.done("\n".join([columns(rows), "", f"Data: {out}"]), truth, {"truth": str(out / "truth.json")})


def _say(found: dict[str, Any]) -> str:
    def number(key: str) -> str:
        return "unknown" if found.get(key) is None else f"{found[key]:.2f}"

    carry = f", carry-over {number('carry_over_per_day')} a day" if "carry_over_per_day" in found else ""
    return f"{found['spend']:,.0f} USD, return {number('roas')}, marginal {number('marginal_roas')}{carry}"

"""`influence-sim select`: the best of several strategies, with as few runs as the promise allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, playing_options, scenario_argument, set_option, voice_options
from influence_sim.cli.progress import Progress


@click.command(
    "select",
    cls=Page,
    examples=(
        "influence-sim select scenarios/demo.yaml --indifference 10 --days 7 --set people.agents=500",
        "influence-sim select scenarios/demo.yaml --indifference 10 --alpha 0.1 --days 7 --set people.agents=500 --json",
        "influence-sim select scenarios/demo.yaml --indifference 50 --set objective=profit --days 7 --set people.agents=500",
    ),
    writes="Nothing, but finished runs in DIR with --keep DIR.",
    codes=(ExitCode.CONDITION_FAILED, *RUNNING),
)
@scenario_argument
@click.option(
    "--indifference", type=click.FloatRange(0, min_open=True), required=True, metavar="X",
    help="Smallest difference worth telling, in the objective's unit: a strategy within it of the best is as good.",
)  # fmt: skip
@click.option("--alpha", type=click.FloatRange(0.001, 0.3), default=0.05, show_default=True, metavar="P", help="Chance of error.")
@click.option("--first", type=click.IntRange(3), default=20, show_default=True, metavar="N", help="Replications before the first look.")
@click.option("--batch", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="Replications between looks.")
@click.option("--most", type=click.IntRange(3), default=500, show_default=True, metavar="N", help="Cap on replications.")
@click.option("--days", type=int, metavar="N", help="Horizon in days.")
@playing_options
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console, /, scenario: Path, indifference: float, alpha: float, first: int, batch: int, most: int, days: int | None,
    executor: str, keep: Path | None, overrides: tuple[str, ...], **_: Any,
) -> int:  # fmt: skip
    """Select the best strategy with a stated chance of being right, dropping the hopeless early (Kim and Nelson's procedure).

    Exit code 1 says that the cap was reached before.
    """
    from influence_sim.cli.options import load
    from influence_sim.report.analysis import number
    from influence_sim.scenario.schema import OBJECTIVE_UNITS
    from influence_sim.studies.play import playing
    from influence_sim.studies.powering import contenders, selected
    from influence_sim.studies.selection import check

    asked = load(scenario, [*overrides, *([] if days is None else [f"horizon={days}"])]).scenario
    unit = OBJECTIVE_UNITS[asked.objective]
    try:
        check(contenders(asked), indifference, alpha, first, batch, most)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from problem

    def looked(alive: Sequence[str], replications: range) -> None:
        console.note(f"replications {replications.start + 1} to {replications.stop}: {', '.join(alive)}")

    with Progress(console, shown=True) as progress, playing(executor, keep, lambda done, total: progress(done, total, {})) as play:
        found = selected(asked, play, indifference, alpha, first, batch, most, looked)
    promise = f"within {number(indifference)} {unit} of the best with a probability of at least {1 - alpha:.0%}"
    lines = [f"{found.best} is selected: {promise}." if found.guaranteed else f"{found.best} has the best mean, but nothing is promised."]
    rest = [label for label in found.survivors if label != found.best]
    lines.append(f"Stopped because: {found.rule}" + (f"; still in the race: {', '.join(rest)}." if rest else "."))
    lines.append("Replications: " + ", ".join(f"{label} {n}" for label, n in found.replications.items()) + ".")
    code = ExitCode.DONE if found.guaranteed else ExitCode.CONDITION_FAILED
    return console.done("\n".join(lines), found._asdict(), code=code)

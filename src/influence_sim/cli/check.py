"""`influence-sim check`: every problem of scenario files at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.completing import scenario_files
from influence_sim.cli.console import Console
from influence_sim.cli.failures import explain
from influence_sim.cli.helping import Page
from influence_sim.cli.options import INVALID, ScenarioFile, load, set_option, voice_options


@click.command(
    "check",
    cls=Page,
    examples=(
        "influence-sim check scenarios/demo.yaml",
        "influence-sim check scenarios/demo.yaml --set horizon=60 --set feed.exploration_share=0.2",
        "influence-sim check scenarios/demo.yaml --json",
    ),
    codes=INVALID,
)
@click.argument("scenarios", type=ScenarioFile(), nargs=-1, required=True, shell_complete=scenario_files)
@set_option
@voice_options
@click.pass_obj
def command(console: Console, /, scenarios: tuple[Path, ...], overrides: tuple[str, ...], **_: Any) -> int:
    """Check scenario files and report every problem at once, without running anything."""
    from influence_sim.scenario.errors import ScenarioError

    lines, checked, problems = [], [], []
    for path in scenarios:
        try:
            scenario = load(path, overrides).scenario
        except ScenarioError as error:
            problems.extend(error.problems)
            continue
        runs = scenario.replications * len(scenario.strategies)
        lines.append(
            f"{path}: fine. {len(scenario.strategies)} strategies x {scenario.replications} replications = {runs} runs, "
            f"{scenario.market.people.agents:,} people, {scenario.horizon} days. Digest {scenario.digest[:12]}"
        )
        checked.append({"file": str(path), "name": scenario.name, "strategies": list(scenario.strategies), "digest": scenario.digest})
    if problems:
        for line in lines:
            console.note(line)
        failure = explain(ScenarioError(problems))
        console.fail(failure)
        return int(failure.code)
    return console.done("\n".join(lines), checked)

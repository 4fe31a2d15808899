"""`influence-sim run`: one strategy, one replication, in full."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from influence_sim.cli.completing import arm_labels
from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, load, scenario_argument, set_option, voice_options, writable
from influence_sim.cli.table import columns, number

if TYPE_CHECKING:
    from influence_sim.record import RunResult

_MONEY = {"spend", "budget"}
_FLAGS = {"feasible"}
_FRACTIONS = {"expected_purchases", "watch_seconds"}


@click.command(
    "run",
    cls=Page,
    examples=(
        "influence-sim run scenarios/demo.yaml --strategy micro_portfolio",
        "influence-sim run scenarios/demo.yaml --strategy none --replication 3 --set horizon=7",
        "influence-sim run scenarios/demo.yaml --strategy paid_infeed --out results/one_run --threads 2 --json",
    ),
    writes="With --out DIR: totals.csv, daily.parquet, posts.parquet and feed_items.parquet of this run. Without it nothing.",
    codes=RUNNING,
)
@scenario_argument
@click.option(
    "--strategy",
    required=True,
    metavar="NAME",
    shell_complete=arm_labels,
    help="Strategy as named in the scenario, or `none` for the control.",
)
@click.option("--replication", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Which of the paired replications.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the tables of this run.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Threads. Results do not depend on it.")
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console,
    /,
    scenario: Path,
    strategy: str,
    replication: int,
    out: Path | None,
    threads: int,
    overrides: tuple[str, ...],
    **_: Any,
) -> int:
    """Run one strategy of a scenario once and print what happened."""
    asked = load(scenario, overrides).scenario
    from influence_sim.studies.runner import arms, run_one

    labels = arms(asked)
    if strategy not in labels:
        near = difflib.get_close_matches(strategy, labels, 1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise click.BadParameter(f"`{strategy}` is not in {scenario}, which has: {', '.join(labels)}.{hint}", param_hint="--strategy")
    if out is not None:
        writable(out)

    from influence_sim.engine import warm_up

    warm_up(announce=console.note)
    console.note(f"{asked.name}: {strategy}, replication {replication}, {asked.horizon} days")
    result = run_one(asked, strategy, replication, threads=threads)
    outputs = write_run(result, out) if out is not None else {}
    lines = [columns([(key, _shown(key, value)) for key, value in result.totals.items()])]
    lines += [f"Tables: {out}"] if out is not None else []
    return console.done("\n".join(lines), {"strategy": strategy, "replication": replication, "totals": result.totals}, outputs)


def write_run(result: RunResult, out: Path) -> dict[str, str]:
    """Write the tables of one run; each file appears whole or not at all."""
    import pandas as pd

    out.mkdir(parents=True, exist_ok=True)
    totals = pd.DataFrame([{"strategy": result.strategy, "replication": result.replication, **result.totals}])
    outputs = {}
    for name in ("totals.csv", "daily.parquet", "posts.parquet", "feed_items.parquet"):
        target = out / name
        part = out / f".{name}.part"
        if name == "totals.csv":
            totals.to_csv(part, index=False)
        else:
            pd.DataFrame(getattr(result, target.stem)).to_parquet(part, index=False)
        part.replace(target)
        outputs[name] = str(target)
    return outputs


def _shown(key: str, value: float) -> str:
    if key in _FLAGS:
        return "yes" if value else "no"
    return number(value, 2 if key in _MONEY else 1 if key in _FRACTIONS else 0)

"""`influence-sim run`: one strategy, one replication, in full."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, load, scenario_argument, set_option, voice_options, writable
from influence_sim.cli.table import columns, number

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation
    from influence_sim.record import RunResult

_MONEY = {"spend", "budget"}
_FLAGS = {"feasible"}
_FRACTIONS = {"expected_purchases", "watch_seconds"}


@click.command(
    "run",
    cls=Page,
    examples=(
        "influence-sim run scenarios/demo.yaml --strategy micro_portfolio",
        "influence-sim run scenarios/demo.yaml --strategy paid_infeed --out results/one_run --threads 2 --json",
        "influence-sim run scenarios/demo.yaml --strategy none --replication 3 --until 2 --snapshot results/day2.snapshot",
    ),
    writes="With --out DIR: totals.csv, daily.parquet, posts.parquet and feed_items.parquet of this run. With --snapshot FILE: its state.",
    codes=RUNNING,
)
@scenario_argument
@click.option("--strategy", required=True, metavar="NAME", help="Strategy as named in the scenario, or `none` for the control.")
@click.option("--replication", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Which of the paired replications.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the tables of this run.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Threads. Results do not depend on it.")
@click.option("--until", type=click.IntRange(1), metavar="DAY", help="Stop on the morning of DAY; at the horizon unless given.")
@click.option("--snapshot", type=click.Path(path_type=Path), metavar="FILE", help="Keep the run as it stands at the end, to go on later.")
@click.option("--from", "start", type=click.Path(path_type=Path), metavar="FILE", help="Go on from a snapshot of this very run.")
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
    until: int | None,
    snapshot: Path | None,
    start: Path | None,
    overrides: tuple[str, ...],
    **_: Any,
) -> int:
    """Run one strategy of a scenario once and print what happened."""
    asked = load(scenario, overrides).scenario
    from influence_sim.studies.runner import arms, begin_run

    labels = arms(asked)
    if strategy not in labels:
        near = difflib.get_close_matches(strategy, labels, 1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise click.BadParameter(f"`{strategy}` is not in {scenario}, which has: {', '.join(labels)}.{hint}", param_hint="--strategy")
    last = asked.horizon if until is None else until
    if last > asked.horizon:
        raise click.BadParameter(f"the horizon is {asked.horizon} days; got {last}.", param_hint="--until")
    if out is not None:
        writable(out)
    if snapshot is not None:
        from influence_sim.engine.snapshot import check_target

        writable(snapshot.absolute().parent)
        check_target(snapshot)

    from influence_sim.engine import warm_up

    warm_up(announce=console.note)
    console.note(f"{asked.name}: {strategy}, replication {replication}, {asked.horizon} days")
    simulation = begin_run(asked, strategy, replication, threads)
    if start is not None:
        simulation = _resumed(start, simulation, threads)
        if last < simulation.day:
            raise click.BadParameter(f"{start} is at day {simulation.day} already; got {last}.", param_hint="--until")
    while simulation.day < last:
        simulation.step()
    simulation.close()
    from influence_sim.record import result_of

    result = result_of(simulation, strategy)
    outputs = write_run(result, out) if out is not None else {}
    if snapshot is not None:
        from influence_sim.engine.snapshot import save_snapshot

        snapshot.absolute().parent.mkdir(parents=True, exist_ok=True)
        save_snapshot(simulation, snapshot)
        outputs["snapshot"] = str(snapshot)
    lines = [columns([(key, _shown(key, value)) for key, value in result.totals.items()])]
    lines += [f"Tables: {out}"] if out is not None else []
    lines += [f"Snapshot of day {simulation.day}: {snapshot}"] if snapshot is not None else []
    return console.done("\n".join(lines), {"strategy": strategy, "replication": replication, "totals": result.totals}, outputs)


def _resumed(file: Path, fresh: Simulation, threads: int) -> Simulation:
    """Return the simulation kept in a file, which must be of the same run as the one that has just begun."""
    from influence_sim.engine.snapshot import SnapshotError, differences, load_snapshot

    kept = load_snapshot(file, threads)
    other = differences(fresh, kept)
    if other:
        raise SnapshotError(f"{file} is of another run than the one asked for: other {', '.join(other)}")
    fresh.close()
    return kept


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

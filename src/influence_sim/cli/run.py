"""`influence-sim run`: one strategy, one replication, in full."""

from __future__ import annotations

import difflib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from influence_sim.cli.asking import ask
from influence_sim.cli.completing import arm_labels
from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, scenario_argument, set_option, voice_options, world_option, writable
from influence_sim.cli.table import columns, number

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation
    from influence_sim.record import EventLog
    from influence_sim.scenario.schema import Scenario

_MONEY = {"spend", "budget"}
_FLAGS = {"feasible"}
_FRACTIONS = {"expected_purchases", "watch_seconds"}
MAX_EVENTS = 10_000_000  # about 80 MB (assumption: what a laptop reads into a table without trouble)

_CHECKPOINT = "Keep the run in DIR.checkpoint every DAYS days until it is done; after a kill the same command goes on from there."


@click.command(
    "run",
    cls=Page,
    examples=(
        "influence-sim run scenarios/demo.yaml --strategy paid_infeed --out results/one_run --events --threads 2 --json",
        "influence-sim run scenarios/demo.yaml --strategy none --replication 3 --until 2 --snapshot results/day2.snapshot",
        "influence-sim run scenarios/demo.yaml --strategy macro --out results/long_run --checkpoint 7",
    ),
    writes="With --out DIR: totals.csv, discovery.csv, attribution.csv, measures.csv, daily, posts, feed_items and "
    "stages as Parquet, scenario.yaml (as resolved); with --events also events.parquet. "
    "With --snapshot FILE: the state of the run; with --checkpoint, until it is done, DIR.checkpoint. Otherwise nothing.",
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
@click.option(
    "--replication", type=click.IntRange(0, 2**20 - 1), default=0, show_default=True, metavar="N", help="Which of the paired replications."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the tables of this run.")
@click.option("--events", is_flag=True, help="Write who did what to which post when, and why, to DIR/events.parquet.")
@click.option("--event-people", type=click.IntRange(1), metavar="N", help="Log the actions of N people, chosen at random (default: all).")
@click.option("--event-actions", metavar="A,B", help="Log these actions only, for instance post,share,follow.")
@click.option("--max-events", type=click.IntRange(1), metavar="N", help=f"Log N events at most; count the rest (default {MAX_EVENTS:,}).")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Threads. Results do not depend on it.")
@click.option("--until", type=click.IntRange(1), metavar="DAY", help="Stop on the morning of DAY; at the horizon unless given.")
@click.option("--snapshot", type=click.Path(path_type=Path), metavar="FILE", help="Keep the run as it stands at the end, to go on later.")
@click.option("--from", "start", type=click.Path(path_type=Path), metavar="FILE", help="Go on from a snapshot of this very run.")
@click.option("--checkpoint", type=click.IntRange(1), metavar="DAYS", help=_CHECKPOINT)
@world_option
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
    events: bool,
    event_people: int | None,
    event_actions: str | None,
    max_events: int | None,
    threads: int,
    until: int | None,
    snapshot: Path | None,
    start: Path | None,
    checkpoint: int | None,
    overrides: tuple[str, ...],
    **options: Any,
) -> int:
    """Run one strategy of a scenario once and print what happened."""
    _check_log(out, events, event_people, event_actions, max_events)
    keeper = _keeper(checkpoint, out, events, start)
    loaded = ask(console, scenario, overrides, options)
    asked = loaded.scenario
    from influence_sim.record.discovery import discovery
    from influence_sim.studies.discovery import discovery_words
    from influence_sim.studies.runner import begin_run

    label_of(asked, strategy, scenario)
    last = asked.horizon if until is None else until
    if last > asked.horizon:
        raise click.BadParameter(f"the horizon is {asked.horizon} days; got {last}.", param_hint="--until")
    if out is not None:
        from influence_sim.studies.outputs import check_target

        check_target(writable(out))
    if snapshot is not None:
        from influence_sim.engine import snapshot as snapshots

        writable(snapshot.absolute().parent)
        snapshots.check_target(snapshot)

    from influence_sim.engine import warm_up

    warm_up(announce=console.note)
    console.note(f"{asked.name}: {strategy}, replication {replication}, {asked.horizon} days")
    simulation = begin_run(asked, strategy, replication, threads)
    if keeper is not None and keeper.file.exists():
        start = keeper.file
    if start is not None:
        simulation = _resumed(start, simulation, threads)
        console.note(f"going on from day {simulation.day}, kept in {start}")
        if last < simulation.day:
            raise click.BadParameter(f"{start} is at day {simulation.day} already; got {last}.", param_hint="--until")
    from influence_sim.record import result_of
    from influence_sim.studies.outputs import whole_folder, write_run

    names: list[str] = []
    with whole_folder(out) if out is not None else nullcontext() as folder:
        log = _log(folder, event_people, event_actions, max_events) if events else None
        with log if log is not None else nullcontext():
            simulation.log = log
            while simulation.day < last:
                simulation.step()
                if keeper is not None and simulation.day < last:
                    keeper.after(simulation)
        simulation.close()
        result = result_of(simulation, strategy)
        found = discovery(result, _whole(log))
        if folder is not None:
            names = write_run(result, found, loaded, simulation.day, folder)
    if keeper is not None:
        keeper.file.unlink(missing_ok=True)
    outputs = {name: str(out / name) for name in names} if out is not None else {}
    if snapshot is not None:
        snapshot.absolute().parent.mkdir(parents=True, exist_ok=True)
        snapshots.save_snapshot(simulation, snapshot)
        outputs["snapshot"] = str(snapshot)
    lines = [columns([(key, _shown(key, value)) for key, value in result.totals.items()]), "", "Discovery", *discovery_words(found)]
    lines += [f"Tables: {out}"] if out is not None else []
    lines += [f"Snapshot of day {simulation.day}: {snapshot}"] if snapshot is not None else []
    answer = {"strategy": strategy, "replication": replication, "totals": result.totals, "discovery": _rows(found)}
    if simulation.ledger.refused:
        first, more = simulation.ledger.reasons[0], len(simulation.ledger.refused) - 1
        answer["refused"] = simulation.ledger.reasons
        console.warn(f"an order was refused: {first}" + (f"; {more:,} more were refused" if more else ""))
    if log is not None:
        lines.append(f"Events: {log.written:,} in {outputs['events.parquet']}")
        answer["events"] = {"written": log.written, "left_out": log.left_out}
        if log.left_out:
            console.warn(f"{log.left_out:,} events beyond --max-events were counted, not written")
    return console.done("\n".join(lines), answer, outputs)


def label_of(asked: Scenario, strategy: str, file: Path) -> str:
    """Return the label of a strategy of the scenario; complain with the nearest one when there is none."""
    from influence_sim.studies.runner import arms

    labels = arms(asked)
    if strategy not in labels:
        near = difflib.get_close_matches(strategy, labels, 1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise click.BadParameter(f"`{strategy}` is not in {file}, which has: {', '.join(labels)}.{hint}", param_hint="--strategy")
    return strategy


@dataclass(frozen=True)
class Keeper:
    """Keeps a run in a file every so many days, until its results are written."""

    file: Path
    days: int

    def after(self, simulation: Simulation) -> None:
        """Keep the run if this was the day."""
        from influence_sim.engine.snapshot import save_snapshot

        if simulation.day % self.days == 0:
            self.file.absolute().parent.mkdir(parents=True, exist_ok=True)
            save_snapshot(simulation, self.file, packed=False)


def _keeper(days: int | None, out: Path | None, events: bool, start: Path | None) -> Keeper | None:
    """Return what keeps the run, or None; complain about options that do not go together."""
    if days is None:
        return None
    if out is None:
        raise click.UsageError("--checkpoint needs --out DIR")
    if events:
        raise click.UsageError("--checkpoint does not go with --events: a log cannot be continued")
    if start is not None:
        raise click.UsageError("--checkpoint does not go with --from: it goes on from its own file")
    from influence_sim.engine.snapshot import check_target

    file = out.with_name(f"{out.name}.checkpoint")
    check_target(file)
    return Keeper(file, days)


def _resumed(file: Path, fresh: Simulation, threads: int) -> Simulation:
    """Return the simulation kept in a file, which must be of the same run as the one that has just begun."""
    from influence_sim.engine.snapshot import SnapshotError, differences, load_snapshot

    kept = load_snapshot(file, threads)
    other = differences(fresh, kept)
    if other:
        raise SnapshotError(f"{file} is of another run than the one asked for: other {', '.join(other)}")
    fresh.close()
    return kept


def _check_log(out: Path | None, events: bool, people: int | None, actions: str | None, most: int | None) -> None:
    """Complain about options of the event log before anything runs."""
    given = {"--event-people": people, "--event-actions": actions, "--max-events": most}
    for option, value in given.items():
        if value is not None and not events:
            raise click.UsageError(f"{option} needs --events")
    if events and out is None:
        raise click.UsageError("--events needs --out DIR")
    if events:
        _log(Path(), people, actions, most)


def _log(folder: Path | None, people: int | None, actions: str | None, most: int | None) -> EventLog:
    """Return the log that was asked for, not yet open."""
    from influence_sim.record import EventLog

    names = None if actions is None else [name.strip() for name in actions.split(",") if name.strip()]
    if names == []:
        raise click.BadParameter("no action is named", param_hint="--event-actions")
    try:
        return EventLog((folder or Path()) / "events.parquet", people, names, most or MAX_EVENTS)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--event-actions") from problem


def _whole(log: EventLog | None) -> Any:
    """Return the events where cascades can be told from them, else None."""
    from influence_sim.record import read_events

    if log is None or log.left_out or not log.complete or not {"post", "share"} <= set(log.actions):
        return None
    return read_events(log.path, ("post", "share"))


def _rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table, row, strict=True)) for row in zip(*(values.tolist() for values in table.values()), strict=True)]


def _shown(key: str, value: float) -> str:
    if key in _FLAGS:
        return "yes" if value else "no"
    return number(value, 2 if key in _MONEY else 1 if key in _FRACTIONS else 0)

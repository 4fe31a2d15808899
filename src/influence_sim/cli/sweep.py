"""`influence-sim sweep`: markets x strategies x points x replications, kept as they finish."""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from influence_sim.cli.completing import scenario_files
from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, ExecutorName, ScenarioFile, set_option, voice_options, workers_of, writable
from influence_sim.cli.progress import Progress, duration

if TYPE_CHECKING:
    from influence_sim.studies.sweep import Counts, Estimate


@click.command(
    "sweep",
    cls=Page,
    examples=(
        "influence-sim sweep experiments/first_sweep.yaml --dry-run",
        "influence-sim sweep experiments/first_sweep.yaml --out results/first_sweep",
        "influence-sim sweep experiments/first_sweep.yaml --out results/first_sweep --executor serial --set replications=2",
    ),
    writes="DIR/journal.jsonl (every finished run, never overwritten; the same command goes on from there), and derived from it "
    "results.parquet, design.json, manifest.json and, where a precision is asked for, precision.csv.",
    codes=RUNNING,
)
@click.argument("experiment", type=ScenarioFile(), shell_complete=scenario_files)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results; resumes what is in it.")
@click.option(
    "--executor", type=ExecutorName(), default="local", metavar="WHERE",
    help="serial, local (default: one process per core), local:N, dask://HOST:PORT or dask-file:PATH. Results do not depend on it.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Run almost nothing: tell how many runs, how long, how much disk.")
@click.option("--retry-failed", is_flag=True, help="Play runs again that raised or crashed.")
@click.option(
    "--stall", type=click.FloatRange(1), default=3600.0, show_default=True, metavar="SECONDS",
    help="A worker without a result for so long is stuck: it is replaced and its run tried again.",
)  # fmt: skip
@set_option
@click.option("--no-progress", is_flag=True, help="No progress lines.")
@voice_options
@click.pass_obj
def command(
    console: Console,
    /,
    experiment: Path,
    out: Path | None,
    executor: str,
    dry_run: bool,
    retry_failed: bool,
    stall: float,
    overrides: tuple[str, ...],
    no_progress: bool,
    **_: Any,
) -> int:
    """Play markets x strategies x points of a design x replications; a repeated command goes on where it stopped."""
    if out is None and not dry_run:
        raise click.UsageError("--out DIR is missing: the folder for the results (or ask for --dry-run)")
    from influence_sim.studies.experiment import load_experiment
    from influence_sim.studies.journal import check_folder

    if out is not None:
        check_folder(writable(out))
    asked = load_experiment(experiment, overrides)

    from influence_sim.engine import warm_up
    from influence_sim.studies.sweep import estimate, sweep

    if executor in ("serial", "local") or executor.startswith("local:") or dry_run:
        warm_up(announce=console.note)
    least = "at least " if asked.precision else ""
    what = f"{asked.name}: {len(asked.scenarios)} markets x {len(asked.sample.points)} points x {least}{asked.replications} replications"
    if dry_run:
        return _tell(console, what, estimate(asked, out), executor, out)
    assert out is not None
    console.note(f"{what} on {executor}")
    with Progress(console, shown=not no_progress) as progress, _asked_to_stop(console) as stopped:
        counts = sweep(asked, out, executor, lambda done, total: progress(done, total, {}), retry_failed, stall, lambda: bool(stopped))
    if counts.damaged:
        console.warn(f"{out}: {counts.damaged} damaged lines of the journal were left out; their runs were done again")
    return _done(console, counts, out, bool(stopped) and counts.finished < counts.planned)


@contextmanager
def _asked_to_stop(console: Console) -> Iterator[list[int]]:
    """Yield a list that is empty until somebody asks to stop: the first Ctrl-C (or SIGTERM) asks, the second one insists."""
    asked: list[int] = []

    def handle(number: int, frame: Any) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt(f"what was finished is kept; go on with: {_again()}")
        console.note("stopping: runs under way finish and are kept; Ctrl-C again to stop at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _again() -> str:
    return shlex.join(["influence-sim", *sys.argv[1:]])


def _tell(console: Console, what: str, need: Estimate, executor: str, out: Path | None) -> int:
    """Print what a sweep needs."""
    from loky import cpu_count

    workers = workers_of(executor) or (cpu_count() if executor == "local" else None)
    folder = next(path for path in [(out or Path()).absolute(), *(out or Path()).absolute().parents] if path.exists())
    free = shutil.disk_usage(folder).free
    left = need.planned - need.finished
    time = f"about {duration(need.seconds / (workers or 1))} on {workers or 1} worker{'s' * ((workers or 1) > 1)}"
    known = "mean of the finished runs" if need.finished else "from trial runs of the last strategy at the first point"
    lines = [
        what,
        f"{need.planned:,} runs, {need.finished:,} of them finished, {left:,} to do"
        + (f"; up to {need.most:,} until every difference is precise enough" if need.most > need.planned else ""),
        f"time: {time} ({duration(need.seconds)} of one core; {known})",
        f"disk: about {need.bytes / 1e6:.1f} MB, {free / 1e6:,.0f} MB free",
    ]
    if need.bytes > free:
        console.warn("the disk is too small for this sweep")
    result = {**need._asdict(), "workers": workers, "bytes_free": free}
    return console.done("\n".join(lines), result)


def _precise(out: Path) -> list[str]:
    """Say which rule ended the replications of how many points."""
    from influence_sim.studies.results import PRECISION

    if not (out / PRECISION).exists():
        return []
    import pandas as pd

    found = pd.read_csv(out / PRECISION)
    ended = ", ".join(f"{n} {rule}" for rule, n in found["rule"].value_counts().items())
    least, most = found["replications"].min(), found["replications"].max()
    return [f"Points by how their replications ({least} to {most}) ended: {ended}; see {out / PRECISION}."]


def _done(console: Console, counts: Counts, out: Path, stopped: bool) -> int:
    failed = [f"{n} {what}" for n, what in ((counts.error, "raised an error"), (counts.crashed, "killed their worker")) if n]
    now = counts.finished - counts.before
    lines = [f"{counts.finished:,} of {counts.planned:,} runs are finished, {now:,} of them now. Results: {out}"]
    if failed:
        lines.append(f"Of these now: {', '.join(failed)}; see `status` and `message` in results.parquet. --retry-failed plays them again.")
    lines += _precise(out)
    code = ExitCode.RUNS_FAILED if failed else ExitCode.DONE
    if stopped:
        lines.append(f"Stopped as asked; go on with: {_again()}")
        code = ExitCode.INTERRUPTED
    outputs = {path.name: str(path) for path in sorted(out.iterdir()) if not path.name.startswith(".")}
    return console.done("\n".join(lines), {**asdict(counts), "finished": counts.finished}, outputs, code)

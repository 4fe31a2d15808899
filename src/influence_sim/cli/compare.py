"""`influence-sim compare`: the main job, from a scenario file to an answer and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.asking import ask
from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import (
    KEPT,
    RUNNING,
    dry_run_option,
    graph_options,
    scenario_argument,
    set_option,
    tell_cost,
    voice_options,
    world_option,
    writable,
)  # fmt: skip
from influence_sim.cli.progress import Progress
from influence_sim.cli.table import comparison_table


class Replications(click.ParamType[int | str]):
    """A number of replications, or `auto`."""

    name = "replications"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number or `auto`; the scenario's checks judge the number."""
        try:
            return "auto" if value == "auto" else int(value)
        except ValueError:
            self.fail(f"`{value}` is neither a whole number nor `auto`.", param, ctx)


FILES = (
    "report.html", "summary.csv", "pairs.csv", "attribution.csv", "measures.csv", "totals.parquet", "daily.parquet",
    "posts.parquet", "feed_items.parquet", "scenario.yaml", "provenance.json", "figures",
)  # fmt: skip


@click.command(
    "compare",
    cls=Page,
    examples=(
        "influence-sim compare scenarios/demo.yaml --out results/demo",
        "influence-sim compare scenarios/demo.yaml --out results/short --days 7 --replications 3 --set people.agents=500",
        "influence-sim compare scenarios/demo.yaml --out results/sure --replications auto --max-replications 100 --json",
    ),
    writes="DIR/report.html (one file), summary.csv, pairs.csv, attribution.csv, measures.csv, totals, daily, posts and feed_items as "
    "Parquet, scenario.yaml (as resolved), provenance.json and figures/*.svg; "
    "all or nothing, an older result in DIR is replaced only when the new one is complete.",
    codes=RUNNING,
)
@scenario_argument
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the results.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes (default: cores, as memory allows). Results are the same.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of each process (default: the cores left over).")
@click.option(
    "--replications",
    type=Replications(),
    metavar="N|auto",
    help="Paired replications of each strategy; `auto` runs 30, then 10 at a time, until the difference between the two leading "
    "strategies is known to 5 % of the budget (profit) or 10 % of the largest mean (other objectives).",
)
@click.option("--max-replications", type=click.IntRange(2), metavar="N", help="Cap of `--replications auto` (default 200).")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help=KEPT)
@click.option("--days", type=int, metavar="N", help="Horizon in days.")
@click.option("--budget", type=float, metavar="USD", help="Budget of each strategy.")
@click.option("--seed", type=int, metavar="N", help="Seed of the worlds and of what happens in them.")
@graph_options
@world_option
@set_option
@dry_run_option
@click.option("--no-progress", is_flag=True, help="No progress lines.")
@voice_options
@click.pass_obj
def command(
    console: Console,
    /,
    scenario: Path,
    out: Path,
    jobs: int | None,
    threads: int | None,
    keep: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    no_progress: bool,
    max_replications: int | None,
    **options: Any,
) -> int:
    """Compare the strategies of a scenario and say which wins, by how much and how sure that is."""
    from influence_sim.studies.outputs import check_target

    auto = options["replications"] == "auto"
    if auto:
        options["replications"] = None
    elif max_replications is not None:
        raise click.UsageError("--max-replications needs --replications auto")
    check_target(writable(out, keep))
    loaded = ask(console, scenario, overrides, options)
    asked = loaded.scenario
    if dry_run:
        from influence_sim.studies.runner import arms

        return tell_cost(console, asked, len(arms(asked)) * (max_replications or 200 if auto else asked.replications), jobs, auto, keep)

    from influence_sim.engine import warm_up
    from influence_sim.studies.compare import compare
    from influence_sim.studies.stopping import Stopping

    stopping = (Stopping() if max_replications is None else Stopping(most=max_replications)) if auto else None
    warm_up(announce=console.note)
    many = f"{stopping.start} to {stopping.most}" if stopping else str(asked.replications)
    console.note(f"{asked.name}: {len(asked.strategies)} strategies x {many} replications, {asked.horizon} days")
    with Progress(console, shown=not no_progress) as progress:
        try:
            comparison = compare(loaded, out=out, jobs=jobs, progress=progress, stopping=stopping, threads=threads, keep=keep)
        except KeyboardInterrupt as stop:
            kept = "nothing was written" if keep is None else f"they are kept in {keep}: the same command goes on from there"
            raise KeyboardInterrupt(f"{progress.done} of {progress.total} runs were done, {kept}") from stop

    for warning in comparison.warnings:
        console.warn(warning)
    rows: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for row in comparison.summary.to_dict("records")]
    outputs = {name: str(out / name) for name in FILES if (out / name).exists()}
    answer = [comparison.answer, *([comparison.stopped] if comparison.stopped else [])]
    text = "\n".join([*answer, "", comparison_table(rows), "", f"Report: {out / 'report.html'}"])
    result = {"answer": comparison.answer, "summary": rows, **({"stopped": comparison.stopped} if comparison.stopped else {})}
    return console.done(text, result, outputs)


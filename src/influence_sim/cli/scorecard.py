"""`influence-sim scorecard`: the model against facts whose bands were written beforehand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options, writable


@click.command(
    "scorecard",
    cls=Page,
    examples=(
        "influence-sim scorecard --only identity --out results/identity",
        "influence-sim scorecard --list --only 'held_out'",
        "influence-sim scorecard --only poisson_1 --out results/poisson",
    ),
    writes="With --out DIR: scorecard.csv, scorecard.html, validation.md and provenance.json, all or nothing; with --page FILE a copy.",
    codes=(ExitCode.USAGE, ExitCode.RUNS_FAILED, ExitCode.NOTHING_MATCHED, ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED),
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the card.")
@click.option("--only", default="*", metavar="GLOB", help="Facts whose id, kind or family matches a shell pattern.")
@click.option("--fast", is_flag=True, help="Exact limits only, about a minute; all facts take under a quarter of an hour on two cores.")
@click.option("--list", "listed", is_flag=True, help="Print the facts and their bands and run nothing.")
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write the Markdown page here.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes (default: one per core). Results do not depend on it.")
@voice_options
@click.pass_obj
def command(
    console: Console, /, out: Path | None, only: str, fast: bool, listed: bool, page: Path | None, jobs: int | None, **_: Any
) -> int:
    """Measure the model against facts with bands written beforehand; failures are shown first."""
    from influence_sim.scorecard.facts import all_facts, chosen

    facts = chosen(all_facts(), only)
    if fast:
        from influence_sim.scorecard.card import fast as quick

        facts = quick(facts)
    if not facts:
        console.note(f"no fact matches `{only}`; see `influence-sim scorecard --list`")
        return console.done("", [], code=ExitCode.NOTHING_MATCHED)
    if listed:
        lines = [f"{f.id} ({f.kind}, {f.family}) {f.band[0]:g} to {f.band[1]:g}\n    {f.claim}\n    {f.source} ({f.grade})" for f in facts]
        return console.done("\n".join(lines), [f.model_dump(mode="json") for f in facts])

    from influence_sim.scorecard.card import measured, play_all, record, tasks
    from influence_sim.scorecard.write import summary, write_card
    from influence_sim.studies.outputs import check_target

    if out is not None:
        check_target(writable(out))
    begun = time.monotonic()
    wanted = tasks(facts)
    told = float("-inf")

    def tell(done: int, total: int, name: str) -> None:
        nonlocal told
        if done == total or time.monotonic() - told > 5:
            console.note(f"{done}/{total} runs ({name}), {time.monotonic() - begun:.0f} s")
            told = time.monotonic()

    rows = measured(facts, play_all(wanted, jobs, tell))
    outputs = write_card(rows, out, time.monotonic() - begun) if out is not None else {}
    if page is not None and out is not None:
        page.write_text((out / "validation.md").read_text(encoding="utf-8"), encoding="utf-8", newline="\n")
    lines = [f"{r.verdict:8s} {r.fact.id:24s} {r.value:10.4g}  band {r.fact.band[0]:g} to {r.fact.band[1]:g}" for r in rows]
    return console.done("\n".join([*lines, "", *summary(rows)]), [record(r) for r in rows], outputs)

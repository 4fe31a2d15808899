"""`influence-sim allocate`: the best split of a budget over channels, checked in worlds the search never saw."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import (
    RUNNING,
    ScenarioFile,
    command_line,
    dry_run_option,
    playing_options,
    set_option,
    tell_cost,
    voice_options,
    workers_of,
    writable,
)  # fmt: skip
from influence_sim.cli.progress import Progress


@click.command(
    "allocate",
    cls=Page,
    examples=(
        "influence-sim allocate experiments/robust_allocation/channels.yaml --out results/split --trials 4 --worlds 3 --check-worlds 5",
        "influence-sim allocate experiments/robust_allocation/channels.yaml --out results/split --keep results/split_runs",
        "influence-sim compare experiments/robust_allocation/answer/split/plan.yaml --out results/split_again --replications 3",
    ),
    writes="DIR/page.html, plan.yaml (the split as a scenario file, ready for `compare` and `stress`), checked.csv, trials.csv, "
    "curves.csv, figures as SVG and provenance.json, all or nothing.",
    codes=RUNNING,
)
@click.argument("question", type=ScenarioFile())
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the results.")
@click.option("--trials", type=int, metavar="N", help="Splits tried, instead of the file's.")
@click.option("--worlds", type=int, metavar="N", help="Worlds of the search, instead of the file's.")
@click.option("--check-worlds", type=int, metavar="N", help="Unseen worlds of the check, instead of the file's.")
@playing_options
@dry_run_option
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console, /, question: Path, out: Path, executor: str, keep: Path | None, dry_run: bool, overrides: tuple[str, ...],
    **options: Any,
) -> int:  # fmt: skip
    """Find the best split of a budget over channels and timings; report it from worlds the search never saw."""
    from influence_sim.record.provenance import provenance
    from influence_sim.scenario.schema import OBJECTIVE_UNITS
    from influence_sim.studies.allocation import Allocation, allocate, curves, player
    from influence_sim.studies.outputs import check_target, whole_folder, write_provenance
    from influence_sim.studies.play import playing
    from influence_sim.studies.questions import load_question, scenario_of

    check_target(writable(out, keep))
    changed = {name: options[name] for name in ("trials", "worlds", "check_worlds") if options[name] is not None}
    asked = load_question(question, Allocation, changed)
    loaded = scenario_of(question, asked.scenario, overrides)
    scenario = loaded.scenario
    if dry_run:
        return tell_cost(console, scenario, asked.most_runs, workers_of(executor), most=True, keep=keep)
    unit = scenario.market.brand.price * scenario.market.brand.margin

    from influence_sim.engine import warm_up

    warm_up(announce=console.note)
    with Progress(console, shown=True) as progress, playing(executor, keep, lambda done, total: progress(done, total, {})) as play:
        evaluate = player(asked, scenario, play)
        console.note(f"search: {asked.trials} splits x {asked.worlds} worlds" + (", and as many at random" if asked.random_search else ""))
        found = allocate(asked, evaluate, unit)
        console.note("each channel alone")
        alone = curves(asked, evaluate, unit)

    from influence_sim.cli.allocate_words import finding, sentences
    from influence_sim.figures.allocation import responses, safety, splits
    from influence_sim.report.analysis import number, write_answer
    from influence_sim.report.experiment import Answer

    told, lines = finding(asked, found, number), sentences(asked, found, number, unit)
    source = f"{question.name} · scenario {scenario.digest[:12]} · {asked.check_worlds} unseen worlds · influence_sim {_version()}"
    cheap = asked.goal == "cost_per_incremental_purchase"
    goal = "purchases per USD" if cheap else OBJECTIVE_UNITS[asked.goal]
    figures = {"splits": splits(found.checked, goal, told, source), "safety": safety(found.checked, goal, source)}
    figures["responses"] = responses(alone, "purchases" if cheap else goal, scenario.budget, source)
    rows = [
        [r["name"], r["words"], r["timing"], number(r["mean"]), f"{number(r['mean_lo'])} to {number(r['mean_hi'])}",
         number(r["worst_tenth"]), number(r["behind"]), "yes" if r["near_tie"] else ""]
        for r in found.checked.to_dict("records")
    ]  # fmt: skip
    people = scenario.market.people
    answer = Answer(
        finding=told, question=f"How should {scenario.budget:,.0f} USD be split between {', '.join(asked.channels)}?", answer=lines,
        facts=[("goal", asked.goal.replace("_", " ")), ("splits tried", str(asked.trials)), ("worlds of the search", str(asked.worlds)),
               ("unseen worlds", str(asked.check_worlds)), ("real people", f"{people.population:,}"), ("days", str(scenario.horizon))],
        caption=f"Splits in unseen worlds, {goal}",
        columns=["split", "shares", "timing", "mean", "95 % interval", "worst tenth", "behind the best", "near tie"], rows=rows,
        text=_beside(question), command=command_line(), footer=source,
    )  # fmt: skip
    with whole_folder(out) as building:
        names = write_answer(building, answer, figures, {"checked": found.checked, "trials": found.trials, "curves": alone})
        (building / "plan.yaml").write_text(_plan(asked, found, question, out), encoding="utf-8", newline="\n")
        write_provenance({**provenance(loaded), "question": asked.model_dump(mode="json")}, building)
    outputs = {name: str(out / name) for name in [*names, "plan.yaml", "provenance.json"]}
    text = "\n".join([told, *lines, "", f"Page: {out / 'page.html'}", f"Plan: {out / 'plan.yaml'}"])
    return console.done(text, {"finding": told, "answer": lines, "winner": dict(found.winner.percents), "flat": found.flat}, outputs)


def _plan(asked: Any, found: Any, question: Path, out: Path) -> str:
    """Return the scenario file with the split found and the usual ones as arms."""
    from influence_sim.scenario.layers import to_json
    from influence_sim.studies.allocation import entry_of, usual
    from influence_sim.studies.questions import beside

    base = os.path.relpath(beside(question, asked.scenario).absolute(), out.absolute())
    arms = {"found": entry_of(asked, found.winner), **{name.replace("/", "-"): entry_of(asked, s) for name, s in usual(asked).items()}}
    lines = [f"# The split found by `influence-sim allocate {question.name}`: {found.winner.words} ({found.winner.timing}).", ""]
    lines += [f"extends: {to_json(base)}", "name: plan", "strategies:", "  - none"]
    lines += [f"  - {to_json(label)}: {to_json(entry)}" for label, entry in arms.items()]
    return "\n".join(lines) + "\n"


def _beside(question: Path) -> str:
    """Return the question.md that stands beside a file, if one does."""
    text = question.with_name("question.md")
    return text.read_text(encoding="utf-8") if text.exists() else ""


def _version() -> str:
    from influence_sim._version import __version__

    return __version__

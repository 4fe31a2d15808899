"""`influence-sim stress`: plans in many futures."""

from __future__ import annotations

import math
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
    "stress",
    cls=Page,
    examples=(
        "influence-sim stress experiments/robust_allocation/futures.yaml --out results/stress --worlds 3 --samples 6 --set horizon=7",
        "influence-sim stress experiments/robust_allocation/futures.yaml --plans scenarios/demo.yaml --out results/stress_demo --worlds 3 "
        "--set rivals.count=1 --set rivals.silent=1",
        "influence-sim stress experiments/robust_allocation/futures.yaml --out results/stress --keep results/stress_runs --json",
    ),
    writes="DIR/page.html, scores.csv (regret, worst tenth, satisfied futures, each with interval), changes.csv (tornado), futures.csv "
    "(every run), with sampled futures also samples.csv, figures as SVG and provenance.json, all or nothing.",
    codes=RUNNING,
)
@click.argument("question", type=ScenarioFile())
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the results.")
@click.option("--plans", type=ScenarioFile(), metavar="FILE", help="Scenario whose strategies are tested, instead of the file's.")
@click.option("--worlds", type=int, metavar="N", help="Worlds of every named future, instead of the file's.")
@click.option("--samples", type=int, metavar="N", help="Sampled futures, instead of the file's.")
@playing_options
@dry_run_option
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console, /, question: Path, out: Path, plans: Path | None, executor: str, keep: Path | None, dry_run: bool,
    overrides: tuple[str, ...], **options: Any,
) -> int:
    """Play plans in many futures and say how they fare: regret, the worst tenth, and under which futures a plan fails."""
    from influence_sim.record.provenance import provenance
    from influence_sim.scenario.schema import OBJECTIVE_UNITS
    from influence_sim.studies.compare import ALPHA
    from influence_sim.studies.outputs import check_target, whole_folder, write_provenance
    from influence_sim.studies.play import playing
    from influence_sim.studies.questions import load_question
    from influence_sim.studies.robustness import changes, concordance, say_scores, say_worst, scores
    from influence_sim.studies.stress import EXPECTED, Stress, play_futures, prepare, sample_means
    from influence_sim.studies.stress import plans as tested

    check_target(writable(out, keep))
    changed = {name: options[name] for name in ("worlds", "samples") if options[name] is not None}
    asked = load_question(question, Stress, changed | ({} if plans is None else {"scenario": str(plans.absolute())}))
    ready = prepare(asked, question, overrides)
    labels = tested(ready.expected.scenario)
    if len(labels) < 1:
        raise click.UsageError(f"{asked.scenario} has no plan but the control; give one with --plans")
    if dry_run:
        runs = (len(labels) + 1) * (len(ready.named) * asked.worlds + len(ready.sampled) * asked.sample_worlds)
        return tell_cost(console, ready.expected.scenario, runs, workers_of(executor), keep=keep)
    if ready.sampled:
        from influence_sim.studies.prim import check_installed, find_box, say_box

        check_installed()  # before a long run, not after it

    from influence_sim.engine import warm_up

    warm_up(announce=console.note)
    console.note(f"{len(labels)} plans x {len(ready.named)} futures x {asked.worlds} worlds, {len(ready.sampled)} sampled futures")
    with Progress(console, shown=True) as progress, playing(executor, keep, lambda done, total: progress(done, total, {})) as play:
        table = play_futures(asked, ready.named, asked.worlds, play)
        samples = sample_means(asked, ready, play)

    from influence_sim._version import __version__
    from influence_sim.figures.stress import regrets, robustness, tornado
    from influence_sim.report.analysis import number, write_answer
    from influence_sim.report.experiment import Answer

    unit = OBJECTIVE_UNITS[asked.goal]
    found, moved = scores(table, asked.threshold), changes(table, EXPECTED)
    lines = say_scores(found, concordance(table), unit, asked.threshold, len(ready.named), number)
    lines.insert(2, say_worst(table, unit, number))
    enough = math.ceil(math.log2(max(1, len(moved)) / ALPHA)) + 1
    if asked.worlds < enough:
        lines.append(f"{asked.worlds} worlds cannot tell any of {len(moved)} changes apart from none (all grey): {enough} worlds could.")
    tables = {"scores": found, "changes": moved, "futures": table}
    if ready.sampled:
        for label in labels:
            failed = (samples[label] < asked.threshold).to_numpy()
            lines.append(say_box(label, find_box(samples[list(ready.inputs)], failed), int(failed.sum()), len(failed)))
        tables["samples"] = samples
    told = finding(found, len(ready.named))
    digest = ready.expected.scenario.digest[:12]
    source = f"{question.name} · scenario {digest} · {asked.worlds} worlds a future · influence_sim {__version__}"
    figures = {
        "robustness": robustness(found, unit, told, source), "regrets": regrets(table, unit, "Every plan in every future", source),
        "tornado": tornado(moved, labels, unit, source),
    }  # fmt: skip
    rows = [
        [r["strategy"], number(r["mean"]), number(r["worst_tenth"]), number(r["largest_regret"]), number(r["mean_regret"]),
         f"{r['satisfied'] * len(ready.named):.0f} of {len(ready.named)}", f"{r['worst_future']} ({number(r['worst'])})"]
        for r in found.to_dict("records")
    ]  # fmt: skip
    notes = question.with_name("question.md")
    listed = "\n".join(f"- {name}: {future.why or 'see the file'}" for name, future in asked.futures.items())
    answer = Answer(
        finding=told, question="Which plan still does when the future is not as expected?", answer=lines,
        facts=[("goal", asked.goal.replace("_", " ")), ("futures", str(len(ready.named))), ("worlds a future", str(asked.worlds)),
               ("sampled futures", str(len(ready.sampled))), ("budget", f"{ready.expected.scenario.budget:,.0f} USD")],
        caption=f"Plans over all futures, {unit}",
        columns=["plan", "mean", "worst tenth", "largest regret", "mean regret", "satisfied", "worst future"], rows=rows,
        text=(notes.read_text(encoding="utf-8") if notes.exists() else "") + f"\n\n## Futures\n\n{listed}\n",
        command=command_line(), footer=source,
    )  # fmt: skip
    with whole_folder(out) as building:
        names = write_answer(building, answer, figures, tables)
        write_provenance({**provenance(ready.expected), "question": asked.model_dump(mode="json")}, building)
    outputs = {name: str(out / name) for name in [*names, "provenance.json"]}
    result = {"finding": told, "answer": lines, "scores": found.to_dict("records")}
    return console.done("\n".join([told, *lines, "", f"Page: {out / 'page.html'}"]), result, outputs)


def finding(found: Any, futures: int) -> str:
    """Return which plan stands bad futures best, or which cannot be told apart."""
    told = []
    for column, best, ties in (
        ("worst_tenth", "stands the worst tenth of {n} futures best", "cannot be told apart in the worst tenth of {n} futures"),
        ("largest_regret", "is never far behind", "cannot be told apart in how far they fall behind"),
    ):
        names = found.loc[found[f"{column}_tie"]].sort_values(column, ascending=column != "worst_tenth")["strategy"].tolist()
        words = best if len(names) == 1 else ties
        told.append(f"{' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)} {words.format(n=futures)}")
    return "; ".join(told)

"""`influence-sim calibrate`: parameters from target statistics or from posts of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, ScenarioFile, command_line, playing_options, set_option, voice_options, writable
from influence_sim.cli.progress import Progress


@click.command(
    "calibrate",
    cls=Page,
    examples=(
        "influence-sim calibrate experiments/calibration_check/facts.yaml --out results/fit --points 30 --draws 5",
        "influence-sim calibrate experiments/calibration_check/facts.yaml --out results/fit --keep results/fit_runs",
        "influence-sim calibrate experiments/calibration_check/facts.yaml --out results/fit --executor local:2 --json",
    ),
    writes="DIR/page.html, posterior.csv, draws.csv, checks.csv, sample.csv (every point with its statistics), with an optimiser also "
    "trials.csv, fitted.yaml (a market overlay), figures as SVG and provenance.json, all or nothing.",
    codes=RUNNING,
)
@click.argument("question", type=ScenarioFile())
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the results.")
@click.option("--points", type=int, metavar="N", help="Points of the sample, instead of the file's.")
@click.option("--draws", type=int, metavar="N", help="Posterior draws that are checked, instead of the file's.")
@click.option("--posts", type=click.Path(path_type=Path), metavar="CSV", help="Posts of your own: columns views, followers, likes.")
@playing_options
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console, /, question: Path, out: Path, posts: Path | None, executor: str, keep: Path | None, overrides: tuple[str, ...],
    **options: Any,
) -> int:  # fmt: skip
    """Fit parameters to facts, or to posts of your own, and check the fit on facts that were held out."""
    from influence_sim.record.provenance import provenance
    from influence_sim.studies.calibrating import fit, target_facts
    from influence_sim.studies.calibration import Calibration, say_posterior
    from influence_sim.studies.outputs import check_target, whole_folder, write_provenance
    from influence_sim.studies.play import playing
    from influence_sim.studies.questions import load_question, scenario_of

    check_target(writable(out, keep))
    changed = {name: options[name] for name in ("points", "draws") if options[name] is not None}
    asked = load_question(question, Calibration, changed | ({} if posts is None else {"posts": str(posts.absolute())}))
    try:
        targets, held_out = target_facts(asked, question)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from problem
    loaded = scenario_of(question, asked.scenario, overrides)
    console.note(f"{asked.points} points x {asked.worlds} worlds, then {asked.draws} draws in unseen worlds")
    with (
        explained(), Progress(console, shown=True) as progress,
        playing(executor, keep, lambda done, total: progress(done, total, {})) as play,
    ):  # fmt: skip
        points, found, checks, trials, fitted = fit(asked, loaded.scenario, targets, held_out, play)

    from influence_sim._version import __version__
    from influence_sim.figures.analysis import known, predicted
    from influence_sim.report.analysis import number, write_answer
    from influence_sim.report.experiment import Answer

    lines = say_posterior(found, checks, number)
    if trials is not None:
        near = ", ".join(f"{name} {number(float(trials[name].iloc[0]))}" for name in asked.parameters)
        far = number(float(trials["distance"].iloc[0]))
        lines.append(f"Nearest point the optimiser found, {far} standard deviations from the facts in the worlds of the search: {near}.")
    learnt = int((~found.summary["flat"]).sum())
    aside = checks[checks["kind"] == "held out"]
    told = f"The facts say something about {learnt} of {len(found.summary)} parameters"
    told += f"; {int(aside['inside'].sum())} of {len(aside)} held-out facts are predicted" if len(aside) else ""
    size = f"{asked.points} points x {asked.worlds} worlds"
    source = f"{question.name} · scenario {loaded.scenario.digest[:12]} · {size} · influence_sim {__version__}"
    figures = {"known": known(found.summary, told, source), "predicted": predicted(checks, "Fitted model against the facts", source)}
    notes = question.with_name("question.md")
    answer = Answer(
        finding=told, question="Which values of the parameters fit the facts, and which facts do they predict?", answer=lines,
        facts=[("points", str(asked.points)), ("worlds a point", str(asked.worlds)), ("kept", f"{asked.keep:.0%}"),
               ("facts fitted", str(len(fitted))), ("facts held out", str(len(held_out))), ("farthest kept", f"{found.distance:.2f}")],
        caption="Facts, and what posterior draws give in unseen worlds",
        columns=["fact", "use", "value", "known to (sd)", "predicted", "95 % range", "inside"],
        rows=[[r["statistic"].replace("_", " "), r["kind"], number(r["fact"]), number(r["fact_sd"]), number(r["median"]),
               f"{number(r['lo'])} to {number(r['hi'])}", "yes" if r["inside"] else "no"] for r in checks.to_dict("records")],
        text=notes.read_text(encoding="utf-8") if notes.exists() else "", footer=source,
        command=command_line(),
    )  # fmt: skip
    draws = found.draws.assign(weight=found.weights)
    tables = {"posterior": found.summary, "draws": draws, "checks": checks, "sample": points}
    tables |= {} if trials is None else {"trials": trials}
    with whole_folder(out) as building:
        names = write_answer(building, answer, figures, tables)
        (building / "fitted.yaml").write_text(_overlay(found.summary, question), encoding="utf-8", newline="\n")
        write_provenance({**provenance(loaded), "question": asked.model_dump(mode="json")}, building)
    outputs = {name: str(out / name) for name in [*names, "fitted.yaml", "provenance.json"]}
    result = {"finding": told, "answer": lines, "posterior": found.summary.to_dict("records"), "checks": checks.to_dict("records")}
    return console.done("\n".join([told, *lines, "", f"Page: {out / 'page.html'}"]), result, outputs)


@contextmanager
def explained() -> Iterator[None]:
    """Tell of a wrong range as of a wrong file, and of facts that cannot be fitted as of a run that failed."""
    from influence_sim.studies.calibrating import FitError, RangeError

    try:
        yield
    except FitError as problem:
        raise CommandError(str(problem), ExitCode.RUNS_FAILED) from problem
    except RangeError as problem:
        raise CommandError(f"{problem}\nNothing was run.", ExitCode.SCENARIO_INVALID) from problem


def _overlay(summary: Any, question: Path) -> str:
    """Return the medians of what is known as a market file."""
    groups: dict[str, list[str]] = {}
    for row in summary[~summary["flat"]].to_dict("records"):
        group, name = row["parameter"].removeprefix("market.").split(".")
        groups.setdefault(group, []).append(f"  {name}: {row['median']:.5g}  # 95 % interval {row['lo']:.4g} to {row['hi']:.4g}")
    head = [f"# Medians of the posterior of `influence-sim calibrate {question.name}`; parameters it says nothing about are left out."]
    return "\n".join([*head, *(line for group, lines in groups.items() for line in (f"{group}:", *lines))]) + "\n"

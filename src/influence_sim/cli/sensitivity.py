"""`influence-sim sensitivity`: what moves a measure, or the order of strategies, from a finished sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, command_line, command_words, voice_options, writable


@click.command(
    "sensitivity",
    cls=Page,
    examples=(
        "influence-sim sensitivity experiments/ranking_sensitivity/results --measure profit --difference small,large --out results/movers",
        "influence-sim sensitivity results/first_sweep --measure incremental_purchases --out results/movers",
        "influence-sim sensitivity results/first_sweep --measure reach --market city --out results/movers --json",
    ),
    writes="DIR/page.html, effects.csv, a figure as SVG and provenance.json, all or nothing.",
    codes=RUNNING,
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--measure", required=True, metavar="NAME", help="A measure of the sweep.")
@click.option(
    "--difference", "differences", multiple=True, metavar="A,B", help="Explain strategy A minus B, so their order (repeatable); else each."
)
@click.option("--market", metavar="NAME", help="Which market of the sweep (default: its only one).")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the results.")
@voice_options
@click.pass_obj
def command(
    console: Console, /, folder: Path, measure: str, differences: tuple[str, ...], market: str | None, out: Path, **_: Any
) -> int:  # fmt: skip
    """Say which parameters move a measure, or the order of strategies: Morris, Sobol, or PAWN for any other design."""
    from influence_sim.studies.outputs import check_target, whole_folder, write_provenance
    from influence_sim.studies.results import load_design, load_results
    from influence_sim.studies.sensitivity import (
        SensitivityError,
        agreement,
        effects,
        explained,
        noise_share,
        say_effects,
        say_mover,
        say_order,
    )

    check_target(writable(out))
    pairs = []
    for item in differences:
        parts = [part.strip() for part in item.split(",")]
        if len(parts) != 2 or not all(parts):
            raise click.BadParameter(f"`{item}` is not two labels with a comma between.", param_hint="--difference")
        pairs.append((parts[0], parts[1]))
    design, results = load_design(folder), load_results(folder)
    markets = design.get("markets", [])
    if market is None and len(markets) > 1:
        raise click.UsageError(f"the sweep has several markets; choose one with --market: {', '.join(markets)}")
    chosen = market if market is not None else markets[0]
    if chosen not in markets:
        raise click.BadParameter(f"the sweep has no market `{chosen}`; it has: {', '.join(markets)}.", param_hint="--market")
    if not design["names"]:
        raise CommandError(f"{folder} varies no parameter: nothing can move anything", ExitCode.USAGE)

    import pandas as pd

    from influence_sim._version import __version__
    from influence_sim.figures.analysis import indices
    from influence_sim.record.provenance import circumstances
    from influence_sim.report.analysis import number, write_answer
    from influence_sim.report.experiment import Answer

    try:
        asked, best = explained(results, design, measure, pairs, chosen)
        tables = [effects(outcome, design, best) for outcome in asked]
    except SensitivityError as error:
        raise CommandError(str(error), ExitCode.RUNS_FAILED) from error
    lines = [
        line for outcome, table in zip(asked, tables, strict=True)
        for line in say_effects(table, noise_share(outcome.values), agreement(outcome, design), number)
    ]  # fmt: skip
    shares = pd.Series(best).value_counts(normalize=True)
    best_at = ", ".join(f"{name} {share * 100:.0f} %" for name, share in shares.items())
    lines.insert(0, f"Best on {measure} at the points played: {best_at}.")
    orders = [say_order(outcome.values, pair, measure) for outcome, pair in zip(asked, pairs, strict=False)]
    lines[1:1] = [f"{order}." for order in orders]
    every = pd.concat(tables, ignore_index=True)
    mover = say_mover(tables[0])
    told = f"{orders[0] if orders else asked[0].name}; {mover}"
    lines += _meanings([name for table in tables for name in table.loc[table["told"], "parameter"].head(3)])
    n = int(design["replications"])
    source = f"{design['experiment']} · {design['kind']}, {len(design['points'])} points x {n} worlds · influence_sim {__version__}"
    rows = [
        [r["parameter"].removeprefix("market."), r["outcome"], number(r["index"]), f"{number(r['lo'])} to {number(r['hi'])}",
         "yes" if r["told"] else "no", *(number(r[k]) for k in ("first", "sigma", "changes_of_order"))]
        for r in every.to_dict("records")
    ]  # fmt: skip
    notes = folder.parent / "question.md"
    answer = Answer(
        finding=told, question=design.get("question") or f"What moves {measure}?", answer=lines,
        facts=[("design", str(design["kind"])), ("points", str(len(design["points"]))), ("parameters", str(len(design["names"]))),
               ("worlds a point", str(n))],
        caption="Every parameter and outcome", rows=rows,
        columns=["parameter", "outcome", "index", "95 % interval", "told", "first order", "sigma", "changes of order"],
        text=notes.read_text(encoding="utf-8") if notes.exists() else "",
        command=command_line(),
        footer=source,
    )  # fmt: skip
    figures = {"effects": indices(every, f"{asked[0].name}: {mover}", source)}
    with whole_folder(out) as building:
        names = write_answer(building, answer, figures, {"effects": every})
        about = {key: design[key] for key in ("experiment", "kind", "names")}
        write_provenance({**circumstances(), "command": command_words(), "sweep": str(folder), "design": about}, building)
    outputs = {name: str(out / name) for name in [*names, "provenance.json"]}
    text = "\n".join([told, *lines, "", f"Page: {out / 'page.html'}"])
    return console.done(text, {"finding": told, "answer": lines, "effects": every.to_dict("records")}, outputs)


def _meanings(names: list[str]) -> list[str]:
    """Say what parameters of the market are; keys of the scenario and of strategies say it themselves."""
    from influence_sim.scenario.parameters import parameters

    known = {f"market.{line.path}": f"{line.path}: {line.meaning}." for line in parameters()}
    return [known[name] for name in dict.fromkeys(names) if name in known]

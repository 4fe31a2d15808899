"""`influence-sim power`: how many replications, or how large a test market, a question needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, command_line, playing_options, scenario_argument, set_option, voice_options, writable
from influence_sim.cli.progress import Progress


@click.command(
    "power",
    cls=Page,
    examples=(
        "influence-sim power scenarios/demo.yaml --pilot 5 --detect 300 --days 7 --set people.agents=500",
        "influence-sim power scenarios/demo.yaml --pilot 5 --days 7 --set people.agents=500 --out results/power",
        "influence-sim power scenarios/demo.yaml --pilot 5 --days 7 --set people.agents=500 --set objective=profit --power 0.9 --json",
    ),
    writes="With --out DIR: page.html, pairs.csv, markets.csv, a figure as SVG and provenance.json, all or nothing. Otherwise nothing.",
    codes=RUNNING,
)
@scenario_argument
@click.option("--pilot", type=click.IntRange(3, 100_000), default=12, show_default=True, metavar="N", help="Replications of the pilot.")
@click.option(
    "--detect", type=click.FloatRange(0, min_open=True), metavar="X",
    help="Difference worth telling, in the objective's unit (default: the pilot's).",
)
@click.option(
    "--power", "wanted", type=click.FloatRange(0.5, 0.999), default=0.8, show_default=True, metavar="P", help="Chance to tell it."
)
@click.option("--days", type=int, metavar="N", help="Horizon in days.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for a page and tables.")
@playing_options
@set_option
@voice_options
@click.pass_obj
def command(
    console: Console, /, scenario: Path, pilot: int, detect: float | None, wanted: float, days: int | None, out: Path | None, executor: str,
    keep: Path | None, overrides: tuple[str, ...], **_: Any,
) -> int:  # fmt: skip
    """Say how many paired replications tell strategies apart, and how large a test in a real market must be."""
    from influence_sim.cli.options import load
    from influence_sim.studies.outputs import check_target
    from influence_sim.studies.play import playing
    from influence_sim.studies.power import market_needs, pair_needs
    from influence_sim.studies.powering import cells_of, objective_of, say_needs

    if out is not None:
        check_target(writable(out, keep))
    loaded = load(scenario, [*overrides, *([] if days is None else [f"horizon={days}"]), f"replications={pilot}"])
    asked = loaded.scenario
    console.note(f"pilot: {len(asked.strategies)} strategies x {pilot} replications")
    with Progress(console, shown=True) as progress, playing(executor, keep, lambda done, total: progress(done, total, {})) as play:
        runs = play([asked], range(pilot))
    values, labels = objective_of(asked, runs)
    if len(labels) < 2:
        raise click.UsageError(f"{scenario} has fewer than two strategies with a defined {asked.objective}: nothing can be compared")
    pairs = pair_needs(values, labels, detect, wanted)
    markets = market_needs(cells_of(asked, runs), asked.market.people.population, wanted)

    from influence_sim.report.analysis import number

    lines = say_needs(asked, pairs, markets, pilot, detect, wanted, number)
    outputs = {} if out is None else _page(out, loaded, scenario, pilot, pairs, markets, lines)
    result = {"answer": lines, "pairs": pairs.to_dict("records"), "markets": markets.to_dict("records")}
    return console.done("\n".join(lines), result, outputs)


def _page(out: Path, loaded: Any, scenario: Path, pilot: int, pairs: Any, markets: Any, lines: list[str]) -> dict[str, str]:
    import math

    from influence_sim._version import __version__
    from influence_sim.figures.analysis import power_curves, powers
    from influence_sim.record.provenance import provenance
    from influence_sim.report.analysis import number, write_answer
    from influence_sim.report.experiment import Answer
    from influence_sim.studies.outputs import whole_folder, write_provenance
    from influence_sim.studies.power import ALPHA

    asked = loaded.scenario
    hard = pairs.sort_values("needed", ascending=False, kind="stable")
    finite = [x for x in pairs["needed"] if math.isfinite(x)]
    most = min(10_000.0, 3 * max([pilot, *finite]))
    curves = {
        f"{r['strategy_a']}, {r['strategy_b']}": powers(abs(r["difference"]), r["paired_sd"], ALPHA / len(pairs), most)
        for r in hard.to_dict("records") if r["paired_sd"] > 0
    }  # fmt: skip
    source = f"{scenario.name} · scenario {asked.digest[:12]} · pilot of {pilot} worlds · influence_sim {__version__}"
    figures = {"power": power_curves(curves, pilot, "How many worlds tell pairs of strategies apart", source)} if curves else {}
    answer = Answer(
        finding=lines[0], question=asked.question or "How many replications does the question need?", answer=lines[1:],
        facts=[("pilot", f"{pilot} worlds"), ("objective", asked.objective.replace("_", " ")), ("budget", f"{asked.budget:,.0f} USD")],
        caption="Pairs: paired replications needed, with those at the largest spread the pilot allows",
        columns=["pair", "difference", "paired sd", "needed", "at most", "without pairing"],
        rows=[[f"{r['strategy_a']}, {r['strategy_b']}",
               *(number(r[k]) for k in ("difference", "paired_sd", "needed", "needed_hi", "needed_unpaired"))]
              for r in pairs.to_dict("records")],
        text="", command=command_line(), footer=source,
    )  # fmt: skip
    with whole_folder(out) as building:
        names = write_answer(building, answer, figures, {"pairs": pairs, "markets": markets})
        write_provenance(provenance(loaded), building)
    return {name: str(out / name) for name in [*names, "provenance.json"]}

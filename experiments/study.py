"""Run an experiment that asks one question in variants of a market: `python experiments/study.py micro_conversion`.

At full size this replaces `results/` (not tracked) and `answer/` (tracked) of its folder. At any other size, or with `--out`,
`answer/` is left alone. A folder is replaced whole or not at all.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SAID = {"ratio": " times", "level": " times", "elasticity": " % more for 1 % more money"}
MODEL = ("package_version", "model_version", "scenario_digest", "seeds")  # what is tracked of provenance: no machine


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    known = sorted(path.parent.name for path in HERE.glob("*/study.yaml"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=known, help="folder of the experiment")
    parser.add_argument("--replications", type=int, metavar="N", help="worlds")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change every variant")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes at the same time (one per core)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write there instead of results/")
    parser.add_argument("--redraw", action="store_true", help="run nothing: write answer/ again from its worlds.csv")
    given = parser.parse_args(argv)
    for name in ("replications", "jobs"):
        if (value := getattr(given, name)) is not None and value < 1:
            parser.error(f"--{name} must be at least 1; got {value}")
    return given


def main(argv: list[str] | None = None) -> int:
    """Run the experiment and return the exit code."""
    given = arguments(argv)
    from influence_sim.cli.failures import explain
    from influence_sim.studies.variants import StudyError

    try:
        print(experiment(given))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("INFLUENCE_SIM_DEBUG"):
            raise
        failure = explain(error)
        print(failure.text, file=sys.stderr)
        return int(failure.code)
    return 0


def experiment(given: argparse.Namespace) -> str:
    """Run, compare, write; return what to tell."""
    from influence_sim.record import provenance
    from influence_sim.studies.outputs import check_target, whole_folder, write_provenance
    from influence_sim.studies.variants import answers, load_study, run_variants, scenarios_of

    home = HERE / given.experiment
    if given.redraw:
        return redrawn(home)
    full = given.replications is None and given.out is None and not given.set
    folders = [given.out or home / "results", *([home / "answer"] if full else [])]
    for folder in folders:
        check_target(folder)
    changes = [*given.set, *([] if given.replications is None else [f"replications={given.replications}"])]
    study = load_study(home / "study.yaml")
    loaded = scenarios_of(study, home / "experiment.yaml", changes)
    scenarios = {name: found.scenario for name, found in loaded.items()}
    runs = run_variants(scenarios, given.jobs, tell)
    found = answers(study, runs, scenarios)
    known = {name: provenance(each) for name, each in loaded.items()}
    for folder in folders:
        tracked = folder == home / "answer"
        with whole_folder(folder) as building:
            write(building, home, study, scenarios, found)
            runs.to_csv(building / "worlds.csv", index=False, float_format="%.10g", lineterminator="\n")
            told = {name: {key: p[key] for key in MODEL} for name, p in known.items()} if tracked else known
            write_provenance({"variants": told}, building)
    return "\n".join([finding(study, found), *sentences(study, found), *(f"Written: {folder}" for folder in folders)])


def redrawn(home: Path) -> str:
    """Write the page, figures and tables of `answer/` again from the totals it holds; return what to tell."""
    import json

    import pandas as pd

    from influence_sim.studies.outputs import whole_folder, write_provenance
    from influence_sim.studies.variants import answers, load_study, scenarios_of

    study = load_study(home / "study.yaml")
    loaded = scenarios_of(study, home / "experiment.yaml")
    scenarios = {name: found.scenario for name, found in loaded.items()}
    runs = pd.read_csv(home / "answer" / "worlds.csv", keep_default_na=False)
    told = json.loads((home / "answer" / "provenance.json").read_text(encoding="utf-8"))
    found = answers(study, runs, scenarios)
    with whole_folder(home / "answer") as building:
        write(building, home, study, scenarios, found)
        runs.to_csv(building / "worlds.csv", index=False, float_format="%.10g", lineterminator="\n")
        write_provenance(told, building)
    return "\n".join([finding(study, found), *sentences(study, found)])


def tell(variant: str, done: int, total: int) -> None:
    """Say now and then how far the runs are."""
    if done == total or done % 20 == 0:
        print(f"{variant}: {done} of {total} runs", file=sys.stderr, flush=True)


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if not math.isfinite(value):
        return "\N{EN DASH}"
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"
    return text.replace("-", "\N{MINUS SIGN}")


def writer(unit: str) -> Any:
    """Return how values of a unit are written."""
    from influence_sim.figures.style import percent

    return percent if unit.startswith("share") else number


def rows_of(found: Any, name: str) -> list[dict[str, Any]]:
    """Return the rows of a comparison."""
    return [row for row in found.rows.to_dict("records") if row["comparison"] == name]


def meaning(comparison: Any, verdict: str) -> str:
    """Return what a verdict means in plain words."""
    from influence_sim.studies.compare import UNDECIDED

    return str(comparison.meaning.get("undecided" if verdict == UNDECIDED else verdict, f"{comparison.name}: {verdict}"))


def finding(study: Any, found: Any) -> str:
    """Return the answer in one sentence: the first comparison as the market is, where it turns, and the other headlines."""
    from influence_sim.studies.compare import UNDECIDED
    from influence_sim.studies.variants import grouped

    first, *others = study.comparisons
    head, *rows = rows_of(found, first.name)
    value = "" if head["verdict"] == UNDECIDED or first.kind == "difference" else f" ({number(head['value'])}{SAID[first.kind]})"
    told = [f"{meaning(first, head['verdict'])}{value}"]
    told += [_small(meaning(c, rows_of(found, c.name)[0]["verdict"])) for c in others if c.headline]
    turned = {verdict: names for verdict, names in grouped(rows).items() if verdict != head["verdict"]}
    if not any(c.headline for c in others):
        told += [f"with {', '.join(names)}: {_small(meaning(first, verdict))}" for verdict, names in turned.items()]
    return "; ".join(told)


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def sentences(study: Any, found: Any) -> list[str]:
    """Return the answer in sentences: every comparison as the market is; of those in the title also where it holds and what moves it."""
    from influence_sim.studies.variants import grouped, measure_of, say_row

    lines = []
    for comparison in study.comparisons:
        rows = rows_of(found, comparison.name)
        write = writer(measure_of(comparison.measure)[0]) if comparison.kind == "difference" else number
        head = rows[0]
        lines.append(f"{comparison.name}, {head['variant']}: {say_row(head, write)}. {meaning(comparison, head['verdict'])}.")
        if not (comparison.headline or comparison is study.comparisons[0]):
            continue
        others = [f"{_small(meaning(comparison, verdict))} with {', '.join(names)}" for verdict, names in grouped(rows[1:]).items()]
        if others:
            lines.append(f"In the variants: {'; '.join(others)}.")
        moved = [_moved(row, write) for row in rows[1:] if math.isfinite(row["change_lo"])]
        if moved:
            still = [name for name, how in moved if not how]
            told = [f"{name} by {how}" for name, how in moved if how] or ["no variant, as far as these worlds tell"]
            rest = f" Nothing to be told with {', '.join(still)}." if still and len(still) < len(moved) else ""
            lines.append(f"What moves it: {'; '.join(told)}.{rest}")
    return lines


def _moved(row: Mapping[str, Any], write: Any) -> tuple[str, str]:
    """Return a variant and how far it moves a comparison, or nothing where the interval holds no change."""
    ratio = row["kind"] in ("ratio", "level")
    null = 1.0 if ratio else 0.0
    if row["change_lo"] <= null <= row["change_hi"]:
        return row["variant"], ""
    sign = "a factor of " if ratio else "+" if row["change"] > 0 else ""
    return row["variant"], f"{sign}{write(row['change'])} ({write(row['change_lo'])} to {write(row['change_hi'])})"


def write(folder: Path, home: Path, study: Any, scenarios: Mapping[str, Any], found: Any) -> None:
    """Write tables, figure and the page to a folder."""
    from influence_sim._version import __version__
    from influence_sim.figures.style import to_svg
    from influence_sim.figures.variants import forest
    from influence_sim.report.experiment import Answer, experiment_page
    from influence_sim.studies.variants import measure_of

    base = scenarios[study.base]
    people, n = base.market.people, base.replications
    source = f"{home.name} · scenario {base.digest[:12]} and {len(scenarios) - 1} variants · {n} worlds · influence_sim {__version__}"
    numbers = [writer(measure_of(c.measure)[0]) if c.kind == "difference" else number for c in study.comparisons]
    figures = {"comparisons": forest(found.rows, numbers, finding(study, found), source)}
    text = (home / "question.md").read_text(encoding="utf-8") + "\n## Variants\n\n"
    text += "\n".join(f"- {name}: {variant.why}" for name, variant in study.variants.items()) + "\n"
    told = Answer(
        finding=finding(study, found), question=base.question, answer=sentences(study, found),
        facts=[("paired worlds", str(n)), ("variants", str(len(scenarios))), ("simulated people", f"{people.agents:,}"),
               ("real people", f"{people.population:,}"), ("modelled creators", f"{base.market.creators.count:,}"),
               ("days", str(base.horizon)), ("budget", f"{base.budget:,.0f} USD")],
        caption="Measures of every arm: mean of worlds with 95 % interval",
        columns=["measure", "variant", "arm", "value", "95 % interval", "unit"],
        rows=[_measure_row(row) for row in found.arms.to_dict("records")],
        text=text, command=f"python experiments/study.py {home.name}", footer=source,
    )  # fmt: skip
    (folder / "page.html").write_text(experiment_page(told, figures), encoding="utf-8", newline="\n")
    for name, figure in figures.items():
        (folder / f"{name}.svg").write_text(to_svg(figure, name), encoding="utf-8", newline="\n")
    for name, frame in (("pairs", found.rows), ("measures", found.arms)):
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")


def _measure_row(row: Mapping[str, Any]) -> list[str]:
    write = writer(row["unit"])
    interval = f"{write(row['lo'])} to {write(row['hi'])}" if math.isfinite(row["lo"]) else ""
    return [row["measure"].replace("_", " "), row["variant"], row["strategy"], write(row["value"]), interval, row["unit"]]


if __name__ == "__main__":
    sys.exit(main())

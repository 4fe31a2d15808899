"""Play the same worlds on `following` and `for_you`; write tables, figures and the page.

At full size this replaces `results/` (not tracked) and `answer/` (tracked). At any other size, or with
`--out`, `answer/` is left alone. A folder is replaced whole or not at all.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The worlds' table keeps what the page shows; everything is in results/.
KEPT = ("views_of_unknown", "views_gini", "thousand_views_mean_days", "slots", "views_per_post")
MODEL = ("package_version", "model_version", "scenario_digest", "seeds")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, metavar="N", help="worlds (30)")
    parser.add_argument("--people", type=int, metavar="N", help="simulated people (4000); population and creators in proportion")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes at the same time (one per core)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write there instead of results/")
    given = parser.parse_args(argv)
    for name in ("replications", "people", "jobs"):
        if (value := getattr(given, name)) is not None and value < 1:
            parser.error(f"--{name} must be at least 1; got {value}")
    return given


def main(argv: list[str] | None = None) -> int:
    """Run the experiment and return the exit code."""
    given = arguments(argv)
    from influence_sim.cli.failures import explain

    try:
        print(experiment(given))
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("INFLUENCE_SIM_DEBUG"):
            raise
        failure = explain(error)
        print(failure.text, file=sys.stderr)
        return int(failure.code)
    return 0


def experiment(given: argparse.Namespace) -> str:
    """Run, compare, write; return what to tell."""
    from present import HEADLINE, answer, finding, write

    from influence_sim.record import provenance
    from influence_sim.scenario import load_scenario
    from influence_sim.studies.outputs import check_target, whole_folder, write_provenance
    from influence_sim.studies.platforms import paired, run_platforms

    full = given.replications is None and given.people is None and given.out is None
    folders = [given.out or HERE / "results", *([HERE / "answer"] if full else [])]
    for folder in folders:
        check_target(folder)
    changes = [] if given.replications is None else [f"replications={given.replications}"]
    if given.people is not None:
        market = load_scenario(HERE / "experiment.yaml").scenario.market
        size = given.people / market.people.agents
        changes += [f"people.agents={given.people}", f"people.population={round(size * market.people.population)}"]
        changes += [f"creators.count={max(1, round(size * market.creators.count))}"]
    loaded = {name: load_scenario(HERE / file, changes) for name, file in (("for_you", "experiment.yaml"), ("following", "following.yaml"))}
    scenarios = {name: found.scenario for name, found in loaded.items()}
    worlds = run_platforms(scenarios, given.jobs, tell)
    pairs = paired(worlds, "for_you", "following", HEADLINE)
    known = {name: provenance(found) for name, found in loaded.items()}
    for folder in folders:
        tracked = folder == HERE / "answer"
        with whole_folder(folder) as building:
            write(building, worlds[worlds["measure"].isin(KEPT)] if tracked else worlds, pairs, scenarios)
            # What is tracked says which model answered, not on which machine.
            told = {name: {key: p[key] for key in MODEL} for name, p in known.items()} if tracked else known
            write_provenance({"platforms": told}, building)
    return "\n".join([finding(pairs), *answer(pairs), *(f"Written: {folder}" for folder in folders)])


def tell(platform: str, done: int, total: int) -> None:
    """Say now and then how far the runs are."""
    if done == total or done % 10 == 0:
        print(f"{platform}: {done} of {total} worlds", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Analyses of the command line in one call each: a file or a scenario in, tables out; `prim.find_box` takes the samples of a stress test.

``sweep`` and ``compare`` have calls of their own. All play through the one loop, so `executor` and `keep` mean what they mean there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from influence_sim.studies.play import playing
from influence_sim.studies.questions import load_question, scenario_of

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario
    from influence_sim.studies.allocation import Split
    from influence_sim.studies.calibrating import Fit
    from influence_sim.studies.selection import Selection

File = str | os.PathLike[str]


class Allocated(NamedTuple):
    """The best split, every checked split, every trial, and each channel alone; columns as in `allocation.Found` and `curves`."""

    winner: Split
    flat: bool
    checked: pd.DataFrame
    trials: pd.DataFrame
    curves: pd.DataFrame


def allocate(file: File, set: Sequence[str] = (), executor: str = "local", keep: File | None = None, **instead: Any) -> Allocated:
    """Find the best split of a budget; `instead` replaces keys of the file, such as ``trials=20``, `set` those of its scenario."""
    from influence_sim.studies import allocation

    asked = load_question(file, allocation.Allocation, instead)
    scenario = scenario_of(file, asked.scenario, set).scenario
    unit = scenario.market.brand.price * scenario.market.brand.margin
    with playing(executor, keep) as play:
        evaluate = allocation.player(asked, scenario, play)
        found = allocation.allocate(asked, evaluate, unit)
        return Allocated(found.winner, found.flat, found.checked, found.trials, allocation.curves(asked, evaluate, unit))


class Stressed(NamedTuple):
    """Scores of plans, how far each future moves each plan, every run, and the sampled futures with the means in them."""

    scores: pd.DataFrame
    changes: pd.DataFrame
    futures: pd.DataFrame
    samples: pd.DataFrame


def stress(file: File, set: Sequence[str] = (), executor: str = "local", keep: File | None = None, **instead: Any) -> Stressed:
    """Play plans in many futures; `instead` replaces keys of the file, such as ``worlds=30``, `set` those of its scenario."""
    from influence_sim.studies.robustness import changes, scores
    from influence_sim.studies.stress import EXPECTED, Stress, play_futures, prepare, sample_means

    asked = load_question(file, Stress, instead)
    ready = prepare(asked, file, set)
    with playing(executor, keep) as play:
        table = play_futures(asked, ready.named, asked.worlds, play)
        samples = sample_means(asked, ready, play)
    return Stressed(scores(table, asked.threshold), changes(table, EXPECTED), table, samples)


def calibrate(file: File, set: Sequence[str] = (), executor: str = "local", keep: File | None = None, **instead: Any) -> Fit:
    """Fit parameters to facts; `instead` replaces keys of the file, such as ``points=400``, `set` those of its scenario."""
    from influence_sim.studies.calibrating import fit, target_facts
    from influence_sim.studies.calibration import Calibration

    asked = load_question(file, Calibration, instead)
    scenario = scenario_of(file, asked.scenario, set).scenario
    with playing(executor, keep) as play:
        return fit(asked, scenario, *target_facts(asked, file), play)


def sensitivity(folder: File, measure: str, differences: Sequence[tuple[str, str]] = (), market: str | None = None) -> pd.DataFrame:
    """Return `sensitivity.EFFECTS` of a finished sweep: of a measure of every strategy, or of differences of two."""
    from influence_sim.studies.results import load_design, load_results
    from influence_sim.studies.sensitivity import effects, explained

    design, results = load_design(folder), load_results(folder)
    outcomes, best = explained(results, design, measure, differences, market)
    return pd.concat([effects(outcome, design, best) for outcome in outcomes], ignore_index=True)


class Needs(NamedTuple):
    """Paired replications that every pair of strategies needs (`power.PAIRS`), and how large real tests must be (`power.MARKETS`)."""

    pairs: pd.DataFrame
    markets: pd.DataFrame


def power(
    scenario: Any, pilot: int = 10, detect: float | None = None, wanted: float = 0.8, executor: str = "local", keep: File | None = None
) -> Needs:
    """Return how many replications a question needs, from a pilot; arguments as for the command, `scenario` as for `compare`."""
    from influence_sim.studies.power import market_needs, pair_needs
    from influence_sim.studies.powering import cells_of, objective_of

    asked: Scenario = getattr(scenario, "scenario", scenario)
    with playing(executor, keep) as play:
        runs = play([asked], range(pilot))
    values, labels = objective_of(asked, runs)
    return Needs(pair_needs(values, labels, detect, wanted), market_needs(cells_of(asked, runs), asked.market.people.population, wanted))


def select(
    scenario: Any, indifference: float, alpha: float = 0.05, first: int = 20, batch: int = 10, most: int = 500, executor: str = "local",
    keep: File | None = None,
) -> Selection:  # fmt: skip
    """Select the best strategy of a scenario with a stated chance of being right; arguments as for `kim_nelson`."""
    from influence_sim.studies.powering import selected

    with playing(executor, keep) as play:
        return selected(getattr(scenario, "scenario", scenario), play, indifference, alpha, first, batch, most)

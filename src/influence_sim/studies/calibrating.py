"""What a calibration plays, and the facts it is asked to fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from pydantic import ValidationError

from influence_sim.scenario.points import PointError, at_point, full_key
from influence_sim.studies import calibration
from influence_sim.studies.calibration import Calibration, Evaluate, Posterior, Target, read_posts, statistics, targets_of_posts
from influence_sim.studies.questions import beside
from influence_sim.studies.runner import arms, control_label

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario
    from influence_sim.studies.play import Play


class RangeError(ValueError):
    """A parameter of a calibration cannot be varied, or not over all of its range; the message says which."""


class FitError(ValueError):
    """The facts cannot be fitted; the message says why."""


class Fit(NamedTuple):
    """What a calibration found.

    Attributes
    ----------
    points : the sample, a row a point with its statistics
    posterior : draws, weights, and the summary of every parameter
    checks : every fact with what posterior draws predict in unseen worlds
    trials : what the optimiser tried, nearest first; None without one
    fitted : names of the facts that were fitted: those that some point comes near
    """

    points: pd.DataFrame
    posterior: Posterior
    checks: pd.DataFrame
    trials: pd.DataFrame | None
    fitted: list[str]


def fit(asked: Calibration, scenario: Scenario, targets: Mapping[str, Target], held_out: Mapping[str, Target], play: Play) -> Fit:
    """Play the sample, return the posterior, and check it in unseen worlds.

    Raises
    ------
    RangeError
        As `evaluator`.
    FitError
        When no point comes near any fact, or too few points have all statistics.
    """
    evaluate = evaluator(asked, scenario, play)
    points = calibration.sample(asked.parameters, asked.points, asked.seed)
    values = evaluate(points, range(asked.worlds)).groupby("point").mean()
    unreached = calibration.out_of_reach(values, targets)
    reached = {name: fact for name, fact in targets.items() if name not in unreached}
    if not reached:
        raise FitError(f"no point in these ranges comes near any of {', '.join(unreached)}: widen the ranges")
    try:
        found = calibration.posterior(asked.parameters, points, values, reached, asked.keep)
    except ValueError as problem:
        raise FitError(str(problem)) from problem
    drawn = calibration.resample(found, asked.draws, asked.seed)
    unseen = range(asked.worlds, asked.worlds + 1)
    checks = calibration.predictive(evaluate(drawn, unseen), targets, held_out, unreached)
    trials = None
    if asked.trials:
        start = [dict(found.summary.set_index("parameter")["median"])]
        trials = calibration.nearest(asked.parameters, reached, evaluate, range(asked.worlds), asked.trials, asked.seed, start)
    return Fit(points.join(values), found, checks, trials, list(reached))


def evaluator(asked: Calibration, scenario: Scenario, play: Play) -> Evaluate:
    """Return the function that plays points: the scenario's first strategy, or its control where it has no other.

    Raises
    ------
    RangeError
        When a parameter's key is no value of the scenario; later, before anything runs, when a point is not possible.
    """
    control = control_label(scenario)
    plan = next((label for label in arms(scenario) if label != control), None)
    only = plan or control  # statistics are of single runs, so no control has to be played beside a plan
    try:
        keys = {name: full_key(scenario, name) for name in asked.parameters}
    except PointError as error:
        raise RangeError(str(error)) from error

    def at(values: Mapping[str, float]) -> Scenario:
        try:
            return at_point(scenario, {keys[name]: value for name, value in values.items()})
        except ValueError as error:
            reason = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
            told = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
            raise RangeError(f"the ranges hold an impossible point ({told}): {reason}; narrow a range") from error

    def evaluate(points: pd.DataFrame, replications: range) -> pd.DataFrame:
        scenarios = [at({name: float(f"{row[name]:.10g}") for name in keys}) for _, row in points.iterrows()]
        return play(scenarios, replications, statistics, only).drop(columns=["strategy", "replication"])

    return evaluate


def target_facts(asked: Calibration, file: str | os.PathLike[str]) -> tuple[dict[str, Target], dict[str, Target]]:
    """Return the facts that are fitted and those held out, with the statistics of the user's posts among them.

    Raises
    ------
    ValueError
        When posts cannot be read, a statistic stands twice, or nothing is left to fit to.
    """
    targets, held_out = dict(asked.targets), dict(asked.held_out)
    if asked.posts is not None:
        found = targets_of_posts(read_posts(beside(file, asked.posts)))
        twice = sorted(set(found) & (set(targets) | set(held_out)))
        if twice:
            raise ValueError(f"posts say {', '.join(twice)}, and the file says it too; take it out of one of them")
        unknown = sorted(set(asked.posts_held_out) - set(found))
        if unknown:
            raise ValueError(f"posts say nothing of {', '.join(unknown)}; they say: {', '.join(found)}")
        targets |= {name: fact for name, fact in found.items() if name not in asked.posts_held_out}
        held_out |= {name: found[name] for name in asked.posts_held_out}
    if not targets:
        raise ValueError("every fact is held out: nothing is left to fit to")
    return targets, held_out

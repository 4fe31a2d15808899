"""Replay a slot of a run that was written to a folder, and check that it is the run of that folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from influence_sim.studies.outputs import OutputError, read_provenance

if TYPE_CHECKING:
    from influence_sim.engine.replay import SlotReplay


class ReplayError(ValueError):
    """What was asked for is not in the folder, or the folder cannot be played again."""


def replay_from(folder: Path, person: int, day: int, slot: int, strategy: str | None = None, replication: int | None = None) -> SlotReplay:
    """Play a run of `folder` again and return what decided one slot.

    Parameters
    ----------
    folder
        Written by `run` or `compare`.
    person, day, slot
        Row of the person; day and slot of that person's day, from 0.
    strategy, replication
        Which run of a comparison; a folder of `run` has one.

    Raises
    ------
    ReplayError
        When there is no such run, person, day or slot, or when this version of the model does not repeat the folder's numbers.
    OutputError
        When the folder is not one of ours.
    """
    from influence_sim._version import MODEL_VERSION
    from influence_sim.engine.replay import replay_slot
    from influence_sim.scenario.schema import Scenario
    from influence_sim.studies.runner import arms, begin_run

    known = read_provenance(folder)
    if known.get("model_version") != MODEL_VERSION:
        raise ReplayError(f"{folder} was made by model version {known.get('model_version')}, this is {MODEL_VERSION}: run it again first")
    try:
        scenario = Scenario.model_validate(known["scenario"])
    except (KeyError, ValueError) as problem:
        raise OutputError(f"{folder / 'provenance.json'} holds no scenario this version can read") from problem
    run = known.get("run") or {}
    label = strategy or run.get("strategy")
    number = replication if replication is not None else run.get("replication", 0)
    if label is None:
        raise ReplayError(f"{folder} holds several runs; choose one with --strategy: {', '.join(arms(scenario))}")
    if (label not in arms(scenario)) or (run and (label, number) != (run["strategy"], run["replication"])):
        there = f"{run['strategy']}, replication {run['replication']}" if run else ", ".join(arms(scenario))
        raise ReplayError(f"{folder} holds no run of {label}, replication {number}; it holds {there}")
    if not run and not 0 <= number < scenario.replications:
        raise ReplayError(f"{folder} holds replications 0 to {scenario.replications - 1}; got {number}")
    days = run.get("days", scenario.horizon)
    if not 0 <= day < days:
        raise ReplayError(f"{folder} holds days 0 to {days - 1}; got day {day}")
    simulation = begin_run(scenario, label, number)
    try:
        replay = replay_slot(simulation, person, day, slot)
    except ValueError as problem:
        raise ReplayError(str(problem)) from problem
    finally:
        simulation.close()
    _check(folder, label, number, day, simulation)
    return replay


def _check(folder: Path, label: str, replication: int, day: int, simulation: Any) -> None:
    """Complain unless the days played have the numbers of the folder."""
    import pandas as pd

    table = pd.read_parquet(folder / "daily.parquet")
    if "strategy" in table:
        table = table[(table["strategy"] == label) & (table["replication"] == replication)]
    names = [name for name in simulation.daily if name in table]
    theirs = table[names].to_numpy()[: day + 1]
    ours = pd.DataFrame(simulation.daily)[names].to_numpy()[: day + 1]
    if theirs.shape != ours.shape or not (theirs == ours).all():
        raise ReplayError(f"{folder} holds other numbers than this version of the model gives: run it again first")

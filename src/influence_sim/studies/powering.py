"""The objective of a scenario's arms, for `select` and for the pilot of `power`: its cells of a test, and the answer in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from influence_sim.scenario.schema import OBJECTIVE_UNITS, Scenario
from influence_sim.studies.power import Cells
from influence_sim.studies.runner import arms, control_label
from influence_sim.studies.selection import Selection, kim_nelson
from influence_sim.studies.statistics import linearised_ratio

if TYPE_CHECKING:
    from influence_sim.studies.play import Play

Array = np.ndarray[Any, Any]


def _wide(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    order = list(dict.fromkeys(runs["strategy"]))
    return runs.pivot(index="replication", columns="strategy", values=name)[order]


def objective_of(scenario: Scenario, runs: pd.DataFrame) -> tuple[Array, list[str]]:
    """Return the scenario's objective (n, k) of the arms in which it is defined, the control left out, and their labels."""
    control, brand = control_label(scenario), scenario.market.brand
    expected, spend = _wide(runs, "expected_purchases"), _wide(runs, "spend")
    gained = expected.sub(expected[control], axis=0)
    table = {
        "profit": gained * brand.price * brand.margin - spend, "incremental_purchases": gained, "reach": _wide(runs, "reach"),
        "cost_per_incremental_purchase": pd.DataFrame(
            {label: linearised_ratio(spend[label].to_numpy(), gained[label].to_numpy()) for label in gained}, index=gained.index
        ),
    }[scenario.objective].drop(columns=control)  # fmt: skip
    defined = [str(label) for label in table.columns if np.isfinite(table[label].to_numpy(float)).all()]
    return table[defined].to_numpy(float), defined


def contenders(scenario: Scenario) -> list[str]:
    """Return the labels among which a selection can choose.

    Raises
    ------
    ValueError
        When the objective has no mean.
    """
    if scenario.objective == "cost_per_incremental_purchase":
        raise ValueError("a selection needs an objective with a mean: profit, incremental_purchases or reach (--set objective=...)")
    return [label for label in arms(scenario) if label != control_label(scenario)]


def selected(
    scenario: Scenario, play: Play, indifference: float, alpha: float = 0.05, first: int = 20, batch: int = 10, most: int = 500,
    looked: Callable[[Sequence[str], range], None] = lambda alive, replications: None,
) -> Selection:  # fmt: skip
    """Select the best strategy of a scenario on its objective; parameters as for `kim_nelson`, `looked` hears of every look.

    Raises
    ------
    ValueError
        As `kim_nelson` and `contenders`.
    """

    def values(alive: Sequence[str], replications: range) -> Array:
        looked(alive, replications)
        part = scenario.model_copy(update={"strategies": {label: scenario.strategies[label] for label in alive}})
        found, known = objective_of(part, play([part], replications))
        return np.column_stack([found[:, known.index(label)] for label in alive])

    return kim_nelson(values, contenders(scenario), indifference, alpha, first, batch, most)


def cells_of(scenario: Scenario, runs: pd.DataFrame) -> dict[str, Cells]:
    """Return expected purchases with and without each strategy."""
    control, expected = control_label(scenario), _wide(runs, "expected_purchases")
    return {
        str(label): Cells(expected[label].to_numpy(float), expected[control].to_numpy(float))
        for label in expected if label != control
    }  # fmt: skip


def say_needs(
    scenario: Scenario, pairs: pd.DataFrame, markets: pd.DataFrame, pilot: int, detect: float | None, power: float, number: Any
) -> list[str]:
    """Return the answer in sentences."""
    unit = OBJECTIVE_UNITS[scenario.objective]
    size = f"a difference of {number(detect)} {unit}" if detect is not None else "the differences that the pilot shows"
    finite = pairs[np.isfinite(pairs["needed"])]
    if len(finite) < len(pairs) or not len(finite):
        same = [f"{r['strategy_a']} and {r['strategy_b']}" for r in pairs.to_dict("records") if not math.isfinite(r["needed"])]
        lines = [f"{', '.join(same)}: the pilot of {pilot} replications shows no difference that any number of replications could tell."]
    else:
        worst = finite.loc[finite["needed"].idxmax()]
        lines = [f"{worst['needed']:,.0f} paired replications tell every pair apart with a chance of {power:.0%}, given {size}."]
    for row in finite.to_dict("records"):
        lines.append(
            f"{row['strategy_a']} against {row['strategy_b']}: {row['needed']:,.0f} (up to {number(row['needed_hi'])} if the spread is "
            f"larger than the pilot's), without pairing {number(row['needed_unpaired'])}; {pilot} tell a difference of "
            f"{number(row['detectable'])} {unit}."
        )
    if detect is None:
        lines.append("The pilot's differences are guesses from few worlds: give --detect, the difference that would change a decision.")
    for row in markets.to_dict("records"):
        if math.isfinite(row["people"]):
            sure = f", {row['people_hi']:,.0f} at the low end of the effect's interval" if math.isfinite(row["people_hi"]) else (
                ", and perhaps any number is too small: the effect's interval includes none")
            lines.append(
                f"A test of {row['strategy']} on real sales, with and without it: {row['people']:,.0f} people of one market in two random "
                f"cells{sure}, with the budget in proportion; or {row['markets']:,.0f} pairs of markets like this one."
            )
        else:
            lines.append(f"A test of {row['strategy']} in a real market: the pilot shows no gain to look for.")
    return lines

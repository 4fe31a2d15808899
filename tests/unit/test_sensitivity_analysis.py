"""Indices of functions whose indices are known, and sweeps that must be refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from influence_sim.studies.sensitivity import (
    Outcome,
    SensitivityError,
    agreement,
    best_at,
    changes_of_order,
    effects,
    measured,
    noise_share,
    outcomes_of,
    say_mover,
    say_order,
)

pytest.importorskip("SALib")

A, B = 7.0, 0.1
V = A**2 / 8 + B * math.pi**4 / 5 + B**2 * math.pi**8 / 18 + 0.5
FIRST = [0.5 * (1 + B * math.pi**4 / 5) ** 2 / V, A**2 / 8 / V, 0.0]
TOTAL = [FIRST[0] + 8 * B**2 * math.pi**8 / 225 / V, FIRST[1], 8 * B**2 * math.pi**8 / 225 / V]


def ishigami(unit: np.ndarray) -> np.ndarray:
    x = -math.pi + 2 * math.pi * unit
    return np.asarray(np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0]))


def design(kind: str, n: int, names: tuple[str, ...] = ("x1", "x2", "x3")) -> dict[str, Any]:
    problem = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
    if kind == "sobol":
        from SALib.sample import sobol

        unit = sobol.sample(problem, n, calc_second_order=False, seed=1)
    elif kind == "morris":
        from SALib.sample import morris

        unit = morris.sample(problem, n, num_levels=4, seed=1)
    else:
        unit = np.random.default_rng(1).random((n, len(names)))
    return {"kind": kind, "names": list(names), "problem": problem, "unit": unit.tolist(), "levels": 4, "second_order": False}


def test_sobol_indices_of_the_ishigami_function() -> None:
    asked = design("sobol", 2048)
    found = effects(Outcome("y", 1e3 + ishigami(np.array(asked["unit"]))[:, None]), asked).set_index("parameter")
    for k, name in enumerate(asked["names"]):
        row = found.loc[name]
        assert row["index"] == pytest.approx(TOTAL[k], abs=0.03)
        assert row["first"] == pytest.approx(FIRST[k], abs=0.03)
        assert row["lo"] - 0.02 <= TOTAL[k] <= row["hi"] + 0.02
    assert found["told"].all()
    assert found.loc["x3", "first_lo"] < 0 < found.loc["x3", "first_hi"]  # x3 works through x1 only


def test_morris_finds_the_linear_effects_exactly_and_what_does_nothing() -> None:
    asked = design("morris", 10, ("a", "b", "idle"))
    x = np.array(asked["unit"])
    y = 3 * x[:, 0] - 5 * x[:, 1]
    best = np.where(x[:, 1] > 0.5, "small", "large")
    found = effects(Outcome("y", y[:, None]), asked, best).set_index("parameter")
    assert found["index"].to_dict() == pytest.approx({"a": 3.0, "b": 5.0, "idle": 0.0})
    assert found["sigma"].to_numpy() == pytest.approx(0.0, abs=1e-9)
    assert list(found.index) == ["b", "a", "idle"]
    assert found["told"].to_dict() == {"a": True, "b": True, "idle": False}
    assert found.loc["b", "changes_of_order"] > 0
    assert found.loc["a", "changes_of_order"] == found.loc["idle", "changes_of_order"] == 0


def test_pawn_tells_what_matters_from_what_does_not_in_any_sample() -> None:
    asked = design("lhs", 400, ("a", "b", "idle"))
    x = np.array(asked["unit"])
    found = effects(Outcome("y", (x[:, 0] ** 2 + 0.3 * x[:, 1])[:, None]), asked).set_index("parameter")
    assert found["told"].to_dict() == {"a": True, "b": True, "idle": False}
    assert list(found.index) == ["a", "b", "idle"]


@pytest.mark.parametrize("kind", ["sobol", "morris", "lhs"])
def test_a_flat_outcome_is_said_to_be_flat(kind: str) -> None:
    asked = design(kind, 16)
    found = effects(Outcome("y", np.full((len(asked["unit"]), 2), 3.0)), asked)
    assert not found["told"].any()
    assert (found["index"] == 0).all()


def results(holes: int = 0, failed: int = 0) -> pd.DataFrame:
    rows = [
        {"point": p, "strategy": s, "replication": r, "status": "ok", "message": "", "profit": p + len(s) + r}
        for s in ("small", "large", "none") for p in range(4) for r in range(2)
    ]  # fmt: skip
    table = pd.DataFrame(rows).astype({"profit": float}).iloc[holes:]
    table.loc[table.index[:failed], ["status", "message", "profit"]] = ["error", "ValueError: no", math.nan]
    return table


def test_designs_with_holes_are_refused() -> None:
    assert set(measured(results(), 4, "profit")) == {"small", "large", "none"}
    with pytest.raises(SensitivityError, match=r"1 of 8 values of `profit` of small .* point 0.*--retry-failed"):
        measured(results(holes=1), 4, "profit")
    with pytest.raises(SensitivityError, match="the first failure: ValueError: no"):
        measured(results(failed=1), 4, "profit")
    with pytest.raises(SensitivityError, match="it has: profit"):
        measured(results(), 4, "profits")
    with pytest.raises(SensitivityError, match="no strategy `tiny`"):
        outcomes_of(measured(results(), 4, "profit"), "profit", [("small", "tiny")])


def test_the_order_of_strategies_is_an_outcome() -> None:
    values = {"a": np.array([[1.0], [3.0]]), "b": np.array([[2.0], [2.0]])}
    assert best_at(values).tolist() == ["b", "a"]
    assert outcomes_of(values, "profit", [("a", "b")])[0].values.ravel().tolist() == [-1.0, 1.0]
    assert changes_of_order(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]), np.array(["a", "b", "b"])).tolist() == [1.0, 0.0]


def test_luck_is_told_from_signal() -> None:
    rng = np.random.default_rng(2)
    signal = np.linspace(0, 10, 200)[:, None]
    assert noise_share(signal + rng.normal(0, 0.1, (200, 4))) < 0.01
    assert noise_share(rng.normal(0, 1, (200, 4))) == pytest.approx(1.0, abs=0.25)
    asked = design("morris", 20)
    x = np.array(asked["unit"])
    assert agreement(Outcome("y", (x @ [5.0, 2.0, 1.0])[:, None] + rng.normal(0, 0.01, (len(x), 4))), asked) == pytest.approx(1.0)


def test_a_grid_of_words_is_analysed_and_points_without_a_value_are_refused() -> None:
    points = [[policy, budget] for policy in ("for_you", "x_like", "following") for budget in (100.0, 200.0, 300.0, 400.0)]
    grid = {"kind": "grid", "names": ["feed.policy", "budget"], "points": points}
    y = np.array([{"for_you": 0.0, "x_like": 5.0, "following": -5.0}[policy] + 1e-4 * budget for policy, budget in points])
    found = effects(Outcome("y", y[:, None]), grid)
    assert found["parameter"].iloc[0] == "feed.policy"
    oat = {"kind": "oat", "names": ["a", "b"], "points": [[None, None], [1.0, None], [None, 2.0]]}
    with pytest.raises(SensitivityError, match=r"without a value of a cannot be analysed; one parameter at a time has no index"):
        effects(Outcome("y", np.array([[0.0], [1.0], [2.0]])), oat)


def test_a_sweep_without_a_finished_run_is_refused() -> None:
    with pytest.raises(SensitivityError, match="no finished run"):
        measured(pd.DataFrame({"strategy": [], "point": [], "replication": [], "status": [], "y": pd.Series([], dtype=float)}), 3, "y")


def test_what_moves_most_is_named_with_what_cannot_be_told_from_it() -> None:
    table = pd.DataFrame({"parameter": ["market.a.b", "c", "d", "e"], "lo": [2.0, 1.0, 0.5, 0.0], "hi": [4.0, 2.5, 1.5, 0.4], "told": True})
    assert say_mover(table) == "a.b and c move it most"
    assert say_mover(table.assign(hi=[4.0, 1.9, 1.5, 0.4])) == "a.b moves it most"
    assert say_mover(table.assign(hi=4.0)) == "a.b, c, d and 1 more move it most"
    assert say_mover(table.assign(told=False)) == "nothing is told to move it"


@pytest.mark.parametrize(
    ("means", "told"),
    [
        ([1.0, 2.0, -1.0, 0.0], "a has more net profit on average than b at 50 % of 4 points, equal at 1"),
        ([-1.0, 0.0, 0.0, 0.0], "b has more net profit on average than a at 25 % of 4 points, equal at 3"),
        ([0.0, 0.0], "a and b are equally often ahead on net profit (0 of 2 points each, equal at 2)"),
        ([1.0, -1.0], "a and b are equally often ahead on net profit (1 of 2 points each)"),
    ],
)
def test_a_tie_is_nobodys_lead(means: list[float], told: str) -> None:
    assert say_order(np.array(means)[:, None] + [[0.25, -0.25]], ("a", "b"), "net_profit") == told

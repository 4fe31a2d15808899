"""Own elementary functions: close to the exact ones, at their ends too, and the same bits whether compiled alone or in a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from influence_sim.maths import exp, exp_of, expm1, log, log1p, log_of, power, power_of, turn

RANDOM = np.random.default_rng(7)


def units(found: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error in units in the last place."""
    return float((np.abs(found - exact) / np.spacing(np.abs(exact))).max())


@pytest.mark.parametrize("x", [RANDOM.uniform(-700, 700, 20_000), RANDOM.normal(0, 3, 20_000), RANDOM.normal(0, 1e-9, 1000)])
def test_exp(x: np.ndarray) -> None:
    assert units(exp_of(x), np.array([math.exp(v) for v in x])) <= 1.0


@pytest.mark.parametrize("x", [RANDOM.random(20_000), np.exp(RANDOM.uniform(-700, 700, 20_000)), 1.0 + RANDOM.normal(0, 1e-6, 1000)])
def test_log(x: np.ndarray) -> None:
    assert units(log_of(x), np.array([math.log(v) for v in x])) <= 1.0


def test_turn() -> None:
    u = np.concatenate([RANDOM.random(20_000), np.arange(9) / 8.0, [2.0**-33, 1.0 - 2.0**-33]])
    found = np.array([turn(v) for v in u])
    exact = np.stack([np.cos(2 * np.pi * u), np.sin(2 * np.pi * u)], axis=1)
    assert np.abs(found - exact).max() < 1e-15
    assert np.abs((found**2).sum(axis=1) - 1.0).max() < 1e-15


def test_small_arguments_keep_their_digits() -> None:
    for x in (1e-300, 1e-17, -3e-9, 1e-4, 0.3, 2.0, -0.9):
        assert log1p(x) == pytest.approx(math.log1p(x), rel=4e-16)
        assert expm1(x) == pytest.approx(math.expm1(x), rel=1e-15)


def test_ends() -> None:
    assert [exp(x) for x in (-math.inf, -1000.0, 0.0, 1000.0, math.inf)] == [0.0, 0.0, 1.0, math.inf, math.inf]
    assert [log(x) for x in (0.0, 1.0)] == [-math.inf, 0.0]
    assert [power(0.0, 0.0), power(0.0, 2.0), power(5.0, 0.0), power(1.0, 1e6)] == [1.0, 0.0, 1.0, 1.0]
    assert power_of([0.0, 0.0, 4.0], [0.0, 1.0, 0.5]).tolist() == [1.0, 0.0, pytest.approx(2.0, rel=4e-16)]


def test_columns_and_single_numbers_have_the_same_bits() -> None:
    x = RANDOM.normal(0, 5, 999)
    assert exp_of(x).tolist() == [exp(v) for v in x]
    assert log_of(np.abs(x)).tolist() == [log(v) for v in np.abs(x)]

"""Coverage of the intervals and error rates of the tests that every answer rests on, over many data sets of known truth."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from influence_sim.studies import statistics
from influence_sim.studies.robustness import scores, worst_tenth
from influence_sim.studies.statistics import compare_pair, holm, mean_interval, permutation_p, probability_best, ratio_interval

pytestmark = pytest.mark.slow
SETS = 400


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 999)


def share(inside: list[bool]) -> float:
    return float(np.mean(inside))


@pytest.mark.parametrize(
    ("draw", "truth", "least"),
    [
        (lambda rng, n: rng.normal(2, 3, n), 2.0, 0.92),
        (lambda rng, n: rng.exponential(1, n), 1.0, 0.90),
        (lambda rng, n: rng.lognormal(0, 1, n), math.exp(0.5), 0.84),  # heavy tails: too short, as docs/howto says
    ],
)
def test_bca_intervals_cover(draw: Callable[..., np.ndarray], truth: float, least: float) -> None:
    rng = np.random.default_rng(1)
    found = [mean_interval(draw(rng, 30)) for _ in range(SETS)]
    assert least <= share([e.lo <= truth <= e.hi for e in found]) <= 0.985


def test_paired_intervals_cover_and_pairing_makes_them_short() -> None:
    rng, inside, width = np.random.default_rng(2), [], []
    for _ in range(SETS):
        world = 10 * rng.normal(0, 1, 25)
        a, b = world + rng.normal(0.5, 1, 25), world + rng.normal(0, 1, 25)
        e = compare_pair(a, b).difference
        inside.append(e.lo <= 0.5 <= e.hi)
        width.append(e.hi - e.lo)
    assert 0.91 <= share(inside) <= 0.985
    assert np.mean(width) < 2 * 2.06 * math.sqrt(2 / 25) * 1.1


def test_ratios_cover() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(SETS):
        spend = rng.gamma(20, 50, 25)
        found.append(ratio_interval(spend * 0.3 + rng.normal(0, 60, 25), spend))
    assert 0.90 <= share([e.lo <= 0.3 <= e.hi for e in found]) <= 0.985


def test_permutation_tests_reject_no_more_than_they_say_and_holm_controls_the_family() -> None:
    rng = np.random.default_rng(4)
    alone, family = [], []
    for _ in range(SETS):
        p = [permutation_p(rng.normal(0, 1, 20)) for _ in range(5)]
        alone.append(p[0] < 0.05)
        family.append(bool((holm(p) <= 0.05).any()))
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / SETS)
    assert share(alone) <= limit
    assert share(family) <= limit


def test_probability_best_is_calibrated() -> None:
    rng, told, right = np.random.default_rng(5), [], []
    for _ in range(SETS):
        means = rng.normal(0, 0.3, 3)
        p = probability_best(rng.normal(means, 1.0, (25, 3)), resamples=400)
        told.append(float(p.max()))
        right.append(int(p.argmax()) == int(means.argmax()))
    assert np.mean(right) == pytest.approx(np.mean(told), abs=0.12)


def test_intervals_of_robustness_scores_cover() -> None:
    import pandas as pd

    rng, inside = np.random.default_rng(6), {"mean": [], "largest_regret": []}
    truth = np.array([[5.0, 1.0, -2.0], [2.0, 2.0, 2.0]])  # two plans, three futures
    regret = (truth.max(axis=0) - truth).max(axis=1)
    for _ in range(100):
        luck = rng.normal(0, 1, 20)
        rows = [
            (s, f, r, truth[s, f] + luck[r] + rng.normal(0, 0.5)) for s in range(2) for f in range(3) for r in range(20)
        ]
        found = scores(pd.DataFrame(rows, columns=["strategy", "future", "replication", "value"]))
        for column, at in (("mean", truth.mean(axis=1)), ("largest_regret", regret)):
            inside[column] += [lo <= x <= hi for lo, x, hi in zip(found[f"{column}_lo"], at, found[f"{column}_hi"], strict=True)]
    assert 0.88 <= share(inside["mean"]) <= 0.99
    assert 0.88 <= share(inside["largest_regret"]) <= 0.99


def test_the_worst_tenth_of_a_normal_law() -> None:
    from scipy.stats import norm

    x = np.random.default_rng(7).normal(0, 1, 200_000)
    assert float(worst_tenth(x)) == pytest.approx(-norm.pdf(norm.ppf(0.1)) / 0.1, abs=0.02)

"""Statistics of paired replications: known answers, coverage, degenerate data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, t

from influence_sim.studies import statistics
from influence_sim.studies.statistics import (
    compare_pair,
    correlation,
    holm,
    linearised_ratio,
    mean_interval,
    permutation_p,
    probability_best,
    ratio_interval,
    replications_needed,
)
from influence_sim.studies.stopping import Stopping, half_width, leading_pair

RNG = np.random.default_rng(7)


def test_mean_interval_is_close_to_student_for_normal_data() -> None:
    x = RNG.normal(10, 2, 200)
    value, lo, hi = mean_interval(x)
    half = t.ppf(0.975, 199) * x.std(ddof=1) / math.sqrt(200)
    assert value == pytest.approx(x.mean())
    assert lo == pytest.approx(value - half, abs=0.1 * half)
    assert hi == pytest.approx(value + half, abs=0.1 * half)


def test_intervals_cover_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 499)
    inside = [e.lo <= 0 <= e.hi for e in (mean_interval(RNG.normal(0, 1, 30)) for _ in range(300))]
    assert 0.88 <= np.mean(inside) <= 0.99


def test_equal_data_give_equal_bytes() -> None:
    x = RNG.lognormal(0, 1, 25)
    assert mean_interval(x) == mean_interval(x.copy())
    assert permutation_p(x - 1) == permutation_p(x.copy() - 1)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_two_replications_bound_nothing(n: int) -> None:
    estimate = mean_interval(np.arange(1.0, n + 1))
    assert math.isnan(estimate.lo)
    assert math.isnan(estimate.hi)


def test_degenerate_data_are_exact_and_silent() -> None:
    assert mean_interval([0.0] * 10) == (0, 0, 0)
    assert mean_interval([3.0] * 10) == (3, 3, 3)
    assert math.isnan(mean_interval([1.0, math.nan, 2.0]).value)
    assert mean_interval([0.0, 0.0, 0.0, 5.0]).lo >= 0
    pair = compare_pair([0.1 + 0.2] * 5, [0.3] * 5)  # equal up to rounding
    assert pair.difference == (0, 0, 0)
    assert pair.p == 1
    assert pair.sd == 0
    assert math.isnan(pair.correlation)
    assert compare_pair([1.0], [2.0]).difference.value == -1
    assert math.isnan(compare_pair([1.0], [2.0]).difference.lo)
    assert compare_pair([1.0], [1.0]).difference == (0, 0, 0)
    assert math.isnan(compare_pair([], []).p)
    with pytest.raises(ValueError, match="equally many"):
        compare_pair([1.0], [1.0, 2.0])


def test_many_replications_use_normal_theory() -> None:
    x = RNG.normal(1, 1, 5_000)
    assert mean_interval(x).lo == pytest.approx(x.mean() - 1.96 / math.sqrt(5_000), abs=2e-3)
    assert permutation_p(x) < 1e-6
    assert permutation_p(np.ones(5_000)) == 0


def test_permutation_p_is_exact_for_few_pairs() -> None:
    assert permutation_p([1.0] * 3) == 2 / 8
    assert permutation_p([1.0, 2.0, 4.0]) == 2 / 8
    assert permutation_p([5.0]) == 1
    d = np.array([1.0, -2.0, 3.0, 4.0, 0.5, 2.5])
    signs = np.array([[1 - 2 * (k >> i & 1) for i in range(6)] for k in range(64)])
    assert permutation_p(d) == pytest.approx(np.mean(np.abs((signs * d).mean(axis=1)) >= abs(d.mean()) - 1e-12))


def test_pairing_removes_what_arms_share() -> None:
    shared = RNG.normal(0, 10, 40)
    a, b = shared + 1 + RNG.normal(0, 0.1, 40), shared + RNG.normal(0, 0.1, 40)
    pair = compare_pair(a, b)
    assert pair.difference.lo > 0.9
    assert pair.correlation > 0.999
    assert pair.sd < 0.3


def test_correlation_agrees_with_numpy() -> None:
    a, b = RNG.normal(size=20), RNG.normal(size=20)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])


@given(sd=st.floats(0.01, 100), half=st.floats(0.5, 50))
@settings(max_examples=60, deadline=None)
def test_replications_needed_is_the_smallest_that_suffices(sd: float, half: float) -> None:
    n = int(replications_needed(sd, half))
    width = [t.ppf(0.975, k - 1) * sd / math.sqrt(k) for k in (n, max(2, n - 1))]
    assert width[0] <= half
    assert n == 2 or width[1] > half


def test_replications_needed_without_an_answer() -> None:
    assert math.isnan(replications_needed(math.nan, 1))
    assert math.isnan(replications_needed(1, 0))
    assert replications_needed(0, 1) == 2


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.02, 0.03, 0.5]).tolist() == pytest.approx([0.04, 0.06, 0.06, 0.5])
    with_nan = holm([0.01, math.nan, 0.04])
    assert with_nan[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert math.isnan(with_nan[1])
    assert holm([]).shape == (0,)
    p = np.array([0.001, 0.2, 0.9, 0.03])
    assert (holm(p) >= false_discovery_control(p) - 1e-12).all()
    assert holm([1.0, 1.0]).tolist() == [1, 1]


def test_ratio_is_of_means_and_its_interval_contains_it() -> None:
    cost = RNG.uniform(900, 1100, 60)
    gain = cost * 1.3 + RNG.normal(0, 50, 60)
    estimate = ratio_interval(gain, cost)
    assert estimate.value == gain.sum() / cost.sum()
    assert estimate.lo < estimate.value < estimate.hi
    assert estimate.hi - estimate.lo < 0.05
    assert ratio_interval([5.0, 6.0, 10.0], [2.0, 2.0, 2.0]).value == 3.5


def test_ratio_without_denominator_means_nothing() -> None:
    assert math.isnan(ratio_interval([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]).value)
    assert math.isnan(ratio_interval([1.0], [math.nan]).value)
    assert math.isnan(ratio_interval([1.0, 2.0], [1.0, 1.0]).lo)
    partly = ratio_interval([0.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, 1.0])  # one replication spent nothing
    assert partly.lo < partly.value == 3 < partly.hi
    with pytest.raises(ValueError, match="equally many"):
        ratio_interval([1.0], [])


def test_linearised_ratio_has_the_ratio_as_mean() -> None:
    spend, sold = RNG.uniform(90, 110, 30), RNG.uniform(1, 3, 30)
    assert linearised_ratio(spend, sold).mean() == pytest.approx(spend.mean() / sold.mean())
    assert np.isnan(linearised_ratio(spend, -sold)).all()


def test_probability_best_follows_the_means_and_shares_ties() -> None:
    x = RNG.normal(0, 1, 30)
    chance = probability_best(np.column_stack([x + 1, x, x - 1]))
    assert chance.tolist() == [1, 0, 0]
    tie = probability_best(np.column_stack([x, x, x - 1]))
    assert tie.tolist() == [0.5, 0.5, 0]
    fair = probability_best(RNG.normal(0, 1, size=(400, 2)))
    assert fair.sum() == pytest.approx(1)
    assert (probability_best(np.column_stack([x + 1, x]), maximise=False) == [0, 1]).all()


def test_probability_best_of_costs_and_of_what_cannot_be_judged() -> None:
    spend = np.full((10, 3), 100.0)
    sold = np.column_stack([np.full(10, 5.0), np.full(10, 2.0), np.full(10, -1.0)])
    assert probability_best(spend, sold, maximise=False).tolist() == [1, 0, 0]
    assert np.isnan(probability_best(spend, -np.abs(sold), maximise=False)).all()
    assert np.isnan(probability_best(np.ones((2, 2)))).all()
    partly = probability_best(np.column_stack([np.arange(5.0), np.full(5, np.nan)]))
    assert partly[0] == 1
    assert np.isnan(partly[1])
    assert probability_best(RNG.normal([1, 0], 1, size=(3_000, 2)))[0] == 1


def stopped_by(rule: Stopping, draw: Callable[[int], Any], target: float) -> Any:
    """Return the differences at which `rule` stops on a stream of them."""
    n = rule.start
    values = draw(rule.most)
    while extra := rule.more(n, half_width(values[:n]), target):
        n += extra
    return values[:n]


@pytest.mark.slow
@pytest.mark.parametrize(("law", "least"), [("normal", 0.935), ("lognormal", 0.85)])
def test_intervals_at_stopping_cover_the_truth(law: str, least: float) -> None:
    # 4,000 trials at a target of .3 standard deviations; the nominal coverage is .95, lognormal differences lose some of it.
    rng = np.random.default_rng(5)
    sd, mean = (1.0, 0.0) if law == "normal" else (math.sqrt((math.e - 1) * math.e), math.exp(0.5))
    draw = rng.standard_normal if law == "normal" else lambda n: rng.lognormal(0.0, 1.0, n)
    hits, sizes = 0, []
    for _ in range(4_000):
        d = stopped_by(Stopping(most=1_000), draw, 0.3 * sd)
        hits += abs(d.mean() - mean) <= half_width(d)
        sizes.append(len(d))
    assert hits / 4_000 >= least
    assert 30 <= np.mean(sizes) <= 55


def test_the_leading_pair() -> None:
    values = np.array([[1.0, 3.0, 9.0, 2.0], [1.0, 3.0, 9.0, 2.0]])
    contends = np.array([True, True, False, True])
    assert leading_pair(values, contends) == (1, 3)
    assert leading_pair(values, contends, maximise=False) == (0, 3)
    assert leading_pair(values, np.array([True, False, False, False])) is None

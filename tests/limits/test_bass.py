"""With the feed off, purchases by chance and by contact follow the Bass model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from influence_sim.scorecard.limit_worlds import ALPHA
from influence_sim.scorecard.limits import PEAK, SHARE_AT_PEAK, P, Q, adoption, recursion


@pytest.mark.parametrize(("p", "q"), [(P, Q), (0.1, 0.0), (0.01, 0.6)])
def test_share_of_buyers_follows_the_discrete_recursion(p: float, q: float) -> None:
    people, runs, steps = 20_000, 4, 16
    found = np.mean([adoption(p, q, steps, people, r) for r in range(runs)], axis=0)
    expected, error = recursion(p, q, steps, people)
    z = (found - expected) / error * math.sqrt(runs)
    print(f"p {p}, q {q}: largest difference {np.abs(found - expected).max():.4f}, largest z {np.abs(z).max():.2f}")
    assert np.abs(z).max() < norm.isf(ALPHA / 2 / steps)


def test_daily_recursion_peaks_where_bass_says() -> None:
    shares, _ = recursion(P / 365, Q / 365, 3650, 1)
    peak = np.diff(shares, prepend=0.0).argmax()
    assert (peak + 0.5) / 365 == pytest.approx(PEAK, abs=0.005) == 6.193
    assert shares[round(PEAK * 365) - 1] == pytest.approx(SHARE_AT_PEAK, abs=0.001) == pytest.approx(0.4605, abs=0.001)


@pytest.mark.slow
def test_years_of_days_peak_where_bass_says() -> None:
    people, steps = 20_000, 3650
    found = adoption(P / 365, Q / 365, steps, people)
    expected, error = recursion(P / 365, Q / 365, steps, people)
    at = round(PEAK * 365) - 1
    crossed = (np.searchsorted(found, SHARE_AT_PEAK) + 1) / 365
    # The peak of a parabola through yearly adoption around the largest.
    yearly = found[365:] - found[:-365]
    window = np.arange(yearly.argmax() - 500, yearly.argmax() + 501)
    a, b, _ = np.polyfit(window / 365 + 0.5, yearly[window], 2)
    print(f"F at 6.193 years {found[at]:.4f}, expected .4605; .4605 crossed at {crossed:.3f} years; peak {-b / (2 * a):.2f}")
    assert abs(found[at] - expected[at]) < norm.isf(ALPHA / 2) * error[at]
    assert np.abs((found - expected)[30:] / error[30:]).max() < 5
    assert crossed == pytest.approx(PEAK, abs=4 * error[at] / ((P + Q) ** 2 / (4 * Q)))
    assert -b / (2 * a) == pytest.approx(PEAK, abs=0.4)

"""A feed of nothing but trending posts is a Polya urn; with songs of unequal quality it is the Music Lab."""

from __future__ import annotations

import numpy as np
import pytest

from influence_sim.record.discovery import gini
from influence_sim.scorecard.limit_worlds import Array, distance, urn_gini, urn_gini_after
from influence_sim.scorecard.limits import DRAWS, POSTS, SONGS, music_lab, songs, unpredictability, urn_ginis


@pytest.mark.parametrize("prior", [pytest.param(0.25, marks=pytest.mark.slow), pytest.param(0.5, marks=pytest.mark.slow), 1.0, 20.0])
def test_polya_urn(prior: float) -> None:
    found = urn_ginis(prior)
    exact = urn_gini_after(DRAWS, prior, POSTS)
    print(f"alpha {prior}: Gini {np.mean(found):.4f}, urn after {DRAWS} draws {exact:.4f}, in the limit {urn_gini(prior, POSTS):.4f}")
    assert distance(found, exact) <= 1
    if prior <= 1:  # enough draws for the limit to be near
        assert urn_gini(prior, POSTS) == pytest.approx(exact, abs=0.02)


def test_the_formulas_are_the_published_ones() -> None:
    for alpha, expected in ((1, 0.500), (0.5, 0.637), (0.25, 0.763), (0.1, 0.883)):
        assert urn_gini(alpha, 10**9) == pytest.approx(expected, abs=6e-4)
    assert urn_gini_after(2000, 1, 20) == pytest.approx(urn_gini(1, 20), abs=3e-3)


def test_without_popularity_it_is_the_random_feed() -> None:
    found = urn_ginis(1.0, exponent=0.0)
    rng = np.random.default_rng(0)
    equal = float(np.mean([gini(x) for x in rng.multinomial(DRAWS, np.full(POSTS, 1 / POSTS), 20_000)]))
    print(f"gamma 0: Gini {np.mean(found):.4f}, random {equal:.4f}")
    assert distance(found, equal) <= 1


def test_weaker_and_stronger_feedback_bracket_the_urn() -> None:
    weak, linear, strong = (float(np.mean(urn_ginis(1.0, gamma, 10))) for gamma in (0.6, 1.0, 1.3))
    print(f"gamma .6, 1, 1.3: Gini {weak:.3f}, {linear:.3f}, {strong:.3f}")
    assert weak + 0.1 < linear < strong - 0.1


def test_frozen_rounds_are_no_urn() -> None:
    """What everybody sees is the count at the start of the round: the fewer updates, the flatter."""
    found = [float(np.mean(urn_ginis(1.0, runs=5, update="rounds", days=DRAWS // each, most=0.2))) for each in (200, 1000, 2000)]
    print("Gini with 200, 1,000 and 2,000 draws per update:", [f"{x:.3f}" for x in found])
    assert found[0] < urn_gini_after(DRAWS, 1, POSTS) - 0.03
    assert found[0] > found[1] + 0.03 > found[2] + 0.06


# --------------------------------------------------------------- Music Lab


def plain_urn(spread: float, prior: float, stop: int, worlds: int) -> Array:
    """Return the same by an urn written without the engine: Pr(next = i) ~ q_i (d_i + alpha)."""
    rng = np.random.default_rng(5)
    q, d = songs(spread), np.zeros((worlds, SONGS))
    for _ in range(stop):
        edge = np.cumsum(q * (d + prior), axis=1)
        d[np.arange(worlds), (edge < (rng.random(worlds) * edge[:, -1])[:, None]).sum(axis=1)] += 1
    return d


# Experiment, spread of qualities (set so that gamma 0 gives the independent Gini), prior, downloads per world,
# then what feed.md 4.4 says: independent Gini; Gini and U under influence of the fitted urn (low, high).
EXPERIMENTS = [
    ("1, weak influence", 0.4096, 20.0, 828, 0.258, (0.35, 0.35), (0.0076, 0.0076)),
    ("2, strong influence", 0.3084, 3.0, 1013, 0.206, (0.46, 0.50), (0.013, 0.0145)),
]


@pytest.mark.parametrize(("name", "spread", "prior", "stop", "alone", "inequality", "luck"), EXPERIMENTS)
def test_music_lab(
    name: str, spread: float, prior: float, stop: int, alone: float, inequality: tuple[float, float], luck: tuple[float, float]
) -> None:
    independent = music_lab(spread, 1.0, 0.0, stop, 40)
    influenced = music_lab(spread, prior, 1.0, stop, 40)
    g0, g1 = ([gini(x) for x in d] for d in (independent, influenced))
    u0, u1 = unpredictability(independent), unpredictability(influenced)
    print(f"experiment {name}: Gini {np.mean(g0):.3f} -> {np.mean(g1):.3f}, U {u0:.4f} -> {u1:.4f}")
    assert abs(np.mean(g0) - alone) < 0.01  # calibrated
    assert inequality[0] - 0.05 < np.mean(g1) < inequality[1] + 0.05
    assert luck[0] - 0.002 < u1 < luck[1] + 0.002
    assert u0 < u1
    assert distance(g1, float(np.mean([gini(x) for x in plain_urn(spread, prior, stop, 4000)]))) <= 1

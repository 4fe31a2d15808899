"""A feed of nothing but trending posts is a Polya urn; with songs of unequal quality it is the Music Lab."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from limit_worlds import PLAIN, URN, Array, built, crowd, distance, played, urn_gini, urn_gini_after
from scipy.special import logit
from scipy.stats import norm

from influence_sim.engine.state import LIKE
from influence_sim.record.discovery import gini

POSTS, DRAWS = 100, 2000
SONGS = 48


def urn(prior: float, exponent: float = 1.0, runs: int = 40, **feed: Any) -> list[float]:
    """Return Gini coefficients of views, one per replication."""
    days, most = int(feed.pop("days", 1)), float(feed.pop("most", 2 / 3))
    rules = {**URN, "trending_count": "views", "trending_prior": prior, "trending_exponent": exponent, "tries": 20_000, **feed}
    agents = DRAWS // (2 * days)
    # The weight may grow until a post has the share `most` of all draws.
    settings = crowd(agents, 2, POSTS, 1, {**rules, "trending_cap": most * DRAWS / agents}, PLAIN)
    world = built(settings)
    found = []
    for replication in range(runs):
        views = played(world, settings, replication, days).posts.impressions[:POSTS]
        assert views.sum() > 0.75 * DRAWS  # a draw without a hit leaves its slot empty
        found.append(gini(views))
    return found


@pytest.mark.parametrize("prior", [0.25, 0.5, 1.0, 20.0])
def test_polya_urn(prior: float) -> None:
    found = urn(prior)
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
    found = urn(1.0, exponent=0.0)
    rng = np.random.default_rng(0)
    equal = float(np.mean([gini(x) for x in rng.multinomial(DRAWS, np.full(POSTS, 1 / POSTS), 20_000)]))
    print(f"gamma 0: Gini {np.mean(found):.4f}, random {equal:.4f}")
    assert distance(found, equal) <= 1


def test_weaker_and_stronger_feedback_bracket_the_urn() -> None:
    weak, linear, strong = (float(np.mean(urn(1.0, gamma, 10))) for gamma in (0.6, 1.0, 1.3))
    print(f"gamma .6, 1, 1.3: Gini {weak:.3f}, {linear:.3f}, {strong:.3f}")
    assert weak + 0.1 < linear < strong - 0.1


def test_frozen_rounds_are_no_urn() -> None:
    """What everybody sees is the count at the start of the round: the fewer updates, the flatter."""
    found = [float(np.mean(urn(1.0, runs=5, update="rounds", days=DRAWS // each, most=0.2))) for each in (200, 1000, 2000)]
    print("Gini with 200, 1,000 and 2,000 draws per update:", [f"{x:.3f}" for x in found])
    assert found[0] < urn_gini_after(DRAWS, 1, POSTS) - 0.03
    assert found[0] > found[1] + 0.03 > found[2] + 0.06


# --------------------------------------------------------------- Music Lab


def songs(spread: float) -> Array:
    """Return qualities of 48 songs: the quantiles of a lognormal, as shares."""
    q = np.exp(spread * norm.ppf((np.arange(SONGS) + 0.5) / SONGS))
    return q / q.sum()


def unpredictability(downloads: Array) -> float:
    """Return the mean over songs of the mean absolute difference of market shares between pairs of worlds (rows)."""
    x = np.sort(downloads / downloads.sum(axis=1, keepdims=True), axis=0)
    n = len(x)
    return float((((2 * np.arange(1, n + 1) - n - 1) @ x) * 2 / (n * (n - 1))).mean())


def music_lab(spread: float, prior: float, exponent: float, stop: int, worlds: int) -> Array:
    """Return downloads per world and song, each world stopped after `stop` downloads.

    A visitor is offered one song, drawn by (downloads + prior)^exponent, and downloads it with a chance
    proportional to its quality: popularity acts on what is sampled, not on liking (Krumme et al. 2012).
    """
    like = 0.5 * songs(spread) / songs(spread).max()
    slots = int(1.3 * stop / like.mean())
    feed = {**URN, "trending_count": "positive", "trending_prior": prior, "trending_exponent": exponent, "tries": 20_000}
    response = {**PLAIN, "like_rate": 0.02, "like_slope": 1, "quality": 1}
    settings = crowd(slots, 1, SONGS, 1, {**feed, "trending_cap": 400 / slots}, response)
    world = built(settings)
    world.creators.ability[:SONGS] = logit(like) - logit(0.02)  # a world is data: each song's quality is set
    out = []
    for replication in range(worlds):
        slot = played(world, settings, replication).slots  # one round, in order of visitors
        heard = np.flatnonzero((slot.action & LIKE) != 0)
        assert len(heard) >= stop
        out.append(np.bincount(slot.post[heard[:stop]], minlength=SONGS))
    return np.array(out)


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

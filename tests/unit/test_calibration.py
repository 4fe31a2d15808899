"""Calibration on models whose posterior is known, and on posts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from influence_sim.studies.calibration import (
    Free,
    Target,
    at,
    nearest,
    out_of_reach,
    post_statistics,
    posterior,
    predictive,
    read_posts,
    resample,
    sample,
    targets_of_posts,
    unit_of,
    weighted_quantile,
)

FREE = {"a": Free(low=0, high=10), "b": Free(low=1, high=100, log=True), "idle": Free(low=-1, high=1)}


def model(points: pd.DataFrame, noise: float = 0.05, seed: int = 1) -> pd.DataFrame:
    """Return statistics of a model in which `idle` does nothing and noise is known."""
    rng = np.random.default_rng(seed)
    a, size = points["a"], np.log(points["b"])
    s = pd.DataFrame({"mean": a + 0.2 * size, "size": size, "held": a * size})
    return s + rng.normal(0, noise, s.shape)


def test_truth_lies_in_the_interval_as_often_as_it_should_and_idle_parameters_are_named() -> None:
    points = sample(FREE, 400, 1)
    values = model(points)
    truths, inside, flat = sample(FREE, 60, 99), [], []
    for k in range(len(truths)):
        facts = model(truths.iloc[[k]], seed=1000 + k).iloc[0]
        found = posterior(FREE, points, values, {n: Target(value=float(facts[n]), sd=0.05) for n in ("mean", "size")})
        table = found.summary.set_index("parameter")
        inside.append([table.loc[n, "lo"] <= truths.loc[k, n] <= table.loc[n, "hi"] for n in FREE])
        flat.append(table["flat"].to_numpy())
        assert table.loc["a", "width"] < 0.3
    share = np.mean(inside, axis=0)
    assert (share[:2] >= 0.88).all()
    assert np.mean(flat, axis=0)[2] > 0.8
    assert not np.any(np.array(flat)[:, :2])


def test_what_is_known_only_together_is_said() -> None:
    free = {"a": Free(low=0, high=1), "b": Free(low=0, high=1)}
    points = sample(free, 400, 2)
    values = pd.DataFrame({"sum": points["a"] + points["b"]})
    found = posterior(free, points, values, {"sum": Target(value=1.0, sd=0.01)}, keep=0.1)
    assert [set(pair[:2]) for pair in found.together] == [{"a", "b"}]
    assert found.together[0][2] < -0.9


def test_held_out_facts_are_checked_and_wrong_ones_are_found() -> None:
    points = sample(FREE, 400, 1)
    truth = pd.DataFrame({"a": [4.0], "b": [20.0], "idle": [0.0]})
    facts = model(truth, noise=0.0).iloc[0]
    targets = {n: Target(value=float(facts[n]), sd=0.05) for n in ("mean", "size")}
    found = posterior(FREE, points, model(points), targets)
    values = model(resample(found, 60, 1), seed=7)
    right, wrong = Target(value=float(facts["held"]), sd=0.1), Target(value=float(facts["held"]) + 9, sd=0.1)
    assert predictive(values, targets, {"held": right})["inside"].all()
    checks = predictive(values, targets, {"held": wrong})
    assert not checks.loc[checks["kind"] == "held out", "inside"].any()


def test_facts_that_no_point_comes_near_are_named() -> None:
    points = sample(FREE, 100, 1)
    facts = {"mean": Target(value=500, sd=1), "size": Target(value=2, sd=1)}
    assert out_of_reach(model(points), facts) == ["mean"]
    checks = predictive(model(points), facts, {}, ["mean"])
    assert checks["kind"].tolist() == ["out of reach", "fitted"]


def test_points_stay_in_their_ranges_and_scales_turn_back() -> None:
    points = sample(FREE, 50, 3)
    for name, free in FREE.items():
        assert points[name].between(free.low, free.high).all()
    again = at(FREE, unit_of(FREE, points))
    assert np.allclose(again, points)
    assert np.median(sample(FREE, 1001, 3)["b"]) == pytest.approx(10, rel=0.05)


def test_the_optimiser_comes_near_the_facts() -> None:
    pytest.importorskip("optuna")

    def evaluate(points: pd.DataFrame, replications: range) -> pd.DataFrame:
        return pd.concat([model(points, 0.01, r).assign(point=range(len(points))) for r in replications])

    targets = {"mean": Target(value=5.0, sd=0.1), "size": Target(value=3.0, sd=0.1)}
    found = nearest(FREE, targets, evaluate, range(3), 60, 1)
    assert found["distance"].iloc[0] < 3.0 < found["distance"].iloc[-1]
    assert found["b"].iloc[0] == pytest.approx(np.exp(3), rel=0.3)


def test_too_few_points_with_all_statistics_are_refused() -> None:
    points = sample(FREE, 30, 1)
    values = model(points)
    values.loc[5:, "mean"] = np.nan
    with pytest.raises(ValueError, match="only 5 of 30 points have all of mean, size"):
        posterior(FREE, points, values, {n: Target(value=1, sd=1) for n in ("mean", "size")})


def test_posts_of_ones_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    followers = np.exp(rng.normal(9, 1.5, 300)).round()
    views = np.exp(0.5 + 0.9 * np.log(followers) + rng.normal(0, 1, 300)).round()
    table = pd.DataFrame({"followers": followers, "views": views, "likes": (0.1 * views).round(), "title": "x"})
    table.to_csv(tmp_path / "posts.csv", index=False)
    found = targets_of_posts(read_posts(tmp_path / "posts.csv"))
    assert found["views_slope"].value == pytest.approx(0.9, abs=3 * found["views_slope"].sd)
    assert found["views_spread"].value == pytest.approx(1.0, abs=0.1)
    assert found["like_per_view"].value == pytest.approx(0.1, abs=0.01)
    assert 0 < found["views_slope"].sd < 0.1
    scaled = post_statistics(views * 1.0, followers, np.zeros(300))
    assert scaled["like_per_view"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("views,likes\n1,2\n", "no column followers"),
        ("views,followers,likes\n1,2,3\n4,x,5\n", "line 3"),
        ("views,followers,likes\n1,2,3\n4,5,-5\n", "line 3"),
        ("views,followers,likes\n1,2,3\n", "fewer than ten"),
        ("", "No columns"),
    ],
)
def test_wrong_posts_are_refused_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "posts.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_posts(tmp_path / "posts.csv")


def test_weighted_quantiles() -> None:
    assert weighted_quantile(np.array([3.0, 1.0, 2.0]), np.full(3, 1 / 3), 0.5) == pytest.approx(2.0)
    assert weighted_quantile(np.array([1.0, 100.0]), np.array([0.99, 0.01]), 0.4) < 5

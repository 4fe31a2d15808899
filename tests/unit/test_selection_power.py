"""Selection, power and oddities, proved on data whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from influence_sim.studies.oddities import oddities, tail
from influence_sim.studies.power import Cells, detectable, market_needs, pair_needs, power_of, replications_for
from influence_sim.studies.selection import CAP, INDIFFERENT, ONE_LEFT, Selection, kim_nelson

ARMS = ["a", "b", "c", "d", "e"]


def race(seed: int, means: Sequence[float], shared: float = 2.0, sds: Sequence[float] | None = None, **options: float) -> Selection:
    """Select among normal arms that share a component, as paired runs do."""
    rng = np.random.default_rng(seed)
    spread = np.asarray(sds if sds is not None else np.ones(len(means)))
    draws = rng.normal(0, 1, (5_000, len(means))) * spread + shared * rng.normal(0, 1, (5_000, 1)) + np.asarray(means)
    arms = ARMS[: len(means)]

    def play(alive: Sequence[str], replications: range) -> np.ndarray:
        return draws[replications.start : replications.stop][:, [arms.index(x) for x in alive]]

    return kim_nelson(play, arms, **{"indifference": 0.5, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("means", "sds"),
    [((0.5, 0, 0, 0, 0), None), ((0, 0, 0, 0, 0.5), None), ((0, 0.5, 0, 0, 0), (0.3, 1.0, 3.0, 0.3, 1.0))],
)
def test_the_best_is_selected_at_least_as_often_as_promised(means: tuple[float, ...], sds: tuple[float, ...] | None) -> None:
    # The least favourable case: everybody else exactly one indifference below. Unequal spreads need the variance of the right pair.
    best = ARMS[int(np.argmax(means))]
    found = [race(seed, means, sds=sds, alpha=0.1) for seed in range(200)]
    assert np.mean([x.best == best for x in found]) >= 0.9 - 3 * math.sqrt(0.09 / 200)
    assert all(x.guaranteed for x in found)


def test_hopeless_arms_leave_early_and_the_rule_is_told() -> None:
    found = race(1, (3.0, 0.0, 2.9, -1.0, 0.5))
    assert found.replications["d"] == 20 < max(found.replications.values())
    assert set(found.survivors) <= {"a", "c"}
    assert race(2, (5.0, 0.0)).rule == ONE_LEFT
    assert race(3, (0.0, 0.0), most=20).rule == CAP
    assert not race(3, (0.0, 0.0), most=20).guaranteed
    # Equal arms: played until the guarantee holds, then the rest are as good as equal.
    assert INDIFFERENT in {race(seed, (0.0, 0.0)).rule for seed in range(20)}


def test_what_arms_share_costs_nothing() -> None:
    near, far = race(5, (0.5, 0.0, 0.0), shared=0.0), race(5, (0.5, 0.0, 0.0), shared=1_000.0)
    assert far.replications == near.replications


@pytest.mark.parametrize(("arms", "options"), [(["a"], {}), (["a", "a"], {}), (ARMS, {"indifference": 0.0}), (ARMS, {"first": 2})])
def test_senseless_selections_are_refused(arms: list[str], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"needs|must be"):
        kim_nelson(lambda alive, reps: np.zeros((len(reps), len(alive))), arms, **{"indifference": 1.0, **options})  # type: ignore[arg-type]


def test_power_is_the_share_of_tests_that_reject() -> None:
    from scipy.stats import ttest_1samp

    x = np.random.default_rng(3).normal(0.5, 1.0, (4_000, 34))
    share = float(np.mean(ttest_1samp(x, 0.0, axis=1).pvalue < 0.05))
    assert power_of(0.5, 1.0, 34) == pytest.approx(share, abs=3 * math.sqrt(0.16 / 4_000))
    n = int(replications_for(0.5, 1.0))
    assert power_of(0.5, 1.0, n) >= 0.8 > power_of(0.5, 1.0, n - 1)
    assert detectable(1.0, n) == pytest.approx(0.5, abs=0.01)
    # Where SciPy's noncentral t has no digits the power has no gaps.
    far = [power_of(15.7, 3.73, n, 0.05 / 3) for n in range(3, 200)]
    assert all(math.isfinite(x) for x in far)
    assert np.all(np.diff(far) > -1e-3)
    assert far[-1] == pytest.approx(1.0)
    assert math.isnan(replications_for(0.0, 1.0))
    assert replications_for(1e-6, 1.0) == math.inf


def test_pairing_is_what_saves_replications() -> None:
    rng = np.random.default_rng(4)
    world = 10 * rng.normal(0, 1, (40, 1))
    found = pair_needs(world + rng.normal([0.0, 1.0], 1.0, (40, 2)), ["a", "b"], detect=1.0).iloc[0]
    assert found["needed"] < 40 < found["needed_hi"] * 5 < found["needed_unpaired"]
    assert found["needed"] <= found["needed_hi"]


def test_a_test_market_of_the_size_told_sees_the_effect_as_often_as_told() -> None:
    rng = np.random.default_rng(5)
    people, base, lift, spread = 10_000, 0.01, 0.2, 15.0
    worlds = people * base + rng.normal(0, spread, (2, 400))
    pilot = Cells(worlds[0] + people * base * lift, worlds[0])
    found = market_needs({"plan": pilot}, people).iloc[0]
    size = found["people"] / 2
    with_it, without = rng.poisson(size * base * (1 + lift), 4_000), rng.poisson(size * base, 4_000)
    z = (with_it - without) / np.sqrt(with_it + without)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.05)
    # Pairs of markets differ as markets do, and their single purchases are luck besides.
    m = int(found["markets"])
    means = people * base + rng.normal(0, spread, (2, 4_000, m))
    difference = rng.poisson(means[0] + people * base * lift) - rng.poisson(means[1])
    t = difference.mean(axis=1) / (difference.std(axis=1, ddof=1) / math.sqrt(m))
    assert np.mean(np.abs(t) > 2.0) == pytest.approx(0.8, abs=0.12)
    assert market_needs({"plan": Cells(worlds[0], worlds[0])}, people).iloc[0]["people"] == math.inf


def test_grubbs_finds_the_world_that_decides_and_spares_normal_data() -> None:
    rng = np.random.default_rng(6)
    alarms = [tail(rng.normal(0, 1, 30)).p < 0.05 for _ in range(2_000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)
    x = rng.normal(0, 1, 30)
    x[7] = 40.0
    assert tail(x).replication == 7
    assert tail(x).p < 1e-6
    assert tail(x).without == pytest.approx(np.delete(x, 7).mean())


def test_degenerate_arms_and_lone_worlds_are_said() -> None:
    rng = np.random.default_rng(7)
    normal = rng.normal(100, 5, 30)
    lucky = normal + rng.normal(0.1, 1.0, 30)
    lucky[3] += 200
    values = np.column_stack([np.zeros(30), normal, lucky, np.full(30, 42.0)])
    spend = np.column_stack([np.zeros(30), *[np.full(30, 100.0)] * 3])
    found = oddities(["none", "even", "lucky", "stuck"], values, spend, 0, (2, 1))
    assert any("stuck" in text and "degenerate" in text for text in found)
    assert any("heavy tail: replication 3" in text for text in found)
    assert oddities(["none", "even"], values[:, :2], spend[:, :2], 0, (1, 0)) == []

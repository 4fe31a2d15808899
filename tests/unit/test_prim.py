"""The box in which a plan fails, planted and found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from influence_sim.studies.prim import contains, find_box, say_box

pytest.importorskip("ema_workbench")


def planted(noise: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return futures of which those with a high price and few followers fail; the third input is idle, the fourth whole numbers."""
    rng = np.random.default_rng(1)
    x = pd.DataFrame({"price": rng.uniform(5, 15, 400), "followers": rng.uniform(0, 1, 400), "idle": rng.uniform(0, 1, 400)})
    x["rivals"] = rng.integers(0, 4, 400)  # an integer column, which the workbench cannot take as it is
    failed = (x["price"] > 11) & (x["followers"] < 0.5)
    return x, (failed ^ (rng.random(400) < noise)).to_numpy()


def test_the_planted_box_is_found() -> None:
    x, failed = planted(noise=0.03)
    box = find_box(x, failed)
    assert box is not None
    assert set(box.limits) == {"price", "followers"}
    assert box.limits["price"][0] == pytest.approx(11, abs=0.6)
    assert box.limits["price"][1] is None
    assert box.limits["followers"][1] == pytest.approx(0.5, abs=0.06)
    assert box.coverage > 0.75
    assert box.density > 0.85
    inside = contains(box.limits, x)
    assert box.density == pytest.approx(failed[inside].mean())
    said = say_box("large", box, int(failed.sum()), len(failed))
    assert "large fails when price is above 1" in said
    assert "followers is below 0." in said


def test_failures_without_a_pattern_have_no_convincing_box() -> None:
    x, _ = planted()
    failed = np.random.default_rng(3).random(400) < 0.3
    box = find_box(x, failed)
    assert box is None or box.density < 0.6


@pytest.mark.parametrize(("failed", "text"), [(0, "fails in none of 10"), (10, "fails in all of 10")])
def test_all_or_nothing_needs_no_box(failed: int, text: str) -> None:
    x = pd.DataFrame({"a": np.arange(10.0)})
    assert find_box(x, np.full(10, failed == 10)) is None
    assert text in say_box("plan", None, failed, 10)

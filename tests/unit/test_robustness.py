"""Robustness of strategies over futures, on tables whose answers are known by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from influence_sim.studies.robustness import changes, concordance, scores, worst_tenth


def table(values: dict[str, list[list[float]]]) -> pd.DataFrame:
    """Return the tidy table of strategy -> futures -> replications."""
    return pd.DataFrame([
        {"strategy": s, "future": f"f{f}", "replication": r, "value": v}
        for s, futures in values.items() for f, row in enumerate(futures) for r, v in enumerate(row)
    ])  # fmt: skip


KNOWN = table({"bold": [[10, 12, 11], [-6, -4, -5]], "safe": [[4, 4, 4], [3, 3, 3]]})


def test_known_answers() -> None:
    found = scores(KNOWN, threshold=0.0).set_index("strategy")
    assert found.loc["bold", "mean"] == pytest.approx(3.0)
    assert found.loc["safe", "mean"] == pytest.approx(3.5)
    assert found.loc["bold", "largest_regret"] == pytest.approx(8.0)
    assert found.loc["safe", "largest_regret"] == pytest.approx(7.0)
    assert found.loc["bold", "mean_regret"] == pytest.approx(4.0)
    assert found.loc["bold", "worst_tenth"] == pytest.approx(-6.0)
    assert found.loc["bold", "worst_future"] == "f1"
    assert found.loc["bold", "satisfied"] == pytest.approx(0.5)
    assert found.loc["safe", "satisfied"] == pytest.approx(1.0)
    assert found["best_in"].tolist() == [0.5, 0.5]


def test_a_constant_added_to_a_future_changes_no_regret() -> None:
    moved = KNOWN.assign(value=KNOWN["value"] + np.where(KNOWN["future"] == "f1", 100.0, 0.0))
    for column in ("largest_regret", "mean_regret", "best_in"):
        assert scores(moved)[column].tolist() == pytest.approx(scores(KNOWN)[column].tolist())


def test_equals_share_being_best() -> None:
    same = table({"a": [[1, 2, 3]], "b": [[1, 2, 3]]})
    assert scores(same)["best_in"].tolist() == [0.5, 0.5]
    assert scores(same)["largest_regret"].tolist() == [0.0, 0.0]


def test_the_tornado_is_paired() -> None:
    rng = np.random.default_rng(1)
    luck = 100 * rng.normal(0, 1, 20)
    found = changes(table({"a": [luck.tolist(), (luck - 5 + rng.normal(0, 1, 20)).tolist(), (luck + rng.normal(0, 1, 20)).tolist()]}), "f0")
    assert found["change"].tolist() == pytest.approx([-5.0, 0.0], abs=1.0)
    assert found["told"].tolist() == [True, False]


def test_concordance_is_one_for_one_order_and_nothing_for_none() -> None:
    order = table({"a": [[3], [30]], "b": [[2], [20]], "c": [[1], [10]]})
    assert concordance(order) == pytest.approx(1.0)
    turned = table({"a": [[3], [1]], "b": [[2], [2]], "c": [[1], [3]]})
    assert concordance(turned) == pytest.approx(0.0)


def test_a_table_with_holes_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 12 runs"):
        scores(KNOWN.iloc[:-1])


def test_the_worst_tenth_counts_a_part_of_a_value() -> None:
    assert float(worst_tenth(np.arange(15.0))) == pytest.approx((0 + 0.5 * 1) / 1.5)

"""Studies of one question in variants of a market: influence values, paired comparisons, and mistakes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from influence_sim.figures.variants import forest
from influence_sim.scenario import scenario_from_dict
from influence_sim.studies.statistics import linearised_ratio, mean_interval
from influence_sim.studies.variants import Cells, Comparison, Study, StudyError, Variant, answers, load_study, measure_of, say_row

N = 12
ASKED = {"market": {"people": {"agents": 200}}, "strategies": ["none", "micro_portfolio", "macro"], "horizon": 1}
SCENARIOS = {"as it is": scenario_from_dict(ASKED), "changed": scenario_from_dict({**ASKED, "budget": 3000})}
COLUMNS = ("clicks", "click_purchases", "expected_purchases", "spend", "reach")


def runs_of(factor: float) -> pd.DataFrame:
    """Return runs in which an arm converts `factor` times as well as the other, but not when changed; worlds differ much more."""
    rng, rows = np.random.default_rng(1), []
    for r in range(N):
        level = rng.uniform(1, 10)
        for variant, gain, money in (("as it is", factor, 1000.0), ("changed", 1.0, 2000.0)):
            for arm, rate in (("none", 0.0), ("micro_portfolio", 0.02 * gain), ("macro", 0.02)):
                clicks = level * rng.uniform(90, 110) if arm != "none" else 0.0
                bought = rate * level * 100 * rng.uniform(0.98, 1.02) * math.sqrt(money / 1000)
                values = (clicks, rate * clicks, 5 * level + bought, money if arm != "none" else 0.0, 10 * level)
                rows.append({"variant": variant, "strategy": arm, "replication": r, **dict(zip(COLUMNS, values, strict=True))})
    return pd.DataFrame(rows)


def study_of(*comparisons: Comparison) -> Study:
    """Return a study of the two scenarios."""
    return Study(variants={name: Variant(why="asked") for name in SCENARIOS}, comparisons=comparisons)


CONVERSION = Comparison(name="conversion", measure="conversion_rate", a="micro_portfolio", b="macro")


def test_influence_values_have_the_measure_as_mean_and_its_spread() -> None:
    runs = runs_of(1.3)
    values = Cells(runs, SCENARIOS).values("sales_per_thousand_views", "as it is", "macro")
    assert np.isnan(values).all()  # no impressions
    found = Cells(runs, SCENARIOS).values("iroas", "as it is", "macro")
    mine = runs[runs["variant"] == "as it is"].pivot(index="replication", columns="strategy")
    gained = (mine["expected_purchases"]["macro"] - mine["expected_purchases"]["none"]).to_numpy()
    exact = 40 * linearised_ratio(gained, mine["spend"]["macro"].to_numpy())
    np.testing.assert_allclose(found, exact, rtol=1e-9)  # the spend is constant: nothing to linearise
    assert mean_interval(found).value == pytest.approx(40 * gained.sum() / 12_000)


def test_a_difference_is_found_and_dies_with_its_cause() -> None:
    rows = answers(study_of(CONVERSION), runs_of(1.3), SCENARIOS).rows.set_index("variant")
    assert rows.loc["as it is", "verdict"] == "higher"
    assert rows.loc["as it is", ["lo", "value", "hi"]].tolist() == pytest.approx([1.3] * 3)
    assert rows.loc["changed", "verdict"] == "cannot tell them apart"
    assert rows.loc["changed", "change"] == pytest.approx(1 / 1.3)
    assert "cannot tell them apart: 1" in say_row(rows.reset_index().to_dict("records")[1], "{:.0f}".format)


def test_elasticity_is_that_of_the_money() -> None:
    elasticity = Comparison(name="elasticity", measure="incremental_purchases", a="macro", kind="elasticity")
    rows = answers(study_of(elasticity), runs_of(1.0), SCENARIOS).rows
    assert rows["variant"].tolist() == ["changed"]
    assert rows["value"].iloc[0] == pytest.approx(0.5, abs=0.02)
    assert rows["verdict"].iloc[0] == "lower"  # than in proportion


def test_arms_swapped_swap_the_verdict_and_the_figure_says_so() -> None:
    swapped = CONVERSION.model_copy(update={"a": "macro", "b": "micro_portfolio"})
    rows = answers(study_of(swapped), runs_of(1.3), SCENARIOS).rows
    assert rows["verdict"].tolist() == ["lower", "cannot tell them apart"]
    drawn = forest(rows, ["{:.2f}".format], "A title", "source")
    assert "conversion, as it is: 0.769" in drawn.alt_text


@pytest.mark.parametrize(
    ("text", "words"),
    [("variants: {}\ncomparisons: []", "variants"), ("variants: [", "while parsing"),
     ("variants: {a: {why: b}}\ncomparisons: [{name: x, measure: roi, a: s, b: t, kind: elasticity}]", "leave `b` out")],
)  # fmt: skip
def test_mistakes_in_a_study_are_told(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(text)
    with pytest.raises(StudyError, match=words):
        load_study(file)


def test_unknown_measure_is_told() -> None:
    with pytest.raises(StudyError, match="no measure is called `conversion`"):
        measure_of("conversion")

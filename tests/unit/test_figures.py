"""Figures: table and description with every picture, stable bytes, honest words, nothing breaks on thin data."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from synthetic_comparison import ARMS, comparison

from influence_sim.figures.decomposition import COLUMNS, FACTORS, relative_factors
from influence_sim.figures.outcome import paired_difference, strategy_forest
from influence_sim.figures.posts import engagement_by_size, views_lorenz
from influence_sim.figures.style import Figure, short, spread, to_svg
from influence_sim.figures.tables import control, interval, outcomes, strategies
from influence_sim.figures.verdicts import verdicts
from influence_sim.figures.write import FIGURES, draw_all, write_all
from influence_sim.record.discovery import gini

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def demo() -> Any:
    return comparison()


@pytest.fixture(scope="module")
def drawn(demo: Any) -> dict[str, Figure]:
    return draw_all(demo)


def words(figure: Figure) -> str:
    """Return all text of a figure."""
    root = ElementTree.fromstring(to_svg(figure, "f"))
    return " ".join("".join(node.itertext()) for node in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_numbers_words_and_origin(name: str, drawn: dict[str, Figure]) -> None:
    figure = drawn[name]
    assert len(figure.table) > 0
    assert len(figure.alt_text) > 40
    root = ElementTree.fromstring(to_svg(figure, name))
    assert root.find(f"{SVG}title") is not None
    assert root.findtext(f"{SVG}desc") == figure.alt_text
    assert "0123456789ab" in words(figure)
    assert "10 simulated worlds" in words(figure)


def test_files_are_the_same_bytes_when_drawn_again(demo: Any, tmp_path: Path) -> None:
    first, again = (write_all(demo, tmp_path / name) for name in ("a", "b"))
    assert [p.name for p in first] == [p.name for p in again]
    assert {p.suffix for p in first} == {".svg", ".csv"}
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_house_style_stays_inside() -> None:
    before = dict(mpl.rcParams)
    strategy_forest(comparison(worlds=3, days=5, posts=20))
    assert dict(mpl.rcParams) == before


def test_importing_the_room_is_light() -> None:
    heavy = ("matplotlib", "pandas", "jinja2")
    code = f"import sys, influence_sim.figures, influence_sim.report; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


THIN = {
    "one world": {"worlds": 1},
    "two worlds": {"worlds": 2},
    "one strategy": {"arms": {"only": (5.0, 3.0, True)}, "worlds": 4},
    "one strategy, one world": {"arms": {"only": (5.0, 3.0, True)}, "worlds": 1},
    "nothing happens": {"arms": {"idle": (0.0, 0.0, True)}, "worlds": 3, "spend": 0, "posts": 0},
    "only the control": {"arms": {}, "worlds": 3},
    "one day": {"days": 1, "worlds": 3},
    "many strategies": {"arms": {f"strategy number {i} $x$ & <i>": (1.0 + i, 1.0 + i, i % 2 == 0) for i in range(7)}, "worlds": 4},
    "no control listed": {"control": False, "worlds": 4},
}


@pytest.mark.parametrize("case", THIN)
@pytest.mark.parametrize("objective", ["profit", "incremental_purchases", "reach", "cost_per_incremental_purchase"])
def test_thin_data_draw_without_warnings(case: str, objective: str) -> None:
    # Warnings are errors in this suite.
    settings = {"days": 6, "posts": 30, **THIN[case], "objective": objective}
    for name, figure in draw_all(comparison(**settings)).items():
        assert figure.alt_text, name
        ElementTree.fromstring(to_svg(figure, name))


def test_intervals_that_are_not_known_are_not_drawn() -> None:
    one = comparison(worlds=1, days=6, posts=20)
    one.summary.loc[:, ["roi_lo", "roi_hi"]] = np.nan
    figure = strategy_forest(one)
    assert figure.table[["lo50", "hi50", "lo95", "hi95"]].isna().all(axis=None)
    assert "no interval" in words(figure)


def test_forest_shows_the_numbers_of_the_summary(demo: Any) -> None:
    table = strategy_forest(demo).table.set_index("strategy")
    summary = demo.summary.set_index("strategy")
    for label in ARMS:
        assert table.loc[label, "mean"] == pytest.approx(summary.loc[label, "roi"])
        assert table.loc[label, "lo95"] == pytest.approx(summary.loc[label, "roi_lo"])
        assert table.loc[label, "hi95"] == pytest.approx(summary.loc[label, "roi_hi"])
    assert list(table["mean"]) == sorted(table["mean"], reverse=True)


def test_two_equal_strategies_cannot_be_told_apart() -> None:
    twins = comparison({"first": (5.0, 6.0, True), "second": (5.0, 6.0, True)}, worlds=12, days=8, posts=20)
    pair = next(v for v in verdicts(twins) if v.right != "none")
    assert not pair.told_apart
    assert "cannot tell apart" in words(paired_difference(twins))


@pytest.mark.parametrize("objective", ["profit", "incremental_purchases", "reach", "cost_per_incremental_purchase"])
def test_the_better_strategy_of_a_pair_stands_first(objective: str) -> None:
    found = comparison({"weak": (2.0, 5.0, True), "strong": (9.0, 60.0, True)}, worlds=12, days=12, posts=20, objective=objective)
    pair = next(v for v in verdicts(found) if v.right != "none")
    assert (pair.left, pair.right) == ("strong", "weak")
    assert pair.interval.mean > 0
    assert pair.interval.lo95 <= pair.interval.mean <= pair.interval.hi95
    assert pair.told_apart
    assert pair.ahead == 12


def test_pairs_agree_with_the_study(demo: Any) -> None:
    rows = {frozenset((r["strategy_a"], r["strategy_b"])): r for r in demo.pairs.to_dict("records")}
    found = verdicts(demo)
    assert len(found) == len(rows)
    for v in found:
        row = rows[frozenset((v.left, v.right))]
        assert abs(v.interval.mean) == pytest.approx(abs(row["mean_difference"]))
        assert v.interval.mean == pytest.approx(np.mean(v.values))
        assert v.told_apart == (row["verdict"] != "cannot tell them apart")


def test_increments_are_paired_with_the_control_of_the_same_world(demo: Any) -> None:
    frame = outcomes(demo)
    assert (frame.loc[frame["strategy"] == control(demo), "incremental_purchases"] == 0).all()
    means = frame.groupby("strategy")["incremental_purchases"].mean()
    for label, value in demo.summary.set_index("strategy")["incremental_purchases"].items():
        assert means[label] == pytest.approx(value)


def test_factors_multiply_to_the_return(demo: Any) -> None:
    frame = relative_factors(demo)
    assert np.allclose(frame[list(FACTORS)].prod(axis=1), frame["product"])
    assert np.allclose(np.log(frame["product"]).mean(), 0, atol=1e-12)
    bought = frame[frame["strategy"] == "paid_infeed"]
    assert bought[["price", "reach"]].isna().all(axis=None)  # impressions and followers have no common price
    assert set(frame.columns) == {"strategy", *COLUMNS}


def test_known_inequality_and_slope(demo: Any) -> None:
    assert gini([1, 1, 1, 1]) == pytest.approx(0)
    assert gini([0, 0, 0, 1]) == pytest.approx(0.75)
    assert np.isnan(gini([0, 0]))
    assert "Gini" in words(views_lorenz(demo))
    assert "per view is flat in size" in engagement_by_size(demo).alt_text
    assert "per follower it falls" in engagement_by_size(demo).alt_text


def test_posts_count_once(demo: Any) -> None:
    doubled = SimpleNamespace(**{**vars(demo), "posts": demo.posts[demo.posts["strategy"] == "none"]})
    pd.testing.assert_frame_equal(engagement_by_size(doubled).table, engagement_by_size(demo).table)


def test_intervals() -> None:
    found = interval([1.0, 2.0, 3.0, np.nan])
    assert found.n == 3
    assert found.lo95 < found.lo50 < found.mean == 2 < found.hi50 < found.hi95
    assert np.isnan(interval([4.0]).lo95)
    assert np.isnan(interval([]).mean)


def test_labels_keep_their_distance() -> None:
    for wanted in itertools.product([0.0, 0.02, 0.5, 0.97, 1.0], repeat=4):
        placed = sorted(spread(wanted, 0.1))
        assert placed[0] >= -1e-9
        assert placed[-1] <= 1 + 1e-9
        assert min(b - a for a, b in itertools.pairwise(placed)) >= 0.1 - 1e-9


def test_names_are_text_not_markup_or_formulas() -> None:
    odd = comparison({"$a_b$ <script>": (5.0, 6.0, True)}, worlds=3, days=5, posts=20)
    assert strategies(odd) == ["$a_b$ <script>"]
    text = to_svg(strategy_forest(odd), "f", inline=True)
    assert "<script" not in text
    assert "$a_b$ &lt;script&gt;" in text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (950, "950"), (1234, "1,234"), (12_345, "12.3k"), (-2.5e6, "−2.5M"), (np.nan, "–")])
def test_short_numbers(value: float, text: str) -> None:
    assert short(value) == text


def test_a_grid_is_a_valid_file_of_its_own():
    from influence_sim.figures.stress import regrets

    rows = [("a", "now", 1.0), ("b", "now", 2.0), ("a", "later", 3.0), ("b", "later", 1.0)]
    table = pd.DataFrame([(*row[:2], 0, row[2]) for row in rows], columns=["strategy", "future", "replication", "value"])
    text = to_svg(regrets(table, "USD", "Every plan in every future", "test"), "regrets")
    assert "data:image/png" in text
    ElementTree.fromstring(text)

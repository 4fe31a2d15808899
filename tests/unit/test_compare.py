"""Comparisons from made-up runs: tables, verdicts, words, files, order of results."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from influence_sim.scenario.parameters import Market
from influence_sim.studies import Comparison, OutputError, RunError, runner, write_comparison, write_tables
from influence_sim.studies.stopping import Stopping
from influence_sim.studies.words import amount

compare_module = importlib.import_module("influence_sim.studies.compare")
outputs = importlib.import_module("influence_sim.studies.outputs")
PROFIT = 40 * 0.6


@dataclass
class FakeResult:
    strategy: str
    replication: int
    totals: dict[str, float]
    daily: dict[str, Any] = field(default_factory=dict)
    posts: dict[str, Any] = field(default_factory=dict)
    feed_items: dict[str, Any] = field(default_factory=dict)
    attribution: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    strategy: str


def scenario(*labels: str, **changes: Any) -> Any:
    entries = {label: Entry("none" if label in ("none", "nothing") else label) for label in labels}
    values = {
        "name": "t", "market": Market(), "strategies": entries, "budget": 1000.0, "horizon": 3, "replications": 10, "world_seed": 1,
        "path_seed": 2, "objective": "profit", "same_world": False, "precision": None, "graph_file": None, "graph_direction": "follows",
        "world": None,
    }  # fmt: skip
    return SimpleNamespace(**{**values, **changes})


# Label -> (incremental purchases, noise, spend, feasible)
ARMS = {"none": (0, 0, 0, 0), "nothing": (0, 0, 0, 0), "good": (90, 3, 1000, 1), "near": (89.8, 3, 1000, 1), "bad": (20, 3, 1000, 1),
        "twin": (90, 3, 1000, 1), "loud": (95, 40, 1000, 1), "poor": (0, 0, 0, 0),
        "thrifty": (50, 3, 600, 1), "ads": (30, 3, 1000, 1)}  # fmt: skip


def result(label: str, replication: int, scale: float = 1.0) -> FakeResult:
    gain, noise, spend, feasible = ARMS[label]
    shared = np.random.default_rng(replication).normal(0, 30)
    own = np.random.default_rng([replication, list(ARMS).index(label.replace("twin", "good"))]).normal(0, noise) if noise else 0.0
    expected = scale * (200 + shared + gain + own)
    reach = 10.0 * gain
    totals = {
        "spend": float(spend), "budget": 0.0 if label in ("none", "nothing") else 1000.0, "feasible": float(feasible), "reach": reach,
        "impressions": 2 * reach, "engagements": 0.1 * reach, "follower_base": 0.0 if label == "ads" else 5 * reach, "clicks": 0.05 * reach,
        "purchases": float(round(expected)), "expected_purchases": expected, "posts_bought": 0.0,
    }  # fmt: skip
    days = np.arange(3)
    daily = {"day": days, "impressions": days * reach, "zebra": days * 1.0, "spend": np.zeros(3)}
    posts = {"post": np.arange(2), "creator": np.array([3, 4]), "day": np.zeros(2, int), "source": np.array(["a", "b"])}
    return FakeResult(label, replication, totals, daily, posts, {})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "run_one", lambda scenario, label, replication, **_: result(label, replication))
    monkeypatch.setattr(runner, "_warm_up", lambda: None)


def made(*labels: str, **changes: Any) -> Comparison:
    asked = scenario(*labels, **changes)
    results = [result(label, r) for r in range(asked.replications) for label in runner.arms(asked)]
    comparison: Comparison = compare_module.comparison_of(asked, results)
    return comparison


def row(comparison: Comparison, label: str) -> dict[str, Any]:
    frame = comparison.summary
    return dict(frame[frame["strategy"] == label].iloc[0])


def test_summary_by_hand() -> None:
    c = made("none", "good", "bad")
    assert tuple(c.summary.columns) == compare_module.SUMMARY
    good = row(c, "good")
    gained = [result("good", r).totals["expected_purchases"] - result("none", r).totals["expected_purchases"] for r in range(10)]
    assert good["incremental_purchases"] == pytest.approx(np.mean(gained))
    assert good["incremental_purchases_lo"] < np.mean(gained) < good["incremental_purchases_hi"]
    assert good["roi"] == pytest.approx((np.mean(gained) * PROFIT - 1000) / 1000)
    assert good["cost_per_incremental_purchase"] == pytest.approx(1000 / np.mean(gained))
    assert (good["frequency"], good["engagement_rate_views"], good["engagement_rate_followers"]) == pytest.approx((2, 0.05, 0.02))
    assert (good["probability_best"], good["replications"], good["unspent"], good["feasible"]) == (1, 10, 0, 1)
    none = row(c, "none")
    assert (none["incremental_purchases"], none["incremental_purchases_lo"], none["incremental_purchases_hi"]) == (0, 0, 0)
    assert all(math.isnan(none[key]) for key in ("frequency", "roi", "roi_lo", "cost_per_incremental_purchase", "engagement_rate_views"))
    assert none["feasible"] == 1
    assert none["unspent"] == 0


def test_the_control_is_run_although_nobody_asked_and_found_under_another_name() -> None:
    assert runner.arms(scenario("good")) == ["none", "good"]
    assert runner.arms(scenario("good", "nothing")) == ["good", "nothing"]
    assert runner.arms(SimpleNamespace(strategies={"none": Entry("good")})) == ["none (control)", "none"]  # type: ignore[arg-type]
    assert row(made("good", "nothing"), "nothing")["incremental_purchases"] == 0
    assert runner.strategy_of(scenario("good"), "none").name == "none"
    with pytest.raises(KeyError, match="good"):
        runner.strategy_of(scenario("good"), "god")


def test_a_clear_winner_is_named_with_margin_and_certainty() -> None:
    c = made("none", "good", "bad", precision="demo")
    assert c.answer.startswith("good wins on profit: ")
    assert "more than none (95% interval" in c.answer  # the loser at 20 purchases does not earn back 1000 USD
    assert "10 paired replications" in c.answer
    assert "earns back its cost" in c.answer
    assert "demo precision" in c.answer
    pairs = c.pairs.set_index(["strategy_a", "strategy_b"])
    assert tuple(c.pairs.columns) == compare_module.PAIRS
    assert pairs.loc[("good", "bad"), "verdict"] == "a better"
    assert pairs.loc[("none", "good"), "verdict"] == "b better"
    assert (c.pairs["p_holm"] >= c.pairs["p_permutation"]).all()
    assert pairs.loc[("good", "bad"), "precision_target"] == 50


def test_near_arms_cannot_be_told_apart() -> None:
    c = made("none", "good", "near", "bad")
    assert "cannot tell them apart on profit" in c.answer
    assert "may be chance (95% interval" in c.answer
    assert "replications would measure this difference to within 50" in c.answer  # 5 % of the budget
    assert any("pairs need more than 10 replications" in w for w in c.warnings)
    pairs = c.pairs.set_index(["strategy_a", "strategy_b"])
    assert pairs.loc[("good", "near"), "verdict"] == "cannot tell them apart"
    assert "is better than none and bad." in c.answer


def test_identical_arms_are_a_tie() -> None:
    c = made("none", "good", "twin")
    assert "A tie: good and twin give exactly the same profit" in c.answer
    assert row(c, "good")["probability_best"] == row(c, "twin")["probability_best"] == 0.5


def test_no_strategy_earns_back_its_cost() -> None:
    c = made("none", "bad")
    assert "no strategy earns back what it costs" in c.answer
    assert c.answer.startswith("none wins on profit: 0 USD")


def test_infeasible_arms_are_no_contenders() -> None:
    c = made("none", "good", "poor")
    assert "Not feasible, because nobody was affordable and willing: poor." in c.answer
    assert any("poor is not feasible" in w for w in c.warnings)
    assert set(c.pairs[c.pairs["strategy_b"] == "poor"]["verdict"]) == {"not feasible"}
    assert math.isnan(row(c, "poor")["probability_best"])
    assert row(c, "poor")["feasible"] == 0
    assert "poor" not in set(c.decomposition["strategy"])


@pytest.mark.parametrize("objective", ["profit", "incremental_purchases", "reach", "cost_per_incremental_purchase"])
def test_every_objective(objective: str) -> None:
    c = made("none", "good", "bad", "thrifty", objective=objective)
    winner = "thrifty" if objective == "cost_per_incremental_purchase" else "good"
    best = c.summary.set_index("strategy")["probability_best"]
    if objective == "cost_per_incremental_purchase":
        assert math.isnan(best["none"])
        pair = c.pairs.set_index(["strategy_a", "strategy_b"]).loc[("good", "bad")]
        assert pair["mean_difference"] == pytest.approx(
            row(c, "good")["cost_per_incremental_purchase"] - row(c, "bad")["cost_per_incremental_purchase"]
        )
        assert pair["verdict"] == "a better"
        assert "cheaper" in c.answer
        winner = str(c.summary.set_index("strategy")["cost_per_incremental_purchase"].idxmin())
    assert c.answer.split(" ")[0].strip(",:") == winner
    assert best.sum() == pytest.approx(1)
    assert "probability_best" in c.probability_explained


def test_underpowered_runs_say_so() -> None:
    asked = scenario("good", "bad", replications=2)
    results = [result(label, r, scale=0.01) for r in range(2) for label in runner.arms(asked)]
    c = compare_module.comparison_of(asked, results)
    assert any(w.startswith("underpowered: fewer than 30 expected purchases") for w in c.warnings)
    assert any("cannot give an interval" in w for w in c.warnings)
    assert "too few for an interval" in c.answer
    assert c.summary["probability_best"].isna().all()
    assert any("permutation test cannot" in w for w in made("none", "good", "bad", replications=4).warnings)
    assert any("33%" in w or "40%" in w for w in made("none", "thrifty").warnings)  # unspent


def test_decomposition_multiplies_out() -> None:
    c = made("none", "good", "bad", "ads")
    d = c.decomposition.set_index("strategy")
    for label in ("good", "bad", "ads"):
        r = d.loc[label]
        assert r["price"] * r["reach"] * r["engagement"] * r["conversion"] == pytest.approx(r["product"])
    assert d.loc["good", "product_relative"] == 1
    assert d.loc["ads", "bought"] == "impressions"
    assert d.loc["ads", "reach"] == 1
    assert math.isnan(d.loc["ads", "price_relative"])
    assert d.loc["ads", "impressions_per_usd_relative"] == pytest.approx(1 / 3)


@pytest.mark.usefixtures("fake")
def test_compare_reports_progress_and_keeps_the_order() -> None:
    calls: list[tuple[int, int, dict[str, Any]]] = []
    c = compare_module.compare(scenario("good", "bad"), jobs=1, progress=lambda *a: calls.append(a))
    assert [a[0] for a in calls] == list(range(1, 31))
    assert calls[-1][1] == 30
    mean, lo, hi = calls[-1][2]["good"]
    assert mean == pytest.approx(row(c, "good")["incremental_purchases"])
    assert lo < mean < hi
    assert list(c.daily.columns) == ["replication", "strategy", "day", "impressions", "spend", "zebra"]
    assert c.daily["strategy"].tolist()[:9] == ["none"] * 3 + ["good"] * 3 + ["bad"] * 3
    assert list(c.totals[["replication", "strategy"]].iloc[3]) == [1, "none"]
    assert tuple(c.feed_items.columns) == compare_module.FEED_ITEMS


class Copyable(SimpleNamespace):
    """A made-up scenario that can be copied like a real one."""

    def model_copy(self, update: dict[str, Any]) -> Copyable:
        return Copyable(**{**vars(self), **update})


def made_asked(*labels: str, **changes: Any) -> Any:
    return Copyable(**vars(scenario(*labels, **changes)))


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("labels", "rule", "n", "said"),
    [
        (("good", "bad"), Stopping(first=20), 20, "Precision reached after 20 replications: the difference between good and none"),
        (("good", "bad"), Stopping(first=4, batch=3), 16, "Precision reached after 16 replications: the difference between good and none"),
        (("loud", "bad"), Stopping(first=4, batch=3, most=9), 9, "Cap reached after 9 replications: the difference between loud and none"),
        (("loud", "bad"), Stopping(first=30, batch=10, most=6), 6, "Cap reached after 6 replications"),
        (("good", "twin"), Stopping(first=4), 4, "the difference between good and twin is known to within 0 USD (50 USD wanted)"),
    ],
)
def test_replications_stop_by_rule_and_equal_those_of_a_given_number(
    labels: tuple[str, ...], rule: Stopping, n: int, said: str, tmp_path: Path
) -> None:
    asked, totals = made_asked(*labels, replications=3), list[int]()
    stopped = compare_module.compare(asked, jobs=1, stopping=rule, progress=lambda done, total, _: totals.append(total))
    assert said in stopped.stopped
    assert stopped.scenario.replications == n
    assert totals == sorted(totals)
    assert totals[0] == rule.start * 3
    assert len(totals) == totals[-1] == n * 3
    given = compare_module.compare(made_asked(*labels, replications=n), jobs=1)
    assert given.stopped == ""
    assert (given.answer, given.warnings) == (stopped.answer, stopped.warnings)
    for name, comparison in (("stopped", stopped), ("given", given)):
        write_tables(comparison, tmp_path / name)
    for path in (tmp_path / "given").iterdir():
        assert path.read_bytes() == (tmp_path / "stopped" / path.name).read_bytes()


@pytest.mark.usefixtures("fake")
def test_a_rule_stops_where_there_is_nothing_to_know() -> None:
    alone = compare_module.compare(made_asked("none"), jobs=1, stopping=Stopping(first=3))
    assert alone.stopped == "Stopped after 3 replications: there are no two arms to compare."
    nothing = compare_module.compare(made_asked("good", objective="reach", budget=0.0), jobs=1, stopping=Stopping(first=3))
    assert "Precision reached" in nothing.stopped
    with pytest.raises(ValueError, match="first >= 2"):
        Stopping(first=1)


def test_more_waves_use_the_same_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def who(scenario: Any, label: str, replication: int, **_: Any) -> Any:
        import os

        return SimpleNamespace(strategy=label, replication=replication, totals={"expected_purchases": 0.0}, process=os.getpid())

    monkeypatch.setattr(runner, "run_one", who)
    monkeypatch.setattr(runner, "_warm_up", lambda: None)
    waves = iter([2, 3, 0])
    results = runner.run_all(scenario("good", replications=4), jobs=2, more=lambda results: next(waves))
    assert [r.replication for r in results if r.strategy == "good"] == list(range(9))
    assert len({r.process for r in results}) <= 2  # type: ignore[attr-defined]


def test_workers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_first(scenario: Any, label: str, replication: int, **_: Any) -> Any:
        time.sleep(0.2 if replication == 0 else 0)
        return SimpleNamespace(strategy=label, replication=replication, totals={"expected_purchases": float(replication)})

    monkeypatch.setattr(runner, "run_one", slow_first)
    monkeypatch.setattr(runner, "_warm_up", lambda: None)
    seen: list[int] = []
    asked = scenario("good", replications=3)
    parallel = runner.run_all(asked, jobs=2, progress=lambda done, total, results: seen.append(done))
    assert [(r.strategy, r.replication) for r in parallel] == [(r.strategy, r.replication) for r in runner.run_all(asked, jobs=1)]
    assert seen[-1] == 6


def test_a_failed_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(scenario: Any, label: str, replication: int, **_: Any) -> Any:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(runner, "run_one", broken)
    monkeypatch.setattr(runner, "_warm_up", lambda: None)
    with pytest.raises(RunError, match="none, replication 0: ZeroDivisionError: oh"):
        runner.run_all(scenario("good"), jobs=1)
    with pytest.raises(ValueError, match="at least 1"):
        runner.run_all(scenario("good"), jobs=0)


def test_tables_are_the_same_bytes_and_empty_where_nothing_is_meant(tmp_path: Path) -> None:
    digests = []
    for folder in ("a", "b"):
        write_tables(made("none", "good", "bad"), tmp_path / folder)
        digests.append({p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((tmp_path / folder).iterdir())})
    assert digests[0] == digests[1]
    text_tables = {"summary.csv", "pairs.csv", "attribution.csv", "measures.csv"}
    assert set(digests[0]) == {*text_tables, "totals.parquet", "daily.parquet", "posts.parquet", "feed_items.parquet"}
    text = (tmp_path / "a" / "summary.csv").read_text()
    assert "nan" not in text.lower()
    assert b"\r" not in (tmp_path / "a" / "pairs.csv").read_bytes()
    assert pd.isna(pd.read_csv(tmp_path / "a" / "summary.csv").loc[0, "roi"])
    posts = pd.read_parquet(tmp_path / "a" / "posts.parquet")
    assert posts["source"].tolist()[:2] == ["a", "b"]
    assert len(posts) == 60


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins for provenance, figures and report."""
    seen: dict[str, Any] = {}

    def render(comparison: Comparison, path: Path, drawn: Any) -> None:
        if seen.get("fail"):
            raise RuntimeError("no report")
        seen["provenance"] = comparison.provenance
        path.write_text("report")

    def write_all(comparison: Comparison, folder: Path, drawn: Any) -> None:
        (folder / "figures").mkdir()

    stand_ins = {
        "influence_sim.record": {"provenance": lambda scenario: {"digest": "x"}},
        "influence_sim.figures.write": {"draw_all": lambda comparison: {}, "write_all": write_all},
        "influence_sim.report": {"render": render},
        "influence_sim.scenario.writing": {"scenario_text": lambda scenario: "name: t\n"},
    }
    import sys

    for name, members in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**members))  # type: ignore[arg-type]
    return seen


def test_the_folder_appears_whole_and_replaces_only_our_own(tmp_path: Path, rooms: dict[str, Any]) -> None:
    c, out = made("none", "good"), tmp_path / "deep" / "out"
    write_comparison(c, out)
    assert json.loads((out / "provenance.json").read_text())["made_by"] == "influence-sim"
    assert rooms["provenance"]["digest"] == "x"
    (out / "left_over").write_text("")
    write_comparison(c, out)
    assert not (out / "left_over").exists()
    rooms["fail"] = True
    with pytest.raises(RuntimeError, match="no report"):
        write_comparison(c, out)
    assert (out / "report.html").read_text() == "report"
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_foreign_folders_are_left_alone(tmp_path: Path, rooms: dict[str, Any], fake: None) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        compare_module.compare(scenario("good"), out=tmp_path, jobs=1)
    (tmp_path / "provenance.json").write_text('{"tool": "other"}')
    with pytest.raises(OutputError, match="holds other files"):
        outputs.check_target(tmp_path)
    with pytest.raises(OutputError, match="not a folder"):
        outputs.check_target(tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    compare_module.compare(scenario("good"), out=tmp_path / "empty", jobs=1)
    assert (tmp_path / "empty" / "summary.csv").exists()


def test_amounts() -> None:
    assert [amount(v, "USD") for v in (0.0, 0.0123, 5.25, 1e6, math.nan)] == ["0 USD", "0.012 USD", "5.2 USD", "1,000,000 USD", "not known"]

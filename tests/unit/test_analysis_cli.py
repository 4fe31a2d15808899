"""`sensitivity`, `calibrate`, `power` and `select` end to end on a very small market, and their refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from influence_sim.cli import main

MARKET = """
name: tiny
market:
  people: {agents: 200, population: 4000, views_per_day: 20, topics: 5}
  creators: {count: 14, opening_posts: 3}
  feed: {stage_quota: 20}
budget: 100
horizon: 4
replications: 3
objective: incremental_purchases
strategies: [none, ads: {strategy: paid_infeed, days: 2}, small: {strategy: micro_portfolio, followers_min: 0, followers_max: 1000}]
"""
SWEEP = """
scenario: market.yaml
design:
  kind: morris
  trajectories: 3
  parameters: {funnel.click_ad: {low: 0.01, high: 0.1}, wom.trust: {low: 0.3, high: 0.9}}
measures: [incremental_purchases, spend]
replications: 2
"""
FACTS = """
scenario: market.yaml
parameters:
  response.like_rate: {low: 0.02, high: 0.2, log: true}
  ties.gain: {low: 0.05, high: 0.2}
posts: posts.csv
posts_held_out: [like_slope]
points: 24
worlds: 1
keep: 0.5
draws: 5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files."""
    found = tmp_path_factory.mktemp("asked")
    for name, text in (("market", MARKET), ("sweep", SWEEP), ("facts", FACTS)):
        (found / f"{name}.yaml").write_text(text)
    rng = np.random.default_rng(1)
    views = np.exp(rng.normal(6, 1, 60)).round()
    posts = {"views": views, "followers": np.exp(rng.normal(6, 1, 60)).round(), "likes": (0.08 * views).round()}
    pd.DataFrame(posts).to_csv(found / "posts.csv", index=False)
    return found


def test_sensitivity_of_a_sweep(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, out = folder / "runs", folder / "movers"
    assert main(["sweep", str(folder / "sweep.yaml"), "--out", str(runs), "--executor", "serial"]) == 0
    capsys.readouterr()
    asked = ["sensitivity", str(runs), "--measure", "incremental_purchases", "--difference", "ads,small", "--out", str(out)]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    effects = pd.read_csv(out / "effects.csv")
    assert effects["parameter"].tolist()[0] == "market.funnel.click_ad"  # ads sell by clicks; a few days of talk change nothing yet
    assert "moves it most" in told["result"]["finding"]
    # A hole in the design is refused, not analysed.
    results = pd.read_parquet(runs / "results.parquet")
    results.loc[3, ["status", "message"]] = ["error", "ValueError: made up"]
    results.loc[3, "incremental_purchases"] = np.nan
    results.to_parquet(runs / "results.parquet")
    assert main([*asked[:-1], str(folder / "nothing")]) == 4
    said = capsys.readouterr().err
    assert "made up" in said
    assert "--retry-failed" in said
    assert not (folder / "nothing").exists()
    assert main(["sensitivity", str(runs), "--measure", "incremental_purchases", "--difference", "ads", "--out", str(out)]) == 2


def test_calibrate_to_posts_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "fit"
    assert main(["calibrate", str(folder / "facts.yaml"), "--out", str(out), "--executor", "serial", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["result"]
    assert len(told["posterior"]) == 2
    checks = pd.read_csv(out / "checks.csv")
    assert checks.loc[checks["kind"] == "held out", "statistic"].tolist() == ["like_slope"]
    assert "like_slope" not in set(checks.loc[checks["kind"] == "fitted", "statistic"])
    table = pd.read_csv(out / "posterior.csv").set_index("parameter")
    like = table.loc["response.like_rate"]
    assert like["width"] < table.loc["ties.gain", "width"]
    assert (folder / "fit" / "fitted.yaml").read_text().startswith("# Medians")


@pytest.mark.parametrize(
    ("old", "new", "text"), [("like_rate", "lik_rate", "did you mean"), ("high: 0.2, log", "high: 2, log", "impossible point")]
)
def test_ranges_that_cannot_be_are_told_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, text: str
) -> None:
    (folder / "wrong_facts.yaml").write_text(FACTS.replace(old, new))
    assert main(["calibrate", str(folder / "wrong_facts.yaml"), "--out", str(folder / "nothing"), "--executor", "serial"]) == 3
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said
    assert not (folder / "nothing").exists()


def test_power_of_a_pilot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "power"
    asked = ["power", str(folder / "market.yaml"), "--pilot", "4", "--detect", "1", "--out", str(out), "--executor", "serial"]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["result"]
    (pair,) = told["pairs"]
    assert {pair["strategy_a"], pair["strategy_b"]} == {"ads", "small"}
    assert 2 <= pair["needed"] <= pair["needed_hi"]
    assert {row["strategy"] for row in told["markets"]} == {"ads", "small"}
    assert any("real sales" in line or "no gain to look for" in line for line in told["answer"])


def test_select_names_a_best_arm_and_what_ended_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["select", str(folder / "market.yaml"), "--indifference", "3", "--first", "4", "--batch", "2", "--executor", "serial", "--json"]
    assert main([*asked, "--most", "60"]) == 0
    told = json.loads(capsys.readouterr().out)["result"]
    assert told["guaranteed"]
    assert told["best"] in {"ads", "small"}
    asked[3] = "0.001"
    assert main([*asked, "--most", "4"]) == 1
    assert json.loads(capsys.readouterr().out)["result"]["rule"] == "cap reached"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["calibrate", "facts.yaml", "--posts", "market.yaml"], "market.yaml: Error tokenizing"),
        (["calibrate", "facts.yaml", "--points", "3"], "points"),
        (["calibrate", "no_posts.yaml"], "nothing to fit to"),
        (["calibrate", "no_posts.yaml", "--posts", "market.yaml"], "market.yaml: Error tokenizing"),
        (["calibrate", "unknown.yaml"], "unknown.yaml:3:1"),
        (["calibrate", "unknown.yaml"], "no statistic is called likes_per_vew; did you mean `likes_per_view`?"),
        (["power", "market.yaml", "--executor", "cloud"], "serial"),
        (["select", "market.yaml", "--indifference", "1", "--set", "objective=cost_per_incremental_purchase"], "mean"),
        (["sensitivity", ".", "--measure", "profit"], "design.json"),
    ],
)
def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str], text: str) -> None:
    monkeypatch.chdir(folder)
    wrong = "targets: {likes_per_vew: {value: 0.1, sd: 0.1}}"
    Path("no_posts.yaml").write_text("scenario: market.yaml\nparameters: {ties.gain: {low: 0.05, high: 0.2}}\n")
    Path("unknown.yaml").write_text(f"scenario: market.yaml\nparameters: {{ties.gain: {{low: 0.05, high: 0.2}}}}\n{wrong}\n")
    assert main([*command, *(["--out", "nothing"] if command[0] != "select" else [])]) in (2, 3, 6)
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said
    assert not (folder / "nothing").exists()

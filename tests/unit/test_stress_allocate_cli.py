"""`allocate` and `stress` end to end on a very small market: files, words, reproducibility, mistakes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from influence_sim.cli import main
from influence_sim.cli.allocate_words import sentences
from influence_sim.scenario import load_scenario
from tiny_market import TINY

CHANNELS = """
scenario: market.yaml
goal: incremental_purchases
channels:
  small: {strategy: micro_portfolio, params: {followers_min: 0, followers_max: 1000}}
  ads: {strategy: paid_infeed, params: {days: 2}, floor: 0.2}
trials: 4
batch: 2
worlds: 3
finalists: 1
check_worlds: 5
random_search: false
"""
FUTURES = """
scenario: market.yaml
goal: incremental_purchases
threshold: 0.1
worlds: 3
futures:
  dear ads: {set: {prices.cpm: 200}}
  trust halved: {events: [{event: trust_shock, day: 1}]}
combine: [[dear ads, trust halved]]
ranges: {prices.cpm: [4, 400], trust_shock.factor: [0.2, 1.0]}
samples: 6
sample_worlds: 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the three files."""
    found = tmp_path_factory.mktemp("asked")
    for name, text in (("market", TINY), ("channels", CHANNELS), ("futures", FUTURES)):
        (found / f"{name}.yaml").write_text(text)
    return found


def test_allocate_writes_a_plan_that_compare_takes_and_gives_the_same_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, kept = folder / "split", folder / "kept"
    assert main(["allocate", str(folder / "channels.yaml"), "--out", str(out), "--keep", str(kept), "--executor", "serial", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(told["result"]["winner"].values()) == 100
    assert told["result"]["winner"]["ads"] >= 20
    checked = pd.read_csv(out / "checked.csv")
    assert {"equal split", "ads alone"} <= set(checked["name"])
    assert checked["mean"].iloc[0] == pytest.approx(checked["mean"].max())
    assert "Unseen worlds" in (out / "page.html").read_text()
    # From the journal nothing is played again, and other executors give the same bytes.
    journal = (kept / "journal.jsonl").read_bytes()
    again = ["allocate", str(folder / "channels.yaml"), "--out", str(folder / "again"), "--keep", str(kept)]
    assert main([*again, "--executor", "local:2"]) == 0
    assert (kept / "journal.jsonl").read_bytes() == journal
    for name in ("checked.csv", "trials.csv", "curves.csv"):
        assert (folder / "again" / name).read_bytes() == (out / name).read_bytes()
    capsys.readouterr()
    assert main(["compare", str(out / "plan.yaml"), "--out", str(folder / "compared"), "--jobs", "1", "--replications", "3"]) == 0
    summary = pd.read_csv(folder / "compared" / "summary.csv").set_index("strategy")
    assert (summary["spend"] <= 300).all()
    assert {"found", "equal split"} <= set(summary.index)


def test_the_plan_of_an_allocation_asks_what_the_allocation_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["--set", "budget=777", "--set", "horizon=4", "--set", "people.agents=150"]
    words = ["allocate", str(folder / "channels.yaml"), "--out", str(folder / "other"), "--trials", "2", "--worlds", "3", *changes]
    assert main([*words, "--keep", str(folder / "kept_too"), "--executor", "serial", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["result"]
    (folder / "moved").mkdir()
    moved = (folder / "other/plan.yaml").rename(folder / "moved/plan.yaml")  # it stands by itself
    plan = load_scenario(moved).scenario
    assert (plan.budget, plan.horizon, plan.market.people.agents, plan.objective) == (777, 4, 150, "incremental_purchases")
    parts = plan.strategies["found"].params["parts"]
    assert {label: round(100 * part["share"]) for label, part in parts.items()} == {k: v for k, v in told["winner"].items() if v}
    known = json.loads((folder / "other/provenance.json").read_text())
    assert known["command"] == ["influence-sim", *words]  # neither --keep, which would read the runs back, nor --json


def test_what_many_comparisons_leave_open_is_said() -> None:
    row = {"name": "equal split", "words": "a 50 %, b 50 %", "timing": "burst", "mean": 10.0, "mean_lo": 8.0, "mean_hi": 12.0,
           "score": 10.0, "behind": -2.0, "behind_lo": -3.0, "behind_hi": -1.0, "near_tie": True}  # fmt: skip
    checked = pd.DataFrame([{**row, "name": "found 1", "mean": 12.0}, row, {**row, "name": "47/23/30", "behind_hi": 1.0}])
    asked = SimpleNamespace(check_worlds=5, worlds=3, goal="reach", known={})
    lines = sentences(asked, SimpleNamespace(checked=checked, optimism=0.0), "{:g}".format, 1.0)
    told = {line.split(" (")[0]: "with 5 worlds and 2 comparisons it may be chance" in line for line in lines}
    assert (told["equal split"], told["47/23/30"]) == (True, False)


def test_stress_writes_scores_changes_and_sampled_futures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ema_workbench")
    out = folder / "stress"
    assert main(["stress", str(folder / "futures.yaml"), "--out", str(out), "--executor", "serial", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["result"]["scores"]) == 2
    assert any("sampled futures" in line for line in told["result"]["answer"])
    futures = pd.read_csv(out / "futures.csv")
    assert set(futures["future"]) == {"as expected", "dear ads", "trust halved", "dear ads + trust halved"}
    means = futures.groupby(["strategy", "future"])["value"].mean()
    assert means["ads", "dear ads"] < means["ads", "as expected"]
    assert means["ads", "trust halved"] == pytest.approx(means["ads", "as expected"], rel=0.2)
    samples = pd.read_csv(out / "samples.csv")
    assert len(samples) == 6
    assert samples["prices.cpm"].between(4, 400).all()


def test_without_scenario_discovery_nothing_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ema_workbench", None)
    monkeypatch.setattr("influence_sim.studies.stress.play_futures", None)
    assert main(["stress", str(folder / "futures.yaml"), "--out", str(folder / "nothing")]) == 6
    assert "pip install 'influence-sim[discovery]'" in capsys.readouterr().err
    assert not (folder / "nothing").exists()


@pytest.mark.parametrize(
    ("command", "name", "old", "new", "text"),
    [
        ("allocate", "channels", "goal: incr", "gaol: incr", "gaol"),
        ("allocate", "channels", "floor: 0.2", "floor: 2", "floor"),
        ("allocate", "channels", "strategy: paid_infeed", "strategy: adaptive", "cannot be a part"),
        ("stress", "futures", "trust_shock, day", "trust_shok, day", "trust_shock"),
        ("stress", "futures", "combine: [[dear ads", "combine: [[cheap ads", "cheap ads"),
        ("stress", "futures", "prices.cpm: 200", "prices.cpm: -1", "cpm"),
        ("stress", "futures", "scenario: market", "scenario: markt", "markt.yaml"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, name: str, old: str, new: str, text: str
) -> None:
    wrong, out = folder / "wrong.yaml", folder / "nothing"
    source = (folder / f"{name}.yaml").read_text()
    assert old in source
    wrong.write_text(source.replace(old, new))
    assert main([command, str(wrong), "--out", str(out)]) in (2, 3)
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said
    assert not out.exists()

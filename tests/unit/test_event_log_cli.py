"""`influence-sim run`: the discovery block, its table, and `--events`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from influence_sim.cli import main
from influence_sim.record import read_events

SCENARIO = """
name: tiny
market:
  people: {agents: 200, population: 4000, views_per_day: 30}
  creators: {count: 10}
  response: {share_rate: 0.05}
budget: 300
horizon: 3
strategies: [none, {micro_portfolio: {followers_min: 0, followers_max: 100_000, start: 0}}]
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SCENARIO)
    return path


def call(capsys: Any, *args: Any) -> tuple[int, str, str]:
    code = main(["run", *(str(a) for a in args)])
    out, err = capsys.readouterr()
    return code, out, err


def test_what_it_prints_and_writes(capsys: Any, scenario: Path, tmp_path: Path) -> None:
    code, out, err = call(capsys, scenario, "--strategy", "micro_portfolio", "--out", tmp_path / "r", "--events")
    assert code == 0, err
    assert "Discovery\nThe most viewed tenth" in out
    assert "posts were shared" in out
    assert "nan" not in out
    names = ["attribution.csv", "daily.parquet", "discovery.csv", "events.parquet", "feed_items.parquet"]
    names += ["measures.csv", "posts.parquet", "provenance.json", "scenario.yaml", "stages.parquet", "totals.csv"]
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == names
    table = pd.read_csv(tmp_path / "r" / "discovery.csv")
    assert list(table.columns) == ["strategy", "replication", "measure", "of", "value", "unit", "n", "note"]
    assert "cascade_size" in set(table.measure)
    events, posts = read_events(tmp_path / "r" / "events.parquet"), pd.read_parquet(tmp_path / "r" / "posts.parquet")
    seen = events[(events.action == "impression") & (events.post >= 0)]
    assert len(seen) * 20 == posts.views.sum()
    assert f"Events: {len(events):,} in" in out


def test_some_events_and_the_rest_counted(capsys: Any, scenario: Path, tmp_path: Path) -> None:
    args = ["--strategy", "none", "--out", tmp_path / "r", "--events", "--event-actions", "post,share", "--max-events", 10, "--json"]
    code, out, _ = call(capsys, scenario, *args)
    assert code == 0
    told = json.loads(out)
    assert told["result"]["events"]["written"] == 10
    assert told["result"]["events"]["left_out"] > 0
    assert "beyond --max-events" in told["warnings"][0]
    assert told["result"]["discovery"][0]["measure"] == "views_gini"
    assert not any(row["measure"].startswith("cascade") for row in told["result"]["discovery"])
    code, _, _ = call(capsys, scenario, "--strategy", "none", "--out", tmp_path / "r", "--events", "--event-people", 5, "--quiet")
    assert code == 0
    assert len(read_events(tmp_path / "r" / "events.parquet").attrs["events"]["people"]) == 5


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--events"], "--events needs --out"),
        (["--event-people", "3"], "--event-people needs --events"),
        (["--max-events", "3"], "--max-events needs --events"),
        (["--events", "--out", "OUT", "--event-actions", "like,shaer"], "Did you mean 'share'?"),
        (["--events", "--out", "OUT", "--event-actions", ","], "no action is named"),
        (["--events", "--out", "OUT", "--event-people", "0"], "--event-people"),
    ],
)
def test_mistakes(capsys: Any, scenario: Path, tmp_path: Path, args: list[str], said: str) -> None:
    given = [str(tmp_path / "r") if a == "OUT" else a for a in args]
    code, _, err = call(capsys, scenario, "--strategy", "none", *given)
    assert code == 2
    assert said in err
    assert not (tmp_path / "r").exists()

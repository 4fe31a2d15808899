"""A comparison on a real follower graph, from the command line to the files on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
GRAPHS = {
    "congress": ("graph_congress_twitter/congress.edgelist", "influences", 475, []),
    # 116,408 accounts: two worlds of a few days are enough to see every table filled.
    "higgs": ("graph_higgs_mention/higgs-mention_network.edgelist.gz", "follows", 116_408, ["--days", "3", "--replications", "2"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPHS)
def test_compare_on_a_real_graph(name: str, tmp_path: Path, repository: Path) -> None:
    file, direction, people, options = GRAPHS[name]
    path = DATA / file
    if not path.exists():
        pytest.skip(f"{file} is not beside the project")
    out = tmp_path / "result"
    command = [sys.executable, "-m", "influence_sim.cli", "compare", str(repository / "scenarios/network.yaml"), "--graph", str(path)]
    command += ["--graph-direction", direction, "--out", str(out), "--json", "--no-progress", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["status"]
    summary = pd.read_csv(out / "summary.csv").set_index("strategy")
    assert list(summary.index) == ["none", "micro_portfolio", "macro", "paid_infeed"]
    assert (summary["spend"] <= 1500 + 1e-6).all()
    assert summary.loc["none", "spend"] == 0
    assert summary.loc["paid_infeed", "impressions"] > 0
    assert summary["reach"].max() <= people
    daily = pd.read_parquet(out / "daily.parquet")
    assert (daily.groupby("strategy")["views_modelled"].sum() > 0).all()
    assert (out / "report.html").stat().st_size > 100_000
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["scenario"]["market"]["people"]["agents"] == people

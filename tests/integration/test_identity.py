"""Equal runs are equal byte for byte, whatever the hash seed, processes, threads or compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from small_worlds import campaign, differing, market_of, outputs, people_tables, run, simulation

SCENARIO = """
name: tiny
market:
  people: {agents: 600, population: 6000, views_per_day: 15}
  creators: {count: 15, posts_per_day: 0.3}
  feed: {stage_quota: 100}
budget: 300
horizon: 3
replications: 2
strategies:
  - none
  - micro_portfolio: {followers_min: 0, followers_max: 100_000, start: 0}
  - paid_infeed: {start: 0, days: 2}
"""
WRITE = """
import sys
from pathlib import Path
from influence_sim.scenario import load_scenario
from influence_sim.studies import compare, write_tables
write_tables(compare(load_scenario(sys.argv[1]), jobs=int(sys.argv[3])), Path(sys.argv[2]))
"""
DIGEST = """
import sys, hashlib
import numpy as np
from influence_sim.record import result_of
from influence_sim.engine.simulation import Simulation
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.base import PaidImpressions, SponsoredPost
from influence_sim.strategies import NoCampaign
from influence_sim.world.build import build_world
market = Market.model_validate({
    "people": {"agents": 60, "population": 600, "views_per_day": 12, "topics": 5},
    "creators": {"count": 6},
    "feed": {"stage_quota": 30, "candidates_random": 2},
    "response": {"comment_rate": 0.02, "share_rate": 0.05},
})
s = Simulation(build_world(market, 3), market, NoCampaign(), 1000.0, 2, 4, 1)
for day in range(2):
    s.step([SponsoredPost(2, day, "none"), SponsoredPost(3, day, "label"), PaidImpressions(1.0, day, 1)])
r = result_of(s, "x")
for part in ("daily", "posts", "feed_items"):
    for name, values in getattr(r, part).items():
        print(part, name, hashlib.sha256(str(np.asarray(values).tolist()).encode()).hexdigest()[:16])
for name in s.leads.dtype.names:
    print("leads", name, hashlib.sha256(s.leads[name].tobytes()).hexdigest()[:16])
for name in s.acquaintances._fields:
    print("acquaintances", name, hashlib.sha256(getattr(s.acquaintances, name).tobytes()).hexdigest()[:16])
for name in s.posts.dtype.names:
    print("post", name, hashlib.sha256(np.ascontiguousarray(s.posts[name][: s.post_count]).tobytes()).hexdigest()[:16])
print("estimate", hashlib.sha256(s.people.estimate.tobytes()).hexdigest()[:16])
print("views", sum(s.daily["views_modelled"]), "likes", sum(s.daily["likes"]))
"""


def python(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code, *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_tables_do_not_depend_on_hash_seed_or_processes(tmp_path: Path) -> None:
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(SCENARIO)
    folders = {}
    for seed, jobs in (("0", "1"), ("12345", "2")):
        folders[jobs] = tmp_path / f"out{jobs}"
        python(WRITE, str(scenario), str(folders[jobs]), jobs, PYTHONHASHSEED=seed)
    names = sorted(path.name for path in folders["1"].iterdir())
    tables = ["attribution.csv", "daily.parquet", "feed_items.parquet", "measures.csv", "pairs.csv", "posts.parquet", "summary.csv"]
    assert names == [*tables, "totals.parquet"]
    different = [name for name in names if (folders["1"] / name).read_bytes() != (folders["2"] / name).read_bytes()]
    assert different == []


def test_threads_change_nothing() -> None:
    market = market_of({"people.agents": 700, "people.population": 7000})
    runs = [run(simulation(market, horizon=3, threads=threads), campaign) for threads in (1, 2, 3)]
    for other in runs[1:]:
        assert differing(people_tables(runs[0]), people_tables(other)) == []
        assert differing(outputs(runs[0]), outputs(other)) == []
        other.close()


@pytest.mark.slow
def test_interpreted_kernels_do_what_compiled_ones_do() -> None:
    compiled, interpreted = python(DIGEST), python(DIGEST, NUMBA_DISABLE_JIT="1")
    lines = zip(compiled.splitlines(), interpreted.splitlines(), strict=True)
    assert [(a, b) for a, b in lines if a != b] == []

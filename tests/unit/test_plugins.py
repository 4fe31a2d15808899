"""An installed package adds a strategy, a feed and an event through entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = '''
from influence_sim.events import Event
from influence_sim.feeds import FeedPolicy
from influence_sim.strategies import Strategy

FeedPolicy("plugged_feed", "A feed of another package.", "assumption", {"candidates_trending": 0})


class PluggedEvent(Event):
    """Nothing happens."""

    name = "plugged_event"
    claim = "Nothing."
    source = "assumption"


class PluggedStrategy(Strategy):
    """Nothing is ordered."""

    name = "plugged_strategy"
    claim = "Nothing."
    source = "assumption"

    def plan(self, view):
        return []
'''
SCENARIO = """
market: {people: {agents: 60, population: 600}, creators: {count: 6}, feed: {policy: plugged_feed, stages: 0}}
strategies: [none, plugged_strategy]
budget: 100
horizon: 2
replications: 1
events: [{event: plugged_event, day: 1}]
"""


def test_entry_points_of_an_installed_package(tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "plugged-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "plugged.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[influence_sim.strategies]\na = plugged\n[influence_sim.feeds]\nb = plugged\n[influence_sim.events]\nc = plugged\n"
    )
    (tmp_path / "asked.yaml").write_text(SCENARIO)

    def said(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run([sys.executable, "-m", "influence_sim.cli", *words], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for kind, name in (("strategies", "plugged_strategy"), ("feeds", "plugged_feed"), ("events", "plugged_event")):
        assert name in said("list", kind)
    said("check", str(tmp_path / "asked.yaml"))

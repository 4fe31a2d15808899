"""What the tests of sweeps share: a tiny scenario, an experiment on it, and the command line as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

SCENARIO = """
name: tiny
market:
  people: {agents: 100, population: 2000, views_per_day: 15}
  creators: {count: 6}
  feed: {stages: 0}
budget: 300
horizon: 2
replications: 2
strategies:
  - none
  - micro_portfolio: {followers_min: 0, followers_max: 100_000, start: 0}
  - paid_infeed: {start: 0, days: 2}
"""
DESIGN = """
design:
  kind: grid
  parameters:
    feed.exploration_share: [0.05, 0.2]
    strategies.paid_infeed.days: [1, 2]
"""


def write(folder: Path, text: str = DESIGN, name: str = "plan.yaml") -> Path:
    """Write the tiny scenario and an experiment on it; return the experiment's file."""
    (folder / "tiny.yaml").write_text(SCENARIO)
    path = folder / name
    path.write_text(f"scenario: tiny.yaml\n{text}")
    return path


def start(*arguments: Any, **more: Any) -> subprocess.Popen[str]:
    """Start the command line in a session of its own."""
    command = [sys.executable, "-m", "influence_sim.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **more)


def run(*arguments: Any, **more: Any) -> tuple[int, str, str]:
    """Run the command line; return exit code, stdout and stderr."""
    process = start(*arguments, **more)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def journalled(folder: Path) -> list[dict[str, Any]]:
    """Return the complete records of a journal, read without the package."""
    path = folder / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    found = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        found += [record] if "run_id" in record else []
    return found


def values(folder: Path) -> pd.DataFrame:
    """Return the table of a sweep without what differs between machines."""
    return pd.read_parquet(folder / "results.parquet").drop(columns="seconds")


def alive(pid: int) -> bool:
    """Tell whether a process runs (and is no zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found



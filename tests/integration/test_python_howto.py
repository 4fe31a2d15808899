"""The how-to on studies in a notebook runs as it stands, and says what the commands say."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from influence_sim.record.measures import MEASURES

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "howto" / "python.md").read_text()

pytestmark = pytest.mark.slow


def test_every_block_of_the_page_runs_and_gives_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scenarios", "experiments"):
        (tmp_path / name).symlink_to(TOP / name)
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {"__name__": "notebook"}
    try:
        for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M):
            exec(block, known)
    finally:
        MEASURES.pop("sales_per_thousand_reached", None)
    split, stressed, fit, needs, best = (known[name] for name in ("split", "stressed", "fit", "needs", "best"))
    tables = [split.checked, split.trials, split.curves, stressed.scores, stressed.changes, stressed.futures, fit.points, fit.checks,
              fit.posterior.summary, needs.pairs, needs.markets, known["effects"]]  # fmt: skip
    assert all(isinstance(table, pd.DataFrame) and len(table) for table in tables)
    assert sum(percent for _, percent in split.winner.percents) == 100
    assert len(fit.points) == 24
    assert best.best in {"micro_portfolio", "macro", "paid_infeed"}
    assert (tmp_path / "results" / "notebook" / "results.parquet").exists()

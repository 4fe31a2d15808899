"""The numbers of small fixed runs stand still; `make golden REASON="..."` moves them and says why."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from influence_sim._version import MODEL_VERSION

HERE = Path(__file__).parent


def test_numbers_are_those_of_the_baseline() -> None:
    spec = importlib.util.spec_from_file_location("golden_update", HERE / "update.py")
    assert spec is not None
    assert spec.loader is not None
    update = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(update)
    baseline = json.loads((HERE / "baseline.json").read_text())
    assert baseline["reason"]
    assert baseline["model_version"] == MODEL_VERSION
    assert update.differences(baseline["numbers"], update.measure()) == []

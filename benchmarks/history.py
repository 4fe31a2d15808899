"""Append one measured row to the history file beside this script."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from influence_sim import MODEL_VERSION, __version__

HISTORY = Path(__file__).with_name("history.jsonl")


def append(name: str, row: dict[str, Any]) -> None:
    """Append `row` with date, versions and machine; floats are kept to six significant digits."""
    known = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "model": MODEL_VERSION,
        "machine": platform.machine(),
    }
    values = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()}
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**known, **values}) + "\n")

"""The compact result table of a comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_COLUMNS = (
    ("strategy", "strategy"), ("spend", "spend $"), ("reach", "reach"), ("incremental_purchases", "extra purchases"),
    ("cost_per_incremental_purchase", "$ per extra"), ("roi", "ROI"), ("probability_best", "P(best)"),
)  # fmt: skip


def comparison_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table of summary rows with intervals in brackets; a dash where a cell means nothing."""
    body = [[_cell(row, key) for key, _ in _COLUMNS] for row in rows]
    return columns([[title for _, title in _COLUMNS], *body])


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Align rows: the first column left, the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number(value: Any, digits: int = 0) -> str:
    """Write a number with thousands separators; a dash for what means nothing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    return f"{float(value):,.{digits}f}"


def _cell(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if key == "strategy":
        return f"{value} (not feasible)" if row.get("feasible") in (0, False) else str(value)
    digits = {"cost_per_incremental_purchase": 2, "roi": 2, "probability_best": 2}.get(key, 0)
    shown = number(value, digits)
    low, high = row.get(f"{key}_lo"), row.get(f"{key}_hi")
    if shown == "-" or f"{key}_lo" not in row or number(low) == "-":
        return shown
    return f"{shown} [{number(low, digits)}, {number(high, digits)}]"

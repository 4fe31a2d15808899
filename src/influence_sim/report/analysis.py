"""Write the answer of an analysis: its page, figures and tables, in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from influence_sim.figures.style import Figure, to_svg
from influence_sim.report.experiment import Answer, experiment_page


def write_answer(folder: Path, answer: Answer, figures: Mapping[str, Figure], tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Write page.html, an SVG for every figure and a CSV for every table; return their names by what they are."""
    (folder / "page.html").write_text(experiment_page(answer, figures), encoding="utf-8", newline="\n")
    for name, figure in figures.items():
        (folder / f"{name}.svg").write_text(to_svg(figure, name), encoding="utf-8", newline="\n")
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.8g", lineterminator="\n", encoding="utf-8")
    return {path.name: path.name for path in sorted(folder.iterdir())}


def number(value: float) -> str:
    """Return a number with the digits a reader wants; an en dash where there is none.

    Examples
    --------
    >>> number(1234.5), number(12.34), number(7.0), number(0.1234), number(float("nan"))
    ('1,234', '12.3', '7', '0.123', '–')
    """
    if value != value or abs(value) == float("inf"):
        return "\N{EN DASH}" if value != value else "more than any"
    size = abs(value)
    whole = size >= 100 or value == int(value)
    text = f"{value:,.0f}" if whole else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")

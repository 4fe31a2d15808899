"""Write the report: fill the template with escaped text and inline figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from influence_sim.figures.style import Figure, to_svg
from influence_sim.figures.write import draw_all
from influence_sim.report.content import content

MOST_TABLE_ROWS = 60


def page(comparison: Any, drawn: Mapping[str, Figure] | None = None) -> str:
    """Return the report of a comparison as one HTML page."""
    figures = drawn if drawn is not None else draw_all(comparison)
    return fill("report.html.j2", figures, **content(comparison))


def fill(template: str, figures: Mapping[str, Figure], **values: Any) -> str:
    """Return a template of this room as one HTML page, with its text escaped and its figures inline."""
    environment = Environment(
        loader=PackageLoader("influence_sim.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(**values, figures={name: _figure(name, figure) for name, figure in figures.items()})


def render(comparison: Any, path: str | Path, drawn: Mapping[str, Figure] | None = None) -> Path:
    """Write the report to `path`, whole or not at all, and return the path.

    Parameters
    ----------
    drawn : figures already made by `figures.write.draw_all`; drawn here if absent.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(page(comparison, drawn), encoding="utf-8", newline="\n")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _figure(name: str, figure: Figure) -> dict[str, Any]:
    table = figure.table
    step = max(1, -(-len(table) // MOST_TABLE_ROWS))
    rows = [[_cell(value) for value in record] for record in table.iloc[::step].itertuples(index=False)]
    return {
        "name": name, "svg": Markup(to_svg(figure, name, inline=True)),  # matplotlib escapes the text in its SVG
        "alt": figure.alt_text, "columns": [str(c).replace("_", " ") for c in table.columns],
        "rows": rows, "step": step, "total": len(table),
    }


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return str(value)

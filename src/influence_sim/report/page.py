"""Write the report: fill the template with escaped text and inline figures."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from influence_sim.figures.style import Figure, to_svg
from influence_sim.figures.write import draw_all
from influence_sim.report.content import content

MOST_TABLE_ROWS = 60


class Extras(NamedTuple):
    """What a report may have on top.

    Attributes
    ----------
    title : in place of the scenario's name
    logo : a picture as `data:` address
    currency : in place of USD, which is what the model calls money; no amount is converted
    replay, scripts : a page that plays by itself, and the digest of its script as a content policy names it
    """

    title: str = ""
    logo: str = ""
    currency: str = "USD"
    replay: str = ""
    scripts: str = ""


NOTHING = Extras()


def page(comparison: Any, drawn: Mapping[str, Figure] | None = None, extras: Extras = NOTHING) -> str:
    """Return the report of a comparison as one HTML page."""
    figures = drawn if drawn is not None else draw_all(comparison)
    told = content(comparison)
    text = fill("report.html.j2", figures, **{**told, "title": extras.title or told["title"]}, extras=extras)
    # A logo and a replay are long runs of base64, in which the three letters may stand by chance.
    name = str(escape(extras.currency))
    return re.sub(r"[\w+/=]{80,}|\bUSD\b", lambda found: name if found[0] == "USD" else found[0], text)


def fill(template: str, figures: Mapping[str, Figure], **values: Any) -> str:
    """Return a template of this room as one HTML page, with its text escaped and its figures inline."""
    environment = Environment(
        loader=PackageLoader("influence_sim.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(**values, figures={name: _figure(name, figure) for name, figure in figures.items()})


def render(comparison: Any, path: str | Path, drawn: Mapping[str, Figure] | None = None, extras: Extras = NOTHING) -> Path:
    """Write the report to `path`, whole or not at all, and return the path.

    Parameters
    ----------
    drawn : figures already made by `figures.write.draw_all`; drawn here if absent.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(page(comparison, drawn, extras), encoding="utf-8", newline="\n")
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

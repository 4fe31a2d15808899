"""One HTML file that answers the question of a comparison: no server, no network, prints on A4.

`content` turns the comparison into words and rows, `report.html.j2` is the page, `render` joins them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["render"]


def __getattr__(name: str) -> Any:
    # Lazy, so that importing the package does not import matplotlib.
    if name == "render":
        from influence_sim.report.page import render

        return render
    raise AttributeError(name)

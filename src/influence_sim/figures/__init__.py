"""One function per figure: a comparison's tables in, `Figure(fig, table, alt_text)` out.

`style` is the house style, `tables` turns a comparison into outcomes per world and intervals, `verdicts` its
pairs, `outcome`, `decomposition`, `curves`, `posts` and `discovery` draw, `write` saves all of them with their tables.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Figure": "style", "strategy_forest": "outcome", "paired_difference": "outcome", "return_decomposition": "decomposition",
    "reach_curve": "curves", "purchases_curve": "curves", "funnel": "posts", "engagement_by_size": "posts", "views_lorenz": "posts",
    "views_against_followers": "discovery", "first_thousand_views": "discovery", "stage_funnel": "discovery",
    "draw_all": "write", "write_all": "write",
}  # fmt: skip
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Lazy, so that importing the package does not import matplotlib.
    if name in _HOME:
        return getattr(import_module(f"influence_sim.figures.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

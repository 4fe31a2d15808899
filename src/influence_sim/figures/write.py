"""All figures of a comparison, drawn once, and saved with their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from influence_sim.figures.curves import purchases_curve, reach_curve
from influence_sim.figures.decomposition import return_decomposition
from influence_sim.figures.discovery import first_thousand_views, stage_funnel, views_against_followers
from influence_sim.figures.outcome import paired_difference, strategy_forest
from influence_sim.figures.posts import engagement_by_size, funnel, views_lorenz
from influence_sim.figures.style import Figure, to_svg

#: Every figure in the order of the report.
FIGURES: dict[str, Callable[[Any], Figure]] = {
    "strategy_forest": strategy_forest,
    "paired_difference": paired_difference,
    "return_decomposition": return_decomposition,
    "reach_curve": reach_curve,
    "purchases_curve": purchases_curve,
    "funnel": funnel,
    "engagement_by_size": engagement_by_size,
    "views_lorenz": views_lorenz,
    "views_against_followers": views_against_followers,
    "first_thousand_views": first_thousand_views,
    "stage_funnel": stage_funnel,
}


def draw_all(comparison: Any) -> dict[str, Figure]:
    """Draw every figure of a comparison; keys are file names without ending."""
    return {name: draw(comparison) for name, draw in FIGURES.items()}


def write_all(comparison: Any, folder: str | Path, drawn: Mapping[str, Figure] | None = None) -> list[Path]:
    """Write `folder`/figures/NAME.svg and NAME.csv for every figure and return the paths.

    Parameters
    ----------
    drawn : figures already made by `draw_all`, so that a report and the files need one drawing only.
    """
    target = Path(folder) / "figures"
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in (drawn if drawn is not None else draw_all(comparison)).items():
        svg, csv = target / f"{name}.svg", target / f"{name}.csv"
        svg.write_text(to_svg(figure, name), encoding="utf-8", newline="\n")
        figure.table.to_csv(csv, index=False, lineterminator="\n", float_format="%.10g")
        paths += [svg, csv]
    return paths

"""A finished comparison, read back from its folder: the same tables and the same words, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from influence_sim.studies.outputs import OutputError, read_provenance, read_table

if TYPE_CHECKING:
    import pandas as pd

    from influence_sim.studies.compare import Comparison


def read_comparison(folder: Path) -> Comparison:
    """Return the comparison that `compare` wrote to a folder.

    Raises
    ------
    OutputError
        When the folder holds something else, or the scenario or a table cannot be read.
    """
    from dataclasses import replace

    import pandas as pd

    from influence_sim.record import RunResult
    from influence_sim.scenario.loader import Loaded
    from influence_sim.scenario.schema import Scenario
    from influence_sim.studies.compare import comparison_of

    known = read_provenance(folder)
    if "scenario" not in known or not (folder / "pairs.csv").is_file():
        raise OutputError(f"{folder} holds no comparison: only `influence-sim compare` writes one")
    try:
        scenario = Scenario.model_validate(known["scenario"])
    except ValueError as problem:
        raise OutputError(f"{folder / 'provenance.json'} holds no scenario this version can read: compare again") from problem
    try:
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("totals", "daily", "posts", "feed_items")}
        credited, measured = (read_table(folder / f"{name}.csv") for name in ("attribution", "measures"))
    except (OSError, ValueError) as problem:
        raise OutputError(f"{folder} lacks a table of a comparison, or it is damaged: {problem}; compare again") from problem
    parts = {name: dict(list(table.groupby(["strategy", "replication"], sort=False))) for name, table in tables.items() if name != "totals"}
    results = []
    for row in tables["totals"].to_dict("records"):
        label, r = str(row.pop("strategy")), int(row.pop("replication"))
        daily, posts, items = (_columns(parts[name].get((label, r))) for name in ("daily", "posts", "feed_items"))
        results.append(RunResult(label, r, {str(name): float(value) for name, value in row.items()}, daily, posts, items))
    loaded = Loaded(scenario, dict(known.get("origins") or {}), str(known.get("scenario_file") or ""), ())
    made = comparison_of(scenario, results, loaded)
    return replace(made, attribution=credited, measures=measured, stopped=str(known.get("stopped") or ""), provenance=known)


def _columns(table: pd.DataFrame | None) -> dict[str, Any]:
    if table is None:
        return {}
    return {str(name): table[name].to_numpy() for name in table if name not in ("strategy", "replication")}

"""Write a comparison or a run: tables that are equal byte for byte for equal runs, in a folder that appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from influence_sim.record import RunResult
    from influence_sim.studies.compare import Comparison

TABLES = ("totals", "daily", "posts", "feed_items")
SCENARIO = "scenario.yaml"
MADE_BY = "influence-sim"
MAX_PROVENANCE = 50_000_000  # bytes; ours hold one scenario, whose files have at most a megabyte each


class OutputError(OSError):
    """The output folder cannot be used; the message says why."""


def check_target(out: Path) -> None:
    """Raise `OutputError` unless `out` is free, empty, or holds an earlier result, which may be replaced."""
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise OutputError(f"{out} exists and is not a folder; choose another one")
    if any(out.iterdir()) and not _is_ours(out / "provenance.json"):
        raise OutputError(f"{out} holds other files (no provenance.json of {MADE_BY}); nothing was written, choose another folder")


def _is_ours(path: Path) -> bool:
    try:
        if path.stat().st_size > MAX_PROVENANCE:
            return False
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("made_by") == MADE_BY


def write_tables(comparison: Comparison, folder: Path) -> None:
    """Write summary, pairs, attribution and measures as CSV, the others as Parquet; cells without meaning are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("summary", "pairs", "attribution", "measures"):
        frame: pd.DataFrame = getattr(comparison, name)
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n", encoding="utf-8")
    for name in TABLES:
        _write_parquet(getattr(comparison, name), folder / f"{name}.parquet")


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {}
    for name in frame.columns:
        column = frame[name]
        text = not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))
        columns[str(name)] = pa.array(column.tolist(), pa.string()) if text else pa.array(column.to_numpy(), from_pandas=True)
    # No pandas metadata: it holds library versions, which are provenance's business.
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=1 << 20)


def comparison_html(comparison: Comparison) -> str:
    """Return the answer, the warnings, the summary and its forest plot as HTML, for a notebook."""
    from html import escape

    from influence_sim.figures.outcome import strategy_forest

    shown = ["strategy", "spend", "reach", "incremental_purchases", "incremental_purchases_lo", "incremental_purchases_hi", "roi"]
    table = comparison.summary[shown].rename(columns=lambda name: name.replace("_", " ").replace(" lo", ", low").replace(" hi", ", high"))
    said = [f"<p>{escape(line)}</p>" for line in comparison.answer.splitlines()]
    said += [f"<p><b>Warning:</b> {escape(line)}</p>" for line in comparison.warnings]
    cells = table.to_html(index=False, border=0, na_rep="–", float_format=lambda x: f"{x:,.2f}" if abs(x) < 10 else f"{x:,.0f}")
    return "\n".join([*said, cells, strategy_forest(comparison)._repr_html_()])


def write_comparison(comparison: Comparison, out: str | Path) -> None:
    """Write tables, scenario, provenance, figures and report to `out`, all or nothing; `finished.read_comparison` reads it back.

    Raises
    ------
    OutputError
        As for `whole_folder`.
    """
    from influence_sim.figures.write import draw_all, write_all
    from influence_sim.record import provenance
    from influence_sim.report import render
    from influence_sim.scenario.writing import scenario_text

    with whole_folder(out) as building:
        write_tables(comparison, building)
        (building / SCENARIO).write_text(scenario_text(comparison.scenario), encoding="utf-8", newline="\n")
        said: dict[str, Any] = {"answer": comparison.answer, "warnings": comparison.warnings}
        said |= {"stopped": comparison.stopped} if comparison.stopped else {}
        known = write_provenance({**provenance(comparison.loaded or comparison.scenario), **said}, building)
        told = replace(comparison, provenance=known)
        drawn = draw_all(told)
        write_all(told, building, drawn)
        render(told, building / "report.html", drawn)


def write_run(result: RunResult, found: dict[str, Any], question: Any, days: int, folder: Path) -> list[str]:
    """Write the tables of one run of `days` days, what discovery it `found`, scenario and provenance; return the files' names.

    `folder` is one of `whole_folder`, `question` a `Loaded` or a `Scenario`.
    """
    import pandas as pd

    from influence_sim.record import provenance
    from influence_sim.scenario.writing import scenario_text
    from influence_sim.studies.credit import measures_of_run

    named = {"strategy": result.strategy, "replication": result.replication}
    asked = getattr(question, "scenario", question)
    brand = asked.market.brand
    tables = {
        "totals": pd.DataFrame([{**named, **result.totals}]),
        "discovery": pd.DataFrame({**named, **found}),
        "attribution": pd.DataFrame({**named, **result.attribution}),
        "measures": measures_of_run(result, brand.price, brand.margin),
    }
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    for name in ("daily", "posts", "feed_items", "stages"):
        _write_parquet(pd.DataFrame(getattr(result, name)), folder / f"{name}.parquet")
    (folder / SCENARIO).write_text(scenario_text(asked), encoding="utf-8", newline="\n")
    write_provenance({**provenance(question), "run": {**named, "days": days}}, folder)
    return sorted(path.name for path in folder.iterdir())


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return the provenance of a folder that `run` or `compare` wrote.

    Raises
    ------
    OutputError
        When it is not such a folder.
    """
    if not folder.is_dir():
        raise OutputError(f"{folder} is not a folder that `run` or `compare` wrote")
    path = folder / "provenance.json"
    if not _is_ours(path):
        raise OutputError(f"{folder} was not written by `run` or `compare`: it has no provenance.json of {MADE_BY}, or a damaged one")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_provenance(known: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Write provenance.json, which marks a folder as a result that may be replaced, and return what it says."""
    marked = {**known, "made_by": MADE_BY}
    text = json.dumps(marked, indent=2, ensure_ascii=False, default=str)
    (folder / "provenance.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    return marked


@contextmanager
def whole_folder(out: str | Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its place at the end; after an error nothing of it is left.

    An earlier result is replaced; anything else is left alone.

    Raises
    ------
    OutputError
        When `out` holds something that is not an earlier result, or cannot be written.
    """
    target = Path(os.path.abspath(out))
    check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = _beside(target, "new")
        building.mkdir()
    except OSError as error:
        raise _cannot_write(out, error) from error
    try:
        yield building
        _take_place(building, target)
    except OSError as error:
        raise _cannot_write(out, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _cannot_write(out: str | Path, error: OSError) -> OutputError:
    return error if isinstance(error, OutputError) else OutputError(f"cannot write {out}: {error.strerror or error}; nothing was written")


def _beside(target: Path, what: str) -> Path:
    path = target.with_name(f".{target.name}.{what}-{os.getpid()}")
    shutil.rmtree(path, ignore_errors=True)  # left by a process of this number that was killed
    return path


def _take_place(building: Path, target: Path) -> None:
    if not target.exists():
        os.replace(building, target)
        return
    check_target(target)  # it may have changed while the runs went on
    old = _beside(target, "old")
    os.replace(target, old)
    try:
        os.replace(building, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def read_table(path: Path) -> pd.DataFrame:
    """Return a CSV table of a result; a strategy may be called `007` or `NA`."""
    import pandas as pd

    names = dict.fromkeys(("strategy", "strategy_a", "strategy_b", "name"), str)
    return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])

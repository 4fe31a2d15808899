"""What a strategy page shows of a result: the same words, tables and pictures that the command wrote."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from influence_sim.report.analysis import number
from influence_sim.studio.jobs import Job

MOST_ROWS = 40
_DESC = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)
# name -> the table of its numbers
PICTURES = {
    "compare": {"figures/strategy_forest": "figures/strategy_forest.csv", "figures/paired_difference": "figures/paired_difference.csv",
                "figures/reach_curve": "figures/reach_curve.csv", "figures/funnel": "figures/funnel.csv"},
    "stress": {"tornado": "changes.csv", "regrets": "", "robustness": "scores.csv"},
    "allocate": {"splits": "checked.csv", "responses": "curves.csv", "safety": ""},
}  # fmt: skip
PAGES = {"compare": "report.html", "stress": "page.html", "allocate": "page.html"}


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a result by their names below its folder; links are none of them."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()}


def answer(job: Job, folder: Path) -> dict[str, Any]:
    """Return what the page of a finished job shows; plain text only, escaped by the template."""
    kinds: dict[str, Callable[[Path], dict[str, Any]]] = {"compare": _compare, "stress": _stress, "allocate": _allocate}
    files = files_of(folder)
    told = job.answer.get("result", {})
    lines = [told["answer"]] if isinstance(told.get("answer"), str) else list(told.get("answer", []))
    return {
        "headline": told.get("finding", ""), "lines": lines, "warnings": job.answer.get("warnings", []), "undecided": "",
        "pictures": [_picture(folder, name, table) for name, table in PICTURES[job.kind].items() if f"{name}.svg" in files],
        "page": PAGES[job.kind], "tables": [], "downloads": [name for name in files if name.endswith(".csv") and "/" not in name],
        "plan": f"plan-{job.identity}" if "plan.yaml" in files else "",
        **kinds[job.kind](folder),
    }


def _picture(folder: Path, name: str, table: str) -> dict[str, Any]:
    svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
    described = _DESC.search(svg)
    rows = _table(pd.read_csv(folder / table)) if table else None
    return {"src": f"{name}.svg", "alt": html.unescape(described[1]) if described else name, "table": rows}


def _table(frame: pd.DataFrame, caption: str = "") -> dict[str, Any]:
    cut = frame.head(MOST_ROWS)
    rows = [[_cell(value) for value in row] for row in cut.itertuples(index=False)]
    return {"caption": caption, "columns": [str(name).replace("_", " ") for name in frame.columns], "rows": rows, "total": len(frame)}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else ""
    return str(value)


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _compare(folder: Path) -> dict[str, Any]:
    summary, pairs = pd.read_csv(folder / "summary.csv"), pd.read_csv(folder / "figures" / "paired_difference.csv")
    n = int(summary["replications"].iloc[0])
    told = [
        f"{r['strategy']} beats {r['against']} in {r['worlds_ahead']} of {r['n']} simulated launches"
        + ("." if r["told_apart"] else ", which may be chance.")
        for r in pairs.to_dict("records")
    ]
    near = pairs[~pairs["told_apart"].astype(bool)]
    names = list(dict.fromkeys(name for r in near.to_dict("records") for name in (r["strategy"], r["against"])))
    columns = {
        "strategy": "strategy", "spend": "spent, USD", "reach": "people reached", "incremental_purchases": "extra purchases",
        "incremental_purchases_lo": "from", "incremental_purchases_hi": "to", "cost_per_incremental_purchase": "USD per extra purchase",
        "roi": "return", "probability_best": "chance to be best",
    }  # fmt: skip
    table = _table(summary[list(columns)].rename(columns=columns), f"Means over {n} worlds, 95 % interval of extra purchases")
    undecided = f"Cannot tell them apart with {n} runs: {_names(names)}" if names else ""
    return {"headline": undecided or "The strategies can be told apart", "undecided": undecided, "told": told, "tables": [table]}


def _stress(folder: Path) -> dict[str, Any]:
    return {}


def _allocate(folder: Path) -> dict[str, Any]:
    return {}


def plan_text(file: Path) -> str:
    """Return a scenario with everything it refers to as one file."""
    return ""

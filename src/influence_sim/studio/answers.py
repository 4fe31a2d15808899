"""What a strategy page shows of a result: the same words, tables and pictures that the command wrote."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from influence_sim.report.analysis import number
from influence_sim.studies.outputs import read_table
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
SUMMARY = {
    "strategy": "strategy", "spend": "spent, USD", "reach": "people reached", "incremental_purchases": "extra purchases",
    "incremental_purchases_lo": "from", "incremental_purchases_hi": "to", "cost_per_incremental_purchase": "USD per extra purchase",
    "roi": "return, %", "probability_best": "chance to be best, %",
}  # fmt: skip
SCORES = {
    "strategy": "plan", "mean": "mean", "worst_tenth": "worst tenth", "largest_regret": "largest regret", "mean_regret": "mean regret",
    "worst_future": "worst future",
}  # fmt: skip
PAGES = {"compare": "report.html", "stress": "page.html", "allocate": "page.html"}


DAMAGES = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError)  # what reading damaged or missing files of a result raises


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a result by their names below its folder; links are none of them."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()}


def answer(job: Job, folder: Path) -> dict[str, Any]:
    """Return what the page of a finished job shows; plain text only, escaped by the template."""
    kinds = {"compare": _compare, "stress": _stress, "allocate": _allocate}
    files, told = files_of(folder), job.answer["result"]
    lines = [told["answer"]] if isinstance(told.get("answer"), str) else list(told.get("answer", []))
    return {
        "headline": told.get("finding", ""), "lines": lines, "warnings": job.answer.get("warnings", []), "near": False, "often": [],
        "pictures": [_picture(folder, name, table) for name, table in PICTURES[job.kind].items() if f"{name}.svg" in files],
        "page": PAGES[job.kind], "tables": [], "downloads": [name for name in files if name.endswith(".csv") and "/" not in name],
        **kinds[job.kind](folder, told),
    }


def _picture(folder: Path, name: str, table: str) -> dict[str, Any]:
    svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
    rows = _table(read_table(folder / table)) if table else None
    return {"src": f"{name}.svg", "alt": described(svg) or name, "table": rows}


def described(svg: str) -> str:
    """Return what a picture says of itself to whoever cannot see it."""
    found = _DESC.search(svg)
    return html.unescape(found[1]) if found else ""


def _table(frame: pd.DataFrame, caption: str = "") -> dict[str, Any]:
    cut = frame.head(MOST_ROWS)
    rows = [[_cell(value) for value in row] for row in cut.itertuples(index=False)]
    left = f" The first {MOST_ROWS} of {len(frame)} rows; all are in the CSV." if len(frame) > MOST_ROWS else ""
    return {"caption": caption + left, "columns": [str(name).replace("_", " ") for name in frame.columns], "rows": rows}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else ""
    return str(value)


def _compare(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    summary, pairs = read_table(folder / "summary.csv"), read_table(folder / "figures" / "paired_difference.csv")
    n, text = int(summary["replications"].iloc[0]), str(told["answer"])
    who, _, rest = text.partition(":")
    near = rest.startswith(" cannot tell them apart")
    often = [
        f"{r['strategy']} beats {r['against']} in {r['worlds_ahead']} of {r['n']} simulated launches"
        + ("." if r["told_apart"] else ", which may be chance.")
        for r in pairs.to_dict("records")
    ]
    measures = read_table(folder / "measures.csv").pivot(index="strategy", columns="measure", values="value")
    costs = {"cpm": "per 1,000 views", "cpe": "per engagement", "cpc": "per click"}
    table = summary[list(SUMMARY)].assign(**{name: 100 * summary[name] for name in ("roi", "probability_best")}).rename(columns=SUMMARY)
    for k, (name, words) in enumerate(costs.items()):
        table.insert(3 + k, f"USD {words}", summary["strategy"].map(measures[name]))
    return {
        "headline": f"Cannot tell them apart with {n} runs: {who}" if near else text.partition(". ")[0] if who == "A tie" else who,
        "near": near, "often": often, "tables": [_table(table, f"Means over {n} worlds; from, to: 95 % interval of extra purchases")],
    }


def _stress(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    scores = read_table(folder / "scores.csv")[list(SCORES)].rename(columns=SCORES)
    return {"near": "cannot be told apart" in told["finding"], "tables": [_table(scores, "All futures count equally")]}


def _allocate(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    checked = read_table(folder / "checked.csv")
    best = checked.iloc[0]
    names = [str(name) for name in checked.columns]
    spent = names[names.index("timing") + 1 : names.index("mean")]
    now = checked[checked["name"] == "current plan"]
    before = now if len(now) else checked[checked["name"] == "equal split"]
    rows = []
    for label in spent:
        row = [label, f"{best[label]:.0f} %"]
        if len(before):
            row += [f"{before.iloc[0][label]:.0f} %", f"{best[label] - before.iloc[0][label]:+.0f}".replace("-", "\N{MINUS SIGN}")]
        rows.append(row)
    columns = ["channel", "proposed", *([str(before.iloc[0]["name"]), "change, points"] if len(before) else [])]
    ties = int(checked["near_tie"].sum()) - 1
    near = f"{ties} other plan{'s are' if ties > 1 else ' is'} within noise of this one." if ties > 0 else ""
    return {
        "often": [near] if near else [], "near": bool(told.get("flat")),
        "tables": [{"caption": "Shares of the budget", "columns": columns, "rows": rows}],
    }

"""Write the card: scorecard.csv, scorecard.html, and the page docs/validation.md, failures first."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from influence_sim.scorecard.card import FAIL, NOT_RUN, PASS, Row, counts, record
from influence_sim.scorecard.facts import GRADES, KINDS

TITLES = {"limit": "Limits", "calibrated": "Calibrated", "held_out": "Held out"}
SIGNS = {PASS: "●", FAIL: "▲", NOT_RUN: "–"}  # shapes, so that nothing depends on colour
ORDER = (FAIL, PASS, NOT_RUN)
INTRODUCTION = (
    "Bands were committed before the first run of this list. Three kinds are kept apart. Limits: a textbook says what must come out when "
    "parts are switched off. Calibrated: a parameter was set or fitted to the number; agreement shows that the fit works, nothing more. "
    "Held out: nothing was set to the number; only these are evidence. Facts of one family are not independent, so families are counted "
    "beside facts. A value passes when it lies in the band: the mean over seeds with Student's interval, or for campaigns, whose clicks "
    "and purchases are rare, that of the pooled worlds with a jackknife interval.",
    "Simulated posts are sampled the way each data set was. Beside each value stands the naive baseline: views lognormal given followers, "
    "constant engagement, equal conversion, no mechanism. A pass that the baseline shares is no success of the mechanisms.",
)


def shown(x: float | None, digits: int = 3) -> str:
    """Write a number for people; nothing for what has no meaning."""
    if x is None or math.isnan(x):
        return ""
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    text = f"{x:.{digits}g}" if 1e-4 <= abs(x) < 1e6 else f"{x:.2e}"
    return text.replace("-", "−")


def band(row: Row) -> str:
    """Write a band; half-lines are signs."""
    low, high = row.fact.band
    if math.isinf(high):
        return f"≥ {shown(low)}"
    if math.isinf(low):
        return f"≤ {shown(high)}"
    return shown(low) if low == high else f"{shown(low)} to {shown(high)}"


def interval(row: Row) -> str:
    """Write a value with its interval."""
    bounds = f" [{shown(row.lo)}, {shown(row.hi)}]" if math.isfinite(row.lo) else ""
    return f"{shown(row.value)}{bounds}"


def in_order(rows: Sequence[Row], kind: str) -> list[Row]:
    """Return the rows of a kind: failures, passes, not run; inside each as listed."""
    return [r for verdict in ORDER for r in rows if r.fact.kind == kind and r.verdict == verdict]


def write_csv(rows: Sequence[Row]) -> str:
    """Return scorecard.csv; cells without meaning are empty."""
    table = [record(r) for r in rows]
    out = StringIO()
    writer = csv.DictWriter(out, list(table[0]) if table else ["id"], lineterminator="\n")
    writer.writeheader()
    for line in table:
        writer.writerow({k: _cell(v) for k, v in line.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return "" if value is None else value


def summary(rows: Sequence[Row]) -> list[str]:
    """Return one sentence per kind."""
    lines = []
    for kind, n in counts(rows).items():
        whole = f"{n['families whole']} of {n['families']} families whole"
        line = f"{TITLES[kind]}: {n[PASS]} of {n[PASS] + n[FAIL]} facts in their band ({whole})"
        if kind == "held_out":
            line += f"; {n['passes of its own']} of them not shared by the naive baseline, which passes {n['baseline passes']}"
        lines.append(line + (f"; {n[NOT_RUN]} not run." if n[NOT_RUN] else "."))
    return lines


def markdown(rows: Sequence[Row], footer: str) -> str:
    """Return the page docs/validation.md."""
    out = ["# Validation: an honest scorecard", "", "Written by `influence-sim scorecard --out DIR --page docs/validation.md`;"]
    out += ["the list of facts is `src/influence_sim/scorecard/facts.yaml`."]
    for paragraph in INTRODUCTION:
        out += ["", paragraph]
    out += ["", "Some statistics of posts had been printed in [the platform against real posts](explanation/platform_fit.md) before the"]
    out += ["list was written; their bands follow the same rules as the others."]
    out += ["", *(f"- {line}" for line in summary(rows)), ""]
    failures = [r for r in rows if r.verdict == FAIL]
    if failures:
        out += ["## What failed, and what it taught", ""]
        out += [
            f"- **{r.fact.id}** ({TITLES[r.fact.kind].lower()}): {shown(r.value)}, band {band(r)}. {r.fact.learned or 'Not explained yet.'}"
            for r in failures
        ]
        out.append("")
    for kind in dict.fromkeys(r.fact.kind for r in rows):
        out += [f"## {TITLES[kind]}", "", KINDS[kind].capitalize() + ".", ""]
        out += ["| | fact | target | band | value [95 %] | baseline | source (grade) |", "|---|---|---|---|---|---|---|"]
        for r in in_order(rows, kind):
            value = f"not run: {r.reason}" if r.verdict == NOT_RUN else interval(r)
            cells = (SIGNS[r.verdict], f"`{r.fact.id}` {r.fact.claim}", shown(r.fact.target), band(r), value, shown(r.baseline))
            out.append("| " + " | ".join(c.replace("|", "\\|") for c in (*cells, f"{r.fact.source} ({r.fact.grade})")) + " |")
        out.append("")
    signs = ", ".join(f"{sign} {verdict}" for verdict, sign in SIGNS.items())
    grades = "; ".join(f"{grade}: {meaning}" for grade, meaning in GRADES.items())
    return "\n".join([*out, f"{signs}. Grades: {grades}.", "", footer, ""])


def strip(row: Row) -> str:
    """Return a small picture: band as a bar, value and its interval, baseline as a ring; empty where the band is a half-line."""
    low, high = row.fact.band
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(row.value) and high > low):
        return ""
    marks = [low, high, row.value, *(x for x in (row.baseline,) if math.isfinite(x))]
    first, last = min(marks), max(marks)
    pad = 0.08 * (last - first)

    def x(value: float) -> str:
        place = (min(max(value, first - pad), last + pad) - first + pad) / (last - first + 2 * pad)
        return f"{2 + 116 * place:.1f}"

    parts = [f'<rect x="{x(low)}" y="4" width="{float(x(high)) - float(x(low)):.1f}" height="10" class="band"/>']
    if math.isfinite(row.lo):
        parts.append(f'<line x1="{x(row.lo)}" x2="{x(row.hi)}" y1="9" y2="9" class="mark"/>')
    v = float(x(row.value))
    if row.verdict == PASS:
        parts.append(f'<circle cx="{v}" cy="9" r="3.5" class="hit"/>')
    else:
        parts.append(f'<path d="M{v:.1f} 4.5 l4.5 8.5 h-9 z" class="miss"/>')
    if math.isfinite(row.baseline):
        parts.append(f'<circle cx="{x(row.baseline)}" cy="9" r="3" class="naive"/>')
    return f'<svg viewBox="0 0 120 18" width="120" height="18" aria-hidden="true">{"".join(parts)}</svg>'


def html(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """Return the card as one page that needs no network."""
    from markupsafe import Markup

    from influence_sim.report.page import fill

    sections = [
        {
            "title": TITLES[kind],
            "meaning": KINDS[kind].capitalize() + ".",
            "rows": [
                {
                    "id": r.fact.id, "claim": r.fact.claim, "sample": r.fact.sample, "verdict": r.verdict, "sign": SIGNS[r.verdict],
                    "target": shown(r.fact.target), "band": band(r), "value": interval(r), "baseline": shown(r.baseline),
                    "source": f"{r.fact.source} ({r.fact.grade})", "reason": r.reason,
                    "learned": r.fact.learned if r.verdict == FAIL else "",
                    "strip": Markup(strip(r)),  # numbers only
                }
                for r in in_order(rows, kind)
            ],
        }
        for kind in dict.fromkeys(r.fact.kind for r in rows)
    ]  # fmt: skip
    failures = sum(r.verdict == FAIL for r in rows)
    return fill(
        "scorecard.html.j2", {}, summary=summary(rows), introduction=INTRODUCTION, sections=sections, failures=failures,
        signs=SIGNS, grades=GRADES, facts=facts,
    )  # fmt: skip


def write_card(rows: Sequence[Row], out: Path, seconds: float) -> dict[str, str]:
    """Write scorecard.csv, scorecard.html and validation.md to a folder, all or nothing; return the names and paths.

    Raises
    ------
    OutputError
        When `out` holds something that is not an earlier result.
    """
    from influence_sim.record.provenance import circumstances
    from influence_sim.studies.outputs import whole_folder, write_provenance

    made = circumstances()
    code = f"{made['code']['commit'] or 'unknown'}"[:12] + (" (changed)" if made["code"]["dirty"] else "")
    told = {"model version": str(made["model_version"]), "code": code, "made": made["created"], "seconds": f"{seconds:.0f}"}
    seeds = dict.fromkeys(map(str, sorted({r.seeds for r in rows if r.seeds})))
    told["seeds"] = " or ".join(seeds)
    page = markdown(rows, f"Model version {told['model version']}, code {code}, {told['seconds']} s, {told['seeds']} seeds a row.")
    files = {"scorecard.csv": write_csv(rows), "scorecard.html": html(rows, told), "validation.md": page}
    with whole_folder(out) as folder:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        write_provenance({"schema_version": 1, **made, "seconds": seconds, "summary": summary(rows)}, folder)
    return {name: str(out / name) for name in (*files, "provenance.json")}

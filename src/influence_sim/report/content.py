"""The words and rows of the report, from a comparison's tables."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any

from influence_sim._version import MODEL_VERSION, __version__
from influence_sim.figures.outcome import target_words
from influence_sim.figures.style import percent, short
from influence_sim.figures.tables import control, footer, goal, outcomes, strategies, worlds
from influence_sim.figures.verdicts import Verdict, verdicts
from influence_sim.scenario.declare import ASSUMPTION
from influence_sim.scenario.parameters import parameters

MOST_NEAR = 4  # pairs in the box; the figure has all
FEW_EVENTS = 30  # expected purchases in an arm, over all worlds, below which money says little

OBJECTIVES = {
    "profit": "profit (incremental purchases × price × margin − spend)",
    "incremental_purchases": "purchases that would not have happened without the campaign",
    "reach": "different people reached",
    "cost_per_incremental_purchase": "spend per incremental purchase",
}

LIMITS = (
    "It is a model of a feed like TikTok's, not TikTok. Numbers are illustrative until the market file is calibrated to your market.",
    "Intervals hold the luck of simulated worlds only. They do not hold errors in the model's assumptions, which are often larger.",
    "The modelled creators are a sample of a platform's supply; rivals, if any, advertise all the time and do not answer.",
    "Purchases are accumulated probabilities of simulated people; the control buys no media and shows what would have been sold anyway.",
    "Rankings can turn with price lists, feed policy and product: change them with --set and compare again before money is spent.",
)


def content(comparison: Any) -> dict[str, Any]:
    """Return everything the template shows; plain text only, escaped by the template."""
    found = verdicts(comparison)
    base = control(comparison)
    scenario = comparison.scenario
    n = worlds(comparison)
    warnings = [str(w) for w in (comparison.warnings or [])]
    headline, _, support = str(comparison.answer).strip().partition(". ")
    made = str(getattr(comparison, "provenance", {}).get("created", ""))
    return {
        "title": str(scenario.name), "question": str(scenario.question or ""), "made": _date(made),
        "headline": headline + "." * bool(support), "support": support,
        "about": _facts(scenario, n), "frequency": _frequency(comparison, found),
        "near": _near(found, base),
        "weak": _underpowered(comparison, warnings), "warnings": [w for w in warnings if "underpowered" not in w.lower()],
        "strategies": _rows(comparison), "control": _control(comparison),
        "objective": OBJECTIVES.get(str(scenario.objective), str(scenario.objective)),
        "factors": _factors(comparison), "dashboard": _dashboard(comparison),
        "explained": str(getattr(comparison, "probability_explained", "")).removeprefix("probability_best: "),
        "assumptions": _assumptions(scenario.market), "limits": LIMITS, "footer": footer(comparison), "reproduce": _reproduce(comparison),
        "version": __version__, "worlds": n,
    }


def _date(moment: str) -> str:
    """Return the day of an ISO moment as a reader writes it; nothing where it is not known."""
    return f"{(day := datetime.fromisoformat(moment)).day} {day:%B %Y}" if moment else ""


def _facts(scenario: Any, n: int) -> list[tuple[str, str]]:
    market = scenario.market
    files = [PurePath(path).name for path in (scenario.graph_file, getattr(scenario, "world", None)) if path]
    graph = files[0] if files else f"generated, {market.creators.count:,} creators"
    people, agents = float(market.people.population), int(market.people.agents)
    shared = getattr(scenario, "same_world", False) or getattr(scenario, "world", None)
    kind = "the same world, other luck" if shared else "each with its own people and graph"
    return [
        ("Budget", f"{scenario.budget:,.0f} USD per strategy"), ("Time", f"{scenario.horizon} days"),
        ("Simulated worlds", f"{n}, {kind}"), ("People", f"{people:,.0f}, as {agents:,} agents"),
        ("Follower graph", graph),
        ("Feed", str(market.feed.policy)),
        ("Product", f"{market.brand.price:,.2f} USD at {percent(float(market.brand.margin))} margin"),
        *([("Precision", str(scenario.precision))] if scenario.precision else []),
    ]


def _frequency(comparison: Any, found: list[Verdict]) -> list[str]:
    """Return how often, in words: people read frequencies better than probabilities."""
    target = goal(comparison)
    frame = outcomes(comparison)
    lines = []
    for label in strategies(comparison):
        values = frame.loc[frame["strategy"] == label, target.column].dropna()
        if len(values) and target.column in ("roi", "per_1000_usd"):
            above = int((values > target.zero).sum())
            lines.append(f"{label} is {target_words(target.column)} in {above} of {len(values)} simulated worlds.")
    base = control(comparison)
    pairs = [v for v in found if v.right != base]
    beaten = {v.right for v in pairs if v.interval.mean > 0}
    pairs.sort(key=lambda v: (v.left in beaten, v.ahead))  # the best against its nearest rivals first
    return lines + [f"{v.left} beats {v.right} in {v.ahead} of {v.interval.n} simulated worlds." for v in pairs[:6]]


def _near(found: list[Verdict], base: str) -> list[str]:
    """Return the pairs that cannot be told apart, as lines; the figure has all of them."""
    pairs = [_pair(v) for v in found if not v.told_apart and v.right != base]
    lines, more = pairs[:MOST_NEAR], len(pairs[MOST_NEAR:])
    if more:
        lines.append(f"{more} more pair{'s' * (more > 1)}, in the figure below.")
    idle = [v.left for v in found if v.right == base and not v.told_apart]
    return [*lines, f"Not told apart from doing nothing: {', '.join(idle)}."] if idle else lines


def _pair(v: Verdict) -> str:
    i = v.interval
    line = f"{v.left} and {v.right}: difference {short(i.mean)} {v.unit}"
    if not math.isnan(i.lo95):
        line += f", 95 % interval {short(i.lo95)} to {short(i.hi95)}"
    line += f"; {v.left} ahead in {v.ahead} of {i.n}."
    if math.isfinite(v.needed) and v.needed > i.n:
        line += f" About {v.needed:,.0f} worlds would measure it to within {short(v.target)} {v.unit}."
    return line


def _underpowered(comparison: Any, warnings: list[str]) -> list[str]:
    lines = [_after(w, "underpowered:") for w in warnings if "underpowered" in w.lower()]
    if lines:
        return lines
    base = control(comparison)
    for record in comparison.summary.to_dict("records"):
        total = _number(record["expected_purchases"]) * _number(record["replications"])
        if record["strategy"] != base and math.isfinite(total) and total < FEW_EVENTS:
            lines.append(f"{record['strategy']}: {total:.0f} expected purchases in all worlds, too few (below {FEW_EVENTS}).")
    return lines


def _after(text: str, mark: str) -> str:
    """Return a warning without the word that the box already has as its title."""
    rest = text[len(mark):].strip() if text.lower().startswith(mark) else text
    return rest[:1].upper() + rest[1:] + ("" if rest.endswith(".") else ".")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _quantity(value: Any, digits: int = 0) -> str:
    number = _number(value)
    return f"{number:,.{digits}f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(number) else ""


def _between(low: str, high: str) -> str:
    return f"{low} to {high}" if low and high else ""


def _rows(comparison: Any) -> dict[str, Any]:
    """Return the table of strategies; a cell is a text, or a text and what stands under it."""
    target = goal(comparison)
    frame = outcomes(comparison)
    records = {str(r["strategy"]): r for r in comparison.summary.to_dict("records")}
    rows: list[list[Any]] = []
    for label in strategies(comparison):
        r = records[label]
        values = frame.loc[frame["strategy"] == label, target.column].dropna()
        feasible = _number(r["feasible"])
        n = _number(r["replications"])
        note = ""
        if feasible == 0:
            note = "not feasible: nobody was affordable and willing"
        elif math.isfinite(feasible) and feasible < 1:
            note = f"feasible in {feasible * n:.0f} of {n:.0f} worlds" if math.isfinite(n) else "not feasible in every world"
        roi, roi_lo, roi_hi = (_share(r[k]) for k in ("roi", "roi_lo", "roi_hi"))
        rows.append([
            (label, note), (_quantity(r["spend"]), f"{_quantity(r['unspent'])} unspent" if _number(r["unspent"]) >= 0.5 else ""),
            _quantity(r["reach"]), _quantity(r["frequency"], 1), _share(r["engagement_rate_views"]),
            (_quantity(r["incremental_purchases"], 1),
             _between(_quantity(r["incremental_purchases_lo"], 1), _quantity(r["incremental_purchases_hi"], 1))),
            _quantity(r["cost_per_incremental_purchase"], 2), (roi, _between(roi_lo, roi_hi)),
            f"{int((values > target.zero).sum())} of {len(values)}" if len(values) else "", chance(_number(r["probability_best"])),
        ])  # fmt: skip
    columns = [
        "strategy", "spent, USD", "people reached", "times seen each", "engage\N{SOFT HYPHEN}ments per view",
        "incremental purchases [95\N{NO-BREAK SPACE}%]", "USD per incremental purchase", "return on investment [95\N{NO-BREAK SPACE}%]",
        f"worlds {target_words(target.column)}", "chance to be best",
    ]  # fmt: skip
    return {"columns": columns, "rows": rows}


def _share(value: Any) -> str:
    return percent(_number(value)) if math.isfinite(_number(value)) else ""


def chance(share: float) -> str:
    """Return a chance to be best in words; nothing where it is not known."""
    if not math.isfinite(share):
        return ""
    # Resampling cannot show certainty.
    text = "below 1 %" if share < 0.01 else "above 99 %" if share > 0.99 else percent(share)
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _control(comparison: Any) -> str:
    label = control(comparison)
    for r in comparison.summary.to_dict("records"):
        if r["strategy"] == label:
            return f"{label} (control) spends nothing and sells {_quantity(r['expected_purchases'], 1)} expected purchases per world."
    return ""


def _factors(comparison: Any) -> dict[str, Any]:
    """Return the factors of the return in their own units, as the figure shows them relative to each other."""
    names = strategies(comparison)
    rows = []
    for r in comparison.decomposition.to_dict("records"):
        if r["strategy"] in names:
            bought = str(r["bought"])
            rows.append([
                str(r["strategy"]), f"{short(_number(r['price']))} {bought} per USD",
                f"{short(_number(r['reach']))} impressions per follower" if bought == "followers" else "",
                f"{percent(_number(r['engagement']))} of impressions", f"{short(1000 * _number(r['conversion']))} per 1,000 engagements",
                f"{short(1000 * _number(r['product']))} per 1,000 USD",
            ])  # fmt: skip
    return {"columns": ["strategy", "price", "× reach", "× engagement", "× conversion", "= incremental purchases"], "rows": rows}


def _dashboard(comparison: Any) -> dict[str, Any]:
    """Return what each method of attribution credits to a campaign, beside what happened."""
    table = getattr(comparison, "attribution", None)
    rows = []
    if table is not None and not table.empty:
        for r in table[table["channel"] == "campaign"].to_dict("records"):
            between = _between(_share(r["error_lo"]), _share(r["error_hi"]))
            method = str(r["method"]).replace("_", " ")
            rows.append([str(r["strategy"]), method, _quantity(r["credited"], 1), _quantity(r["truth"], 1), (_share(r["error"]), between)])
    columns = ["strategy", "method", "purchases credited to the campaign", "incremental purchases", "error [95\N{NO-BREAK SPACE}%]"]
    return {"columns": columns, "rows": rows}


def _assumptions(market: Any) -> dict[str, Any]:
    """Return every assumed parameter with the value used, and how many parameters there are."""
    rows, total = [], 0
    for parameter in parameters():
        total += 1
        if parameter.grade != ASSUMPTION:
            continue
        value: Any = market
        for part in parameter.path.split("."):
            value = getattr(value, part)
        changed = "not the default" if value != parameter.default else ""
        rows.append([parameter.path, (_plain(value), changed), parameter.unit, parameter.meaning])
    return {"columns": ["key", "value", "unit", "meaning"], "rows": rows, "total": total}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _reproduce(comparison: Any) -> dict[str, Any]:
    """Return the commands that give this report again: the scenario file with what the command line laid over it."""
    scenario, loaded = comparison.scenario, getattr(comparison, "loaded", None)
    path = PurePath(str(getattr(loaded, "file", "") or "SCENARIO.yaml")).name
    said = [key for key, origin in dict(getattr(loaded, "origins", {})).items() if origin == "--set"]
    sets = [f"--set {shlex.quote(f'{key}={json.dumps(value)}')}" for key in said if (value := _value(scenario, key)) is not _ABSENT]
    command = " ".join(["influence-sim compare", shlex.quote(path), "--out results", *sets])
    facts = [
        ("scenario digest", str(scenario.digest)), ("world seed", str(scenario.world_seed)), ("path seed", str(scenario.path_seed)),
        ("replications", str(scenario.replications)), ("influence_sim", f"{__version__}, model {MODEL_VERSION}"),
    ]
    return {"command": command, "check": " ".join(["influence-sim show", shlex.quote(path), *sets]), "facts": facts}


_ABSENT = object()


def _value(scenario: Any, key: str) -> Any:
    """Return a plain value of the scenario by dotted key; `_ABSENT` for groups and what is not there."""
    value: Any = scenario
    for part in key.split("."):
        value = value.get(part, _ABSENT) if isinstance(value, Mapping) else getattr(value, part, _ABSENT)
    if isinstance(value, str) and key in ("graph_file", "world"):
        return PurePath(value).name
    return value if value is None or isinstance(value, (str, int, float, bool)) else _ABSENT

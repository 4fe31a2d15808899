"""The ODD description of a scenario: rationale by hand, tables from the declarations that the code itself reads.

`docs/ODD.md` holds the text and, between marks, the tables for the default market; a test compares them with what
`tables` returns, so they cannot drift.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from influence_sim.engine import state
from influence_sim.scenario.parameters import Market, parameters
from influence_sim.scenario.schema import Scenario
from influence_sim.world import columns

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
TABLES = {"People": columns.People, "Creators": columns.Creators, "Follows": columns.Edges}
RECORDS = {"Post": "POST", "Person, today and so far": "VIEWER", "Person x brand": "LEAD", "Person x creator": "PAIR"}
NAMED_TUPLES = {"Acquaintance (person, creator)": "Acquaintances"}
GROUP_NAMES = {name: field.annotation for name, field in Market.model_fields.items()}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return a Markdown table as lines."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)]


def _declared(source: str, pattern: str) -> list[tuple[str, str, str]]:
    """Return (name, type, comment) of the lines of a declaration."""
    return [(m["name"], m["type"], (m["note"] or "").strip()) for m in re.finditer(pattern, source, re.MULTILINE)]


def state_tables() -> list[str]:
    """Return the tables of entities and their state variables."""
    out = []
    for title, kind in TABLES.items():
        hints = get_type_hints(kind, include_extras=True)
        declared = [(name, hint.__metadata__[0]) for name, hint in hints.items()]
        described = [(f"`{n}`", c.dtype, " x ".join(c.shape), c.unit, f"{c.low:g} to {c.high:g}", c.meaning) for n, c in declared]
        out += [f"**{title}**", "", *table(("variable", "type", "shape", "unit", "range", "meaning"), described), ""]
    source = inspect.getsource(state)
    for title, name in RECORDS.items():
        body = source.split(f"{name} = np.dtype(")[1].split("\n)\n")[0]
        rows = [(f"`{n}`", t, note) for n, t, note in _declared(body, r'^ +\("(?P<name>\w+)", "(?P<type>\w+)".*?\),(?: *# (?P<note>.*))?$')]
        out += [f"**{title}**", "", *table(("variable", "type", "meaning"), rows), ""]
    for title, name in NAMED_TUPLES.items():
        body = source.split(f"class {name}(")[1].split("\n\n\n")[0]
        found = _declared(body, r"^    (?P<name>\w+): Array(?: *# (?P<type>\w+) ?(?P<note>.*))?$")
        out += [f"**{title}**", "", *table(("variable", "type", "meaning"), [(f"`{n}`", t or "", note) for n, t, note in found]), ""]
    return out


def parameter_tables(market: Market, origins: Mapping[str, str] | None = None) -> list[str]:
    """Return every parameter by group: value used, default where it differs, unit, range, source, and who set it."""
    out = []
    every = list(parameters())
    for group, kind in GROUP_NAMES.items():
        rows = []
        for p in (p for p in every if p.path.startswith(f"{group}.")):
            value = getattr(getattr(market, group), p.path.partition(".")[2])
            allowed = f"{p.low:g} to {p.high:g}" if p.low is not None and p.high is not None else ", ".join(p.allowed)
            source = p.source if p.source == p.grade else f"{p.source} ({p.grade})"
            used = f"{_plain(value)}" if value == p.default else f"**{_plain(value)}** (default {_plain(p.default)})"
            cells = [f"`{p.path}`", used, p.unit, allowed, p.meaning, source]
            rows.append(cells if origins is None else [*cells, origins.get(p.path, origins.get(f"market.{p.path}", "default"))])
        head = ["parameter", "value", "unit", "range", "meaning", "source (grade)", *(["set by"] if origins is not None else [])]
        out += [f"**{group}**: {(kind.__doc__ or '').strip().splitlines()[0]}", "", *table(head, rows), ""]
    return out


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def tables(market: Market | None = None, origins: Mapping[str, str] | None = None) -> str:
    """Return the generated part: state variables, then parameters of a market (the default one)."""
    used = Market() if market is None else market
    lines = ["### Entities and state variables", "", *state_tables(), "### Parameters", "", *parameter_tables(used, origins)]
    return "\n".join(lines).rstrip() + "\n"


def with_tables(text: str, generated: str) -> str:
    """Return a text whose part between the marks is replaced.

    Raises
    ------
    ValueError
        When the marks are not there, once each and in order.

    Examples
    --------
    >>> with_tables(f"a\\n{BEGIN}\\nold\\n{END}\\nb\\n", "new\\n").splitlines()
    ['a', '<!-- generated: begin -->', 'new', '<!-- generated: end -->', 'b']
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the text needs the marks `{BEGIN}` and `{END}`, once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{generated}{END}{rest.split(END)[1]}"


def design(scenario: Scenario) -> list[str]:
    """Return what a scenario adds to the model: its question, arms, horizon, seeds and events."""
    rows = [
        ("question", scenario.question or scenario.name),
        ("strategies", ", ".join(f"{label} ({entry.strategy})" for label, entry in scenario.strategies.items())),
        ("budget", f"{scenario.budget:,.0f} USD each"),
        ("horizon", f"{scenario.horizon} days of {scenario.market.feed.rounds_per_day} rounds"),
        ("replications", f"{scenario.replications} paired; world seed {scenario.world_seed}, path seed {scenario.path_seed}"),
        ("objective", scenario.objective),
        ("scale", f"{scenario.market.people.agents:,} agents for {scenario.market.people.population:,} people"),
        ("events", ", ".join(f"{e.event} on day {e.build().day}" for e in scenario.events) or "none"),
        ("digest", scenario.digest),
    ]
    return ["## This scenario", "", *table(("what", "value"), rows), ""]


def describe(scenario: Scenario, origins: Mapping[str, str], rationale: str | None) -> str:
    """Return the ODD description of a scenario; without the hand-written rationale the tables alone."""
    generated = tables(scenario.market, origins)
    lines = design(scenario)
    if rationale is None:
        return "\n".join([f"# ODD: {scenario.name}", "", *lines]) + "\n## Tables\n\n" + generated
    title, _, body = with_tables(rationale, generated).partition("\n")
    return "\n".join([f"{title}: {scenario.name}", "", *lines]) + body


def rationale_file() -> Path | None:
    """Return docs/ODD.md of the working folder or of the source tree; None in an installation without documents."""
    for folder in (Path.cwd(), Path(__file__).parents[3]):
        if (folder / "docs" / "ODD.md").is_file():
            return folder / "docs" / "ODD.md"
    return None

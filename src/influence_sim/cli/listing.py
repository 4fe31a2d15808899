"""`influence-sim list`: what can be named in a scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options


@click.command(
    "list",
    cls=Page,
    examples=(
        "influence-sim list strategies",
        "influence-sim list parameters feed.",
        "influence-sim list scenarios --json",
    ),
    codes=(ExitCode.USAGE, ExitCode.NOTHING_MATCHED),
)
@click.argument(
    "kind", type=click.Choice(["strategies", "feeds", "events", "selectors", "timings", "measures", "scenarios", "parameters"])
)
@click.argument("containing", default="", required=False)
@voice_options
@click.pass_obj
def command(console: Console, /, kind: str, containing: str, **_: Any) -> int:
    """List strategies, feeds, events, selectors, timings, measures, scenarios or parameters, or those whose name contains CONTAINING."""
    rows = [row for row in _LISTS[kind]() if containing in row["name"]]
    lines = [_line(row) for row in rows]
    if not rows:
        where = f" contain `{containing}`" if containing else " found here (looked in scenarios/)" if kind == "scenarios" else " found"
        console.note(f"no {kind}{where}")
    return console.done("\n".join(lines), rows, code=ExitCode.DONE if rows else ExitCode.NOTHING_MATCHED)


def _line(row: dict[str, Any]) -> str:
    details = "".join(f"\n    {key}: {value}" for key, value in row.items() if key not in ("name", "meaning") and value not in ("", None))
    return f"{row['name']}\n    {row['meaning']}{details}"


def _strategies() -> list[dict[str, Any]]:
    from influence_sim.strategies import strategy_types

    return _plugins(strategy_types())


def _events() -> list[dict[str, Any]]:
    from influence_sim.events import event_types

    return _plugins(event_types())


def _plugins(kinds: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, kind in kinds.items():
        fields = kind.model_fields.items()
        defaults = {key: "" if field.is_required() else f"={field.get_default(call_default_factory=True)}" for key, field in fields}
        parameters = ", ".join(key + default for key, default in defaults.items())
        rows.append({"name": name, "meaning": _sentence(kind), "claim": kind.claim, "source": kind.source, "parameters": parameters})
    return rows


def _feeds() -> list[dict[str, Any]]:
    from influence_sim.feeds import policies

    return [
        {"name": p.name, "meaning": p.claim, "source": p.source, "sets": ", ".join(f"{k}={v}" for k, v in p.values.items())}
        for p in policies().values()
    ]


def _selectors() -> list[dict[str, Any]]:
    from influence_sim.strategies.selectors import SELECTORS

    return [{"name": name, "meaning": _sentence(selector)} for name, selector in sorted(SELECTORS.items())]


def _timings() -> list[dict[str, Any]]:
    from influence_sim.strategies.timing import TIMINGS

    return [{"name": name, "meaning": _sentence(timing)} for name, timing in sorted(TIMINGS.items())]


def _measures() -> list[dict[str, Any]]:
    from influence_sim.record.measures import MEASURES

    return [{"name": m.name, "meaning": m.definition, "unit": m.unit, "source": m.source} for m in MEASURES.values()]


def _parameters() -> list[dict[str, Any]]:
    from influence_sim.scenario.parameters import parameters

    rows = []
    for p in parameters():
        allowed = f"{p.low:g} to {p.high:g}" if p.low is not None and p.high is not None else ", ".join(p.allowed)
        source = f"{p.source} ({p.grade})" if p.grade != p.source else p.source
        rows.append({"name": p.path, "meaning": p.meaning, "default": p.default, "unit": p.unit, "allowed": allowed, "source": source})
    return rows


def _scenarios() -> list[dict[str, Any]]:
    from influence_sim.scenario.errors import ScenarioError
    from influence_sim.scenario.loader import load_scenario

    rows = []
    for path in sorted(Path("scenarios").glob("*.yaml")):
        try:
            scenario = load_scenario(path).scenario
            meaning = scenario.question or scenario.name
        except ScenarioError as error:
            meaning = f"invalid: {len(error.problems)} problems; see `influence-sim check {path}`"
        rows.append({"name": str(path), "meaning": meaning})
    return rows


_LISTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "strategies": _strategies, "feeds": _feeds, "events": _events, "selectors": _selectors, "timings": _timings, "measures": _measures,
    "scenarios": _scenarios,
    "parameters": _parameters,
}  # fmt: skip


def _sentence(item: object) -> str:
    return (item.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")

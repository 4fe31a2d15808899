"""The text of a new scenario: what must be chosen first, every parameter of the market below, as comments."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from influence_sim.scenario.parameters import Market

SCHEMA = Path("scenarios") / "scenario.schema.json"
WIDTH = 130


def scenario_text(target: Path, names: Sequence[str], market_file: Path | None) -> str:
    """Return a scenario to be written to `target`.

    Parameters
    ----------
    target : Path
        Where it will stand; references are relative to it.
    names : sequence of str
        Registered strategies.
    market_file : Path, optional
        Market to extend; the model's defaults otherwise.

    Raises
    ------
    ScenarioError
        When the market file cannot be used.
    """
    from influence_sim.scenario.loader import scenario_from_dict

    asked = scenario_from_dict({"strategies": ["none"], **({"market": str(market_file)} if market_file else {})})
    lines = [
        *([f"# yaml-language-server: $schema={_relative(SCHEMA, target)}"] if SCHEMA.is_file() else []),
        f"# {target.stem}: `influence-sim compare {target} --out results/{target.stem}` runs it, `influence-sim check {target}` checks it.",
        "#",
        "# Values behind a # are those that hold anyway: remove the # and change the value. `influence-sim explain NAME` says more.",
        "",
        f"name: {_quoted(target.stem)}",
        "question: Which of these strategies sells most for the same money?   # printed above the answer",
        "",
        "# What every arm shares. Money is in USD, time in days.",
        *_scenario(asked),
        "",
        "# What a brand may do: one arm each, all with the same budget. `none` is the control that every effect is measured against.",
        "strategies:",
        *(line for name in names for line in _strategy(name, asked.market.people.population)),
        "",
        "# The world: everything the strategist does not choose. One line per parameter: value, unit, range, meaning, source.",
        *_market(asked.market, None if market_file is None else _relative(market_file, target)),
    ]
    return "\n".join(lines) + "\n"


def _relative(path: Path, target: Path) -> str:
    return Path(os.path.relpath(path, target.parent)).as_posix()


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _value(value: Any) -> str:
    from pydantic import BaseModel

    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict | BaseModel):
        fields = value.model_dump().items() if isinstance(value, BaseModel) else value.items()
        return "{" + ", ".join(f"{key}: {_value(x)}" for key, x in fields) + "}"
    return f"{int(value):_}" if isinstance(value, int | float) and float(value).is_integer() and abs(value) < 1e15 else str(value)


def _scenario(asked: Any) -> Iterator[str]:
    from influence_sim.scenario.schema import Scenario

    shown = ("budget", "horizon", "replications", "objective", "world_seed", "path_seed", "same_world")
    for name in shown:
        choices = "; profit, incremental_purchases, reach or cost_per_incremental_purchase" if name == "objective" else ""
        yield _commented(f"{name}: {_value(getattr(asked, name))}", f"{Scenario.model_fields[name].description}{choices}")


def _strategy(name: str, population: int) -> Iterator[str]:
    from influence_sim.cli.keys import keys
    from influence_sim.strategies import strategy_types

    kind = strategy_types()[name]
    allowed = {key.name: key.allowed for key in keys()}
    fields = kind.model_fields
    banded = "followers_max" in fields and fields["followers_max"].default is not None
    yield ""
    yield from textwrap.wrap(f"{kind.claim} Source: {kind.source}", WIDTH, initial_indent="  # ", subsequent_indent="  # ")
    yield f"  {name}:"
    for key, field in fields.items():
        value = field.get_default(call_default_factory=True)
        fitting = fitting_bound(key, value, population, banded)
        if fitting != value:
            yield _commented(f"    {key}: {_value(fitting)}", f"{field.description}; the default {value:,.0f} is too large for this market")
        else:
            yield _commented(f"    # {key}: {_value(value)}", f"{field.description}; {allowed[f'{name}.{key}']}")


def fitting_bound(key: str, value: Any, population: int, banded: bool) -> Any:
    """Return a bound of followers that somebody in a market of `population` people can have.

    A bound above the market becomes a quarter of it, rounded down to one digit, and the lower end of
    a band (`banded`) at most a tenth of that. Assumption: somebody has a quarter of a small market as followers.

    Examples
    --------
    >>> [fitting_bound("followers_min", 100_000, population, False) for population in (40_000, 5_500_000)]
    [10000, 100000]
    >>> [fitting_bound(key, value, 2_000, True) for key, value in (("followers_min", 1_000), ("followers_max", 100_000))]
    [50, 500]
    """
    if "followers" not in key or not value:
        return value
    quarter = max(1, population // 4)
    step = 10 ** (len(str(quarter)) - 1)
    top = quarter // step * step
    if key == "followers_min" and banded:
        return min(value, top // 10)
    return top if value >= population else value


def _market(market: Market, base: str | None) -> Iterator[str]:
    from influence_sim.scenario.json_schema import describe
    from influence_sim.scenario.parameters import Market as Model
    from influence_sim.scenario.parameters import parameters

    yield "market:"
    if base is not None:
        yield _commented(f"  extends: {_quoted(base)}", "where the values below come from, unless they are defaults")
    last = ""
    for line in parameters():
        group, name = line.path.split(".")
        if group != last:
            model = Model.model_fields[group].annotation
            yield ""
            yield f"  {group}:   # {' '.join((getattr(model, '__doc__', '') or '').split())}"
        last = group
        names = f" One of: {', '.join(line.allowed)}." if line.allowed else ""
        yield _commented(f"    # {name}: {_value(getattr(getattr(market, group), name))}", f"{describe(line)}{names}")


def _commented(left: str, comment: str) -> str:
    return f"{left:<40} # {comment}"

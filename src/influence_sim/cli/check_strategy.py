"""`influence-sim check-strategy`: the public battery for a strategy, built in or of one's own."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options

if TYPE_CHECKING:
    from influence_sim.strategies.base import Strategy


@click.command(
    "check-strategy",
    cls=Page,
    examples=(
        "influence-sim check-strategy micro_portfolio",
        "influence-sim check-strategy influence_sim.strategies.gifting:Gifting",
        "influence-sim check-strategy ambassador --json",
    ),
    codes=(ExitCode.CONDITION_FAILED, ExitCode.USAGE),
)
@click.argument("strategy")
@voice_options
@click.pass_obj
def command(console: Console, /, strategy: str, **_: Any) -> int:
    """Run the contract of strategies on STRATEGY: a registered name, or module:Class (modules of this folder too)."""
    from influence_sim.strategies.battery import CHECKED, check_strategy

    found = _find(strategy)
    answer = {"strategy": found.name, "claim": found.claim, "source": found.source, "checked": list(CHECKED), "broken": None}
    try:
        check_strategy(found)
    except AssertionError as broken:
        lines, code = [f"{strategy}: broken. {broken}"], ExitCode.CONDITION_FAILED
        answer["broken"] = str(broken)
    else:
        lines = [f"{found.name}: fine.", f"Claim: {found.claim}", f"Source: {found.source}", "Checked on made-up markets:"]
        lines += [f"  {sentence}" for sentence in CHECKED]
        code = ExitCode.DONE
    return console.done("\n".join(lines), answer, code=code)


def _find(wanted: str) -> type[Strategy]:
    from influence_sim.strategies import strategy_types
    from influence_sim.strategies.base import Strategy

    module, colon, name = wanted.partition(":")
    if not colon:
        known = strategy_types()
        if wanted in known:
            return known[wanted]
        near = difflib.get_close_matches(wanted, known, 1)
        hint = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}; or name module:Class."
        raise click.UsageError(f"no strategy is called `{wanted}`. {hint}")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as problem:  # whatever a user's module raises when it is loaded
        raise click.UsageError(f"cannot load `{wanted}`: {type(problem).__name__}: {problem}") from problem
    finally:
        sys.path.remove(os.getcwd())
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise click.UsageError(f"`{wanted}` is no subclass of influence_sim.strategies.Strategy")
    return found

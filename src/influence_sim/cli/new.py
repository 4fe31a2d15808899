"""`influence-sim new`: write a commented scenario that runs as it is."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.completing import strategy_names
from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options

MARKETS = Path("scenarios") / "markets"
STRATEGIES = "none,micro_portfolio,macro,paid_infeed"


@click.command(
    "new",
    cls=Page,
    examples=(
        "influence-sim new results/first.yaml",
        "influence-sim new results/launch.yaml --market city",
        "influence-sim new results/mix.yaml --market city --strategies none,mixed,paid_infeed",
    ),
    writes="FILE, whole or not at all; never over a file that exists.",
    codes=(ExitCode.USAGE, ExitCode.SCENARIO_INVALID, ExitCode.ENVIRONMENT),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--market", metavar="FILE|NAME", help="Market file, or the name of one in scenarios/markets (default: the model's defaults).")
@click.option(
    "--strategies", default=STRATEGIES, show_default=True, metavar="A,B", shell_complete=strategy_names, help="Strategies to compare."
)
@voice_options
@click.pass_obj
def command(console: Console, /, file: Path, market: str | None, strategies: str, **_: Any) -> int:
    """Write a commented scenario that runs as it is, with every parameter, its unit and its source."""
    target = file if file.suffix else file.with_suffix(".yaml")
    if target.suffix not in (".yaml", ".yml"):
        raise click.BadParameter(f"`{file}` must end in .yaml.", param_hint="FILE")
    if not str(target).isprintable():
        raise click.BadParameter("the name has characters that cannot be printed.", param_hint="FILE")
    if target.exists() or target.is_symlink():
        raise click.BadParameter(f"`{target}` exists and is left alone; choose another name.", param_hint="FILE")
    names = [name.strip() for name in strategies.split(",") if name.strip()]
    _known(names)
    base = None if market is None else _market_file(market)

    from influence_sim.cli.template import scenario_text

    text = scenario_text(target, names, base)
    target.parent.mkdir(parents=True, exist_ok=True)
    _create(target, text)
    steps = f"  influence-sim check {target}\n  influence-sim compare {target} --out results/{target.stem}"
    return console.done(f"Scenario: {target}\n{steps}", {"file": str(target)}, {target.name: str(target)})


def _known(names: Sequence[str]) -> None:
    from influence_sim.strategies import strategy_types

    known = list(strategy_types())
    if not names:
        raise click.BadParameter(f"name at least one of {', '.join(known)}.", param_hint="--strategies")
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean `{near[0]}`?" if near else f" Choose from: {', '.join(known)}."
            raise click.BadParameter(f"there is no strategy `{name}`.{hint}", param_hint="--strategies")
        if names.count(name) > 1:
            raise click.BadParameter(f"`{name}` is named twice.", param_hint="--strategies")


def _market_file(market: str) -> Path:
    for path in (Path(market), MARKETS / f"{market}.yaml"):
        if path.is_file():
            return path
    known = [path.stem for path in sorted(MARKETS.glob("*.yaml"))]
    near = difflib.get_close_matches(Path(market).stem, known, 1)
    hint = f" Did you mean `{near[0]}`?" if near else f" In {MARKETS}: {', '.join(known)}." if known else ""
    raise click.BadParameter(f"market file `{market}` not found.{hint}", param_hint="--market")


def _create(target: Path, text: str) -> None:
    """Write a new file, whole or not at all; another one that appeared meanwhile stays."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.link(part, target)  # fails, unlike a renaming, where the target exists
    except FileExistsError:
        raise CommandError(f"`{target}` exists and is left alone; choose another name", ExitCode.USAGE) from None
    finally:
        part.unlink(missing_ok=True)

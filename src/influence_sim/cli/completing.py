"""What a shell offers behind a word: scenario files, labels of strategies, keys of `--set`, names of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterable


def scenario_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer scenario files: below what is typed, or those of `scenarios/`; then whatever the shell finds."""
    folder = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    found = [*folder.glob("*.yaml"), *Path("scenarios").glob("*.yaml")]
    names = sorted({str(path) for path in found if str(path).startswith(incomplete)})
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def strategy_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer registered strategies, one after the other behind commas."""
    from influence_sim.strategies import strategy_types

    before, comma, word = incomplete.rpartition(",")
    found = {f"{before}{comma}{name}": kind.claim for name, kind in strategy_types().items() if name.startswith(word)}
    return [CompletionItem(name, help=claim) for name, claim in found.items()]


def arm_labels(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the labels of the scenario on the line; registered strategies where it cannot be read."""
    scenario = _scenario(ctx)
    if scenario is None:
        return strategy_names(ctx, param, incomplete)
    from influence_sim.studies.runner import arms

    return _starting(incomplete, arms(scenario))


def key_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer names of parameters, in full or, where nothing begins so, by their last part."""
    from influence_sim.cli.keys import keys

    meanings = {key.name: key.meaning for key in keys()}
    short = {name.rpartition(".")[2]: meaning for name, meaning in meanings.items()}
    for names in (meanings, short):
        found = [CompletionItem(name, help=meaning) for name, meaning in names.items() if name.startswith(incomplete)]
        if found:
            return found
    return []


def set_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer keys of `--set`; behind `=` the names a choice allows."""
    from influence_sim.cli.keys import keys

    scenario = _scenario(ctx)
    by_strategy: dict[str, list[str]] = {}
    for label, arm in scenario.strategies.items() if scenario else ():
        by_strategy.setdefault(arm.strategy, []).append(label)
    settings = {}
    for key in keys():
        group = key.name.partition(".")[0]
        labels = by_strategy.get(group, []) if "LABEL" in key.setting else [""]
        settings.update({key.setting.replace("LABEL", label): key for label in labels})
    name, equals, _ = incomplete.partition("=")
    if equals:
        known = settings.get(name)
        values = _choices(known) if known is not None else []
        return _starting(incomplete, (f"{name}={value}" for value in values))
    return [CompletionItem(f"{setting}=", help=key.meaning) for setting, key in settings.items() if setting.startswith(name)]


def _choices(key: Any) -> list[str]:
    from influence_sim.feeds import policies

    if key.name == "feed.policy":
        return sorted(policies())
    if isinstance(key.default, bool):
        return ["false", "true"]
    return key.allowed.split(", ") if isinstance(key.default, str) and "," in key.allowed else []


def _starting(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _scenario(ctx: click.Context) -> Any:
    """Return the scenario already on the line, or None: completion never fails."""
    # Behind an option that still waits for its value, arguments are not assigned to parameters yet.
    path = ctx.params.get("scenario") or next((word for word in ctx.args if Path(word).is_file()), None)
    if path is None:
        return None
    from influence_sim.scenario.errors import ScenarioError
    from influence_sim.scenario.loader import load_scenario

    try:
        return load_scenario(path).scenario
    except ScenarioError:
        return None

"""`influence-sim explain`: what a parameter means and where its value comes from; why somebody was shown something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.completing import key_names
from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.keys import GRADES, Key, find, near
from influence_sim.cli.options import voice_options


@click.command(
    "explain",
    cls=Page,
    examples=(
        "influence-sim explain feed.rank_noise",
        "influence-sim explain macro.followers_min --json",
        "influence-sim explain results/demo --strategy macro --person 0 --day 3 --slot 5",
    ),
    codes=(ExitCode.USAGE, ExitCode.NOTHING_MATCHED, ExitCode.ENVIRONMENT),
)
@click.argument("subject", metavar="PARAMETER|RUN", shell_complete=key_names)
@click.option("--person", type=click.IntRange(0), metavar="P", help="Row of the person.")
@click.option("--day", type=click.IntRange(0), metavar="D", help="Day, from 0.")
@click.option("--slot", type=click.IntRange(0), metavar="S", help="Slot of that person's day, from 0.")
@click.option("--strategy", metavar="NAME", help="Which strategy of a comparison.")
@click.option("--replication", type=click.IntRange(0), metavar="N", help="Which replication of a comparison (default 0).")
@voice_options
@click.pass_obj
def command(
    console: Console,
    /,
    subject: str,
    person: int | None,
    day: int | None,
    slot: int | None,
    strategy: str | None,
    replication: int | None,
    **_: Any,
) -> int:
    """Explain a parameter, or why a person was shown what they were shown.

    PARAMETER: meaning, unit, range, default, source, and who sets another value. RUN, a folder that `run` or `compare` wrote, with
    --person, --day and --slot: source, predictions, every factor of the score and the runner-up, played again from the keys.
    """
    asked = {"--person": person, "--day": day, "--slot": slot}
    missing = [name for name, value in asked.items() if value is None]
    if person is None or day is None or slot is None:
        if len(missing) < 3 or Path(subject).is_dir():
            raise click.UsageError(f"to explain what was shown in a run, also give {' and '.join(missing)}")
        if strategy is not None or replication is not None:
            raise click.UsageError("--strategy and --replication belong to a run; give a folder, --person, --day and --slot")
        return explain_parameter(console, subject)
    return explain_slot(console, Path(subject), person, day, slot, strategy, replication)


def explain_slot(console: Console, folder: Path, person: int, day: int, slot: int, strategy: str | None, replication: int | None) -> int:
    """Play a run again and say why a person was shown what stood in a slot."""
    if not folder.is_dir():
        raise click.BadParameter(f"`{folder}` is not a folder that `run` or `compare` wrote.", param_hint="RUN")
    from influence_sim.engine import warm_up
    from influence_sim.record.why import as_record, why
    from influence_sim.studies.replay import ReplayError, replay_from

    warm_up(announce=console.note)
    try:
        found = replay_from(folder, person, day, slot, strategy, replication)
    except ReplayError as problem:
        raise CommandError(str(problem), ExitCode.USAGE) from problem
    record = {**vars(found), "winner": as_record(found.winner), "runner_up": as_record(found.runner_up)}
    return console.done("\n".join(why(found)), record)


def explain_parameter(console: Console, name: str) -> int:
    """Explain every parameter of that name; raise `CommandError` when there is none."""
    found = find(name)
    if not found:
        guess = near(name)
        hint = f"did you mean `{guess}`?" if guess else "see `influence-sim list parameters`"
        raise CommandError(f"no parameter is called `{name}`; {hint}", ExitCode.NOTHING_MATCHED)
    others = [list(elsewhere(key)) for key in found]
    blocks = [_block(key, lines) for key, lines in zip(found, others, strict=True)]
    rows = [
        {**asdict(key), "grade_meaning": GRADES.get(key.grade, ""), "elsewhere": [{"where": w, "value": v} for w, v in lines]}
        for key, lines in zip(found, others, strict=True)
    ]
    return console.done("\n\n".join(blocks), rows)


def _block(key: Key, others: list[tuple[str, Any]]) -> str:
    grade = f"{key.grade}, {GRADES[key.grade]}" if key.grade in GRADES else ""
    facts = {
        "unit": key.unit if key.unit != "1" else "none (a pure number)",
        "allowed": key.allowed if key.allowed != key.meaning else "",
        "default": _value(key.default),
        "source": key.source if key.source != key.grade else "",
        "grade": grade,
        "to set it": f"--set {key.setting}=VALUE",
        "elsewhere": "\n             ".join(f"{_value(value)} in {where}" for where, value in others),
    }
    return "\n".join([key.name, f"  {key.meaning}", *(f"  {name:<9}  {value}" for name, value in facts.items() if value)])


def _value(value: Any) -> str:
    from influence_sim.scenario.writing import text

    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else text(value)


def elsewhere(key: Key) -> Iterator[tuple[str, Any]]:
    """Yield (where, value) of feed policies, markets and scenarios here that set another value than the default."""
    from influence_sim.feeds import policies
    from influence_sim.scenario.errors import ScenarioError
    from influence_sim.scenario.loader import load_scenario
    from influence_sim.scenario.parameters import Market

    group, _, name = key.name.rpartition(".")
    if group == "feed":
        for policy in policies().values():
            if policy.values.get(name, key.default) != key.default:
                yield f"feed policy {policy.name}", policy.values[name]
    said: set[str] = set()
    for path in sorted(Path("scenarios").glob("*.yaml")):
        try:
            loaded = load_scenario(path)
        except ScenarioError:
            continue  # `check` says what is wrong with it
        if group in Market.model_fields:
            places = [(f"market.{key.name}", getattr(getattr(loaded.scenario.market, group), name))]
        elif not group:
            places = [(key.name, getattr(loaded.scenario, name))]
        else:
            arms = loaded.scenario.strategies.items()
            places = [(f"strategies.{label}.params.{name}", arm.params[name]) for label, arm in arms if arm.strategy == group]
        for place, value in places:
            origin = loaded.origins.get(place, "")
            if value != key.default and ".yaml:" in origin and origin not in said:
                said.add(origin)
                yield origin, value

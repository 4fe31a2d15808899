"""The events of a scenario file: each is checked against its own class, so that its problems have places."""

from __future__ import annotations

from pydantic import ValidationError

from influence_sim.scenario.diagnose import explain
from influence_sim.scenario.document import Node
from influence_sim.scenario.errors import DUPLICATE, MISSING, UNKNOWN_NAME, WRONG_TYPE, Problem, closest, shown
from influence_sim.scenario.layers import to_json
from influence_sim.scenario.schema import event_registry

FORMS = "a list of mappings, such as [{day: 10, event: outage, days: 2}]"


def check_events(node: Node, problems: list[Problem]) -> bool:
    """Append what is wrong with the events to `problems`; return whether anything was."""
    before = len(problems)
    if not isinstance(node.value, list):
        problems.append(node.mark.problem(WRONG_TYPE, "events", "`events` must be a list", FORMS, shown(node.plain())))
    else:
        for i, item in enumerate(node.value):
            _check(f"{i}", item, problems)
    return len(problems) > before


def _check(place: str, item: Node, problems: list[Problem]) -> None:
    key, registry = f"events.{place}", event_registry()
    if not isinstance(item.value, dict):
        problems.append(item.mark.problem(WRONG_TYPE, key, "cannot read this event", FORMS, shown(item.plain())))
        return
    chosen = item.value.get("event")
    if chosen is None:
        problems.append(item.mark.problem(MISSING, f"{key}.event", "key `event` is missing: which one happens?", ", ".join(registry)))
        return
    if not isinstance(chosen.value, str) or chosen.value not in registry:
        got = shown(chosen.plain())
        near = closest(str(chosen.value), registry)
        problems.append(chosen.mark.problem(UNKNOWN_NAME, f"{key}.event", f"unknown event {got}", ", ".join(registry), got, near))
        return
    params = {name: child for name, child in item.value.items() if name not in ("event", "params")}
    nested = item.value.get("params")
    if nested is not None and isinstance(nested.value, dict):
        for name, child in nested.value.items():
            if name in params:
                problems.append(child.name_mark.problem(DUPLICATE, f"{key}.{name}", f"`{name}` stands twice, in `params` and beside it"))
            params[name] = child
    elif nested is not None:
        problems.append(nested.mark.problem(WRONG_TYPE, f"{key}.params", "`params` must be a mapping", "a mapping", shown(nested.plain())))
        return
    given = Node(params, item.mark, item.key_mark)
    kind = registry[chosen.value]
    try:
        kind.model_validate_json(to_json(given.plain()), strict=True)
    except ValidationError as error:
        problems.extend(explain(detail, given, kind, (key,)) for detail in error.errors(include_url=False))

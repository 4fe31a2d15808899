"""The strategies of a scenario: every way to write them, brought to label -> {strategy, params}."""

from __future__ import annotations

from influence_sim.scenario.document import Node
from influence_sim.scenario.errors import DUPLICATE, OUT_OF_RANGE, WRONG_TYPE, Problem, shown
from influence_sim.scenario.schema import LABEL, LABEL_RULE

FORMS = "a list of names and `label: {strategy: name, ...}`, such as [none, {small: {strategy: micro_portfolio}}]"


def normalise(node: Node, problems: list[Problem], bad: set[tuple[str, ...]]) -> Node:
    """Return the mapping label -> entry; append what is wrong to `problems`, and the key to `bad` when nothing is left."""
    found: dict[str, Node] = {}
    if isinstance(node.value, dict):
        pairs = [(label, entry.name_mark, entry) for label, entry in node.value.items()]
    elif isinstance(node.value, list):
        pairs = []
        for item in node.value:
            value = item.value
            if isinstance(value, str):
                pairs.append((value, item.mark, item))
            elif isinstance(value, dict) and "strategy" in value and isinstance(value["strategy"].value, str):
                pairs.append((value["strategy"].value, value["strategy"].mark, item))
            elif isinstance(value, dict) and len(value) == 1:
                label, entry = next(iter(value.items()))
                pairs.append((label, entry.name_mark, entry))
            else:
                problems.append(item.mark.problem(WRONG_TYPE, "strategies", "cannot read this strategy", FORMS, shown(item.plain())))
                bad.add(("strategies",))
    else:
        problems.append(node.mark.problem(WRONG_TYPE, "strategies", "`strategies` must be a list", FORMS, shown(node.plain())))
        bad.add(("strategies",))
        return Node({}, node.mark, node.key_mark)
    for label, mark, entry in pairs:
        if label in found:
            first = found[label].name_mark.line
            problems.append(
                mark.problem(
                    DUPLICATE,
                    f"strategies.{label}",
                    f"two strategies are labelled `{label}`" + (f"; first on line {first}" if first else ""),
                    "unique labels",
                )
            )
            continue
        if not LABEL.fullmatch(label):
            problems.append(
                mark.problem(OUT_OF_RANGE, "strategies", "a strategy's label has characters that are not allowed", LABEL_RULE, shown(label))
            )
            bad.add(("strategies",))
            continue
        found[label] = normalise_entry(label, entry, problems)
        found[label].key_mark = mark
    return Node(found, node.mark, node.key_mark)


def normalise_entry(label: str, node: Node, problems: list[Problem]) -> Node:
    """Return {strategy, params} of one entry: a name, nothing (the label is the name), or a mapping of parameters."""
    value, at = node.value, node.name_mark
    name, params = Node(label, at, at), dict[str, Node]()
    params_at = node.mark
    if isinstance(value, str):
        name = Node(value, node.mark)
    elif isinstance(value, dict):
        params = {key: child for key, child in value.items() if key not in ("strategy", "params")}
        name = value.get("strategy", name)
        nested = value.get("params")
        if nested is not None and isinstance(nested.value, dict):
            params_at = nested.mark
            for key, child in nested.value.items():
                if key in params:
                    problems.append(
                        child.name_mark.problem(DUPLICATE, f"strategies.{label}.{key}", f"`{key}` stands twice, in `params` and beside it")
                    )
                params[key] = child
        elif nested is not None and nested.value is not None:
            problems.append(
                nested.mark.problem(
                    WRONG_TYPE, f"strategies.{label}.params", "`params` must be a mapping of keys", "a mapping", shown(nested.plain())
                )
            )
    elif value is not None:
        problems.append(node.mark.problem(WRONG_TYPE, f"strategies.{label}", f"cannot read strategy `{label}`", FORMS, shown(node.plain())))
    return Node({"strategy": name, "params": Node(params, params_at, at)}, node.mark, node.key_mark)

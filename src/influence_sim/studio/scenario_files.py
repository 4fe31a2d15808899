"""Scenario files that pages send, checked like any other and never able to make the studio read a file."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request

from influence_sim.studio.lessons import MOST_PEOPLE

MOST_UPLOAD = 256 * 1024
TOO_LARGE = f"the file is larger than {MOST_UPLOAD // 1024} KB"


async def received(request: Request) -> bytes | None:
    """Return what a page sent; None when it is more than `MOST_UPLOAD` bytes."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_UPLOAD:
            return None
    return body


def read_scenario(body: bytes, most: int = MOST_PEOPLE) -> tuple[dict[str, Any] | None, str, list[str]]:
    """Return (market as groups of parameters, name, problems) of a scenario file that a page sent.

    The market is None where there are problems, more than `most` people among them.
    The file stands by itself: it may not refer to other files, for a page must not make the studio read any.
    """
    from influence_sim.scenario.document import parse, read_text
    from influence_sim.scenario.errors import Problem, ScenarioError, format_problems
    from influence_sim.scenario.loader import load_scenario

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yaml"
        file.write_bytes(body)
        text = read_text(file, str(file))
        problems: list[Problem] = [text] if isinstance(text, Problem) else []
        # Read by the loader's own parser: what it sees is what is looked at.
        root = parse(text, str(file), problems) if isinstance(text, str) else None
        if root is not None and not problems and _refers(root.plain()):
            return None, "", ["the file refers to another file, which a page may not: write the resolved one with `influence-sim show`"]
        try:
            if problems:
                raise ScenarioError(problems)
            scenario = load_scenario(file).scenario
        except ScenarioError as error:
            return None, "", [format_problems([problem]).rsplit("\n", 1)[0].replace(f"{folder}/", "") for problem in error.problems[:20]]
    people = scenario.market.people.agents
    if people > most:
        return None, "", [f"the studio takes up to {most:,} people here, the file asks for {people:,}: set market.people.agents"]
    return scenario.market.model_dump(mode="json"), scenario.name, []


def _refers(told: Any) -> bool:
    """Tell whether a scenario names a file or a folder."""
    if not isinstance(told, dict):
        return False
    market = told.get("market")
    within = isinstance(market, str) or (isinstance(market, dict) and "extends" in market)
    return within or any(told.get(key) is not None for key in ("extends", "graph_file", "world"))


def yaml_text(value: Mapping[str, Any]) -> str:
    """Return a mapping as YAML, its keys in their order."""
    from ruamel.yaml import YAML

    out, writer = io.StringIO(), YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(dict(value), out)
    return out.getvalue()

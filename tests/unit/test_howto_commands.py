"""The commands of the how-to pages on analyses: verbs, options and files of this repository exist."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from influence_sim.cli.app import cli

TOP = Path(__file__).parents[2]
PAGES = ("allocate", "sensitivity", "report")
OWN = ("results/", "my_")  # what a reader's own commands made


def commands() -> list[str]:
    """Return the lines that are commands."""
    text = "\n".join((TOP / f"docs/howto/{page}.md").read_text() for page in PAGES)
    return [line for line in text.splitlines() if line.startswith("influence-sim ")]


@pytest.mark.parametrize("line", commands())
def test_commands_of_the_pages_exist(line: str) -> None:
    _, verb, *words = shlex.split(line)
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    options = {name for param in command.params if isinstance(param, click.Option) for name in param.opts}
    assert {word for word in words if word.startswith("--")} <= options
    for word in words:
        if word.endswith((".yaml", ".csv")) and not word.startswith(OWN):
            assert (TOP / word).exists(), word

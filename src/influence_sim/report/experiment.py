"""The page of an experiment: the finding, the answer in words, figures, measures, and what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from influence_sim.figures.style import Figure
from influence_sim.report.page import fill


class Answer(NamedTuple):
    """What the page of an experiment says.

    Attributes
    ----------
    finding : the answer in one sentence, the title of the page
    question : what was asked, in one sentence
    answer : the answer in sentences
    facts : (name, value) of the design
    caption, columns, rows : a table of measures
    text : the experiment's question.md
    command : what makes the page again
    footer : where it comes from
    """

    finding: str
    question: str
    answer: Sequence[str]
    facts: Sequence[tuple[str, str]]
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str
    command: str
    footer: str


def experiment_page(answer: Answer, figures: Mapping[str, Figure]) -> str:
    """Return the answer of an experiment as one HTML page that needs no network."""
    return fill("experiment.html.j2", figures, **{**answer._asdict(), "text": blocks(answer.text)})


def blocks(text: str) -> list[tuple[str, Any]]:
    """Return the headings, lists and paragraphs of a plain text; the title is left out, for a page has its own.

    Examples
    --------
    >>> blocks("# Title\\n\\n## Why\\n\\nA line\\nand more.\\n\\n- one\\n- two\\n  goes on")
    [('heading', 'Why'), ('paragraph', 'A line and more.'), ('list', ['one', 'two goes on'])]
    """
    found: list[tuple[str, Any]] = []
    for block in text.replace("`", "").strip().split("\n\n"):
        if block.startswith("## "):
            found.append(("heading", block.removeprefix("## ")))
        elif block.startswith("- "):
            found.append(("list", [_line(item) for item in f"\n{block}".split("\n- ")[1:]]))
        elif not block.startswith("# "):
            found.append(("paragraph", _line(block)))
    return found


def _line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())

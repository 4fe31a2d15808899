"""Problems of a scenario file: what is wrong, where, what is allowed, what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Codes are public and append-only: a message may be reworded, its code stays.
UNREADABLE, UNKNOWN_KEY, WRONG_TYPE, OUT_OF_RANGE, UNKNOWN_NAME = "S101", "S102", "S103", "S104", "S105"
MISSING, DUPLICATE, SYNTAX, CONTRADICTION, REFERENCE, OVERRIDE = "S106", "S107", "S108", "S109", "S110", "S111"

SHOWN_WIDTH = 110
SHOWN_PROBLEMS = 100  # a file of another kind has thousands


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a scenario.

    `line` and `column` count from 1; both are 0 where the text has no lines (`--set`, a mapping
    made in Python) and `file` then names the place, for example ``--set market.feed.rounds_per_day``.
    """

    file: str
    line: int
    column: int
    key: str
    message: str
    allowed: str = ""
    got: str = ""
    suggestion: str = ""
    code: str = SYNTAX
    source_line: str = ""
    width: int = 1

    @property
    def location(self) -> str:
        """`file:line:column`, or the file alone where there are no lines."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ScenarioError(Exception):
    """A scenario cannot be used; `problems` lists everything that is wrong with it."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems)  # the list as argument keeps the exception picklable

    def __str__(self) -> str:
        return format_problems(self.problems)


def closest(word: str, names: Iterable[str]) -> str:
    """Return the name most like `word`, or an empty string when none is near."""
    by_lower = {name.lower(): name for name in names}
    match = difflib.get_close_matches(word.lower().replace("-", "_").replace(" ", "_"), by_lower, n=1, cutoff=0.6)
    return by_lower[match[0]] if match else ""


def printable(text: str) -> str:
    """Replace what could move a terminal's cursor: a file must not be able to paint over the message."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)


def shown(value: object) -> str:
    """Return a short, one-line rendering of a value that was got."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else "null" if value is None else str(value)
    text = f'"{text}"' if isinstance(value, str) else text
    text = printable(text)
    return text if len(text) <= 60 else text[:57] + "..."


def format_problem(problem: Problem) -> str:
    """Render one problem with its source line, a caret under the place, and help."""
    lines = [f"error[{problem.code}]: {printable(problem.message)}", f"  --> {printable(problem.location)}"]
    gutter = "  "
    if problem.source_line.strip():
        number = str(problem.line) if problem.line else ""
        gutter = " " * (len(number) + 1)
        text, start = problem.source_line, max(problem.column, 1) - 1
        if len(text) > SHOWN_WIDTH:  # keep the place in sight
            cut = max(0, min(start - 20, len(text) - SHOWN_WIDTH))
            text, start = text[cut : cut + SHOWN_WIDTH], start - cut
        text = printable(text)
        width = max(1, min(problem.width, len(text) - start))
        lines += [f"{gutter}|", f"{number} | {text}", f"{gutter}| {' ' * start}{'^' * width}"]
    if problem.suggestion:
        lines.append(f"{gutter}= help: did you mean `{printable(problem.suggestion)}`?")
    if problem.allowed:
        lines.append(f"{gutter}= allowed: {printable(problem.allowed)}")
    if problem.got:
        lines.append(f"{gutter}= got: {problem.got}")
    return "\n".join(lines)


def format_problems(problems: Sequence[Problem]) -> str:
    """Render the problems, at most `SHOWN_PROBLEMS` of them, and a closing count of all."""
    count = len(problems)
    more = [f"... and {count - SHOWN_PROBLEMS} more"] if count > SHOWN_PROBLEMS else []
    shown_ones = map(format_problem, problems[:SHOWN_PROBLEMS])
    return "\n".join([*shown_ones, *more, f"{count} error{'' if count == 1 else 's'}. Nothing was run."])

"""Progress of many runs: a bar on a terminal, plain lines elsewhere, always with the running estimate."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from influence_sim.cli.console import Console, is_plain

# Label -> (mean, low, high) of incremental purchases so far; bounds are NaN where the data give none.
Estimates = Mapping[str, tuple[float, float, float]]



def _seconds_asked(otherwise: float) -> float:
    """Return what the environment asks for, if it is a number."""
    try:
        return float(os.environ.get("INFLUENCE_SIM_PROGRESS_SECONDS", otherwise))
    except ValueError:
        return otherwise


class Progress:
    """Report runs done, time left and the running estimate; use as a context manager and call it.

    Parameters
    ----------
    console : Console
        Where plain lines go.
    shown : bool
        False silences everything (`--no-progress`, `--quiet`); counting goes on.
    seconds : float
        Least time between two plain lines, unless the environment says INFLUENCE_SIM_PROGRESS_SECONDS, as the studio
        does; a bar moves twice a second.
    """

    def __init__(self, console: Console, shown: bool, seconds: float = 5.0) -> None:
        self.console = console
        self.shown = shown and not console.quiet
        self.live = self.shown and not is_plain(sys.stderr)
        self.seconds = 0.5 if self.live else _seconds_asked(seconds)
        self.done = 0
        self.total = 0
        self.so_far = ""
        self._started = time.monotonic()
        self._said = float("-inf")
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        """Open the bar where there is a terminal."""
        if self.live:
            from rich.console import Console as Terminal
            from rich.console import RenderableType
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
            from rich.text import Text

            outer = self

            class TwoLines(Bar):
                """A bar, and below it the estimates: beside it they would squeeze it on a narrow terminal."""

                def get_renderables(self) -> Iterable[RenderableType]:
                    yield from super().get_renderables()
                    if outer.so_far:
                        yield Text(f"extra purchases so far: {outer.so_far}")  # plain: labels come from files

            columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TextColumn("left"), TimeRemainingColumn())
            self._bar = TwoLines(*columns, console=Terminal(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("runs", total=None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the bar and leave the terminal clean."""
        if self._bar:
            self._bar.stop()

    def __call__(self, done: int, total: int, estimates: Estimates) -> None:
        """Take note of `done` of `total` runs and show it, with the estimates so far, when it is time."""
        self.done, self.total = done, total
        now = time.monotonic()
        if not self.shown or (done < total and now - self._said < self.seconds):
            return
        self._said = now
        self.so_far = _short(estimates)
        if self._bar:
            self._bar.update(self._task, completed=done, total=total)
        else:
            self.console.note(self.line(now - self._started, estimates))

    def line(self, elapsed: float, estimates: Estimates) -> str:
        """Return the plain line for the state after `elapsed` seconds."""
        left = f", about {duration(elapsed / self.done * (self.total - self.done))} left" if 0 < self.done < self.total else ""
        so_far = _short(estimates)
        estimate = f"; extra purchases so far: {so_far}" if so_far else ""
        return f"{self.done}/{self.total} runs, {duration(elapsed)}{left}{estimate}"


def _short(estimates: Estimates) -> str:
    parts = []
    for label, (mean, low, high) in estimates.items():
        interval = f" ({low:,.0f} to {high:,.0f})" if math.isfinite(low) and math.isfinite(high) else ""
        parts.append(f"{label} {mean:,.0f}{interval}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

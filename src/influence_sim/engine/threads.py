"""The threads of a run: blocks of people, or several things at a time. Results do not depend on their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from influence_sim.engine.state import BLOCK


class Threads:
    """Threads that work for one run.

    Parameters
    ----------
    people : int
    count : int
        One works without a pool.
    """

    def __init__(self, people: int, count: int) -> None:
        self.people, self.count = people, max(1, count)
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None
        # People a call of `blocks` is for. Few calls: each hands its arrays over under the interpreter lock, tens of microseconds.
        self.block = people if self._pool is None else BLOCK * max(1, people // (4 * self.count * BLOCK))

    def blocks(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call function(low, high, *arguments) for every block of people."""
        n, size = self.people, self.block
        self.each(lambda low: function(low, min(low + size, n), *arguments), range(0, n, size))

    def each(self, function: Callable[[Any], None], things: Iterable[Any]) -> None:
        """Call function(thing) for each of several things that do not touch each other."""
        list(map(function, things) if self._pool is None else self._pool.map(function, things))

    def close(self) -> None:
        """Stop them."""
        if self._pool is not None:
            self._pool.shutdown()

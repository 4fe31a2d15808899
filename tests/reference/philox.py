"""Philox4x32-10 on Python integers, and the uniforms and normals made of it (Salmon et al. 2011)."""

from __future__ import annotations

import math
from typing import Any

from influence_sim.maths import log, turn

WORD = 0xFFFFFFFF


def philox(key: tuple[int, int], counter: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Return the four 32-bit words of a key and a counter: ten rounds of multiply, swap and xor.

    A word of the counter may be an array of 64-bit integers; then so are the words returned.
    """
    k0, k1 = key
    x0, x1, x2, x3 = counter
    for _ in range(10):
        left = 0xD2511F53 * x0
        right = 0xCD9E8D57 * x2
        x0, x1, x2, x3 = (right >> 32) ^ x1 ^ k0, right & WORD, (left >> 32) ^ x3 ^ k1, left & WORD
        k0 = (k0 + 0x9E3779B9) & WORD
        k1 = (k1 + 0xBB67AE85) & WORD
    return x0, x1, x2, x3


def unit(word: int) -> float:
    """Return the middle of the word's own interval of (0, 1)."""
    return (word + 0.5) * 2.0**-32


class Dice:
    """All dice of one replication: every roll is named by its stream and four words."""

    def __init__(self, seed: int, replication: int) -> None:
        self.seed, self.replication = seed, replication

    def words(self, stream: int, c0: Any = 0, c1: Any = 0, c2: Any = 0, c3: Any = 0) -> tuple[Any, Any, Any, Any]:
        """Return four 32-bit words."""
        return philox((self.seed, int(stream) << 20 | self.replication), (c0, c1, c2, c3))

    def many_words(self, stream: int, c0: Any = 0, c1: Any = 0, c2: Any = 0, c3: Any = 0) -> list[tuple[int, int, int, int]]:
        """Return the words of counters of which one word is an array, turned at once because they are many."""
        return list(zip(*(words.tolist() for words in self.words(stream, c0, c1, c2, c3)), strict=True))

    def roll(self, stream: int, c0: int = 0, c1: int = 0, c2: int = 0, c3: int = 0) -> tuple[float, float, float, float]:
        """Return four uniforms in (0, 1)."""
        a, b, c, d = self.words(stream, c0, c1, c2, c3)
        return unit(a), unit(b), unit(c), unit(d)


def numpy_normal(u: float, v: float) -> float:
    """Return a standard normal by NumPy's log and cos, which may differ from the C library's in the last bit."""
    return float(math.sqrt(-2.0 * log(u)) * turn(v)[0])

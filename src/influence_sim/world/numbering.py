"""From the names of accounts to rows, and from a list of edges to rows sorted by (follower, target), in bounded memory."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from influence_sim.jit import kernel
from influence_sim.world.graph import sort_part

Array = np.ndarray[Any, Any]
WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
LARGEST = 10**18  # whole numbers from here on are names like any other
MOST_EDGES = 2**32  # an edge's place has 32 bits
PART = 1 << 22  # edges translated at a time


def whole(names: list[str]) -> list[Any]:
    """Return the names as numbers if all are whole numbers."""
    return [int(name) for name in names] if all(WHOLE.fullmatch(name) for name in names) else list(names)


def number(source: Any, target: Any) -> tuple[list[Any], Array, Array]:
    """Return the sorted names of accounts, and the rows (E,) i4 of both ends in them.

    Parameters
    ----------
    source, target
        Names (E,): lists of text, Arrow columns of text, or integer arrays.
    """
    if isinstance(source, np.ndarray) and isinstance(target, np.ndarray) and len(source):
        low, high = min(source.min(), target.min()), max(source.max(), target.max())
        if low > -LARGEST and high < LARGEST:
            return _of_numbers(source, target, int(low), int(high))
    import pyarrow as pa

    ends = [x if isinstance(x, pa.ChunkedArray) else pa.chunked_array([pa.array(x).cast(pa.string())]) for x in (source, target)]
    coded = [x if pa.types.is_dictionary(x.type) else x.dictionary_encode() for x in ends]
    return _of_codes(coded, len(ends[0]))


def _of_numbers(source: Array, target: Array, low: int, high: int) -> tuple[list[Any], Array, Array]:
    span = high - low + 1
    if span > 2 * len(source) + 1_000_000:  # numbers that lie far apart: look them up, a table would be too long
        import pyarrow as pa

        wide = [end.astype(np.int64, copy=False) for end in (source, target)]
        return _of_codes([pa.chunked_array([end]).dictionary_encode() for end in wide], len(source))
    there = np.zeros(span, bool)
    for end in (source, target):
        for at in range(0, len(end), PART):
            there[end[at : at + PART].astype(np.int64) - low] = True
    rank = np.cumsum(there, dtype=np.int32) - np.int32(1)
    rows = [np.empty(len(end), np.int32) for end in (source, target)]
    for end, out in zip((source, target), rows, strict=True):
        for at in range(0, len(end), PART):
            out[at : at + PART] = rank[end[at : at + PART].astype(np.int64) - low]
    return (np.flatnonzero(there) + low).tolist(), rows[0], rows[1]


def _of_codes(ends: list[Any], edges: int) -> tuple[list[Any], Array, Array]:
    import pyarrow as pa

    both = pa.chunked_array([chunk for end in ends for chunk in end.chunks], ends[0].type).unify_dictionaries()
    known = both.chunk(0).dictionary.to_pylist() if both.num_chunks else []
    codes = np.concatenate([np.zeros(0, np.int32), *(chunk.indices.to_numpy(zero_copy_only=False) for chunk in both.chunks)])
    used = np.flatnonzero(np.bincount(codes, minlength=len(known)))  # a column of categories may know more than it has
    names = [known[i] for i in used.tolist()]
    if names and isinstance(names[0], str):
        names = whole(names)
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(known), np.int32)
    rank[used[order]] = np.arange(len(names), dtype=np.int32)
    rows = rank[codes]
    return [names[i] for i in order], rows[:edges], rows[edges:]


@kernel
def only_numbers(text, sign):
    """Tell whether a text (bytes) has nothing but numbers between `sign` and ends of lines, and each whole one is written the one way."""
    digits = 0  # of this number so far; -1 after a sign that no whole number has
    minus = False
    zero = False
    for c in text:
        if c == sign or c == 10 or c == 13:
            digits = 0
            minus = False
        elif 48 <= c <= 57:
            if digits == 0:
                zero = c == 48
                if zero and minus:
                    return False
                digits = 1
            elif digits > 0:
                digits += 1
                if zero or digits > 18:
                    return False
        elif c == 45 and digits == 0 and not minus:
            minus = True
        elif c == 46 or c == 45 or c == 69 or c == 101 or (c == 43 and digits != 0):  # . - E e +
            digits = -1
        else:
            return False
    return True


@kernel
def _in_rows(source, target, start, keyed):
    """Sort edges by (source, target, place): fill start (P + 1) and keyed (E) with target << 32 | place; drop self follows and repeats.

    Return how many are left, how many of the dropped are self follows.
    """
    people = len(start) - 1
    selfish = 0
    for e in range(len(source)):
        if source[e] != target[e]:
            start[source[e] + 1] += 1
        else:
            selfish += 1
    for p in range(people):
        start[p + 1] += start[p]
    for e in range(len(source)):
        p = source[e]
        if p != target[e]:
            keyed[start[p]] = np.int64(target[e]) << 32 | e
            start[p] += 1
    for p in range(people, 0, -1):  # each start has moved to the next one's place
        start[p] = start[p - 1]
    start[0] = 0
    kept = 0
    for p in range(people):
        low = kept
        first = start[p]
        last = start[p + 1]
        sort_part(keyed, first, last)
        for e in range(first, last):
            if kept == low or keyed[e] >> 32 != keyed[kept - 1] >> 32:
                keyed[kept] = keyed[e]
                kept += 1
        start[p] = low
    start[people] = kept
    return kept, selfish


def sort_edges(source: Array, target: Array, people: int) -> tuple[Array, Array, Array, int]:
    """Return edges in rows sorted by (source, target), without self follows and repeats, of which the first stays.

    Parameters
    ----------
    source, target
        Rows (E,) of people.
    people
        Number of people P.

    Returns
    -------
    tuple
        `start` (P + 1,) i8, `target` (edges,) i4, `place` (edges,) u4 of each in the list, and how many self follows were dropped.
    """
    if len(source) >= MOST_EDGES:
        raise ValueError(f"a graph has fewer than {MOST_EDGES:,} edges, got {len(source):,}")
    start, keyed = np.zeros(people + 1, np.int64), np.empty(len(source), np.int64)
    kept, selfish = _in_rows(source.astype(np.int32, copy=False), target.astype(np.int32, copy=False), start, keyed)
    halves = keyed[:kept].view(np.uint32)  # low word first on every machine that numba compiles for
    return start, halves[1::2].astype(np.int32), halves[::2].copy(), int(selfish)

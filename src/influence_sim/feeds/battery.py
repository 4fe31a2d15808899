"""One public battery that any feed written in Python must pass."""

from __future__ import annotations

import numpy as np

from influence_sim.feeds import FeedPolicy
from influence_sim.feeds.candidates import Array, Candidates, empty_candidates


def synthetic_candidates(requests: int = 12, width: int = 20) -> Candidates:
    """Return made-up, deterministic, read-only candidates (R, M); request r has between 0 and M of them.

    Examples
    --------
    >>> table = synthetic_candidates(3, 4)
    >>> table.valid.sum(axis=1).tolist()
    [0, 2, 4]
    """
    table = empty_candidates(requests, width, day=3, time=3.5)
    cell = np.arange(requests * width).reshape(requests, width)
    spread = {name: ((0.618033988749895 + 0.1 * k) * (cell + 1)) % 1.0 for k, name in enumerate(Candidates._fields[3:])}
    whole = {"post": cell, "creator": cell % 17, "source": 1 + cell % 4, "tag": cell % 5}
    whole |= {"follows": cell % 3 == 0, "sponsored": cell % 7 == 0, "same_tag_today": cell % 6}
    top = {"age": 30.0, "duration": 60.0, "followers": 1e6, "affinity": 10.0, "seconds": 40.0, "trend": 50.0}
    top |= {"views": 1e5, "likes": 5e3, "comments": 200.0, "shares": 100.0}
    for name, share in spread.items():
        getattr(table, name)[:] = whole[name] if name in whole else share * top.get(name, 1.0)
    table.predicted[:] = 4.0 * spread["predicted"] - 2.0
    table.valid[:] = np.arange(width) < np.round(np.linspace(0, width, requests))[:, None]
    table.person[:] = 5 * np.arange(requests)
    return _locked(table)


def _locked(table: Candidates) -> Candidates:
    for column in table[2:]:
        column.flags.writeable = False  # a function that writes into what it sees would disturb others
    return table


def _rows(table: Candidates, rows: Array) -> Candidates:
    return _locked(Candidates(table.day, table.time, *(column[rows] for column in table[2:])))


def _wider(table: Candidates) -> Candidates:
    """Return the table with three more columns, and nonsense wherever there is no candidate."""
    requests, width = table.valid.shape
    wide = empty_candidates(requests, width + 3, table.day, table.time)
    wide.person[:] = table.person
    for new, old in zip(wide[3:], table[3:], strict=True):
        new[:, :-3] = old
    for name in Candidates._fields[4:]:
        getattr(wide, name)[~wide.valid] = 7
    return _locked(wide)


def check_feed(name: str) -> None:
    """Run the contract of feeds written in Python on policy `name`; raise `AssertionError` saying what is broken.

    Checked on made-up requests: a claim and a source; one number (or -inf) per candidate; equal scores for
    equal requests, however they are grouped into blocks, in whatever order; nothing read where there is no
    candidate, and nothing written. A policy without a function of its own is a row of parameters, which was
    checked when it was defined.

    Parameters
    ----------
    name
        A registered policy.

    Examples
    --------
    >>> from influence_sim.feeds.battery import check_feed
    >>> check_feed("for_you")
    """
    policy = FeedPolicy.registry.get(name)
    if policy is None:
        raise AssertionError(f"no feed policy is called {name!r}; known: {', '.join(FeedPolicy.registry)}")
    if policy.score is None:
        return
    score, table = policy.score, synthetic_candidates()

    def scores(part: Candidates, what: str) -> Array:
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(score(part), np.float64)
        except Exception as problem:
            raise AssertionError(f"{name}: {type(problem).__name__} for {what}: {problem}") from problem
        if found.shape != part.valid.shape:
            raise AssertionError(f"{name}: shape {found.shape} for {what}; needed is (requests, candidates) = {part.valid.shape}")
        if np.isnan(found[part.valid]).any() or np.isposinf(found[part.valid]).any():
            raise AssertionError(f"{name}: NaN or +inf for a candidate of {what}; -inf keeps a candidate out")
        return np.where(part.valid, found, 0.0)

    whole = scores(table, "a block of requests")
    n, width = whole.shape
    rows, wide = np.arange(n), _wider(table)
    broken = {
        "it is not deterministic": np.array_equal(whole, scores(table, "the same block again")),
        "scores depend on which requests stand together": np.array_equal(
            whole, np.concatenate([scores(_rows(table, rows[i : i + 1]), "a single request") for i in range(n)])
        ),
        "scores depend on the order of requests": np.array_equal(whole[::-1], scores(_rows(table, rows[::-1]), "the block reversed")),
        "it reads columns where `valid` is False": np.array_equal(whole, scores(wide, "a block with more empty columns")[:, :width]),
    }
    for words, good in broken.items():
        if not good:
            raise AssertionError(f"{name}: {words}")

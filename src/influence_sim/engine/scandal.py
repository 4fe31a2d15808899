"""A scandal: who hears of it, what it does to the creator's standing, and what falls on its brands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine import ties
from influence_sim.engine.state import Array
from influence_sim.engine.wom import spill_over
from influence_sim.rng import Stream, uniforms

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


def discredit(s: Simulation, creator: int, size: float, told: float, spill: float, spill_chance: float) -> None:
    """Add `size` negative trust evidence about `creator` to everybody who hears, and harm the brands it advertised.

    Whoever hears holds it against a brand with chance `spill_chance`: attitude falls by `spill` times `wom.association`.
    """
    rule, n = s.rules, s.world.size
    person = np.arange(n)
    u = uniforms(rule.seed, Stream.SCANDAL, rule.replication, person, creator, 0, s.day << 16)
    knows = _hear(s, creator, u[:, 0] < told)
    start = np.concatenate([[0], np.cumsum(knows)]).astype(np.int64)
    ties.meet(s, start, np.full(int(start[-1]), creator, np.int32))
    acq = s.acquaintances
    rows = np.flatnonzero((acq.creator == creator) & np.repeat(knows, np.diff(acq.start)))
    age = s.day - acq.touched[rows]
    for column, keep in ((acq.tie, s.decays.tie), (acq.good, s.decays.trust), (acq.bad, s.decays.trust), (acq.affinity, s.decays.affinity)):
        column[rows] = column[rows] * keep[age]
    acq.bad[rows] += np.float32(size)
    acq.touched[rows] = s.day
    spill_over(s, creator, np.flatnonzero(knows), spill, spill_chance)


def _hear(s: Simulation, creator: int, tells: Array) -> Array:
    """Return who hears of it (N,): the creator's followers, and the followers of those among the hearers who tell."""
    acq, n = s.acquaintances, s.world.size
    follower = np.repeat(np.arange(n), np.diff(acq.start))
    friend = np.repeat(np.arange(n), np.diff(s.friends.start))
    follows = acq.follows == 1
    source = s.creators.person[acq.creator]  # -1 for an account of a brand, which tells nothing
    knows = np.zeros(n, bool)
    knows[follower[follows & (acq.creator == creator)]] = True
    telling = knows & tells
    while telling.any():
        heard = np.zeros(n, bool)
        heard[friend[telling[s.friends.target]]] = True
        heard[follower[follows & (source >= 0) & telling[source]]] = True
        heard &= ~knows
        knows |= heard
        telling = heard & tells
    return knows

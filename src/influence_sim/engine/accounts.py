"""Accounts that people open in mid-run, to answer a challenge with a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine.publish import ring
from influence_sim.engine.state import AMATEUR, Array
from influence_sim.rng import Stream, normals, uniforms

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


def accounts_of(s: Simulation, person: Array) -> Array:
    """Return the account rows of people, -1 where somebody has none."""
    row = np.full(s.world.size, -1, np.int64)
    owner = s.creators.person
    row[owner[owner >= 0]] = np.flatnonzero(owner >= 0)
    return row[person]


def open_accounts(s: Simulation, person: Array) -> None:
    """Give people, who have none, accounts at the end of the table of creators; they post nothing by themselves."""
    k, more = s.creators, len(person)
    m = s.market.creators
    topics = s.people.interests[person].astype(np.float64)
    topics /= topics.sum(axis=1, keepdims=True)
    u = uniforms(s.rules.seed, Stream.ABILITY, s.rules.replication, person, AMATEUR)
    new = {
        "person": person, "key": AMATEUR + person, "topics": topics, "ability": m.ability_sd * normals(u)[:, 0],
        "authenticity": np.full(more, m.amateur_authenticity), "asking": np.ones(more), "fit_required": np.full(more, 2.0),
        "reputation": np.full(more, 0.5), "retrievable": np.ones(more),
    }  # fmt: skip
    grown = {name: np.concatenate([x, new.get(name, np.zeros(more)).astype(x.dtype)]) for name, x in k._asdict().items()}
    s.creators = k._replace(**grown)
    s.ring = ring(s.market, s.creators)
    s.followers, s.heat = np.append(s.followers, np.zeros(more, np.int64)), np.append(s.heat, np.zeros(more, np.int64))
    s.belief = np.append(s.belief, np.zeros(more))
    s.ordinals = np.vstack([s.ordinals, np.zeros((more, s.ordinals.shape[1]), np.int64)])

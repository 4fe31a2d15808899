"""What people hear about brands outside the feed: friends who bought, and scandals of creators who advertised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.respond import tail
from influence_sim.engine.state import WORD
from influence_sim.jit import hot
from influence_sim.rng import Stream, uniforms

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]
_WORD = int(Stream.WORD)
RECENT = 28  # days in which a creator's posts tie it to brands


@hot
def listen(low, high, day, rules, friends_start, friends_target, interests, said, leads):
    """Let people low..high-1 hear what those they follow said today (N, B: 1 praise, -1 complaint).

    A word weighs trust x (1 + homophily x cosine of tastes), at most one: it may make the brand known, and moves
    the attitude towards 1 or, `negativity` times as fast, towards -1.
    """
    for i in range(low, high):
        for at in range(friends_start[i], friends_start[i + 1]):
            j = friends_target[at]
            for b in range(leads.shape[1]):
                if said[j, b] == 0:
                    continue
                dot = 0.0
                mine = 0.0
                theirs = 0.0
                for k in range(interests.shape[1]):
                    x = np.float64(interests[i, k])
                    y = np.float64(interests[j, k])
                    dot += x * y
                    mine += x * x
                    theirs += y * y
                weight = min(1.0, rules.word_trust * (1.0 + rules.word_homophily * dot / math.sqrt(mine * theirs)))
                attitude = leads[i, b].attitude
                step = rules.word_attitude * weight
                if said[j, b] > 0:
                    leads[i, b].attitude = attitude + step * (1.0 - attitude)
                else:
                    leads[i, b].attitude = attitude - min(1.0, step * rules.negativity) * (1.0 + attitude)
                u, _, _, _ = tail(rules.seed, _WORD, rules.replication, i, j, b << 16, day << 16)
                if u < rules.word_awareness * weight:
                    leads[i, b].aware = 1
                leads[i, b].touch[WORD] += 1.0


def association(s: Simulation, creator: int) -> Array:
    """Return (brands,) how far people tie each brand to a creator: 1 - .5^n after n posts for it in the last 28 days.

    Source: repeated pairing ties a brand to its endorser (associative learning, Till & Shimp 1998: direction); the half is assumed.
    """
    posts = s.posts[: s.post_count]
    mine = (posts.creator == creator) & (posts.brand >= 0) & (posts.posted > s.day - RECENT)
    return 1.0 - 0.5 ** np.bincount(posts.brand[mine], minlength=s.accounts)


def spill_over(s: Simulation, creator: int, people: Array, loss: float, chance: float) -> None:
    """Let people (rows) who learnt of a creator's misconduct think less of the brands it advertised lately.

    With `chance` a person's attitude towards brand b falls by loss x association(b), not below -1; the dice
    are keyed by person, creator and day.
    """
    tied = association(s, creator)
    u = uniforms(s.rules.seed, Stream.SPILL, s.rules.replication, people, creator, 0, s.day << 16)[:, 0]
    rows = people[u < chance]
    for b in np.flatnonzero(tied):
        s.leads.attitude[rows, b] = np.maximum(-1.0, s.leads.attitude[rows, b] - loss * tied[b])

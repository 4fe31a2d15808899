"""The evening between people and creators: replies and live contact, ties, trust, follows, reputation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from influence_sim.engine.respond import find, tail, trust_of
from influence_sim.engine.state import BRAND_ACCOUNT, COMMENT, FIXED, LIKE, NEGATIVE, PAID, SHARE, SUBSCRIBE, Array, Shown, Slots
from influence_sim.jit import hot, inner, kernel
from influence_sim.rng import Stream, uniform_columns

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

_UNFOLLOW, _DETECT = int(Stream.UNFOLLOW), int(Stream.DETECT)


@kernel
def split(start, target, creator_of):
    """Return follows of creators (start, creator rows in rising order) and of other people (start, person)."""
    people = len(start) - 1
    met = np.zeros(people + 1, np.int64)
    others = np.zeros(people + 1, np.int64)
    for i in range(people):
        count = 0
        for row in range(start[i], start[i + 1]):
            count += creator_of[target[row]] >= 0
        met[i + 1] = met[i] + count
        others[i + 1] = others[i] + start[i + 1] - start[i] - count
    creators = np.empty(met[people], np.int32)
    friends = np.empty(others[people], np.int32)
    for i in range(people):
        end = met[i]
        friend = others[i]
        for row in range(start[i], start[i + 1]):
            c = creator_of[target[row]]
            if c < 0:
                friends[friend] = target[row]
                friend += 1
                continue
            at = end  # rows of creators mostly rise with those of people: few steps
            while at > met[i] and creators[at - 1] > c:
                creators[at] = creators[at - 1]
                at -= 1
            creators[at] = c
            end += 1
    return met, creators, others, friends


@hot
def _collect(rows, person, slots, posts, minimum_watch, who, what, bits):
    count = 0
    for at in range(len(rows)):
        row = rows[at]
        p = slots.post[row]
        if slots.source[row] == PAID and posts[p].key >= BRAND_ACCOUNT:
            continue
        action = slots.action[row]
        watched = posts[p].advert == 1 and slots.watch[row] > minimum_watch
        if action & (LIKE | COMMENT | SHARE | SUBSCRIBE | NEGATIVE) or watched:
            who[count] = person[at]
            what[count] = p
            bits[count] = action
            count += 1
    return count


def collect(shown: Shown, slots: Slots, posts: Any, minimum_watch: float) -> tuple[Array, Array, Array]:
    """Return (person, post, action) of the round's slots that leave a trace between person and creator."""
    size = len(shown.row)
    found = np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.uint8)
    count = _collect(shown.row, shown.person, slots, posts, minimum_watch, *found)
    who, what, bits = (column[:count].copy() for column in found)
    return who, what, bits


@hot
def by_creator(low, high, start, order, creator):
    """Sort `order`, rows of events grouped by person, by creator inside the groups of people low..high-1; ties keep their order."""
    for i in range(low, high):
        for at in range(start[i] + 1, start[i + 1]):
            row = order[at]
            c = creator[row]
            back = at
            while back > start[i] and creator[order[back - 1]] > c:
                order[back] = order[back - 1]
                back -= 1
            order[back] = row


@hot
def _count_new(low, high, start, creator, event_start, event_creator, added):
    """Count the pairs of today's events that are not in the table, for each of the people low..high-1."""
    for i in range(low, high):
        last = -1
        added[i] = 0
        for e in range(event_start[i], event_start[i + 1]):
            c = event_creator[e]
            if c != last and find(start, creator, i, c) < 0:
                added[i] += 1
            last = c


@hot
def _merge(low, high, old_start, old_creator, event_start, event_creator, start, creator, source):
    """Fill the rows of people low..high-1: creator in rising order, and the old row (-1: new)."""
    for i in range(low, high):
        at = start[i]
        e = event_start[i]
        end = event_start[i + 1]
        for old in range(old_start[i], old_start[i + 1]):
            c = old_creator[old]
            while e < end and event_creator[e] <= c:
                if event_creator[e] < c and (at == start[i] or creator[at - 1] != event_creator[e]):
                    creator[at] = event_creator[e]
                    source[at] = -1
                    at += 1
                e += 1
            creator[at] = c
            source[at] = old
            at += 1
        while e < end:
            if at == start[i] or creator[at - 1] != event_creator[e]:
                creator[at] = event_creator[e]
                source[at] = -1
                at += 1
            e += 1


@hot
def _move(low, high, start, column, source, fresh, out):
    """Fill the rows of people low..high-1 in `out` with the old rows `source` of a column, and `fresh` where there was none."""
    for row in range(start[low], start[high]):
        out[row] = column[source[row]] if source[row] >= 0 else fresh


def meet(s: Simulation, event_start: Array, event_creator: Array) -> None:
    """Give every pair of today's events a row in the table of acquaintances.

    Columns move one by one, so that never two whole tables stand in memory.
    """
    table, added = s.acquaintances, np.empty(s.world.size, np.int64)
    s.blocks(_count_new, table.start, table.creator, event_start, event_creator, added)
    if not added.any():
        return
    start = table.start + np.concatenate([[0], np.cumsum(added)])
    creator, source = (np.empty(int(start[-1]), np.int32) for _ in range(2))
    s.blocks(_merge, table.start, table.creator, event_start, event_creator, start, creator, source)
    del table
    s.acquaintances = s.acquaintances._replace(start=start, creator=creator)
    for name in ("follows", "tie", "good", "bad", "affinity", "touched", "refused"):
        column = getattr(s.acquaintances, name)
        out = np.empty(len(source), column.dtype)
        s.blocks(_move, start, column, source, column.dtype.type(s.day if name == "touched" else 0), out)
        s.acquaintances = s.acquaintances._replace(**{name: out})


class Dice(NamedTuple):
    """Daily draws of one person about every acquaintance: words of keys, then uniforms."""

    person: Array  # u4
    key: Array  # u4
    zero: Array  # u4
    time: Array  # u4
    daily: Array  # f8 leaves for no reason
    sold: Array  # f8 leaves for advertising
    attend: Array  # f8 comes to a live session
    seat: Array  # f8 gets a seat


@inner
def _roll(i, begin, end, day, rules, creator, key, dice):
    """Draw the dice of person i for rows begin..end-1."""
    for row in range(begin, end):
        at = row - begin
        dice.person[at] = i
        dice.key[at] = key[creator[row]]
        dice.zero[at] = 0
        dice.time[at] = day << 16
    uniform_columns(
        end - begin, rules.seed, _UNFOLLOW << 20 | rules.replication, dice.person, dice.key, dice.zero, dice.time,
        dice.daily, dice.sold, dice.attend, dice.seat,
    )  # fmt: skip


@inner
def _trust_now(row, day, reputation, rules, acq, decays):
    """Return the trust of a row of acquaintances in fixed point."""
    keep = decays.trust[day - acq.touched[row]]
    return int(trust_of(acq.good[row] * keep, acq.bad[row] * keep, reputation, rules.reputation_weight) * FIXED)


@hot
def _evening(
    low, high, day, rules, acq, events, posts, creators, people, leads, decays, reply_chance, live, seat_chance, changes,
    followers, trusted, dice,
):  # fmt: skip
    for i in range(low, high):
        begin = acq.start[i]
        _roll(i, begin, acq.start[i + 1], day, rules, acq.creator, creators.key, dice)
        e = events.start[i]
        end = events.start[i + 1]
        for row in range(acq.start[i], acq.start[i + 1]):
            c = acq.creator[row]
            has_events = e < end and events.creator[e] == c
            followed = acq.follows[row]
            if not has_events and not followed:
                continue
            reputation = creators.reputation[c]
            # Nothing happened, and nobody trusts so little that today's draw would make them leave.
            if not has_events and not live[c] and dice.daily[row - begin] >= rules.unfollow_daily * 2.0:
                followers[c] += 1
                trusted[c] += _trust_now(row, day, reputation, rules, acq, decays)
                continue
            age = day - acq.touched[row]
            tie = acq.tie[row] * decays.tie[age]
            good = acq.good[row] * decays.trust[age]
            bad = acq.bad[row] * decays.trust[age]
            affinity = acq.affinity[row] * decays.affinity[age]
            sold = 0.0
            misfit = 0.0
            while e < end and events.creator[e] == c:
                p = events.post[e]
                bits = events.bits[e]
                if bits & (LIKE | COMMENT | SHARE | SUBSCRIBE):
                    tie += rules.gain * (1.0 - tie) * ((1.0 - rules.reply_weight) + rules.reply_weight * reply_chance[c])
                    affinity += 1.0
                    if not posts[p].advert:
                        good += rules.trust_organic
                if posts[p].advert:
                    evidence = posts[p].fit * creators.authenticity[c]
                    good += rules.trust_sponsored * evidence
                    bad += rules.trust_sponsored * (1.0 - evidence) * rules.negativity
                    sold += 1.0
                    misfit += 1.0 - posts[p].fit
                    word = posts[p].sponsored << 31 | posts[p].ordinal << 16
                    u, _, _, _ = tail(rules.seed, _DETECT, rules.replication, i, posts[p].key, word, day << 16)
                    good += rules.transparency * people.knowledge[i] * posts[p].disclosure
                    if u < rules.detection * people.knowledge[i] * (1.0 - posts[p].disclosure):
                        bad += rules.detection_loss
                        b = posts[p].brand
                        if b >= 0:
                            leads[i, b].attitude = max(-1.0, leads[i, b].attitude - rules.attitude_detection)
                if bits & NEGATIVE:
                    acq.refused[row] = day + 1
                if bits & SUBSCRIBE and not acq.follows[row]:
                    acq.follows[row] = 1
                    changes[i, 0] += 1
                e += 1
            if followed:
                at = row - begin
                u_daily, u_sold, u_attend, u_seat = dice.daily[at], dice.sold[at], dice.attend[at], dice.seat[at]
                trust = trust_of(good, bad, reputation, rules.reputation_weight)
                leaves = u_daily < rules.unfollow_daily * 2.0 * (1.0 - trust)
                if sold > 0.0:
                    hazard = rules.unfollow_sponsored * (sold * (2.0 - creators.authenticity[c]) + 0.3 * misfit)
                    leaves = leaves or u_sold < hazard
                if leaves:
                    acq.follows[row] = 0
                    changes[i, 1] += 1
                elif live[c] and u_attend < rules.live_attendance and u_seat < seat_chance[c]:
                    tie += rules.gain * (1.0 - tie)
                    has_events = True
            if has_events:
                acq.tie[row] = np.float32(tie)
                acq.good[row] = np.float32(good)
                acq.bad[row] = np.float32(bad)
                acq.affinity[row] = np.float32(affinity)
                acq.touched[row] = day
            if acq.follows[row]:
                followers[c] += 1
                trusted[c] += _trust_now(row, day, reputation, rules, acq, decays)


def evening(low: int, high: int, most: int, block: int, followers: Array, trusted: Array, *arguments: Any) -> None:
    """Apply today's events and live sessions to the ties of people low..high-1, let them leave, and count who stays.

    Parameters
    ----------
    low, high : int
    most : int
        Acquaintances of the person who has most.
    block : int
        People of a block: the block's own row of the sums is low // block.
    followers, trusted : array (blocks, C)
        Followers, and their trust in fixed point, by creator: added to.
    *arguments
        Of the kernel. `changes` (N, 2) gets new follows and unfollows.
    """
    words = (np.empty(most, np.uint32) for _ in range(4))
    dice = Dice(*words, *(np.empty(most) for _ in range(4)))
    _evening(low, high, *arguments, followers[low // block], trusted[low // block], dice)

"""The evening between people and creators: replies and live contact, ties, trust, follows, reputation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from influence_sim.engine.respond import find, tail, trust_of
from influence_sim.engine.state import (
    BRAND_ACCOUNT,
    COMMENT,
    FIXED,
    LIKE,
    NEGATIVE,
    PAID,
    SHARE,
    SUBSCRIBE,
    Acquaintances,
    Array,
    Shown,
    Slots,
    lengthened,
)
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
def _spread(old_start, start, column):
    """Move the rows of every person to where they begin now, last person first: nobody's rows are overwritten before they move."""
    for i in range(len(start) - 2, -1, -1):
        shift = start[i] - old_start[i]
        if shift == 0:
            return
        for row in range(old_start[i + 1] - 1, old_start[i] - 1, -1):
            column[row + shift] = column[row]


@hot
def _insert(low, high, day, old_start, acq, event_start, event_creator):
    """Give the new pairs of people low..high-1 their places, in rising order of creators."""
    for i in range(low, high):
        begin = acq.start[i]
        end = begin + old_start[i + 1] - old_start[i]
        if end == acq.start[i + 1]:
            continue
        for e in range(event_start[i], event_start[i + 1]):
            c = event_creator[e]
            at = end
            while at > begin and acq.creator[at - 1] > c:
                at -= 1
            if at > begin and acq.creator[at - 1] == c:
                continue
            for row in range(end, at, -1):
                acq.creator[row] = acq.creator[row - 1]
                acq.follows[row] = acq.follows[row - 1]
                acq.pair[row] = acq.pair[row - 1]
            end += 1
            acq.creator[at] = c
            acq.follows[at] = 0
            new = acq.pair[at]
            new.tie = 0.0
            new.good = 0.0
            new.bad = 0.0
            new.affinity = 0.0
            new.touched = day
            new.refused = 0


def meet(s: Simulation, event_start: Array, event_creator: Array) -> None:
    """Give every pair of today's events a row in the table of acquaintances, which grows in its own memory."""
    table, added = s.acquaintances, np.empty(s.world.size, np.int64)
    s.threads.blocks(_count_new, table.start, table.creator, event_start, event_creator, added)
    if not added.any():
        return
    start = table.start + np.concatenate([[0], np.cumsum(added)])
    columns = [lengthened(column, int(start[-1])) for column in table[1:]]
    s.threads.each(lambda column: _spread(table.start, start, column), columns)
    s.acquaintances = Acquaintances(start, *columns)
    s.threads.blocks(_insert, s.day, table.start, s.acquaintances, event_start, event_creator)


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
    keep = decays.trust[day - acq.pair[row].touched]
    return int(trust_of(acq.pair[row].good * keep, acq.pair[row].bad * keep, reputation, rules.reputation_weight) * FIXED)


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
            age = day - acq.pair[row].touched
            tie = acq.pair[row].tie * decays.tie[age]
            good = acq.pair[row].good * decays.trust[age]
            bad = acq.pair[row].bad * decays.trust[age]
            affinity = acq.pair[row].affinity * decays.affinity[age]
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
                    acq.pair[row].refused = day + 1
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
                acq.pair[row].tie = np.float32(tie)
                acq.pair[row].good = np.float32(good)
                acq.pair[row].bad = np.float32(bad)
                acq.pair[row].affinity = np.float32(affinity)
                acq.pair[row].touched = day
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

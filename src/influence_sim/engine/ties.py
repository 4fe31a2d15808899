"""The evening between people and creators: replies and live contact, ties, trust, follows, reputation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine.respond import find, tail, trust_of
from influence_sim.engine.state import BRAND_ACCOUNT, COMMENT, FIXED, LIKE, NEGATIVE, PAID, SHARE, SUBSCRIBE, Array
from influence_sim.jit import hot, kernel
from influence_sim.rng import Stream

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
def collect(low, high, slots, posts, minimum_watch, who, what, bits):
    """List the round's slots that leave a trace between person and creator: (person, post, action)."""
    count = 0
    for i in range(low, high):
        for row in range(slots.start[i], slots.start[i + 1]):
            p = slots.post[row]
            if p < 0 or (slots.source[row] == PAID and posts[p].key >= BRAND_ACCOUNT):
                continue
            action = slots.action[row]
            watched = posts[p].advert == 1 and slots.watch[row] > minimum_watch
            if action & (LIKE | COMMENT | SHARE | SUBSCRIBE | NEGATIVE) or watched:
                who[count] = i
                what[count] = p
                bits[count] = action
                count += 1
    return count


@kernel
def _merged(old_start, old_creator, event_start, event_creator):
    """Return start, creator and old row (-1: new) of a table with a row for every pair of today's events, sorted as before.

    `event_creator` is sorted inside each person's events.
    """
    people = len(old_start) - 1
    total = len(old_creator)
    for i in range(people):
        last = -1
        for e in range(event_start[i], event_start[i + 1]):
            c = event_creator[e]
            if c != last and find(old_start, old_creator, i, c) < 0:
                total += 1
            last = c
    start = np.zeros(people + 1, np.int64)
    creator = np.empty(total, np.int32)
    source = np.empty(total, np.int32)
    at = 0
    for i in range(people):
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
        start[i + 1] = at
    return start, creator, source


@kernel
def _moved(column, source, fresh, out):
    """Fill `out` with the old rows `source` of a column, and `fresh` where there was none."""
    for row in range(len(out)):
        out[row] = column[source[row]] if source[row] >= 0 else fresh


def meet(s: Simulation, event_start: Array, event_creator: Array) -> None:
    """Give every pair of today's events a row in the table of acquaintances.

    Columns move one by one, so that never two whole tables stand in memory.
    """
    table = s.acquaintances
    start, creator, source = _merged(table.start, table.creator, event_start, event_creator)
    if len(source) == len(table.creator):
        return
    del table
    s.acquaintances = s.acquaintances._replace(start=start, creator=creator)
    for name in ("follows", "tie", "good", "bad", "affinity", "touched", "refused"):
        column = getattr(s.acquaintances, name)
        out = np.empty(len(source), column.dtype)
        _moved(column, source, column.dtype.type(s.day if name == "touched" else 0), out)
        s.acquaintances = s.acquaintances._replace(**{name: out})


@hot
def evening(low, high, day, rules, acq, events, posts, creators, people, leads, decays, reply_chance, live, seat_chance, changes):
    """Apply today's events and live sessions to the ties of people low..high-1, then let them leave.

    changes[i, 0] new follows, changes[i, 1] unfollows.
    """
    for i in range(low, high):
        e = events.start[i]
        end = events.start[i + 1]
        for row in range(acq.start[i], acq.start[i + 1]):
            c = acq.creator[row]
            has_events = e < end and events.creator[e] == c
            followed = acq.follows[row]
            if not has_events and not followed:
                continue
            age = day - acq.touched[row]
            reputation = creators.reputation[c]
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
                u_daily, u_sold, u_attend, u_seat = tail(rules.seed, _UNFOLLOW, rules.replication, i, creators.key[c], 0, day << 16)
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


@hot
def standing(acq, creators, decays, day, reputation_weight, followers, trust_sum):
    """Count followers and sum their trust in fixed point, per creator."""
    for i in range(len(acq.start) - 1):
        for row in range(acq.start[i], acq.start[i + 1]):
            if acq.follows[row]:
                c = acq.creator[row]
                followers[c] += 1
                keep = decays.trust[day - acq.touched[row]]
                trust_sum[c] += int(trust_of(acq.good[row] * keep, acq.bad[row] * keep, creators.reputation[c], reputation_weight) * FIXED)

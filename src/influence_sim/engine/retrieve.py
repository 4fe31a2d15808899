"""Find a few dozen candidates for a request: followees' posts, topics, trending, uniform draws.

Topic, trending and uniform retrieval are keyed tries over stable buckets of posts: a try that hits an
empty bucket or fails acceptance is lost, so a new post changes only the draws that hit it.  Modelled
creators are a sample of the platform's supply: on an open platform the number of tries is such that
modelled posts are found at the rate at which they would be among all of it (`constants.tries`).
"""

from __future__ import annotations

import math

import numpy as np

from influence_sim.engine.desk import CANDIDATES
from influence_sim.engine.seen import is_seen
from influence_sim.engine.state import CLASSES, FOLLOW, INTEREST, RANDOM, TRENDING
from influence_sim.jit import inner, prefetch
from influence_sim.rng import Stream, philox, unit

LETTERS = 6  # newest of an inbox that are asked for ahead
_INTEREST, _TRENDING, _RANDOM = int(Stream.RETRIEVE_INTEREST), int(Stream.RETRIEVE_TRENDING), int(Stream.RETRIEVE_RANDOM)


@inner
def _offer(r, p, source, sharer, place, scene, desk):
    """Add post p to the candidates of request r unless it is own, too old, held out, seen or there already; tell whether it was."""
    rules, posts, q = scene.rules, scene.posts, desk.request[r]
    post = posts[p]
    if q.candidates >= CANDIDATES or scene.person_of[post.creator] == q.person or scene.now - post.posted > rules.max_age:
        return False
    if source != FOLLOW and q.protected and post.sponsored:
        return False
    if post.cell and scene.leads[q.person, post.brand].cell == post.cell:
        return False
    c = desk.candidates
    at = q.first + q.candidates
    if not rules.repeats:
        twice = False
        for j in range(q.first, at):
            twice |= c.post[j] == p
        if twice:
            return False
        if is_seen(scene.seen, q.person, p):
            return False
    prefetch(scene.posts.duration, p)  # the second line of its record
    prefetch(scene.themes, (p, 0))
    c.post[at] = p
    c.author[at] = post.creator
    c.sound[at] = post.sound
    c.source[at] = source
    c.sharer[at] = sharer
    c.place[at] = place
    c.taken[at] = 0
    desk.request[r].candidates += 1
    return True


@inner
def _from_inbox(r, scene, desk):
    """Offer the newest letters of the person until enough were taken; what was seen is crossed out."""
    rules, inbox, i = scene.rules, scene.inbox, desk.request[r].person
    capacity = inbox.post.shape[1]
    place = inbox.pushed[i] % capacity
    found = 0
    for _ in range(min(inbox.pushed[i], capacity)):
        if found >= rules.candidates_follow:
            break
        place = (place if place > 0 else capacity) - 1
        p = inbox.post[i, place]
        if p < 0:
            continue
        if _offer(r, p, FOLLOW, inbox.sharer[i, place], place, scene, desk):
            found += 1
        elif not rules.repeats and is_seen(scene.seen, i, p):
            inbox.post[i, place] = -1


@inner
def _by_tries(r, wanted, tries, source, stream, pool, scene, desk):
    """Draw up to `wanted` posts: each try picks a bucket (of an estimated topic) and keeps what its draw accepts."""
    if wanted == 0:
        return
    rules, q = scene.rules, desk.request[r]
    topics = desk.estimate.shape[1]
    buckets = pool.buckets
    found = 0
    count = 1
    turn = 0
    while turn < count:
        a, b, c, d = philox(rules.seed, stream << 20 | rules.replication, q.person, source, turn, q.time_word)
        if turn == 0:
            count = int(math.floor(tries + unit(d)))
            if count == 0:
                return
        turn += 1
        bucket = np.int64((b * np.uint64(buckets)) >> np.uint64(32))
        if pool.by_topic:
            u = unit(a)
            topic = 0
            total = desk.estimate[r, 0]
            while u >= total and topic < topics - 1:
                topic += 1
                total += desk.estimate[r, topic]
            bucket += topic * buckets
        accept = unit(c)
        group = bucket * CLASSES
        most = 2.0  # chance of acceptance that no post of the class exceeds
        while accept < most and group < (bucket + 1) * CLASSES:
            for at in range(pool.posts.start[group], pool.posts.start[group + 1]):
                p = pool.posts.rows[at]
                weight = 1.0
                if source == INTEREST:
                    weight = scene.posts[p].fresh_weight
                elif source == TRENDING:
                    weight = scene.posts[p].trend_weight
                if accept < weight and _offer(r, p, source, -1, -1, scene, desk):
                    found += 1
                    if found >= wanted:
                        return
            group += 1
            most = 0.5 if most == 2.0 else 0.5 * most


@inner
def ask_for_person(i, scene):
    """Ask for what the next request of person i will read, while another's is opened."""
    inbox, seen, acq = scene.inbox, scene.seen, scene.acq
    newest = (inbox.pushed[i] - 1) % inbox.post.shape[1]
    prefetch(inbox.post, (i, newest))
    prefetch(inbox.post, (i, max(0, newest - LETTERS)))
    for at in range(seen.start[i], seen.start[i + 1], 16):
        prefetch(seen.key, at)
    for at in range(acq.start[i], acq.start[i + 1], 16):
        prefetch(acq.creator, at)


@inner
def ask_for_letters(i, scene):
    """Ask for the posts that came last to person i."""
    inbox = scene.inbox
    newest = (inbox.pushed[i] - 1) % inbox.post.shape[1]
    for place in range(max(0, newest - LETTERS), newest + 1):
        p = inbox.post[i, place]
        if p >= 0:
            prefetch(scene.posts, p)


@inner
def retrieve(r, scene, desk):
    """Find the candidates of request r."""
    rules, pools = scene.rules, scene.pools
    if rules.candidates_follow:
        _from_inbox(r, scene, desk)
    _by_tries(r, rules.candidates_interest, rules.tries_interest, INTEREST, _INTEREST, pools.interest, scene, desk)
    _by_tries(r, rules.candidates_trending, rules.tries_trending, TRENDING, _TRENDING, pools.trending, scene, desk)
    _by_tries(r, rules.candidates_random, rules.tries_random, RANDOM, _RANDOM, pools.everything, scene, desk)

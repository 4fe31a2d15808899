"""Serve one round: requests retrieve, score and fill their slots; `respond` answers each slot.

A request of up to `slots_per_request` slots reads a frozen state of its person; what the person
taught the platform is applied when the request ends.  The first requests of some dozen people go
together, step by step over all of them, then the second, and so on; people share nothing, so the
order changes no result.  A feed written in Python scores between the steps, and a replay can stop at a slot.
"""

from __future__ import annotations

import math

import numpy as np

from influence_sim.engine.feed import meet, predict, predicted_like, score_candidates
from influence_sim.engine.outside import NOBODY, draw_outside, rate_outside
from influence_sim.engine.respond import find, respond, tail, watch_again
from influence_sim.engine.retrieve import ask_for_letters, ask_for_person, retrieve
from influence_sim.engine.seen import add_seen, is_seen
from influence_sim.engine.state import (
    BRAND_ACCOUNT,
    COMMENT,
    EMPTY,
    EXPLORE,
    FOLLOW,
    HEATED,
    INTEREST,
    LIKE,
    NOTHING,
    OUTSIDE,
    OUTSIDE_AD,
    PAID,
    RANDOM,
    SHARE,
    SUBSCRIBE,
    TAKEOVER,
    TRENDING,
)
from influence_sim.jit import hot, inner, take
from influence_sim.maths import exp, power
from influence_sim.rng import Stream

_SOURCE, _RESERVED, _RACE = int(Stream.SLOT_SOURCE), int(Stream.RESERVED_SLOTS), int(Stream.RACE)


@inner
def _open(r, i, row, first, at, scene, desk):
    """Begin the next request of person i at slot `row`; its candidates and slots begin at `first` and `at` on the desk."""
    rules, slots, viewers, q = scene.rules, scene.slots, scene.viewers, desk.request[r]
    topics = desk.estimate.shape[1]
    taste_norm = 0.0
    norm = 0.0
    for k in range(topics):
        taste = np.float64(scene.interests[i, k])
        estimate = np.float64(scene.estimate[i, k])
        desk.taste[r, k] = taste
        taste_norm += taste * taste
        desk.estimate[r, k] = estimate
        norm += estimate * estimate
    q.person = i
    q.protected = 1 if scene.minor[i] and not rules.sponsored_to_minors else 0
    q.row = row
    q.slots = min(rules.slots_per_request, slots.start[i + 1] - row)
    q.number = viewers[i].requests
    viewers[i].requests += 1
    q.time_word = scene.day << 16 | q.number
    q.taste_scale = 1.0 / math.sqrt(taste_norm)
    q.estimate_scale = 1.0 / math.sqrt(norm)
    q.boredom = rules.saturation * max(0.0, viewers[i].saturation - rules.saturation_tolerance)
    for k in range(topics):
        desk.appeal[r, k] = rules.match * (desk.taste[r, k] * q.taste_scale - rules.match_mean) / rules.match_unit
    rate_outside(r, scene, desk)
    q.at = at
    q.first = first
    q.candidates = 0
    retrieve(r, scene, desk)
    meet(r, scene, desk)
    q.reserved = 0
    if scene.tests.start[i] < scene.tests.start[i + 1]:
        u, _, _, _ = tail(rules.seed, _RESERVED, rules.replication, i, 0, 0, q.time_word)
        q.reserved = min(q.slots, int(math.floor(rules.exploration_share * q.slots + u)))
    q.filled = 0
    q.chosen = 0
    q.last_author = -1
    q.last_sound = -1
    q.best = -1
    q.top = -1.0
    q.stale = 1
    q.limit = 0.0


@hot
def open_requests(low, high, scene, desk):
    """Open the next request of each of the people low..high-1 who has slots left; return how many.

    `desk.next[i - low]` is where person i stands.
    """
    n = 0
    first = 0
    at = 0
    for i in range(low, high):
        if i + 2 < high:
            ask_for_person(i + 2, scene)
        if i + 1 < high:
            ask_for_letters(i + 1, scene)
        if desk.next[i - low] == scene.slots.start[i + 1]:
            continue
        _open(n, i, desk.next[i - low], first, at, scene, desk)
        first += desk.request[n].candidates
        at += desk.request[n].slots
        desk.next[i - low] += desk.request[n].slots
        n += 1
    return n


@inner
def _best(source, r, rules, desk):
    """Return the best candidate of a source (any: -1) and its score.

    The author or sound of the slot before comes again only if nothing else is left.
    """
    q, c = desk.request[r], desk.candidates
    author, sound, spaced = q.last_author, q.last_sound, rules.ranking == 0
    best = -1
    top = -math.inf
    spare = -1
    spare_top = -math.inf
    for j in range(q.first, q.first + q.candidates):  # choices by arithmetic: who leads is what no branch can predict
        score = c.score[j]
        free = (c.taken[j] == 0) & ((source < 0) | (c.source[j] == source))
        again = spaced & (((author >= 0) & (c.author[j] == author)) | ((sound >= 0) & (c.sound[j] == sound)))
        leads = free & (not again) & (score > top)
        best = j if leads else best
        top = score if leads else top
        leads = free & again & (score > spare_top)
        spare = j if leads else spare
        spare_top = score if leads else spare_top
    if best < 0:
        return spare, spare_top
    return best, top


@inner
def _discount(author, times, r, rules, desk):
    """Lower the remaining posts of a creator that now stands `times` in the request (X's author diversity)."""
    q, c = desk.request[r], desk.candidates
    floor, decay = rules.author_floor, rules.author_decay
    before = (1.0 - floor) * decay ** (times - 1) + floor
    ratio = ((1.0 - floor) * decay**times + floor) / before if before > 0.0 else 0.0
    for j in range(q.first, q.first + q.candidates):
        if c.author[j] == author:
            c.score[j] *= ratio


@inner
def _allotted(group, takeover, r, scene, desk):
    """Return the place of the person's allotted post with the smallest race key that may still be shown, or -1.

    `takeover` is 1 at the first slot of the person's day, where takeovers stand and nothing else that is bought.
    """
    rules, posts, q = scene.rules, scene.posts, desk.request[r]
    i = q.person
    best = -1
    smallest = 2.0
    for at in range(group.start[i], group.start[i + 1]):
        p = group.rows[at]
        if p < 0 or (1 if posts[p].format == TAKEOVER else 0) != takeover:
            continue
        if posts[p].sponsored and posts[p].key >= BRAND_ACCOUNT and not takeover:
            if scene.leads[i, posts[p].brand].ads >= rules.ad_frequency_cap:
                continue
        elif is_seen(scene.seen, i, p):
            continue
        word = posts[p].sponsored << 31 | posts[p].ordinal << 16
        u, _, _, _ = tail(rules.seed, _RACE, rules.replication, i, posts[p].key, word, q.time_word)
        if u < smallest:
            best, smallest = at, u
    return best


@inner
def _fill(row, post, source, action, watch, sharer, predicted, slots):
    slots.post[row] = post
    slots.source[row] = source
    slots.action[row] = action
    slots.watch[row] = np.float32(watch)
    slots.sharer[row] = sharer
    slots.predicted[row] = predicted


@inner
def _outside(row, s, r, scene, desk):
    """Show the post from outside the model: it takes time, teaches the platform and may be an ad."""
    rules, viewers, q, o = scene.rules, scene.viewers, desk.request[r], desk.outside
    i, at = q.person, q.at + s
    watch = o.c[at]
    if not rules.full_watch and watch == o.b[at]:
        watch = watch_again(rules, o.d[at], o.b[at], i, NOBODY, s << 16, q.time_word)
    ad = o.ad[at] > 0.0
    if ad:
        viewers[i].recognised += scene.knowledge[i]
    _fill(row, -1, OUTSIDE_AD if ad else OUTSIDE, 0, watch, -1, 0, scene.slots)
    viewers[i].shown += 1
    viewers[i].sponsored += 1 if ad else 0
    viewers[i].watched += watch
    if q.last_author >= 0:
        q.stale = 1
    q.last_author = -1
    q.last_sound = -1


@inner
def _draw_source(u, rules):
    """Return the source of a slot-mixture slot, or -1 when all weights are zero."""
    total = rules.weight_follow + rules.weight_interest + rules.weight_trending + rules.weight_random
    if total <= 0.0:
        return -1
    u *= total
    if u < rules.weight_follow:
        return FOLLOW
    u -= rules.weight_follow
    if u < rules.weight_interest:
        return INTEREST
    u -= rules.weight_interest
    if u < rules.weight_trending:
        return TRENDING
    return RANDOM


@inner
def _count_at_once(p, row, rules, posts, slots):
    """Sequential mode: move the trending count after every slot."""
    positive = slots.action[row] & (LIKE | COMMENT | SHARE | SUBSCRIBE)
    if rules.count_views or positive:
        posts[p].trend += 1.0
        if posts[p].trend_weight == 0.0:  # not retrievable
            return
        ratio = (posts[p].trend + rules.trending_prior) / (rules.trending_cap + rules.trending_prior)
        posts[p].trend_weight = min(1.0, power(ratio, rules.trending_exponent))


@inner
def _show(row, p, pair, source, sharer, predicted, moment, r, scene, desk):
    """Show post p in slot `row`, let the person respond, and remember what the rest of the request needs."""
    rules, posts, slots, q = scene.rules, scene.posts, scene.slots, desk.request[r]
    i = q.person
    again = moment if rules.repeats or source == PAID else 0
    desk.outside.a[q.at + row - q.row] = respond(row, p, pair, source, sharer, again, predicted, r, scene, desk)
    author = posts[p].creator
    q.last_author = author
    q.last_sound = posts[p].sound
    desk.authors[r, q.chosen] = author
    q.chosen += 1
    times = 0
    for a in range(q.chosen):
        if desk.authors[r, a] == author:
            times += 1
    if rules.ranking == 0:
        _discount(author, times, r, rules, desk)
    q.stale = 1
    if rules.repeats:
        # Shown again at will, but shared once.
        if slots.action[row] & SHARE and not add_seen(scene.seen, i, p):
            slots.action[row] &= 255 - SHARE
    elif source != PAID or posts[p].key < BRAND_ACCOUNT or posts[p].format == TAKEOVER:
        add_seen(scene.seen, i, p)
    if rules.sequential:
        _count_at_once(p, row, rules, posts, slots)


@inner
def _given(s, moment, r, scene, desk):
    """Return the post that stands in slot s without a contest, and its source: bought, heated or reserved for a test; else -1."""
    rules, q = scene.rules, desk.request[r]
    i = q.person
    spaced = s % (rules.ad_gap + 1) == rules.ad_gap
    first = 1 if moment == 1 and not spaced else 0
    if (first or spaced) and scene.ads.start[i] < scene.ads.start[i + 1]:
        at = _allotted(scene.ads, first, r, scene, desk)
        if at >= 0:
            p = scene.ads.rows[at]
            scene.ads.rows[at] = -1
            return p, PAID if scene.posts[p].sponsored else HEATED
    if s >= q.slots - q.reserved:
        at = _allotted(scene.tests, 0, r, scene, desk)
        if at >= 0:
            p = scene.tests.rows[at]
            scene.tests.rows[at] = -1
            return p, EXPLORE
    return -1, EMPTY


@inner
def _lead(s, r, rules, desk):
    """Find the candidate that leads slot s, and how rare an outside post must be to beat it."""
    q = desk.request[r]
    if rules.mixture:
        u, _, _, _ = tail(rules.seed, _SOURCE, rules.replication, q.person, s, 0, q.time_word)
        q.best, q.top = _best(_draw_source(u, rules), r, rules, desk)
        q.limit = 1.0
    elif q.stale:
        q.best, q.top = _best(-1, r, rules, desk)
        q.stale = 0
        # The best outside post beats `top` when (strength / -ln U)^t > top; solved for U once per candidate.
        q.limit = 0.0 if q.outside > 0.0 else 1.0
        if q.best >= 0 and q.top > 0.0 and q.outside > 0.0:
            strength = power(q.top, 1.0 / rules.rank_noise)
            q.limit = exp(-q.outside / strength) if strength > 0.0 else 0.0


@inner
def play_slot(r, scene, desk):
    """Fill the next slot of request r: bought, reserved for a test, or the winner of the contest."""
    rules, posts, q, c = scene.rules, scene.posts, desk.request[r], desk.candidates
    s = q.filled
    row = q.row + s
    q.filled += 1
    moment = scene.viewers[q.person].shown + 1
    p, source = _given(s, moment, r, scene, desk)
    if p >= 0:
        for j in range(q.first, q.first + q.candidates):
            if c.post[j] == p and (source != PAID or posts[p].key < BRAND_ACCOUNT):
                c.taken[j] = 1
        pair = find(scene.acq.start, scene.acq.creator, q.person, posts[p].creator)
        z, _, _, _ = predict(p, pair, r, scene, desk)
        _show(row, p, pair, source, -1, predicted_like(z, p, rules, posts), moment, r, scene, desk)
        return
    _lead(s, r, scene.rules, desk)
    j = q.best
    if desk.outside.contest[q.at + s] > q.limit:
        _outside(row, s, r, scene, desk)
    elif j >= 0:
        c.taken[j] = 1
        if c.place[j] >= 0:
            scene.inbox.post[q.person, c.place[j]] = -1
        p = c.post[j]
        predicted = predicted_like(c.predicted[j], p, rules, posts)
        _show(row, p, c.pair[j], c.source[j], c.sharer[j], predicted, moment, r, scene, desk)
    else:
        _fill(row, NOTHING, EMPTY, 0, 0.0, -1, 0, scene.slots)
        q.last_author = -1
        q.last_sound = -1
        q.stale = 1


@inner
def close_request(r, scene, desk):
    """Apply what request r taught the platform; each slot fades what was learnt before it, so the last one comes first."""
    rules, slots, q = scene.rules, scene.slots, desk.request[r]
    i = q.person
    topics = desk.lesson.shape[1]
    keep, faded = 1.0 - rules.learning_rate, 1.0
    for k in range(topics):
        desk.lesson[r, k] = 0.0
    for s in range(q.slots - 1, -1, -1):
        p = slots.post[q.row + s]
        if p == NOTHING:
            continue
        step = faded * rules.learning_rate * desk.outside.a[q.at + s]
        faded *= keep
        if p >= 0:
            tag = int(scene.posts[p].tag)
            for k in range(topics):
                desk.lesson[r, k] += step * scene.themes[p, k]
        else:
            tag = int(desk.outside.topic[q.at + s])
            desk.lesson[r, tag] += step
        if scene.tags[i, tag] < 255:
            scene.tags[i, tag] += 1
    total = 0.0
    for k in range(topics):
        desk.lesson[r, k] = max(faded * desk.estimate[r, k] + desk.lesson[r, k], 1e-4)
        total += desk.lesson[r, k]
    for k in range(topics):
        scene.estimate[i, k] = np.float32(desk.lesson[r, k] / total)


@hot
def play(n, scene, desk):
    """Fill the slots of the first n requests, which are opened, scored and have their outside posts."""
    for r in range(n):
        for _ in range(desk.request[r].slots):
            play_slot(r, scene, desk)
        close_request(r, scene, desk)


@hot
def serve(low, high, scene, desk):
    """Serve every slot of people low..high-1 in this round, as many people together as the desk has room for."""
    for first in range(low, high, len(desk.next)):
        last = min(first + len(desk.next), high)
        for i in range(first, last):
            desk.next[i - first] = scene.slots.start[i]
        while True:
            n = open_requests(first, last, scene, desk)
            if n == 0:
                break
            score_candidates(n, scene, desk)
            draw_outside(n, scene, desk)
            play(n, scene, desk)


@hot
def serve_blocks(cursor, size, scene, desk):
    """Serve blocks of `size` people that no other thread has taken, until `cursor` (i8 (1,)) has passed everybody."""
    people = len(scene.slots.start) - 1
    low = take(cursor, size)
    while low < people:
        serve(low, min(low + size, people), scene, desk)
        low = take(cursor, size)

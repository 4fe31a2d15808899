"""Serve one round: every request retrieves, scores and fills its slots; `respond` answers each slot.

A request of up to `slots_per_request` slots reads a frozen state of its person; what the person
taught the platform is applied when the request ends.  The three steps of a request are functions
of their own, so that a feed written in Python can score between them and a replay can stop at a slot.
"""

from __future__ import annotations

import math

import numpy as np

from influence_sim.engine.feed import predict, predicted_like, score_candidates
from influence_sim.engine.respond import expected_fraction, length, normals2, respond, tail, watch_time
from influence_sim.engine.retrieve import retrieve
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
    OUTSIDE,
    OUTSIDE_AD,
    PAID,
    RANDOM,
    SHARE,
    SUBSCRIBE,
    TAKEOVER,
    TRENDING,
)
from influence_sim.jit import hot, inner
from influence_sim.rng import Stream

NOBODY = 0xFFFFFFFF  # creator word of posts from outside the model
_SOURCE, _OUTSIDE, _ANSWER = int(Stream.SLOT_SOURCE), int(Stream.OUTSIDE), int(Stream.OUTSIDE_RESPONSE)
_RESERVED, _RACE = int(Stream.RESERVED_SLOTS), int(Stream.RACE)


@inner
def open_request(i, row, scene, desk):
    """Begin the next request of person i at slot `row`: fill the desk with candidates, not yet scored."""
    rules, slots, viewers, q = scene.rules, scene.slots, scene.viewers, desk.request[0]
    topics = len(desk.estimate)
    taste_norm = 0.0
    norm = 0.0
    for k in range(topics):
        desk.taste[k] = scene.interests[i, k]
        taste_norm += desk.taste[k] * desk.taste[k]
        desk.estimate[k] = scene.estimate[i, k]
        desk.lesson[k] = desk.estimate[k]
        norm += desk.estimate[k] * desk.estimate[k]
    q.person = i
    q.protected = 1 if scene.minor[i] and not rules.sponsored_to_minors else 0
    q.row = row
    q.slots = min(rules.slots_per_request, slots.start[i + 1] - row)
    q.number = viewers[i].requests
    viewers[i].requests += 1
    q.time_word = scene.day << 16 | q.number
    q.taste_scale = 1.0 / math.sqrt(taste_norm)
    q.estimate_scale = 1.0 / math.sqrt(norm)
    # Outside posts come by topic too and bore like any other: their strength falls with what was seen today.
    last = len(scene.outside) - 1
    q.outside = 0.0
    for k in range(topics):
        at = desk.estimate[k] * q.estimate_scale * last
        below = min(int(at), last - 1)
        worth = scene.outside[below] + (at - below) * (scene.outside[below + 1] - scene.outside[below])
        desk.outside[k] = desk.estimate[k] * worth * math.exp(-rules.same_tag_penalty * scene.tags[i, k] / rules.rank_noise)
        q.outside += desk.outside[k]
    q.candidates = retrieve(i, scene, desk)
    q.reserved = 0
    if scene.tests.start[i] < scene.tests.start[i + 1]:
        u, _, _, _ = tail(rules.seed, _RESERVED, rules.replication, i, 0, 0, q.time_word)
        q.reserved = min(q.slots, int(math.floor(rules.exploration_share * q.slots + u)))
    q.filled = 0
    q.chosen = 0
    q.tagged = 0
    q.last_author = -1
    q.last_sound = -1
    q.best = -1
    q.top = -1.0
    q.stale = 1
    q.limit = 0.0


@inner
def _best(source, rules, posts, desk):
    """Return the best candidate of a source (any: -1) and its score.

    The author or sound of the slot before comes again only if nothing else is left.
    """
    q = desk.request[0]
    best = -1
    top = -math.inf
    spare = -1
    spare_top = -math.inf
    for j in range(q.candidates):
        if desk.taken[j] or (source >= 0 and desk.source[j] != source):
            continue
        score = desk.score[j]
        post = posts[desk.post[j]]
        again = (q.last_author >= 0 and post.creator == q.last_author) or (q.last_sound >= 0 and post.sound == q.last_sound)
        if rules.ranking == 0 and again:
            if score > spare_top:
                spare, spare_top = j, score
        elif score > top:
            best, top = j, score
    if best < 0:
        return spare, spare_top
    return best, top


@inner
def _discount(author, times, rules, posts, desk):
    """Lower the remaining posts of a creator that now stands `times` in the request (X's author diversity)."""
    floor, decay = rules.author_floor, rules.author_decay
    before = (1.0 - floor) * decay ** (times - 1) + floor
    ratio = ((1.0 - floor) * decay**times + floor) / before if before > 0.0 else 0.0
    for j in range(desk.request[0].candidates):
        if posts[desk.post[j]].creator == author:
            desk.score[j] *= ratio


@inner
def _allotted(group, takeover, rules, posts, leads, seen, desk):
    """Return the place of the person's allotted post with the smallest race key that may still be shown, or -1.

    `takeover` is 1 at the first slot of the person's day, where takeovers stand and nothing else that is bought.
    """
    q = desk.request[0]
    i = q.person
    best = -1
    smallest = 2.0
    for at in range(group.start[i], group.start[i + 1]):
        p = group.rows[at]
        if p < 0 or (1 if posts[p].format == TAKEOVER else 0) != takeover:
            continue
        if posts[p].sponsored and posts[p].key >= BRAND_ACCOUNT and not takeover:
            if leads[i, posts[p].brand].ads >= rules.ad_frequency_cap:
                continue
        elif is_seen(seen, i, p):
            continue
        word = posts[p].sponsored << 31 | posts[p].ordinal << 16
        u, _, _, _ = tail(rules.seed, _RACE, rules.replication, i, posts[p].key, word, q.time_word)
        if u < smallest:
            best, smallest = at, u
    return best


@inner
def _learn(gain, p, tag, rate, themes, desk):
    """Move the lesson towards (or away from) a post's topics; tag >= 0 stands for a pure topic."""
    for k in range(len(desk.lesson)):
        towards = (1.0 if k == tag else 0.0) if tag >= 0 else themes[p, k]
        desk.lesson[k] = (1.0 - rate) * desk.lesson[k] + rate * gain * towards


@inner
def _outside(row, u_topic, u_ad, u_watch, scene, desk):
    """Show a post from outside the model: it takes time, teaches the platform and may be an ad."""
    rules, viewers, slots, q = scene.rules, scene.viewers, scene.slots, desk.request[0]
    i = q.person
    topic = 0
    total = desk.outside[0]
    while u_topic * q.outside >= total and topic < len(desk.outside) - 1:
        topic += 1
        total += desk.outside[topic]
    word = q.filled << 16
    time_word = scene.day << 16 | q.number
    a, b, c, _ = tail(rules.seed, _ANSWER, rules.replication, i, NOBODY, word, time_word)
    z, z_length = normals2(a, b)
    duration = length(rules, z_length, c)
    ad = u_ad < rules.outside_ad_load and not q.protected
    eta = rules.match * (desk.taste[topic] * q.taste_scale - rules.match_mean) / rules.match_unit
    eta -= rules.saturation * max(0.0, viewers[i].saturation - rules.saturation_tolerance)
    if ad:
        eta -= rules.disclosure * scene.knowledge[i]
        viewers[i].recognised += scene.knowledge[i]
    eta += rules.noise * z
    watch = watch_time(rules, eta, duration, u_watch, i, NOBODY, word, time_word)
    slots.post[row] = -1
    slots.source[row] = OUTSIDE_AD if ad else OUTSIDE
    slots.action[row] = 0
    slots.watch[row] = np.float32(watch)
    slots.sharer[row] = -1
    slots.predicted[row] = 0
    viewers[i].shown += 1
    viewers[i].sponsored += 1 if ad else 0
    viewers[i].watched += watch
    gain = rules.learn_watch * (min(watch, duration) / duration - expected_fraction(rules, duration))
    _learn(gain, 0, topic, rules.learning_rate, scene.themes, desk)
    q.stale = 1 if q.stale or q.last_author >= 0 else 0
    q.last_author = -1
    q.last_sound = -1
    desk.tags[q.tagged] = topic
    q.tagged += 1


@inner
def _empty(row, slots, desk):
    """Leave a slot unfilled."""
    slots.post[row] = -2
    slots.source[row] = EMPTY
    slots.action[row] = 0
    slots.watch[row] = np.float32(0.0)
    slots.sharer[row] = -1
    slots.predicted[row] = 0
    desk.request[0].last_author = -1
    desk.request[0].last_sound = -1
    desk.request[0].stale = 1


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
        posts[p].trend_weight = min(1.0, ratio**rules.trending_exponent)


@inner
def _show(row, p, source, sharer, predicted, moment, scene, desk):
    """Show post p in slot `row`, let the person respond, and remember what the rest of the request needs."""
    rules, posts, slots, q = scene.rules, scene.posts, scene.slots, desk.request[0]
    i = q.person
    gain = respond(row, p, source, sharer, moment if rules.repeats or source == PAID else 0, predicted, scene, desk)
    _learn(gain, p, -1, rules.learning_rate, scene.themes, desk)
    author = posts[p].creator
    q.last_author = author
    q.last_sound = posts[p].sound
    desk.authors[q.chosen] = author
    q.chosen += 1
    times = 0
    for a in range(q.chosen):
        if desk.authors[a] == author:
            times += 1
    if rules.ranking == 0:
        _discount(author, times, rules, posts, desk)
    q.stale = 1
    desk.tags[q.tagged] = posts[p].tag
    q.tagged += 1
    if rules.repeats:
        # Shown again at will, but shared once.
        if slots.action[row] & SHARE and not add_seen(scene.seen, i, p):
            slots.action[row] &= 255 - SHARE
    elif source != PAID or posts[p].key < BRAND_ACCOUNT or posts[p].format == TAKEOVER:
        add_seen(scene.seen, i, p)
    if rules.sequential:
        _count_at_once(p, row, rules, posts, slots)


@inner
def play_slot(scene, desk):
    """Fill the next slot of the running request: bought, reserved for a test, or the winner of the contest."""
    rules, posts, q = scene.rules, scene.posts, desk.request[0]
    i = q.person
    s = q.filled
    row = q.row + s
    moment = scene.viewers[i].shown + 1
    p = -1
    source = EMPTY
    spaced = s % (rules.ad_gap + 1) == rules.ad_gap
    first = 1 if moment == 1 and not spaced else 0
    if (first or spaced) and scene.ads.start[i] < scene.ads.start[i + 1]:
        at = _allotted(scene.ads, first, rules, posts, scene.leads, scene.seen, desk)
        if at >= 0:
            p = scene.ads.rows[at]
            scene.ads.rows[at] = -1
            source = PAID if posts[p].sponsored else HEATED
    if p < 0 and s >= q.slots - q.reserved:
        at = _allotted(scene.tests, 0, rules, posts, scene.leads, scene.seen, desk)
        if at >= 0:
            p = scene.tests.rows[at]
            scene.tests.rows[at] = -1
            source = EXPLORE
    if p >= 0:
        for j in range(q.candidates):
            if desk.post[j] == p and (source != PAID or posts[p].key < BRAND_ACCOUNT):
                desk.taken[j] = 1
        z, _, _, _ = predict(p, i, scene.day, rules, posts, scene.themes, scene.acq, scene.decays, desk)
        _show(row, p, source, -1, predicted_like(z, p, rules, posts), moment, scene, desk)
        q.filled += 1
        return
    if rules.mixture:
        u, _, _, _ = tail(rules.seed, _SOURCE, rules.replication, i, s, 0, q.time_word)
        q.best, q.top = _best(_draw_source(u, rules), rules, posts, desk)
    else:
        if q.stale:
            q.best, q.top = _best(-1, rules, posts, desk)
            q.stale = 0
            # The best outside post beats `top` when (strength / -ln U)^t > top; solved for U once per candidate.
            q.limit = 0.0
            if q.best >= 0 and q.top > 0.0:
                strength = q.top ** (1.0 / rules.rank_noise)
                q.limit = math.exp(-q.outside / strength) if strength > 0.0 else 0.0
        if q.outside > 0.0:
            u, u_topic, u_ad, u_watch = tail(rules.seed, _OUTSIDE, rules.replication, i, 0, s, q.time_word)
            if u > q.limit:
                _outside(row, u_topic, u_ad, u_watch, scene, desk)
                q.filled += 1
                return
    j = q.best
    if j >= 0:
        desk.taken[j] = 1
        if desk.place[j] >= 0:
            scene.inbox.post[i, desk.place[j]] = -1
        p = desk.post[j]
        _show(row, p, desk.source[j], desk.sharer[j], predicted_like(desk.predicted[j], p, rules, posts), moment, scene, desk)
    else:
        _empty(row, scene.slots, desk)
    q.filled += 1


@inner
def close_request(scene, desk):
    """Apply what the request taught the platform."""
    q = desk.request[0]
    i = q.person
    total = 0.0
    for k in range(len(desk.lesson)):
        desk.lesson[k] = max(desk.lesson[k], 1e-4)
        total += desk.lesson[k]
    for k in range(len(desk.lesson)):
        scene.estimate[i, k] = np.float32(desk.lesson[k] / total)
    for j in range(q.tagged):
        tag = desk.tags[j]
        if scene.tags[i, tag] < 255:
            scene.tags[i, tag] += 1


@hot
def serve(low, high, scene, desk):
    """Serve every slot of people low..high-1 in this round."""
    for i in range(low, high):
        row = scene.slots.start[i]
        while row < scene.slots.start[i + 1]:
            open_request(i, row, scene, desk)
            score_candidates(scene, desk)
            size = desk.request[0].slots
            for _ in range(size):
                play_slot(scene, desk)
            close_request(scene, desk)
            row += size

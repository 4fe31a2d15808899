"""Serve one round: retrieve, predict, score, select; every slot is answered by `respond`.

A request of up to `slots_per_request` slots reads a frozen state of its person; what the person
taught the platform is applied when the request ends.
"""

from __future__ import annotations

import math

import numpy as np

from influence_sim.engine.respond import expected_fraction, find, length, normals2, respond, sigmoid, tail, watch_time
from influence_sim.engine.retrieve import retrieve
from influence_sim.engine.seen import add_seen, is_seen
from influence_sim.engine.state import (
    COMMENT,
    EMPTY,
    EXPLORE,
    FOLLOW,
    INTEREST,
    LIKE,
    OUTSIDE,
    OUTSIDE_AD,
    PAID,
    RANDOM,
    SHARE,
    SUBSCRIBE,
    TRENDING,
)
from influence_sim.jit import hot
from influence_sim.rng import Stream

NOBODY = 0xFFFFFFFF  # creator word of posts from outside the model
_SOURCE, _NOISE, _OUTSIDE, _ANSWER = int(Stream.SLOT_SOURCE), int(Stream.RANK_NOISE), int(Stream.OUTSIDE), int(Stream.OUTSIDE_RESPONSE)
_RESERVED, _RACE = int(Stream.RESERVED_SLOTS), int(Stream.RACE)


@hot
def predict(p, i, rules, posts, themes, acq, decays, day, estimate, scale):
    """Return (predicted engagement in sd of match, follows) of post p for person i."""
    dot = 0.0
    for k in range(len(estimate)):
        dot += estimate[k] * themes[p, k]
    z = rules.match * (dot * scale - rules.match_mean) / rules.match_unit + posts[p].residual
    follows = 0
    affinity = 0.0
    pair = find(acq.start, acq.creator, i, posts[p].creator)
    if pair >= 0:
        follows = int(acq.follows[pair])
        affinity = acq.affinity[pair] * decays.affinity[day - acq.touched[pair]]
        z += rules.prediction_follow * follows + rules.prediction_affinity * min(affinity, 5.0)
    return z, follows, affinity


@hot
def value(z, duration, p_like, rules):
    """Return the four-term value of a post at predicted engagement z, plus the optional terms."""
    seconds = rules.watch_median * math.exp(rules.watch_slope * z)
    play = 1.0 / (1.0 + min(rules.play_seconds, duration) / seconds)
    total = rules.value_playtime * seconds * math.log(1.0 + duration / seconds) + rules.value_play * play
    total += rules.value_like * p_like + rules.value_comment * sigmoid(rules.comment_logit + rules.comment_slope * z)
    if rules.value_share > 0.0:
        total += rules.value_share * sigmoid(rules.share_logit + rules.share_slope * z)
    if rules.value_follow > 0.0:
        total += rules.value_follow * sigmoid(rules.follow_logit + rules.follow_slope * z)
    if rules.value_negative > 0.0:
        total -= rules.value_negative * sigmoid(rules.negative_logit + rules.negative_slope * z)
    return max(total, 1e-9)


@hot
def _score(m, i, day, rules, posts, themes, acq, decays, leads, tags, desk, scale):
    """Fill predictions and scores of the candidates; noise is keyed by (person, post, day)."""
    for j in range(m):
        p = desk.post[j]
        z, follows, affinity = predict(p, i, rules, posts, themes, acq, decays, day, desk.estimate, scale)
        p_like = sigmoid(rules.like_logit + rules.like_slope * z)
        desk.predicted[j] = p_like
        if rules.ranking == 0:
            score = value(z, posts[p].duration, p_like, rules) * posts[p].multiplier
            if not follows:
                score *= rules.non_followed_factor
            score *= math.exp(-rules.same_tag_penalty * tags[i, posts[p].tag])
            score *= 1.0 + rules.author_seen_bonus * min(affinity, 3.0)
            if posts[p].brand >= 0:
                score *= (1.0 + leads[i, posts[p].brand].annoyance) ** (-rules.ad_fatigue)
            word = posts[p].sponsored << 31 | posts[p].ordinal << 16
            u, _, _, _ = tail(rules.seed, _NOISE, rules.replication, i, posts[p].key, word, day << 16)
            desk.score[j] = score * (-math.log(u)) ** (-rules.rank_noise)
        elif rules.ranking == 1:
            desk.score[j] = posts[p].posted + 1.0
        else:
            desk.score[j] = float(m - j)


@hot
def _best(m, source, last_author, rules, posts, desk):
    """Return the best candidate of a source (any: -1) and its score; a repeated author only if nothing else is left."""
    best = -1
    top = -math.inf
    spare = -1
    spare_top = -math.inf
    for j in range(m):
        if desk.taken[j] or (source >= 0 and desk.source[j] != source):
            continue
        score = desk.score[j]
        if rules.ranking == 0 and last_author >= 0 and posts[desk.post[j]].creator == last_author:
            if score > spare_top:
                spare, spare_top = j, score
        elif score > top:
            best, top = j, score
    if best < 0:
        return spare, spare_top
    return best, top


@hot
def _discount(m, author, times, rules, posts, desk):
    """Lower the remaining posts of a creator that now stands `times` in the request (X's author diversity)."""
    floor, decay = rules.author_floor, rules.author_decay
    before = (1.0 - floor) * decay ** (times - 1) + floor
    ratio = ((1.0 - floor) * decay**times + floor) / before if before > 0.0 else 0.0
    for j in range(m):
        if posts[desk.post[j]].creator == author:
            desk.score[j] *= ratio


@hot
def _allotted(group, i, time_word, rules, creators, posts, seen, leads, paid):
    """Return the allotted post of person i with the smallest race key that may still be shown."""
    best = -1
    smallest = 2.0
    for at in range(group.start[i], group.start[i + 1]):
        p = group.rows[at]
        if p < 0:
            continue
        if paid:
            if leads[i, posts[p].brand].ads >= rules.ad_frequency_cap:
                continue
        elif is_seen(seen, i, p):
            continue
        word = posts[p].sponsored << 31 | posts[p].ordinal << 16
        u, _, _, _ = tail(rules.seed, _RACE, rules.replication, i, posts[p].key, word, time_word)
        if u < smallest:
            best, smallest = at, u
    return best


@hot
def _learn(desk, rules, gain, topics, p, tag):
    """Move the lesson towards (or away from) a post's topics; tag >= 0 stands for a pure topic."""
    rate = rules.learning_rate
    for k in range(len(desk.lesson)):
        towards = (1.0 if k == tag else 0.0) if tag >= 0 else topics[p, k]
        desk.lesson[k] = (1.0 - rate) * desk.lesson[k] + rate * gain * towards


@hot
def _outside(row, i, day, word, moment, u_topic, u_ad, u_watch, rules, people, viewers, slots, desk, taste_scale):
    """Show a post from outside the model: it takes time, teaches the platform and may be an ad."""
    topic = 0
    total = desk.estimate[0]
    while u_topic >= total and topic < len(desk.estimate) - 1:
        topic += 1
        total += desk.estimate[topic]
    a, b, c, _ = tail(rules.seed, _ANSWER, rules.replication, i, NOBODY, word, day << 16 | moment)
    z, z_length = normals2(a, b)
    duration = length(rules, z_length, c)
    ad = u_ad < rules.outside_ad_load
    eta = rules.match * (desk.taste[topic] * taste_scale - rules.match_mean) / rules.match_unit
    eta -= rules.saturation * max(0.0, viewers[i].saturation - rules.saturation_tolerance)
    if ad:
        eta -= rules.disclosure * people.knowledge[i]
    eta += rules.noise * z
    watch = watch_time(rules, eta, duration, u_watch, i, NOBODY, word, day << 16 | moment)
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
    return topic, gain


@hot
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


@hot
def _count_at_once(p, row, rules, posts, slots):
    """Sequential mode: move the trending count after every slot."""
    positive = slots.action[row] & (LIKE | COMMENT | SHARE | SUBSCRIBE)
    if rules.count_views or positive:
        posts[p].trend += 1.0
        ratio = (posts[p].trend + rules.trending_prior) / (rules.trending_cap + rules.trending_prior)
        posts[p].trend_weight = min(1.0, ratio**rules.trending_exponent)


@hot
def serve(
    low,
    high,
    day,
    now,
    rules,
    people,
    creators,
    posts,
    themes,
    acq,
    decays,
    viewers,
    leads,
    tags,
    slots,
    pools,
    inbox,
    seen,
    tests,
    ads,
    edges,
    desk,
):
    """Serve every slot of people low..high-1 in this round."""
    topics = people.interests.shape[1]
    for i in range(low, high):
        row = slots.start[i]
        last = slots.start[i + 1]
        if row == last:
            continue
        norm = 0.0
        for k in range(topics):
            desk.taste[k] = people.interests[i, k]
            norm += desk.taste[k] * desk.taste[k]
        taste_scale = 1.0 / math.sqrt(norm)
        while row < last:
            n = min(rules.slots_per_request, last - row)
            request = viewers[i].requests
            viewers[i].requests += 1
            time_word = day << 16 | request
            norm = 0.0
            for k in range(topics):
                desk.estimate[k] = people.estimate[i, k]
                desk.lesson[k] = desk.estimate[k]
                norm += desk.estimate[k] * desk.estimate[k]
            scale = 1.0 / math.sqrt(norm)

            m = retrieve(i, time_word, now, rules, creators, posts, pools, inbox, seen, desk)
            _score(m, i, day, rules, posts, themes, acq, decays, leads, tags, desk, scale)

            reserved = 0
            if tests.start[i] < tests.start[i + 1]:
                u, _, _, _ = tail(rules.seed, _RESERVED, rules.replication, i, 0, 0, time_word)
                reserved = min(n, int(math.floor(rules.exploration_share * n + u)))
            chosen = 0
            tagged = 0
            last_author = -1
            j = -1
            top = -1.0
            stale = True
            limit = 0.0
            for s in range(n):
                at_row = row + s
                moment = viewers[i].shown + 1
                p = -1
                source = EMPTY
                sharer = -1
                predicted = 0.0
                outside = False
                u_topic = 0.0
                u_ad = 1.0
                u_watch = 0.5
                if s % (rules.ad_gap + 1) == rules.ad_gap and ads.start[i] < ads.start[i + 1]:
                    at = _allotted(ads, i, time_word, rules, creators, posts, seen, leads, True)
                    if at >= 0:
                        p = ads.rows[at]
                        ads.rows[at] = -1
                        source = PAID
                if p < 0 and s >= n - reserved:
                    at = _allotted(tests, i, time_word, rules, creators, posts, seen, leads, False)
                    if at >= 0:
                        p = tests.rows[at]
                        tests.rows[at] = -1
                        source = EXPLORE
                        for j in range(m):
                            if desk.post[j] == p:
                                desk.taken[j] = 1
                if p >= 0:
                    z, _, _ = predict(p, i, rules, posts, themes, acq, decays, day, desk.estimate, scale)
                    predicted = sigmoid(rules.like_logit + rules.like_slope * z)
                else:
                    if rules.mixture:
                        u, _, _, _ = tail(rules.seed, _SOURCE, rules.replication, i, s, 0, time_word)
                        j, top = _best(m, _draw_source(u, rules), last_author, rules, posts, desk)
                    else:
                        if stale:
                            j, top = _best(m, -1, last_author, rules, posts, desk)
                            stale = False
                            # The best outside post beats `top` when (mass / -ln U)^t > top; solved for U once per candidate.
                            limit = 0.0
                            if j >= 0 and top > 0.0:
                                strength = top ** (1.0 / rules.rank_noise)
                                limit = math.exp(-rules.outside_mass / strength) if strength > 0.0 else 0.0
                        if rules.outside_mass > 0.0:
                            u, u_topic, u_ad, u_watch = tail(rules.seed, _OUTSIDE, rules.replication, i, 0, s, time_word)
                            outside = u > limit
                    if j >= 0 and not outside:
                        p = desk.post[j]
                        source = desk.source[j]
                        sharer = desk.sharer[j]
                        predicted = desk.predicted[j]
                        desk.taken[j] = 1
                        if desk.place[j] >= 0:
                            inbox.post[i, desk.place[j]] = -1
                if p >= 0:
                    gain = respond(
                        at_row,
                        i,
                        p,
                        source,
                        sharer,
                        moment if rules.repeats or source == PAID else 0,
                        predicted,
                        rules,
                        people,
                        creators,
                        posts,
                        themes,
                        acq,
                        decays,
                        viewers,
                        leads,
                        slots,
                        edges,
                        day,
                        desk.taste,
                        taste_scale,
                    )
                    _learn(desk, rules, gain, themes, p, -1)
                    last_author = posts[p].creator
                    desk.authors[chosen] = last_author
                    chosen += 1
                    times = 0
                    for a in range(chosen):
                        if desk.authors[a] == last_author:
                            times += 1
                    if rules.ranking == 0:
                        _discount(m, last_author, times, rules, posts, desk)
                    stale = True
                    desk.tags[tagged] = posts[p].tag
                    tagged += 1
                    if rules.repeats:
                        # Shown again at will, but shared once.
                        if slots.action[at_row] & SHARE and not add_seen(seen, i, p):
                            slots.action[at_row] &= 255 - SHARE
                    elif source != PAID:
                        add_seen(seen, i, p)
                    if rules.sequential:
                        _count_at_once(p, at_row, rules, posts, slots)
                elif outside:
                    topic, gain = _outside(
                        at_row, i, day, s << 16, request, u_topic, u_ad, u_watch, rules, people, viewers, slots, desk, taste_scale
                    )
                    _learn(desk, rules, gain, themes, 0, topic)
                    stale = stale or last_author >= 0
                    last_author = -1
                    desk.tags[tagged] = topic
                    tagged += 1
                else:
                    slots.post[at_row] = -2
                    slots.source[at_row] = EMPTY
                    slots.action[at_row] = 0
                    slots.watch[at_row] = np.float32(0.0)
                    slots.sharer[at_row] = -1
                    slots.predicted[at_row] = 0
                    last_author = -1
                    stale = True

            total = 0.0
            for k in range(topics):
                desk.lesson[k] = max(desk.lesson[k], 1e-4)
                total += desk.lesson[k]
            for k in range(topics):
                people.estimate[i, k] = np.float32(desk.lesson[k] / total)
            for j in range(tagged):
                tag = desk.tags[j]
                if tags[i, tag] < 255:
                    tags[i, tag] += 1
            row += n

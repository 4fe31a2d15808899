"""What the feed can reach this round: pools over stable slots, inboxes, test and ad audiences.

Every modelled creator owns a fixed ring of retrieval slots, so a post's slot depends on no other
post: adding a post changes only the draws that hit it.  Audiences of capped deliveries are the
first people of the post's own keyed sequence who qualify, which is a race of keys read in order.
"""

from __future__ import annotations

import math

import numpy as np

from influence_sim.engine.seen import is_seen
from influence_sim.engine.state import (
    BOUGHT,
    BRAND_ACCOUNT,
    CLICK,
    COMMENT,
    EXPLORE,
    FAILED,
    FIXED,
    FOLLOW,
    FOLLOWED,
    LIKE,
    NEGATIVE,
    PASSED,
    SHARE,
    SUBSCRIBE,
    Array,
    Lists,
)
from influence_sim.jit import hot, kernel
from influence_sim.maths import exp, log, power
from influence_sim.rng import Stream, philox, unit

_TEST, _AD = int(Stream.TEST_AUDIENCE), int(Stream.AD_AUDIENCE)


@kernel
def group_rows(keys, rows, size):
    """Return Lists of `rows` grouped by `keys` (negative keys are left out), order kept inside a group."""
    start = np.zeros(size + 1, np.int64)
    for j in range(len(keys)):
        if keys[j] >= 0:
            start[keys[j] + 1] += 1
    for g in range(size):
        start[g + 1] += start[g]
    at = start[:-1].copy()
    out = np.empty(start[size], np.int32)
    for j in range(len(keys)):
        g = keys[j]
        if g >= 0:
            out[at[g]] = rows[j]
            at[g] += 1
    return start, out


def grouped(keys: Array, rows: Array, size: int) -> Lists:
    """Return `Lists` of int32 `rows` by int64 `keys` in 0..size-1; negative keys are left out."""
    return Lists(*group_rows(np.ascontiguousarray(keys, np.int64), np.ascontiguousarray(rows, np.int32), size))


@hot
def beliefs(first, count, now, rules, posts, likes, predicted, out):
    """Fill `out` (C,) with what each creator's live posts say about the next: shrunken log ratio of likes to predicted likes."""
    for c in range(len(out)):
        likes[c] = 0
        predicted[c] = 0
    for p in range(first, count):
        if now - posts[p].posted > rules.max_age:  # rows are in order of days, not of hours
            continue
        likes[posts[p].creator] += posts[p].likes
        predicted[posts[p].creator] += posts[p].predicted
    prior = rules.prior_impressions * rules.like_rate
    for c in range(len(out)):
        out[c] = _log_ratio(likes[c] + prior, predicted[c] / FIXED + prior, rules)


@hot
def _log_ratio(likes, expected, rules):
    """Return a ratio of likes in units of match; 0 where there is nothing to compare."""
    if likes > 0.0 and expected > 0.0 and rules.like_slope > 0.0:
        return log(likes / expected) / rules.like_slope
    return 0.0


@hot
def refresh(first, count, now, rules, posts, retrievable, belief):
    """Recompute the round's post columns: freshness, popularity, shrunken residual, trending weight."""
    prior = rules.prior_impressions * rules.like_rate
    for p in range(first, count):
        age = max(0.0, now - posts[p].posted)
        fresh = power(1.0 + age / rules.freshness_age, -rules.freshness_exponent)
        # A new post is expected to do what its creator's posts did, as far as the platform trusts that.
        head_start = exp(rules.like_slope * rules.prediction_creator * belief[posts[p].creator])
        posts[p].residual = _log_ratio(posts[p].likes + prior * head_start, posts[p].predicted / FIXED + prior, rules)
        multiplier = fresh
        if rules.popularity_exponent > 0.0:
            multiplier *= power(posts[p].trend + rules.trending_prior, rules.popularity_exponent)
        if posts[p].advert:
            multiplier *= rules.sponsored_factor
        posts[p].multiplier = multiplier
        weight = 1.0 if retrievable[posts[p].creator] == 1 and posts[p].slot >= 0 else 0.0
        if posts[p].stage == FAILED:
            weight *= rules.failed_factor
        posts[p].fresh_weight = weight * fresh
        ratio = (posts[p].trend + rules.trending_prior) / (rules.trending_cap + rules.trending_prior)
        posts[p].trend_weight = weight * min(1.0, power(ratio, rules.trending_exponent))


@hot
def deliver(low, high, friends_start, friends_target, acq, outlet, out_start, out_rows, inbox):
    """Push what followees published or shared since the last round into the inboxes of low..high-1.

    `outlet[c]` is the group of creator c in `out_*`: its person, or for a brand's account a group after all people.
    """
    capacity = inbox.post.shape[1]
    people = len(inbox.pushed)
    for i in range(low, high):
        for at in range(friends_start[i], friends_start[i + 1]):
            j = friends_target[at]
            for k in range(out_start[j], out_start[j + 1]):
                place = inbox.pushed[i] % capacity
                inbox.post[i, place] = out_rows[k]
                inbox.sharer[i, place] = j
                inbox.pushed[i] += 1
        for at in range(acq.start[i], acq.start[i + 1]):
            if acq.follows[at]:
                j = outlet[acq.creator[at]]
                for k in range(out_start[j], out_start[j + 1]):
                    place = inbox.pushed[i] % capacity
                    inbox.post[i, place] = out_rows[k]
                    inbox.sharer[i, place] = j if j < people else -1
                    inbox.pushed[i] += 1


@hot
def audience_of(
    p, wanted, stream, day, part, targeting, minimum_slots, rules, people, creators, posts, themes, leads, slots, seen, stamp, chosen
):
    """Fill `chosen` with up to `wanted` distinct people for post p; return how many were found."""
    n = np.uint64(len(people.views))
    topics = people.interests.shape[1]
    word = posts[p].sponsored << 31 | posts[p].ordinal << 16
    own = creators.person[posts[p].creator]
    found = 0
    for turn in range(20 * wanted + 100):
        a, b, c, d = philox(rules.seed, stream << 20 | rules.replication, turn, posts[p].key, word, day << 16 | part)
        for half in range(2):
            i = int(((c if half else a) * n) >> np.uint64(32))
            accept = unit(d if half else b)
            if i == own or stamp[i] == p or slots.start[i + 1] - slots.start[i] < minimum_slots:
                continue
            bought = minimum_slots > 1 or posts[p].key >= BRAND_ACCOUNT
            if people.minor[i] and posts[p].sponsored and not (rules.ads_to_minors if bought else rules.sponsored_to_minors):
                continue
            if posts[p].cell and leads[i, posts[p].brand].cell == posts[p].cell:
                continue
            if posts[p].sponsored and posts[p].key >= BRAND_ACCOUNT and minimum_slots > 1:
                if leads[i, posts[p].brand].ads >= rules.ad_frequency_cap:
                    continue
            elif is_seen(seen, i, p):
                continue
            if targeting > 0.0:
                dot = 0.0
                norm = 0.0
                for k in range(topics):
                    x = np.float64(people.estimate[i, k])
                    dot += x * themes[p, k]
                    norm += x * x
                if accept >= exp(targeting * (dot / math.sqrt(norm) - 1.0)):
                    continue
            stamp[i] = p
            chosen[found] = i
            found += 1
            if found == wanted:
                return found
    return found


@kernel
def allot(rows, wanted, stream, day, part, targeting, minimum_slots, rules, people, creators, posts, themes, leads, slots, seen):
    """Allot people to capped posts; return (people, posts) pairs in the order of `rows`."""
    total = 0
    for j in range(len(rows)):
        total += wanted[j]
    who = np.empty(total, np.int64)
    what = np.empty(total, np.int32)
    stamp = np.full(len(people.views), -1, np.int64)
    at = 0
    for j in range(len(rows)):
        if wanted[j] <= 0:
            continue
        chosen = who[at : at + wanted[j]]
        found = audience_of(
            rows[j],
            wanted[j],
            stream,
            day,
            part,
            targeting,
            minimum_slots,
            rules,
            people,
            creators,
            posts,
            themes,
            leads,
            slots,
            seen,
            stamp,
            chosen,
        )
        for k in range(found):
            what[at + k] = rows[j]
        at += found
    return who[:at], what[:at]


@hot
def count_round(low, high, rules, posts, slots, totals):
    """Add the round's slots to the post counters; sums over people are integers.

    totals: [modelled, outside, empty, likes, comments, shares, follows, negatives, organic views, organic likes]
    """
    for row in range(low, high):
        p = slots.post[row]
        if p < 0:
            totals[1 if p == -1 else 2] += 1
            continue
        action = slots.action[row]
        like = 1 if action & LIKE else 0
        comment = 1 if action & COMMENT else 0
        share = 1 if action & SHARE else 0
        follow = 1 if action & SUBSCRIBE else 0
        negative = 1 if action & NEGATIVE else 0
        posts[p].impressions += 1
        posts[p].watch += int(float(slots.watch[row]) * 1000.0)
        posts[p].finished += 1 if slots.watch[row] >= np.float32(posts[p].duration) else 0
        posts[p].likes += like
        posts[p].comments += comment
        posts[p].shares += share
        posts[p].follows += follow
        posts[p].negatives += negative
        posts[p].clicks += 1 if action & CLICK else 0
        posts[p].sales += 1 if action & BOUGHT else 0
        posts[p].predicted += slots.predicted[row]
        posts[p].sources[slots.source[row] - FOLLOW] += 1
        posts[p].from_followers += 1 if action & FOLLOWED else 0
        posts[p].discovered += follow if slots.source[row] != FOLLOW else 0
        if not rules.sequential and (rules.count_views or like + comment + share + follow > 0):
            posts[p].trend += 1.0
        if slots.source[row] == EXPLORE:
            posts[p].stage_served += 1
            if not action & FOLLOWED:
                posts[p].stage_strangers += 1
                worth = (
                    rules.value_like * like
                    + rules.value_comment * comment
                    + rules.value_playtime * slots.watch[row]
                    + rules.value_share * share
                    + rules.value_follow * follow
                )
                worth -= rules.value_negative * negative
                if slots.watch[row] >= min(rules.play_seconds, posts[p].duration):
                    worth += rules.value_play
                posts[p].stage_value += int(worth * FIXED)
        totals[0] += 1
        totals[3] += like
        totals[4] += comment
        totals[5] += share
        totals[6] += follow
        totals[7] += negative
        if not posts[p].sponsored:
            totals[8] += 1
            totals[9] += like


@hot
def promote(rows, rules, quotas, memory, memory_count, posts):
    """End the test stage of every post whose quota is served; rank it among recent posts of its stage."""
    size = memory.shape[1]
    for j in range(len(rows)):
        p = rows[j]
        s = posts[p].stage
        if posts[p].stage_served < quotas[s]:
            continue
        # Few strangers tell little: their mean is drawn towards that of recent posts.
        known = min(memory_count[s], size)
        usual = 0.0
        for k in range(known):
            usual += memory[s, k] / known
        weight = rules.prior_impressions if known > 0 else 0.0
        mean = (posts[p].stage_value + weight * usual) / max(posts[p].stage_strangers + weight, 1.0)
        memory[s, memory_count[s] % size] = mean
        memory_count[s] += 1
        known = min(memory_count[s], size)
        better = 0
        for k in range(known):
            if memory[s, k] > mean:
                better += 1
        if better < rules.stage_pass * known:
            posts[p].stage = s + 1 if s + 1 < rules.stages else PASSED
        else:
            posts[p].stage = FAILED
        posts[p].stage_served = 0
        posts[p].stage_strangers = 0
        posts[p].stage_value = 0

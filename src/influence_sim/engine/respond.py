"""What a person does with one impression: watch, like, comment, share, follow, not interested, click.

Responses use true taste and true quality; the feed's predictions (feed.py) use estimates and
counters. Both share the small formulas here, so that belief and truth differ only in what they read.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from influence_sim.engine.state import BOUGHT, BRAND_ACCOUNT, CLICK, COMMENT, FIXED, FOLLOWED, LIKE, NEGATIVE, PAID, SHARE, SUBSCRIBE
from influence_sim.jit import hot, inner
from influence_sim.maths import exp, log, power, turn
from influence_sim.rng import Stream, uniform4

_WATCH, _REACT, _CLICK, _LOOP, _JOIN = int(Stream.WATCH), int(Stream.REACT), int(Stream.CLICK), int(Stream.LOOP), int(Stream.JOIN)


@inner
def sigmoid(z):
    """Return 1 / (1 + exp(-z)); exact 0 and 1 beyond the range of exp."""
    return 1.0 / (1.0 + exp(-z))


@inner
def happens(u, z):
    """Tell whether u < sigmoid(z); where the answer is plain from afar, no exponential is taken."""
    if u > 0.2 and z < -1.5:  # sigmoid(-1.5) = .18
        return False
    return u < sigmoid(z)


@inner
def find(start, ids, group, wanted):
    """Return the row of `wanted` in the sorted group, or -1."""
    at = start[group]
    size = start[group + 1] - at
    if size == 0:
        return -1
    while size > 1:  # halves are chosen by arithmetic: a branch that nobody can predict costs more than the search
        half = size >> 1
        at += half * (ids[at + half - 1] < wanted)
        size -= half
    found = np.int64(ids[at] == wanted)
    return found * (at + 1) - 1


@inner
def trust_of(good, bad, reputation, weight):
    """Return the mean of the Beta evidence on top of the reputation prior (Joesang & Ismail 2002)."""
    prior = 0.5 + weight * (reputation - 0.5)
    return (2.0 * prior + good) / (2.0 + good + bad)


@inner
def tail(seed_key, stream, replication, person, creator, post_word, time_word):
    """Return the four uniforms of a decision of `person` about a post."""
    return uniform4(seed_key, stream << 20 | replication, person, creator, post_word, time_word)


@inner
def normal(u, v):
    """Return one standard normal of two uniforms (Box-Muller)."""
    return math.sqrt(-2.0 * log(u)) * turn(v)[0]


@inner
def normals2(u, v):
    """Return two independent standard normals of two uniforms (Box-Muller)."""
    radius = math.sqrt(-2.0 * log(u))
    cosine, sine = turn(v)
    return radius * cosine, radius * sine


class Video(NamedTuple):
    """Rules of lengths and watching, as numbers that stay in registers through a loop."""

    uniform_duration: int
    duration_median: float
    duration_sigma: float
    duration_min: float
    duration_max: float
    full_watch: int
    watch_median: float
    watch_slope: float


@inner
def video_rules(r):
    """Return `Video` of a record RULES."""
    return Video(
        r.uniform_duration, r.duration_median, r.duration_sigma, r.duration_min, r.duration_max, r.full_watch, r.watch_median, r.watch_slope
    )


@inner
def length(rules, z, u):
    """Return a video's length in seconds from a normal or, under the uniform law, a uniform."""
    if rules.uniform_duration:
        return rules.duration_min + (rules.duration_max - rules.duration_min) * u
    seconds = rules.duration_median * exp(rules.duration_sigma * z)
    return min(max(seconds, rules.duration_min), rules.duration_max)


@hot
def lengths(rules, u, out):
    """Fill `out` (n,) with video lengths in seconds from uniforms (n, 4)."""
    for j in range(len(out)):
        out[j] = length(rules, normals2(u[j, 0], u[j, 1])[0], u[j, 2])


@inner
def watch_time(rules, eta, duration, u, person, creator, post_word, time_word):
    """Return seconds watched, loops included: log-logistic with shape 1, or to the end."""
    if rules.full_watch:
        return duration
    median = rules.watch_median * exp(rules.watch_slope * eta)
    seconds = median * u / (1.0 - u)
    return seconds if seconds < duration else watch_again(rules, median, duration, person, creator, post_word, time_word)


@inner
def watch_again(rules, median, duration, person, creator, post_word, time_word):
    """Return seconds watched by somebody who reached the end: the video loops."""
    total = duration
    again = rules.loop * exp(-max(duration - 7.0, 0.0) / 22.0)
    for loop in range(8):
        stay, part, _, _ = tail(rules.seed, _LOOP, rules.replication, person, creator, post_word + loop, time_word)
        if stay >= again:
            break
        seconds = median * part / (1.0 - part)
        total += min(seconds, duration)
        if seconds < duration:
            break
    return total


@inner
def expected_fraction(rules, duration):
    """Return the share of a video of this length that an average match watches."""
    if rules.full_watch:
        return 1.0
    return rules.watch_median * log(1.0 + duration / rules.watch_median) / duration


@inner
def respond(row, p, pair, source, sharer, moment, predicted, r, scene, desk):
    """Let the person of request r react to post p in slot `row`; fill the slot; return the learning signal.

    `pair` is the row of person and author in the table of acquaintances, or -1.
    `moment` is the low half of the time word: 0, or the person's slot number where a post can be
    shown twice in a day.
    """
    rules, posts, acq, decays = scene.rules, scene.posts, scene.acq, scene.decays
    viewers, leads, slots, edges, day, q = scene.viewers, scene.leads, scene.slots, scene.edges, scene.day, desk.request[r]
    i = q.person
    c = posts[p].creator
    key = posts[p].key
    advert = posts[p].advert
    brand = posts[p].brand
    duration = posts[p].duration
    post_word = posts[p].sponsored << 31 | posts[p].ordinal << 16
    time_word = day << 16 | moment

    dot = 0.0
    for k in range(desk.taste.shape[1]):
        dot += desk.taste[r, k] * scene.themes[p, k]
    match = (dot * q.taste_scale - rules.match_mean) / rules.match_unit
    follows = 0.0
    tie = 0.0
    good = 0.0
    bad = 0.0
    if pair >= 0:
        age = day - acq.pair[pair].touched
        follows = float(acq.follows[pair])
        tie = acq.pair[pair].tie * decays.tie[age]
        good = acq.pair[pair].good * decays.trust[age]
        bad = acq.pair[pair].bad * decays.trust[age]
    trust = trust_of(good, bad, scene.reputation[c], rules.reputation_weight)
    # A creator's post that a brand boosts is bought, but the creator's; only the brand's own account is trusted as a brand.
    ad = source == PAID and key >= BRAND_ACCOUNT
    if ad:
        trust = scene.brands[brand].trust

    u1, u2, u_watch, u_like = tail(rules.seed, _WATCH, rules.replication, i, key, post_word, time_word)
    eta = (
        rules.match * match
        + rules.quality * posts[p].quality
        + rules.follows * follows
        + rules.trust * (trust - 0.5)
        + rules.tie * tie
        + rules.authenticity * (scene.authenticity[c] - 0.5)
        - q.boredom
        + rules.noise * normal(u1, u2)
    )
    recognised = posts[p].disclosure * scene.knowledge[i]
    if advert:
        eta -= rules.disclosure * recognised + rules.misfit * (1.0 - posts[p].fit)
        viewers[i].recognised += recognised
    watch = watch_time(rules, eta, duration, u_watch, i, key, post_word, time_word)

    action = 0
    gain = rules.learn_watch * (min(watch, duration) / duration - expected_fraction(rules, duration))
    if watch > rules.minimum_watch or rules.minimum_watch == 0.0:
        u_comment, u_share, u_follow, u_negative = tail(rules.seed, _REACT, rules.replication, i, key, post_word, time_word)
        if happens(u_like, rules.like_logit + rules.like_slope * eta):
            action |= LIKE
            gain += rules.learn_like
        if happens(u_comment, rules.comment_logit + rules.comment_slope * eta):
            action |= COMMENT
            gain += rules.learn_comment
        if rules.edge_shares:
            edge = find(edges.start, edges.target, i, sharer)
            shares = edge >= 0 and u_share < (edges.weight[edge] if len(edges.weight) else 1.0)
        else:
            shares = happens(u_share, rules.share_logit + rules.share_slope * eta + scene.sharing[i])
        if shares:
            action |= SHARE
            gain += rules.learn_share
        if not ad and follows == 0.0 and happens(u_follow, rules.follow_logit + rules.follow_slope * eta):
            action |= SUBSCRIBE
            gain += rules.learn_follow
        if happens(u_negative, rules.negative_logit + rules.negative_slope * eta):
            action |= NEGATIVE
            gain -= rules.learn_negative
        if brand >= 0:
            u_click, u_buy, _, _ = tail(rules.seed, _CLICK, rules.replication, i, key, post_word, time_word)
            interest = leads[i, brand].category
            attitude = leads[i, brand].attitude
            base = rules.click_ad_logit if ad else rules.click_influencer_logit
            fatigue = power(1.0 + leads[i, brand].annoyance, -rules.ad_fatigue)
            # Who bought lately needs nothing; who watches a trusted person try it risks less.
            ready = rules.closed_need if viewers[i].bought else 1.0
            tester = 0.0 if source == PAID else rules.tester * trust
            click = sigmoid(base + rules.click_match * interest + rules.click_tie * tie + rules.click_attitude * attitude) * fatigue
            buy = sigmoid(
                rules.buy_logit
                + rules.buy_match * interest
                + rules.buy_trust * (trust - 0.5)
                + rules.buy_tie * tie
                + rules.buy_attitude * attitude
                + tester
                - rules.buy_price * (scene.price_sensitivity[i] * scene.brands[brand].price_ratio - 1.0)
            )
            buy = min(1.0, rules.shop * buy) * ready
            leads[i, brand].chance[posts[p].channel] += click * buy
            if u_click < click:
                action |= CLICK
                leads[i, brand].clicks += 1
                leads[i, brand].clicked = day + 1
                leads[i, brand].click_channel = posts[p].channel
                leads[i, brand].click_creator = c + 1
                if u_buy < buy:
                    action |= BOUGHT
                    leads[i, brand].bought += 1
                    viewers[i].bought = day + 1
            if not ad:
                leads[i, brand].credited = c + 1
            join = rules.join[posts[p].format]
            if join > 0.0 and scene.amateur[i] and leads[i, brand].joined == 0:
                u_join, _, _, _ = tail(rules.seed, _JOIN, rules.replication, i, key, post_word, time_word)
                if u_join < join * exp(scene.sharing[i]):
                    leads[i, brand].joined = 1
    if follows > 0.0:
        action |= FOLLOWED
    if brand >= 0:
        share_watched = min(watch / duration, 1.0)
        leads[i, brand].touches += 1
        leads[i, brand].touch[posts[p].channel] += 1.0
        if leads[i, brand].reached == 0:
            leads[i, brand].reached = 1
            leads[i, brand].account = c + 1
        elif leads[i, brand].account != c + 1:
            leads[i, brand].reached = 2
        leads[i, brand].doubt += recognised * (1.0 - trust) * share_watched
        leads[i, brand].warmth += trust * posts[p].fit * share_watched
        message = share_watched * (1.0 + rules.brief_clarity * posts[p].brief)
        missed = (1.0 - leads[i, brand].noticed) * power(1.0 - rules.awareness[posts[p].format], message)
        leads[i, brand].noticed = 1.0 - missed
        if source == PAID:
            leads[i, brand].ads += 1
        if ad:
            leads[i, brand].exposure_ad += message
        else:
            leads[i, brand].exposure += message
    viewers[i].shown += 1
    viewers[i].sponsored += advert
    viewers[i].watched += watch
    slots.post[row] = p
    slots.source[row] = source
    slots.action[row] = action
    slots.watch[row] = np.float32(watch)
    slots.sharer[row] = sharer
    slots.predicted[row] = int(predicted * FIXED)
    return gain

"""What the platform predicts of a candidate and the score it ranks by.

Predictions read estimates, counters and observable attributes; truth belongs to `respond`.
"""

from __future__ import annotations

import math

from influence_sim.engine.respond import find, sigmoid, tail
from influence_sim.jit import hot, inner
from influence_sim.rng import Stream

_NOISE = int(Stream.RANK_NOISE)


@inner
def predict(p, i, day, rules, posts, themes, acq, decays, desk):
    """Return (predicted engagement in sd of match, follows, affinity, standing) of post p for person i.

    Standing is 0 while the person's `not interested` keeps the creator away, then grows back to 1.
    """
    dot = 0.0
    for k in range(len(desk.estimate)):
        dot += desk.estimate[k] * themes[p, k]
    z = rules.match * (dot * desk.request[0].estimate_scale - rules.match_mean) / rules.match_unit + posts[p].residual
    follows = 0
    affinity = 0.0
    standing = 1.0
    pair = find(acq.start, acq.creator, i, posts[p].creator)
    if pair >= 0:
        follows = int(acq.follows[pair])
        affinity = acq.affinity[pair] * decays.affinity[day - acq.touched[pair]]
        z += rules.prediction_follow * follows + rules.prediction_affinity * min(affinity, 5.0)
        if acq.refused[pair] > 0:
            standing = standing_after(day - acq.refused[pair] + 1, rules)
    return z, follows, affinity, standing


@inner
def standing_after(days, rules):
    """Return the score factor of a creator `days` after `not interested`: away, then a linear way back (X)."""
    if days <= rules.refusal_days:
        return 0.0
    if days >= rules.refusal_days + rules.refusal_ramp:
        return 1.0
    return rules.refusal_floor + (1.0 - rules.refusal_floor) * (days - rules.refusal_days) / rules.refusal_ramp


@inner
def predicted_like(z, p, rules, posts):
    """Return the like probability predicted without the post's own record, to hold that record against."""
    return rules.like_calibration * sigmoid(rules.like_logit + rules.like_slope * (z - posts[p].residual))


@inner
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


@inner
def score_candidates(scene, desk):
    """Fill predictions and scores of the candidates; noise is keyed by (person, post, day)."""
    rules, posts, q = scene.rules, scene.posts, desk.request[0]
    i = q.person
    for j in range(q.candidates):
        p = desk.post[j]
        z, follows, affinity, standing = predict(p, i, scene.day, rules, posts, scene.themes, scene.acq, scene.decays, desk)
        desk.predicted[j] = z
        desk.follows[j] = follows
        if standing == 0.0:
            desk.taken[j] = 1
        if rules.ranking == 0:
            p_like = sigmoid(rules.like_logit + rules.like_slope * z)
            score = value(z, posts[p].duration, p_like, rules) * posts[p].multiplier * standing
            score *= math.exp(-rules.same_tag_penalty * scene.tags[i, posts[p].tag])
            score *= 1.0 + rules.author_seen_bonus * min(affinity, 3.0)
            if posts[p].brand >= 0:
                score *= (1.0 + scene.leads[i, posts[p].brand].annoyance) ** (-rules.ad_fatigue)
            desk.score[j] = score * rank_noise(p, i, scene.day, rules, posts)
        elif rules.ranking == 1:
            desk.score[j] = posts[p].posted + 1.0
        else:
            desk.score[j] = float(q.candidates - j)
    if rules.ranking == 0:
        if rules.cold_start_rank > 0:
            _lift_newcomer(q.candidates, rules, posts, desk)
        for j in range(q.candidates):
            if not desk.follows[j]:
                desk.score[j] *= rules.non_followed_factor


@inner
def rank_noise(p, i, day, rules, posts):
    """Return the noise factor of post p for person i today: exp(t x Gumbel)."""
    word = posts[p].sponsored << 31 | posts[p].ordinal << 16
    u, _, _, _ = tail(rules.seed, _NOISE, rules.replication, i, posts[p].key, word, day << 16)
    return (-math.log(u)) ** (-rules.rank_noise)


@hot
def _lift_newcomer(m, rules, posts, desk):
    """Lift the best post of a small account with few impressions to the score at a given rank (X, 2026).

    At most one post a request; it must already stand among the upper 85 % of the candidates.
    """
    if m <= rules.cold_start_rank:
        return
    lifted = -1
    for j in range(m):
        p = desk.post[j]
        small = posts[p].audience <= rules.cold_start_followers and posts[p].impressions < rules.cold_start_impressions
        if small and not desk.taken[j] and (lifted < 0 or desk.score[j] > desk.score[lifted]):
            above = 0
            for k in range(m):
                if desk.score[k] > desk.score[j]:
                    above += 1
            if rules.cold_start_rank <= above < 0.85 * m:
                lifted = j
    if lifted < 0:
        return
    # The score at the rank: the largest that fewer than `rank` others exceed, found from below.
    for j in range(m):
        above = 0
        for k in range(m):
            if desk.score[k] > desk.score[j]:
                above += 1
        if above == rules.cold_start_rank - 1:
            desk.score[lifted] = desk.score[j]
            return

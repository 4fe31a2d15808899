"""What the platform predicts of a candidate and the score it ranks by.

Predictions read estimates, counters and observable attributes; truth belongs to `respond`.
"""

from __future__ import annotations

from typing import NamedTuple

from influence_sim.engine.respond import find, sigmoid, tail
from influence_sim.jit import hot, inner, prefetch
from influence_sim.maths import exp, log, power
from influence_sim.rng import Stream, uniform_columns

_NOISE = int(Stream.RANK_NOISE)


@inner
def predict(p, pair, r, scene, desk):
    """Return (predicted engagement in sd of match, follows, affinity, standing) of post p for the person of request r.

    `pair` is the row of person and author in the table of acquaintances, or -1.

    Standing is 0 while the person's `not interested` keeps the creator away, then grows back to 1.
    """
    rules, posts, acq, day = scene.rules, scene.posts, scene.acq, scene.day
    dot = 0.0
    for k in range(desk.estimate.shape[1]):
        dot += desk.estimate[r, k] * scene.themes[p, k]
    z = rules.match * (dot * desk.request[r].estimate_scale - rules.match_mean) / rules.match_unit + posts[p].residual
    follows = 0
    affinity = 0.0
    standing = 1.0
    if pair >= 0:
        follows = int(acq.follows[pair])
        affinity = acq.pair[pair].affinity * scene.decays.affinity[day - acq.pair[pair].touched]
        z += rules.prediction_follow * follows + rules.prediction_affinity * min(affinity, 5.0)
        if acq.pair[pair].refused > 0:
            standing = standing_after(day - acq.pair[pair].refused + 1, rules)
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
    seconds = rules.watch_median * exp(rules.watch_slope * z)
    play = 1.0 / (1.0 + min(rules.play_seconds, duration) / seconds)
    total = rules.value_playtime * seconds * log(1.0 + duration / seconds) + rules.value_play * play
    total += rules.value_like * p_like + rules.value_comment * sigmoid(rules.comment_logit + rules.comment_slope * z)
    if rules.value_share > 0.0:
        total += rules.value_share * sigmoid(rules.share_logit + rules.share_slope * z)
    if rules.value_follow > 0.0:
        total += rules.value_follow * sigmoid(rules.follow_logit + rules.follow_slope * z)
    if rules.value_negative > 0.0:
        total -= rules.value_negative * sigmoid(rules.negative_logit + rules.negative_slope * z)
    return max(total, 1e-9)


@inner
def meet(r, scene, desk):
    """Find what the person of request r has with the authors of the candidates, and ask for what scoring will read."""
    q, c, acq = desk.request[r], desk.candidates, scene.acq
    for j in range(q.first, q.first + q.candidates):
        pair = find(acq.start, acq.creator, q.person, c.author[j])
        c.pair[j] = pair
        there = max(pair, 0)  # no branch: whether they have met is what none can predict
        prefetch(acq.follows, there)
        prefetch(acq.pair, there)


@inner
def _gather(r, scene, desk):
    """Predict the candidates of request r and collect what their scores are made of."""
    rules, posts, q, c = scene.rules, scene.posts, desk.request[r], desk.candidates
    i = q.person
    for j in range(q.first, q.first + q.candidates):
        p = c.post[j]
        post = posts[p]
        z, follows, affinity, standing = predict(p, c.pair[j], r, scene, desk)
        c.predicted[j] = z
        c.follows[j] = follows
        if standing == 0.0:
            c.taken[j] = 1
        c.duration[j] = post.duration
        factor = post.multiplier * standing * scene.boredom.score[scene.tags[i, post.tag]]
        factor *= 1.0 + rules.author_seen_bonus * min(affinity, 3.0)
        if post.brand >= 0:
            factor *= power(1.0 + scene.leads[i, post.brand].annoyance, -rules.ad_fatigue)
        c.factor[j] = factor
        name_noise(j, i, scene.day, post, c)


@inner
def name_noise(j, i, day, post, c):
    """Write the words that key the rank noise of candidate j: person, post and day."""
    c.person[j] = i
    c.key[j] = post.key
    c.word[j] = post.sponsored << 31 | post.ordinal << 16
    c.time[j] = day << 16


class Terms(NamedTuple):
    """Rules that `value` reads, as numbers that stay in registers through a loop."""

    watch_median: float
    watch_slope: float
    play_seconds: float
    value_playtime: float
    value_play: float
    value_like: float
    value_comment: float
    value_share: float
    value_follow: float
    value_negative: float
    like_logit: float
    like_slope: float
    comment_logit: float
    comment_slope: float
    share_logit: float
    share_slope: float
    follow_logit: float
    follow_slope: float
    negative_logit: float
    negative_slope: float


@inner
def _terms(r):
    return Terms(
        r.watch_median, r.watch_slope, r.play_seconds, r.value_playtime, r.value_play, r.value_like, r.value_comment, r.value_share,
        r.value_follow, r.value_negative, r.like_logit, r.like_slope, r.comment_logit, r.comment_slope, r.share_logit, r.share_slope,
        r.follow_logit, r.follow_slope, r.negative_logit, r.negative_slope,
    )  # fmt: skip


@hot
def _values(n, rules, predicted, duration, factor, score):
    """Fill the first n scores with value x factor."""
    terms = _terms(rules)
    for j in range(n):
        p_like = sigmoid(terms.like_logit + terms.like_slope * predicted[j])
        score[j] = value(predicted[j], duration[j], p_like, terms) * factor[j]


@hot
def _luck(n, rank_noise, u, score):
    """Multiply the first n scores by their noise."""
    for j in range(n):
        score[j] *= exp(-rank_noise * log(-log(u[j])))


@hot
def add_noise(n, rules, c):
    """Multiply the scores of the first n candidates of the desk by exp(t x Gumbel), keyed by (person, post, day)."""
    uniform_columns(n, rules.seed, _NOISE << 20 | rules.replication, c.person, c.key, c.word, c.time, c.u[0], c.u[1], c.u[2], c.u[3])
    _luck(n, rules.rank_noise, c.u[0], c.score)


@hot
def score_candidates(n, scene, desk):
    """Fill predictions and scores of the candidates of the first n requests; noise is keyed by (person, post, day)."""
    rules, c = scene.rules, desk.candidates
    for r in range(n):
        _gather(r, scene, desk)
    total = desk.request[n - 1].first + desk.request[n - 1].candidates
    if rules.ranking == 0:
        _values(total, rules, c.predicted, c.duration, c.factor, c.score)
        add_noise(total, rules, c)
        for r in range(n):
            q = desk.request[r]
            if rules.cold_start_rank > 0:
                _lift_newcomer(q.first, q.candidates, rules, scene.posts, c)
        for j in range(total):
            if not c.follows[j]:
                c.score[j] *= rules.non_followed_factor
        return
    for r in range(n):
        q = desk.request[r]
        for j in range(q.candidates):
            c.score[q.first + j] = scene.posts[c.post[q.first + j]].posted + 1.0 if rules.ranking == 1 else float(q.candidates - j)


@inner
def rank_noise(p, i, day, rules, posts):
    """Return the noise factor of post p for person i today: exp(t x Gumbel)."""
    word = posts[p].sponsored << 31 | posts[p].ordinal << 16
    u, _, _, _ = tail(rules.seed, _NOISE, rules.replication, i, posts[p].key, word, day << 16)
    return exp(-rules.rank_noise * log(-log(u)))


@inner
def _lift_newcomer(first, m, rules, posts, c):
    """Lift the best post of a small account with few impressions to the score at a given rank (X, 2026).

    At most one post a request; it must already stand among the upper 85 % of the candidates.
    """
    if m <= rules.cold_start_rank:
        return
    lifted = -1
    for j in range(first, first + m):
        p = c.post[j]
        small = posts[p].audience <= rules.cold_start_followers and posts[p].impressions < rules.cold_start_impressions
        if small and not c.taken[j] and (lifted < 0 or c.score[j] > c.score[lifted]):
            above = 0
            for k in range(first, first + m):
                if c.score[k] > c.score[j]:
                    above += 1
            if rules.cold_start_rank <= above < 0.85 * m:
                lifted = j
    if lifted < 0:
        return
    # The score at the rank: the largest that fewer than `rank` others exceed, found from below.
    for j in range(first, first + m):
        above = 0
        for k in range(first, first + m):
            if c.score[k] > c.score[j]:
                above += 1
        if above == rules.cold_start_rank - 1:
            c.score[lifted] = c.score[j]
            return

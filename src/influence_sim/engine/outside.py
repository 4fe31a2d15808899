"""Posts from outside the model: one competes for every slot of a request.

Nothing that happens in a request changes what its outside posts would be, so all are drawn before the first
slot is filled: random numbers, lengths and seconds watched run over whole columns.
"""

from __future__ import annotations

from influence_sim.engine.respond import expected_fraction, length, normals2, video_rules
from influence_sim.jit import hot, inner
from influence_sim.maths import exp
from influence_sim.rng import Stream, uniform_columns

NOBODY = 0xFFFFFFFF  # creator word of posts from outside the model
_CONTEST, _ANSWER = int(Stream.OUTSIDE), int(Stream.OUTSIDE_RESPONSE)


@inner
def rate_outside(r, scene, desk):
    """Sum the strength of outside posts over topics: they come by estimated topic and bore like any other seen today."""
    q = desk.request[r]
    steps = len(scene.outside) - 1
    total = 0.0
    for k in range(desk.estimate.shape[1]):
        at = desk.estimate[r, k] * q.estimate_scale * steps
        below = min(int(at), steps - 1)
        worth = scene.outside[below] + (at - below) * (scene.outside[below + 1] - scene.outside[below])
        total += desk.estimate[r, k] * worth * scene.boredom.outside[scene.tags[q.person, k]]
        desk.rivals[k, r] = total
    q.outside = total


@inner
def _name(r, o, desk):
    """Write the words that key the draws of each slot of request r."""
    q = desk.request[r]
    for s in range(q.slots):
        at = q.at + s
        o.request[at] = r
        o.person[at] = q.person
        o.place[at] = s
        o.word[at] = s << 16
        o.time[at] = q.time_word


@hot
def _targets(n, whole, request, u, target):
    """Turn uniforms into shares of the whole strength of each request, and set them to zero for what is counted next."""
    for at in range(n):
        target[at] = u[at] * whole[request[at]]
        u[at] = 0.0


@hot
def _past(n, limit, request, target, count):
    """Count, for each of the first n slots, whether its target is at or past the limit of its request."""
    for at in range(n):
        count[at] += 1.0 if target[at] >= limit[request[at]] else 0.0


@inner
def _choose(r, rules, scene, desk):
    """Decide whether outside posts are advertisements; keep their match, still without noise."""
    q, o = desk.request[r], desk.outside
    for at in range(q.at, q.at + q.slots):
        topic = int(o.topic[at])
        ad = o.ad[at] < rules.outside_ad_load and not q.protected
        o.ad[at] = 1.0 if ad else 0.0
        o.d[at] = desk.appeal[r, topic] - q.boredom - (rules.disclosure * scene.knowledge[q.person] if ad else 0.0)


@hot
def _lengths(n, rules, a, b, c):
    """Turn uniforms into the noise of match (a) and lengths in seconds (b)."""
    video = video_rules(rules)
    for j in range(n):
        z, z_length = normals2(a[j], b[j])
        a[j] = z
        b[j] = length(video, z_length, c[j])


@hot
def _watched(n, rules, match, duration, u, seconds, gain):
    """Fill seconds watched, at most the length, and what they teach the platform.

    `match` becomes the median of watching; `gain` holds the noise of match before.
    """
    video, noise, learn = video_rules(rules), rules.noise, rules.learn_watch
    for j in range(n):
        median = video.watch_median * exp(video.watch_slope * (match[j] + noise * gain[j]))
        match[j] = median
        watch = duration[j] if video.full_watch else min(median * u[j] / (1.0 - u[j]), duration[j])
        seconds[j] = watch
        gain[j] = learn * (watch / duration[j] - expected_fraction(video, duration[j]))


@hot
def draw_outside(n, scene, desk):
    """Draw the outside posts of all slots of the first n requests."""
    rules, o = scene.rules, desk.outside
    total = desk.request[n - 1].at + desk.request[n - 1].slots
    for r in range(n):
        _name(r, o, desk)
    seed, replication = rules.seed, rules.replication
    uniform_columns(total, seed, _CONTEST << 20 | replication, o.person, o.zero, o.place, o.time, o.contest, o.topic, o.ad, o.watch)
    uniform_columns(total, seed, _ANSWER << 20 | replication, o.person, o.nobody, o.word, o.time, o.a, o.b, o.c, o.d)
    _lengths(total, rules, o.a, o.b, o.c)
    # The topic is the first at which the running sum of strengths passes a uniform share of the whole.
    _targets(total, desk.rivals[-1], o.request, o.topic, o.d)
    for k in range(len(desk.rivals) - 1):
        _past(total, desk.rivals[k], o.request, o.d, o.topic)
    for r in range(n):
        _choose(r, rules, scene, desk)
    _watched(total, rules, o.d, o.b, o.watch, o.c, o.a)

"""Serve a round with scores from a Python function, which is asked about all requests of a block together."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

import numpy as np

from influence_sim.engine.desk import CANDIDATES, Desk, new_desk
from influence_sim.engine.feed import add_noise, name_noise, predict
from influence_sim.engine.outside import draw_outside
from influence_sim.engine.request import open_requests, play
from influence_sim.engine.respond import find, sigmoid
from influence_sim.engine.state import Array, Scene
from influence_sim.feeds.candidates import Candidates, empty_candidates
from influence_sim.jit import hot, inner
from influence_sim.maths import exp, log

LARGEST = 300.0  # scores are logs; beyond this their exponentials would not fit


class ScoreError(ValueError):
    """A feed function returned something that cannot be ranked."""


@inner
def _describe(r, j, column, scale, scene, desk, out):
    """Predict candidate j of request r and write what a feed function may know of it into `out[r, column]`."""
    rules, posts, c = scene.rules, scene.posts, desk.candidates
    i, p = desk.request[r].person, c.post[j]
    post = posts[p]
    c.pair[j] = find(scene.acq.start, scene.acq.creator, i, post.creator)
    z, follows, affinity, standing = predict(p, c.pair[j], r, scene, desk)
    c.predicted[j] = z
    c.follows[j] = follows
    if standing == 0.0:
        c.taken[j] = 1
    name_noise(j, i, scene.day, post, c)
    out.source[r, column] = c.source[j]
    out.valid[r, column] = standing > 0.0
    out.post[r, column] = p
    out.creator[r, column] = post.creator
    out.age[r, column] = max(0.0, scene.now - post.posted)
    out.duration[r, column] = post.duration
    out.followers[r, column] = post.audience * scale
    out.follows[r, column] = follows
    out.affinity[r, column] = affinity
    out.standing[r, column] = standing
    out.predicted[r, column] = z
    out.p_like[r, column] = sigmoid(rules.like_logit + rules.like_slope * z)
    out.p_comment[r, column] = sigmoid(rules.comment_logit + rules.comment_slope * z)
    out.p_share[r, column] = sigmoid(rules.share_logit + rules.share_slope * z)
    out.p_follow[r, column] = sigmoid(rules.follow_logit + rules.follow_slope * z)
    out.p_negative[r, column] = sigmoid(rules.negative_logit + rules.negative_slope * z)
    median = rules.watch_median * exp(rules.watch_slope * z)
    out.p_play[r, column] = 1.0 / (1.0 + min(rules.play_seconds, post.duration) / median)
    out.seconds[r, column] = median * log(1.0 + post.duration / median)
    out.views[r, column] = post.impressions * scale
    out.likes[r, column] = post.likes * scale
    out.comments[r, column] = post.comments * scale
    out.shares[r, column] = post.shares * scale
    out.trend[r, column] = post.trend
    out.tag[r, column] = post.tag
    out.same_tag_today[r, column] = scene.tags[i, post.tag]
    out.sponsored[r, column] = post.advert
    out.annoyance[r, column] = scene.leads[i, post.brand].annoyance if post.brand >= 0 else 0.0


@hot
def _describe_all(n, scale, scene, desk, out):
    """Write the candidates of the first n requests into the table a feed function reads; return the most a request has."""
    width = 0
    for r in range(n):
        q = desk.request[r]
        out.person[r] = q.person
        width = max(width, q.candidates)
        for column in range(q.candidates):
            _describe(r, q.first + column, column, scale, scene, desk, out)
        for column in range(q.candidates, CANDIDATES):
            out.valid[r, column] = False
    return width


@hot
def _take_scores(n, scores, scene, desk):
    """Turn log scores (n, width) into scores with rank noise; -inf is out of the contest, also where nothing else is left."""
    c = desk.candidates
    for r in range(n):
        q = desk.request[r]
        for column in range(q.candidates):
            j = q.first + column
            if scores[r, column] == -np.inf:
                c.taken[j] = 1
            c.score[j] = exp(scores[r, column])
    add_noise(desk.request[n - 1].first + desk.request[n - 1].candidates, scene.rules, c)


def scores_of(name: str, score: Callable[[Candidates], Array], table: Candidates) -> Array:
    """Return the scores of feed `name` as float64, -inf where nothing is to be shown.

    Raises
    ------
    ScoreError
        When the function fails, or what it returns has the wrong shape or no number for a candidate.
    """
    try:
        with np.errstate(all="ignore"):  # the log of 0 keeps a post out, as meant; NaN is refused below
            scores = np.asarray(score(table), np.float64)
    except Exception as problem:
        last = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{os.path.basename(last.filename)}:{last.lineno}"
        raise ScoreError(f"feed `{name}` failed ({where}): {type(problem).__name__}: {problem}") from problem
    if scores.shape != table.valid.shape:
        raise ScoreError(f"feed `{name}` returned an array of shape {scores.shape}; needed is (requests, candidates) = {table.valid.shape}")
    if np.isnan(scores[table.valid]).any():
        raise ScoreError(f"feed `{name}` returned NaN for a candidate; return -inf for what must not be shown")
    shown = table.valid & (scores > -np.inf)
    return np.where(shown, np.clip(scores, -LARGEST, LARGEST), -np.inf)


def score_by(n: int, scene: Scene, desk: Desk, name: str, score: Callable[[Candidates], Array], scale: float) -> None:
    """Score the first n requests of the desk with a Python function.

    Raises
    ------
    ScoreError
        As `scores_of`.
    """
    table = empty_candidates(n, CANDIDATES, scene.day, scene.now)
    width = int(_describe_all(n, scale, scene, desk, table))
    if width:
        part = Candidates(table.day, table.time, table.person, *(x[:, :width] for x in table[3:]))
        _take_scores(n, scores_of(name, score, part), scene, desk)


def serve_scored(low: int, high: int, scene: Scene, name: str, score: Callable[[Candidates], Array], scale: float) -> None:
    """Serve people low..high-1 with the scores of a Python function, which is asked about all of them at once."""
    desk = new_desk(scene.interests.shape[1], high - low)
    desk.next[:] = scene.slots.start[low:high]
    while n := open_requests(low, high, scene, desk):
        score_by(n, scene, desk, name, score, scale)
        draw_outside(n, scene, desk)
        play(n, scene, desk)

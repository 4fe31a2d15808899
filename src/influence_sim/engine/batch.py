"""Serve a round with scores from a Python function: a block's requests are opened, scored together, then played.

The first requests of everybody in the block go together, then the second, and so on; people of a
block share nothing, so the order changes no result.
"""

from __future__ import annotations

import math
import os
import traceback
from collections.abc import Callable

import numpy as np

from influence_sim.engine.feed import predict, rank_noise
from influence_sim.engine.request import close_request, open_request, play_slot
from influence_sim.engine.respond import sigmoid
from influence_sim.engine.retrieve import CANDIDATES, Desk, new_desks
from influence_sim.engine.state import Array, Scene
from influence_sim.feeds.candidates import Candidates, empty_candidates
from influence_sim.jit import hot

LARGEST = 300.0  # scores are logs; beyond this their exponentials would not fit


class ScoreError(ValueError):
    """A feed function returned something that cannot be ranked."""


@hot
def _desk(desks, r):
    """Return the desk of request r as views of the stacked ones."""
    return Desk(
        desks.request[r : r + 1],
        desks.post[r],
        desks.source[r],
        desks.sharer[r],
        desks.place[r],
        desks.score[r],
        desks.predicted[r],
        desks.follows[r],
        desks.taken[r],
        desks.authors[r],
        desks.tags[r],
        desks.estimate[r],
        desks.lesson[r],
        desks.taste[r],
        desks.outside[r],
    )


@hot
def _describe(p, z, follows, affinity, standing, r, j, i, scale, scene, out):
    """Fill row r, column j of the table a feed function reads."""
    rules, posts = scene.rules, scene.posts
    post = posts[p]
    out.valid[r, j] = standing > 0.0
    out.post[r, j] = p
    out.creator[r, j] = post.creator
    out.age[r, j] = max(0.0, scene.now - post.posted)
    out.duration[r, j] = post.duration
    out.followers[r, j] = post.audience * scale
    out.follows[r, j] = follows
    out.affinity[r, j] = affinity
    out.standing[r, j] = standing
    out.predicted[r, j] = z
    out.p_like[r, j] = sigmoid(rules.like_logit + rules.like_slope * z)
    out.p_comment[r, j] = sigmoid(rules.comment_logit + rules.comment_slope * z)
    out.p_share[r, j] = sigmoid(rules.share_logit + rules.share_slope * z)
    out.p_follow[r, j] = sigmoid(rules.follow_logit + rules.follow_slope * z)
    out.p_negative[r, j] = sigmoid(rules.negative_logit + rules.negative_slope * z)
    median = rules.watch_median * math.exp(rules.watch_slope * z)
    out.p_play[r, j] = 1.0 / (1.0 + min(rules.play_seconds, post.duration) / median)
    out.seconds[r, j] = median * math.log(1.0 + post.duration / median)
    out.views[r, j] = post.impressions * scale
    out.likes[r, j] = post.likes * scale
    out.comments[r, j] = post.comments * scale
    out.shares[r, j] = post.shares * scale
    out.trend[r, j] = post.trend
    out.tag[r, j] = post.tag
    out.same_tag_today[r, j] = scene.tags[i, post.tag]
    out.sponsored[r, j] = post.advert
    out.annoyance[r, j] = scene.leads[i, post.brand].annoyance if post.brand >= 0 else 0.0


@hot
def _describe_all(n, scale, scene, desk, out):
    """Predict the candidates of an opened request and put them into row n of the table."""
    i = desk.request[0].person
    out.person[n] = i
    for j in range(desk.request[0].candidates):
        p = desk.post[j]
        z, follows, affinity, standing = predict(p, i, scene.day, scene.rules, scene.posts, scene.themes, scene.acq, scene.decays, desk)
        desk.predicted[j] = z
        desk.follows[j] = follows
        if standing == 0.0:
            desk.taken[j] = 1
        out.source[n, j] = desk.source[j]
        _describe(p, z, follows, affinity, standing, n, j, i, scale, scene, out)
    for j in range(desk.request[0].candidates, CANDIDATES):
        out.valid[n, j] = False


@hot
def _set_scores(scores, scene, desk):
    """Turn log scores into scores with rank noise."""
    q = desk.request[0]
    for j in range(q.candidates):
        desk.score[j] = math.exp(scores[j]) * rank_noise(desk.post[j], q.person, scene.day, scene.rules, scene.posts)


@hot
def _gather(low, high, rows, scale, scene, desks, out):
    """Open the next request of everybody who has slots left; return how many there are."""
    n = 0
    for i in range(low, high):
        if rows[i - low] == scene.slots.start[i + 1]:
            continue
        desk = _desk(desks, n)
        open_request(i, rows[i - low], scene, desk)
        _describe_all(n, scale, scene, desk, out)
        n += 1
    return n


@hot
def _play(n, low, rows, scores, scene, desks):
    """Fill the slots of n opened requests by exp(score) and rank noise."""
    for r in range(n):
        desk = _desk(desks, r)
        q = desk.request[0]
        _set_scores(scores[r], scene, desk)
        for _ in range(q.slots):
            play_slot(scene, desk)
        close_request(scene, desk)
        rows[q.person - low] += q.slots


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


def score_request(scene: Scene, desk: Desk, name: str, score: Callable[[Candidates], Array], scale: float) -> None:
    """Score the opened request of one desk with a Python function, as a block of its own."""
    table = empty_candidates(1, CANDIDATES, scene.day, scene.now)
    _describe_all(0, scale, scene, desk, table)
    width = int(desk.request[0].candidates)
    if width == 0:
        return
    part = Candidates(table.day, table.time, table.person, *(x[:, :width] for x in table[3:]))
    scores = scores_of(name, score, part)
    desk.taken[:width] |= scores[0] == -np.inf
    _set_scores(scores[0], scene, desk)


def serve_scored(low: int, high: int, scene: Scene, name: str, score: Callable[[Candidates], Array], scale: float) -> None:
    """Serve people low..high-1 with the scores of a Python function."""
    rows = scene.slots.start[low:high].copy()
    n = int((scene.slots.start[low + 1 : high + 1] > rows).sum())
    desks = new_desks(n, scene.interests.shape[1])
    table = empty_candidates(n, CANDIDATES, scene.day, scene.now)
    while n := _gather(low, high, rows, scale, scene, desks, table):
        width = int(desks.request.candidates[:n].max())
        part = Candidates(table.day, table.time, table.person[:n], *(x[:n, :width] for x in table[3:]))
        scores = scores_of(name, score, part) if width else np.zeros((n, 0))
        # What the function refuses is out of the contest, also where nothing else is left.
        desks.taken[:n, :width] |= scores == -np.inf
        _play(n, low, rows, scores, scene, desks)

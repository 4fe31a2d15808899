"""What their work does to creators: authenticity every evening, prices and posting at reviews, giving up and coming back.

No rule reads a size: a creator compares itself with its own past, and what it loses by advertising is the
share of its own posts that advertise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.state import CAREER, records
from influence_sim.maths import power_of
from influence_sim.rng import Stream, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import Creators

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]
SUCCESS = 0.1, 10.0  # bounds of a review's success: a month without views is no reason to post never again
POSTING = 0.25, 4.0  # bounds of the posting rate over that of the start


def start(market: Market, creators: Creators, modelled: int, followers: Array) -> Any:
    """Return records CAREER (C,) as if creators had always worked as on day 0: deals outside the model only."""
    career = records(modelled, CAREER)
    posting, other = creators.posting[:modelled], market.creators.other_deals
    career.posts = posting * market.authenticity.window
    career.adverts = other * career.posts
    career.misfit = career.adverts * (1.0 - np.minimum(creators.fit_required[:modelled], 1.0)) / 2.0
    career.brand = -1
    career.usual_deals = other * posting * market.careers.review_days
    career.followers = followers[:modelled]
    career.success = 1.0
    return career


def work(s: Simulation) -> None:
    """Settle the day for creators: what they posted, how authentic they seem, who stops and who begins again."""
    _count_posts(s)
    _seem(s)
    _stop_or_begin(s)
    if (s.day + 1) % s.market.careers.review_days == 0:
        _review(s)


def _count_posts(s: Simulation) -> None:
    """Add today's posts to the fading sums."""
    career, c = s.career, s.modelled
    rows = s.first_live + np.flatnonzero(s.posts.posted[s.first_live : s.post_count] >= s.day)
    rows = rows[s.posts.creator[rows] < c]
    posts = s.posts[rows]
    adverts = posts[posts.advert == 1]
    repeats = np.zeros(c)
    for creator, brand in zip(adverts.creator.tolist(), adverts.brand.tolist(), strict=True):
        repeats[creator] += brand >= 0 and career.brand[creator] == brand
        career.brand[creator] = brand
    keep = 1.0 - 1.0 / s.market.authenticity.window
    career.posts = keep * career.posts + np.bincount(posts.creator, minlength=c)
    career.adverts = keep * career.adverts + np.bincount(adverts.creator, minlength=c)
    career.repeats = keep * career.repeats + repeats
    career.scripted = keep * career.scripted + np.bincount(adverts.creator, adverts.brief, minlength=c)
    career.misfit = keep * career.misfit + np.bincount(adverts.creator, 1.0 - adverts.fit, minlength=c)
    career.deals += np.bincount(adverts.creator, minlength=c)


def _seem(s: Simulation) -> None:
    """Move authenticity towards what recent work earns.

    A* = A0 (1 - k1 max(0, rho - rho0)) + k2 r - k3 b rho - k4 (1 - f) rho, with rho the share of advertising among
    recent posts, r the share of it for the brand of the one before, b its mean brief and f its mean fit.
    """
    career, c, rule = s.career, s.modelled, s.market.authenticity
    with np.errstate(divide="ignore", invalid="ignore"):
        of_posts = [np.where(career.posts > 0.0, career[name] / career.posts, 0.0) for name in ("adverts", "scripted", "misfit")]
        consistent = np.where(career.adverts > 0.0, career.repeats / career.adverts, 0.0)
    born = s.world.creators.authenticity[:c]
    share, scripted, misfit = of_posts
    target = born * (1.0 - rule.saturation * np.maximum(0.0, share - rule.tolerance)) + rule.consistency * consistent
    target = np.minimum(1.0, np.maximum(0.0, target - rule.control * scripted - rule.misfit * misfit))
    seems = s.own_column("creators", "authenticity")
    seems[:c] += rule.rate * (target - seems[:c])


def _stop_or_begin(s: Simulation) -> None:
    """Let creators give up, more likely after a bad review, and those who did begin again."""
    career, c, rule = s.career, s.modelled, s.market.careers
    u = uniforms(s.rules.seed, Stream.CAREER, s.rules.replication, 0, np.arange(c), 0, s.day << 16)
    hazard = rule.quit * power_of(career.success, -rule.discouragement)
    stops = (career.stopped == 0) & (u[:, 0] < hazard)
    begins = (career.stopped == 1) & (u[:, 1] < rule.entry)
    stop(s, np.flatnonzero(stops))
    if begins.any():
        rows = np.flatnonzero(begins)
        career.stopped[rows], career.success[rows] = 0, 1.0
        s.own_column("creators", "posting")[rows] = s.world.creators.posting[rows]


def stop(s: Simulation, rows: Array) -> None:
    """Let creators stop posting of their own accord and take no more orders; what is signed they still deliver."""
    if len(rows):
        s.career.stopped[rows] = 1
        s.own_column("creators", "posting")[rows] = 0.0


def _review(s: Simulation) -> None:
    """Let creators draw conclusions from the days since the last review."""
    career, c, rule = s.career, s.modelled, s.market.careers
    rows = s.first_live + np.flatnonzero(s.posts.posted[s.first_live : s.post_count] > s.day - rule.review_days)
    rows = rows[s.posts.creator[rows] < c]
    number = np.bincount(s.posts.creator[rows], minlength=c)
    views = np.bincount(s.posts.creator[rows], s.posts.impressions[rows], minlength=c) / np.maximum(1, number)
    known = (number > 0) & (career.views > 0.0)
    career.success = np.where(known, np.clip(views / np.where(known, career.views, 1.0), *SUCCESS), 1.0)
    career.views = np.where(number > 0, np.where(known, (career.views + views) / 2.0, views), career.views)
    born = s.world.creators.posting[:c]
    posting = s.own_column("creators", "posting")
    more = posting[:c] * power_of(career.success, rule.success)
    posting[:c] = np.clip(more, POSTING[0] * born, POSTING[1] * born) * (career.stopped == 0)

    asking, least, step = s.own_column("creators", "asking"), s.own_column("creators", "reservation"), rule.price_step
    busier = np.clip((career.deals - career.usual_deals) / np.maximum(1.0, career.usual_deals), -1.0, 1.0)
    asking[:c] = np.clip(asking[:c] * (1.0 + step * busier), 0.0, 1e3)
    lost = (career.followers - s.followers[:c]) / np.maximum(1, career.followers) / np.maximum(1, career.deals)
    moved = np.where(career.deals > 0, np.clip(rule.follower_loss * lost, -step, step), 0.0)
    least[:c] = np.clip(least[:c] * (1.0 + moved), 0.0, 1e3)
    career.usual_deals = (career.usual_deals + career.deals) / 2.0
    career.deals = 0
    career.followers = s.followers[:c]

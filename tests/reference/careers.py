"""What their work does to creators, one creator at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influence_sim.maths import power
from influence_sim.rng import Stream
from reference.people import Career, Creator

if TYPE_CHECKING:
    from reference.day import Reference


def begin(s: Reference, creator: Creator) -> None:
    """Give a creator the past it would have had."""
    market = s.market
    posts = creator.posting * market.authenticity.window
    adverts = market.creators.other_deals * posts
    creator.first_authenticity, creator.first_posting = creator.authenticity, creator.posting
    creator.career = Career(
        posts=posts,
        adverts=adverts,
        misfit=adverts * (1.0 - min(creator.fit_required, 1.0)) / 2.0,
        usual_deals=market.creators.other_deals * creator.posting * market.careers.review_days,
        followers=creator.followers,
    )


def work(s: Reference) -> None:
    """Settle the day of every creator."""
    for creator in s.creators[: s.modelled]:
        count_posts(s, creator)
        seem(s, creator)
        stop_or_begin(s, creator)
        if (s.day + 1) % s.market.careers.review_days == 0:
            review(s, creator)


def count_posts(s: Reference, creator: Creator) -> None:
    """Let old posts fade and add today's."""
    career, keep = creator.career, 1.0 - 1.0 / s.market.authenticity.window
    today = [p for p in s.posts if p.creator is creator and p.posted >= s.day]
    repeats, scripted, misfit = 0.0, 0.0, 0.0
    adverts = [p for p in today if p.advert]
    for post in adverts:
        brand = 0 if post.branded else -1
        repeats += post.branded and career.brand == brand
        career.brand = brand
        scripted += post.brief
        misfit += 1.0 - post.fit
    career.posts = keep * career.posts + len(today)
    career.adverts = keep * career.adverts + len(adverts)
    career.repeats = keep * career.repeats + repeats
    career.scripted = keep * career.scripted + scripted
    career.misfit = keep * career.misfit + misfit
    career.deals += len(adverts)


def seem(s: Reference, creator: Creator) -> None:
    """Move a twentieth of the way to what recent work earns."""
    rule, career = s.market.authenticity, creator.career
    share, scripted, misfit = (x / career.posts if career.posts > 0 else 0.0 for x in (career.adverts, career.scripted, career.misfit))
    consistent = career.repeats / career.adverts if career.adverts > 0 else 0.0
    target = creator.first_authenticity * (1.0 - rule.saturation * max(0.0, share - rule.tolerance)) + rule.consistency * consistent
    target = min(1.0, max(0.0, target - rule.control * scripted - rule.misfit * misfit))
    creator.authenticity += rule.rate * (target - creator.authenticity)


def stop_or_begin(s: Reference, creator: Creator) -> None:
    """Give up for a time, or end that time."""
    rule, career = s.market.careers, creator.career
    u_stop, u_begin, _, _ = s.dice.roll(Stream.CAREER, 0, creator.row, 0, s.day << 16)
    if career.stopped:
        if u_begin < rule.entry:
            career.stopped, career.success, creator.posting = False, 1.0, creator.first_posting
    elif u_stop < rule.quit * power(career.success, -rule.discouragement):
        career.stopped, creator.posting = True, 0.0


def review(s: Reference, creator: Creator) -> None:
    """Compare the days since the last review with what was usual."""
    rule, career = s.market.careers, creator.career
    posts = [p for p in s.posts if p.creator is creator and p.posted > s.day - rule.review_days]
    views = float(sum(p.impressions for p in posts)) / max(1, len(posts))
    career.success = 1.0
    if posts and career.views > 0.0:
        career.success = min(max(views / career.views, 0.1), 10.0)
        career.views = (career.views + views) / 2.0
    elif posts:
        career.views = views
    wanted = creator.posting * power(career.success, rule.success)
    creator.posting = 0.0 if career.stopped else min(max(wanted, 0.25 * creator.first_posting), 4.0 * creator.first_posting)
    busier = min(max((career.deals - career.usual_deals) / max(1.0, career.usual_deals), -1.0), 1.0)
    creator.asking = min(max(creator.asking * (1.0 + rule.price_step * busier), 0.0), 1e3)
    if career.deals:
        lost = (career.followers - creator.followers) / max(1, career.followers) / career.deals
        moved = min(max(rule.follower_loss * lost, -rule.price_step), rule.price_step)
        creator.reservation = min(max(creator.reservation * (1.0 + moved), 0.0), 1e3)
    career.usual_deals = (career.usual_deals + career.deals) / 2.0
    career.deals, career.followers = 0, creator.followers

"""A round: publish, deliver, refresh pools, allot capped posts, serve and respond, count, promote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine import ties
from influence_sim.engine.constants import buckets
from influence_sim.engine.contracts import Flight, settle
from influence_sim.engine.pools import allot, beliefs, count_round, deliver, grouped, modelled, promote, refresh
from influence_sim.engine.sample import exposures
from influence_sim.engine.seen import make_room
from influence_sim.engine.state import CLASSES, FAILED, FIXED, HEATED, PAID, SHARE, TAKEOVER, Array, Lists, Pool, Pools, Scene, Slots
from influence_sim.rng import Stream

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


def play_round(s: Simulation, r: int, new_posts: Array) -> tuple[Array, Array, Array]:
    """Play round r; return the events (person, post, action) that the evening needs."""
    m, rule, n = s.market, s.rules, s.world.size
    now = s.day + r / m.feed.rounds_per_day
    views = s.views * s.open_share
    edge = views * s.day_curve[r] + s.wish, views * s.day_curve[r + 1] + s.wish
    s.slots = None  # before the next round's are made
    start = np.zeros(n + 1, np.int64)
    np.cumsum((np.floor(edge[1]) - np.floor(edge[0])).astype(np.int64), out=start[1:])
    total = int(start[-1])
    slots = Slots(start, *(np.empty(total, t) for t in (np.int32, np.uint8, np.uint8, np.float32, np.int32, np.int32)))
    _deliver(s, new_posts)
    make_room(s, np.diff(start))
    s.slots = slots
    pools = _pools(s, now)
    tests = _test_audiences(s, r, slots)
    ads = _ad_audiences(s, r, slots)
    s.serve(scene(s, now, slots, pools, tests, ads))
    s.items.append(exposures(s.sampled, s.day, r, now, slots, s.posts, s.followers, s.world.people_per_agent))
    shown = modelled(slots)
    _count(s, r, slots, shown.row)
    if s.log is not None:
        s.log.round(s, r, new_posts)
    shared = (slots.action[shown.row] & SHARE) != 0
    s.pending += list(zip(shown.person[shared].tolist(), slots.post[shown.row[shared]].tolist(), strict=True))
    return ties.collect(shown, slots, s.posts, rule.minimum_watch)


def scene(s: Simulation, now: float, slots: Slots, pools: Pools, tests: Lists, ads: Lists) -> Scene:
    """Return what feed requests of this round read and write."""
    return Scene(
        s.day,
        now,
        s.rules,
        s.people.interests,
        s.people.estimate,
        s.people.minor,
        s.people.knowledge,
        s.people.sharing,
        s.people.price_sensitivity,
        s.amateur,
        s.creators.person,
        s.creators.authenticity,
        s.creators.reputation,
        s.posts,
        s.themes,
        s.acquaintances,
        s.decays,
        s.viewers,
        s.leads,
        s.brands,
        s.tags,
        slots,
        pools,
        s.inbox,
        s.seen,
        tests,
        ads,
        s.world.follows,
        s.outside,
        s.boredom,
    )


def _flights(s: Simulation) -> list[Flight]:
    """Return the flights of every brand."""
    return [flight for campaign in s.campaigns for flight in campaign.ledger.flights]


def _deliver(s: Simulation, new_posts: Array) -> None:
    """Push new posts and the last round's re-shares to followers."""
    person, accounts = s.creators.person, s.world.size + np.arange(len(s.creators.person)) - s.modelled
    outlet = np.where(person >= 0, person, accounts)  # an account of a brand has no person: its group comes after theirs
    keys = np.concatenate([outlet[s.posts.creator[new_posts]], np.array([p for p, _ in s.pending], np.int64)])
    rows = np.concatenate([new_posts, np.array([q for _, q in s.pending], np.int64)])
    s.pending = []
    if len(keys):
        out = grouped(keys, rows, s.world.size + s.accounts)
        talks = (np.diff(out.start) > 0).astype(np.uint8)
        friends, told = s.friends, (outlet, talks, talks[outlet], out.start, out.rows)
        s.threads.blocks(deliver, friends.start, friends.target, s.acquaintances, *told, s.inbox)


def _pools(s: Simulation, now: float) -> Pools:
    """Recompute post columns and group live posts by their stable slots."""
    m, posts, topics = s.market, s.posts, s.people.interests.shape[1]
    while s.first_live < s.post_count and now - posts.posted[s.first_live] > m.feed.max_age:
        s.first_live += 1
    first, count = s.first_live, s.post_count
    f = m.feed
    beliefs(first, count, now, s.rules, posts, *np.zeros((2, len(s.belief)), np.int64), s.belief)
    refresh(first, count, now, s.rules, posts, s.creators.retrievable, s.belief)
    for flight in _flights(s):  # an ad may run longer than posts are retrieved
        if flight.post < first and s.day <= flight.last_day:
            refresh(flight.post, flight.post + 1, now, s.rules, posts, s.creators.retrievable, s.belief)
    rows = np.arange(first, count, dtype=np.int32)
    live = (posts.posted[first:count] <= now) & (posts.slot[first:count] >= 0)
    slot = np.where(live, posts.slot[first:count], -1)
    size = buckets(m, s.ring.total)

    def pool(wanted: int, weight: Array, by_topic: bool) -> Pool:
        places, buckets_of = (topics, size.topic) if by_topic else (1, size.all)
        if wanted == 0:
            return Pool(Lists(np.zeros(places * buckets_of * CLASSES + 1, np.int64), rows[:0]), buckets_of, int(by_topic))
        bucket = slot % buckets_of + (posts.tag[first:count] * buckets_of if by_topic else 0)
        # Where weights move within a round, no class holds: all stand in the first, which is always read.
        chance = 0 if s.rules.sequential else np.clip(-np.frexp(weight)[1], 0, CLASSES - 1)
        key = bucket * CLASSES + chance
        return Pool(grouped(np.where(live & (weight > 0.0), key, -1), rows, places * buckets_of * CLASSES), buckets_of, int(by_topic))

    return Pools(
        pool(f.candidates_interest, posts.fresh_weight[first:count], True),
        pool(f.candidates_trending, posts.trend_weight[first:count], f.trending_by == "topic"),
        pool(f.candidates_random, np.ones(count - first), False),
    )


def _test_audiences(s: Simulation, r: int, slots: Slots) -> Lists:
    """Allot people to posts whose test stage is open."""
    n, f, posts = s.world.size, s.market.feed, s.posts
    rows = np.arange(s.first_live, s.post_count, dtype=np.int64)
    now = s.day + r / f.rounds_per_day
    age = now - posts.posted[rows]
    rows = rows[(posts.stage[rows] >= 0) & (posts.stage[rows] < f.stages) & (age >= 0.0) & (age <= f.max_age)]
    if f.exploration_share == 0.0 or len(rows) == 0:
        return Lists(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
    wanted = np.maximum(0, s.quotas[posts.stage[rows]] - posts.stage_served[rows])
    who, what = allot(
        rows,
        np.minimum(wanted, n),
        int(Stream.TEST_AUDIENCE),
        s.day,
        r,
        f.exploration_targeting,
        1,
        s.rules,
        s.people,
        s.creators,
        posts,
        s.themes,
        s.leads,
        slots,
        s.seen,
    )
    return grouped(who, what, n)


def _ad_audiences(s: Simulation, r: int, slots: Slots) -> Lists:
    """Allot people to bought impressions (today's part of each order, spread over the rounds left) and to heated posts."""
    n, f = s.world.size, s.market.feed
    now = s.day + r / f.rounds_per_day
    running = [
        x for x in _flights(s) if x.first_day <= s.day <= x.last_day and x.delivered < x.quota and s.posts.posted[x.post] <= now
    ]
    takeovers = [x for x in running if s.posts.format[x.post] == TAKEOVER]
    running = [x for x in running if s.posts.format[x.post] != TAKEOVER]
    heated = s.first_live + np.flatnonzero(s.posts.heat[s.first_live : s.post_count] > 0)
    age = now - s.posts.posted[heated]
    heated = heated[(age >= 0.0) & (age <= f.max_age)]
    if not running and not takeovers and not len(heated):
        return Lists(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
    rounds_left = [(x.last_day - s.day) * f.rounds_per_day + f.rounds_per_day - r for x in running]
    bought = [-(-(x.quota - x.delivered) // left) for x, left in zip(running, rounds_left, strict=True)]
    rows = np.array([x.post for x in running] + heated.tolist(), np.int64)
    wanted = np.array(bought + s.posts.heat[heated].tolist(), np.int64)
    chosen = [_allot_ads(s, r, rows, wanted, f.ad_gap + 1, slots)]
    if takeovers:
        # A takeover is the first thing somebody sees today: whoever has been here today is too late for it.
        fresh = np.where(s.viewers.shown == 0, np.diff(slots.start), 0)
        first = slots._replace(start=np.concatenate([[0], np.cumsum(fresh)]).astype(np.int64))
        rows, wanted = (np.array(x, np.int64) for x in zip(*((x.post, x.quota - x.delivered) for x in takeovers), strict=True))
        chosen.append(_allot_ads(s, r, rows, wanted, 1, first))
    who, what = (np.concatenate(column) for column in zip(*chosen, strict=True))
    return grouped(who, what, n)


def _allot_ads(s: Simulation, r: int, rows: Array, wanted: Array, least: int, slots: Slots) -> tuple[Array, Array]:
    """Return (person, post) pairs of people with at least `least` slots for the posts `rows`."""
    f = s.market.feed
    found: tuple[Array, Array] = allot(
        rows,
        np.minimum(wanted, s.world.size),
        int(Stream.AD_AUDIENCE),
        s.day,
        r,
        f.ad_targeting,
        least,
        s.rules,
        s.people,
        s.creators,
        s.posts,
        s.themes,
        s.leads,
        slots,
        s.seen,
    )
    return found


def _count(s: Simulation, r: int, slots: Slots, shown: Array) -> None:
    """Add the round's modelled slots (rows `shown`) to the counters, charge ads, end test stages, let trends fade."""
    f, rule, posts, scale = s.market.feed, s.rules, s.posts, s.world.people_per_agent
    before = posts.impressions[: s.post_count].copy()
    totals = np.zeros((s.threads.count, 8), np.int64)
    s.threads.each(lambda part: count_round(part, s.threads.count, shown, rule, posts, slots, totals[part]), range(s.threads.count))
    views, *counts = totals.sum(axis=0).tolist()
    outside = int((slots.post == -1).sum())
    counts = [views, outside, len(slots.post) - views - outside, *counts[:3], *counts[5:]]
    names = ("views_modelled", "views_outside", "views_empty", "likes", "comments", "shares", "organic_views", "organic_likes")
    for name, x in zip(names, counts, strict=True):
        s.today[name] += float(x) * scale
    _pass_thousand(s, r, before)
    s.today["watch_seconds"] += float(slots.watch.sum(dtype=np.float64)) * scale
    source = slots.source[shown]
    bought = np.bincount(slots.post[shown[source == PAID]], minlength=1)
    for campaign in s.campaigns:
        for flight in campaign.ledger.flights:
            if flight.post < len(bought) and bought[flight.post]:
                # A post boosted twice is charged to the older order first.
                delivered = min(int(bought[flight.post]), flight.quota - flight.delivered)
                bought[flight.post] -= delivered
                settle(campaign.ledger, flight, delivered, scale)
    np.subtract.at(posts.heat, slots.post[shown[source == HEATED]], 1)
    live = slice(s.first_live, s.post_count)
    if f.stages:
        rows = s.first_live + np.flatnonzero((posts.stage[live] >= 0) & (posts.stage[live] < f.stages))
        stage, served, strangers, value = posts.stage[rows], posts.stage_served[rows], posts.stage_strangers[rows], posts.stage_value[rows]
        promote(rows, rule, s.quotas, s.stage_memory, s.stage_count, posts)
        ended = np.flatnonzero(posts.stage[rows] != stage)
        s.stage_ends.append(
            {
                "post": rows[ended],
                "stage": stage[ended],
                "ended": np.full(len(ended), s.day + (r + 1) / f.rounds_per_day),
                "impressions": served[ended],
                "value": value[ended] / FIXED / np.maximum(strangers[ended], 1),
                "passed": posts.stage[rows[ended]] != FAILED,
            }
        )
    posts.trend[live] *= 0.5 ** (1.0 / (f.rounds_per_day * f.trending_half_life))


def _pass_thousand(s: Simulation, r: int, before: Array) -> None:
    """Stamp posts that passed 1,000 real views; a round's views count as spread evenly over it."""
    mark = 1000.0 / s.world.people_per_agent
    after = s.posts.impressions[: len(before)]
    rows = np.flatnonzero((before < mark) & (after >= mark))
    part = (mark - before[rows]) / (after[rows] - before[rows])
    s.posts.thousand[rows] = s.day + (r + part) / s.market.feed.rounds_per_day

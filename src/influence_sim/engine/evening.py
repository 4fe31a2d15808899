"""The evening: ties, trust, follows, funnel and purchases, reputation, daily record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine import careers, funnel, ties, wom
from influence_sim.engine.pools import grouped
from influence_sim.engine.state import BLOCK, CHANNELS, COMMENT, FINE, FIXED, INFLUENCER, NEW, NO_CHANNEL, SUMS, WORD, Array, Events
from influence_sim.rng import Stream, uniforms

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation


def play_evening(s: Simulation, who: Array, what: Array, bits: Array) -> None:
    """Settle the day's events (person, post, action) between people, creators and brands."""
    m, rule, n, day, scale = s.market, s.rules, s.world.size, s.day, s.world.people_per_agent
    posts, creators = s.posts, s.creators
    creator = posts.creator[what] if len(what) else np.zeros(0, np.int32)
    start, order = grouped(who, np.arange(len(who), dtype=np.int32), n)
    s.threads.blocks(ties.by_creator, start, order, creator)
    what, bits, creator = what[order], bits[order], creator[order]
    count = len(creators.person)
    comments = np.bincount(creator[(bits & COMMENT) != 0], minlength=count) * scale
    with np.errstate(divide="ignore", invalid="ignore"):  # capacity and demand may both be zero
        reply_chance = np.minimum(1.0, np.where(comments > 0, m.creators.reply_capacity / comments, 1.0))
        attending = s.followers * scale * m.creators.live_attendance
        seat_chance = np.minimum(1.0, np.where(attending > 0, m.creators.live_seats / attending, 1.0))
    u = uniforms(rule.seed, Stream.LIVE, rule.replication, 0, creators.key, 0, day << 16)[:, 0]
    live = (u < m.creators.live_sessions_per_week / 7.0) & (creators.posting > 0.0)
    ties.meet(s, start, creator)
    events = Events(start, creator, what, bits)
    changes = np.zeros((n, 2), np.int64)
    t = m.ties
    followers, trusted = np.zeros((2, -(-n // s.threads.block), count), np.int64)
    s.threads.blocks(
        ties.evening, int(np.diff(s.acquaintances.start).max()), s.threads.block, followers, trusted, day, rule, s.acquaintances, events,
        posts, creators, s.people, s.leads, s.decays, reply_chance, live, seat_chance, changes,
    )  # fmt: skip
    s.followers[:], trust = followers.sum(axis=0), trusted.sum(axis=0)
    keep = 0.5 ** (1.0 / t.reputation_half_life)
    known = s.followers > 0
    creators.reputation[known] = keep * creators.reputation[known] + (1.0 - keep) * (trust[known] / FIXED / s.followers[known])
    s.today["follows"] += float(changes[:, 0].sum()) * scale
    s.today["unfollows"] += float(changes[:, 1].sum()) * scale
    careers.work(s)
    _funnel(s)


def _funnel(s: Simulation) -> None:
    a, scale = s.leads, s.world.people_per_agent
    b = 0  # the brand under study
    today = s.today
    today["impressions"] = float(a.touches[:, b].sum()) * scale
    today["minors_impressions"] = float(a.touches[s.people.minor == 1, b].sum()) * scale
    today["clicks"] = float(a.clicks[:, b].sum()) * scale
    buyers = _buyers(s)
    bought = np.zeros(a.purchases.shape, np.int64)
    before = float(a.expected[:, b].sum())
    saturated = float(s.viewers.sponsored.sum()), float(s.viewers.shown.sum())
    said = np.zeros(a.purchases.shape, np.int8)
    sums = np.zeros((-(-s.world.size // BLOCK), a.shape[1], SUMS), np.int64)
    s.threads.blocks(
        funnel.evening, s.day, s.rules, s.decays, s.brands, BLOCK, s.people.knowledge, s.viewers, a, s.tags, s.acquaintances,
        buyers, bought, said, sums,
    )  # fmt: skip
    _record_sales(s, bought)
    if said.any():
        s.threads.blocks(wom.listen, s.day, s.rules, s.friends.start, s.friends.target, s.people.interests, said, a)
    s.credit += sums.sum(axis=0)
    today["praise"], today["complaints"] = (float((said[:, b] == sign).sum()) * scale for sign in (1, -1))
    today["new_customers"] = float(sums[:, b, NEW].sum()) / FINE * scale
    today["purchases"] = float(bought[:, b].sum()) * scale
    today["expected_purchases"] = (float(a.expected[:, b].sum()) - before) * scale
    today["reach_cumulative"] = float((a.reached[:, b] > 0).sum()) * scale
    today["aware"] = float(a.aware[:, b].sum()) * scale
    today["considering"] = float(a.considering[:, b].sum()) * scale
    customer, count = a.customer[:, b] == 1, a.purchases[:, b]
    for name, stage in (("trial", customer & (count == 1)), ("loyal", customer & (count > 1)), ("lapsed", ~customer & (count > 0))):
        today[name] = float(stage.sum()) * scale
    today["sponsored_share_seen"] = saturated[0] / saturated[1] if saturated[1] else 0.0
    brand = s.posts.brand[: s.post_count] == b
    channel = np.where(brand, s.posts.channel[: s.post_count], NO_CHANNEL)
    for name in ("impressions", "clicks"):
        so_far = np.bincount(channel, s.posts[name][: s.post_count], minlength=len(CHANNELS))[:WORD] * scale
        for k, value in enumerate(so_far):
            column = f"{name}_{CHANNELS[k]}"
            today[column] = float(value) - sum(s.daily[column])
    for name, value in zip(CHANNELS, _spent(s), strict=False):
        today[f"spend_{name}"] = float(value) - sum(s.daily[f"spend_{name}"])
    engaged = sum(float(x[: s.post_count][brand].sum()) for x in (s.posts.likes, s.posts.comments, s.posts.shares))
    today["engagements"] = engaged * scale - sum(s.daily["engagements"])


def _spent(s: Simulation) -> Array:
    """Return the USD paid so far by channel: what was charged for delivered ads, the rest for creators' posts."""
    ads = np.zeros(WORD)
    for flight in s.ledger.flights:
        ads[s.posts.channel[flight.post]] += flight.delivered * s.world.people_per_agent * flight.cpm / 1000.0
    ads[INFLUENCER] += s.ledger.paid - ads.sum()
    return ads


def _record_sales(s: Simulation, bought: Array) -> None:
    """Keep today's realised purchases, with what a dashboard knows of each: the last click in its window."""
    person, brand = np.nonzero(bought)
    lead = s.leads[person, brand]
    credited = (lead.clicked > 0) & (s.day + 1 - lead.clicked <= s.rules.click_window)
    s.sales.append(
        {
            "day": np.full(len(person), s.day),
            "person": person,
            "brand": brand,
            "purchases": bought[person, brand],
            "before": lead.purchases - bought[person, brand],
            "channel": np.where(credited, lead.click_channel, NO_CHANNEL),
            "creator": np.where(credited, lead.click_creator - 1, -1),
        }
    )


def _buyers(s: Simulation) -> Array:
    """Return the share of buyers (1, B) of everybody, or (N, B) among the people whom each person follows."""
    bought = (s.leads.purchases > 0).astype(np.float64)
    if s.market.funnel.contact == "everybody":
        return bought.sum(axis=0, keepdims=True) / s.world.size
    before = np.concatenate([np.zeros((1, bought.shape[1])), np.cumsum(bought[s.friends.target], axis=0)])
    start, end = s.friends.start[:-1], s.friends.start[1:]
    share: Array = (before[end] - before[start]) / np.maximum(1, end - start)[:, None]
    return share

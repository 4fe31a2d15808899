"""The morning: brands observe, order and pay; today's posts are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from influence_sim.engine.contracts import Campaign, Flight, contract, follower_lists, observe
from influence_sim.engine.publish import advance_form, organic_counts, with_room, write_posts
from influence_sim.engine.state import CHANNELS, Array
from influence_sim.rng import Stream, uniforms
from influence_sim.strategies.base import BrandView, Order, Sales

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

DISCLOSURE = {"none": 0.0, "hashtag": 0.5, "label": 1.0}


BRAND_POSTS = 2**12  # sponsored posts of a creator for one brand; the brand is part of the ordinal, so brands do not renumber each other


def observe_market(s: Simulation, campaign: Campaign | None = None) -> BrandView:
    """Return what a brand, by default the one under study, sees this morning."""
    campaign = s.campaigns[0] if campaign is None else campaign
    c, count = s.modelled, s.post_count
    creator = s.posts.creator[:count]
    engaged = s.posts.likes[:count] + s.posts.comments[:count] + s.posts.shares[:count]
    sums = [np.bincount(creator, x, minlength=c)[:c] for x in (s.posts.impressions[:count], engaged, np.ones(count))]
    followers = s.followers[:c] * s.world.people_per_agent
    scale = s.world.people_per_agent
    return observe(
        s.market,
        s.creators,
        s.day,
        s.horizon,
        campaign.ledger,
        followers,
        sums[0] * scale,
        sums[1] * scale,
        sums[2],
        s.fit,
        s.rules.seed,
        s.rules.replication,
        lambda: follower_lists(s.acquaintances.start, s.acquaintances.creator, s.acquaintances.follows, c),
        credited_sales(s, campaign.brand),
    )


def credited_sales(s: Simulation, brand: int) -> Sales:
    """Return what the brand's dashboard shows this morning: purchases by last click, `attribution.delay` days late."""
    channel, creator = np.zeros(len(CHANNELS)), np.zeros(s.modelled)
    for table in s.sales:
        mine = (table["brand"] == brand) & (table["day"] < s.day - s.market.attribution.delay)
        np.add.at(channel, table["channel"][mine], table["purchases"][mine])
        hers = mine & (table["creator"] >= 0) & (table["creator"] < s.modelled)
        np.add.at(creator, table["creator"][hers], table["purchases"][hers])
    return Sales(channel * s.world.people_per_agent, creator * s.world.people_per_agent)


def sign(s: Simulation, orders: Sequence[Order] | None) -> None:
    """Contract today's orders of every brand: what its strategy plans, or for the brand under study those given.

    Another brand asks first each day, so that none is always before the others.
    """
    turn = s.day % len(s.campaigns)
    for campaign in [*s.campaigns[turn:], *s.campaigns[:turn]]:
        given = orders if campaign.brand == 0 else None
        if given is None and (campaign.strategy is None or campaign.ledger.budget <= 0.0):
            continue
        view = observe_market(s, campaign)
        if given is None and campaign.strategy is not None:
            given = campaign.strategy.plan(view)
        contract(campaign.ledger, list(given or ()), view)


def publish(s: Simulation, organic: dict[int, int]) -> list[Array]:
    """Write today's posts; return the rows that appear in each round."""
    m, rounds, day, rule = s.market, s.market.feed.rounds_per_day, s.day, s.rules
    advance_form(s.creators, m, day, rule.seed, rule.replication)
    counts = organic_counts(s.creators, day, rule.seed, rule.replication)
    for c, wanted in organic.items():
        counts[c] = wanted
    if day == 0:
        counts[: s.modelled] += m.creators.opening_posts
    creator = np.repeat(np.arange(len(counts)), counts)
    rows: list[tuple[int, int, int, float, float]] = [(int(c), 0, -1, 0.0, 1.0) for c in creator]
    flights = []
    for x in s.campaigns:
        rows += [(o.creator, 1, x.brand, DISCLOSURE[o.disclosure], float(s.fit[o.creator])) for o in x.ledger.booked if o.day == day]
        s.brands.codes[x.brand] |= bool(x.ledger.booked)
        flights += [(x, order) for order in x.ledger.ads if order.day == day]
        rows += [(s.modelled + x.brand, 1, x.brand, 1.0, 1.0) for order in x.ledger.ads if order.day == day]
    rows.sort(key=lambda row: row[:3])
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    creator, sponsored = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    # A post's ordinal is its place among the creator's organic posts, or among its posts for one brand.
    kind = np.where(sponsored == 1, 1 + table[:, 2].astype(np.int64), 0)
    group = creator * s.ordinals.shape[1] + kind
    ordinal = np.arange(len(rows)) - np.searchsorted(group, group) + s.ordinals[creator, kind]
    np.add.at(s.ordinals, (creator, kind), 1)
    if ((kind > 0) & (ordinal >= BRAND_POSTS)).any():
        raise OverflowError(f"a creator has more than {BRAND_POSTS} sponsored posts for one brand; shorten the horizon")
    ordinal += np.maximum(kind - 1, 0) * BRAND_POSTS
    key = np.where(creator < s.modelled, creator, 2**31 + creator - s.modelled)
    time = uniforms(rule.seed, Stream.PUBLISH, rule.replication, 1, key, sponsored << 31 | ordinal << 16)
    posted = day + np.floor(time[:, 0] * rounds) / rounds
    posted[creator >= s.modelled] = day
    if day == 0:
        opening = (sponsored == 0) & (ordinal < m.creators.opening_posts)
        posted[opening] = -np.floor(time[opening, 1] * min(7.0, m.feed.max_age) * rounds) / rounds
    at = s.post_count
    s.posts, s.themes = with_room(s.posts, s.themes, at + len(rows))
    write_posts(
        s.posts,
        s.themes,
        at,
        creator,
        sponsored,
        ordinal,
        table[:, 2].astype(np.int64),
        posted,
        table[:, 3],
        table[:, 4],
        m,
        rule,
        s.creators,
        s.ring,
        s.followers,
        s.accounts,
    )
    s.posts.heat[at : at + len(rows)] += np.where((sponsored == 0) & (posted >= day), s.heat[creator], 0)
    s.post_count += len(rows)
    accounts = at + np.flatnonzero(creator >= s.modelled)
    for (campaign, order), post in zip(flights, accounts, strict=True):
        quota = int(order.spend / m.prices.cpm * 1000.0 / s.world.people_per_agent)
        campaign.ledger.flights.append(Flight(int(post), day, min(day + order.days, s.horizon) - 1, quota, order.spend, m.prices.cpm))
    opens = np.maximum(0, np.floor((posted - day) * rounds + 1e-9).astype(np.int64))
    return [at + np.flatnonzero(opens == r) for r in range(rounds)]

"""The morning: brands observe, order and pay; today's posts are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.contracts import Campaign, Flight, contract, follower_lists, observe
from influence_sim.engine.media import demand, price
from influence_sim.engine.publish import MADE_FIRST, advance_form, organic_counts, with_room, write_posts
from influence_sim.engine.state import BRAND_ACCOUNT, FORMATS, HIRED, MADE, Array
from influence_sim.rng import Stream, normals, uniforms
from influence_sim.strategies.base import REPORT_DELAY, BrandView, Order, PaidImpressions, Results

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

DISCLOSURE = {"none": 0.0, "hashtag": 0.5, "label": 1.0}

TRACKING_ERROR = 0.2  # ln sd of the sales a dashboard attributes to a post
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
        campaign.brand,
        price(s.market, demand(s.market, s.campaigns, s.day)),
        results_of(s, campaign),
        lambda: follower_lists(s.acquaintances.start, s.acquaintances.creator, s.acquaintances.follows, c),
    )


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
        contract(campaign.ledger, list(given or ()), view, s.market, s.campaigns)


def results_of(s: Simulation, campaign: Campaign) -> Results:
    """Return what a brand's dashboard shows of its posts; sales come late and with an error of tracking."""
    posts, scale = s.posts[: s.post_count], s.world.people_per_agent
    rows = np.flatnonzero((posts.brand == campaign.brand) & (posts.sponsored == 1))
    day = np.floor(posts.posted[rows]).astype(np.int64)
    own = posts.key[rows] >= BRAND_ACCOUNT
    fees = {(o.creator, o.day): fee for o, fee in zip(campaign.ledger.booked, campaign.ledger.fees, strict=True)}
    charged: dict[int, float] = {}
    for flight in campaign.ledger.flights:
        charged[flight.post] = charged.get(flight.post, 0.0) + flight.delivered * scale * flight.cpm / 1000.0
    hired = [fees.get((c, d), 0.0) for c, d in zip(posts.creator[rows].tolist(), day.tolist(), strict=True)]
    spend = np.where(own, 0.0, hired) + np.array([charged.get(row, 0.0) for row in rows.tolist()])
    word = posts.sponsored[rows].astype(np.int64) << 31 | posts.ordinal[rows] << 16
    u = uniforms(s.rules.seed, Stream.RESULT_NOISE, s.rules.replication, 0, posts.key[rows], word)
    sales = posts.sales[rows] * scale * np.exp(TRACKING_ERROR * normals(u)[:, 0])
    return Results(
        np.where(own, -1, posts.creator[rows]),
        day,
        spend,
        posts.impressions[rows] * scale,
        (posts.likes + posts.comments + posts.shares)[rows] * scale,
        posts.clicks[rows] * scale,
        np.where(s.day - day >= REPORT_DELAY, sales, np.nan),
    )


def joiners(s: Simulation) -> list[tuple[int, int]]:
    """Return (account, brand) of those who make a video for a challenge today; people without an account open one.

    An account of such a person has their own tastes as topics and is keyed by the person, so that nobody else is renumbered.
    """
    person, brand = np.nonzero(s.leads.joined == 1)
    if not len(person):
        return []
    s.leads.joined[person, brand] = 2
    s.open_accounts(np.unique(person[s.accounts_of(person) < 0]))
    return list(zip(s.accounts_of(person).tolist(), brand.tolist(), strict=True))


def _to_boost(s: Simulation, campaign: Campaign, order: PaidImpressions) -> int | None:
    """Return the newest post of a creator that the brand may boost, or None when it was not made."""
    allowed = [o.day for o in campaign.ledger.booked if o.creator == order.creator and o.usage_rights and o.day <= order.day]
    posts = s.posts[: s.post_count]
    mine = (posts.creator == order.creator) & (posts.brand == campaign.brand) & (posts.sponsored == 1)
    found = np.flatnonzero(mine & np.isin(np.floor(posts.posted), allowed))
    return int(found[-1]) if len(found) else None


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
    rows: list[tuple[int, int, int, float, float, int]] = [(int(c), 0, -1, 0.0, 1.0, HIRED) for c in creator]
    flights, boosts = [], []
    for x in s.campaigns:
        rows += [(o.creator, 1, x.brand, DISCLOSURE[o.disclosure], float(s.fit[o.creator]), HIRED) for o in x.ledger.booked if o.day == day]
        today = [(x, order, cpm) for order, cpm in zip(x.ledger.ads, x.ledger.cpms, strict=True) if order.day == day]
        boosts += [ad for ad in today if ad[1].creator is not None]
        own = [ad for ad in today if ad[1].creator is None]
        flights += own
        rows += [(s.modelled + x.brand, 1, x.brand, 1.0, 1.0, FORMATS.index(order.format)) for _, order, _ in own]
    rows += [(account, 0, brand, 0.0, 1.0, MADE) for account, brand in joiners(s)]
    rows.sort(key=lambda row: row[:3])
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 6)
    creator, sponsored = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    # A post's ordinal is its place among the creator's organic posts, its videos for one brand's challenge, or its posts for one brand.
    brand, form = table[:, 2].astype(np.int64), table[:, 5].astype(np.int64)
    kind = 1 + brand + np.where(sponsored == 1, s.accounts, 0)
    group = creator * s.ordinals.shape[1] + kind
    ordinal = np.arange(len(rows)) - np.searchsorted(group, group) + s.ordinals[creator, kind]
    np.add.at(s.ordinals, (creator, kind), 1)
    if ((sponsored == 1) & (ordinal >= BRAND_POSTS)).any():
        raise OverflowError(f"a creator has more than {BRAND_POSTS} sponsored posts for one brand; shorten the horizon")
    if ((kind == 0) & (ordinal >= MADE_FIRST)).any():
        raise OverflowError(f"a creator has more than {MADE_FIRST} organic posts; shorten the horizon or lower posts per day")
    ordinal += np.where(sponsored == 1, brand * BRAND_POSTS, np.where(form == MADE, MADE_FIRST + 4 * brand, 0))
    key = s.creators.key[creator]
    time = uniforms(rule.seed, Stream.PUBLISH, rule.replication, 1, key, sponsored << 31 | ordinal << 16)
    if m.creators.lawful_labels > 0.0:
        u = uniforms(rule.seed, Stream.LABEL, rule.replication, 0, key, sponsored << 31 | ordinal << 16)[:, 0]
        table[(sponsored == 1) & (u < m.creators.lawful_labels), 3] = 1.0
    posted = day + np.floor(time[:, 0] * rounds) / rounds
    posted[key >= BRAND_ACCOUNT] = day
    if day == 0:
        opening = (kind == 0) & (ordinal < m.creators.opening_posts)
        posted[opening] = -np.floor(time[opening, 1] * min(7.0, m.feed.max_age) * rounds) / rounds
    audience = s.followers[creator]
    made = np.flatnonzero(form == MADE)
    if len(made):  # friends follow people, and a creator's followers are counted above
        person = s.creators.person[creator[made]]
        audience[made] += np.where(s.people.creator[person] < 0, np.bincount(s.friends.target, minlength=s.world.size)[person], 0)
        s.today["user_videos"] += float(len(made)) * s.world.people_per_agent
    at = s.post_count
    s.posts, s.themes = with_room(s.posts, s.themes, at + len(rows))
    write_posts(
        s.posts,
        s.themes,
        at,
        creator,
        sponsored,
        ordinal,
        brand,
        posted,
        table[:, 3],
        table[:, 4],
        form,
        m,
        rule,
        s.creators,
        s.ring,
        audience,
    )
    s.posts.heat[at : at + len(rows)] += np.where((kind == 0) & (posted >= day), s.heat[creator], 0)
    s.post_count += len(rows)
    accounts: list[Any] = (at + np.flatnonzero(key >= BRAND_ACCOUNT)).tolist()
    for (campaign, order, cpm), post in zip(flights + boosts, accounts + [_to_boost(s, *ad[:2]) for ad in boosts], strict=True):
        if post is None:
            campaign.ledger.reserved -= order.spend
            continue
        quota = int(order.spend / cpm * 1000.0 / s.world.people_per_agent)
        campaign.ledger.flights.append(Flight(int(post), day, min(day + order.days, s.horizon) - 1, quota, order.spend, cpm))
    opens = np.maximum(0, np.floor((posted - day) * rounds + 1e-9).astype(np.int64))
    return [at + np.flatnonzero(opens == r) for r in range(rounds)]

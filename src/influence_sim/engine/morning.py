"""The morning: brands observe, order and pay; today's posts are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.accounts import accounts_of, open_accounts
from influence_sim.engine.contracts import Campaign, Flight, contract, listed_fee, observe, sales_of
from influence_sim.engine.publish import MADE_FIRST, advance_form, organic_counts, with_room, write_posts
from influence_sim.engine.state import BRAND_ACCOUNT, FORMATS, HIRED, MADE, Array
from influence_sim.rng import Stream, uniforms
from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

DISCLOSURE = {"none": 0.0, "hashtag": 0.5, "label": 1.0}

BRAND_POSTS = 2**12  # sponsored posts of a creator for one brand; the brand is part of the ordinal, so brands do not renumber each other


def observe_market(s: Simulation, campaign: Campaign | None = None) -> BrandView:
    """Return what a brand, by default the one under study, sees this morning."""
    return observe(s, s.campaigns[0] if campaign is None else campaign)


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
        contract(campaign.ledger, list(given or ()), view, s.market, s.campaigns, sales_of(s, campaign.brand))


def _posted(s: Simulation, brand: int, orders: list[SponsoredPost]) -> list[SponsoredPost]:
    """Return the orders of today that become posts: all that are paid for, and what creators make of gifts.

    Chance of a gift: (base + effect (fit - .5)) x min(1, gift / (worth x listed fee)), dice keyed by brand,
    creator and the gift's place among the creator's of today.
    """
    p, today = s.market.prices, [order for order in orders if order.day == s.day]
    kept: list[SponsoredPost] = []
    before: dict[int, int] = {}
    for order in today:
        if order.pay == "gift":
            c = order.creator
            before[c] = before.get(c, 0) + 1
            usual = float(listed_fee(s.market, s.followers[c : c + 1] * s.world.people_per_agent)[0])
            chance = (p.gift_posts + p.gift_fit * (float(s.fit[c]) - 0.5)) * min(1.0, p.gift_cost / max(p.gift_worth * usual, 1e-9))
            word = before[c] - 1
            if uniforms(s.rules.seed, Stream.GIFT, s.rules.replication, brand, c, word, s.day << 16)[0, 0] >= chance:
                continue
        kept.append(order)
    return kept


def joiners(s: Simulation) -> list[tuple[int, int]]:
    """Return (account, brand) of those who make a video for a challenge today; people without an account open one.

    An account of such a person has their own tastes as topics and is keyed by the person, so that nobody else is renumbered.
    """
    person, brand = np.nonzero(s.leads.joined == 1)
    if not len(person):
        return []
    s.leads.joined[person, brand] = 2
    open_accounts(s, np.unique(person[accounts_of(s, person) < 0]))
    return list(zip(accounts_of(s, person).tolist(), brand.tolist(), strict=True))


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
    # (creator, sponsored, brand, disclosure, fit, format, brief, cell)
    rows: list[tuple[int, int, int, float, float, int, float, int]] = [(int(c), 0, -1, 0.0, 1.0, HIRED, 0.0, 0) for c in creator]
    flights, boosts = [], []
    for x in s.campaigns:
        for o in _posted(s, x.brand, x.ledger.booked):
            rows.append((o.creator, 1, x.brand, DISCLOSURE[o.disclosure], float(s.fit[o.creator]), HIRED, o.brief, o.cell))
        s.brands.codes[x.brand] |= bool(x.ledger.booked)
        today = [(x, order, cpm) for order, cpm in zip(x.ledger.ads, x.ledger.cpms, strict=True) if order.day == day]
        boosts += [ad for ad in today if ad[1].creator is not None]
        own = [ad for ad in today if ad[1].creator is None]
        flights += own
        rows += [(s.modelled + x.brand, 1, x.brand, 1.0, 1.0, FORMATS.index(order.format), 0.0, order.cell) for _, order, _ in own]
    rows += [(account, 0, brand, 0.0, 1.0, MADE, 0.0, 0) for account, brand in joiners(s)]
    rows.sort(key=lambda row: row[:3])
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 8)
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
    account = key >= BRAND_ACCOUNT
    posted[account & (sponsored == 1)] = day
    if day == 0:
        opening = (kind == 0) & ~account & (ordinal < m.creators.opening_posts)
        posted[opening] = -np.floor(time[opening, 1] * min(7.0, m.feed.max_age) * rounds) / rounds
    # Deals with brands outside the model: the post keeps its identity, viewers see advertising.
    other = uniforms(rule.seed, Stream.OTHER_DEAL, rule.replication, 0, key, sponsored << 31 | ordinal << 16)
    dealt = (kind == 0) & ~account & (other[:, 0] < m.creators.other_deals)
    least = np.minimum(s.creators.fit_required[creator], 1.0)
    disclosure = np.where(dealt, other[:, 1] < m.creators.other_disclosed, table[:, 3])
    fit = np.where(dealt, least + (1.0 - least) * other[:, 2], table[:, 4])
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
        np.where(dealt, 1, sponsored),
        disclosure,
        fit,
        form,
        table[:, 6],
        m,
        rule,
        s.creators,
        s.ring,
        audience,
    )
    s.posts.cell[at : at + len(rows)] = table[:, 7]
    s.posts.heat[at : at + len(rows)] += np.where((kind == 0) & (posted >= day), s.heat[creator], 0)
    s.post_count += len(rows)
    accounts: list[Any] = (at + np.flatnonzero(account & (sponsored == 1))).tolist()
    for (campaign, order, cpm), post in zip(flights + boosts, accounts + [_to_boost(s, *ad[:2]) for ad in boosts], strict=True):
        if post is None:
            campaign.ledger.reserved -= order.spend
            continue
        quota = int(order.spend / cpm * 1000.0 / s.world.people_per_agent)
        campaign.ledger.flights.append(Flight(int(post), day, min(day + order.days, s.horizon) - 1, quota, order.spend, cpm))
    opens = np.maximum(0, np.floor((posted - day) * rounds + 1e-9).astype(np.int64))
    return [at + np.flatnonzero(opens == r) for r in range(rounds)]

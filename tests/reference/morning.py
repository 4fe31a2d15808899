"""The morning: what orders cost and which are signed, and the posts that are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import pdtr

from influence_sim.rng import Stream
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from reference.people import Creator, Post
from reference.philox import numpy_normal
from reference.respond import video_length

if TYPE_CHECKING:
    from reference.day import Reference

DISCLOSURE = {"none": 0.0, "hashtag": 0.5, "label": 1.0}
SPONSORED_SLOTS = 4


@dataclass
class Campaign:
    """An order of ads that runs; counts are in agents' impressions."""

    post: Post
    first_day: int
    last_day: int
    quota: int
    reserved: float
    cpm: float  # as agreed
    delivered: int = 0


@dataclass
class Money:
    """What the brand has, has paid, and has promised."""

    budget: float
    paid: float = 0.0
    reserved: float = 0.0
    hired: set[int] = field(default_factory=set)
    booked: list[SponsoredPost] = field(default_factory=list)
    ads: list[PaidImpressions] = field(default_factory=list)
    cpms: list[float] = field(default_factory=list)  # USD per thousand, agreed for each of them
    refused: list[Order] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)

    @property
    def left(self) -> float:
        """USD neither paid nor reserved."""
        return self.budget - self.paid - self.reserved


def fee(s: Reference, creator: Creator) -> float:
    """Return the fee a creator asks in USD; NaN when the brand does not fit."""
    prices = s.market.prices
    if creator.fit < creator.fit_required:
        return math.nan
    own = [p for p in s.posts if p.creator is creator]
    views = float(sum(p.impressions for p in own)) * s.scale
    engaged = float(sum(p.likes + p.comments + p.shares for p in own)) * s.scale
    relative = engaged / views / 0.05 if views > 0 else 1.0
    engagement = max(0.2, 1.0 + prices.fee_engagement * (relative - 1.0))
    # NumPy's power and decimal rounding, as the engine's columns of quotes use them.
    size = float(np.power(creator.followers * s.scale / 10_000.0, prices.fee_exponent))
    return float(np.round(prices.fee * size * engagement * creator.asking, 2))


def sign(s: Reference, orders: Sequence[Order]) -> None:
    """Accept what can be paid, in the order it was asked for."""
    money, prices = s.money, s.market.prices
    for order in orders:
        if isinstance(order, PaidImpressions) and (order.format != "infeed" or order.creator is not None):
            raise NotImplementedError("the reference tells in-feed ads of the brand's own account")
        in_time = s.day <= order.day < s.horizon
        if isinstance(order, SponsoredPost):
            known = in_time and 0 <= order.creator < s.modelled
            cost = fee(s, s.creators[order.creator]) if known else math.nan
            if order.creator not in money.hired:
                cost += prices.deal_overhead + prices.product_cost
            if not cost <= money.left + 1e-9:
                money.refused.append(order)
                continue
            money.paid += cost
            money.hired.add(order.creator)
            money.booked.append(order)
        else:
            if not (in_time and order.spend > 0 and order.days >= 1 and order.spend <= money.left + 1e-9):
                money.refused.append(order)
                continue
            # Impressions are dearer the more this brand has already booked for the first day of the order.
            running = [a for a in money.ads if a.day <= order.day < a.day + a.days]
            people = s.market.people.population
            others = sum(a.spend / a.days for a in running) / people * 1000.0
            bid = others + order.spend / order.days / people * 1000.0
            money.cpms.append(float(prices.cpm * (1.0 + bid / prices.ad_demand) ** prices.auction))
            money.reserved += order.spend
            money.ads.append(order)


def organic_count(s: Reference, creator: Creator) -> int:
    """Return today's Poisson number of organic posts, by inversion."""
    u = s.dice.roll(Stream.PUBLISH, 0, creator.key, 0, s.day << 16)[0]
    count = 0
    while u > pdtr(count, creator.posting):
        count += 1
    return count


def publish(s: Reference) -> dict[int, list[Post]]:
    """Write today's posts; return those that appear in each round."""
    creators, rounds = s.market.creators, s.market.feed.rounds_per_day
    ads = [(a, cpm) for a, cpm in zip(s.money.ads, s.money.cpms, strict=True) if a.day == s.day]
    opening: dict[int, list[Post]] = {r: [] for r in range(rounds)}
    for creator in s.creators:
        z = numpy_normal(*s.dice.roll(Stream.FORM, 0, creator.key, 0, s.day << 16)[:2])
        persistence = creators.form_persistence
        creator.form = persistence * creator.form + creators.form_sd * math.sqrt(1.0 - persistence**2) * z
    for creator in s.creators:
        own = creator.row < s.modelled
        count = organic_count(s, creator) + (creators.opening_posts if own and s.day == 0 else 0)
        wanted = [(False, False, 0.0, 1.0)] * count
        if own:
            hired = [o for o in s.money.booked if o.day == s.day and o.creator == creator.row]
            wanted += [(True, True, DISCLOSURE[o.disclosure], creator.fit) for o in hired]
        else:
            wanted += [(True, True, 1.0, 1.0)] * len(ads)
        for sponsored, branded, disclosure, fit in wanted:
            post = write(s, creator, sponsored, branded, disclosure, fit)
            s.posts.append(post)
            opening[max(0, math.floor((post.posted - s.day) * rounds + 1e-9))].append(post)
    accounts = [p for p in s.posts if p.creator.row >= s.modelled][-len(ads) :] if ads else []
    for (order, cpm), post in zip(ads, accounts, strict=True):
        quota = int(order.spend / cpm * 1000.0 / s.scale)
        s.money.campaigns.append(Campaign(post, s.day, min(s.day + order.days, s.horizon) - 1, quota, order.spend, cpm))
    return opening


def write(s: Reference, creator: Creator, sponsored: bool, branded: bool, disclosure: float, fit: float) -> Post:
    """Return a new post; everything about it is keyed by (creator, kind, ordinal)."""
    market, rounds = s.market, s.market.feed.rounds_per_day
    own = creator.row < s.modelled
    ordinal = creator.ordinals[sponsored]
    creator.ordinals[sponsored] += 1
    key = creator.key
    word = int(sponsored) << 31 | ordinal << 16

    u, v, _, _ = s.dice.roll(Stream.PUBLISH, 1, key, word)
    posted = s.day + math.floor(u * rounds) / rounds
    if not own:
        posted = float(s.day)
    elif s.day == 0 and not sponsored and ordinal < market.creators.opening_posts:
        posted = -math.floor(v * min(7.0, market.feed.max_age) * rounds) / rounds

    count = len(creator.topics)
    dice = [x for draw in range(-(-count // 4)) for x in s.dice.roll(Stream.POST_TOPIC, 0, key, word + draw)][:count]
    noise = -np.log(np.array(dice))
    noise /= noise.sum()  # NumPy adds ten numbers in an order of its own
    share = market.creators.post_topic_noise if own else 0.0
    shares = [(1.0 - share) * x + share * float(y) for x, y in zip(creator.topics, noise, strict=True)]
    length = math.sqrt(np.array([x * x for x in shares]).sum())

    z = numpy_normal(*s.dice.roll(Stream.POST_QUALITY, 0, key, word)[:2])
    duration = video_length(s.rule, *s.dice.roll(Stream.DURATION, 0, key, word)[:3])
    own_sound, rank, _, _ = s.dice.roll(Stream.SOUND, 0, key, word)
    sound = -1
    if own_sound < market.creators.shared_sounds:
        # Sound number k (from 0) has a share ln((k + 2) / (k + 1)) of all: a list of hits and a long tail.
        hits = market.creators.sounds
        sound = min(math.floor(np.exp(rank * np.log(hits + 1.0))), hits) - 1
    chosen = s.dice.roll(Stream.HEAT, 0, key, word)[0] < s.rule.heating_chance
    place = creator.organic_slots + ordinal % SPONSORED_SLOTS if sponsored else ordinal % creator.organic_slots
    return Post(
        number=len(s.posts),
        creator=creator,
        key=key,
        ordinal=ordinal,
        sponsored=sponsored,
        branded=branded,
        topics=[x / length for x in shares],
        tag=shares.index(max(shares)),
        quality=creator.ability + creator.form + market.creators.post_sd * z,
        duration=duration,
        posted=posted,
        disclosure=disclosure,
        fit=fit,
        slot=creator.first_slot + place if creator.retrievable else -1,
        audience=creator.followers,
        sound=sound,
        heat=s.rule.heating_quota if chosen and creator.retrievable and not sponsored else 0,
        stage=0 if market.feed.stages > 0 and creator.retrievable else "unstaged",
    )

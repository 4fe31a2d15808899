"""The morning: what orders cost and which are signed, and the posts that are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import pdtr

from influence_sim.maths import exp, log, power
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
class Promise:
    """A creator who gets a share of the sales of its posts."""

    creator: int
    last_day: int
    reserved: float
    counted: int


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
    items: dict[str, float] = field(default_factory=dict)
    commissions: list[Promise] = field(default_factory=list)

    @property
    def left(self) -> float:
        """USD neither paid nor reserved."""
        return self.budget - self.paid - self.reserved

    def pay(self, item: str, usd: float) -> None:
        """Pay for something."""
        self.paid += usd
        self.items[item] = self.items.get(item, 0.0) + usd


def listed_fee(s: Reference, creator: Creator) -> float:
    """Return what price lists name for so many followers."""
    prices = s.market.prices
    return prices.fee * float(power(creator.followers * s.scale / 10_000.0, prices.fee_exponent))


def fee(s: Reference, creator: Creator) -> float:
    """Return the fee a creator asks in USD; NaN when it refuses."""
    prices, creators, career = s.market.prices, s.market.creators, creator.career
    if creator.fit < creator.fit_required or career.stopped:
        return math.nan
    advertising = career.adverts / career.posts if career.posts > 0 else 0.0
    if creator.asking < creator.reservation * (1.0 + creators.reluctance * advertising):
        return math.nan
    own = [p for p in s.posts if p.creator is creator]
    views = float(sum(p.impressions for p in own)) * s.scale
    engaged = float(sum(p.likes + p.comments + p.shares for p in own)) * s.scale
    relative = engaged / views / 0.05 if views > 0 else 1.0
    engagement = max(0.2, 1.0 + prices.fee_engagement * (relative - 1.0))
    # A narrow range of topics costs more, compared with the mean of the market's Dirichlet law.
    k, a = len(creator.topics), creators.topic_concentration
    narrow = (float(np.array([x * x for x in creator.topics]).sum()) - 1.0 / k) / (1.0 - 1.0 / k)
    usual = (a + 1.0) / (k * a + 1.0) * k / (k - 1.0) - 1.0 / (k - 1.0)
    niche = max(0.2, 1.0 + prices.niche * (narrow - usual))
    return float(np.round(listed_fee(s, creator) * engagement * niche * creator.asking, 2))


def rank(s: Reference, creator: Creator) -> int:
    """Return the place by followers, the largest first."""
    return 1 + sum((-x.followers, x.row) < (-creator.followers, creator.row) for x in s.creators[: s.modelled])


def bill(s: Reference, order: SponsoredPost, discount: bool, met: bool, hired: bool) -> dict[str, float] | None:
    """Return the price of a post by item; None when the creator refuses the terms."""
    prices, creator, items = s.market.prices, s.creators[order.creator], {}
    if order.pay == "gift":
        if creator.fit < creator.fit_required or creator.career.stopped or order.exclusive_days or order.usage_rights:
            return None
        items["gifts"] = prices.gift_cost
    else:
        cost = s.quoted[order.creator] * (1.0 - prices.ambassador_discount if discount else 1.0)
        by_sales = s.dice.roll(Stream.COMMISSION, 0, creator.row)[0] < s.market.creators.commission_accepted
        if math.isnan(cost) or (order.pay == "commission" and not by_sales):
            return None
        items["fees" if order.pay == "fee" else "commission"] = cost
        if order.exclusive_days or order.usage_rights:
            items["rights"] = cost * (prices.exclusivity * (order.exclusive_days > 0) + prices.usage_rights * order.usage_rights)
        if not hired:
            items["overhead"], items["product"] = prices.deal_overhead, prices.product_cost
    if not met:
        items["search"] = prices.search_cost * float(log(float(rank(s, creator))))
    return items


def sign(s: Reference, orders: Sequence[Order]) -> None:
    """Accept what can be paid, in the order it was asked for; many posts of a creator are signed together, for less."""
    s.quoted = [fee(s, creator) for creator in s.creators[: s.modelled]]
    packages: dict[int, list[Order]] = {}
    for order in orders:
        if isinstance(order, SponsoredPost) and order.pay == "fee":
            packages.setdefault(order.creator, []).append(order)
    packages = {c: package for c, package in packages.items() if len(package) >= s.market.prices.ambassador_posts}
    signed: set[int] = set()
    for order in orders:
        package = packages.get(order.creator) if isinstance(order, SponsoredPost) and order.pay == "fee" else None
        if package is None:
            lots = [[order]]
        elif order.creator in signed:
            continue
        else:
            signed.add(order.creator)
            lots = [[x] for x in package] if not take(s, package) else []
        for lot in lots:
            if not take(s, lot):
                s.money.refused += lot


def take(s: Reference, lot: list[Order]) -> bool:
    """Sign orders that stand together and pay or promise what they cost, if that is possible."""
    money, first = s.money, lot[0]
    if isinstance(first, PaidImpressions):
        if first.format != "infeed" or first.creator is not None:
            raise NotImplementedError("the reference tells in-feed ads of the brand's own account")
        if not (s.day <= first.day < s.horizon and first.spend > 0 and first.days >= 1 and first.spend <= money.left + 1e-9):
            return False
        # Impressions are dearer the more this brand has already booked for the first day of the order.
        running = [a for a in money.ads if a.day <= first.day < a.day + a.days]
        people, prices = s.market.people.population, s.market.prices
        bid = sum(a.spend / a.days for a in running) / people * 1000.0 + first.spend / first.days / people * 1000.0
        money.cpms.append(float(prices.cpm * (1.0 + bid / prices.ad_demand) ** prices.auction))
        money.reserved += first.spend
        money.ads.append(first)
        return True
    if not all(0 <= x.creator < s.modelled and s.day <= x.day < s.horizon for x in lot):
        return False
    met = any(x.creator == first.creator for x in money.booked)
    hired = first.creator in money.hired
    bills = []
    for order in lot:
        items = bill(s, order, len(lot) > 1, met or bool(bills), hired or (bool(bills) and order.pay != "gift"))
        if items is None:
            return False
        bills.append(items)
    if not sum(sum(items.values()) for items in bills) <= money.left + 1e-9:
        return False
    for order, items in zip(lot, bills, strict=True):
        for item, usd in items.items():
            if item == "commission":
                promise(s, order, usd)
            else:
                money.pay(item, usd)
        if order.pay != "gift":
            money.hired.add(order.creator)
        money.booked.append(order)
    return True


def promise(s: Reference, order: SponsoredPost, usd: float) -> None:
    """Keep money for a share of sales to come."""
    money, last = s.money, min(order.day + s.market.prices.commission_days, s.horizon - 1)
    money.reserved += usd
    for x in money.commissions:
        if x.creator == order.creator:
            x.reserved, x.last_day = x.reserved + usd, max(x.last_day, last)
            return
    money.commissions.append(Promise(order.creator, last, usd, sales_of(s, order.creator)))


def sales_of(s: Reference, creator: int) -> int:
    """Return what was bought after a click on a creator's posts for the brand."""
    return sum(p.sales for p in s.posts if p.branded and p.creator.row == creator)


def pay_commissions(s: Reference) -> None:
    """Pay for the day's sales as far as money was kept for them."""
    money = s.money
    for x in money.commissions:
        sales = sales_of(s, x.creator)
        due = (sales - x.counted) * s.scale * s.market.brand.price * s.market.prices.commission
        x.counted, due = sales, min(due, x.reserved)
        money.pay("commission", due)
        kept = x.reserved - due if x.last_day > s.day else 0.0
        money.reserved -= x.reserved - kept
        x.reserved = kept
    money.commissions = [x for x in money.commissions if x.last_day > s.day]


def makes_post(s: Reference, order: SponsoredPost, earlier: int) -> bool:
    """Tell whether an order becomes a post: a gift may not, and a large account hardly notices it."""
    if order.pay != "gift":
        return True
    prices, creator = s.market.prices, s.creators[order.creator]
    worth = min(1.0, prices.gift_cost / max(prices.gift_worth * listed_fee(s, creator), 1e-9))
    u = s.dice.roll(Stream.GIFT, 0, creator.row, earlier, s.day << 16)[0]
    return u < (prices.gift_posts + prices.gift_fit * (creator.fit - 0.5)) * worth


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
    s.codes = s.codes or bool(s.money.booked)
    opening: dict[int, list[Post]] = {r: [] for r in range(rounds)}
    for creator in s.creators:
        z = numpy_normal(*s.dice.roll(Stream.FORM, 0, creator.key, 0, s.day << 16)[:2])
        persistence = creators.form_persistence
        creator.form = persistence * creator.form + creators.form_sd * math.sqrt(1.0 - persistence**2) * z
    for creator in s.creators:
        own = creator.row < s.modelled
        count = organic_count(s, creator) + (creators.opening_posts if own and s.day == 0 else 0)
        wanted = [(False, 0.0, 1.0, 0.0)] * count
        if own:
            hired, gifts = [], 0
            for order in [o for o in s.money.booked if o.day == s.day and o.creator == creator.row]:
                if makes_post(s, order, gifts):
                    hired.append(order)
                gifts += order.pay == "gift"
            wanted += [(True, DISCLOSURE[o.disclosure], creator.fit, o.brief) for o in hired]
        else:
            wanted += [(True, 1.0, 1.0, 0.0)] * len(ads)
        for sponsored, disclosure, fit, brief in wanted:
            post = write(s, creator, sponsored, disclosure, fit, brief)
            s.posts.append(post)
            opening[max(0, math.floor((post.posted - s.day) * rounds + 1e-9))].append(post)
    accounts = [p for p in s.posts if p.creator.row >= s.modelled and p.sponsored][-len(ads) :] if ads else []
    for (order, cpm), post in zip(ads, accounts, strict=True):
        quota = int(order.spend / cpm * 1000.0 / s.scale)
        s.money.campaigns.append(Campaign(post, s.day, min(s.day + order.days, s.horizon) - 1, quota, order.spend, cpm))
    return opening


def write(s: Reference, creator: Creator, sponsored: bool, disclosure: float, fit: float, brief: float) -> Post:
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
        posted = float(s.day) if sponsored else posted
    elif s.day == 0 and not sponsored and ordinal < market.creators.opening_posts:
        posted = -math.floor(v * min(7.0, market.feed.max_age) * rounds) / rounds

    count = len(creator.topics)
    dice = [x for draw in range(-(-count // 4)) for x in s.dice.roll(Stream.POST_TOPIC, 0, key, word + draw)][:count]
    noise = -np.array([log(u) for u in dice])
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
        sound = min(math.floor(exp(rank * log(hits + 1.0))), hits) - 1
    chosen = s.dice.roll(Stream.HEAT, 0, key, word)[0] < s.rule.heating_chance
    u_deal, u_label, u_fit, _ = s.dice.roll(Stream.OTHER_DEAL, 0, key, word)
    other = own and not sponsored and u_deal < market.creators.other_deals
    if other:
        least = min(creator.fit_required, 1.0)
        disclosure, fit = float(u_label < market.creators.other_disclosed), least + (1.0 - least) * u_fit
    found = creator.retrievable and (own or not sponsored)
    place = creator.organic_slots + ordinal % SPONSORED_SLOTS if sponsored else ordinal % creator.organic_slots
    return Post(
        number=len(s.posts),
        creator=creator,
        key=key,
        ordinal=ordinal,
        sponsored=sponsored,
        advert=sponsored or other,
        branded=sponsored,
        topics=[x / length for x in shares],
        tag=shares.index(max(shares)),
        quality=creator.ability + creator.form + market.creators.post_sd * z - market.creators.brief_quality * brief,
        duration=duration,
        posted=posted,
        disclosure=disclosure,
        fit=fit,
        brief=brief,
        channel=(0 if own else 1) if sponsored else 5,
        slot=creator.first_slot + place if found else -1,
        audience=creator.followers,
        sound=sound,
        heat=s.rule.heating_quota if chosen and found and not sponsored else 0,
        stage=0 if market.feed.stages > 0 and found else "unstaged",
    )

"""What a brand sees, what its orders cost, and the ledger that no plan can overdraw.

Every brand that acts has a `Campaign`: the brand under study is the first, rivals follow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.media import agreed_cpm, demand, least_spend, price, refusal
from influence_sim.engine.state import BRAND_ACCOUNT, CHANNELS
from influence_sim.maths import exp_of, log_of, power_of
from influence_sim.rng import Stream, normals, uniforms
from influence_sim.scenario.parameters import Market
from influence_sim.strategies.always_on import AlwaysOn
from influence_sim.strategies.base import (
    Audience,
    BrandView,
    HoldOuts,
    Network,
    Order,
    PaidImpressions,
    Results,
    Sales,
    SponsoredPost,
    Strategy,
    Terms,
    Truth,
)
from influence_sim.strategies.pricing import Bill, lots, prices, total
from influence_sim.world.columns import Creators

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]
TRACKING_ERROR = 0.2  # ln sd of the sales a dashboard attributes to a post


@dataclass
class Flight:
    """A running order of bought impressions; quota and delivered are in agents' impressions."""

    post: int
    first_day: int
    last_day: int
    quota: int
    reserved: float  # USD promised and not yet charged
    cpm: float  # USD per thousand real impressions, as agreed
    delivered: int = 0


@dataclass
class Commission:
    """A creator who is paid by sales, with all its posts for the brand."""

    creator: int
    last_day: int
    reserved: float  # USD: the most that may still be paid
    counted: int  # sales of its posts (agents) that need not be paid any more


@dataclass
class Ledger:
    """Money of one arm. `paid` is spent, by item in `items`; `reserved` is promised to ads not delivered and sales not made yet."""

    budget: float
    paid: float = 0.0
    reserved: float = 0.0
    withdrawn: float = 0.0  # taken away by an event
    items: Bill = field(default_factory=dict)
    hired: set[int] = field(default_factory=set)  # under contract at least once
    booked: list[SponsoredPost] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)  # of each of them
    commissions: list[Commission] = field(default_factory=list)
    ads: list[PaidImpressions] = field(default_factory=list)
    cpms: list[float] = field(default_factory=list)  # agreed for each of them
    flights: list[Flight] = field(default_factory=list)
    refused: list[Order] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why, for each of them

    @property
    def left(self) -> float:
        """Money neither paid, reserved nor withdrawn, in USD."""
        return self.budget - self.paid - self.reserved - self.withdrawn

    def refuse(self, order: Order, reason: str) -> None:
        """Note an order that is not accepted, and why."""
        self.refused.append(order)
        self.reasons.append(reason)

    def lapse(self, creators: Collection[int], day: int) -> None:
        """Undo posts due on `day` or later by `creators` and get fees and rights back; what the deals cost is lost."""
        kept = []
        for order, bill in zip(self.booked, self.bills, strict=True):
            if order.creator not in creators or order.day < day:
                kept.append((order, bill))
                continue
            for item in ("fees", "rights"):
                if item in bill:
                    self.pay(item, -bill[item])
        self.booked, self.bills = [order for order, _ in kept], [bill for _, bill in kept]

    def pay(self, item: str, usd: float) -> None:
        """Spend money on an item of `pricing.ITEMS`."""
        self.paid += usd
        self.items[item] = self.items.get(item, 0.0) + usd


@dataclass
class Campaign:
    """What one brand plans and pays; without a strategy or money it does nothing."""

    brand: int
    strategy: Strategy | None
    ledger: Ledger


def rivals(market: Market, horizon: int) -> list[Campaign]:
    """Return the campaigns of the rivals: each advertises all the time, with money that grows with the market.

    The last `rivals.silent` of them have no money until an event gives it to them.
    """
    r = market.rivals
    first = r.spend * market.people.population / 1000.0 * horizon
    money = [first * r.size_ratio**k if k < r.count - r.silent else 0.0 for k in range(r.count)]
    return [Campaign(1 + k, AlwaysOn(creator_share=r.creator_share), Ledger(money[k])) for k in range(r.count)]


def niche(shares: Array) -> Array:
    """Return how narrow declared topics (C, K) are: their Herfindahl index, 0 for all topics alike to 1 for one."""
    topics = shares.shape[1]
    return ((shares * shares).sum(axis=1) - 1.0 / topics) / (1.0 - 1.0 / topics)


def usual_niche(market: Market) -> float:
    """Return the mean of `niche` under the market's law of topics."""
    topics, concentration = market.people.topics, market.creators.topic_concentration
    return (concentration + 1.0) / (topics * concentration + 1.0) * topics / (topics - 1.0) - 1.0 / (topics - 1.0)


def listed_fee(market: Market, followers: Array) -> Array:
    """Return the fee (C,) in USD that price lists name for so many real followers."""
    listed: Array = market.prices.fee * power_of(followers / 10_000.0, market.prices.fee_exponent)
    return listed


def quotes(market: Market, creators: Creators, followers: Array, per_view: Array, pressure: Array, willing: Array) -> Array:
    """Return the fee (C,) in USD each creator asks for one post; NaN where it refuses the brand.

    fee = listed fee x engagement x niche x asked.  A creator refuses when it is not willing at all, and when what
    it asks is below its lowest fee x `pressure`.  Followers are real; per_view is the engagement rate of past
    posts (NaN: unknown, taken as average).
    """
    terms, count = market.prices, len(followers)
    relative = np.where(np.isnan(per_view), 1.0, per_view / 0.05)
    engagement = np.maximum(0.2, 1.0 + terms.fee_engagement * (relative - 1.0))
    narrow = np.maximum(0.2, 1.0 + terms.niche * (niche(creators.topics[:count]) - usual_niche(market)))
    fee = listed_fee(market, followers) * engagement * narrow * creators.asking[:count]
    accepts = willing & (creators.asking[:count] >= creators.reservation[:count] * pressure)
    return np.where(accepts, np.round(fee, 2), np.nan)


def commitments(campaigns: Sequence[Campaign], brand: int, day: int, count: int) -> tuple[Array, Array]:
    """Return (C,) who may not work for `brand` because of a rival's exclusivity, and the days since a rival's last contract (inf: none)."""
    bound, since = np.zeros(count, bool), np.full(count, np.inf)
    for order in (order for x in campaigns if x.brand != brand for order in x.ledger.booked if order.pay != "gift"):
        bound[order.creator] |= order.exclusive_days > 0 and day <= order.day + order.exclusive_days
        since[order.creator] = min(since[order.creator], max(0, day - order.day))
    return bound, since


def credited_sales(s: Simulation, brand: int) -> Sales:
    """Return what the brand's dashboard shows this morning: purchases by last click, `attribution.delay` days late."""
    channel, creator = np.zeros(len(CHANNELS)), np.zeros(s.modelled)
    for table in s.sales:
        mine = (table["brand"] == brand) & (table["day"] < s.day - s.market.attribution.delay)
        np.add.at(channel, table["channel"][mine], table["purchases"][mine])
        hers = mine & (table["creator"] >= 0) & (table["creator"] < s.modelled)
        np.add.at(creator, table["creator"][hers], table["purchases"][hers])
    return Sales(channel * s.world.people_per_agent, creator * s.world.people_per_agent)


def draw_cells(s: Simulation, campaign: Campaign) -> None:
    """Put people into the test cells a brand's strategy asks for; the dice are the same in every arm.

    Raises
    ------
    ValueError
        When the cells together hold more than everybody.
    """
    shares = campaign.strategy.held_out if campaign.strategy is not None else ()
    if not shares:
        return
    if min(shares) < 0.0 or sum(shares) > 1.0:
        raise ValueError(f"hold-outs are shares of people that add up to at most 1; got {shares}")
    u = uniforms(s.rules.seed, Stream.TEST_CELL, s.rules.replication, np.arange(s.world.size), campaign.brand)[:, 0]
    cell = 1 + np.searchsorted(np.cumsum(shares), u, side="right")
    s.leads.cell[:, campaign.brand] = np.where(cell > len(shares), 0, cell)


def hold_outs_of(s: Simulation, brand: int) -> HoldOuts:
    """Return what a brand's hold-outs show this morning, as late as its other sales."""
    cell, scale = s.leads.cell[:, brand], s.world.people_per_agent
    people = np.bincount(cell).astype(np.float64)
    days = max(0, s.day - s.market.attribution.delay)
    if len(people) == 1:
        return HoldOuts(people * scale, np.zeros(1), np.zeros(1), days)
    bought = np.zeros(s.world.size)
    for table in s.sales:
        mine = (table["brand"] == brand) & (table["day"] < days)
        np.add.at(bought, table["person"][mine], table["purchases"][mine])
    sums, squares = np.bincount(cell, bought), np.bincount(cell, bought * bought)
    variance = np.maximum(0.0, squares - sums * sums / np.maximum(people, 1.0))
    return HoldOuts(people * scale, sums * scale, np.sqrt(variance) * scale, days)


def results_of(s: Simulation, campaign: Campaign) -> Results:
    """Return what a brand's dashboard shows of its posts; sales come late and with an error of tracking."""
    posts, scale = s.posts[: s.post_count], s.world.people_per_agent
    rows = np.flatnonzero((posts.brand == campaign.brand) & (posts.sponsored == 1))
    day = np.floor(posts.posted[rows]).astype(np.int64)
    own = posts.key[rows] >= BRAND_ACCOUNT
    fees: dict[tuple[int, int], float] = {}
    for order, bill in zip(campaign.ledger.booked, campaign.ledger.bills, strict=True):
        at = order.creator, order.day
        fees[at] = fees.get(at, 0.0) + sum(usd for item, usd in bill.items() if item != "commission")
    charged: dict[int, float] = {}
    for flight in campaign.ledger.flights:
        charged[flight.post] = charged.get(flight.post, 0.0) + flight.delivered * scale * flight.cpm / 1000.0
    hired = [fees.get((c, d), 0.0) for c, d in zip(posts.creator[rows].tolist(), day.tolist(), strict=True)]
    spend = np.where(own, 0.0, hired) + np.array([charged.get(row, 0.0) for row in rows.tolist()])
    word = posts.sponsored[rows].astype(np.int64) << 31 | posts.ordinal[rows] << 16
    u = uniforms(s.rules.seed, Stream.RESULT_NOISE, s.rules.replication, 0, posts.key[rows], word)
    sales = posts.sales[rows] * scale * exp_of(TRACKING_ERROR * normals(u)[:, 0])
    return Results(
        np.where(own, -1, posts.creator[rows]),
        day,
        spend,
        posts.impressions[rows] * scale,
        (posts.likes + posts.comments + posts.shares)[rows] * scale,
        posts.clicks[rows] * scale,
        np.where(s.day - day >= s.market.attribution.delay, sales, np.nan),
    )


def observe(s: Simulation, campaign: Campaign) -> BrandView:
    """Return what a brand can see this morning; all arrays are per modelled creator."""
    m, c, count, scale = s.market, s.modelled, s.post_count, s.world.people_per_agent
    creators, posts, ledger = s.creators, s.posts[:count], campaign.ledger
    engaged = posts.likes + posts.comments + posts.shares
    sums = [np.bincount(posts.creator, x, minlength=c)[:c] for x in (posts.impressions, engaged, np.ones(count))]
    views, engagements, number, followers = sums[0] * scale, sums[1] * scale, sums[2], s.followers[:c] * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        per_view = np.where(views > 0, engagements / views, np.nan)
        per_follower = np.where((followers > 0) & (number > 0), engagements / (followers * number), np.nan)
        advertising = np.where(s.career.posts > 0, s.career.adverts / s.career.posts, 0.0)
    bound, since = commitments(s.campaigns, campaign.brand, s.day, c)
    willing = (s.fit >= creators.fit_required[:c]) & ~bound & (s.career.stopped == 0)
    loyalty = 1.0 + m.creators.loyalty * power_of(0.5, since / m.creators.loyalty_half_life)
    pressure = (1.0 + m.creators.reluctance * advertising) * loyalty
    theirs = (posts.brand >= 0) & (posts.brand != campaign.brand) & (posts.sponsored == 1) & (posts.disclosure > 0) & (posts.creator < c)
    seed, replication, day = s.rules.seed, s.rules.replication, s.day
    rank = np.empty(c)
    rank[np.argsort(-followers, kind="stable")] = np.arange(1, c + 1)
    search = m.prices.search_cost * log_of(rank)

    def truth() -> Truth:
        if campaign.strategy is None or not campaign.strategy.reads_truth:
            raise PermissionError("a strategy that reads what no brand can know must say so: `reads_truth`")
        return hidden(s)

    return BrandView(
        day=day,
        horizon=s.horizon,
        money_left=ledger.left,
        followers=followers,
        engagement_per_view=per_view,
        engagement_per_follower=per_follower,
        fit=s.fit,
        fee=quotes(m, creators, followers, per_view, pressure, willing),
        gift_taken=willing,
        commission_taken=uniforms(seed, Stream.COMMISSION, replication, 0, np.arange(c))[:, 0] < m.creators.commission_accepted,
        hired=np.bincount(np.array([order.creator for order in ledger.booked], np.int64), minlength=c),
        rivals=np.bincount(posts.creator[theirs], minlength=c)[:c],
        deal_cost=search + (m.prices.deal_overhead + m.prices.product_cost),
        search_cost=search,
        terms=terms_of(m),
        cpm=price(m, demand(m, s.campaigns, day)),
        least_spend=least_spend(m),
        results=results_of(s, campaign),
        uniform=uniforms(seed, Stream.BRAND_DICE, replication, 0, np.arange(c))[:, 0],
        dice=lambda a, b, c: uniforms(seed, Stream.STRATEGY, replication, a, b, c, day << 16 | campaign.brand)[:, 0],
        audience=lambda: follower_lists(s.acquaintances.start, s.acquaintances.creator, s.acquaintances.follows, c),
        network=lambda: follower_graph(s),
        truth=truth,
        sales=credited_sales(s, campaign.brand),
        hold_outs=hold_outs_of(s, campaign.brand),
    )


def terms_of(market: Market) -> Terms:
    """Return the price list of the market."""
    p = market.prices
    return Terms(
        exclusivity=p.exclusivity,
        usage_rights=p.usage_rights,
        ambassador_discount=p.ambassador_discount,
        ambassador_posts=p.ambassador_posts,
        overhead=p.deal_overhead,
        product=p.product_cost,
        gift=p.gift_cost,
        commission=p.commission,
        commission_days=p.commission_days,
    )


def hidden(s: Simulation) -> Truth:
    """Return what is true of creators and their followers, for bounds."""
    c, table = s.modelled, s.acquaintances
    audience = follower_lists(table.start, table.creator, table.follows, c)
    owner = np.repeat(np.arange(c), np.diff(audience.start))
    number = np.maximum(1, np.diff(audience.start))
    interest = np.bincount(owner, s.leads.category[audience.person, 0], minlength=c) / number
    x = s.creators
    return Truth(x.ability[:c] + x.form[:c], interest, x.reputation[:c], x.authenticity[:c])


def follower_graph(s: Simulation) -> Network:
    """Return whom everybody follows now, creators and friends, as people."""
    n, table, friends, who = s.world.size, s.acquaintances, s.friends, np.arange(s.world.size)
    chosen = np.flatnonzero((table.follows > 0) & (table.creator < s.modelled))
    follower = np.concatenate([np.repeat(who, np.diff(table.start))[chosen], np.repeat(who, np.diff(friends.start))])
    followed = np.concatenate([s.creators.person[table.creator[chosen]], friends.target])
    order = np.lexsort((followed, follower))
    start = np.concatenate([[0], np.cumsum(np.bincount(follower, minlength=n))]).astype(np.int64)
    return Network(start, followed[order].astype(np.int64), s.people.creator)


def follower_lists(start: Array, creator: Array, follows: Array, modelled: int) -> Audience:
    """Return who follows whom by creator, from acquaintances (start, creator, follows) sorted by person."""
    person = np.repeat(np.arange(len(start) - 1), np.diff(start))
    chosen = np.flatnonzero((follows > 0) & (creator < modelled))
    order = chosen[np.argsort(creator[chosen], kind="stable")]
    counts = np.bincount(creator[chosen], minlength=modelled)
    return Audience(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), person[order])


def contract(ledger: Ledger, orders: list[Order], view: BrandView, market: Market, campaigns: Sequence[Campaign], sales: Array) -> None:
    """Accept the orders that can be paid, in order; the others are listed in `ledger.refused` with the reason.

    Posts of a creator that together earn the discount are signed together, or if the money does not last, one by
    one without it.  `campaigns` are those of every brand: their ads together set the price of impressions.
    `sales` (C,) are the sales of each creator's posts for the brand so far (agents).
    """
    known = {order.creator for order in ledger.booked}
    for lot in lots(orders, view.terms.ambassador_posts):
        posts = [order for order in lot if isinstance(order, SponsoredPost)]
        if len(posts) > 1 and not _sign(ledger, posts, view, sales, known):
            continue
        for order in lot:
            if isinstance(order, SponsoredPost):
                reason = _sign(ledger, [order], view, sales, known)
            elif not (reason := refusal(market, ledger, order, view)):
                ledger.cpms.append(agreed_cpm(market, campaigns, order))
                ledger.reserved += order.spend
                ledger.ads.append(order)
            if reason:
                ledger.refuse(order, reason)


def _sign(ledger: Ledger, posts: list[SponsoredPost], view: BrandView, sales: Array, known: set[int]) -> str:
    """Sign posts of one creator that stand together, and pay or reserve what they cost; say why not when that is impossible."""
    creator = posts[0].creator
    if not 0 <= creator < len(view.fee):
        return f"there is no creator {creator}"
    if not all(view.day <= x.day < view.horizon and 0.0 <= x.brief <= 1.0 and x.exclusive_days >= 0 for x in posts):
        return f"posts need a day from {view.day} to {view.horizon - 1}, a brief from 0 to 1 and no negative exclusivity"
    bills = prices(view, posts, creator in known, creator in ledger.hired, len(posts) > 1)
    if bills is None:
        return f"creator {creator} refuses"
    if not total(bills) <= ledger.left + 1e-9:
        return f"{total(bills):,.2f} USD wanted, {ledger.left:,.2f} USD left"
    for post, bill in zip(posts, bills, strict=True):
        for item, usd in bill.items():
            if item == "commission":
                _promise(ledger, post, usd, min(post.day + view.terms.commission_days, view.horizon - 1), int(sales[post.creator]))
            else:
                ledger.pay(item, usd)
        if post.pay != "gift":
            ledger.hired.add(post.creator)
        ledger.booked.append(post)
        ledger.bills.append(bill)
    known.add(creator)
    return ""


def _promise(ledger: Ledger, post: SponsoredPost, usd: float, last_day: int, sales: int) -> None:
    """Hold money back for a share of the sales of a creator's posts; all its posts for the brand count, once."""
    ledger.reserved += usd
    for deal in ledger.commissions:
        if deal.creator == post.creator:
            deal.reserved, deal.last_day = deal.reserved + usd, max(deal.last_day, last_day)
            return
    ledger.commissions.append(Commission(post.creator, last_day, usd, sales))


def sales_of(s: Simulation, brand: int) -> Array:
    """Return (C,) the purchases (agents) made at once after a click on each creator's posts for a brand."""
    posts = s.posts[: s.post_count]
    return np.bincount(posts.creator, np.where(posts.brand == brand, posts.sales, 0), minlength=s.modelled)[: s.modelled].astype(np.int64)


def pay_commissions(s: Simulation) -> None:
    """Pay creators their share of today's sales, never more than was held back; free the rest when the time is over."""
    for campaign in s.campaigns:
        ledger = campaign.ledger
        if not ledger.commissions:
            continue
        sales = sales_of(s, campaign.brand)
        for deal in ledger.commissions:
            new, deal.counted = int(sales[deal.creator]) - deal.counted, int(sales[deal.creator])
            due = new * s.world.people_per_agent * s.market.brand.price * s.market.prices.commission
            due = min(due, deal.reserved)
            ledger.pay("commission", due)
            kept = deal.reserved - due if deal.last_day > s.day else 0.0
            ledger.reserved -= deal.reserved - kept
            deal.reserved = kept
        ledger.commissions = [deal for deal in ledger.commissions if deal.last_day > s.day]


def settle(ledger: Ledger, flight: Flight, delivered: int, people_per_agent: float) -> None:
    """Charge delivered ad impressions, at the price agreed, against what was reserved for them."""
    cost = delivered * people_per_agent * flight.cpm / 1000.0
    flight.delivered += delivered
    ledger.pay("ads", cost)
    flight.reserved -= cost
    ledger.reserved -= cost


def release(ledger: Ledger, day: int) -> None:
    """Free what was reserved for impressions that flights ending on `day` could not deliver."""
    for flight in ledger.flights:
        if flight.last_day == day:
            ledger.reserved -= flight.reserved
            flight.reserved = 0.0

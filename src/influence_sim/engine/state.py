"""What changes while the simulation runs, as columns, and the rules in a form kernels can read.

Posts and the acquaintance table grow; their columns are re-allocated between phases, never inside one.
A row of `Slots` is one feed slot of the running round; a person's slots are contiguous, so blocks
of people can be served by different threads without touching the same memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

# Sources of a slot (column `source`), in the order they are named in tables.
EMPTY, FOLLOW, INTEREST, TRENDING, RANDOM, EXPLORE, PAID, HEATED, OUTSIDE, OUTSIDE_AD = range(10)
NOTHING = -2  # in place of a post where nothing was found; -1 stands for any post from outside the model
SOURCES = ("empty", "follow", "interest", "trending", "random", "explore", "paid", "heated", "outside", "outside_ad")
# Formats of a post (column `format`): hired from a creator, bought by a brand, or made by somebody who joined a challenge.
HIRED, INFEED, TAKEOVER, CHALLENGE, EFFECT, MADE = range(6)
FORMATS = ("post", "infeed", "takeover", "challenge", "effect", "made")
# Channels that can touch a person for a brand (columns `chance` and `touch`), in the order they are named in tables.
# The first four are formats; effects and the videos people make belong to challenges.
INFLUENCER, WORD, NO_CHANNEL = HIRED, 4, 5
CHANNELS = ("influencer", "infeed", "takeover", "challenge", "word_of_mouth", "none")
CHANNEL_OF = (INFLUENCER, INFEED, TAKEOVER, CHALLENGE, CHALLENGE, CHALLENGE)  # by format
TOUCHING = len(CHANNELS) - 1
# What the evening sums per brand, in units of 1 / FINE (expected purchases): credit by last click and by touches, one
# column per channel; by promo code; of people who never bought the brand; at once after a click.
LAST_CLICK, MULTI_TOUCH, CODE, NEW, AT_ONCE, SUMS = 0, len(CHANNELS), 2 * len(CHANNELS), 13, 14, 15
FINE = 1 << 40
# Bits of what happened in a slot (column `action`).
LIKE, COMMENT, SHARE, SUBSCRIBE, NEGATIVE, CLICK, FOLLOWED, BOUGHT = (1 << i for i in range(8))
# Words of accounts in random keys: creators their row, people who join a challenge and brands from these numbers on.
AMATEUR, BRAND_ACCOUNT = 2**30, 2**31
# Stages of a post: 0..stages-1 in test, then one of these.
PASSED, UNSTAGED, FAILED = 100, 101, -1
LINE = 64  # bytes of a cache line
BLOCK = 256  # people per block; results do not depend on it
FIXED = 1 << 24  # fixed point of sums over people, so that their order does not matter


# One record per post, in order of publication, then of (creator, sponsored, ordinal). Records, not
# columns, and in this order, because finding a candidate reads the first cache line, scoring it the second.
POST = np.dtype(
    [
        ("posted", "f8"),  # days since the start, on the grid of rounds
        ("fresh_weight", "f8"),  # acceptance in topic retrieval
        ("trend_weight", "f8"),  # acceptance in trending retrieval
        ("key", "i8"),  # the creator's word in random keys
        ("creator", "i4"),  # row of the creator
        ("ordinal", "i4"),  # that creator's own count of organic or sponsored posts
        ("sponsored", "i4"),  # 0/1, paid for by a brand of the model: part of the post's identity
        ("brand", "i4"),  # brand, or -1
        ("tag", "i4"),  # main topic
        ("sound", "i4"),  # shared sound, or -1 for the creator's own
        ("cell", "i4"),  # people of this test cell of its brand are never shown it; 0: everybody may be
        ("advert", "i4"),  # 0/1, advertising for any brand: what viewers respond to
        ("duration", "f8"),  # s
        ("multiplier", "f8"),  # product of the post's own score factors this round
        ("residual", "f8"),  # shrunken log ratio of observed to predicted likes, in units of match
        ("quality", "f8"),  # units of match
        ("fit", "f8"),  # cosine of creator and brand; 1 where nothing is advertised
        ("disclosure", "f8"),  # 0 none, .5 hashtag, 1 label
        ("brief", "f8"),  # 0 free to 1 scripted by the brand
        ("format", "i4"),  # of `FORMATS`
        ("channel", "i4"),  # of a brand's post: INFLUENCER, INFEED, ...
        ("impressions", "i8"),
        ("watch", "i8"),  # milliseconds
        ("predicted", "i8"),  # fixed-point sum of likes predicted without the post's own record
        ("finished", "i8"),  # impressions watched to the end
        ("likes", "i8"),
        ("comments", "i8"),
        ("shares", "i8"),
        ("follows", "i8"),
        ("negatives", "i8"),
        ("clicks", "i8"),
        ("sales", "i8"),  # at once after a click
        ("trend", "f8"),  # decayed count behind trending
        ("stage", "i8"),
        ("stage_served", "i8"),  # impressions of the running stage
        ("stage_strangers", "i8"),  # of those, on people who do not follow the creator
        ("stage_value", "i8"),  # fixed-point value of these
        ("slot", "i8"),  # stable retrieval slot, or -1 where not retrievable
        ("audience", "i8"),  # followers (agents) when posted
        ("heat", "i8"),  # impressions (agents) the platform still gives by hand
        # What the measures of discovery read; no rule does.
        ("from_followers", "i8"),  # impressions on people who followed the creator
        ("discovered", "i8"),  # follows after an impression of any source but `follow`
        ("thousand", "f8"),  # day on which the post passed 1,000 real views; 0 before that
        ("sources", "i4", (HEATED,)),  # impressions by source, follow to heated
        ("room", "i4", (12,)),  # to the end of a cache line
    ],
    align=True,
)
# What a person carries from slot to slot; a person belongs to one block, so no record is shared.
VIEWER = np.dtype(
    [
        ("requests", "i4"),  # made today
        ("shown", "i4"),  # slots filled today
        ("sponsored", "i4"),  # sponsored slots today
        ("saturation", "f8"),  # sponsored share seen, smoothed
        ("watched", "f8"),  # seconds watched so far
        ("recognised", "f8"),  # disclosed exposures of today, as far as recognised
        ("bought", "i4"),  # day after the last purchase in the category, while the need is closed by it; 0: the need is open
    ],
    align=True,
)
# What a modelled creator's recent work adds up to. Sums of posts fade with a mean age of `authenticity.window`.
CAREER = np.dtype(
    [
        ("posts", "f8"),  # all
        ("adverts", "f8"),  # advertising for any brand
        ("repeats", "f8"),  # of these, for the brand of the one before
        ("scripted", "f8"),  # sum of briefs
        ("misfit", "f8"),  # sum of 1 - fit
        ("brand", "i8"),  # of the last advertising post; -1 one outside the model, or none yet
        ("deals", "i8"),  # advertising posts since the last review
        ("usual_deals", "f8"),  # between reviews, so far
        ("followers", "i8"),  # at the last review
        ("views", "f8"),  # usual impressions (agents) of a post; 0 before the first review
        ("success", "f8"),  # of the last review: impressions of a post over the usual
        ("stopped", "i8"),  # 0 works, 1 gave up, 2 left for good
    ],
    align=True,
)
# The same per person and brand.
LEAD = np.dtype(
    [
        ("ads", "i4"),  # bought impressions today
        ("touches", "i4"),  # sponsored or bought impressions today
        ("clicks", "i4"),  # today
        ("bought", "i4"),  # at once after a click, today
        ("purchases", "i4"),  # realised
        ("exposure", "f8"),  # fully watched sponsored posts today, by influencers
        ("exposure_ad", "f8"),  # the same for bought impressions
        ("noticed", "f8"),  # chance that today's exposures made the person aware
        ("warmth", "f8"),  # sum of trust x fit x share watched today
        ("doubt", "f8"),  # sum of recognised disclosure x distrust x share watched today
        ("chance", "f8", (TOUCHING,)),  # sum of click-and-buy probabilities today, by channel
        ("hazard", "f8"),  # chance to buy this evening if no other brand was there
        ("memory", "f8"),  # remembered exposures
        ("annoyance", "f8"),  # recent exposures
        ("attitude", "f8"),  # -1 to 1
        ("loyalty", "f8"),  # of good purchases
        ("expected", "f8"),  # sum of purchase probabilities given what was seen
        ("category", "f8"),  # interest in the category, cosine minus the market's mean
        ("aware", "i1"),
        ("considering", "i1"),
        ("customer", "i1"),  # the last purchase in the category was of this brand, and the person has not left the category
        ("reached", "i1"),  # by 0 none, 1 one account, 2 several
        ("account", "i4"),  # row of the first account that reached the person, plus one
        # What dashboards know; only a credited purchase reads the creator of the last touch.
        ("touch", "f8", (TOUCHING,)),  # faded touches by channel
        ("clicked", "i4"),  # day of the last click, plus one
        ("click_channel", "i1"),
        ("click_creator", "i4"),  # row of its account, plus one
        ("credited", "i4"),  # row of the last creator whose sponsored post was watched, plus one
        ("joined", "i1"),  # the brand's challenge: 1 makes a video tomorrow, 2 has made it
        ("cell", "i2"),  # test cell of the brand's hold-outs, from 1; 0: in none
    ],
    align=True,
)
# What a brand's people meet, one row per brand (made by `constants.brand_table`).
BRAND = np.dtype(
    [
        ("trust", "f8"),  # in its own advertising
        ("price_ratio", "f8"),  # price over 40 USD
        ("satisfied", "f8"),  # chance that a purchase satisfies
        ("codes", "i8"),  # promo codes are around
    ]
)


def records(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Return zeroed records, from the start of a cache line on, whose fields read as attributes, in kernels and outside."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + LINE, np.uint8)
    begin = -memory.ctypes.data % LINE
    return memory[begin : begin + size].view(dtype).reshape(shape).view(np.recarray)


# What a person has with a creator, as of the day `touched`.
PAIR = np.dtype(
    [
        ("tie", "f4"),
        ("good", "f4"),  # positive trust evidence, without the prior
        ("bad", "f4"),
        ("affinity", "f4"),  # past engagements
        ("touched", "u2"),  # day of the last change
        ("refused", "u2"),  # day after the last `not interested`; 0 never
    ]
)


class Acquaintances(NamedTuple):
    """Pairs (person, creator) with a follow or an engagement, sorted by person then creator.

    What every search or delivery reads stands in columns of its own, the rest in one record: one cache line.
    """

    start: Array  # i8 (people + 1)
    creator: Array  # i4
    follows: Array  # u1
    pair: Array  # records PAIR

    @property
    def tie(self) -> Array:
        """Strength of ties, as of `touched`."""
        return self.pair["tie"]

    @property
    def good(self) -> Array:
        """Positive trust evidence, as of `touched`."""
        return self.pair["good"]

    @property
    def bad(self) -> Array:
        """Negative trust evidence, as of `touched`."""
        return self.pair["bad"]

    @property
    def affinity(self) -> Array:
        """Past engagements, as of `touched`."""
        return self.pair["affinity"]

    @property
    def touched(self) -> Array:
        """Day of the last change."""
        return self.pair["touched"]

    @property
    def refused(self) -> Array:
        """Day after the last `not interested`; 0 never."""
        return self.pair["refused"]


def lengthened(column: Array, size: int) -> Array:
    """Return a column of `size` entries that begins with the given ones: in the same memory, or in new one with as much to spare.

    What is spare costs address space only: memory is taken page by page as it is written.
    """
    owner = column
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if column.ctypes.data + size * column.itemsize <= owner.ctypes.data + owner.nbytes:
        longer = np.ndarray((size,), column.dtype, owner, column.ctypes.data - owner.ctypes.data)
        return longer.view(type(column))
    made = records(2 * size, column.dtype) if column.dtype.names else np.zeros(2 * size, column.dtype)
    made[: len(column)] = column
    return made[:size]


class Slots(NamedTuple):
    """The slots of one round; person i owns rows start[i]:start[i+1]."""

    start: Array  # i8 (N + 1)
    post: Array  # i4 post row; -1 outside, -2 empty
    source: Array  # u1
    action: Array  # u1 bits
    watch: Array  # f4 s
    sharer: Array  # i4 person along whose follow the post came, or -1
    predicted: Array  # i4 fixed-point predicted like probability


class Shown(NamedTuple):
    """The slots of a round in which a post of the model stands, in order: one in a dozen on an open platform."""

    row: Array  # i8 of `Slots`
    person: Array  # i8


class Events(NamedTuple):
    """What left a trace between people and creators today, by person, then creator, then time."""

    start: Array  # i8 (N + 1)
    creator: Array  # i4
    post: Array  # i4
    bits: Array  # u1 of `action`


class Lists(NamedTuple):
    """Rows grouped by a key: members of group g are rows[start[g]:start[g+1]]."""

    start: Array
    rows: Array


class Inbox(NamedTuple):
    """Ring of the newest posts that followees published or shared."""

    post: Array  # i4 (N, capacity); -1 consumed
    sharer: Array  # i4 (N, capacity) person it came from
    pushed: Array  # i8 (N) so far


class Seen(NamedTuple):
    """Exact set of posts already shown (with `repeats`: already shared), open addressing per person."""

    start: Array  # i8 (N + 1) capacities are powers of two
    key: Array  # i4 post row + 1; 0 free
    used: Array  # i8 (N)


CLASSES = 16  # of acceptance in a pool: halves, quarters, eighths, ...


class Pool(NamedTuple):
    """Live posts in buckets that depend on nothing but the post: slot % buckets, after topic * buckets where drawn by topic.

    A bucket lists them by class of acceptance, likely ones first: class c is accepted with chance 2^-(c + 1) to 2^-c, so that a
    try reads few posts beyond those it finds, however many there are.
    """

    posts: Lists  # group bucket * CLASSES + class
    buckets: int  # of a topic, or of all
    by_topic: int  # 0/1


class Pools(NamedTuple):
    """Candidate pools of a round, by source."""

    interest: Pool
    trending: Pool
    everything: Pool


class Boredom(NamedTuple):
    """What is left after so many posts of the topic today (the index, at most 255)."""

    score: Array  # f8 (256) of a candidate's score
    outside: Array  # f8 (256) of the strength of outside posts


class Scene(NamedTuple):
    """Everything a feed request reads or writes in the running round, as one argument."""

    day: int
    now: float  # days
    rules: Any  # record RULES
    interests: Array  # f4 (N, K) true tastes: for responses only
    estimate: Array  # f4 (N, K) the platform's estimate of them
    minor: Array  # u1 (N)
    knowledge: Array  # f8 (N)
    sharing: Array  # f8 (N)
    price_sensitivity: Array  # f8 (N)
    amateur: Array  # u1 (N) may answer a challenge with a video
    person_of: Array  # i4 (C) person row of each creator, or -1
    authenticity: Array  # f8 (C)
    reputation: Array  # f8 (C)
    posts: Any  # records POST
    themes: Array  # f8 (posts, K) unit rows
    acq: Acquaintances
    decays: Any  # constants.Decays
    viewers: Any  # records VIEWER
    leads: Any  # records LEAD (N, brands)
    brands: Any  # records BRAND (brands)
    tags: Array  # u1 (N, K) items of each main topic shown today
    slots: Slots
    pools: Pools
    inbox: Inbox
    seen: Seen
    tests: Lists  # allotted posts in test stages, by person
    ads: Lists  # allotted bought and heated posts, by person
    edges: Any  # world.columns.Edges
    outside: Array  # f8 (GRID) constants.outside_worth
    boredom: Boredom

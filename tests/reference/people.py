"""Who and what there is: people, creators, posts and what they know of each other."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np


def as_float32(x: float) -> float:
    """Return x as a 4-byte column would give it back."""
    return float(np.float32(x))


@dataclass(eq=False)
class Post:
    """A post, its counters and what the platform made of it this round."""

    number: int  # in order of publication
    creator: Creator
    key: int  # the creator's word in random keys
    ordinal: int
    sponsored: bool
    advert: bool  # for whatever brand
    branded: bool
    topics: list[float]
    tag: int
    quality: float
    duration: float
    posted: float
    disclosure: float
    fit: float
    brief: float
    channel: int
    slot: int  # stable retrieval slot, or -1
    audience: int
    stage: int | str  # 0, 1, ... in test, then "passed" or "failed"; "unstaged" where there are no tests
    impressions: int = 0
    watch: int = 0
    finished: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0
    follows: int = 0
    negatives: int = 0
    clicks: int = 0
    sales: int = 0
    predicted: int = 0
    stage_served: int = 0
    stage_strangers: int = 0
    stage_value: int = 0
    sound: int = -1  # -1 when it is the creator's own
    heat: int = 0  # impressions still to be given by hand
    sources: Counter[str] = field(default_factory=Counter)  # impressions
    from_followers: int = 0
    discovered: int = 0
    thousand: float = 0.0  # day of the 1,000th real view
    trend: float = 0.0
    multiplier: float = 0.0
    residual: float = 0.0
    fresh_weight: float = 0.0
    trend_weight: float = 0.0

    @property
    def word(self) -> int:
        """Third word of its random keys; the low 16 bits number the draws."""
        return int(self.sponsored) << 31 | self.ordinal << 16


@dataclass(eq=False)
class Career:
    """What a creator's recent work adds up to; sums of posts fade."""

    posts: float
    adverts: float
    misfit: float
    usual_deals: float
    followers: int
    repeats: float = 0.0
    scripted: float = 0.0
    brand: int = -1
    deals: int = 0
    views: float = 0.0
    success: float = 1.0
    stopped: bool = False


@dataclass(eq=False)
class Creator:
    """A creator, or the brand's own account (person -1)."""

    row: int
    person: int
    key: int  # its word in random keys
    topics: list[float]
    ability: float
    posting: float
    authenticity: float
    asking: float
    reservation: float
    fit_required: float
    form: float
    reputation: float
    retrievable: bool
    fit: float = 1.0  # cosine with the brand
    followers: int = 0
    belief: float = 0.0  # what the platform expects of the next post, units of match
    first_slot: int = 0
    organic_slots: int = 0
    ordinals: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    first_authenticity: float = 0.0
    first_posting: float = 0.0
    career: Career | None = None


@dataclass(eq=False)
class Acquaintance:
    """What is between a person and a creator, as of the day `touched`."""

    touched: int
    follows: bool = False
    tie: float = 0.0
    good: float = 0.0
    bad: float = 0.0
    affinity: float = 0.0
    refused: int = -1  # day of the last `not interested`; -1 never


@dataclass(eq=False)
class Lead:
    """What a person has seen of the brand today, and thinks of it."""

    category: float
    aware: bool
    considering: bool = False
    customer: bool = False
    reached: int = 0
    account: int = 0
    clicked: int = 0
    click_channel: int = 0
    click_creator: int = 0
    credited: int = 0
    memory: float = 0.0
    annoyance: float = 0.0
    attitude: float = 0.0
    loyalty: float = 0.0
    hazard: float = 0.0
    expected: float = 0.0
    purchases: int = 0
    ads: int = 0
    touches: int = 0
    clicks: int = 0
    bought: int = 0
    exposure: float = 0.0
    exposure_ad: float = 0.0
    noticed: float = 0.0
    warmth: float = 0.0
    doubt: float = 0.0
    chance: list[float] = field(default_factory=lambda: [0.0] * 5)
    touch: list[float] = field(default_factory=lambda: [0.0] * 5)


@dataclass(eq=False)
class Person:
    """A person: tastes, what the platform believes, whom they follow, what they saw."""

    row: int
    interests: list[float]
    estimate: list[float]
    views: float
    minor: bool
    joined: int  # day; -1 was there before
    knowledge: float
    sharing: float
    price_sensitivity: float
    lead: Lead
    friends: list[int]  # followed people who are no creators
    inbox: deque[list[int]]  # newest last: [post or -1 when used, sharer]
    creators: dict[int, Acquaintance] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    tags: list[int] = field(default_factory=list)  # posts of each tag seen today
    requests: int = 0
    shown: int = 0
    sponsored: int = 0
    saturation: float = 0.0
    watched: float = 0.0
    recognised: float = 0.0
    bought: int = 0
    wish: float = 0.0


@dataclass(eq=False)
class Slot:
    """One slot of a feed: what was shown and what came of it."""

    post: Post | None
    source: str
    actions: set[str] = field(default_factory=set)
    watch: float = 0.0  # as stored, 4 bytes
    sharer: int = -1
    predicted: int = 0

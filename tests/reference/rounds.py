"""What the platform does in a round: delivers, sorts posts into pools, picks audiences, counts, promotes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from influence_sim.maths import exp, log, power
from influence_sim.rng import Stream
from reference.people import Person, Post, Slot, as_float32
from reference.philox import unit
from reference.respond import FIXED, dot

if TYPE_CHECKING:
    from reference.day import Reference


class Pool:
    """Posts by the place a retrieval try can hit: a place of a topic, or of the whole platform."""

    def __init__(self, places: int, by_topic: bool) -> None:
        self.places, self.by_topic = places, by_topic
        self.posts: dict[tuple[int, int], list[Post]] = {}

    def put(self, post: Post) -> None:
        """Lay a post at its own stable place."""
        self.posts.setdefault((post.tag if self.by_topic else 0, post.slot % self.places), []).append(post)


def deliver(s: Reference, new_posts: list[Post]) -> None:
    """Put new posts, then the last round's re-shares, into the inboxes of followers."""
    out: dict[int, list[Post]] = {}
    for post in new_posts:
        out.setdefault(source_of(s, post.creator.row), []).append(post)
    for sharer, post in s.shared:
        out.setdefault(sharer, []).append(post)
    s.shared = []
    for person in s.people:
        followed = [source_of(s, c) for c in sorted(person.creators) if person.creators[c].follows]
        for other in person.friends + followed:
            for post in out.get(other, []):
                person.inbox.append([post.number, other if other < len(s.people) else -1])


def source_of(s: Reference, row: int) -> int:
    """Return whose posts a follower of this creator gets: a person's, or those of the brand's account."""
    person = s.creators[row].person
    return person if person >= 0 else len(s.people)


def ratio_of_likes(s: Reference, likes: float, expected: float) -> float:
    """Return how much better than expected a record is, in units of match."""
    comparable = likes > 0.0 and expected > 0.0 and s.rule.like_slope > 0.0
    return log(likes / expected) / s.rule.like_slope if comparable else 0.0


def is_live(s: Reference, post: Post) -> bool:
    """Tell whether the post has appeared and is not too old."""
    return 0.0 <= s.now - post.posted <= s.rule.max_age


def refresh(s: Reference) -> None:
    """Work out what creators and posts have earned so far."""
    rule = s.rule
    prior = rule.prior_impressions * rule.like_rate
    for creator in s.creators:
        own = [p for p in s.posts if p.creator is creator and is_live(s, p)]
        likes, predicted = sum(p.likes for p in own), sum(p.predicted for p in own)
        creator.belief = ratio_of_likes(s, likes + prior, predicted / FIXED + prior)
    for post in s.posts:
        age = max(0.0, s.now - post.posted)
        fresh = power(1.0 + age / rule.freshness_age, -rule.freshness_exponent)
        # The prior of a post's likes leans to where its creator's posts have been.
        leaning = prior * exp(rule.like_slope * rule.prediction_creator * post.creator.belief)
        post.residual = ratio_of_likes(s, post.likes + leaning, post.predicted / FIXED + prior)
        post.multiplier = fresh
        if rule.popularity_exponent > 0.0:
            post.multiplier *= power(post.trend + rule.trending_prior, rule.popularity_exponent)
        if post.advert:
            post.multiplier *= rule.sponsored_factor
        post.fresh_weight = post.trend_weight = 0.0
        if post.slot >= 0:
            admitted = rule.failed_factor if post.stage == "failed" else 1.0
            ratio = (post.trend + rule.trending_prior) / (rule.trending_cap + rule.trending_prior)
            post.fresh_weight = admitted * fresh
            post.trend_weight = admitted * min(1.0, power(ratio, rule.trending_exponent))


def is_open(s: Reference) -> bool:
    """Tell whether posts from outside the model compete with the modelled ones."""
    creators, feed = s.market.creators, s.market.feed
    supply = max(feed.outside_posts * s.market.people.population, 1e-9)
    return feed.mode == "blended" and feed.ranking == "value" and supply > creators.count * creators.posts_per_day


def sort_into_pools(s: Reference) -> dict[str, Pool]:
    """Return the pools by source: few places on an open platform, about one a post on a closed one."""
    topics, slots = s.market.people.topics, max(1, s.slot_count)
    if is_open(s):
        of_topic, of_all = 16, 16 * topics
    else:
        of_topic, of_all = min(65536, max(8, math.ceil(0.5 * slots / topics))), slots
    hot_topics = s.market.feed.trending_by == "topic"
    pools = {
        "interest": Pool(of_topic, True),
        "trending": Pool(of_topic if hot_topics else of_all, hot_topics),
        "random": Pool(of_all, False),
    }
    weight = {"interest": lambda p: p.fresh_weight, "trending": lambda p: p.trend_weight, "random": lambda p: 1.0}
    for name, pool in pools.items():
        posts = [p for p in s.posts if p.slot >= 0 and is_live(s, p) and weight[name](p) > 0.0]
        # Likely ones first: by halves, quarters, eighths, ... of the chance of acceptance.
        for post in sorted(posts, key=lambda p: min(15, max(0, -math.frexp(weight[name](p))[1]))):
            pool.put(post)
    return pools


def test_audiences(s: Reference, r: int, slots: list[int]) -> list[list[Post]]:
    """Return the tested posts allotted to each person."""
    allotted: list[list[Post]] = [[] for _ in s.people]
    feed = s.market.feed
    for post in s.posts:
        if feed.exploration_share == 0.0 or not is_live(s, post) or not in_test(post):
            continue
        wanted = min(max(0, s.quota(post.stage) - post.stage_served), len(s.people))
        for person in audience(s, post, wanted, Stream.TEST_AUDIENCE, r, slots):
            allotted[person.row].append(post)
    return allotted


def ad_audiences(s: Reference, r: int, slots: list[int]) -> list[list[Post]]:
    """Return the ads (today's part of each order, spread over the rounds left) and heated posts allotted to each person."""
    allotted: list[list[Post]] = [[] for _ in s.people]
    rounds = s.market.feed.rounds_per_day
    for campaign in s.money.campaigns:
        if not campaign.first_day <= s.day <= campaign.last_day:
            continue
        rounds_left = (campaign.last_day - s.day) * rounds + rounds - r
        wanted = min(-(-(campaign.quota - campaign.delivered) // rounds_left), len(s.people))
        for person in audience(s, campaign.post, wanted, Stream.AD_AUDIENCE, r, slots):
            allotted[person.row].append(campaign.post)
    for post in s.posts:
        if post.heat > 0 and is_live(s, post):
            for person in audience(s, post, min(post.heat, len(s.people)), Stream.AD_AUDIENCE, r, slots):
                allotted[person.row].append(post)
    return allotted


def audience(s: Reference, post: Post, wanted: int, stream: Stream, r: int, slots: list[int]) -> list[Person]:
    """Return the first people of the post's own keyed sequence who qualify."""
    extra, feed = stream == Stream.AD_AUDIENCE, s.market.feed
    targeting = feed.ad_targeting if extra else feed.exploration_targeting
    least_slots = feed.ad_gap + 1 if extra else 1
    chosen: list[Person] = []
    if wanted <= 0:
        return chosen
    turns = np.arange(20 * wanted + 100, dtype=np.uint64)
    for a, b, c, d in s.dice.many_words(stream, turns, post.key, post.word, s.day << 16 | r):
        for word, accept in ((a, unit(b)), (c, unit(d))):
            person = s.people[word * len(s.people) >> 32]
            if person.row == post.creator.person or person in chosen or slots[person.row] < least_slots:
                continue
            if not may_be_given(s, person, post):
                continue
            if targeting > 0.0:
                cosine = dot(person.estimate, post.topics) / math.sqrt(dot(person.estimate, person.estimate))
                if accept >= exp(targeting * (cosine - 1.0)):
                    continue
            chosen.append(person)
            if len(chosen) == wanted:
                return chosen
    return chosen


def may_be_given(s: Reference, person: Person, post: Post) -> bool:
    """Tell whether a post may reach a person outside the contest: ads up to the cap, others once."""
    if post.creator.person < 0 and post.sponsored:
        return person.lead.ads < s.rule.ad_frequency_cap
    return post.number not in person.seen


def in_test(post: Post) -> bool:
    """Tell whether a test stage of the post is open."""
    return isinstance(post.stage, int)


def count(s: Reference, slot: Slot) -> None:
    """Add a slot to the counters of its post and of the day."""
    rule, post = s.rule, slot.post
    if post is None:
        s.add("views_empty" if slot.source == "empty" else "views_outside", 1)
        return
    like, comment, share, follow, negative = (int(a in slot.actions) for a in ("like", "comment", "share", "follow", "negative"))
    post.impressions += 1
    post.watch += int(slot.watch * 1000.0)
    post.finished += slot.watch >= as_float32(post.duration)
    post.likes += like
    post.comments += comment
    post.shares += share
    post.follows += follow
    post.negatives += negative
    post.clicks += "click" in slot.actions
    post.sales += "buy" in slot.actions
    post.predicted += slot.predicted
    post.sources[slot.source] += 1
    post.from_followers += "was following" in slot.actions
    post.discovered += follow and slot.source != "follow"
    post.heat -= slot.source == "heated"
    if rule.count_views or like or comment or share or follow:
        post.trend += 1.0
    if slot.source == "explore":
        post.stage_served += 1
        if "was following" not in slot.actions:
            post.stage_strangers += 1
            worth = (
                rule.value_like * like
                + rule.value_comment * comment
                + rule.value_playtime * slot.watch
                + rule.value_share * share
                + rule.value_follow * follow
            )
            worth -= rule.value_negative * negative
            if slot.watch >= min(rule.play_seconds, post.duration):
                worth += rule.value_play
            post.stage_value += int(worth * FIXED)
    s.add("views_modelled", 1)
    s.add("likes", like)
    s.add("comments", comment)
    s.add("shares", share)
    if not post.sponsored:
        s.add("organic_views", 1)
        s.add("organic_likes", like)


def promote(s: Reference, end: float) -> None:
    """End the test stage of posts whose quota is served: the best of the recent ones go on."""
    feed = s.market.feed
    for post in s.posts:
        if not in_test(post) or s.now - post.posted > feed.max_age or post.stage_served < s.quota(post.stage):
            continue
        recent = s.stage_results[post.stage]
        value, strangers = float(post.stage_value), post.stage_strangers
        if recent:
            # The few strangers of a test are joined by as many usual ones as any rate's prior has.
            usual = 0.0
            for x in recent:
                usual += x / len(recent)
            value += s.rule.prior_impressions * usual
            mean = value / max(1.0, strangers + s.rule.prior_impressions)
        else:
            mean = value / max(1.0, strangers)
        place = s.stage_ended[post.stage] % feed.stage_memory
        recent[place : place + 1] = [mean]  # the oldest gives way
        s.stage_ended[post.stage] += 1
        stage, better = post.stage, sum(x > mean for x in recent)
        if better < s.rule.stage_pass * len(recent):
            post.stage = post.stage + 1 if post.stage + 1 < feed.stages else "passed"
        else:
            post.stage = "failed"
        per_stranger = post.stage_value / FIXED / max(strangers, 1)
        s.stage_ends.append((post.number, stage, end, post.stage_served, per_stranger, post.stage != "failed"))
        post.stage_served = 0
        post.stage_strangers = 0
        post.stage_value = 0

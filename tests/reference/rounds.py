"""What the platform does in a round: delivers, sorts posts into pools, picks audiences, counts, promotes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from influence_sim.rng import Stream
from reference.people import Person, Post, Slot
from reference.philox import unit
from reference.respond import FIXED, dot

if TYPE_CHECKING:
    from reference.day import Reference


@dataclass
class Pools:
    """Posts by what a retrieval try can hit, and how many places there are."""

    interest: dict[tuple[int, int], list[Post]]
    trending: dict[int, list[Post]]
    everything: dict[int, list[Post]]
    by_topic: int
    hot: int
    total: int


def deliver(s: Reference, new_posts: list[Post]) -> None:
    """Put new posts, then the last round's re-shares, into the inboxes of followers."""
    out: dict[int, list[Post]] = {}
    for post in new_posts:
        if post.creator.person >= 0:
            out.setdefault(post.creator.person, []).append(post)
    for sharer, post in s.shared:
        out.setdefault(sharer, []).append(post)
    s.shared = []
    for person in s.people:
        followed = [s.creators[c].person for c in sorted(person.creators) if person.creators[c].follows]
        for other in person.friends + followed:
            for post in out.get(other, []):
                person.inbox.append([post.number, other])


def refresh(s: Reference) -> None:
    """Work out what a post's history is worth this round."""
    rule = s.rule
    for post in s.posts:
        age = max(0.0, s.now - post.posted)
        fresh = (1.0 + age / rule.freshness_age) ** -rule.freshness_exponent
        likes = post.likes + rule.prior_impressions * rule.like_rate
        expected = post.predicted / FIXED + rule.prior_impressions * rule.like_rate
        post.residual = 0.0
        if likes > 0.0 and expected > 0.0 and rule.like_slope > 0.0:
            post.residual = math.log(likes / expected) / rule.like_slope
        post.multiplier = fresh
        if rule.popularity_exponent > 0.0:
            post.multiplier *= (post.trend + rule.trending_prior) ** rule.popularity_exponent
        if post.sponsored:
            post.multiplier *= rule.sponsored_factor
        open_to_all = post.creator.retrievable and post.slot >= 0
        post.fresh_weight = fresh if open_to_all else 0.0
        if post.stage == "failed":
            post.fresh_weight *= rule.failed_factor
        post.trend_weight = 0.0
        if open_to_all and post.stage in ("passed", "unstaged"):
            ratio = (post.trend + rule.trending_prior) / (rule.trending_cap + rule.trending_prior)
            post.trend_weight = min(1.0, ratio**rule.trending_exponent)


def sort_into_pools(s: Reference) -> Pools:
    """Return the pools: every post lies at its own stable place."""
    feed, topics = s.market.feed, s.market.people.topics
    total = max(1, s.slot_count)
    by_topic = int(min(65536, max(8, math.ceil(0.5 * total / topics))))
    hot = total
    if feed.stages:
        hot = 2 ** math.ceil(math.log2(max(64.0, 2 * total * feed.stage_pass**feed.stages)))
    pools = Pools({}, {}, {}, by_topic, hot, total)
    for post in s.posts:
        if post.posted > s.now or post.slot < 0:
            continue
        pools.interest.setdefault((post.tag, post.slot % by_topic), []).append(post)
        pools.everything.setdefault(post.slot, []).append(post)
        if post.trend_weight > 0.0:
            pools.trending.setdefault(post.slot % hot, []).append(post)
    return pools


def test_audiences(s: Reference, r: int, slots: list[int]) -> list[list[Post]]:
    """Return the tested posts allotted to each person."""
    allotted: list[list[Post]] = [[] for _ in s.people]
    feed = s.market.feed
    for post in s.posts:
        fresh = 0.0 <= s.now - post.posted <= feed.max_age
        if feed.exploration_share == 0.0 or not fresh or not in_test(post):
            continue
        wanted = min(max(0, s.quotas[post.stage] - post.stage_served), len(s.people))
        for person in audience(s, post, wanted, Stream.TEST_AUDIENCE, r, slots):
            allotted[person.row].append(post)
    return allotted


def ad_audiences(s: Reference, r: int, slots: list[int]) -> list[list[Post]]:
    """Return the ads allotted to each person: today's part of each order, spread over the rounds left."""
    allotted: list[list[Post]] = [[] for _ in s.people]
    rounds = s.market.feed.rounds_per_day
    for campaign in s.money.campaigns:
        if not campaign.first_day <= s.day <= campaign.last_day:
            continue
        rounds_left = (campaign.last_day - s.day) * rounds + rounds - r
        wanted = min(-(-(campaign.quota - campaign.delivered) // rounds_left), len(s.people))
        for person in audience(s, campaign.post, wanted, Stream.AD_AUDIENCE, r, slots):
            allotted[person.row].append(campaign.post)
    return allotted


def audience(s: Reference, post: Post, wanted: int, stream: Stream, r: int, slots: list[int]) -> list[Person]:
    """Return the first people of the post's own keyed sequence who qualify."""
    ad, feed = stream == Stream.AD_AUDIENCE, s.market.feed
    targeting = feed.ad_targeting if ad else feed.exploration_targeting
    least_slots = feed.ad_gap + 1 if ad else 1
    chosen: list[Person] = []
    if wanted <= 0:
        return chosen
    for turn in range(20 * wanted + 100):
        a, b, c, d = s.dice.words(stream, turn, post.key, post.word, s.day << 16 | r)
        for word, accept in ((a, unit(b)), (c, unit(d))):
            person = s.people[word * len(s.people) >> 32]
            if person.row == post.creator.person or person in chosen or slots[person.row] < least_slots:
                continue
            if ad and person.lead.ads >= feed.ad_frequency_cap:
                continue
            if not ad and post.number in person.seen:
                continue
            if targeting > 0.0:
                cosine = dot(person.estimate, post.topics) / math.sqrt(dot(person.estimate, person.estimate))
                if accept >= math.exp(targeting * (cosine - 1.0)):
                    continue
            chosen.append(person)
            if len(chosen) == wanted:
                return chosen
    return chosen


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
    post.likes += like
    post.comments += comment
    post.shares += share
    post.follows += follow
    post.negatives += negative
    post.clicks += "click" in slot.actions
    post.predicted += slot.predicted
    if rule.count_views or like or comment or share or follow:
        post.trend += 1.0
    if slot.source == "explore":
        post.stage_served += 1
        if "was following" not in slot.actions:
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


def promote(s: Reference) -> None:
    """End the test stage of posts whose quota is served: the best of the recent ones go on."""
    feed = s.market.feed
    for post in s.posts:
        if not in_test(post) or s.now - post.posted > feed.max_age or post.stage_served < s.quotas[post.stage]:
            continue
        mean = post.stage_value / post.stage_served
        recent = s.stage_results[post.stage]
        recent.append(mean)
        del recent[: -feed.stage_memory]
        better = sum(x > mean for x in recent)
        if better < s.rule.stage_pass * len(recent):
            post.stage = post.stage + 1 if post.stage + 1 < feed.stages else "passed"
        else:
            post.stage = "failed"
        post.stage_served = 0
        post.stage_value = 0

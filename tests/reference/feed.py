"""One request of one person: candidates, predictions, scores, and which post takes which slot."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from influence_sim.feeds import Candidates, score_of
from influence_sim.maths import exp, log, power
from influence_sim.rng import Stream
from reference.people import Acquaintance, Person, Post, Slot, as_float32
from reference.philox import unit
from reference.respond import dot, respond, sigmoid, watch_outside
from reference.rounds import may_be_given

if TYPE_CHECKING:
    from reference.day import Reference

# Where candidates come from, in the order they are looked for; the numbers are the third word of the retrieval streams.
SOURCES = {
    "interest": (2, Stream.RETRIEVE_INTEREST),
    "trending": (3, Stream.RETRIEVE_TRENDING),
    "random": (4, Stream.RETRIEVE_RANDOM),
}
MOST = 160  # candidates of a request


@dataclass
class Candidate:
    """A post that may be shown in this request, where it came from and what it is worth."""

    post: Post
    source: str
    sharer: int = -1
    letter: list[int] | None = None  # its place in the inbox
    z: float = 0.0  # predicted engagement, units of match
    follows: bool = False
    affinity: float = 0.0
    standing: float = 1.0  # 0 while the creator is kept away
    score: float = 0.0
    taken: bool = False


def serve_person(s: Reference, person: Person, slots: int, tests: list[Post], ads: list[Post]) -> list[Slot]:
    """Return the person's slots of this round; `tests` and `ads` lose what was shown."""
    served: list[Slot] = []
    while len(served) < slots:
        served += serve_request(s, person, min(s.rule.slots_per_request, slots - len(served)), tests, ads)
    return served


def serve_request(s: Reference, person: Person, size: int, tests: list[Post], ads: list[Post]) -> list[Slot]:
    """Fill one request; the person learns and is learned about only when it ends."""
    rule = s.rule
    request = person.requests
    person.requests += 1
    time_word = s.day << 16 | request
    candidates = retrieve(s, person, time_word)
    rank(s, person, candidates)
    rivals = outside_strengths(s, person)
    reserved = 0
    if s.has_tests[person.row]:
        u = s.dice.roll(Stream.RESERVED_SLOTS, person.row, 0, 0, time_word)[0]
        reserved = min(size, math.floor(rule.exploration_share * size + u))

    lessons: list[tuple[float, list[float]]] = []
    slots: list[Slot] = []
    tags: list[int] = []
    authors: list[int] = []
    before: Post | None = None  # what stood in the slot before, if it was a modelled post
    for place in range(size):
        post, source, sharer, z = None, "empty", -1, 0.0
        outside: tuple[float, float, float] | None = None
        if place % (rule.ad_gap + 1) == rule.ad_gap and s.has_ads[person.row]:
            post = take_allotted(s, person, ads, time_word)
            source = "heated" if post is not None and (post.creator.person >= 0 or not post.sponsored) else "paid"
        if post is None and place >= size - reserved:
            post = take_allotted(s, person, tests, time_word)
            source = "explore"
        if post is not None:
            z = predict(s, person, post)
            for candidate in candidates:
                candidate.taken |= candidate.post is post
        else:
            source = "empty"
            if rule.mixture:
                u = s.dice.roll(Stream.SLOT_SOURCE, person.row, place, 0, time_word)[0]
                winner = best(s, candidates, draw_source(s, u), before)
            else:
                winner = best(s, candidates, None, before)
                mass = in_order(rivals)
                if mass > 0.0:
                    u, *dice = s.dice.roll(Stream.OUTSIDE, person.row, 0, place, time_word)
                    limit = 0.0
                    if winner is not None and winner.score > 0.0:
                        strength = power(winner.score, 1.0 / rule.rank_noise)
                        limit = exp(-mass / strength) if strength > 0.0 else 0.0
                    if u > limit:
                        winner, outside = None, (dice[0], dice[1], dice[2])
            if winner is not None:
                post, source, sharer, z = winner.post, winner.source, winner.sharer, winner.z
                winner.taken = True
                if winner.letter is not None:
                    winner.letter[0] = -1

        if post is not None:
            # What the post's own record says is left out, for that record is to be held against it.
            predicted = rule.like_calibration * sigmoid(rule.like_logit + rule.like_slope * (z - post.residual))
            slot, gain = respond(s, person, post, source, sharer, predicted)
            lessons.append((gain, post.topics))
            authors.append(post.creator.row)
            if rule.ranking == 0:
                discount(s, candidates, post.creator.row, authors.count(post.creator.row))
            tags.append(post.tag)
            if source != "paid":
                person.seen.add(post.number)
        elif outside is not None:
            u_topic, u_ad, u_watch = outside
            topic = draw_topic(rivals, u_topic * in_order(rivals))
            slot, gain = watch_outside(s, person, place, request, topic, u_ad, u_watch)
            lessons.append((gain, [1.0 if k == topic else 0.0 for k in range(len(rivals))]))
            tags.append(topic)
        else:
            slot = Slot(None, "empty")
        before = post
        slots.append(slot)

    lesson = learn(s, person.estimate, lessons)
    total = 0.0
    for x in lesson:
        total += x
    person.estimate = [as_float32(x / total) for x in lesson]
    for tag in tags:
        person.tags[tag] = min(255, person.tags[tag] + 1)
    return slots


def retrieve(s: Reference, person: Person, time_word: int) -> list[Candidate]:
    """Return a few dozen candidates: letters of the inbox, then keyed tries on the pools."""
    rule = s.rule
    found: list[Candidate] = []

    def offer(post: Post, source: str, sharer: int = -1, letter: list[int] | None = None) -> bool:
        own = post.creator.person == person.row
        old = s.now - post.posted > rule.max_age
        known = post.number in person.seen or any(c.post is post for c in found)
        if own or old or known or len(found) >= MOST:
            return False
        found.append(Candidate(post, source, sharer, letter))
        return True

    letters = 0
    for letter in reversed(person.inbox):
        if letters >= rule.candidates_follow:
            break
        if letter[0] >= 0 and offer(s.posts[letter[0]], "follow", letter[1], letter):
            letters += 1
    for source in SOURCES:
        wanted, already = getattr(rule, f"candidates_{source}"), len(found)
        if wanted:
            for post in tries(s, person, time_word, source):
                if offer(post, source) and len(found) == already + wanted:
                    break
    return found


def tries(s: Reference, person: Person, time_word: int, source: str):
    """Yield the posts that the request's keyed tries hit; a try may hit none.

    A roll gives the topic, the place, whether the post is accepted and, the first of them, the rounding of the number of tries.
    """
    code, stream = SOURCES[source]
    pool = s.pools[source]
    rounding = s.dice.roll(stream, person.row, code, 0, time_word)[3]
    number = math.floor(getattr(s.rule, f"tries_{source}") + rounding)
    for a, b, c, _ in s.dice.many_words(stream, person.row, code, np.arange(number, dtype=np.uint64), time_word):
        topic = draw_topic(person.estimate, unit(a)) if pool.by_topic else 0
        for post in pool.posts.get((topic, b * pool.places >> 32), []):
            weight = {"interest": post.fresh_weight, "trending": post.trend_weight, "random": 1.0}[source]
            if unit(c) < weight:
                yield post


def in_order(values: list[float]) -> float:
    """Return the sum, added from left to right."""
    total = 0.0
    for x in values:
        total += x
    return total


def draw_topic(shares: list[float], u: float) -> int:
    """Return the topic at whose share the running sum passes u."""
    total = 0.0
    for topic, share in enumerate(shares):
        total += share
        if u < total:
            return topic
    return len(shares) - 1


def outside_strengths(s: Reference, person: Person) -> list[float]:
    """Return how strong the posts from outside are, by topic: liked ones more, and less after many of the topic today."""
    scale = 1.0 / math.sqrt(dot(person.estimate, person.estimate))
    steps = len(s.outside) - 1
    strengths = []
    for share, today in zip(person.estimate, person.tags, strict=True):
        at = share * scale * steps
        left = min(int(at), steps - 1)
        strength = s.outside[left] + (at - left) * (s.outside[left + 1] - s.outside[left])
        strengths.append(share * strength * exp(-s.rule.same_tag_penalty * today / s.rule.rank_noise))
    return strengths


def predict(s: Reference, person: Person, post: Post) -> float:
    """Return predicted engagement in units of match."""
    rule = s.rule
    scale = 1.0 / math.sqrt(dot(person.estimate, person.estimate))
    z = rule.match * (dot(person.estimate, post.topics) * scale - rule.match_mean) / rule.match_unit + post.residual
    known = person.creators.get(post.creator.row)
    if known is not None:
        z += rule.prediction_follow * known.follows + rule.prediction_affinity * min(affinity_of(s, known), 5.0)
    return z


def affinity_of(s: Reference, known: Acquaintance) -> float:
    """Return past engagements, faded."""
    return known.affinity * s.keep_affinity[s.day - known.touched]


def standing_of(s: Reference, known: Acquaintance) -> float:
    """Return what `not interested` has left of a creator: nothing for days, then a straight line back."""
    rule = s.rule
    if known.refused < 0:
        return 1.0
    days = s.day - known.refused
    if days <= rule.refusal_days:
        return 0.0
    if days >= rule.refusal_days + rule.refusal_ramp:
        return 1.0
    return rule.refusal_floor + (1.0 - rule.refusal_floor) * (days - rule.refusal_days) / rule.refusal_ramp


def rank(s: Reference, person: Person, candidates: list[Candidate]) -> None:
    """Predict and score the candidates."""
    rule = s.rule
    for candidate in candidates:
        candidate.z = predict(s, person, candidate.post)
        known = person.creators.get(candidate.post.creator.row)
        if known is not None:
            candidate.follows, candidate.affinity, candidate.standing = known.follows, affinity_of(s, known), standing_of(s, known)
        candidate.taken = candidate.standing == 0.0
    function = score_of(s.market.feed.policy)
    if function is not None:
        rank_by_function(s, person, candidates, function)
        return
    for number, candidate in enumerate(candidates):
        if rule.ranking == 0:
            candidate.score = judge(s, person, candidate) * noise(s, person, candidate.post)
        else:
            candidate.score = candidate.post.posted if rule.ranking == 1 else float(-number)
    if rule.ranking == 0:
        if rule.cold_start_rank > 0:
            lift_newcomer(s, candidates)
        for candidate in candidates:
            if not candidate.follows:
                candidate.score *= rule.non_followed_factor


def judge(s: Reference, person: Person, candidate: Candidate) -> float:
    """Return the score of a candidate before noise."""
    rule, post = s.rule, candidate.post
    p_like = sigmoid(rule.like_logit + rule.like_slope * candidate.z)
    factor = post.multiplier * candidate.standing * exp(-rule.same_tag_penalty * person.tags[post.tag])
    factor *= 1.0 + rule.author_seen_bonus * min(candidate.affinity, 3.0)
    if post.branded:
        factor *= power(1.0 + person.lead.annoyance, -rule.ad_fatigue)
    return worth(s, candidate.z, post.duration, p_like) * factor


def noise(s: Reference, person: Person, post: Post) -> float:
    """Return the ranking's noise about a post, the same for a person's whole day."""
    u = s.dice.roll(Stream.RANK_NOISE, person.row, post.key, post.word, s.day << 16)[0]
    return exp(-s.rule.rank_noise * log(-log(u)))


def lift_newcomer(s: Reference, candidates: list[Candidate]) -> None:
    """Give the best little-seen post of a small account the score at a fixed rank, if it stands below, though not at the end."""
    rule = s.rule
    scores = sorted((c.score for c in candidates), reverse=True)
    small = [
        c
        for c in candidates
        if not c.taken
        and c.post.audience <= rule.cold_start_followers
        and c.post.impressions < rule.cold_start_impressions
        and rule.cold_start_rank <= scores.index(c.score) < 0.85 * len(scores)
    ]
    if small:
        max(small, key=lambda c: c.score).score = scores[rule.cold_start_rank - 1]


def rank_by_function(s: Reference, person: Person, candidates: list[Candidate], function: Callable[[Candidates], np.ndarray]) -> None:
    """Score the candidates by a feed function, asked about this request alone."""
    if not candidates:
        return
    rows = [described(s, person, c) for c in candidates]
    columns = {name: np.array([[row[name] for row in rows]]) for name in rows[0]}
    logs = np.asarray(function(Candidates(s.day, s.now, np.array([person.row]), **columns)), float)[0].tolist()
    for candidate, said in zip(candidates, logs, strict=True):
        candidate.taken |= said == -math.inf
        candidate.score = exp(min(300.0, max(-300.0, said))) * noise(s, person, candidate.post)


def described(s: Reference, person: Person, candidate: Candidate) -> dict[str, float]:
    """Return what a feed function may know of a candidate; counts in real units."""
    rule, post, z = s.rule, candidate.post, candidate.z
    median = rule.watch_median * exp(rule.watch_slope * z)
    row: dict[str, float] = {
        "valid": candidate.standing > 0.0,
        "p_play": 1.0 / (1.0 + min(rule.play_seconds, post.duration) / median),
        "post": post.number,
        "creator": post.creator.row,
        "source": ("empty", "follow", *SOURCES).index(candidate.source),
        "age": max(0.0, s.now - post.posted),
        "duration": post.duration,
        "followers": post.audience * s.scale,
        "follows": float(candidate.follows),
        "affinity": candidate.affinity,
        "standing": candidate.standing,
        "predicted": z,
        "seconds": median * log(1.0 + post.duration / median),
        "views": post.impressions * s.scale,
        "trend": post.trend,
        "tag": post.tag,
        "same_tag_today": float(person.tags[post.tag]),
        "sponsored": float(post.advert),
        "annoyance": person.lead.annoyance if post.branded else 0.0,
    }
    for name in ("likes", "comments", "shares"):
        row[name] = getattr(post, name) * s.scale
    for name in ("like", "comment", "share", "follow", "negative"):
        row[f"p_{name}"] = sigmoid(getattr(rule, f"{name}_logit") + getattr(rule, f"{name}_slope") * z)
    return row


def worth(s: Reference, z: float, duration: float, p_like: float) -> float:
    """Return the value the platform expects of a showing."""
    rule = s.rule
    seconds = rule.watch_median * exp(rule.watch_slope * z)
    play = 1.0 / (1.0 + min(rule.play_seconds, duration) / seconds)
    total = rule.value_playtime * seconds * log(1.0 + duration / seconds) + rule.value_play * play
    total += rule.value_like * p_like + rule.value_comment * sigmoid(rule.comment_logit + rule.comment_slope * z)
    if rule.value_share > 0.0:
        total += rule.value_share * sigmoid(rule.share_logit + rule.share_slope * z)
    if rule.value_follow > 0.0:
        total += rule.value_follow * sigmoid(rule.follow_logit + rule.follow_slope * z)
    if rule.value_negative > 0.0:
        total -= rule.value_negative * sigmoid(rule.negative_logit + rule.negative_slope * z)
    return max(total, 1e-9)


def best(s: Reference, candidates: list[Candidate], source: str | None, before: Post | None) -> Candidate | None:
    """Return the highest score of a source (the first of equals); the author or sound before only when nothing else is left."""
    left = [c for c in candidates if not c.taken and source in (None, c.source)]
    others = left
    if s.rule.ranking == 0 and before is not None:
        others = [c for c in left if c.post.creator is not before.creator and (c.post.sound < 0 or c.post.sound != before.sound)]
    return max(others or left, key=lambda c: c.score, default=None)


def draw_source(s: Reference, u: float) -> str | None:
    """Return the source of a slot of a mixture."""
    rule = s.rule
    weights = {
        "follow": rule.weight_follow,
        "interest": rule.weight_interest,
        "trending": rule.weight_trending,
        "random": rule.weight_random,
    }
    total = rule.weight_follow + rule.weight_interest + rule.weight_trending + rule.weight_random
    if total <= 0.0:
        return None
    u *= total
    for source, weight in weights.items():
        if u < weight:
            return source
        u -= weight
    return "random"


def discount(s: Reference, candidates: list[Candidate], author: int, times: int) -> None:
    """Lower the author's other posts, now that they stand `times` in the request."""
    floor, decay = s.rule.author_floor, s.rule.author_decay
    before = (1.0 - floor) * decay ** (times - 1) + floor
    after = (1.0 - floor) * decay**times + floor
    for candidate in candidates:
        if candidate.post.creator.row == author:
            candidate.score *= after / before if before > 0.0 else 0.0


def take_allotted(s: Reference, person: Person, allotted: list[Post], time_word: int) -> Post | None:
    """Remove and return the allotted post with the smallest race key among those that may still be shown."""
    fit = [p for p in allotted if may_be_given(s, person, p)]
    if not fit:
        return None
    post = min(fit, key=lambda p: s.dice.roll(Stream.RACE, person.row, p.key, p.word, time_word)[0])
    allotted.remove(post)
    return post


def learn(s: Reference, estimate: list[float], lessons: list[tuple[float, list[float]]]) -> list[float]:
    """Return the platform's belief, not yet summing to one, after slots taught their gain about topics; later slots count more."""
    rate, faded, learnt = s.rule.learning_rate, 1.0, [0.0] * len(estimate)
    for gain, topics in reversed(lessons):
        step = faded * rate * gain
        faded *= 1.0 - rate
        learnt = [x + step * topic for x, topic in zip(learnt, topics, strict=True)]
    return [max(faded * before + x, 1e-4) for before, x in zip(estimate, learnt, strict=True)]

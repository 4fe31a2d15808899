"""One request of one person: candidates, predictions, scores, and which post takes which slot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from influence_sim.rng import Stream
from reference.people import Person, Post, Slot, as_float32
from reference.philox import unit
from reference.respond import dot, respond, sigmoid, watch_outside

if TYPE_CHECKING:
    from reference.day import Reference

# Third word of the retrieval streams.
INTEREST, TRENDING, RANDOM = 2, 3, 4


@dataclass
class Candidate:
    """A post that may be shown in this request, where it came from and what it is worth."""

    post: Post
    source: str
    sharer: int = -1
    letter: list[int] | None = None  # its place in the inbox
    predicted: float = 0.0
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
    for rank, candidate in enumerate(candidates):
        judge(s, person, candidate, len(candidates) - rank)
    reserved = 0
    if s.has_tests[person.row]:
        u = s.dice.roll(Stream.RESERVED_SLOTS, person.row, 0, 0, time_word)[0]
        reserved = min(size, math.floor(rule.exploration_share * size + u))

    lesson = list(person.estimate)
    slots: list[Slot] = []
    tags: list[int] = []
    authors: list[int] = []
    last_author = -1
    for place in range(size):
        post, source, sharer, predicted = None, "empty", -1, 0.0
        outside: tuple[float, float, float] | None = None
        if place % (rule.ad_gap + 1) == rule.ad_gap and s.has_ads[person.row]:
            post = take_allotted(s, person, ads, time_word, lambda p: person.lead.ads < rule.ad_frequency_cap)
            source = "paid"
        if post is None and place >= size - reserved:
            post = take_allotted(s, person, tests, time_word, lambda p: p.number not in person.seen)
            source = "explore"
            for candidate in candidates:
                if candidate.post is post:
                    candidate.taken = True
        if post is not None:
            predicted = sigmoid(rule.like_logit + rule.like_slope * predict(s, person, post)[0])
        else:
            source = "empty"
            if rule.mixture:
                u = s.dice.roll(Stream.SLOT_SOURCE, person.row, place, 0, time_word)[0]
                winner = best(s, candidates, draw_source(s, u), last_author)
            else:
                winner = best(s, candidates, None, last_author)
                if rule.outside_mass > 0.0:
                    u, *dice = s.dice.roll(Stream.OUTSIDE, person.row, 0, place, time_word)
                    limit = 0.0
                    if winner is not None and winner.score > 0.0:
                        strength = winner.score ** (1.0 / rule.rank_noise)
                        limit = math.exp(-rule.outside_mass / strength) if strength > 0.0 else 0.0
                    if u > limit:
                        winner, outside = None, (dice[0], dice[1], dice[2])
            if winner is not None:
                post, source, sharer, predicted = winner.post, winner.source, winner.sharer, winner.predicted
                winner.taken = True
                if winner.letter is not None:
                    winner.letter[0] = -1

        if post is not None:
            slot, gain = respond(s, person, post, source, sharer, predicted)
            learn(s, lesson, gain, post.topics)
            last_author = post.creator.row
            authors.append(last_author)
            if rule.ranking == 0:
                discount(s, candidates, last_author, authors.count(last_author))
            tags.append(post.tag)
            if source != "paid":
                person.seen.add(post.number)
        elif outside is not None:
            slot, topic, gain = watch_outside(s, person, place, request, *outside)
            learn(s, lesson, gain, [1.0 if k == topic else 0.0 for k in range(len(lesson))])
            last_author = -1
            tags.append(topic)
        else:
            slot = Slot(None, "empty")
            last_author = -1
        slots.append(slot)

    lesson = [max(x, 1e-4) for x in lesson]
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
        if own or old or known:
            return False
        found.append(Candidate(post, source, sharer, letter))
        return True

    letters = 0
    for letter in reversed(person.inbox):
        if letters >= rule.candidates_follow:
            break
        if letter[0] >= 0 and offer(s.posts[letter[0]], "follow", letter[1], letter):
            letters += 1
    for post in tries_by_interest(s, person, time_word):
        if offer(post, "interest") and sum(c.source == "interest" for c in found) >= rule.candidates_interest:
            break
    for post in tries(s, person, time_word, Stream.RETRIEVE_TRENDING, TRENDING, rule.candidates_trending):
        if offer(post, "trending") and sum(c.source == "trending" for c in found) >= rule.candidates_trending:
            break
    for post in tries(s, person, time_word, Stream.RETRIEVE_RANDOM, RANDOM, rule.candidates_random):
        if offer(post, "random") and sum(c.source == "random" for c in found) >= rule.candidates_random:
            break
    return found


def tries_by_interest(s: Reference, person: Person, time_word: int):
    """Yield posts of estimated topics: each roll gives a topic and three tries."""
    pools = s.pools
    for turn in range((s.rule.candidates_interest * s.rule.tries + 2) // 3):
        first, *words = s.dice.words(Stream.RETRIEVE_INTEREST, person.row, INTEREST, turn, time_word)
        topic = s.draw_topic(person.estimate, unit(first))
        for word in words:
            place = (word >> 16) * pools.by_topic >> 16
            accept = ((word & 0xFFFF) + 0.5) / 65536.0
            for post in pools.interest.get((topic, place), []):
                if accept < post.fresh_weight:
                    yield post


def tries(s: Reference, person: Person, time_word: int, stream: Stream, source: int, wanted: int):
    """Yield trending or random posts: each roll gives two tries."""
    pool, size = (s.pools.trending, s.pools.hot) if source == TRENDING else (s.pools.everything, s.pools.total)
    for turn in range((wanted * s.rule.tries + 1) // 2):
        a, b, c, d = s.dice.words(stream, person.row, source, turn, time_word)
        for word, accept in ((a, unit(b)), (c, unit(d))):
            for post in pool.get(word * size >> 32, []):
                if source == RANDOM or accept < post.trend_weight:
                    yield post


def predict(s: Reference, person: Person, post: Post) -> tuple[float, bool, float]:
    """Return predicted engagement (sd of match), whether the person follows, and past engagement."""
    rule = s.rule
    scale = 1.0 / math.sqrt(dot(person.estimate, person.estimate))
    z = rule.match * (dot(person.estimate, post.topics) * scale - rule.match_mean) / rule.match_unit + post.residual
    known = person.creators.get(post.creator.row)
    if known is None:
        return z, False, 0.0
    affinity = known.affinity * s.keep_affinity[s.day - known.touched]
    z += rule.prediction_follow * known.follows + rule.prediction_affinity * min(affinity, 5.0)
    return z, known.follows, affinity


def judge(s: Reference, person: Person, candidate: Candidate, places_left: int) -> None:
    """Predict and score a candidate; the noise is keyed by person, post and day."""
    rule, post = s.rule, candidate.post
    z, follows, affinity = predict(s, person, post)
    candidate.predicted = sigmoid(rule.like_logit + rule.like_slope * z)
    if rule.ranking == 1:
        candidate.score = post.posted + 1.0
    elif rule.ranking == 2:
        candidate.score = float(places_left)
    else:
        score = worth(s, z, post.duration, candidate.predicted) * post.multiplier
        if not follows:
            score *= rule.non_followed_factor
        score *= math.exp(-rule.same_tag_penalty * person.tags[post.tag])
        score *= 1.0 + rule.author_seen_bonus * min(affinity, 3.0)
        if post.branded:
            score *= (1.0 + person.lead.annoyance) ** -rule.ad_fatigue
        u = s.dice.roll(Stream.RANK_NOISE, person.row, post.key, post.word, s.day << 16)[0]
        candidate.score = score * (-math.log(u)) ** -rule.rank_noise


def worth(s: Reference, z: float, duration: float, p_like: float) -> float:
    """Return the value the platform expects of a showing."""
    rule = s.rule
    seconds = rule.watch_median * math.exp(rule.watch_slope * z)
    play = 1.0 / (1.0 + min(rule.play_seconds, duration) / seconds)
    total = rule.value_playtime * seconds * math.log(1.0 + duration / seconds) + rule.value_play * play
    total += rule.value_like * p_like + rule.value_comment * sigmoid(rule.comment_logit + rule.comment_slope * z)
    if rule.value_share > 0.0:
        total += rule.value_share * sigmoid(rule.share_logit + rule.share_slope * z)
    if rule.value_follow > 0.0:
        total += rule.value_follow * sigmoid(rule.follow_logit + rule.follow_slope * z)
    if rule.value_negative > 0.0:
        total -= rule.value_negative * sigmoid(rule.negative_logit + rule.negative_slope * z)
    return max(total, 1e-9)


def best(s: Reference, candidates: list[Candidate], source: str | None, last_author: int) -> Candidate | None:
    """Return the highest score of a source (the first of equals); the last author only when nobody else is left."""
    left = [c for c in candidates if not c.taken and source in (None, c.source)]
    others = [c for c in left if not (s.rule.ranking == 0 and last_author >= 0 and c.post.creator.row == last_author)]
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


def take_allotted(s: Reference, person: Person, allotted: list[Post], time_word: int, allowed) -> Post | None:
    """Remove and return the allotted post with the smallest race key among those allowed."""
    runners = [(s.dice.roll(Stream.RACE, person.row, p.key, p.word, time_word)[0], k) for k, p in enumerate(allotted) if allowed(p)]
    return allotted.pop(min(runners)[1]) if runners else None


def learn(s: Reference, lesson: list[float], gain: float, topics: list[float]) -> None:
    """Move the platform's belief towards a post's topics, or away."""
    rate = s.rule.learning_rate
    for k, topic in enumerate(topics):
        lesson[k] = (1.0 - rate) * lesson[k] + rate * gain * topic

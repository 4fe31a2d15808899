"""What one person does with one impression, from true taste and true quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from influence_sim.maths import exp, log, power, turn
from influence_sim.rng import Stream
from reference.people import Person, Post, Slot, as_float32

if TYPE_CHECKING:
    from reference.day import Reference

NOBODY = 0xFFFFFFFF
FIXED = 2**24


def sigmoid(z: float) -> float:
    """Return 1 / (1 + exp(-z)), 0 and 1 where exp would leave its range."""
    return 1.0 / (1.0 + exp(-z))


def dot(x: list[float], y: list[float]) -> float:
    """Return the sum of products, added from left to right (the built-in sum would add more exactly)."""
    total = 0.0
    for a, b in zip(x, y, strict=True):
        total += a * b
    return total


def trust_in(good: float, bad: float, reputation: float, weight: float) -> float:
    """Return the mean of a Beta distribution: evidence upon a prior that reputation moves."""
    prior = 0.5 + weight * (reputation - 0.5)
    return (2.0 * prior + good) / (2.0 + good + bad)


def video_length(rule: Any, u: float, v: float, w: float) -> float:
    """Return a length in seconds: lognormal within bounds, or uniform."""
    if rule.uniform_duration:
        return rule.duration_min + (rule.duration_max - rule.duration_min) * w
    z = math.sqrt(-2.0 * log(u)) * turn(v)[0]
    return min(max(rule.duration_median * exp(rule.duration_sigma * z), rule.duration_min), rule.duration_max)


def seconds_watched(s: Reference, eta: float, duration: float, u: float, name: tuple[int, int, int, int]) -> float:
    """Return log-logistic seconds; whoever reaches the end may watch again, up to eight times."""
    rule = s.rule
    if rule.full_watch:
        return duration
    median = rule.watch_median * exp(rule.watch_slope * eta)
    once = median * u / (1.0 - u)
    if once < duration:
        return once
    total = duration
    again = rule.loop * exp(-max(duration - 7.0, 0.0) / 22.0)
    person, creator, word, time = name
    for loop in range(8):
        stay, part, _, _ = s.dice.roll(Stream.LOOP, person, creator, word + loop, time)
        if stay >= again:
            break
        once = median * part / (1.0 - part)
        total += min(once, duration)
        if once < duration:
            break
    return total


def lesson_of_watching(rule: Any, watch: float, duration: float) -> float:
    """Return how much watching says about taste: the share watched beyond what an average match watches."""
    usual = 1.0
    if not rule.full_watch:
        usual = rule.watch_median * log(1.0 + duration / rule.watch_median) / duration
    return rule.learn_watch * (min(watch, duration) / duration - usual)


def respond(s: Reference, person: Person, post: Post, source: str, sharer: int, predicted: float) -> tuple[Slot, float]:
    """Show a modelled post; return the slot and what the platform learns from it."""
    rule, day, lead, creator = s.rule, s.day, person.lead, post.creator
    # Ads can be shown twice a day, so their dice are also named by the slot.
    name = (person.row, post.key, post.word, day << 16 | (person.shown + 1 if source == "paid" else 0))

    scale = 1.0 / math.sqrt(dot(person.interests, person.interests))
    match = (dot(person.interests, post.topics) * scale - rule.match_mean) / rule.match_unit
    follows, tie, good, bad = 0.0, 0.0, 0.0, 0.0
    known = person.creators.get(creator.row)
    if known is not None:
        age = day - known.touched
        follows = float(known.follows)
        tie = known.tie * s.keep_tie[age]
        good = known.good * s.keep_trust[age]
        bad = known.bad * s.keep_trust[age]
    trust = s.market.brand.trust if source == "paid" else trust_in(good, bad, creator.reputation, rule.reputation_weight)

    u1, u2, u_watch, u_like = s.dice.roll(Stream.WATCH, *name)
    eta = (
        rule.match * match
        + rule.quality * post.quality
        + rule.follows * follows
        + rule.trust * (trust - 0.5)
        + rule.tie * tie
        + rule.authenticity * (creator.authenticity - 0.5)
        - rule.saturation * max(0.0, person.saturation - rule.saturation_tolerance)
        + rule.noise * (math.sqrt(-2.0 * log(u1)) * turn(u2)[0])
    )
    recognised = post.disclosure * person.knowledge
    if post.advert:
        person.recognised += recognised
        eta -= rule.disclosure * recognised + rule.misfit * (1.0 - post.fit)
    watch = seconds_watched(s, eta, post.duration, u_watch, name)
    gain = lesson_of_watching(rule, watch, post.duration)

    actions: set[str] = set()
    if watch > rule.minimum_watch or rule.minimum_watch == 0.0:
        u_comment, u_share, u_follow, u_negative = s.dice.roll(Stream.REACT, *name)
        if u_like < sigmoid(rule.like_logit + rule.like_slope * eta):
            actions.add("like")
            gain += rule.learn_like
        if u_comment < sigmoid(rule.comment_logit + rule.comment_slope * eta):
            actions.add("comment")
            gain += rule.learn_comment
        if u_share < sigmoid(rule.share_logit + rule.share_slope * eta + person.sharing):
            actions.add("share")
            gain += rule.learn_share
        if source != "paid" and not follows and u_follow < sigmoid(rule.follow_logit + rule.follow_slope * eta):
            actions.add("follow")
            gain += rule.learn_follow
        if u_negative < sigmoid(rule.negative_logit + rule.negative_slope * eta):
            actions.add("negative")
            gain -= rule.learn_negative
        if post.branded:
            _click(s, person, post, source, tie, trust, name, actions)
    if follows:
        actions.add("was following")

    if post.branded:
        part = min(watch / post.duration, 1.0)
        lead.touches += 1
        lead.touch[post.channel] += 1.0
        if not lead.reached:
            lead.reached, lead.account = 1, creator.row + 1
        elif lead.account != creator.row + 1:
            lead.reached = 2
        lead.doubt += recognised * (1.0 - trust) * part
        lead.warmth += trust * post.fit * part
        message = part * (1.0 + rule.brief_clarity * post.brief)
        awareness = rule.awareness[1 if source == "paid" else 0]
        lead.noticed = 1.0 - (1.0 - lead.noticed) * power(1.0 - awareness, message)
        if source == "paid":
            lead.ads += 1
            lead.exposure_ad += message
        else:
            lead.exposure += message
    person.shown += 1
    person.sponsored += post.advert
    person.watched += watch
    return Slot(post, source, actions, as_float32(watch), sharer, int(predicted * FIXED)), gain


def _click(
    s: Reference, person: Person, post: Post, source: str, tie: float, trust: float, name: tuple[int, int, int, int], actions: set[str]
) -> None:
    """Let a viewer of an advertised product click, and buy at once."""
    rule, lead = s.rule, person.lead
    u_click, u_buy, _, _ = s.dice.roll(Stream.CLICK, *name)
    base = rule.click_ad_logit if source == "paid" else rule.click_influencer_logit
    click = sigmoid(base + rule.click_match * lead.category + rule.click_tie * tie + rule.click_attitude * lead.attitude)
    click *= power(1.0 + lead.annoyance, -rule.ad_fatigue)
    buy = sigmoid(
        rule.buy_logit
        + rule.buy_match * lead.category
        + rule.buy_trust * (trust - 0.5)
        + rule.buy_tie * tie
        + rule.buy_attitude * lead.attitude
        + (0.0 if source == "paid" else rule.tester * trust)
        - rule.buy_price * (person.price_sensitivity * (s.market.brand.price / 40.0) - 1.0)
    )
    buy = min(1.0, rule.shop * buy) * (rule.closed_need if person.bought else 1.0)
    lead.chance[post.channel] += click * buy
    if u_click < click:
        actions.add("click")
        lead.clicks += 1
        lead.clicked, lead.click_channel, lead.click_creator = s.day + 1, post.channel, post.creator.row + 1
        if u_buy < buy:
            actions.add("buy")
            lead.bought += 1
            person.bought = s.day + 1
    if source != "paid":
        lead.credited = post.creator.row + 1


def watch_outside(s: Reference, person: Person, place: int, request: int, topic: int, u_ad: float, u_watch: float) -> tuple[Slot, float]:
    """Show a post from outside the model; return the slot and what the platform learns."""
    rule = s.rule
    name = (person.row, NOBODY, place << 16, s.day << 16 | request)
    a, b, c, _ = s.dice.roll(Stream.OUTSIDE_RESPONSE, *name)
    radius = math.sqrt(-2.0 * log(a))
    z, z_length = (radius * x for x in turn(b))
    if rule.uniform_duration:
        duration = rule.duration_min + (rule.duration_max - rule.duration_min) * c
    else:
        duration = min(max(rule.duration_median * exp(rule.duration_sigma * z_length), rule.duration_min), rule.duration_max)
    ad = u_ad < rule.outside_ad_load
    taste = person.interests[topic] * (1.0 / math.sqrt(dot(person.interests, person.interests)))
    eta = rule.match * (taste - rule.match_mean) / rule.match_unit
    eta -= rule.saturation * max(0.0, person.saturation - rule.saturation_tolerance)
    if ad:
        eta -= rule.disclosure * person.knowledge
        person.recognised += person.knowledge
    eta += rule.noise * z
    watch = seconds_watched(s, eta, duration, u_watch, name)
    person.shown += 1
    person.sponsored += ad
    person.watched += watch
    return Slot(None, "outside_ad" if ad else "outside", watch=as_float32(watch)), lesson_of_watching(rule, watch, duration)

"""The evening: ties, trust and follows between people and creators, then the brand's funnel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from influence_sim.maths import exp, expm1, log, log1p, power
from influence_sim.rng import Stream
from reference.people import Acquaintance, Lead, Person, Slot, as_float32
from reference.respond import FIXED, trust_in

if TYPE_CHECKING:
    from reference.day import Reference

ENGAGED = {"like", "comment", "share", "follow"}
TRACES = ENGAGED | {"negative"}


def settle_ties(s: Reference, traces: list[tuple[Person, Slot]]) -> None:
    """Turn the day's slots that left a trace, in the order they happened, into ties, trust and follows."""
    creators = s.market.creators
    comments = [0] * len(s.creators)
    by_pair: dict[tuple[int, int], list[Slot]] = {}
    for person, slot in traces:
        by_pair.setdefault((person.row, slot.post.creator.row), []).append(slot)
        comments[slot.post.creator.row] += "comment" in slot.actions
    reply_chance, seat_chance, live = [], [], []
    for creator in s.creators:
        received = comments[creator.row] * s.scale
        reply_chance.append(min(1.0, creators.reply_capacity / received) if received > 0 else 1.0)
        attending = creator.followers * s.scale * creators.live_attendance
        seat_chance.append(min(1.0, creators.live_seats / attending) if attending > 0 else 1.0)
        u = s.dice.roll(Stream.LIVE, 0, creator.key, 0, s.day << 16)[0]
        live.append(u < creators.live_sessions_per_week / 7.0 and creator.posting > 0.0)

    for row, c in by_pair:
        s.people[row].creators.setdefault(c, Acquaintance(touched=s.day))
    for person in s.people:
        for c, pair in person.creators.items():
            slots = by_pair.get((person.row, c), [])
            if slots or pair.follows:
                _settle_pair(s, person, c, pair, slots, reply_chance[c], seat_chance[c] if live[c] else None)

    for creator in s.creators:
        followers = [p.creators[creator.row] for p in s.people if creator.row in p.creators and p.creators[creator.row].follows]
        total = 0
        for pair in followers:
            keep = s.keep_trust[s.day - pair.touched]
            total += int(trust_in(pair.good * keep, pair.bad * keep, creator.reputation, s.rule.reputation_weight) * FIXED)
        s.new_standing[creator.row] = (len(followers), total)
    keep = 0.5 ** (1.0 / s.market.ties.reputation_half_life)
    for creator in s.creators:
        creator.followers, total = s.new_standing[creator.row]
        if creator.followers:
            creator.reputation = keep * creator.reputation + (1.0 - keep) * (total / FIXED / creator.followers)


def _settle_pair(
    s: Reference, person: Person, c: int, pair: Acquaintance, slots: list[Slot], reply_chance: float, seat_chance: float | None
) -> None:
    """Settle one pair; `seat_chance` is None on days without a live session."""
    rule, creator = s.rule, s.creators[c]
    age = s.day - pair.touched
    followed = pair.follows
    tie = pair.tie * s.keep_tie[age]
    good = pair.good * s.keep_trust[age]
    bad = pair.bad * s.keep_trust[age]
    affinity = pair.affinity * s.keep_affinity[age]
    sold, misfit = 0.0, 0.0
    for slot in slots:
        post = slot.post
        if slot.actions & ENGAGED:
            tie += rule.gain * (1.0 - tie) * ((1.0 - rule.reply_weight) + rule.reply_weight * reply_chance)
            affinity += 1.0
            if not post.advert:
                good += rule.trust_organic
        if post.advert:
            evidence = post.fit * creator.authenticity
            good += rule.trust_sponsored * evidence
            bad += rule.trust_sponsored * (1.0 - evidence) * rule.negativity
            sold += 1.0
            misfit += 1.0 - post.fit
            u = s.dice.roll(Stream.DETECT, person.row, post.key, post.word, s.day << 16)[0]
            good += rule.transparency * person.knowledge * post.disclosure
            if u < rule.detection * person.knowledge * (1.0 - post.disclosure):
                bad += rule.detection_loss
                if post.branded:
                    person.lead.attitude = max(-1.0, person.lead.attitude - rule.attitude_detection)
        if "negative" in slot.actions:
            pair.refused = s.day
        if "follow" in slot.actions and not pair.follows:
            pair.follows = True
            s.add("follows", 1)

    contact = bool(slots)
    if followed:
        u_daily, u_sold, u_attend, u_seat = s.dice.roll(Stream.UNFOLLOW, person.row, creator.key, 0, s.day << 16)
        leaves = u_daily < rule.unfollow_daily * 2.0 * (1.0 - trust_in(good, bad, creator.reputation, rule.reputation_weight))
        if sold > 0.0:
            leaves = leaves or u_sold < rule.unfollow_sponsored * (sold * (2.0 - creator.authenticity) + 0.3 * misfit)
        if leaves:
            pair.follows = False
            s.add("unfollows", 1)
        elif seat_chance is not None and u_attend < rule.live_attendance and u_seat < seat_chance:
            tie += rule.gain * (1.0 - tie)
            contact = True
            s.live_contacts += 1
    if contact:
        pair.tie, pair.good, pair.bad, pair.affinity = (as_float32(x) for x in (tie, good, bad, affinity))
        pair.touched = s.day


def settle_funnel(s: Reference, person: Person, buyers_share: float) -> int:
    """Move a person through the brand's funnel by a day; return the purchases."""
    rule, lead, time = s.rule, person.lead, s.day << 16
    if person.shown > 0:
        person.saturation = rule.saturation_keep * person.saturation + (1.0 - rule.saturation_keep) * (person.sponsored / person.shown)
    if person.recognised > 0.0:
        person.knowledge += (1.0 - person.knowledge) * (1.0 - power(1.0 - rule.persuasion_learning, person.recognised))

    seen = lead.exposure + lead.exposure_ad
    memory = lead.memory * rule.memory_keep
    if seen > 0.0:
        repeated = memory / rule.repetition_peak
        lift = rule.attitude_gain * lead.warmth * (repeated + 1.0) * exp(-repeated) * (1.0 - lead.attitude)
        lead.attitude = min(1.0, max(-1.0, lead.attitude + (lift - rule.attitude_disclosure * lead.doubt)))
    memory += seen
    lead.memory = memory
    lead.annoyance = lead.annoyance * rule.annoyance_keep + lead.touches
    if lead.touches > 0:
        lead.attitude = max(-1.0, lead.attitude - rule.attitude_annoyance * lead.annoyance / (5.0 + lead.annoyance))
    lead.loyalty *= 1.0 - rule.loyalty_decay

    u_aware, u_forget, _, _ = s.dice.roll(Stream.AWARE, person.row, 0, 0, time)
    if lead.aware:
        if seen == 0.0 and lead.purchases == 0 and u_forget < rule.forget:
            lead.aware = lead.considering = False
    else:
        lead.aware = u_aware < lead.noticed
    u_consider, u_buy, _, _ = s.dice.roll(Stream.CONSIDER, person.row, 0, 0, time)
    if lead.aware and not lead.considering:
        lead.considering = u_consider < rule.consideration * 0.5 * (1.0 + lead.attitude)

    relative = max(0.0, lead.category + rule.category_floor) / rule.category_floor
    hazard = rule.baseline_rate * power(relative, rule.baseline_interest)
    if lead.considering:
        hazard += rule.delayed_rate * exp(rule.delayed_attitude * lead.attitude + rule.delayed_memory * log(1.0 + memory))
    if lead.purchases == 0:
        hazard += rule.contagion * buyers_share
    lead.hazard = min(1.0, hazard)

    returns = _decide(s, person, u_buy)
    bought = lead.bought + (returns == "buys")
    if returns == "leaves":
        person.bought, lead.customer = 0, False
    if bought:
        _purchase(s, person, bought)

    lead.ads = lead.touches = lead.clicks = lead.bought = 0
    lead.exposure = lead.exposure_ad = lead.noticed = lead.warmth = lead.doubt = 0.0
    lead.chance = [0.0] * 5
    lead.touch = [x * rule.touch_keep for x in lead.touch]
    person.shown = person.sponsored = person.requests = 0
    person.recognised = 0.0
    person.tags = [0] * len(person.tags)
    return bought


def _decide(s: Reference, person: Person, u_buy: float) -> str:
    """Return whether the person buys, leaves the category or does neither this evening; add the chance to what is expected."""
    rule, lead, time = s.rule, person.lead, s.day << 16
    due, ready = 0.0, 1.0
    if person.bought:
        due, ready = s.due[s.day + 1 - person.bought], rule.closed_need
    rate = -log1p(-min(ready * lead.hazard, 1.0 - 1e-16))
    weight = exp(lead.attitude + lead.loyalty) if lead.aware else 0.0
    chance = (1.0 - due) * (rate / rate * -expm1(-rate) if rate > 0.0 else 0.0)
    chance += due * weight / (rule.lapse + weight) if due > 0.0 else 0.0
    for at_once in lead.chance:
        chance += at_once
    lead.expected += chance
    _credit(s, lead, chance)
    u_due, u_leave, _, _ = s.dice.roll(Stream.NEED, person.row, 0, 0, time)
    if u_due < due:
        leaving = -log(u_leave) / rule.lapse if rule.lapse > 0.0 else math.inf
        u_choice = s.dice.roll(Stream.CHOICE, person.row, 0, 0, time)[0]
        return "buys" if weight > 0.0 and -log(u_choice) / weight < leaving else "leaves"
    return "buys" if rate > 0.0 and -log1p(-u_buy) / rate < 1.0 else ""


def _credit(s: Reference, lead: Lead, chance: float) -> None:
    """Split an expected purchase as dashboards do, in 2**-40: last click, touches, promo code, new customers, at once."""
    rule = s.rule
    fine = 2**40
    at_once = touched = 0.0
    for k in range(5):
        at_once += lead.chance[k]
        touched += lead.touch[k]
        s.credit[k] += int(lead.chance[k] * fine)
    recent = lead.clicked and s.day + 1 - lead.clicked <= rule.click_window
    s.credit[lead.click_channel if recent else 5] += int((chance - at_once) * fine)
    if touched > 0.0:
        for k in range(5):
            s.credit[6 + k] += int(chance * lead.touch[k] / touched * fine)
    else:
        s.credit[11] += int(chance * fine)
    if s.codes:
        known = min(1.0, lead.touch[0])
        s.credit[12] += int(chance * (rule.code_use * known + rule.code_leak * (1.0 - known)) * fine)
    if lead.purchases == 0:
        s.credit[13] += int(chance * fine)
    s.credit[14] += int(at_once * fine)


def _purchase(s: Reference, person: Person, bought: int) -> None:
    """Let a person buy and find out what the product, and who showed it, is worth."""
    rule, lead = s.rule, person.lead
    lead.purchases += bought
    lead.aware = lead.customer = True
    lead.considering = False
    person.bought = s.day + 1
    u_good, u_tell, _, _ = s.dice.roll(Stream.MENTION, person.row, 0, 0, s.day << 16)
    funnel, brand = s.market.funnel, s.market.brand
    good = u_good < min(1.0, max(0.0, funnel.satisfaction + funnel.satisfaction_quality * brand.quality))
    if good:
        lead.loyalty += rule.loyalty_gain
        lead.attitude += rule.attitude_experience * (1.0 - lead.attitude)
    else:
        lead.loyalty = 0.0
        lead.attitude -= rule.attitude_experience * (1.0 + lead.attitude)
    if u_tell < (rule.mention if good else rule.mention_bad):
        s.said[person.row] = 1 if good else -1
    pair = person.creators.get(lead.credited - 1)
    if pair is not None:
        age = s.day - pair.touched
        pair.tie, pair.affinity = as_float32(pair.tie * s.keep_tie[age]), as_float32(pair.affinity * s.keep_affinity[age])
        pair.good = as_float32(pair.good * s.keep_trust[age] + (rule.trust_purchase if good else 0.0))
        pair.bad = as_float32(pair.bad * s.keep_trust[age] + (0.0 if good else rule.trust_purchase * rule.negativity))
        pair.touched = s.day


def listen(s: Reference, person: Person) -> None:
    """Let a person hear what those they follow say about the product."""
    rule, lead = s.rule, person.lead
    for j in person.friends:
        if j not in s.said:
            continue
        mine, theirs = person.interests, s.people[j].interests
        product = norm = other = 0.0
        for x, y in zip(mine, theirs, strict=True):
            product += x * y
            norm += x * x
            other += y * y
        weight = min(1.0, rule.word_trust * (1.0 + rule.word_homophily * product / math.sqrt(norm * other)))
        step = rule.word_attitude * weight
        if s.said[j] > 0:
            lead.attitude += step * (1.0 - lead.attitude)
        else:
            lead.attitude -= min(1.0, step * rule.negativity) * (1.0 + lead.attitude)
        if s.dice.roll(Stream.WORD, person.row, j, 0, s.day << 16)[0] < rule.word_awareness * weight:
            lead.aware = True
        lead.touch[4] += 1.0

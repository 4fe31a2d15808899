"""The evening between people and brands: memory, awareness, consideration, purchase, and what comes of it.

Purchases are kept twice: realised (they drive the dynamics) and expected, the sum of purchase
probabilities given what went before, which has the same mean and far less noise.  A person has one need
in the category: brands compete for one purchase, which closes the need until it is due again.
"""

from __future__ import annotations

import math

from influence_sim.engine.respond import find, tail
from influence_sim.engine.state import (
    AT_ONCE,
    CODE,
    FINE,
    INFLUENCER,
    LAST_CLICK,
    MULTI_TOUCH,
    NEW,
    NO_CHANNEL,
    TOUCHING,
)
from influence_sim.jit import hot
from influence_sim.maths import exp, expm1, log, log1p, power
from influence_sim.rng import Stream

_AWARE, _CONSIDER, _NEED, _CHOICE, _MENTION = (
    int(x) for x in (Stream.AWARE, Stream.CONSIDER, Stream.NEED, Stream.CHOICE, Stream.MENTION)
)
NOBODY = -1
LEAVES = -2


@hot
def _mind(i, b, day, rules, leads, buyers_share):
    """Let the day's exposures to brand b sink in; set the hazard of this evening."""
    seen = leads[i, b].exposure + leads[i, b].exposure_ad
    memory = leads[i, b].memory * rules.memory_keep
    if seen > 0.0:
        repeated = memory / rules.repetition_peak
        lift = rules.attitude_gain * leads[i, b].warmth * (repeated + 1.0) * exp(-repeated) * (1.0 - leads[i, b].attitude)
        lift -= rules.attitude_disclosure * leads[i, b].doubt
        leads[i, b].attitude = min(1.0, max(-1.0, leads[i, b].attitude + lift))
    memory += seen
    leads[i, b].memory = memory
    annoyance = leads[i, b].annoyance * rules.annoyance_keep + leads[i, b].touches
    leads[i, b].annoyance = annoyance
    if leads[i, b].touches > 0:
        leads[i, b].attitude = max(-1.0, leads[i, b].attitude - rules.attitude_annoyance * annoyance / (5.0 + annoyance))
    leads[i, b].loyalty *= 1.0 - rules.loyalty_decay
    u_aware, u_forget, _, _ = tail(rules.seed, _AWARE, rules.replication, i, b, 0, day << 16)
    if leads[i, b].aware:
        if seen == 0.0 and leads[i, b].purchases == 0 and u_forget < rules.forget:
            leads[i, b].aware = 0
            leads[i, b].considering = 0
    elif u_aware < leads[i, b].noticed:
        leads[i, b].aware = 1
    attitude = leads[i, b].attitude
    if leads[i, b].aware and not leads[i, b].considering:
        u_consider, _, _, _ = tail(rules.seed, _CONSIDER, rules.replication, i, b, 0, day << 16)
        if u_consider < rules.consideration * 0.5 * (1.0 + attitude):
            leads[i, b].considering = 1
    interest = max(0.0, leads[i, b].category + rules.category_floor) / rules.category_floor
    hazard = rules.baseline_rate * power(interest, rules.baseline_interest)
    if leads[i, b].considering:
        hazard += rules.delayed_rate * exp(rules.delayed_attitude * attitude + rules.delayed_memory * log(1.0 + memory))
    if leads[i, b].purchases == 0:
        hazard += rules.contagion * buyers_share[i % len(buyers_share), b]
    leads[i, b].hazard = min(1.0, hazard)


@hot
def _rate(chance):
    """Return the rate of an exponential clock that rings within a day with this chance; certainty rings almost surely."""
    return -log1p(-min(chance, 1.0 - 1e-16))


@hot
def _weight(i, b, leads):
    """Return the weight of brand b in a choice among brands known."""
    return exp(leads[i, b].attitude + leads[i, b].loyalty) if leads[i, b].aware else 0.0


@hot
def _credit(i, b, day, chance, rules, codes, leads, sums):
    """Add an expected purchase to the sums of brand b: by last click, by touches, by promo code, of new customers."""
    at_once = 0.0
    touched = 0.0
    for k in range(TOUCHING):
        at_once += leads[i, b].chance[k]
        touched += leads[i, b].touch[k]
        sums[b, LAST_CLICK + k] += int(leads[i, b].chance[k] * FINE)
    clicked = leads[i, b].clicked
    channel = leads[i, b].click_channel if clicked and day + 1 - clicked <= rules.click_window else NO_CHANNEL
    sums[b, LAST_CLICK + channel] += int((chance - at_once) * FINE)
    if touched > 0.0:
        for k in range(TOUCHING):
            sums[b, MULTI_TOUCH + k] += int(chance * leads[i, b].touch[k] / touched * FINE)
    else:
        sums[b, MULTI_TOUCH + NO_CHANNEL] += int(chance * FINE)
    if codes:
        known = min(1.0, leads[i, b].touch[INFLUENCER])
        sums[b, CODE] += int(chance * (rules.code_use * known + rules.code_leak * (1.0 - known)) * FINE)
    if leads[i, b].purchases == 0:
        sums[b, NEW] += int(chance * FINE)
    sums[b, AT_ONCE] += int(at_once * FINE)


@hot
def _purchase(i, b, bought, day, rules, decays, satisfied, viewers, leads, acq, said):
    """Let a purchase be made and tried: it closes the need, and the product shows what it is worth."""
    leads[i, b].purchases += bought
    leads[i, b].aware = 1
    leads[i, b].considering = 0
    viewers[i].bought = day + 1
    for other in range(leads.shape[1]):
        leads[i, other].customer = 1 if other == b else 0
    u_good, u_tell, _, _ = tail(rules.seed, _MENTION, rules.replication, i, b, 0, day << 16)
    good = u_good < satisfied
    attitude = leads[i, b].attitude
    if good:
        leads[i, b].loyalty += rules.loyalty_gain
        leads[i, b].attitude = attitude + rules.attitude_experience * (1.0 - attitude)
    else:
        leads[i, b].loyalty = 0.0
        leads[i, b].attitude = attitude - rules.attitude_experience * (1.0 + attitude)
    if u_tell < (rules.mention if good else rules.mention_bad):
        said[i, b] = 1 if good else -1
    # The creator who showed the product answers for it.
    row = find(acq.start, acq.creator, i, leads[i, b].credited - 1)
    if row >= 0:
        age = day - acq.pair[row].touched
        acq.pair[row].tie *= decays.tie[age]
        acq.pair[row].affinity *= decays.affinity[age]
        acq.pair[row].good = acq.pair[row].good * decays.trust[age] + (rules.trust_purchase if good else 0.0)
        acq.pair[row].bad = acq.pair[row].bad * decays.trust[age] + (0.0 if good else rules.trust_purchase * rules.negativity)
        acq.pair[row].touched = day


@hot
def _decide(i, day, rules, decays, codes, viewers, leads, sums):
    """Return what brand the person buys this evening, NOBODY or LEAVES, and add the chances of it to what is expected.

    While the need is closed, hazards and click purchases are lower, and each day it may be due (gamma law): then
    the person chooses among the brands known and leaving.  Brands compete by exponential clocks, so a brand's
    own chance moves only its own clock.
    """
    brands = leads.shape[1]
    due = 0.0
    ready = 1.0
    if viewers[i].bought:
        due = decays.due[day + 1 - viewers[i].bought]
        ready = rules.closed_need
    all_rates = 0.0
    all_weights = rules.lapse
    for b in range(brands):
        all_rates += _rate(ready * leads[i, b].hazard)
        all_weights += _weight(i, b, leads)
    any_purchase = -expm1(-all_rates)
    u_due, u_leave, _, _ = tail(rules.seed, _NEED, rules.replication, i, 0, 0, day << 16)
    chooses = u_due < due
    winner = NOBODY
    first = 1.0
    if chooses:
        winner = LEAVES
        first = -log(u_leave) / rules.lapse if rules.lapse > 0.0 else math.inf
    for b in range(brands):
        rate = _rate(ready * leads[i, b].hazard)
        weight = _weight(i, b, leads)
        evening = rate / all_rates * any_purchase if all_rates > 0.0 else 0.0
        chance = (1.0 - due) * evening + (due * weight / all_weights if due > 0.0 else 0.0)
        for k in range(TOUCHING):
            chance += leads[i, b].chance[k]
        leads[i, b].expected += chance
        _credit(i, b, day, chance, rules, codes[b].codes, leads, sums)
        if chooses:
            if weight > 0.0:
                u, _, _, _ = tail(rules.seed, _CHOICE, rules.replication, i, b, 0, day << 16)
                clock = -log(u) / weight
                if clock < first:
                    winner, first = b, clock
        elif rate > 0.0:
            _, u, _, _ = tail(rules.seed, _CONSIDER, rules.replication, i, b, 0, day << 16)
            clock = -log1p(-u) / rate
            if clock < first:
                winner, first = b, clock
    return winner


@hot
def evening(low, high, day, rules, decays, brands, block, knowledge, viewers, leads, tags, acq, buyers_share, bought_today, said, sums):
    """Advance the funnel of people low..high-1 by one evening.

    Fills bought_today (N, B) and said (N, B: 1 praise, -1 complaint) and adds to the block's row of sums (blocks, B, SUMS).
    buyers_share is (1, B) where everybody is in contact, else (N, B).
    """
    total = sums[low // block]
    for i in range(low, high):
        if viewers[i].shown > 0:
            share = viewers[i].sponsored / viewers[i].shown
            viewers[i].saturation = rules.saturation_keep * viewers[i].saturation + (1.0 - rules.saturation_keep) * share
        if viewers[i].recognised > 0.0:
            knowledge[i] += (1.0 - knowledge[i]) * (1.0 - power(1.0 - rules.persuasion_learning, viewers[i].recognised))
        for b in range(leads.shape[1]):
            _mind(i, b, day, rules, leads, buyers_share)
        winner = _decide(i, day, rules, decays, brands, viewers, leads, total)
        if winner == LEAVES:
            viewers[i].bought = 0
            for b in range(leads.shape[1]):
                leads[i, b].customer = 0
        for b in range(leads.shape[1]):
            bought = leads[i, b].bought + (1 if winner == b else 0)
            bought_today[i, b] = bought
            if bought:
                _purchase(i, b, bought, day, rules, decays, brands[b].satisfied, viewers, leads, acq, said)
            leads[i, b].ads = 0
            leads[i, b].exposure = 0.0
            leads[i, b].exposure_ad = 0.0
            leads[i, b].touches = 0
            leads[i, b].noticed = 0.0
            leads[i, b].warmth = 0.0
            leads[i, b].doubt = 0.0
            leads[i, b].clicks = 0
            leads[i, b].bought = 0
            for k in range(TOUCHING):
                leads[i, b].chance[k] = 0.0
                leads[i, b].touch[k] *= rules.touch_keep
        viewers[i].shown = 0
        viewers[i].sponsored = 0
        viewers[i].requests = 0
        viewers[i].recognised = 0.0
        for k in range(tags.shape[1]):
            tags[i, k] = 0

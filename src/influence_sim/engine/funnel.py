"""The evening between people and brands: memory, awareness, consideration, purchase.

Purchases are kept twice: realised (they drive the dynamics) and expected, the sum of purchase
probabilities given what the person saw, which has the same mean and far less noise.
"""

from __future__ import annotations

import math

from influence_sim.engine.respond import tail
from influence_sim.jit import hot
from influence_sim.rng import Stream

_AWARE, _CONSIDER, _BUY = int(Stream.AWARE), int(Stream.CONSIDER), int(Stream.BUY)


@hot
def evening(low, high, day, rules, viewers, leads, tags, buyers_share, bought_today):
    """Advance the funnel of people low..high-1 by one evening; fill bought_today (N, B).

    buyers_share is (1, B) where everybody is in contact, else (N, B).
    """
    brands = leads.shape[1]
    for i in range(low, high):
        if viewers[i].shown > 0:
            share = viewers[i].sponsored / viewers[i].shown
            viewers[i].saturation = rules.saturation_keep * viewers[i].saturation + (1.0 - rules.saturation_keep) * share
        for b in range(brands):
            seen = leads[i, b].exposure + leads[i, b].exposure_ad
            memory = leads[i, b].memory * rules.memory_keep
            if seen > 0.0:
                repeated = memory / rules.repetition_peak
                lift = rules.attitude_gain * leads[i, b].warmth * (repeated + 1.0) * math.exp(-repeated) * (1.0 - leads[i, b].attitude)
                leads[i, b].attitude = min(1.0, max(-1.0, leads[i, b].attitude + lift))
            memory += seen
            leads[i, b].memory = memory
            annoyance = leads[i, b].annoyance * rules.annoyance_keep + leads[i, b].touches
            leads[i, b].annoyance = annoyance
            if leads[i, b].touches > 0:
                leads[i, b].attitude = max(-1.0, leads[i, b].attitude - rules.attitude_annoyance * annoyance / (5.0 + annoyance))
            u_aware, u_forget, _, _ = tail(rules.seed, _AWARE, rules.replication, i, b, 0, day << 16)
            if leads[i, b].aware:
                if seen == 0.0 and leads[i, b].purchases == 0 and u_forget < rules.forget:
                    leads[i, b].aware = 0
                    leads[i, b].considering = 0
            else:
                miss = (1.0 - rules.awareness_influencer) ** leads[i, b].exposure * (1.0 - rules.awareness_ad) ** leads[i, b].exposure_ad
                if u_aware < 1.0 - miss:
                    leads[i, b].aware = 1
            u_consider, u_buy, _, _ = tail(rules.seed, _CONSIDER, rules.replication, i, b, 0, day << 16)
            attitude = leads[i, b].attitude
            if leads[i, b].aware and not leads[i, b].considering:
                if u_consider < rules.consideration * 0.5 * (1.0 + attitude):
                    leads[i, b].considering = 1
            hazard = (
                rules.baseline_rate
                * (max(0.0, leads[i, b].category + rules.category_floor) / rules.category_floor) ** rules.baseline_interest
            )
            if leads[i, b].considering:
                hazard += rules.delayed_rate * math.exp(rules.delayed_attitude * attitude + rules.delayed_memory * math.log(1.0 + memory))
            if leads[i, b].purchases == 0:
                hazard += rules.contagion * buyers_share[i % len(buyers_share), b]
            hazard = min(1.0, hazard)
            leads[i, b].expected += leads[i, b].chance + hazard
            bought = leads[i, b].bought
            if u_buy < hazard:
                bought += 1
            if bought:
                leads[i, b].purchases += bought
                leads[i, b].aware = 1
                leads[i, b].considering = 0
            bought_today[i, b] = bought
            leads[i, b].ads = 0
            leads[i, b].exposure = 0.0
            leads[i, b].exposure_ad = 0.0
            leads[i, b].touches = 0
            leads[i, b].warmth = 0.0
            leads[i, b].chance = 0.0
            leads[i, b].clicks = 0
            leads[i, b].bought = 0
        viewers[i].shown = 0
        viewers[i].sponsored = 0
        viewers[i].requests = 0
        for k in range(tags.shape[1]):
            tags[i, k] = 0

"""The same model in plain Mesa: one agent per person with a Python step, lists, dicts and `random.Random`; nothing compiled.

This is what the engine's speed is compared with, so it is written to be fast as such models go:

- rules, constants, world and numbers of retrieval tries are the engine's own, read from the same `Market` and `World`;
- what is the same for everybody is drawn or computed by NumPy in advance (video lengths, normals, pools, tables of decay and boredom);
- constants of the hot loops are local, objects have slots or few attributes;
- the estimate of tastes is learnt lazily: a slot touches one topic, a request all of them;
- publishing pushes posts to followers instead of everybody looking through all they follow.

Per impression it does what the engine does: contest with posts from outside, watch time with loops, reactions, learning, counters;
per request: retrieval by tries from inbox, topics, trends and chance, predictions and scores of every candidate, diversity, reserved
slots of test stages; every evening: ties, trust, live sessions, follows and unfollows, reputation, funnel and purchases.

Left out is what does not happen in the worlds it is measured in: campaigns (so no post belongs to a brand, and nobody clicks),
events, newcomers, challenges, heating, records other than daily sums. Random numbers are not keyed, so runs agree in rates only.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate
from operator import mul
from types import SimpleNamespace
from typing import Any

import mesa
import numpy as np

from influence_sim.engine.constants import buckets, cumulative_day, decays, outside_worth, rules, stage_quotas, unit_rows
from influence_sim.engine.publish import organic_counts, ring
from influence_sim.engine.respond import lengths
from influence_sim.engine.state import COMMENT, FAILED, LIKE, NEGATIVE, PASSED, SHARE, SUBSCRIBE, UNSTAGED
from influence_sim.scenario.parameters import Market
from influence_sim.world.columns import World

BATCH = 1 << 14  # random numbers drawn at a time
TALK = LIKE | COMMENT | SHARE | SUBSCRIBE


def stream(draw: Callable[[int], Any]) -> Callable[[], Any]:
    """Return a function that gives one of the numbers `draw(n)` at a time."""

    def endless() -> Iterator[Any]:
        while True:
            yield from draw(BATCH)

    return endless().__next__


def sigmoid(z: float) -> float:
    """Return 1 / (1 + exp(-z)), 0 and 1 in the far tails."""
    return 1.0 / (1.0 + math.exp(-z)) if z > -700.0 else 0.0


class Post:
    """A video of a modelled creator with its counters."""

    __slots__ = (
        "advert", "bucket", "comments", "creator", "disclosure", "duration", "fit", "follows", "fraction", "impressions", "likes",
        "multiplier", "negatives", "owner", "posted", "predicted", "quality", "residual", "served", "shares", "sound", "stage",
        "strangers", "tag", "theme", "trend", "value", "watch",
    )  # fmt: skip


class Tie:
    """What a person has with a creator, as of day `touched`."""

    __slots__ = ("affinity", "bad", "follows", "good", "refused", "tie", "touched")

    def __init__(self, follows: bool, touched: int) -> None:
        self.follows, self.touched = follows, touched
        self.tie = self.good = self.bad = self.affinity = 0.0
        self.refused = 0


class Lead:
    """What a person has with a brand."""

    __slots__ = ("annoyance", "attitude", "aware", "category", "considering", "expected", "loyalty", "memory", "purchases")

    def __init__(self, category: float, aware: bool) -> None:
        self.category, self.aware = category, aware
        self.annoyance = self.attitude = self.expected = self.loyalty = self.memory = 0.0
        self.considering, self.purchases = False, 0


class Person(mesa.Agent):
    """Somebody who watches; creators are people too."""

    def __init__(self, model: PlainModel, row: int, taste: list[float], estimate: list[float]) -> None:
        super().__init__(model)
        self.row, self.estimate = row, estimate
        r, length = model.rules, math.hypot(*taste)
        self.taste = [x / length for x in taste]  # unit vector
        self.appeal = [r.match * (x - r.match_mean) / r.match_unit for x in self.taste]  # of a post of one topic
        self.tags = [0] * len(taste)  # posts of each topic seen today
        self.inbox: list[Post] = []
        self.seen: set[Post] = set()
        self.ties: dict[int, Tie] = {}
        self.friends: list[int] = []
        self.tests: list[Post] = []  # posts in a test stage that this round allots to this person
        self.events: dict[int, list[tuple[Post, int]]] = {}  # of today by creator
        self.leads: list[Lead] = []
        self.saturation = self.recognised = self.watched = 0.0
        self.shown = self.sponsored = self.bought = 0

    # ------------------------------------------------------------------ rounds

    def watch(self) -> None:
        """Watch this round's slots, request by request."""
        left, size = self.model.slots[self.row], self.model.rules.slots_per_request
        while left > 0:
            self.request(min(left, size))
            left -= size
        self.tests.clear()

    def request(self, n: int) -> None:
        """Fill n slots: retrieve and score, then let the best candidate and the outside world compete for each slot."""
        m, r, estimate, tags = self.model, self.model.rules, self.estimate, self.tags
        uniform, normal, odds, video, exp = m.uniform, m.normal, m.odds, m.video, math.exp
        scale = 1.0 / math.hypot(*estimate)
        worth, bored, at = m.outside, m.bored, scale * (len(m.outside) - 1)
        rivals = list(accumulate([x * worth[int(x * at)] * bored[times] for x, times in zip(estimate, tags, strict=True)]))
        outside, rivals[-1] = rivals[-1], math.inf  # strength of outside posts, running by topic
        candidates = self.candidates(scale)
        reserved = int(r.exploration_share * n + uniform()) if self.tests else 0
        boredom = r.saturation * max(0.0, self.saturation - r.saturation_tolerance)
        rate, watch_median, watch_slope, noise, ad_load, learn_watch = m.watching
        appeal, keep, faded, gains = self.appeal, 1.0 - rate, 1.0, [0.0] * len(estimate)
        today, authors, author, sound = [], [], -1, -1
        limit, best, stale, free = 0.0, None, True, n - reserved
        for slot in range(n):
            chosen = self.allotted() if slot >= free else None
            explore = chosen is not None
            if chosen is None:
                if stale:
                    best = self.best(candidates, author, sound) if candidates else None
                    strength = best[0] ** (1.0 / r.rank_noise) if best else 0.0
                    limit = exp(-outside / strength) if strength > 0.0 else 0.0
                    stale = False
                if uniform() > limit and outside > 0.0:
                    topic = bisect(rivals, uniform() * outside)
                    duration, usual = video()
                    eta = appeal[topic] - boredom + noise * normal()
                    if uniform() < ad_load and not self.protected:
                        eta -= r.disclosure * self.knowledge
                        self.recognised += self.knowledge
                        self.sponsored += 1
                    median = watch_median * exp(watch_slope * eta)
                    seconds = median * odds()
                    faded *= keep
                    if seconds < duration:
                        gains[topic] += rate * learn_watch * (seconds / duration - usual) / faded
                    else:
                        gains[topic] += rate * learn_watch * (1.0 - usual) / faded
                        seconds = m.loop(duration, median)
                    self.watched += seconds
                    today.append(topic)
                    m.outside_views += 1
                    if author >= 0:
                        stale, author, sound = True, -1, -1
                    continue
                if best is None:
                    m.empty += 1
                    continue
                candidates.remove(best)
                chosen = best[1]
            gain = self.respond(chosen, None if explore else best[2], boredom)
            self.seen.add(chosen)
            author, sound, stale = chosen.creator, chosen.sound, True
            authors.append(author)
            ratio = m.repeat[authors.count(author)]
            for candidate in candidates:
                if candidate[1].creator == author:
                    candidate[0] *= ratio
            faded *= keep
            step = rate * gain / faded
            gains = [g + step * x for g, x in zip(gains, chosen.theme, strict=True)]
            today.append(chosen.tag)
        self.shown += n
        lesson = [max(1e-4, faded * (x + g)) for x, g in zip(estimate, gains, strict=True)]
        total = sum(lesson)
        self.estimate = [x / total for x in lesson]
        for tag in today:
            tags[tag] += 1

    def candidates(self, scale: float) -> list[list[Any]]:
        """Return [score, post, prediction] of what this request considers: value, modifiers and rank noise."""
        m, r = self.model, self.model.rules
        luck, exp, log, ties, estimate, tags, dull = m.luck, math.exp, math.log, self.ties, self.estimate, self.tags, m.dull
        watch_median, watch_slope, like_logit, like_slope, comment_logit, comment_slope = m.ranking
        slope = r.match * scale / r.match_unit
        origin = r.match * r.match_mean / r.match_unit
        scored = []
        for post in self.retrieved():
            z = slope * sum(map(mul, estimate, post.theme)) - origin + post.residual
            factor, pair = post.multiplier * dull[tags[post.tag]], ties.get(post.creator)
            if pair is None:
                factor *= r.non_followed_factor
            else:
                affinity = pair.affinity * m.decay.affinity[m.day - pair.touched]
                z += r.prediction_follow * pair.follows + r.prediction_affinity * min(affinity, 5.0)
                factor *= 1.0 + r.author_seen_bonus * min(affinity, 3.0)
                if pair.refused:
                    away = m.day - pair.refused + 1 - r.refusal_days
                    factor *= min(1.0, r.refusal_floor + (1.0 - r.refusal_floor) * away / r.refusal_ramp) if away > 0 else 0.0
                if not pair.follows:
                    factor *= r.non_followed_factor
            seconds, duration = watch_median * exp(watch_slope * z), post.duration
            value = (
                r.value_playtime * seconds * log(1.0 + duration / seconds)
                + r.value_play / (1.0 + min(r.play_seconds, duration) / seconds)
                + r.value_like / (1.0 + exp(-like_logit - like_slope * z))
                + r.value_comment / (1.0 + exp(-comment_logit - comment_slope * z))
            )
            scored.append([value * factor * luck(), post, z])
        return scored

    def retrieved(self) -> list[Post]:
        """Return the posts this request considers: from the inbox, then by tries from each pool."""
        m, inbox, seen = self.model, self.inbox, self.seen
        r, uniform, now = m.rules, m.uniform, m.now
        found: list[Post] = []
        at = len(inbox) - 1
        while at >= 0 and len(found) < r.candidates_follow:
            post = inbox[at]
            if post in seen or now - post.posted > r.max_age:
                del inbox[at]
            elif post not in found and post.owner != self.row:
                found.append(post)
            at -= 1
        shares = None
        for wanted, tries, pool, count, by_topic in m.sources:
            most = len(found) + wanted
            for _ in range(int(tries + uniform())):
                bucket = int(uniform() * count)
                if by_topic:
                    shares = shares or [*accumulate(self.estimate[:-1]), math.inf]
                    bucket += count * bisect(shares, uniform())
                accept = uniform()
                for weight, post in pool[bucket]:
                    if accept < weight and post not in seen and post not in found and post.owner != self.row:
                        found.append(post)
                        if len(found) >= most:
                            break
                if len(found) >= most:
                    break
        return found

    @staticmethod
    def best(candidates: list[list[Any]], author: int, sound: int) -> list[Any] | None:
        """Return the best candidate; one by the author or with the sound of the slot before only if nothing else is left."""
        first = spare = None
        for candidate in candidates:
            post = candidate[1]
            if (author >= 0 and post.creator == author) or (sound >= 0 and post.sound == sound):
                if spare is None or candidate[0] > spare[0]:
                    spare = candidate
            elif candidate[0] > 0.0 and (first is None or candidate[0] > first[0]):
                first = candidate
        return first or spare

    def allotted(self) -> Post | None:
        """Return one of the posts in a test stage that wait for this person, or None."""
        while self.tests:
            post = self.tests.pop()
            if post not in self.seen:
                return post
        return None

    def respond(self, post: Post, predicted: float | None, boredom: float) -> float:
        """Watch and react to a modelled post; count it; return what the platform learns from it.

        `predicted` is None for a post in a reserved slot, which was no candidate.
        """
        m, day = self.model, self.model.day
        r, uniform, exp = m.rules, m.uniform, math.exp
        pair, explore = self.ties.get(post.creator), predicted is None
        if predicted is None:
            cosine = sum(map(mul, self.estimate, post.theme)) / math.hypot(*self.estimate)
            predicted = r.match * (cosine - r.match_mean) / r.match_unit + post.residual
            if pair:
                affinity = min(5.0, pair.affinity * m.decay.affinity[day - pair.touched])
                predicted += r.prediction_follow * pair.follows + r.prediction_affinity * affinity
        dot = sum(map(mul, self.taste, post.theme))
        follows, tie, good, bad = False, 0.0, 0.0, 0.0
        if pair:
            age = day - pair.touched
            follows, tie, kept = pair.follows, pair.tie * m.decay.tie[age], m.decay.trust[age]
            good, bad = pair.good * kept, pair.bad * kept
        trust = m.trust(good, bad, post.creator)
        eta = r.match * (dot - r.match_mean) / r.match_unit + r.quality * post.quality + r.follows * follows + r.trust * (trust - 0.5)
        eta += r.tie * tie + r.authenticity * (m.authenticity[post.creator] - 0.5) - boredom + r.noise * m.normal()
        if post.advert:
            recognised = post.disclosure * self.knowledge
            eta -= r.disclosure * recognised + r.misfit * (1.0 - post.fit)
            self.recognised += recognised
            self.sponsored += 1
        duration, median = post.duration, r.watch_median * exp(r.watch_slope * eta)
        seconds = median * m.odds()
        if seconds >= duration:
            seconds = m.loop(duration, median)
        self.watched += seconds
        action, gain = 0, r.learn_watch * (min(seconds, duration) / duration - post.fraction)
        if seconds > r.minimum_watch:
            if uniform() < sigmoid(r.like_logit + r.like_slope * eta):
                action, gain = action | LIKE, gain + r.learn_like
                post.likes += 1
            if uniform() < sigmoid(r.comment_logit + r.comment_slope * eta):
                action, gain = action | COMMENT, gain + r.learn_comment
                post.comments += 1
            if uniform() < sigmoid(r.share_logit + r.share_slope * eta + self.sharing):
                action, gain = action | SHARE, gain + r.learn_share
                post.shares += 1
                m.pending.append((self, post))
            if not follows and uniform() < sigmoid(r.follow_logit + r.follow_slope * eta):
                action, gain = action | SUBSCRIBE, gain + r.learn_follow
                post.follows += 1
            if uniform() < sigmoid(r.negative_logit + r.negative_slope * eta):
                action, gain = action | NEGATIVE, gain - r.learn_negative
                post.negatives += 1
            if action or post.advert:
                self.events.setdefault(post.creator, []).append((post, action))
        post.impressions += 1
        post.watch += seconds
        post.predicted += r.like_calibration * sigmoid(r.like_logit + r.like_slope * (predicted - post.residual))
        if r.count_views or action & TALK:
            post.trend += 1.0
        if explore:
            post.served += 1
            if not follows:
                post.strangers += 1
                post.value += r.value_playtime * seconds + r.value_play * (seconds >= min(r.play_seconds, duration))
                post.value += r.value_like * (action & LIKE > 0) + r.value_comment * (action & COMMENT > 0)
        return gain

    # ----------------------------------------------------------------- evening

    def evening(self) -> None:
        """Settle the day with creators and brands."""
        m, r = self.model, self.model.rules
        for c in self.events:
            if c not in self.ties:
                self.ties[c] = Tie(False, m.day)
        self.meet(m.trusted, m.followers)
        if self.shown:
            self.saturation = r.saturation_keep * self.saturation + (1.0 - r.saturation_keep) * self.sponsored / self.shown
        if self.recognised:
            self.knowledge += (1.0 - self.knowledge) * (1.0 - (1.0 - r.persuasion_learning) ** self.recognised)
        self.buy()
        self.events.clear()
        self.tags = [0] * len(self.tags)
        self.shown = self.sponsored = 0
        self.recognised = 0.0

    def meet(self, trusted: list[float], followers: list[int]) -> None:
        """Let the day change ties and trust, let some leave, and sum what followers think of each creator."""
        m, events, day, uniform = self.model, self.events, self.model.day, self.model.uniform
        r, trust_left, tie_left = m.rules, m.decay.trust, m.decay.tie
        live, weight, reputation, hazard = m.live, r.reputation_weight, m.reputation, r.unfollow_daily * 2.0
        for c, pair in self.ties.items():
            happened = c in events
            followed = pair.follows
            if not happened and not followed:
                continue
            age = day - pair.touched
            good, bad, sold, misfit = pair.good * trust_left[age], pair.bad * trust_left[age], 0.0, 0.0
            if happened:
                tie, affinity = pair.tie * tie_left[age], pair.affinity * m.decay.affinity[age]
                for post, bits in events[c]:
                    if bits & TALK:
                        tie += r.gain * (1.0 - tie) * ((1.0 - r.reply_weight) + r.reply_weight * m.reply[c])
                        affinity += 1.0
                        if not post.advert:
                            good += r.trust_organic
                    if post.advert:
                        evidence = post.fit * m.authenticity[c]
                        good += r.trust_sponsored * evidence + r.transparency * self.knowledge * post.disclosure
                        bad += r.trust_sponsored * (1.0 - evidence) * r.negativity
                        sold, misfit = sold + 1.0, misfit + 1.0 - post.fit
                        if uniform() < r.detection * self.knowledge * (1.0 - post.disclosure):
                            bad += r.detection_loss
                    if bits & NEGATIVE:
                        pair.refused = day + 1
                    if bits & SUBSCRIBE and not pair.follows:
                        pair.follows = True
                        m.follower_lists[c].add(self)
                        m.daily["follows"] += 1
                pair.tie, pair.good, pair.bad, pair.affinity, pair.touched = tie, good, bad, affinity, day
            trust = (1.0 + 2.0 * weight * (reputation[c] - 0.5) + good) / (2.0 + good + bad)
            if followed:
                leaves = uniform() < hazard * (1.0 - trust)
                if sold and not leaves:
                    leaves = uniform() < r.unfollow_sponsored * (sold * (2.0 - m.authenticity[c]) + 0.3 * misfit)
                if leaves:
                    pair.follows = False
                    m.follower_lists[c].discard(self)
                    continue
                if live[c] and uniform() < r.live_attendance and uniform() < m.seat[c]:
                    kept = tie_left[day - pair.touched]
                    pair.tie, pair.good, pair.bad = pair.tie * kept + r.gain * (1.0 - pair.tie * kept), good, bad
                    pair.affinity *= m.decay.affinity[day - pair.touched]
                    pair.touched = day
            if pair.follows:
                trusted[c] += trust
                followers[c] += 1

    def buy(self) -> None:
        """Advance memory, awareness and consideration of every brand, and let one of them be bought."""
        m, r, uniform = self.model, self.model.rules, self.model.uniform
        due, ready = (m.decay.due[m.day + 1 - self.bought], r.closed_need) if self.bought else (0.0, 1.0)
        rates, weights = [], []
        for b, lead in enumerate(self.leads):
            lead.memory *= r.memory_keep
            lead.annoyance *= r.annoyance_keep
            lead.loyalty *= 1.0 - r.loyalty_decay
            u = uniform()
            if lead.aware and lead.purchases == 0 and u < r.forget:
                lead.aware = lead.considering = False
            if lead.aware and not lead.considering and uniform() < r.consideration * 0.5 * (1.0 + lead.attitude):
                lead.considering = True
            interest = max(0.0, lead.category + r.category_floor) / r.category_floor
            chance = r.baseline_rate * interest**r.baseline_interest
            if lead.considering:
                chance += r.delayed_rate * math.exp(r.delayed_attitude * lead.attitude + r.delayed_memory * math.log(1.0 + lead.memory))
            if lead.purchases == 0:
                chance += r.contagion * m.buyers[b]
            rates.append(-math.log1p(-min(ready * chance, 1.0 - 1e-16)))
            weights.append(math.exp(lead.attitude + lead.loyalty) if lead.aware else 0.0)
        total, all_weights = sum(rates), sum(weights) + r.lapse
        some = -math.expm1(-total)
        chooses = uniform() < due
        winner, first = -1, math.inf
        if chooses:
            first = -math.log(1.0 - uniform()) / r.lapse if r.lapse else math.inf
        for b, lead in enumerate(self.leads):
            evening = rates[b] / total * some if total else 0.0
            lead.expected += (1.0 - due) * evening + (due * weights[b] / all_weights if due else 0.0)
            speed = weights[b] if chooses else rates[b]
            if speed > 0.0:
                clock = -math.log(1.0 - uniform()) / speed
                if clock < (first if chooses else min(first, 1.0)):
                    winner, first = b, clock
        if winner >= 0:
            self.purchase(self.leads[winner], winner)
        elif chooses:
            self.bought = 0

    def purchase(self, lead: Lead, b: int) -> None:
        """Try what was bought, and tell friends."""
        m, r = self.model, self.model.rules
        lead.purchases += 1
        lead.aware, lead.considering = True, False
        self.bought = m.day + 1
        m.daily["purchases"] += 1
        good = m.uniform() < m.satisfied
        lead.loyalty = lead.loyalty + r.loyalty_gain if good else 0.0
        lead.attitude += r.attitude_experience * ((1.0 - lead.attitude) if good else -(1.0 + lead.attitude))
        if m.uniform() < (r.mention if good else r.mention_bad):
            m.said.append((self, b, good))


class PlainModel(mesa.Model):
    """A market in plain Mesa.

    Parameters
    ----------
    world, market
        As for `Simulation`; the world is read, not written.
    seed : int
        Of everything that happens.
    horizon : int
        Most days.
    """

    def __init__(self, world: World, market: Market, seed: int = 1, horizon: int = 60) -> None:
        super().__init__(rng=seed)
        self.market, self.day, self.now = market, 0, 0.0
        dice = random.Random(seed)
        self.numbers, self.uniform, self.shuffle = np.random.default_rng(seed), dice.random, dice.shuffle
        made = rules(market, seed, 0)
        self.rules = r = SimpleNamespace(**{name: made[name].tolist() for name in made.dtype.names})
        worth = outside_worth(market, made)
        fine = np.linspace(0.0, 1.0, 32 * (len(worth) - 1) + 1)
        self.outside = np.interp(fine, np.linspace(0.0, 1.0, len(worth)), worth).tolist()
        self.watching = r.learning_rate, r.watch_median, r.watch_slope, r.noise, r.outside_ad_load, r.learn_watch
        self.ranking = r.watch_median, r.watch_slope, r.like_logit, r.like_slope, r.comment_logit, r.comment_slope
        self.bored = [math.exp(-r.same_tag_penalty * k / r.rank_noise) for k in range(5001)]
        self.dull = [math.exp(-r.same_tag_penalty * k) for k in range(5001)]
        self.repeat = self._repeats()
        self.decay = SimpleNamespace(**{name: x.tolist() for name, x in decays(market, horizon)._asdict().items()})
        self.curve, self.quotas = cumulative_day(market.feed.rounds_per_day), stage_quotas(market, world.people_per_agent).tolist()
        self.memory: list[list[float]] = [[] for _ in self.quotas]
        self.made = made
        self.normal = stream(lambda n: self.numbers.standard_normal(n).tolist())
        self.luck = stream(lambda n: ((-np.log(1.0 - self.numbers.random(n))) ** -r.rank_noise).tolist())  # rank noise
        self.odds = stream(lambda n: np.exp(self.numbers.logistic(size=n)).tolist())  # u / (1 - u)
        self.video = stream(self._videos)
        creators = world.creators
        self.creators, self.count = creators, len(creators.person)
        self.form = creators.form.copy()
        self.authenticity, self.reputation = creators.authenticity.tolist(), creators.reputation.tolist()
        self.owner = creators.person.tolist()
        self.live = [False] * self.count
        self.reply, self.seat = [1.0] * self.count, [1.0] * self.count
        self.posts: list[Post] = []
        self.first_live = 0
        self.pending: list[tuple[Person, Post]] = []
        self.said: list[tuple[Person, int, bool]] = []
        size = buckets(market, ring(market, creators).total)
        self.buckets, self.topics = size, market.people.topics
        self.daily: dict[str, float] = dict.fromkeys(("follows", "purchases"), 0.0)
        self.asked = self.outside_views = self.empty = 0  # slots so far: all, filled from outside, left empty
        f = market.funnel
        self.satisfied = min(1.0, max(0.0, f.satisfaction + f.satisfaction_quality * market.brand.quality))
        self.people = self._people(world)

    def _people(self, world: World) -> list[Person]:
        p, r = world.people, self.rules
        people = [Person(self, i, *rows) for i, rows in enumerate(zip(p.interests.tolist(), p.estimate.tolist(), strict=True))]
        interest = unit_rows(p.interests.astype(np.float64)) @ world.brand_topics.T - r.category_floor
        aware = self.numbers.random(interest.shape) < self.market.funnel.initial_awareness
        columns = zip(people, p.knowledge.tolist(), p.sharing.tolist(), p.minor.tolist(), interest.tolist(), aware.tolist(), strict=True)
        for person, knowledge, sharing, minor, likes, knows in columns:
            person.knowledge, person.sharing = knowledge, sharing
            person.protected = bool(minor) and not r.sponsored_to_minors
            person.leads = [Lead(x, y) for x, y in zip(likes, knows, strict=True)]
        self.views = p.views
        self.follower_lists: list[set[Person]] = [set() for _ in range(self.count)]
        self.fans: list[list[Person]] = [[] for _ in people]  # people who follow somebody who is no creator
        account, start, target = p.creator.tolist(), world.follows.start.tolist(), world.follows.target.tolist()
        for i, person in enumerate(people):
            for j in target[start[i] : start[i + 1]]:
                if account[j] >= 0:
                    person.ties[account[j]] = Tie(True, 0)
                    self.follower_lists[account[j]].add(person)
                else:
                    person.friends.append(j)
                    self.fans[j].append(person)
        return people

    def _repeats(self) -> list[float]:
        """Return the factor that a creator's k-th post in a request puts on the rest of its posts."""
        floor, decay = self.rules.author_floor, self.rules.author_decay
        weight = [(1.0 - floor) * decay**k + floor for k in range(66)]
        return [1.0] + [weight[k] / weight[k - 1] for k in range(1, 66)]

    def _videos(self, n: int) -> Iterator[tuple[float, float]]:
        """Return lengths of outside videos and the shares of them that an average match watches."""
        seconds = np.empty(n)
        lengths(self.made, 1.0 - self.numbers.random((n, 4)), seconds)
        median = self.rules.watch_median
        return zip(seconds.tolist(), (median * np.log1p(seconds / median) / seconds).tolist(), strict=True)

    def loop(self, duration: float, median: float) -> float:
        """Return seconds watched by somebody who reached the end of a video: the end, or some more turns."""
        total, again, uniform = duration, self.rules.loop * math.exp(-max(duration - 7.0, 0.0) / 22.0), self.uniform
        for _ in range(8):
            if uniform() >= again:
                break
            seconds = median * self.odds()
            total += min(seconds, duration)
            if seconds < duration:
                break
        return total

    def trust(self, good: float, bad: float, creator: int) -> float:
        """Return the mean of the evidence on top of the reputation prior."""
        return (1.0 + 2.0 * self.rules.reputation_weight * (self.reputation[creator] - 0.5) + good) / (2.0 + good + bad)

    # --------------------------------------------------------------------- a day

    def step(self) -> None:
        """Advance one day."""
        rounds = self.market.feed.rounds_per_day
        waiting = self.publish()
        wish = self.numbers.random(len(self.people))
        edges = np.floor(self.views[None, :] * self.curve[:, None] + wish).astype(int)
        for k in range(rounds):
            self.now = self.day + k / rounds
            self.slots = (edges[k + 1] - edges[k]).tolist()
            self.asked += sum(self.slots)
            new, waiting = [p for p in waiting if p.posted <= self.now], [p for p in waiting if p.posted > self.now]
            self.deliver(new)
            self.refresh()
            self.invite()
            self.agents.do("watch")
            self.promote()
        self.settle()
        self.day += 1

    def publish(self) -> list[Post]:
        """Write today's posts."""
        c, k, rounds, numbers = self.market.creators, self.creators, self.market.feed.rounds_per_day, self.numbers
        change = c.form_sd * math.sqrt(1.0 - c.form_persistence**2)
        self.form = c.form_persistence * self.form + change * numbers.standard_normal(self.count)
        # The number of posts is drawn as by the engine, so that both worlds fill alike.
        counts = organic_counts(k, self.day, int(self.made["seed"]), 0)
        opening = np.zeros(self.count, np.int64)
        if self.day == 0:
            opening[: c.count] = c.opening_posts
        creator = np.repeat(np.arange(self.count), counts + opening)
        n = len(creator)
        early = np.arange(n) - np.searchsorted(creator, creator) < opening[creator]
        age = np.floor(numbers.random(n) * np.where(early, min(7.0, self.market.feed.max_age), 1.0) * rounds) / rounds
        account = k.person[creator] < 0
        share = np.where(account, 0.0, c.post_topic_noise)[:, None]
        shares = (1.0 - share) * k.topics[creator] + share * numbers.dirichlet(np.ones(self.topics), n)
        quality = k.ability[creator] + self.form[creator] + c.post_sd * numbers.standard_normal(n)
        dealt = (numbers.random(n) < c.other_deals) & ~account
        least = np.minimum(k.fit_required[creator], 1.0)
        fit = np.where(dealt, least + (1.0 - least) * numbers.random(n), 1.0)
        disclosure = dealt & (numbers.random(n) < c.other_disclosed)
        sound = np.floor(np.exp(numbers.random(n) * math.log(c.sounds + 1.0))) - 1.0
        sound = np.where(numbers.random(n) < c.shared_sounds, sound, -1)
        rows = zip(
            creator.tolist(), np.where(early, -age, self.day + age).tolist(), unit_rows(shares).tolist(), shares.argmax(axis=1).tolist(),
            quality.tolist(), dealt.tolist(), fit.tolist(), disclosure.tolist(), sound.astype(int).tolist(), strict=True,
        )  # fmt: skip
        first = len(self.posts)
        for row in rows:
            post = Post()
            post.creator, post.posted, post.theme, post.tag, post.quality, post.advert, post.fit, post.disclosure, post.sound = row
            post.owner = self.owner[post.creator]
            post.duration, post.fraction = self.video()
            post.impressions = post.likes = post.comments = post.shares = post.follows = post.negatives = 0
            post.served = post.strangers = 0
            post.watch = post.predicted = post.trend = post.value = post.residual = 0.0
            post.multiplier, post.bucket = 1.0, len(self.posts)
            found = k.retrievable[post.creator] == 1
            post.stage = 0 if self.rules.stages and found else UNSTAGED
            self.posts.append(post)
        return self.posts[first:]

    def deliver(self, new: list[Post]) -> None:
        """Push new posts and re-shares to followers."""
        account, size = {row: c for c, row in enumerate(self.owner)}, self.market.feed.inbox
        arrivals = [(post.creator, None, post) for post in new]
        arrivals += [(account.get(person.row, -1), person, post) for person, post in self.pending]
        self.pending = []
        for creator, person, post in arrivals:
            readers = self.follower_lists[creator] if creator >= 0 else self.fans[person.row]
            for reader in readers:
                inbox = reader.inbox
                inbox.append(post)
                if len(inbox) > size:
                    del inbox[0]

    def refresh(self) -> None:
        """Recompute what the feed knows of live posts and put them into pools."""
        r, f, now, posts = self.rules, self.market.feed, self.now, self.posts
        while self.first_live < len(posts) and now - posts[self.first_live].posted > r.max_age:
            self.first_live += 1
        live = [p for p in posts[self.first_live :] if 0.0 <= now - p.posted <= r.max_age]
        prior = r.prior_impressions * r.like_rate
        likes, expected = [prior] * self.count, [prior] * self.count
        for p in live:
            likes[p.creator] += p.likes
            expected[p.creator] += p.predicted
        belief = [math.log(x / y) / r.like_slope for x, y in zip(likes, expected, strict=True)]
        size = self.buckets
        interest: list[list[tuple[float, Post]]] = [[] for _ in range(size.topic * self.topics)]
        trending: list[list[tuple[float, Post]]] = [[] for _ in range(size.topic * self.topics)]
        everything: list[list[tuple[float, Post]]] = [[] for _ in range(size.all)]
        chart: list[list[tuple[float, Post]]] = trending if f.trending_by == "topic" else [[] for _ in range(size.all)]
        for p in live:
            fresh = (1.0 + (now - p.posted) / r.freshness_age) ** -r.freshness_exponent
            head_start = math.exp(r.like_slope * r.prediction_creator * belief[p.creator])
            p.residual = math.log((p.likes + prior * head_start) / (p.predicted + prior)) / r.like_slope
            p.multiplier = fresh * (r.sponsored_factor if p.advert else 1.0)
            if self.creators.retrievable[p.creator] != 1:
                continue
            weight = r.failed_factor if p.stage == FAILED else 1.0
            warm = weight * min(1.0, ((p.trend + r.trending_prior) / (r.trending_cap + r.trending_prior)) ** r.trending_exponent)
            at = p.tag * size.topic + p.bucket % size.topic
            interest[at].append((weight * fresh, p))
            (trending[at] if chart is trending else chart[p.bucket % size.all]).append((warm, p))
            if f.candidates_random:
                everything[p.bucket % size.all].append((1.0, p))
        by_topic = chart is trending
        sources = [
            (f.candidates_interest, r.tries_interest, interest, size.topic, True),
            (f.candidates_trending, r.tries_trending, chart, size.topic if by_topic else size.all, by_topic),
            (f.candidates_random, r.tries_random, everything, size.all, False),
        ]
        self.sources = [source for source in sources if source[0]]
        self.live_posts = live

    def invite(self) -> None:
        """Allot people who are here this round to posts whose test stage is open."""
        r, targeting = self.rules, self.market.feed.exploration_targeting
        present = [person for person, n in zip(self.people, self.slots, strict=True) if n]
        if not r.exploration_share or not present:
            return
        self.shuffle(present)
        for post in self.live_posts:
            if not 0 <= post.stage < r.stages:
                continue
            # Who is asked first is drawn for each post; then the shuffled people are asked in turn.
            left, first = self.quotas[post.stage] - post.served, int(self.uniform() * len(present))
            for k in range(first - len(present), first):
                if left <= 0:
                    break
                person = present[k]
                if post in person.seen or person.row == post.owner:
                    continue
                cosine = sum(map(mul, person.estimate, post.theme)) / math.hypot(*person.estimate)
                if self.uniform() < math.exp(targeting * (cosine - 1.0)):
                    person.tests.append(post)
                    left -= 1

    def promote(self) -> None:
        """End the test stages whose quota is served, and let trends fade."""
        r, size = self.rules, self.market.feed.stage_memory
        fade = 0.5 ** (1.0 / (self.market.feed.rounds_per_day * self.market.feed.trending_half_life))
        for p in self.live_posts:
            p.trend *= fade
            if not 0 <= p.stage < r.stages or p.served < self.quotas[p.stage]:
                continue
            memory = self.memory[p.stage]
            weight = r.prior_impressions if memory else 0.0
            mean = (p.value + weight * (sum(memory) / len(memory) if memory else 0.0)) / max(p.strangers + weight, 1.0)
            memory.append(mean)
            del memory[:-size]
            if sum(x > mean for x in memory) < r.stage_pass * len(memory):
                p.stage = p.stage + 1 if p.stage + 1 < r.stages else PASSED
            else:
                p.stage = FAILED
            p.served, p.strangers, p.value = 0, 0, 0.0

    def settle(self) -> None:
        """Play the evening: everybody with creators and brands, then reputation and word of mouth."""
        c, t, scale = self.market.creators, self.market.ties, self.market.people.population / len(self.people)
        comments = [0.0] * self.count
        for person in self.people:
            for creator, events in person.events.items():
                comments[creator] += scale * sum(bits & COMMENT > 0 for _, bits in events)
        self.reply = [min(1.0, c.reply_capacity / x) if x else 1.0 for x in comments]
        attending = [len(x) * scale * c.live_attendance for x in self.follower_lists]
        self.seat = [min(1.0, c.live_seats / x) if x else 1.0 for x in attending]
        self.live = (self.numbers.random(self.count) < c.live_sessions_per_week / 7.0).tolist()
        brands = len(self.people[0].leads)
        self.buyers = [sum(p.leads[b].purchases > 0 for p in self.people) / len(self.people) for b in range(brands)]
        self.trusted, self.followers = [0.0] * self.count, [0] * self.count
        self.agents.do("evening")
        keep = 0.5 ** (1.0 / t.reputation_half_life)
        for k, (trust, n) in enumerate(zip(self.trusted, self.followers, strict=True)):
            if n:
                self.reputation[k] = keep * self.reputation[k] + (1.0 - keep) * trust / n
        for person, b, good in self.said:
            for friend in self.fans[person.row]:
                friend_lead = friend.leads[b]
                weight = min(1.0, self.rules.word_trust)
                step = self.rules.word_attitude * weight
                if good:
                    friend_lead.attitude += step * (1.0 - friend_lead.attitude)
                else:
                    friend_lead.attitude -= min(1.0, step * self.rules.negativity) * (1.0 + friend_lead.attitude)
                friend_lead.aware = friend_lead.aware or self.uniform() < self.rules.word_awareness * weight
        self.said.clear()

    # ------------------------------------------------------------------- results

    @property
    def impressions(self) -> int:
        """Slots filled so far, outside posts included."""
        return self.outside_views + sum(p.impressions for p in self.posts)

    def rates(self) -> dict[str, float]:
        """Return what to hold against the engine's: shares and rates of the run so far."""
        views = np.array([p.impressions for p in self.posts], float)
        return {
            "modelled_share": float(views.sum()) / max(1, self.impressions),
            "like_rate": sum(p.likes for p in self.posts) / max(1.0, float(views.sum())),
            "views_gini": gini(views),
        }


def gini(values: np.ndarray[Any, Any]) -> float:
    """Return the Gini coefficient; 0 where everything is zero."""
    x = np.sort(values)
    n = len(x)
    return float(((2 * np.arange(1, n + 1) - n - 1) * x).sum() / (n * x.sum())) if n and x.sum() else 0.0

"""Why was this shown: play a run again up to one slot and keep what decided it.

The run is played by the same kernels with the same keys; only the requests of the person asked about are
opened, scored and filled one slot at a time, so that the desk can be read in between.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from influence_sim.engine.batch import score_by
from influence_sim.engine.desk import Desk, new_desk
from influence_sim.engine.feed import predict, rank_noise, score_candidates, value
from influence_sim.engine.outside import draw_outside
from influence_sim.engine.request import close_request, open_requests, play_slot
from influence_sim.engine.respond import find, sigmoid, tail
from influence_sim.engine.state import BOUGHT, CLICK, COMMENT, LIKE, NEGATIVE, SHARE, SOURCES, SUBSCRIBE, Scene
from influence_sim.feeds import Score
from influence_sim.rng import Stream

ACTIONS = (("like", LIKE), ("comment", COMMENT), ("share", SHARE), ("follow", SUBSCRIBE), ("not_interested", NEGATIVE),
           ("click", CLICK), ("purchase", BOUGHT))  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """A post that competed for the slot, with what the platform predicted and every factor of its score.

    `predictions`: probabilities, and seconds of watching. `match` holds the terms of predicted engagement (sd of match), `factors` what the
    score is the product of, in the order of multiplication. Under a ranking without values both say what it goes by.
    """

    post: int
    creator: int
    source: str
    age: float  # days
    follows: bool
    predictions: dict[str, float]
    match: dict[str, float]
    factors: dict[str, float]
    score: float


@dataclass
class SlotReplay:
    """What happened in one slot and why."""

    person: int
    day: int
    slot: int
    round: int
    request: int
    source: str
    winner: Contender | None  # None: a post from outside the model, or nothing
    runner_up: Contender | None
    outside: float  # score of the best post from outside that competed; 0 where none did
    candidates: int  # posts retrieved for the request
    drawn: str  # slot mixture: source drawn for this slot; else empty
    watched: float  # s
    actions: list[str] = field(default_factory=list)


class Witness:
    """Serves one person slot by slot on one day, and keeps the replay of one slot."""

    def __init__(self, person: int, day: int, slot: int) -> None:
        self.person, self.day, self.slot = person, day, slot
        self.slots = 0  # of the person so far that day
        self.rounds = 0
        self.found: SlotReplay | None = None

    def serve(self, scene: Scene, name: str, score: Score | None, scale: float) -> None:
        """Serve the person in this round as the kernels do."""
        i = self.person
        desk = new_desk(scene.interests.shape[1], 1)
        desk.next[0] = scene.slots.start[i]
        while open_requests(i, i + 1, scene, desk):
            if score is None:
                score_candidates(1, scene, desk)
            else:
                score_by(1, scene, desk, name, score, scale)
            draw_outside(1, scene, desk)
            q = desk.request[0]
            for place in range(int(q.slots)):
                if self.wants(scene.day):
                    self._look(scene, desk, int(q.row) + place, place, score)
                else:
                    play_slot(0, scene, desk)
                self.slots += scene.day == self.day
            close_request(0, scene, desk)
        self.rounds += scene.day == self.day

    def wants(self, day: int) -> bool:
        """Tell whether the slot that comes next is to be looked at."""
        return day == self.day and self.slots == self.slot

    def _look(self, scene: Scene, desk: Desk, row: int, place: int, score: Score | None) -> None:
        rules, slots, q, c = scene.rules, scene.slots, desk.request[0], desk.candidates
        m = int(q.candidates)
        before, taken = c.score[:m].copy(), c.taken[:m].copy()
        posts = scene.posts[c.post[:m]]
        # The author or sound of the slot before comes again only where nothing else is left.
        again = ((posts.creator == q.last_author) & (q.last_author >= 0)) | ((posts.sound == q.last_sound) & (q.last_sound >= 0))
        again &= rules.ranking == 0
        play_slot(0, scene, desk)
        source = SOURCES[slots.source[row]]
        drawn = ""
        if rules.mixture and source not in ("paid", "heated", "explore"):
            drawn = _drawn(rules, self.person, place, int(q.time_word))
        allowed = [j for j in range(m) if not taken[j] and (not drawn or SOURCES[c.source[j]] == drawn)]
        order = sorted(allowed, key=lambda j: (bool(again[j]), -before[j], j))
        p = int(slots.post[row])
        leading = next((j for j in range(m) if p >= 0 and c.post[j] == p), -1)

        def contender(j: int) -> Contender:
            return describe(scene, desk, int(c.post[j]), SOURCES[c.source[j]], float(before[j]), score)

        winner = None
        if p >= 0:
            contest = leading in order and source not in ("paid", "heated", "explore")
            winner = contender(leading) if contest else describe(scene, desk, p, source, math.nan, score)
        outside = 0.0
        if not drawn and q.outside > 0.0 and source not in ("paid", "heated", "explore"):
            u = tail(rules.seed, int(Stream.OUTSIDE), rules.replication, self.person, 0, place, q.time_word)[0]
            outside = (q.outside / -math.log(u)) ** rules.rank_noise
        others = [j for j in order if j != leading]
        bits = int(slots.action[row])
        self.found = SlotReplay(
            person=self.person, day=scene.day, slot=self.slots, round=self.rounds, request=int(q.number), source=source, winner=winner,
            runner_up=contender(others[0]) if others else None, outside=outside, candidates=m, drawn=drawn, watched=float(slots.watch[row]),
            actions=[name for name, bit in ACTIONS if bits & bit],
        )  # fmt: skip


class Diary(Witness):
    """Serves one person slot by slot, every day, and keeps the replays of the newest slots.

    Begun in a morning, its slots count like those of the event log.
    """

    def __init__(self, person: int, most: int = 60) -> None:
        super().__init__(person, -1, 0)
        self.kept: deque[SlotReplay] = deque(maxlen=most)

    def wants(self, day: int) -> bool:
        """Look at every slot."""
        return True

    def serve(self, scene: Scene, name: str, score: Score | None, scale: float) -> None:
        """Serve the person in this round as the kernels do."""
        if scene.day != self.day:
            self.day, self.slots, self.rounds = scene.day, 0, 0
        super().serve(scene, name, score, scale)

    def _look(self, *arguments: Any) -> None:
        super()._look(*arguments)
        assert self.found is not None
        self.kept.append(self.found)


def _drawn(rules: Any, person: int, place: int, time_word: int) -> str:
    u = tail(rules.seed, int(Stream.SLOT_SOURCE), rules.replication, person, place, 0, time_word)[0]
    names = ("follow", "interest", "trending", "random")
    weights = [float(rules[f"weight_{name}"]) for name in names]
    u *= sum(weights)
    for name, weight in zip(names, weights, strict=True):
        if u < weight:
            return name
        u -= weight
    return "random"


def describe(scene: Scene, desk: Desk, p: int, source: str, score: float, function: Score | None) -> Contender:
    """Return a post with its predictions and the factors of its score; the last factor holds what the request did to it."""
    rules, i = scene.rules, int(desk.request[0].person)
    post = scene.posts[p]
    pair = find(scene.acq.start, scene.acq.creator, i, post.creator)
    z, follows, affinity, standing = predict(p, pair, 0, scene, desk)
    dot = float(desk.estimate[0] @ scene.themes[p]) * float(desk.request[0].estimate_scale)
    match = {
        "topics": float(rules.match * (dot - rules.match_mean) / rules.match_unit),
        "record": float(post.residual),
        "follows": float(rules.prediction_follow * follows),
        "affinity": float(rules.prediction_affinity * min(affinity, 5.0)),
    }

    def chance(name: str) -> float:
        return float(sigmoid(rules[f"{name}_logit"] + rules[f"{name}_slope"] * z))

    median = rules.watch_median * math.exp(rules.watch_slope * z)
    predictions = {
        "play": 1.0 / (1.0 + min(rules.play_seconds, post.duration) / median),
        "seconds": median * math.log(1.0 + post.duration / median),
        **{name: chance(name) for name in ("like", "comment", "share", "follow", "negative")},
    }
    age = max(0.0, scene.now - float(post.posted))
    factors: dict[str, float]
    if function is not None:
        factors = {"function": math.nan, "noise": float(rank_noise(p, i, scene.day, rules, scene.posts))}
        if score == score:
            factors["function"] = score / factors["noise"]
    elif rules.ranking == 0:
        fresh = (1.0 + age / rules.freshness_age) ** -rules.freshness_exponent
        sponsored = float(rules.sponsored_factor) if post.advert else 1.0
        annoyance = float(scene.leads[i, post.brand].annoyance) if post.brand >= 0 else 0.0
        factors = {
            "value": float(value(z, post.duration, predictions["like"], rules)),
            "freshness": fresh,
            "sponsored": sponsored,
            "popularity": float(post.multiplier) / (fresh * sponsored) if fresh * sponsored > 0.0 else 0.0,
            "standing": float(standing),
            "same topic today": math.exp(-rules.same_tag_penalty * int(scene.tags[i, post.tag])),
            "author seen": 1.0 + rules.author_seen_bonus * min(affinity, 3.0),
            "ad fatigue": (1.0 + annoyance) ** -rules.ad_fatigue,
            "not followed": 1.0 if follows else float(rules.non_followed_factor),
            "noise": float(rank_noise(p, i, scene.day, rules, scene.posts)),
        }
        product = math.prod(factors.values())
        # What is left: the discount for an author shown before in this request, or the lift of a small account.
        factors["request"] = score / product if score == score and product > 0.0 else 1.0
    else:
        factors = {"newest first" if rules.ranking == 1 else "as retrieved": score}
    return Contender(p, int(post.creator), source, age, bool(follows), predictions, match, factors, score)


def replay_slot(simulation: Any, person: int, day: int, slot: int) -> SlotReplay:
    """Play a simulation to the end of `day` and return what decided the slot of `person`.

    Parameters
    ----------
    simulation : Simulation
        Before its first day, or any morning up to `day`.
    person : int
        Row of the person.
    day, slot : int
        From 0; `slot` counts the slots of the person's day.

    Raises
    ------
    ValueError
        When the person, the day or the slot does not exist.
    """
    s = simulation
    if not 0 <= person < s.world.size:
        raise ValueError(f"there is no person {person}: rows are 0 to {s.world.size - 1}")
    if not s.day <= day < s.horizon:
        raise ValueError(f"day {day} cannot be replayed: days {s.day} to {s.horizon - 1} can")
    while s.day < day:
        s.step()
    s.witness = witness = Witness(person, day, slot)
    s.step()
    s.witness = None
    if witness.found is None:
        raise ValueError(f"person {person} had {witness.slots} slots on day {day}: there is no slot {slot} (they count from 0)")
    return witness.found

"""A world of a lesson while it is played: rounds, knobs, one video that is followed, one person whose phone is held."""

from __future__ import annotations

import json
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.replay import Diary, SlotReplay, replay_slot
from influence_sim.engine.respond import trust_of
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import COMMENT, FAILED, LIKE, PASSED, SHARE
from influence_sim.record.discovery import gini
from influence_sim.scenario import scenario_from_dict
from influence_sim.studio.lessons import Lesson, Setup, scenario_of, turned
from influence_sim.world.build import build_world

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario
    from influence_sim.world.columns import World

Array = np.ndarray[Any, Any]
UNSEEN, SHOWN, WATCHED, LIKED, SHARED = range(5)  # what somebody did with the followed video
SIZES = {"small": (0.0, 0.35), "middle": (0.4, 0.7), "large": (0.85, 1.0)}  # quantiles of followers
STRENGTHS = {"weak": 0.15, "average": 0.5, "strong": 0.95}  # quantile of quality among these
KEPT_MORNINGS = 5


@lru_cache(maxsize=4)
def _world(text: str, seed: int) -> World:
    """Return the world of a market, written as JSON: the two worlds of a comparison share it, for no knob made it."""
    return build_world(scenario_from_dict({"market": json.loads(text), "strategies": ["none"]}).market, seed)


class Trace:
    """What everybody did with one post so far."""

    def __init__(self, people: int) -> None:
        self.state = np.zeros(people, np.uint8)
        self.source = np.zeros(people, np.uint8)
        self.via = np.full(people, -1, np.int32)
        self.day = np.full(people, -1, np.int32)
        self.slot = np.full(people, -1, np.int32)
        self.rows = np.zeros(0, np.int64)  # people the last round brought it to
        self._slots = np.zeros(people, np.int64)  # of today, before this round

    def read(self, s: Simulation, post: int, new_day: bool) -> None:
        """Take in the round that `s` has just played; `new_day` says that it was the first of its day."""
        if new_day:
            self._slots[:] = 0
        slots: Any = s.slots
        self.rows = self.rows[:0]
        if post >= 0:
            at = np.flatnonzero(slots.post == post)
            person = np.searchsorted(slots.start, at, side="right") - 1
            action, watch = slots.action[at], slots.watch[at]
            played = watch >= min(s.market.feed.play_seconds, float(s.posts.duration[post]))
            did = np.where(played, WATCHED, SHOWN)
            did = np.where((action & (LIKE | COMMENT)) != 0, LIKED, did)
            did = np.where((action & SHARE) != 0, SHARED, did)
            fresh = self.state[person] == UNSEEN
            who, first = person[fresh], at[fresh]
            self.source[who], self.via[who] = slots.source[first], slots.sharer[first]
            self.day[who] = s.day if s.round else s.day - 1
            self.slot[who] = self._slots[who] + first - slots.start[who]
            self.state[person] = np.maximum(self.state[person], did)
            self.rows = who
        self._slots += np.diff(slots.start)


class LiveWorld:
    """One world: what is played, what was turned when, and what has happened.

    Attributes
    ----------
    rounds : int
        Played so far.
    log : list of (round, {knob: value})
        Every change of a knob, by the rounds played before it.
    """

    def __init__(self, lesson: Lesson, name: str, setup: Setup, settings: dict[str, float], base: dict[str, Any] | None = None) -> None:
        self.lesson, self.name, self.setup = lesson, name, setup
        self.settings, self.first_settings = dict(settings), dict(settings)
        scenario = scenario_of(lesson, settings, setup.seed, base)
        world = _world(json.dumps(lesson.market if base is None else base, sort_keys=True), scenario.world_seed)
        self._start(Simulation(world, scenario.market, horizon=scenario.horizon, path_seed=setup.seed))

    @classmethod
    def of(cls, lesson: Lesson, scenario: Scenario, town: int) -> LiveWorld:
        """Return a world of another town: other people, other follows, other luck."""
        live = cls.__new__(cls)
        live.lesson, live.name, live.setup, live.settings, live.first_settings = lesson, "", Setup(), {}, {}
        world = build_world(scenario.market, scenario.world_seed, town)
        live._start(Simulation(world, scenario.market, horizon=scenario.horizon, path_seed=scenario.path_seed, replication=town))
        return live

    def _start(self, simulation: Simulation) -> None:
        world = simulation.world
        self.sim, self.rounds = simulation, 0
        self.log: list[tuple[int, dict[str, float]]] = []
        self.post = -1
        self.trace = Trace(world.size)
        self._mornings: deque[tuple[int, Simulation]] = deque(maxlen=KEPT_MORNINGS)
        self._waiting: dict[str, float] = {}

    # ------------------------------------------------------------------ time

    @property
    def rounds_per_day(self) -> int:
        """Rounds of a day."""
        return self.sim.market.feed.rounds_per_day

    @property
    def over(self) -> bool:
        """Whether the horizon is reached."""
        return self.sim.day >= self.sim.horizon

    def turn(self, settings: dict[str, float]) -> None:
        """Set knobs from the next round on; raise `ValueError` when one is unknown or out of range."""
        for name, at in settings.items():
            self.lesson.knob(name).values(at)
        self._waiting |= settings

    def advance(self) -> None:
        """Play a round."""
        if self.over:
            return
        changed = {name: at for name, at in self._waiting.items() if self.settings.get(name) != at}
        self._waiting = {}
        if changed:
            self.settings |= changed
            self.log.append((self.rounds, changed))
            self.sim.set_market(turned(self.lesson, self.sim.base_market, changed))
        morning = self.sim.round == 0
        if morning:
            self._mornings.append((self.rounds, self.sim.fork()))
        self.sim.step_round()
        self.rounds += 1
        self.trace.read(self.sim, self.post, morning)

    # ----------------------------------------------------------------- video

    def choose_video(self, first: float, last: float) -> int:
        """Follow a video that was posted between two moments (days): by the size of its creator's audience and by its quality."""
        sim = self.sim.fork()
        if not sim.under_way:
            sim.begin_day()  # in which today's videos are written
        posts = sim.posts[: sim.post_count]
        rows = np.flatnonzero((posts.posted >= first) & (posts.posted < last) & (posts.advert == 0))
        if len(rows) == 0:
            return -1
        low, high = (np.quantile(sim.followers[: sim.modelled], q) for q in SIZES[self.setup.size])
        fits = rows[(posts.audience[rows] >= low) & (posts.audience[rows] <= high)]
        if len(fits) == 0:
            middle = (low + high) / 2.0
            fits = rows[np.argsort(np.abs(posts.audience[rows] - middle), kind="stable")[:5]]
        ranked = fits[np.argsort(posts.quality[fits], kind="stable")]
        self.post = int(ranked[round(STRENGTHS[self.setup.strength] * (len(ranked) - 1))])
        return self.post

    def video(self) -> dict[str, Any]:
        """Return what the followed video has done so far, in real people."""
        if not 0 <= self.post < self.sim.post_count:
            return {}
        p, scale = self.sim.posts[self.post], self.sim.world.people_per_agent
        counts = {name: float(p[name]) * scale for name in ("impressions", "likes", "comments", "shares", "follows")}
        stage = int(p.stage)
        testing = 0 <= stage < self.sim.market.feed.stages
        named = "test" if testing else {PASSED: "passed", FAILED: "failed"}.get(stage, "none")
        return {
            **counts, "reach": float((self.trace.state > UNSEEN).sum()) * scale,
            "watched": float((self.trace.state >= WATCHED).sum()) * scale, "stage": named, "test": stage if testing else -1,
            "served": int(p.stage_served), "quota": int(self.sim.quotas[stage]) if testing else 0,
        }  # fmt: skip

    def stage_news(self) -> list[dict[str, Any]]:
        """Return the test stages of the followed video that ended in the last round, and how it compared."""
        if self.post < 0 or not self.sim.stage_ends:
            return []
        end, found = self.sim.stage_ends[-1], []
        for i in np.flatnonzero(end["post"] == self.post):
            if abs(float(end["ended"][i]) * self.rounds_per_day - self.rounds) > 0.5:
                continue  # stages may be off by now: then the last ends are old ones
            stage = int(end["stage"][i])
            # Results are remembered in the order in which posts ended; those of this round that came later do not count.
            after = int((end["stage"][i + 1 :] == stage).sum())
            size, last = self.sim.stage_memory.shape[1], int(self.sim.stage_count[stage]) - after
            recent = self.sim.stage_memory[stage, np.arange(max(0, last - size), last) % size]
            found.append(
                {
                    "stage": stage, "passed": bool(end["passed"][i]), "people": int(end["impressions"][i]),
                    "better_than": 1.0 - float((recent > recent[-1]).mean()),
                    "bar": 1.0 - self.sim.market.feed.stage_pass,
                }
            )  # fmt: skip
        return found

    # -------------------------------------------------------------- measures

    def views_by_creator(self) -> Array:
        """Return views so far of every modelled creator's posts, real people."""
        posts = self.sim.posts[: self.sim.post_count]
        counted: Array = np.bincount(posts.creator, posts.impressions, minlength=self.sim.modelled)[: self.sim.modelled]
        return counted * self.sim.world.people_per_agent

    def kindness(self) -> dict[str, Any]:
        """Return how views are spread over creators: Gini, Lorenz curve, share of the smaller half by followers at the start."""
        views, start = self.views_by_creator(), self.sim.world.follows
        first = np.bincount(start.target, minlength=self.sim.world.size)[self.sim.creators.person[: self.sim.modelled]]
        half = np.argsort(first, kind="stable")[: self.sim.modelled // 2]
        total = float(views.sum())
        curve = np.concatenate([[0.0], np.cumsum(np.sort(views))]) / max(total, 1.0)
        every = np.linspace(0, len(curve) - 1, 21).round().astype(int)
        return {
            "views": total, "gini": gini(views) if total else None, "small": float(views[half].sum()) / total if total else None,
            "lorenz": curve[every].round(4).tolist(),
        }  # fmt: skip

    def trust(self) -> Array:
        """Return the mean trust (N,) of people in the creators they follow; NaN where they follow none."""
        s, table = self.sim, self.sim.acquaintances
        kept = (table.follows == 1) & (table.creator < s.modelled)
        person = np.repeat(np.arange(s.world.size), np.diff(table.start))[kept]
        creator = table.creator[kept]
        keep = s.decays.trust[np.maximum(0, s.day - table.touched[kept].astype(np.int64))]
        formula = getattr(trust_of, "py_func", trust_of)  # the kernel takes one pair, its source a column of them
        weight = float(s.market.ties.reputation_weight)
        value = formula(table.good[kept] * keep, table.bad[kept] * keep, s.creators.reputation[creator], weight)
        count = np.bincount(person, minlength=s.world.size)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.bincount(person, value, minlength=s.world.size) / count

    # ------------------------------------------------------- phones and whys

    def hold_phone(self, person: int) -> Diary:
        """Let a diary keep what `person` is shown from now on, beginning with this day (at dawn: the day before)."""
        if not 0 <= person < self.sim.world.size:
            raise ValueError(f"there is no person {person}: rows are 0 to {self.sim.world.size - 1}")
        diary = Diary(person)
        if self._mornings:
            began, morning = self._mornings[-1]
            twin = morning.fork()
            twin.witness = diary
            self._repeat(twin, began, self.rounds)
            twin.witness = None
        self.sim.witness = diary
        return diary

    def first_meeting(self, person: int) -> SlotReplay | None:
        """Return why `person` was shown the followed video the first time; None when that was never or too long ago."""
        if not 0 <= person < self.sim.world.size or self.trace.day[person] < 0:
            return None
        day = int(self.trace.day[person])
        for began, morning in self._mornings:
            if morning.day == day:
                twin = morning.fork()
                if any(began <= at < began + self.rounds_per_day for at, _ in self.log):
                    twin.witness = diary = Diary(person, most=5_000)
                    self._repeat(twin, began, min(self.rounds, began + self.rounds_per_day))
                    return next((x for x in diary.kept if x.slot == int(self.trace.slot[person])), None)
                return replay_slot(twin, person, day, int(self.trace.slot[person]))
        return None

    def _repeat(self, twin: Simulation, began: int, until: int) -> None:
        """Play a fork of round `began` up to round `until` with the knobs as they were turned."""
        changes = dict(self.log)
        for r in range(began, until):
            if r in changes and r > began:
                twin.set_market(turned(self.lesson, twin.base_market, changes[r]))
            twin.step_round()

"""A lesson while it is played: its worlds, and what the page is told about them after every round."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np

from influence_sim.engine.replay import SlotReplay
from influence_sim.engine.state import SOURCES
from influence_sim.record.discovery import gini
from influence_sim.scenario.writing import scenario_text
from influence_sim.studio.layout import interest_map
from influence_sim.studio.lessons import Lesson, Setup, scenario_of
from influence_sim.studio.phones import card, handle
from influence_sim.studio.worlds import UNSEEN, Array, LiveWorld

Message = tuple[dict[str, Any], dict[str, Array]]  # JSON, and columns beside it
TRUST_BANDS = (0.4, 0.47, 0.53, 0.6)  # edges of the five colours of trust (a new acquaintance stands at .5)
REVEAL_PEOPLE = 600  # towns small enough that thirty pairs take seconds
REVEAL_DAYS = {"tune": 5, "trust": 20}
THREADS = 2


class Play:
    """The worlds of a lesson, stepped together.

    Parameters
    ----------
    lesson, setup
        What is played.
    settings : mapping of world to knobs, optional
        Where the knobs stand; the lesson's start where absent.
    base : mapping, optional
        Market of the user in place of the lesson's.
    """

    def __init__(
        self, lesson: Lesson, setup: Setup, settings: dict[str, dict[str, float]] | None = None, base: dict[str, Any] | None = None
    ) -> None:
        self.lesson, self.setup, self.base = lesson, setup, base
        given = settings or {}
        self.pool = ThreadPoolExecutor(THREADS)
        self.worlds = self._worlds({name: {**lesson.settings(name), **given.get(name, given.get("all", {}))} for name in lesson.worlds})
        self.begin = 0  # rounds before the page's hour 0
        self.stopped = False  # asked to end: long jobs look at it
        self.start = next(iter(self.worlds.values())).sim
        self._begin()

    def _worlds(self, settings: dict[str, dict[str, float]]) -> dict[str, LiveWorld]:
        return {name: LiveWorld(self.lesson, name, self.setup, settings[name], self.base) for name in self.lesson.worlds}

    def _begin(self) -> None:
        """Play up to hour 0."""

    # ------------------------------------------------------------------ time

    @property
    def first(self) -> LiveWorld:
        """The first world."""
        return next(iter(self.worlds.values()))

    @property
    def rounds(self) -> int:
        """Rounds since hour 0."""
        return self.first.rounds - self.begin

    @property
    def hours_per_round(self) -> float:
        """Hours of a round."""
        return 24.0 / self.first.rounds_per_day

    @property
    def over(self) -> bool:
        """Whether the lesson has been played to its end."""
        return self.rounds * self.hours_per_round >= self.lesson.hours

    def turn(self, world: str, settings: dict[str, float]) -> None:
        """Set knobs of a world (of all where they share them) from the next round on."""
        if self.lesson.shared_knobs:
            for one in self.worlds.values():
                one.turn(settings)
        elif world in self.worlds:
            self.worlds[world].turn(settings)
        else:
            raise ValueError(f"there is no world `{world}`; there are: {', '.join(self.worlds)}")

    def advance(self) -> None:
        """Play a round in every world, side by side."""
        if not self.over:
            list(self.pool.map(LiveWorld.advance, self.worlds.values()))

    def close(self) -> None:
        """Give back the threads."""
        self.stopped = True
        self.pool.shutdown(wait=False, cancel_futures=True)

    # -------------------------------------------------------------- messages

    def scene(self) -> Message:
        """Return what does not change while the lesson is played."""
        world, sim = self.first, self.first.sim
        place, topics = interest_map(sim.people.interests)
        creators = sim.creators.person[: sim.modelled]
        names = [*self.lesson.topics, *(f"Topic {k + 1}" for k in range(len(self.lesson.topics), len(topics)))]
        header = {
            "type": "scene", "lesson": self.lesson.name, "seed": self.setup.seed, "people": sim.world.size,
            "scale": sim.world.people_per_agent, "hours": self.lesson.hours, "hours_per_round": self.hours_per_round, "sources": SOURCES,
            "topics": [{"name": name, "x": x, "y": y} for name, (x, y) in zip(names, topics.round(4).tolist(), strict=False)],
            "handles": [handle(c) for c in range(sim.modelled)], "settings": {name: w.settings for name, w in self.worlds.items()},
            "video": self._video_facts(world),
        }  # fmt: skip
        columns = {
            "x": place[:, 0].astype(np.float32), "y": place[:, 1].astype(np.float32),
            "topic": sim.people.interests.argmax(axis=1).astype(np.uint8),
            "creator": creators.astype(np.int32), "followers": sim.followers[: sim.modelled].astype(np.int32),
            "fans": self._fans(world),
        }  # fmt: skip
        return header, columns

    def _video_facts(self, world: LiveWorld) -> dict[str, Any]:
        if world.post < 0:
            return {}
        p = self.start.posts[world.post]
        return {
            "post": world.post, "creator": int(p.creator), "person": int(self.start.creators.person[p.creator]),
            "handle": handle(int(p.creator)), "followers": int(self.start.followers[p.creator]), "topic": int(p.tag),
            "seconds": round(float(p.duration), 1),
        }  # fmt: skip

    def _fans(self, world: LiveWorld) -> Array:
        """Return the people who follow the creator of the followed video."""
        if world.post < 0:
            return np.zeros(0, np.int32)
        table, creator = world.sim.acquaintances, int(self.start.posts[world.post].creator)
        person = np.repeat(np.arange(world.sim.world.size), np.diff(table.start))
        fans: Array = person[(table.creator == creator) & (table.follows == 1)].astype(np.int32)
        return fans

    def frame(self) -> Message:
        """Return the state after the last round."""
        hour = self.rounds * self.hours_per_round
        header = {"type": "frame", "rounds": self.rounds, "hour": hour, "over": self.over, "worlds": [], **self._together()}
        columns: dict[str, Array] = {}
        for i, world in enumerate(self.worlds.values()):
            facts, state = self._measure(world)
            turned = world.log[-1] if world.log and world.log[-1][0] == world.rounds - 1 else None
            told = {"name": world.name, "settings": world.settings, "turned": turned and (turned[0] - self.begin, turned[1])}
            header["worlds"].append({**told, **facts})
            columns |= {f"{name}{i}": values for name, values in state.items()}
        return header, columns

    def _together(self) -> dict[str, Any]:
        return {}

    def _measure(self, world: LiveWorld) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what is told about a world, and a column per person."""
        trace = world.trace
        facts = {"video": world.video(), "news": world.stage_news()}
        return facts, {"state": trace.state, "source": trace.source, "rows": trace.rows.astype(np.int32), "via": trace.via[trace.rows]}

    # ------------------------------------------------------------ one person

    def phone(self, world: str, person: int, hold: bool) -> dict[str, Any]:
        """Return the newest videos on a person's phone; `hold` takes it up first."""
        live = self.worlds.get(world, self.first)
        held = live.sim.witness
        if hold or held is None or held.person != person:
            for other in self.worlds.values():
                if other is not live:
                    other.sim.witness = None
            held = live.hold_phone(person)
        kept = list(held.kept)[-24:]
        return {"type": "phone", "world": live.name, "person": person, "cards": [self._card(live, replay) for replay in reversed(kept)]}

    def why(self, world: str, person: int) -> dict[str, Any]:
        """Return why a person was shown the followed video."""
        live = self.worlds.get(world, self.first)
        found = live.first_meeting(person)
        return {"type": "why", "world": live.name, "person": person, "card": None if found is None else self._card(live, found)}

    def _card(self, world: LiveWorld, replay: SlotReplay) -> dict[str, Any]:
        return card(world.sim, replay, self.hours_per_round, self.begin, world.post)

    # ----------------------------------------------------------- many worlds

    def luck(self, times: int) -> Iterator[dict[str, Any]]:
        """Yield the reach of the followed video, hour by hour, in `times` runs that differ in luck alone."""
        rounds, post = round(self.lesson.hours / self.hours_per_round), self.first.post

        def one(k: int) -> tuple[int, list[float]]:
            twin, curve = self.start.fork(path_seed=100_000 + self.setup.seed * 1_000 + k), []
            for _ in range(rounds):
                if self.stopped:
                    break
                twin.step_round()
                curve.append(float(twin.posts[post].impressions) * twin.world.people_per_agent)
            return k, curve

        with ThreadPoolExecutor(THREADS) as pool:
            jobs = [pool.submit(one, k) for k in range(times)]
            for done, job in enumerate(as_completed(jobs), 1):
                k, curve = job.result()
                if self.stopped:
                    return
                yield {"type": "luck", "k": k, "curve": curve, "done": done, "of": times}

    def reveal(self, towns: int) -> Iterator[dict[str, Any]]:
        """Yield the outcome of A and of B in `towns` other towns, then the paired comparison over all of them."""
        from influence_sim.studies.statistics import compare_pair

        days, found = REVEAL_DAYS[self.lesson.name], {}
        groups = {name: dict(values) for name, values in (self.lesson.market if self.base is None else self.base).items()}
        people, creators = self.first.sim.world.size, self.first.sim.modelled
        size = min(people, REVEAL_PEOPLE)
        # As many creators for each person as in the town on the screen.
        groups.setdefault("people", {}).update(agents=size, population=size)
        groups.setdefault("creators", {})["count"] = max(1, round(creators * size / people))

        def one(k: int) -> tuple[int, list[float]]:
            pair = []
            for live in self.worlds.values():
                if self.stopped:
                    return k, []
                scenario = scenario_of(self.lesson, live.settings, self.setup.seed, groups)
                pair.append(self._outcome(scenario, k, days))
            return k, pair

        with ThreadPoolExecutor(THREADS) as pool:
            jobs = [pool.submit(one, k) for k in range(1, towns + 1)]
            for done, job in enumerate(as_completed(jobs), 1):
                k, pair = job.result()
                if self.stopped:
                    return
                found[k] = pair
                yield {"type": "reveal", "k": k, "pair": pair, "done": done, "of": towns}
        a, b = (np.array([found[k][side] for k in sorted(found)]) for side in (0, 1))
        difference = compare_pair(b, a).difference
        yield {
            "type": "revealed", "towns": towns, "people": size, "days": days, "wins": int((b > a).sum()), "ties": int((b == a).sum()),
            "difference": [None if math.isnan(x) else x for x in difference],
        }  # fmt: skip

    def _outcome(self, scenario: Any, town: int, days: int) -> float:
        """Return the one number by which worlds are compared in other towns."""
        raise ValueError(f"the lesson `{self.lesson.name}` compares no worlds")

    # --------------------------------------------------------------- take it

    def scenario_text(self, world: str) -> str:
        """Return the scenario file of a world, as its knobs stand now."""
        live = self.worlds.get(world, self.first)
        scenario = scenario_of(self.lesson, live.settings, self.setup.seed, self.base)
        return scenario_text(scenario.model_copy(update={"budget": 0, "replications": 10}))

    def python(self, world: str) -> str:
        """Return Python code that plays a world up to now, every knob turned when it was turned, and prints its views."""
        live = self.worlds.get(world, self.first)
        return PYTHON.format(
            lesson=self.lesson.name, world=live.name, seed=self.setup.seed, size=self.setup.size, strength=self.setup.strength,
            start=_settings_before(live), log=live.log, rounds=live.rounds,
        )  # fmt: skip


PYTHON = """from influence_sim.engine.simulation import Simulation
from influence_sim.studio.lessons import lesson, scenario_of, turned
from influence_sim.world.build import build_world

chosen = lesson({lesson!r})  # world {world} of the studio
scenario = scenario_of(chosen, {start!r}, seed={seed})
world = build_world(scenario.market, scenario.world_seed)
run = Simulation(world, scenario.market, horizon=scenario.horizon, path_seed=scenario.path_seed)
knobs = dict({log!r})  # rounds played before -> what was turned
for played in range({rounds}):
    if played in knobs:
        run.set_market(turned(chosen, run.base_market, knobs[played]))
    run.step_round()
views = run.posts[: run.post_count].impressions * run.world.people_per_agent
print(views.sum())
"""


def _settings_before(live: LiveWorld) -> dict[str, float]:
    """Return where the knobs of a world stood before the first was turned."""
    return {name: live.first_settings[name] for name in live.settings}


class FollowPlay(Play):
    """One video, hour by hour; hour 0 is when it is posted."""

    def _begin(self) -> None:
        live = self.first
        for _ in range(self.lesson.warm_up_days * live.rounds_per_day):
            live.advance()
        post = live.choose_video(live.sim.day, live.sim.day + 1)
        ahead = live.sim.fork()
        ahead.begin_day()
        opens = float(ahead.posts[post].posted) if post >= 0 else float(live.sim.day)
        while live.rounds < round(opens * live.rounds_per_day):
            live.advance()
        self.begin, self.start = live.rounds, live.sim.fork()
        if not self.start.under_way:
            self.start.begin_day()

    def _measure(self, world: LiveWorld) -> tuple[dict[str, Any], dict[str, Array]]:
        facts, columns = super()._measure(world)
        seen = world.trace.source[world.trace.state > UNSEEN]
        counts = np.bincount(seen, minlength=len(SOURCES))
        return {**facts, "by_source": {name: int(count) for name, count in zip(SOURCES, counts, strict=True) if count}}, columns


class TunePlay(Play):
    """Two worlds under other feeds."""

    def _begin(self) -> None:
        first = self.first
        post = first.choose_video(0.0, 0.34)
        for world in self.worlds.values():
            world.post = post
        self.start = first.sim.fork()
        self.start.begin_day()

    def _measure(self, world: LiveWorld) -> tuple[dict[str, Any], dict[str, Array]]:
        facts, columns = super()._measure(world)
        return {**facts, **world.kindness()}, columns

    def _outcome(self, scenario: Any, town: int, days: int) -> float:
        """Share of views of the smaller half of creators."""
        live = LiveWorld.of(self.lesson, scenario, town)
        for _ in range(days):
            live.sim.step()
        return float(live.kindness()["small"] or 0.0)


class ParallelPlay(Play):
    """Worlds with the same songs and other luck."""

    def _worlds(self, settings: dict[str, dict[str, float]]) -> dict[str, LiveWorld]:
        worlds = super()._worlds(settings)
        songs = next(iter(worlds.values())).sim
        songs.begin_day()  # in which the songs are written, for all worlds alike
        for k, world in enumerate(worlds.values()):
            world.sim = songs.fork(path_seed=100_000 + self.setup.seed * 1_000 + k)
        return worlds

    def scene(self) -> Message:
        """Return the songs: they are the same in all worlds."""
        posts = self.first.sim.posts[: self.first.sim.post_count]
        header = {
            "type": "scene", "lesson": self.lesson.name, "seed": self.setup.seed, "people": self.first.sim.world.size, "scale": 1.0,
            "hours": self.lesson.hours, "hours_per_round": self.hours_per_round, "topics": list(self.lesson.topics),
            "songs": [{"name": handle(int(c)).lstrip("@"), "topic": int(t)} for c, t in zip(posts.creator, posts.tag, strict=True)],
            "settings": {"all": self.first.settings},
        }  # fmt: skip
        return header, {"quality": posts.quality.astype(np.float32)}

    def plays(self) -> Array:
        """Return plays (worlds, songs) so far."""
        return np.array([w.sim.posts.impressions[: w.sim.post_count] for w in self.worlds.values()])

    def _together(self) -> dict[str, Any]:
        """Inequality and unpredictability as Salganik, Dodds & Watts (2006) define them, on shares of likes."""
        likes = np.array([w.sim.posts.likes[: w.sim.post_count] for w in self.worlds.values()], float)
        total = likes.sum(axis=1, keepdims=True)
        if (total == 0).any():
            return {"gini": None, "unpredictability": None, "hits": None}
        share = likes / total
        apart = [np.abs(share[i] - share[j]).mean() for i in range(len(share)) for j in range(i)]
        return {
            "gini": float(np.mean([gini(x) for x in share])), "unpredictability": float(np.mean(apart)),
            "hits": len(np.unique(share.argmax(axis=1))),
        }  # fmt: skip

    def _measure(self, world: LiveWorld) -> tuple[dict[str, Any], dict[str, Array]]:
        posts = world.sim.posts[: world.sim.post_count]
        return {"plays": int(posts.impressions.sum())}, {"plays": posts.impressions.astype(np.int32), "likes": posts.likes.astype(np.int32)}


class TrustPlay(Play):
    """Two worlds with other habits of advertising."""

    def _begin(self) -> None:
        self.start = self.first.sim.fork()

    def _measure(self, world: LiveWorld) -> tuple[dict[str, Any], dict[str, Array]]:
        trust, daily = world.trust(), world.sim.daily
        band = np.where(np.isnan(trust), 0, 1 + np.digitize(trust, TRUST_BANDS)).astype(np.uint8)
        table = world.sim.acquaintances
        follows = int(((table.follows == 1) & (table.creator < world.sim.modelled)).sum())
        views, likes = sum(daily["views_modelled"][-3:]), sum(daily["likes"][-3:])
        return {
            "trust": float(np.nanmean(trust)) if (band > 0).any() else None, "follows": follows * world.sim.world.people_per_agent,
            "unfollows": float(sum(daily["unfollows"])), "engagement": likes / views if views else None,
            "sponsored": daily["sponsored_share_seen"][-1] if daily["day"] else None,
        }, {"state": band}  # fmt: skip

    def _outcome(self, scenario: Any, town: int, days: int) -> float:
        """Mean trust of people in the creators they follow."""
        live = LiveWorld.of(self.lesson, scenario, town)
        for _ in range(days):
            live.sim.step()
        return float(np.nanmean(live.trust()))


PLAYS: dict[str, type[Play]] = {"follow": FollowPlay, "tune": TunePlay, "parallel": ParallelPlay, "trust": TrustPlay}

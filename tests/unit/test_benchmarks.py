"""What the benchmarks compare with does the engine's work: the plain Mesa model and the floor."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import POST, records
from influence_sim.world.build import build_world

FOLDER = Path(__file__).parents[2] / "benchmarks"
DAYS = 3


@pytest.fixture(scope="module", autouse=True)
def _scripts() -> Iterator[None]:
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def runs() -> tuple[Any, Simulation]:
    plain, worlds = importlib.import_module("plain_mesa"), importlib.import_module("worlds")
    market = worlds.market(600)
    world = build_world(market, 1)
    model = plain.PlainModel(world, market)
    for _ in range(DAYS):
        model.step()
    return model, Simulation(world, market, horizon=DAYS).run()


def test_plain_model_fills_every_slot_once(runs: tuple[Any, Simulation]) -> None:
    model, _ = runs
    shown = sum(post.impressions for post in model.posts)
    assert model.asked == model.outside_views + model.empty + shown
    assert shown == sum(len(person.seen) for person in model.people)


def test_plain_model_behaves_like_the_engine(runs: tuple[Any, Simulation]) -> None:
    model, s = runs
    posts = s.posts[: s.post_count]
    views = float(posts.impressions.sum())
    slots = sum(sum(s.daily[name]) for name in ("views_modelled", "views_outside", "views_empty")) / s.world.people_per_agent
    gini = importlib.import_module("plain_mesa").gini
    engine = {
        "modelled_share": views / slots, "like_rate": float(posts.likes.sum()) / views,
        "views_gini": gini(posts.impressions.astype(float)),
    }  # fmt: skip
    assert model.asked == pytest.approx(slots, rel=0.01)
    for name, value in model.rates().items():
        assert 0.5 < value / engine[name] < 2.0, name
    watched = sum(person.watched for person in model.people) / s.viewers.watched.sum()
    assert watched == pytest.approx(1.0, rel=0.1)
    assert min(post.impressions for post in model.posts) < np.mean([post.impressions for post in model.posts]) / 2


def test_floor_counts_every_impression() -> None:
    floor = importlib.import_module("floor").floor
    counters = np.zeros(10, np.int64)
    floor(3, 7, 25, records(10, POST), counters)
    assert counters.sum() == 100


def test_every_phase_exists() -> None:
    phases = importlib.import_module("phases").PHASES
    for name in (name for names in phases.values() for name in names):
        module, *path = name.split(".")
        if module != "blocks":
            owner = importlib.import_module(f"influence_sim.engine.{module}")
            assert attrgetter(".".join(path))(owner), name

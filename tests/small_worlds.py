"""Small markets, fixed orders and comparisons of two runs, for tests that prove properties of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from influence_sim.engine.simulation import Simulation
from influence_sim.record import result_of
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import NoCampaign
from influence_sim.strategies.base import Order, PaidImpressions, SponsoredPost
from influence_sim.world.build import build_world
from influence_sim.world.columns import World

SMALL: dict[str, Any] = {
    "people.agents": 200,
    "people.population": 2000,
    "people.views_per_day": 30,
    "people.topics": 5,
    "creators.count": 14,
    "feed.stage_quota": 40,
    "feed.outside_posts": 0.02,
}


def market_of(values: dict[str, Any] | None = None, base: dict[str, Any] | None = None) -> Market:
    """Return a small market with dotted `values` on top of `base` (SMALL by default)."""
    groups: dict[str, dict[str, Any]] = {}
    for path, value in {**(SMALL if base is None else base), **(values or {})}.items():
        group, name = path.split(".")
        groups.setdefault(group, {})[name] = value
    return Market.model_validate(groups)


def simulation(
    market: Market,
    world: World | None = None,
    budget: float = 1e6,
    horizon: int = 3,
    world_seed: int = 1,
    path_seed: int = 1,
    replication: int = 0,
    threads: int = 1,
    strategy: Any = None,
) -> Simulation:
    """Return a simulation whose orders are given to `step`, or that follows `strategy`."""
    made = build_world(market, world_seed, replication) if world is None else world
    return Simulation(made, market, strategy or NoCampaign(), budget, horizon, path_seed, replication, threads)


def campaign(day: int, creators: int, first: int = 0) -> list[Order]:
    """Return orders that use every mechanism: hidden, tagged and labelled posts, scripted, bound and free; every payment; ads."""
    orders: list[Order] = []
    if day % 2 == 0:
        kinds = ("none", "hashtag", "label")
        for c in range(min(creators, 6)):
            brief, bound = (0.0, 1.0)[c % 2], 30 * (c % 3 == 1)
            orders.append(SponsoredPost((first + c) % creators, day, kinds[c % 3], brief, bound, c == 4))  # type: ignore[arg-type]
        orders += [SponsoredPost((first + c) % creators, day, pay="gift") for c in range(6, min(creators, 11))]
    if day == 0:
        orders += [SponsoredPost((first + c) % creators, day, pay="commission") for c in range(11, min(creators, 14))]
        orders += [SponsoredPost(first % creators, day) for _ in range(6)] if creators else []
        orders.append(PaidImpressions(30.0, day, 3))
    return orders


def run(sim: Simulation, orders: Callable[[int, int], Sequence[Order]] | None = campaign) -> Simulation:
    """Advance to the horizon, placing `orders(day, creators)` each morning (None: the strategy's own)."""
    while sim.day < sim.horizon:
        sim.step(None if orders is None else list(orders(sim.day, sim.modelled)))
    return sim


def people_tables(sim: Simulation) -> dict[str, Any]:
    """Return every column that belongs to people, creators or platform state."""
    tables: dict[str, Any] = {f"viewers.{n}": sim.viewers[n] for n in sim.viewers.dtype.names or ()}
    tables |= {f"leads.{n}": sim.leads[n] for n in sim.leads.dtype.names or ()}
    tables |= {f"people.{n}": getattr(sim.people, n) for n in sim.people._fields}
    tables |= {f"creators.{n}": getattr(sim.creators, n) for n in sim.creators._fields}
    tables |= {f"acquaintances.{n}": getattr(sim.acquaintances, n) for n in sim.acquaintances._fields}
    tables |= {f"inbox.{n}": getattr(sim.inbox, n) for n in sim.inbox._fields}
    tables["followers"] = sim.followers
    return tables


def outputs(sim: Simulation) -> dict[str, Any]:
    """Return the tables of a run that a user gets: daily series, posts and sampled exposures."""
    result = result_of(sim, "run")
    found: dict[str, Any] = {}
    for name in ("daily", "posts", "feed_items", "attribution"):
        found |= {f"{name}.{column}": values for column, values in getattr(result, name).items()}
    return found


def differing(a: dict[str, Any], b: dict[str, Any], skip: Iterable[str] = ()) -> list[str]:
    """Return the names of columns that are not equal bit for bit."""
    assert a.keys() == b.keys()
    found = []
    for name in a:
        x, y = np.asarray(a[name]), np.asarray(b[name])
        if name in skip:
            continue
        same = x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
        if not same:
            found.append(name)
    return found

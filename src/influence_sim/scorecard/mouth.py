"""Word of mouth alone: a market without a feed, in which people hear of a brand only from those who bought it.

Everything that belongs to brands, needs and mentions keeps its default; there are no creators, no views and no advertising.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from influence_sim.engine.simulation import Simulation
from influence_sim.scorecard.crawl import Tables, market_of
from influence_sim.studies.platform import Array
from influence_sim.world.build import build_world

QUIET: dict[str, Any] = {
    "people.agents": 3_000,
    "people.population": 3_000,
    "people.views_per_day": 0,
    "creators.count": 0,
    "brand.posts_per_day": 0,
    "graph.follows_per_person": 0,
    "feed.rounds_per_day": 1,
}
SILENT = {"wom.mention": 0, "wom.mention_bad": 0}
YEARS, MONTH = 3, 28  # of the curve; days between its points
SEEDED, SEASON, PAIRS = 0.05, 182, 5  # share of people who get the product, days, comparisons per seed


def quiet(seed: int, days: int, replication: int = 0, owners: Any = (), **values: Any) -> Simulation:
    """Return the run of a quiet market whose `owners` (rows) get the product on the first day."""
    market = market_of({**QUIET, **values})
    s = Simulation(build_world(market, seed, replication), market, horizon=days, path_seed=seed, replication=replication)
    s.leads.bought[np.asarray(owners, np.int64), 0] = 1
    return s.run()


def bass_ratio(adopters: Array, people: int) -> float:
    """Return q / p of a Bass curve through cumulative adopters at equal steps: the line of hazards on the share that adopted.

    Weights are those at risk (Bass 1969: f / (1 - F) = p + q F).
    """
    before, new = adopters[:-1], np.diff(adopters)
    at_risk = people - before
    q, p = np.polyfit(before / people, new / at_risk, 1, w=np.sqrt(at_risk))
    return float(q / p) if p > 0 else float("nan")


def curve(seed: int, **values: Any) -> float:
    """Return q over p of the adoption of a brand within three years."""
    s = quiet(seed, YEARS * 365, **values)
    first = [day["person"][(day["brand"] == 0) & (day["before"] == 0)] for day in s.sales]
    adopters = np.cumsum([0, *(len(people) for people in first)])[::MONTH]
    return bass_ratio(adopters.astype(float), s.world.size)


def early_over_hubs(seed: int) -> float:
    """Return log purchases of everybody else where early adopters got the product minus where hubs did.

    Early adopters are the first who buy without any help under the same dice; hubs those whom most people follow.
    """
    bought = np.zeros(2)
    for replication in range(PAIRS):
        alone = quiet(seed, SEASON, replication)
        many = round(SEEDED * alone.world.size)
        buyers = np.concatenate([day["person"] for day in alone.sales])
        early = buyers[np.sort(np.unique(buyers, return_index=True)[1])][:many]
        followers = np.bincount(alone.friends.target, minlength=alone.world.size)
        hubs = np.argsort(-followers, kind="stable")[:many]
        others = np.setdiff1d(np.arange(alone.world.size), np.concatenate([early, hubs]))
        for k, owners in enumerate((early, hubs)):
            bought[k] += quiet(seed, SEASON, replication, owners).leads.expected[others, 0].sum()
    return float(np.log(bought[0] / bought[1]))


def play_mouth(seed: int) -> Tables:
    """Return the shape of adoption by word of mouth, and who is better to give the product to."""
    return {"q_over_p": curve(seed), "early_over_hubs": early_over_hubs(seed)}


def play_silence(seed: int) -> Tables:
    """Return the shape of adoption where nobody tells anybody."""
    return {"q_over_p": curve(seed, **SILENT)}

"""Exact limits as runs: what a textbook says must come out when everything else is switched off.

The tests in `tests/limits` and the scorecard play the same settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from scipy.special import logit
from scipy.stats import norm, spearmanr

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import LIKE
from influence_sim.record import result_of
from influence_sim.record.cascades import cascade_tree, structural_virality
from influence_sim.record.discovery import gini
from influence_sim.scenario.parameters import Creators, Market, People
from influence_sim.scorecard.cascade_worlds import both_ways, cascade_world, spread
from influence_sim.scorecard.limit_worlds import LEVEL, PLAIN, SILENT, UNSOLD, URN, Array, built, crowd, market, played
from influence_sim.strategies import build_strategy
from influence_sim.world.build import build_world
from influence_sim.world.graph_files import load_graph

POSTS, DRAWS = 100, 2000  # of an urn
SONGS = 48
P, Q = 0.03, 0.38  # per year
PEAK = math.log(Q / P) / (P + Q)  # years
SHARE_AT_PEAK = (Q - P) / (2 * Q)


class NotHereError(RuntimeError):
    """A run needs something that this machine or version does not have; the message says what."""


def urn_ginis(prior: float, exponent: float = 1.0, runs: int = 40, first: int = 0, **feed: Any) -> list[float]:
    """Return Gini coefficients of views, one per replication."""
    days, most = int(feed.pop("days", 1)), float(feed.pop("most", 2 / 3))
    rules = {**URN, "trending_count": "views", "trending_prior": prior, "trending_exponent": exponent, "tries": 20_000, **feed}
    agents = DRAWS // (2 * days)
    # The weight may grow until a post has the share `most` of all draws.
    settings = crowd(agents, 2, POSTS, 1, {**rules, "trending_cap": most * DRAWS / agents}, PLAIN)
    world = built(settings)
    found = []
    for replication in range(first, first + runs):
        views = played(world, settings, replication, days).posts.impressions[:POSTS]
        assert views.sum() > 0.75 * DRAWS  # a draw without a hit leaves its slot empty
        found.append(gini(views))
    return found


def songs(breadth: float) -> Array:
    """Return qualities of 48 songs: the quantiles of a lognormal, as shares."""
    q = np.exp(breadth * norm.ppf((np.arange(SONGS) + 0.5) / SONGS))
    shares: Array = q / q.sum()
    return shares


def unpredictability(downloads: Array) -> float:
    """Return the mean over songs of the mean absolute difference of market shares between pairs of worlds (rows)."""
    x = np.sort(downloads / downloads.sum(axis=1, keepdims=True), axis=0)
    n = len(x)
    return float((((2 * np.arange(1, n + 1) - n - 1) @ x) * 2 / (n * (n - 1))).mean())


def music_lab(breadth: float, prior: float, exponent: float, stop: int, worlds: int, first: int = 0) -> Array:
    """Return downloads per world and song, each world stopped after `stop` downloads.

    A visitor is offered one song, drawn by (downloads + prior)^exponent, and downloads it with a chance
    proportional to its quality: popularity acts on what is sampled, not on liking (Krumme et al. 2012).
    """
    like = 0.5 * songs(breadth) / songs(breadth).max()
    slots = int(1.3 * stop / like.mean())
    feed = {**URN, "trending_count": "positive", "trending_prior": prior, "trending_exponent": exponent, "tries": 20_000}
    response = {**PLAIN, "like_rate": 0.02, "like_slope": 1, "quality": 1}
    settings = crowd(slots, 1, SONGS, 1, {**feed, "trending_cap": 400 / slots}, response)
    world = built(settings)
    world.creators.ability[:SONGS] = logit(like) - logit(0.02)  # a world is data: each song's quality is set
    out = []
    for replication in range(first, first + worlds):
        slot: Any = played(world, settings, replication).slots  # one round, in order of visitors
        heard = np.flatnonzero((slot.action & LIKE) != 0)
        assert len(heard) >= stop
        out.append(np.bincount(slot.post[heard[:stop]], minlength=SONGS))
    return np.array(out)


def recursion(p: float, q: float, steps: int, people: int) -> tuple[Array, Array]:
    """Return the share of buyers after each step and its standard deviation among so many people (linear noise)."""
    share, variance = 0.0, 0.0
    shares, errors = np.empty(steps), np.empty(steps)
    for step in range(steps):
        hazard = p + q * share
        slope = 1 - hazard + (1 - share) * q
        variance = slope**2 * variance + (1 - share) * hazard * (1 - hazard) / people
        share += (1 - share) * hazard
        shares[step], errors[step] = share, math.sqrt(variance)
    return shares, errors


def adoption(p: float, q: float, steps: int, people: int, replication: int = 0) -> Array:
    """Return the simulated share of buyers after each step."""
    settings = market(
        people={"agents": people, "population": people, "views_per_day": 0},
        creators={"count": 0},
        graph={"follows_per_person": 0, "friends_per_person": 0},
        funnel={**UNSOLD, "baseline_rate": p, "baseline_interest": 0, "contagion": q},
    )
    s: Any = Simulation(built(settings), settings, horizon=steps, replication=replication)
    share = np.empty(steps)
    for step in range(steps):
        s.step()
        share[step] = (s.leads.purchases[:, 0] > 0).mean()
    assert s.slots.post.size == 0
    return share


# ------------------------------------------------------------ runs of the scorecard: seed -> numbers


def random_feed(seed: int) -> dict[str, float]:
    """Return Gini coefficients of views in a random feed at 1, 5 and 20 views a post."""
    out = {}
    for mean in (1, 5, 20):
        settings = crowd(200 * mean, 10, 4, 500, LEVEL, PLAIN, "random")
        world = built(settings)
        found = [gini(played(world, settings, replication).posts.impressions[:2000]) for replication in range(5 * seed, 5 * seed + 5)]
        out[f"gini_{mean}"] = float(np.mean(found))
    return out


def urn(seed: int) -> dict[str, float]:
    """Return Gini coefficients of views where popularity alone decides."""
    first = 10 * seed
    out = {f"gini_{prior}": float(np.mean(urn_ginis(prior, runs=10, first=first))) for prior in (0.5, 1.0)}
    return {**out, "gini_off": float(np.mean(urn_ginis(1.0, exponent=0.0, runs=10, first=first)))}


def lab(seed: int) -> dict[str, float]:
    """Return what eight worlds of each Music Lab experiment say, with influence and (`alone`) without it."""
    out: dict[str, float] = {}
    for name, breadth, prior, stop in (("1", 0.4096, 20.0, 828), ("2", 0.3084, 3.0, 1013)):
        for mode, count, exponent in (("alone_", 1.0, 0.0), ("", prior, 1.0)):
            downloads = music_lab(breadth, count, exponent, stop, 8, 8 * seed)
            place = np.argsort(np.argsort(-downloads, axis=1, kind="stable"), axis=1)  # songs stand in rising order of quality
            measures = {
                "gini": np.mean([gini(x) for x in downloads]),
                "luck": unpredictability(downloads),
                "winner": (downloads.max(axis=1) / downloads.sum(axis=1)).mean(),
                "best": (place[:, -5:] < 5).mean(),
                "worst": (place[:, :5] < 5).mean(),
                "rank": np.mean([spearmanr(songs(breadth), x).statistic for x in downloads]),
            }
            out |= {f"{measure}_{mode}{name}": float(value) for measure, value in measures.items()}
    out["luck_rise"] = min(out[f"luck_{k}"] - out[f"luck_alone_{k}"] for k in "12")
    return out


def cascades(seed: int) -> dict[str, float]:
    """Return spreads on known graphs and the shape of a broadcast and a chain."""
    karate = cascade_world(both_ways(nx.karate_club_graph()), 0.1, 400)
    out = {}
    for name, seeds in (("33", [33]), ("0", [0]), ("0_33", [0, 33]), ("16", [16]), ("greedy", [33, 0, 32, 1])):
        out[f"karate_{name}"] = float(spread(*karate, seeds, seed)[0].mean())
    for name, graph in (("star", nx.star_graph(4)), ("path", nx.path_graph(5))):
        _, who, source = spread(*cascade_world(both_ways(graph), 1.0, 3), [0], seed)
        shapes = [structural_virality(cascade_tree(a, b).parent) for a, b in zip(who, source, strict=True)]
        out[name] = float(np.median(shapes))  # all the same, and exact
    people = 10_000
    large = both_ways(nx.barabasi_albert_graph(people, 5, seed=seed))
    seeds = np.random.default_rng(seed).choice(people, people // 100, replace=False).tolist()
    out["ba_reach"] = float(spread(*cascade_world(large, 0.1, 3, inbox=1024), seeds, seed)[0].mean() / people)
    return out


def seeding(seed: int) -> dict[str, float]:
    """Return what hubs and chance reach on a scale-free graph at three chances to share."""
    people, posts, many = 1000, 60, 10
    graph = nx.barabasi_albert_graph(people, 3, seed=seed)
    hubs = sorted(graph, key=lambda i: (-graph.degree(i), i))[:many]
    chance = np.random.default_rng(seed).choice(people, many, replace=False).tolist()
    reach: dict[tuple[str, float], float] = {}
    for p in (0.025, 0.05, 0.1):
        world = cascade_world(both_ways(graph), p, posts, inbox=1024)
        for name, seeds in (("hubs", hubs), ("random", chance)):
            reach[name, p] = float(spread(*world, seeds, seed)[0].mean())
    return {
        "hubs_over_random": reach["hubs", 0.05] / reach["random", 0.05],
        "hub_regime": reach["hubs", 0.1] / reach["random", 0.1] - reach["hubs", 0.025] / reach["random", 0.025],
        "transition": reach["random", 0.1] / reach["random", 0.025],
    }


def bass(seed: int) -> dict[str, float]:
    """Return when F crosses its value at the peak, and F in the year of the peak; a year has 50 steps."""
    steps = 50
    share = adoption(P / steps, Q / steps, 9 * steps, 20_000, seed)
    year = np.arange(1, len(share) + 1) / steps
    return {"crossing": float(np.interp(SHARE_AT_PEAK, share, year)), "share_at_peak": float(np.interp(PEAK, year, share))}


def neighbours(graph: nx.Graph[Any], p: float, q: float, steps: int, seeds: Sequence[int] = (), replication: int = 0) -> Array:
    """Return the share of buyers after each step where everybody is in contact with their neighbours only.

    A person who has not bought buys with p + q x (share of neighbours who have).
    """
    loaded = load_graph(both_ways(graph))
    people = len(loaded.names)
    settings = market(
        people={"agents": people, "population": people, "views_per_day": 0},
        creators={"count": 0},
        funnel={**UNSOLD, "baseline_rate": p, "baseline_interest": 0, "contagion": q, "contact": "followees"},
    )
    s = Simulation(built(settings, graph=loaded), settings, horizon=steps, replication=replication)
    s.leads.purchases[[loaded.names.index(node) for node in seeds], 0] = 1
    share = np.empty(steps)
    for step in range(steps):
        s.step()
        share[step] = (s.leads.purchases[:, 0] > 0).mean()
    return share


def pair_share(p: float, q: float, steps: int) -> Array:
    """Return the expected share of buyers where people live in pairs: the slowest network (Fibich & Levin 2023)."""
    none, one = 1.0, 0.0  # chance that neither of two has bought, that one has
    share = np.empty(steps)
    for step in range(steps):
        none, one = none * (1 - p) ** 2, one * (1 - p - q) + none * 2 * p * (1 - p)
        share[step] = 1.0 - none - one / 2
    return share


def classic(seed: int) -> dict[str, float]:
    """Return ticks to half and to nine tenths of the textbook's viral marketing, and whether adoption keeps its bounds."""
    found: dict[str, list[float]] = {}
    for k in range(20):
        graph: nx.Graph[Any] = nx.barabasi_albert_graph(500, 1, seed=1000 * seed + k)
        hubs = sorted(graph, key=lambda i: (-graph.degree(i), i))[:10]
        chance = np.random.default_rng(k).choice(500, 10, replace=False).tolist()
        for name, seeds in (("none", []), ("random", chance), ("hubs", hubs)):
            share = neighbours(graph, 0.01, 0.5, 60, seeds, 20 * seed + k)
            for part, level in (("half", 0.5), ("most", 0.9)):
                found.setdefault(f"{name}_{part}", []).append(float(np.searchsorted(share, level) + 1))
    p, q, steps = 0.03, 0.38, 16
    share = neighbours(nx.barabasi_albert_graph(5000, 2, seed=seed), p, q, steps, replication=seed)
    fastest, _ = recursion(p, q, steps, 1)
    slack = 0.015  # noise of 5,000 people
    inside = (share >= pair_share(p, q, steps) - slack) & (share <= fastest + slack)
    return {**{name: float(np.mean(ticks)) for name, ticks in found.items()}, "inside_bounds": float(inside.all())}


def small_market(people: int = 500, **groups: dict[str, Any]) -> Market:
    """Return a market of 20 people per agent and 30 views a day."""
    size = {"agents": people, "population": 20 * people, "views_per_day": 30}
    return market("for_you", people=size, creators={"count": 40, "fit_required": 0}, feed={"stage_quota": 40}, **groups)


def silence(seed: int) -> dict[str, float]:
    """Return reactions where nobody reacts, and what does not add up in money and slots."""
    settings = small_market(response=SILENT, funnel=UNSOLD)
    brand = build_strategy("micro_portfolio", {"followers_min": 0, "followers_max": 1e7})
    s = Simulation(built(settings), settings, brand, 2000.0, 5, replication=seed)
    slots = 0
    while s.day < 5:
        s.step()
        slots += int(np.floor(s.people.views + s.wish).sum())
    counted = sum(sum(s.daily[f"views_{kind}"]) for kind in ("modelled", "outside", "empty")) / s.world.people_per_agent
    names = ("engagements", "clicks", "purchases", "expected_purchases", "likes", "comments", "shares", "follows")
    return {
        "reactions": float(sum(sum(s.daily[name]) for name in names)),
        "money_gap": s.ledger.paid + s.ledger.reserved + s.ledger.left - s.budget,
        "slot_gap": slots - counted,
    }


def _differing(a: Simulation, b: Simulation) -> int:
    first, second = result_of(a, "run"), result_of(b, "run")
    tables = ("daily", "posts", "feed_items")
    pairs = [(getattr(first, t)[name], getattr(second, t)[name]) for t in tables for name in getattr(first, t)]
    return sum(np.asarray(x).tobytes() != np.asarray(y).tobytes() for x, y in pairs)


def identity(seed: int) -> dict[str, float]:
    """Return columns that differ between one thread and two, and people who differ between no money and no campaign."""
    settings = small_market()
    world = build_world(settings, 1, seed)
    brand = build_strategy("micro_portfolio", {"followers_min": 0, "followers_max": 1e7})
    one, two, poor, none = (
        Simulation(world, settings, strategy, money, 4, 1, seed, threads).run()
        for strategy, money, threads in ((brand, 2000.0, 1), (brand, 2000.0, 2), (brand, 0.0, 1), (None, 0.0, 1))
    )
    return {"threads": float(_differing(one, two)), "no_budget": float((poor.leads[:, 0] != none.leads[:, 0]).sum())}


def pairing(seed: int) -> dict[str, float]:
    """Return the variance of the effect of 20 % more budget under independent dice over that under the same dice."""
    pairs = 24  # the ratio of two variances needs many
    settings = Market(people=People(agents=1_000, population=20_000, views_per_day=40), creators=Creators(count=30))
    bought = np.empty((pairs, 2))
    for replication in range(pairs):
        world = build_world(settings, 1 + seed, replication)
        for k, budget in enumerate((800.0, 960.0)):
            brand = build_strategy("micro_portfolio", {"selector": "fit", "followers_min": 0})
            s = Simulation(world, settings, brand, budget, 10, 1 + seed, replication).run()
            bought[replication, k] = sum(s.daily["expected_purchases"])
    return {"gain": float(bought.var(axis=0, ddof=1).sum() / np.diff(bought, axis=1).var(ddof=1))}


def germany(seed: int) -> dict[str, float]:
    """Return views a month and minutes a day of the market of Germany in 2019, with fewer agents.

    Raises
    ------
    NotHereError
        Where `scenarios/` is not in the working folder.
    """
    from influence_sim.scenario import scenario_from_dict

    file = Path("scenarios/markets/germany_2019.yaml")
    if not file.exists():
        raise NotHereError(f"{file} is not in this folder")
    scenario = scenario_from_dict({"market": str(file), "strategies": ["none"], "horizon": 3}, ["market.people.agents=5000"])
    s = Simulation(build_world(scenario.market, 1, seed), scenario.market, horizon=3, replication=seed).run()
    views = np.mean(np.add(s.daily["views_modelled"], s.daily["views_outside"]))
    people = scenario.market.people.population
    return {"views": float(views * 30.4 / 1e9), "minutes": float(np.mean(s.daily["watch_seconds"]) / 60 / people)}

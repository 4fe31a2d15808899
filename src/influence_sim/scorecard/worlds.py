"""Every run that facts read, by name: what it plays and under how many seeds. Runs that share a seed share their world and dice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from influence_sim.feeds import with_policy
from influence_sim.scorecard import campaigns, limits, mouth
from influence_sim.scorecard.crawl import CRAWL_MARKET, DAYS, Tables, market_of, play_crawl
from influence_sim.scorecard.limits import NotHereError
from influence_sim.world.build import build_world

LIMITS: dict[str, Callable[[int], Tables]] = {
    "random_feed": limits.random_feed,
    "urn": limits.urn,
    "music_lab": limits.lab,
    "cascades": limits.cascades,
    "seeding": limits.seeding,
    "bass": limits.bass,
    "classic": limits.classic,
    "silence": limits.silence,
    "identity": limits.identity,
    "pairing": limits.pairing,
    "germany": limits.germany,
}
# Name -> feed of the crawl's worlds; ratios to the random feed are measured under the default feed only.
CRAWLS = {
    "crawl": "for_you",
    "crawl_following": "following",
    "crawl_random": "random",
    "crawl_small": "for_you",
    "crawl_small_popular": "top_chart",
}
# A chart draws hundreds of times for every slot: it is compared in a world a quarter as large.
SMALL: dict[str, Any] = {"people.agents": 2_000, "people.population": 1_000_000, "creators.count": 200}
SMALL_DAYS = 25
MOUTH = {"word_of_mouth": mouth.play_mouth, "word_of_mouth_off": mouth.play_silence}
SPECIAL = {**campaigns.SPECIAL, **MOUTH}
FIRST_SEED = 1001  # the fit of the platform used seeds up to 912
SEEDS = 3


def seeds(name: str) -> range:
    """Return the seeds of a run: replications of a limit, or seeds of worlds that no fit has seen."""
    return range(SEEDS) if name in LIMITS else range(FIRST_SEED, FIRST_SEED + SEEDS)


def is_long(name: str) -> bool:
    """Tell whether a campaign takes several times as long as others."""
    variant, _, arm = name.partition(":")
    return arm in campaigns.LONGER or variant == "fine"


def play(name: str, seed: int) -> Tables:
    """Play one run under one seed and return its tables.

    Raises
    ------
    NotHereError
        When there is no such run in this version of the model, or it needs files that are not here.
    """
    if name in LIMITS:
        return LIMITS[name](seed)
    if name in CRAWLS:
        small = name.startswith("crawl_small")
        market = market_of({**CRAWL_MARKET, **(SMALL if small else {})})
        if CRAWLS[name] != "for_you":
            market = market.model_copy(update={"feed": with_policy(market.feed, CRAWLS[name])})
        return play_crawl(build_world(market, seed), market, seed, name == "crawl", SMALL_DAYS if small else DAYS)
    if name in SPECIAL:
        return SPECIAL[name](seed)
    if ":" in name:
        return campaigns.play_campaign(name, seed)
    raise NotHereError(f"no run is called {name}")


def known(name: str) -> bool:
    """Tell whether a run of that name exists here."""
    variant, _, arm = name.partition(":")
    listed = name in LIMITS or name in CRAWLS or name in SPECIAL
    return listed or (variant in campaigns.VARIANTS and (arm == "even" or arm in campaigns.ARMS))

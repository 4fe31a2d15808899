"""Each market that comes with the project shows its point in a short run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.scenario import scenario_from_dict
from influence_sim.strategies import build_strategy
from influence_sim.world.build import build_world

DAYS, BUDGET = 12, 1500.0
MARKETS = (
    "city", "tiktok_2020", "tiktok_2025", "instagram_like", "youtube_like", "follower_feed_2015", "low_trust", "luxury", "micro_must_lose",
)  # fmt: skip


@pytest.fixture(scope="module")
def play(repository: Path) -> Any:
    """Return a function that plays a market, each arm once."""
    known: dict[tuple[str, str, str], Simulation] = {}

    def run(market: str, strategy: str = "none", **parameters: Any) -> Simulation:
        at = market, strategy, repr(parameters)
        if at not in known:
            file = repository / "scenarios" / "markets" / f"{market}.yaml"
            question = {"market": str(file), "strategies": ["none"], "horizon": DAYS}
            m = scenario_from_dict(question, ["market.people.agents=1000", "market.people.population=20000"]).market
            brand = build_strategy(strategy, {**parameters, **({} if strategy == "none" else {"start": 2})})
            known[at] = Simulation(build_world(m, 3), m, brand, 0.0 if strategy == "none" else BUDGET, DAYS, 3).run()
        return known[at]

    return run


def per_view(s: Simulation, *names: str) -> float:
    posts = s.posts[: s.post_count]
    return float(sum(posts[name].sum() for name in names) / posts.impressions.sum())


def strangers(s: Simulation) -> float:
    """Return the share of views on people who do not follow the creator."""
    posts = s.posts[: s.post_count]
    return float(1 - posts.from_followers.sum() / posts.impressions.sum())


def extra(play: Any, market: str, strategy: str, **parameters: Any) -> tuple[float, Simulation]:
    """Return expected purchases above the control, and the run."""
    s = play(market, strategy, **parameters)
    return sum(s.daily["expected_purchases"]) - sum(play(market).daily["expected_purchases"]), s


@pytest.mark.parametrize("market", MARKETS)
def test_it_runs_and_something_happens(play: Any, market: str) -> None:
    s = play(market)
    assert s.world.people_per_agent <= 20
    assert s.posts.impressions.sum() > 0
    assert min(sum(s.daily[name]) for name in ("likes", "follows", "expected_purchases")) > 0


def test_engagement_per_view_fell_from_2020_to_2025(play: Any) -> None:
    then, now = (per_view(play(f"tiktok_{year}"), "likes", "comments", "shares") for year in (2020, 2025))
    print(f"engagement per view {then:.3f} then, {now:.3f} now")
    assert then > 0.1
    assert 0.037 * 0.7 < now < 0.037 * 1.3


def test_more_views_come_from_followers_than_in_a_discovery_feed(play: Any) -> None:
    shares = {market: strangers(play(market)) for market in ("tiktok_2020", "instagram_like", "follower_feed_2015")}
    print(shares)
    assert shares["tiktok_2020"] > shares["instagram_like"] > shares["follower_feed_2015"]


def test_nobody_is_discovered_in_the_feed_of_2015(play: Any) -> None:
    posts = play("follower_feed_2015").posts[: play("follower_feed_2015").post_count]
    assert posts.sources[:, 1:].sum() == 0  # followees' posts and their re-shares only


def test_videos_are_watched_for_longer(play: Any) -> None:
    seconds = {}
    for market in ("tiktok_2020", "youtube_like"):
        s = play(market)
        posts = s.posts[: s.post_count]
        seconds[market] = posts.watch.sum() / 1000 / posts.impressions.sum()
        print(f"{market}: {seconds[market]:.1f} s a view")
    assert seconds["youtube_like"] > 2 * seconds["tiktok_2020"]


def test_distrust_takes_more_from_creators_than_from_ads(play: Any) -> None:
    gain = {
        (market, arm): extra(play, market, arm, **more)[0]
        for market in ("city", "low_trust")
        for arm, more in (("micro_portfolio", {}), ("paid_infeed", {}))
    }
    kept = {arm: gain["low_trust", arm] / gain["city", arm] for arm in ("micro_portfolio", "paid_infeed")}
    print(kept)
    assert kept["micro_portfolio"] < min(1.0, kept["paid_infeed"])


def test_luxury_sells_rarely(play: Any) -> None:
    rates = {}
    for market in ("city", "luxury"):
        gained, s = extra(play, market, "micro_portfolio")
        rates[market] = gained / sum(s.daily["clicks"])
    print(rates)
    assert rates["luxury"] < 0.5 * rates["city"]


def test_small_creators_lose_where_they_must(play: Any) -> None:
    returns: dict[tuple[str, str], float] = {}
    for market in ("city", "micro_must_lose"):
        for name, arm, band in (("small", "micro_portfolio", {"followers_max": 3_000}), ("large", "macro", {"followers_min": 5_000})):
            gained, s = extra(play, market, arm, **band)
            brand = s.market.brand
            returns[market, name] = gained * brand.price * brand.margin / s.ledger.paid - 1 if s.ledger.paid else np.nan
    print(returns)
    assert returns["micro_must_lose", "small"] < returns["micro_must_lose", "large"]
    lead = {market: returns[market, "small"] - returns[market, "large"] for market in ("city", "micro_must_lose")}
    assert lead["micro_must_lose"] < lead["city"]

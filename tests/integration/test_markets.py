"""Each market that comes with the project shows its point in a short run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

    def run(market: str, strategy: str = "none", seed: int = 3, **parameters: Any) -> Simulation:
        at = market, strategy, f"{seed} {parameters}"
        if at not in known:
            file = repository / "scenarios" / "markets" / f"{market}.yaml"
            question = {"market": str(file), "strategies": ["none"], "horizon": DAYS}
            m = scenario_from_dict(question, ["market.people.agents=1000", "market.people.population=20000"]).market
            brand = build_strategy(strategy, {**parameters, **({} if strategy == "none" else {"start": 2})})
            known[at] = Simulation(build_world(m, seed), m, brand, 0.0 if strategy == "none" else BUDGET, DAYS, seed).run()
        return known[at]

    return run


def per_view(s: Simulation, *names: str) -> float:
    posts = s.posts[: s.post_count]
    return float(sum(posts[name].sum() for name in names) / posts.impressions.sum())


def strangers(s: Simulation) -> float:
    """Return the share of views on people who do not follow the creator."""
    posts = s.posts[: s.post_count]
    return float(1 - posts.from_followers.sum() / posts.impressions.sum())


def extra(play: Any, market: str, strategy: str, seed: int = 3, **parameters: Any) -> tuple[float, Simulation]:
    """Return expected purchases above the control, and the run."""
    s = play(market, strategy, seed, **parameters)
    return sum(s.daily["expected_purchases"]) - sum(play(market, seed=seed).daily["expected_purchases"]), s


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


def test_where_advertising_is_distrusted_it_sells_less(play: Any) -> None:
    gain = {
        (market, arm): extra(play, market, arm, **more)[0]
        for market in ("city", "low_trust")
        for arm, more in (("micro_portfolio", {}), ("paid_infeed", {}))
    }
    kept = {arm: gain["low_trust", arm] / gain["city", arm] for arm in ("micro_portfolio", "paid_infeed")}
    print(kept)
    assert max(kept.values()) < 0.8  # and not only what creators sell


def test_luxury_sells_rarely(play: Any) -> None:
    rates = {}
    for market in ("city", "luxury"):
        gained, s = extra(play, market, "micro_portfolio")
        rates[market] = gained / sum(s.daily["clicks"])
    print(rates)
    assert rates["luxury"] < 0.5 * rates["city"]


def test_small_creators_lose_where_they_must(play: Any) -> None:
    arms = {"small": ("micro_portfolio", {"followers_max": 3_000}), "large": ("macro", {"followers_min": 3_000})}
    returns = {}
    for market in ("city", "micro_must_lose"):
        for name, (arm, band) in arms.items():
            found = [extra(play, market, arm, seed, selector="fit", **band) for seed in (3, 4, 5)]
            brand = found[0][1].market.brand
            returns[market, name] = sum(x for x, _ in found) * brand.price * brand.margin / sum(s.ledger.paid for _, s in found) - 1
    print(returns)
    assert returns["micro_must_lose", "small"] < returns["micro_must_lose", "large"]
    lead = {market: returns[market, "small"] - returns[market, "large"] for market in ("city", "micro_must_lose")}
    assert lead["micro_must_lose"] < lead["city"]

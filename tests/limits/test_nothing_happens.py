"""With every hazard at zero nobody reacts or buys, all money is accounted for and every slot is counted once."""

from __future__ import annotations

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.scorecard.limit_worlds import SILENT, UNSOLD, built, market
from influence_sim.strategies import strategy_types

BUDGET, DAYS = 2000.0, 5
FEE, DEAL, CPM = 60.0, 65.0, 8.0  # every creator asks the same, so that the money can be counted by hand
UNBIASED_FEES = {
    "fee": FEE, "fee_exponent": 0, "fee_engagement": 0, "fee_sigma": 0, "niche": 0, "ambassador_discount": 0, "search_cost": 0,
    "deal_overhead": 50, "product_cost": 15,
}  # fmt: skip
LIST_PRICE = {"cpm": CPM, "auction": 0}
ANY_SIZE = {"followers_min": 0, "followers_max": 10_000_000}
STRATEGIES: dict[str, dict[str, int]] = {"none": {}, "micro_portfolio": ANY_SIZE, "macro": ANY_SIZE, "paid_infeed": {"start": 0, "days": 3}}


@pytest.mark.parametrize("policy", ["for_you", "following", "random"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_hazard_no_engagement_no_purchase(policy: str, strategy: str) -> None:
    settings = market(
        policy,
        people={"agents": 500, "population": 5000, "views_per_day": 30},
        creators={"count": 60, "fit_required": 0},
        feed={"stage_quota": 100},
        response=SILENT,
        funnel=UNSOLD,
        prices={**UNBIASED_FEES, **LIST_PRICE},
    )
    brand = strategy_types()[strategy](**STRATEGIES[strategy])
    s = Simulation(built(settings), settings, brand, BUDGET, DAYS)
    slots = 0
    for _ in range(DAYS):
        s.step()
        slots += int(np.floor(s.people.views + s.wish).sum())
    daily = {name: np.array(values) for name, values in s.daily.items()}
    for name in ("engagements", "clicks", "purchases", "expected_purchases", "likes", "comments", "shares", "follows", "organic_likes"):
        assert (daily[name] == 0).all(), name
    posts = s.posts[: s.post_count]
    for name in ("likes", "comments", "shares", "follows", "negatives", "clicks"):
        assert (posts[name] == 0).all(), name
    # Impressions: every slot of everybody is a modelled post, a post from outside, or empty; counted once.
    scale = s.world.people_per_agent
    assert (daily["views_modelled"] + daily["views_outside"] + daily["views_empty"]).sum() == slots * scale
    assert daily["views_modelled"].sum() == posts.impressions.sum() * scale > 0
    assert daily["impressions"].sum() == posts.impressions[posts.brand == 0].sum() * scale
    # Money: posts and deals at their price, delivered thousands at theirs, the rest is there.
    shown = float(posts.impressions[(posts.creator == s.modelled) & (posts.sponsored == 1)].sum()) * scale
    owed = FEE * len(s.ledger.booked) + DEAL * len(s.ledger.hired) + CPM * shown / 1000
    assert s.ledger.paid == pytest.approx(owed)
    assert daily["spend"].sum() == pytest.approx(owed)
    assert s.ledger.paid + s.ledger.reserved + s.ledger.left == pytest.approx(s.budget)
    assert min(s.ledger.left, s.ledger.reserved) > -1e-6
    assert (owed > 0) == (strategy != "none")
    print(f"{policy}, {strategy}: {slots} slots, {owed:.2f} USD paid")

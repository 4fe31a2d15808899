"""The market of Germany in 2019: 80 slots a day for 5.5 M people, every video of 15 to 60 s watched to its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.scenario import load_scenario
from influence_sim.scorecard.limit_worlds import Z
from influence_sim.world.build import build_world

DAYS = 3


@pytest.mark.parametrize("agents", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_views_a_month_and_minutes_a_day(repository: Path, tmp_path: Path, agents: int) -> None:
    scenario = tmp_path / "germany.yaml"
    scenario.write_text(f"market: {repository / 'scenarios' / 'markets' / 'germany_2019.yaml'}\nstrategies: [none]\nhorizon: {DAYS}\n")
    market = load_scenario(scenario, [f"market.people.agents={agents}"]).scenario.market
    assert market.people.population == 5_500_000
    s = Simulation(build_world(market, 1), market, horizon=DAYS).run()
    modelled, outside, empty = (np.array(s.daily[name]) for name in ("views_modelled", "views_outside", "views_empty"))
    month = (modelled + outside).mean() * 30.4
    minutes = np.mean(s.daily["watch_seconds"]) / 60 / market.people.population
    won = modelled.sum() / (modelled + outside).sum()
    print(f"{agents} agents: {month / 1e9:.3f} bn views a month, {minutes:.2f} min a day, {won:.1%} of slots won by modelled posts")
    assert (empty == 0).all()
    assert month == pytest.approx(13.376e9, rel=1e-9)  # 5.5 M x 80 x 30.4
    assert month == pytest.approx(13.4e9, rel=0.005)
    # 80 x 37.5 s, and a little more: test stages pass on what is watched longer, so modelled videos that get far are longer.
    assert minutes == pytest.approx(50, rel=0.02)
    # Of the outside videos, whose lengths nothing selects, the mean is that of the law.
    watched = np.concatenate([item["watched_s"][item["post"] == -1] for item in s.items])
    assert watched.mean() == pytest.approx(37.5, abs=Z * 45 / np.sqrt(12 * len(watched)))
    assert watched.min() >= 15
    assert watched.max() <= 60

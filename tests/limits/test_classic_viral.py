"""Adoption by contact with neighbours: the viral marketing model of the NetLogo textbook, and its bounds."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from influence_sim.scenario import scenario_from_dict
from influence_sim.scorecard.limits import classic, neighbours, pair_share, recursion

# Ticks until half and nine tenths have adopted, 200 replicates of the textbook's model.
TICKS = {"none": (15.8, 28.6), "random": (13.8, 27.1), "hubs": (6.5, 19.9)}


@pytest.mark.slow
def test_ticks_are_those_of_the_textbook() -> None:
    found = classic(0)
    print({name: round(x, 2) for name, x in found.items()})
    for name, (half, most) in TICKS.items():
        assert found[f"{name}_half"] == pytest.approx(half, abs=1)
        assert found[f"{name}_most"] == pytest.approx(most, abs=2)  # s.e. of 20 replicates: .8
    assert found["inside_bounds"] == 1


def test_who_is_in_contact_matters() -> None:
    """Pairs of people infect each other slowly; everybody in contact is the recursion of Bass."""
    p, q, steps, people = 0.03, 0.38, 12, 4000
    pairs = nx.Graph([(2 * k, 2 * k + 1) for k in range(people // 2)])
    share = neighbours(pairs, p, q, steps)
    expected, fastest = pair_share(p, q, steps), recursion(p, q, steps, 1)[0]
    assert abs(share - expected).max() < 0.03
    assert (fastest - share)[-1] > 0.2


def test_the_market_of_that_name_has_the_same_numbers(repository: Path) -> None:
    market = scenario_from_dict({"market": str(repository / "scenarios/markets/classic_viral.yaml"), "strategies": ["none"]}).market
    assert (market.funnel.baseline_rate, market.funnel.contagion, market.funnel.contact) == (0.01, 0.5, "followees")
    assert (market.people.views_per_day, market.creators.count, market.people.agents) == (0, 0, 500)

"""The markets that are measured: default rules, many follows, creators and population in proportion to people."""

from __future__ import annotations

from influence_sim.scenario.parameters import Creators, Graph, Market, People

PER_AGENT = 20  # real people behind each simulated one: the default market's ratio
CREATORS = 0.03  # of people, but at least FEWEST
FEWEST = 100
FOLLOWS = 50.0


def market(people: int, follows: float = FOLLOWS, per_agent: int = PER_AGENT) -> Market:
    """Return the default market with `people` agents, of whom 3 % create, at least 100."""
    return Market(
        people=People(agents=people, population=per_agent * people),
        creators=Creators(count=min(people, max(FEWEST, round(CREATORS * people)))),
        graph=Graph(follows_per_person=follows),
    )

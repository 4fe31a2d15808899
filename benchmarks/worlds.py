"""The markets that are measured: default rules, many follows, creators and population in proportion to people."""

from __future__ import annotations

from influence_sim.scenario.parameters import Creators, Graph, Market, People

PER_AGENT = 20  # real people behind each simulated one: the default market's ratio
CREATORS = 0.03  # of people, but at least FEWEST and at most MOST
FEWEST, MOST = 100, 5_000
FOLLOWS = 50.0


def market(people: int, follows: float = FOLLOWS, per_agent: int = PER_AGENT) -> Market:
    """Return the default market with `people` agents, of whom 3 % create, at least 100 and at most 5,000.

    With 3 % of a million, stars among the modelled creators would crowd out what the rest of the platform posts, whose stars
    the rates of an open platform do not have (docs/decisions/0007); the work per impression would not be that of the others.
    """
    return Market(
        people=People(agents=people, population=per_agent * people),
        creators=Creators(count=min(people, max(FEWEST, min(MOST, round(CREATORS * people))))),
        graph=Graph(follows_per_person=follows),
    )

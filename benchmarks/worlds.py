"""The markets that are measured: default rules, many follows, population in proportion to people."""

from __future__ import annotations

from influence_sim.scenario.parameters import Creators, Graph, Market, People

PER_AGENT = 20  # real people behind each simulated one: the default market's ratio
CREATORS = 300  # of 10,000 people
POWER = 0.6  # of people, with which creators grow
FEWEST = 100
FOLLOWS = 50.0


def market(people: int, follows: float = FOLLOWS, per_agent: int = PER_AGENT) -> Market:
    """Return the default market with `people` agents and so many creators that modelled posts win about the same share of views.

    With 3 % of people at every size, stars among the modelled creators of large worlds would crowd out what the rest of the platform
    posts, whose stars the rates of an open platform do not have (docs/explanation/scale.md): an impression would be more work.
    """
    creators = max(FEWEST, round(CREATORS * (people / 10_000) ** POWER))
    return Market(
        people=People(agents=people, population=per_agent * people),
        creators=Creators(count=min(people, creators)),
        graph=Graph(follows_per_person=follows),
    )

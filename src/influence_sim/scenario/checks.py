"""What must hold between parameters, beyond the range of each one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from influence_sim.scenario.parameters import Market

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario


@dataclass(frozen=True)
class Contradiction:
    """Values that are each allowed and cannot stand together.

    `keys` are the dotted keys involved, the one to blame first.
    """

    keys: tuple[str, ...]
    message: str
    allowed: str = ""
    got: str = ""


class ContradictionError(ValueError):
    """Raised by the schema; carries every contradiction found."""

    def __init__(self, found: list[Contradiction]) -> None:
        self.found = found
        super().__init__("; ".join(f"{c.message} (allowed: {c.allowed}; got: {c.got})" for c in found))


def number(value: float) -> str:
    """Write a number for people: 43,680 and 0.25, not 43680.0."""
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def stage_load(market: Market) -> tuple[float, float]:
    """Return impressions per day that test stages need, and the exploration slots per day there are."""
    creators, feed, people = market.creators, market.feed, market.people
    growth = feed.stage_pass * feed.stage_growth
    need = creators.count * creators.posts_per_day * feed.stage_quota * sum(growth**s for s in range(feed.stages))
    return need, feed.exploration_share * people.views_per_day * people.population


def contradictions(scenario: Scenario) -> Iterator[Contradiction]:
    """Yield everything that does not fit together."""
    people, creators, feed = scenario.market.people, scenario.market.creators, scenario.market.feed
    if not scenario.strategies:
        yield Contradiction(("strategies",), "a scenario needs at least one strategy", "a list such as [none, macro]", "none")
    if scenario.world is not None and scenario.graph_file is not None:
        yield Contradiction(
            ("world", "graph_file"),
            "`world` and `graph_file` both say who follows whom",
            "one of the two: a world holds the graph it was made with",
            "both",
        )
    if people.population < people.agents:
        yield Contradiction(
            ("market.people.population", "market.people.agents"),
            "`population` is smaller than `agents`: an agent stands for at least one real person",
            f"population at least {number(people.agents)}",
            number(people.population),
        )
    if creators.count > people.agents:
        yield Contradiction(
            ("market.creators.count", "market.people.agents"),
            "more creators than agents: each creator is one of the simulated people",
            f"count at most {number(people.agents)} (people.agents)",
            number(creators.count),
        )
    if creators.duration_min >= creators.duration_max:
        yield Contradiction(
            ("market.creators.duration_min", "market.creators.duration_max"),
            "`duration_min` is not below `duration_max`",
            f"below {number(creators.duration_max)} s (duration_max)",
            f"{number(creators.duration_min)} s",
        )
    if scenario.market.brand.topic >= people.topics:
        yield Contradiction(
            ("market.brand.topic", "market.people.topics"),
            "the brand's topic does not exist in this market",
            f"0 to {people.topics - 1} (people.topics is {people.topics})",
            str(scenario.market.brand.topic),
        )
    weights = ("weight_follow", "weight_interest", "weight_trending", "weight_random")
    if feed.mode == "slot_mixture" and not any(getattr(feed, name) for name in weights):
        yield Contradiction(
            tuple(f"market.feed.{name}" for name in weights),
            "all sources of the slot mixture weigh nothing: no slot could be filled",
            "at least one weight above 0",
            "0, 0, 0, 0",
        )
    if feed.mode == "blended" and feed.stages and feed.exploration_share:
        need, have = stage_load(scenario.market)
        if need > have * (1 + 1e-12):
            yield Contradiction(
                ("market.feed.stage_quota", "market.feed.stages", "market.feed.exploration_share", "market.creators.posts_per_day",
                 "market.creators.count", "market.people.population", "market.people.views_per_day", "market.feed.stage_growth",
                 "market.feed.stage_pass"),
                f"test stages need {number(need)} impressions a day, but exploration has {number(have)}: posts would queue for ever",
                "count x posts_per_day x stage_quota x sum of (stage_pass x stage_growth)^s"
                " <= exploration_share x views_per_day x population",
                f"{number(need)} > {number(have)}",
            )  # fmt: skip
    rivals = scenario.market.rivals
    if rivals.silent > rivals.count:
        yield Contradiction(
            ("market.rivals.silent", "market.rivals.count"),
            "more rivals are silent than there are",
            f"at most {rivals.count} (rivals.count)",
            str(rivals.silent),
        )
    yield from _tiers(scenario)


def _tiers(scenario: Scenario) -> Iterator[Contradiction]:
    last, last_label = 0.0, ""
    for label, (low, high) in scenario.tiers.items():
        key = (f"tiers.{label}",)
        if not 0 <= low < high:  # also refuses NaN
            yield Contradiction(
                key,
                f"edges of tier `{label}` are not ordered",
                "[low, high] with 0 <= low < high",
                f"[{number(low)}, {high:g}]" if low == low else "[nan]",
            )
            continue
        if low < last:
            yield Contradiction(
                key, f"tier `{label}` begins inside or before `{last_label}`", f"a lower edge of at least {number(last)}", number(low)
            )
        last, last_label = high, label

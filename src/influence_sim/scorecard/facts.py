"""Read the list of facts: what is claimed, how it is sampled, and the band that was written down before the first run."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

KINDS = {
    "limit": "a textbook says what must come out when parts are switched off",
    "calibrated": "a parameter was set or fitted to this number: agreement shows that the fit works, nothing more",
    "held_out": "nothing was set to this number: agreement is evidence",
}
GRADES = {
    "exact": "arithmetic or a theorem",
    "G": "computed with an independent tool",
    "A": "peer-reviewed or first-party data",
    "A-": "data of a known origin, not peer-reviewed",
    "B": "industry report",
    "C": "vendor page, blog or claim of the source documents",
    "D": "derived from a graded number, or a knock-out",
    "M": "widely known, from memory",
}


class Fact(BaseModel):
    """One row of the scorecard before it is measured.

    `band` has both ends included; `runs` name worlds of `scorecard.worlds`, `statistic` a function of
    `scorecard.statistics` and its arguments; `requires` names parameters, or `strategy NAME`, without which
    the fact cannot be run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    claim: str
    kind: Literal["limit", "calibrated", "held_out"]
    family: str
    sample: str
    runs: tuple[str, ...]
    statistic: str
    band: tuple[float, float]
    target: float | None = None
    source: str
    grade: str
    requires: tuple[str, ...] = ()
    learned: str = ""

    @model_validator(mode="after")
    def _sound(self) -> Fact:
        low, high = self.band
        if not low <= high or self.grade not in GRADES or not self.runs:
            raise ValueError(f"{self.id}: band {self.band}, grade {self.grade!r} or runs {self.runs} make no fact")
        if self.target is not None and not low <= self.target <= high:
            raise ValueError(f"{self.id}: target {self.target} lies outside its band {self.band}")
        return self

    def passes(self, value: float) -> bool:
        """Tell whether a measured value lies in the band; NaN does not, and no effect is no sign."""
        low, high = self.band
        if 0 in self.band and (math.isinf(low) or math.isinf(high)):
            return low < value < high
        return low <= value <= high


def read_facts(text: str) -> list[Fact]:
    """Return the facts of a YAML text: groups whose keys every fact of the group inherits.

    Raises
    ------
    ValueError
        When a fact is incomplete, contradicts itself or shares its id.
    """
    from ruamel.yaml import YAML

    groups: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(text)
    shared = [{key: value for key, value in group.items() if key != "facts"} for group in groups]
    facts = [Fact.model_validate({**common, **fact}) for common, group in zip(shared, groups, strict=True) for fact in group["facts"]]
    seen = [fact.id for fact in facts]
    if len(set(seen)) < len(seen):
        raise ValueError(f"ids that appear twice: {sorted({x for x in seen if seen.count(x) > 1})}")
    return facts


@cache
def _listed() -> tuple[Fact, ...]:
    return tuple(read_facts(files("influence_sim.scorecard").joinpath("facts.yaml").read_text(encoding="utf-8")))


def all_facts() -> list[Fact]:
    """Return every fact in the order of the list."""
    return list(_listed())


def chosen(facts: list[Fact], pattern: str) -> list[Fact]:
    """Return the facts whose id, kind or family matches a shell pattern."""
    return [fact for fact in facts if any(fnmatchcase(name, pattern) for name in (fact.id, fact.kind, fact.family))]


def missing(fact: Fact) -> list[str]:
    """Return what this version of the model lacks for a fact."""
    from influence_sim.scenario.parameters import parameters
    from influence_sim.strategies import strategy_types

    known = {p.path for p in parameters()} | {f"strategy {name}" for name in strategy_types()}
    return [name for name in fact.requires if name not in known]


def independent(facts: list[Fact]) -> int:
    """Return the number of families: facts that share one are not independent."""
    return len({fact.family for fact in facts})

"""Platform policies: each is a named row of feed parameters for the one feed kernel.

A policy stands between the defaults and what a scenario file says itself. Defining a
`FeedPolicy` registers it; one file per policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from influence_sim.scenario.parameters import Feed


@dataclass(frozen=True)
class FeedPolicy:
    """A way a platform decides who sees what.

    Parameters
    ----------
    name : str
        What a scenario writes behind ``market.feed.policy``.
    claim : str
        One sentence: what this policy is and what it is for.
    source : str
        Where the claim comes from, or "assumption".
    values : mapping of str to value
        Parameters of `Feed` that differ from their defaults.

    Raises
    ------
    ValueError
        When the name is taken, or a value is unknown to `Feed` or outside its range.
    """

    name: str
    claim: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)
    registry: ClassVar[dict[str, FeedPolicy]] = {}

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or not self.claim or not self.source:
            raise ValueError("a feed policy needs a name (letters, digits, _), a claim and a source")
        if "policy" in self.values:
            raise ValueError("a feed policy cannot name another policy")
        if self.name in FeedPolicy.registry and FeedPolicy.registry[self.name] != self:
            raise ValueError(f"feed policy `{self.name}` exists already")
        Feed.model_validate({**self.values, "policy": self.name})
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        FeedPolicy.registry[self.name] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return FeedPolicy, (self.name, self.claim, self.source, dict(self.values))


def policies() -> dict[str, FeedPolicy]:
    """Return every registered policy by name."""
    return dict(FeedPolicy.registry)


def with_policy(feed: Feed, name: str) -> Feed:
    """Return `feed` under policy `name`: the policy's values replace those of `feed`."""
    return Feed.model_validate({**feed.model_dump(), **FeedPolicy.registry[name].values, "policy": name})


from influence_sim.feeds import following, for_you, random  # noqa: E402,F401  (each registers its policy)

__all__ = ["FeedPolicy", "policies", "with_policy"]

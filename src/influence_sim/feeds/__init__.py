"""Platform policies: each is a named row of feed parameters for the one feed kernel.

A policy stands between the defaults and what a scenario file says itself. Defining a
`FeedPolicy` registers it; one file per policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from influence_sim.feeds.candidates import Array, Candidates
from influence_sim.plugins import load_plugins
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
    score : callable, optional
        Function of `Candidates` that returns log scores (R, M); the built-in value score otherwise. See `feed`.

    Raises
    ------
    ValueError
        When the name is taken, or a value is unknown to `Feed` or outside its range.
    """

    name: str
    claim: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)
    score: Callable[[Candidates], Array] | None = None
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
        return _received, (self.name, self.claim, self.source, dict(self.values), self.score)


def _received(name: str, *rest: Any) -> FeedPolicy:
    """Return the policy of that name: the one registered here, else the one that another process sent."""
    return FeedPolicy.registry.get(name) or FeedPolicy(name, *rest)


Score = Callable[[Candidates], Array]


def feed(source: str, **values: Any) -> Callable[[Score], Score]:
    """Register a function of `Candidates` as a feed policy under its own name.

    Parameters
    ----------
    source : str
        Where the rule comes from, or "assumption".
    **values
        Parameters of `Feed` the policy sets, such as ``candidates_trending=10``.

    Returns
    -------
    callable
        A decorator. The first line of the function's docstring is the policy's claim.

    Raises
    ------
    ValueError
        When the function has no docstring, its name is taken or a value is not allowed.

    Notes
    -----
    The function gets a block of requests and returns log scores of the same shape (R, M): the engine adds
    Gumbel noise of scale `feed.rank_noise`, lets posts from outside the model compete (scored by the same
    function), keeps an author or a sound from following itself, and discounts an author's further posts.
    -inf keeps a candidate out. It must be a pure function of each request: how requests are grouped into
    blocks depends on nothing a result may depend on.

    Examples
    --------
    >>> import numpy as np
    >>> from influence_sim.feeds import FeedPolicy, feed
    >>> @feed(source="assumption", candidates_trending=0)
    ... def small_first(candidates):
    ...     "Likes count, divided by the square root of the audience."
    ...     return np.log(candidates.p_like) - 0.5 * np.log1p(candidates.followers)
    >>> FeedPolicy.registry["small_first"].claim
    'Likes count, divided by the square root of the audience.'
    >>> del FeedPolicy.registry["small_first"]
    """

    def register(function: Score) -> Score:
        former = FeedPolicy.registry.get(function.__name__)
        if former and former.score and _place(former.score) == _place(function):
            del FeedPolicy.registry[function.__name__]  # a cell of a notebook was run again
        lines = (function.__doc__ or "").strip().splitlines()
        FeedPolicy(function.__name__, lines[0] if lines else "", source, values, function)
        return function

    return register


def _place(function: Score) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def policies() -> dict[str, FeedPolicy]:
    """Return every registered policy by name."""
    return dict(FeedPolicy.registry)


def with_policy(feed: Feed, name: str) -> Feed:
    """Return `feed` under policy `name`: the policy's values replace those of `feed`."""
    return Feed.model_validate({**feed.model_dump(), **FeedPolicy.registry[name].values, "policy": name})


def score_of(name: str) -> Score | None:
    """Return the Python score function of policy `name`; None for the built-in score or an unregistered name."""
    policy = FeedPolicy.registry.get(name)
    return None if policy is None else policy.score


from influence_sim.feeds import (  # noqa: E402  (each registers its policy)
    following,
    for_you,
    instagram_like,
    interest,
    random,
    top_chart,
    trending,
    x_like,
    youtube_like,
)

_BUILT_IN = (for_you, following, interest, trending, random, x_like, youtube_like, instagram_like, top_chart)

load_plugins("feeds")

__all__ = ["Candidates", "FeedPolicy", "feed", "policies", "score_of", "with_policy"]

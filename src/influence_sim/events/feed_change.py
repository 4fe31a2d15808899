"""Another feed from a day on."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_serializer, field_validator

from influence_sim.events.base import LastingEvent, with_feed
from influence_sim.scenario.midrun import why_fixed
from influence_sim.scenario.parameters import Feed, Market

_FIXED = tuple(name for name in Feed.model_fields if why_fixed("feed", name))


class FeedValues(Feed):
    """Feed parameters that may change in mid-run; only those that are set count."""

    @field_validator("policy")
    @classmethod
    def _registered(cls, policy: str) -> str:
        from influence_sim.feeds import policies

        if policy not in policies():
            raise ValueError(f"must be one of {', '.join(policies())}; got {policy}")
        return policy

    @field_validator(*_FIXED)
    @classmethod
    def _changeable(cls, value: Any, info: Any) -> Any:
        raise ValueError(f"cannot change in mid-run: {why_fixed('feed', info.field_name)}")


class FeedChange(LastingEvent):
    """Change feed parameters, or follow another policy.

    Under another policy, what the former policy set goes back to its default first; parameters
    given beside `policy` win over the policy. People keep their taste for what is served: the
    origin and unit of match stay those of the first day.

    Examples
    --------
    >>> from influence_sim.events import FeedChange
    >>> from influence_sim.scenario.parameters import Market
    >>> FeedChange(day=10, feed={"exploration_share": 0.2}).changed(Market()).feed.exploration_share
    0.2
    """

    name = "feed_change"
    claim = "A platform changes its recommender on a day, for everybody at once."
    source = "assumption: what changes, when and by how much is the user's question"

    feed: FeedValues = Field(description="Parameters of `market.feed` from that day on, e.g. {exploration_share: 0.2} or {policy: random}")

    @field_validator("feed")
    @classmethod
    def _says_something(cls, feed: FeedValues) -> FeedValues:
        if not feed.model_fields_set:
            raise ValueError("no parameter is given, so nothing would change")
        return feed

    @field_serializer("feed")
    def _only_said(self, feed: FeedValues) -> dict[str, Any]:
        return feed.model_dump(exclude_unset=True)  # the rest is not changed

    def changed(self, market: Market) -> Market:
        """Return the market with the feed of the event."""
        from influence_sim.feeds import policies

        said = self.feed.model_dump(exclude_unset=True)
        if "policy" in said:
            feed, known = market.feed, policies()
            former = {name: Feed.model_fields[name].default for name, x in known[feed.policy].values.items() if getattr(feed, name) == x}
            said = {**former, **known[said["policy"]].values, **said}
        return with_feed(market, **said)

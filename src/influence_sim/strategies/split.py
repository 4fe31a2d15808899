"""A budget split between any plans that order everything on one morning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from influence_sim.strategies.base import BrandView, Order, Strategy
from influence_sim.strategies.catalogue import build_strategy, strategy_types
from influence_sim.strategies.paid_infeed import PaidInFeed
from influence_sim.strategies.portfolio import Portfolio


class Part(BaseModel):
    """One channel of a split: a strategy, its parameters and its share of the budget."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    strategy: str = Field(description="Registered strategy that orders everything on its first morning")
    share: float = Field(ge=0, le=1, description="Share of the budget")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of that strategy, but `start`")

    @model_validator(mode="after")
    def _orders_at_once(self) -> Part:
        kind = strategy_types().get(self.strategy)
        if kind is None or not issubclass(kind, Portfolio | PaidInFeed) or "start" not in kind.model_fields:
            fitting = [name for name, known in strategy_types().items() if issubclass(known, Portfolio | PaidInFeed)]
            raise ValueError(f"`{self.strategy}` cannot be a part; parts are: {', '.join(fitting)}")
        if "start" in self.params:
            raise ValueError("a part has no `start` of its own: all parts begin on the first day of the split")
        try:
            build_strategy(self.strategy, self.params)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"`{self.strategy}`: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        return self


class Split(Strategy):
    """Give every part its share of the budget on the same morning; what shares leave over is not spent.

    Parts are asked in the order of their labels, so the order in which they are written changes nothing.

    Examples
    --------
    >>> from influence_sim.strategies import Split, synthetic_view
    >>> ads = {"strategy": "paid_infeed", "share": 0.4, "params": {"days": 5}}
    >>> [(order.spend, order.days) for order in Split(parts={"ads": ads}).plan(synthetic_view(day=2, money=1000))]
    [(400.0, 5)]
    """

    name = "split"
    claim = "A budget spread over creators of several sizes and ads does better than any of them alone."
    source = "Common practice; the shares are the user's question (`influence-sim allocate`). Without parts: a third each, an assumption."

    parts: dict[str, Part] = Field(
        default_factory=lambda: {
            "small": Part(strategy="micro_portfolio", share=1 / 3, params={"followers_min": 1_000, "followers_max": 10_000}),
            "large": Part(strategy="macro", share=1 / 3, params={"followers_min": 10_000}),
            "ads": Part(strategy="paid_infeed", share=1 / 3),
        },
        description="Parts by label, each {strategy, share, params}",
    )
    start: int = Field(2, ge=0, description="Day of the first orders; the last day when the horizon is shorter")

    @field_validator("parts")
    @classmethod
    def _within_the_budget(cls, parts: dict[str, Part]) -> dict[str, Part]:
        total = sum(part.share for part in parts.values())
        if total > 1 + 1e-9:
            raise ValueError(f"the shares add up to {total:g}, which is more than 1")
        return parts

    @property
    def reads_truth(self) -> bool:
        """Whether a part does."""
        return any(self._plan_of(part).reads_truth for part in self.parts.values())

    def _plan_of(self, part: Part) -> Strategy:
        return build_strategy(part.strategy, {**part.params, "start": self.start})

    def plan(self, view: BrandView) -> list[Order]:
        """Order all parts on the morning of the first day, each from its own money."""
        if view.day != min(self.start, view.horizon - 1) or view.money_left <= 0:
            return []
        given = [(part, replace(view, money_left=part.share * view.money_left)) for _, part in sorted(self.parts.items())]
        return [order for part, seen in given if seen.money_left > 0 for order in self._plan_of(part).plan(seen)]

"""One public battery that any strategy must pass, built in or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from influence_sim.strategies.base import REPORT_DELAY, Audience, BrandView, Order, PaidImpressions, Results, SponsoredPost, Strategy

Array = np.ndarray[Any, Any]
_OBSERVABLES = frozenset(field.name for field in fields(BrandView))


class _Watched(BrandView):
    """A view that refuses everything but the declared observables."""

    def __getattribute__(self, name: str) -> Any:
        if name in _OBSERVABLES or name.startswith("__"):
            return object.__getattribute__(self, name)
        raise AttributeError(f"{name!r} is not something a brand can observe; observables: {', '.join(sorted(_OBSERVABLES))}")


def synthetic_view(
    day: int = 2,
    horizon: int = 28,
    money: float = 5000.0,
    creators: int = 20,
    refuse_every: int = 7,
    hired: Mapping[int, int] | None = None,
    results: bool = True,
) -> BrandView:
    """Return a made-up, deterministic view of `creators` creators from 100 to 1,000,000 followers.

    Fees follow the default fee law; every `refuse_every`-th creator refuses (0: nobody does).
    `hired` gives the posts ordered so far, by creator; with `results`, a post of each is reported.

    Examples
    --------
    >>> view = synthetic_view(creators=3, refuse_every=0)
    >>> view.followers.tolist()
    [100.0, 10000.0, 1000000.0]
    """
    row = np.arange(creators)
    followers = np.round(np.geomspace(100, 1_000_000, creators)) if creators else np.empty(0)
    spread = (0.618033988749895 * (row + 1)) % 1.0  # golden-ratio sequence: evenly spread, no dice
    fee = 60.0 * (followers / 10_000) ** 0.95 * (0.8 + 0.4 * spread)
    if refuse_every:
        fee[row % refuse_every == refuse_every - 1] = np.nan
    columns = {
        "followers": followers,
        "engagement_per_view": np.where(row % 5 == 4, np.nan, 0.02 + 0.06 * spread),
        "engagement_per_follower": np.where(row % 5 == 4, np.nan, 0.01 + 0.05 * spread),
        "fit": (0.754877666246693 * (row + 1)) % 1.0,
        "fee": fee,
        "hired": np.array([(hired or {}).get(c, 0) for c in range(creators)], np.int64),
        "uniform": (0.569840290998053 * (row + 1)) % 1.0,
        "dice": (0.754877666246693 * (np.arange(64) + 64 * day + 1)) % 1.0,
    }
    for column in columns.values():
        column.flags.writeable = False  # a plan that writes into what it sees would reach other arms
    return _Watched(
        day=day,
        horizon=horizon,
        money_left=float(money),
        deal_cost=65.0,
        cpm=8.0,
        least_spend={"infeed": 0.0, "takeover": 20.0, "challenge": 60.0, "effect": 22.0},
        results=_results(creators, day) if results else _results(0, day),
        audience=lambda: _audience(creators),
        **columns,
    )


def _results(creators: int, day: int) -> Results:
    """Return made-up outcomes of one post of each creator and one of the brand's account, a day apart."""
    row = np.arange(creators + 1) if creators else np.empty(0, np.int64)
    posted = row % max(day, 1)
    sales = np.where(day - posted >= REPORT_DELAY, (row * 7 % 5).astype(float), np.nan)
    columns = (row - 1, posted, 50.0 + row, 1000.0 + 10 * row, 50.0 + row, 5.0 + row % 3, sales)
    for column in columns:
        column.flags.writeable = False
    return Results(*columns)


def _audience(creators: int) -> Audience:
    """Return made-up follower lists that overlap: creator c has 5 + c followers in a row of 60 people."""
    lists = [np.sort((7 * c + np.arange(min(5 + c, 60))) % 60) for c in range(creators)]
    audience = Audience(np.cumsum([0, *map(len, lists)]), np.concatenate([np.empty(0, np.int64), *lists]))
    for column in audience:
        column.flags.writeable = False
    return audience


def cost_of(orders: list[Order], view: BrandView) -> float:
    """Return the price in USD of `orders` at the fees of `view`, one deal cost per creator."""
    posts = [order for order in orders if isinstance(order, SponsoredPost)]
    paid = sum(order.spend for order in orders if isinstance(order, PaidImpressions))
    return float(sum(float(view.fee[order.creator]) for order in posts) + view.deal_cost * len({order.creator for order in posts}) + paid)


def _markets() -> Iterator[dict[str, Any]]:
    for money in (1.0, 80.0, 700.0, 5_000.0, 200_000.0):
        yield {"money": money}
    yield {"creators": 0}
    yield {"refuse_every": 1}
    yield {"horizon": 1}
    yield {"horizon": 3, "money": 50_000.0, "creators": 300}


def _campaign(strategy: Strategy, market: dict[str, Any]) -> list[tuple[int, Order]]:
    """Call `plan` every morning and keep the books; raise on an order that cannot be."""
    views = {"horizon": 28, "money": 5000.0, **market}
    left, hired, log = float(views["money"]), dict[int, int](), []
    for day in range(views["horizon"]):
        view = synthetic_view(day=day, **{**views, "money": left}, hired=hired)
        orders = strategy.plan(view)
        if not isinstance(orders, list):
            raise AssertionError(f"plan must return a list of orders; got {type(orders).__name__}")
        for order in orders:
            if not isinstance(order, SponsoredPost | PaidImpressions):
                raise AssertionError(f"an order must be a SponsoredPost or PaidImpressions; got {order!r}")
            if not day <= order.day < views["horizon"]:
                raise AssertionError(f"order for day {order.day}, placed on day {day} of {views['horizon']}: {order!r}")
            if isinstance(order, SponsoredPost):
                if not 0 <= order.creator < len(view.fee) or not np.isfinite(view.fee[order.creator]):
                    raise AssertionError(f"this creator does not exist or refuses: {order!r}")
                cost = float(view.fee[order.creator]) + (0.0 if order.creator in hired else view.deal_cost)
                hired[order.creator] = hired.get(order.creator, 0) + 1
            else:
                if not order.spend > 0 or order.days < 1:
                    raise AssertionError(f"ads need money and at least a day: {order!r}")
                cost = order.spend
            left -= cost
            if left < -1e-6:
                raise AssertionError(f"spends more than the budget of {views['money']:g} USD by {-left:.2f} USD ({market})")
            log.append((day, order))
        left = max(left, 0.0)
    return log


def check_strategy(cls: type[Strategy], **params: Any) -> None:
    """Run the contract of strategies on `cls`; raise `AssertionError` saying what is broken.

    Checked: name, claim, source, docstring and a description of every parameter; frozen parameters;
    at most the budget spent on made-up markets; possible orders only; equal orders for equal
    views; nothing but the declared observables read, and nothing written; zero budget orders nothing.

    Parameters
    ----------
    cls
        The class to check.
    **params
        Parameters to check it with; the defaults otherwise.

    Examples
    --------
    >>> from influence_sim.strategies import MicroPortfolio, check_strategy
    >>> check_strategy(MicroPortfolio, creators=3)
    """
    for what in ("name", "claim", "source"):
        if not getattr(cls, what, ""):
            raise AssertionError(f"{cls.__name__} has no {what}")
    if not (cls.__dict__.get("__doc__") or "").strip():
        raise AssertionError(f"{cls.__name__} has no docstring")
    if Strategy.registry.get(cls.name) is not cls:
        raise AssertionError(f"{cls.__name__} is not what is registered as {cls.name!r}")
    silent = [key for key, field in cls.model_fields.items() if not field.description]
    if silent:
        raise AssertionError(f"{cls.__name__}: parameters without description: {', '.join(silent)}")
    if not cls.model_config.get("frozen") or cls.model_config.get("extra") != "forbid":
        raise AssertionError(f"{cls.__name__}: parameters must be frozen and refuse unknown keys")
    for market in _markets():
        first = _campaign(cls(**params), market)
        again = _campaign(cls(**params), market)
        if first != again:
            raise AssertionError(f"{cls.__name__} is not deterministic: two campaigns in the same market differ ({market})")
    if _campaign(cls(**params), {"money": 0.0}):
        raise AssertionError(f"{cls.__name__} orders something with a budget of zero")

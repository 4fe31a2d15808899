"""One public battery that any strategy must pass, built in or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from influence_sim.strategies.base import (
    Audience,
    BrandView,
    HoldOuts,
    Network,
    Order,
    PaidImpressions,
    Results,
    Sales,
    SponsoredPost,
    Strategy,
    Terms,
    Truth,
)
from influence_sim.strategies.pricing import cost_of

Array = np.ndarray[Any, Any]
DELAY = 14  # days until the made-up sales are known
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
    truth: bool = False,
    results: bool = True,
) -> BrandView:
    """Return a made-up, deterministic view of `creators` creators from 100 to 1,000,000 followers.

    Fees follow the default fee law; every `refuse_every`-th creator refuses (0: nobody does).
    `hired` gives the posts ordered so far, by creator; with `truth` the view also tells what no brand can know; with
    `results`, a post of each is reported.

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
    refuses = row % refuse_every == refuse_every - 1 if refuse_every else np.zeros(creators, bool)
    fee[refuses] = np.nan
    search = 5.0 * np.log(creators - row)
    columns = {
        "followers": followers,
        "engagement_per_view": np.where(row % 5 == 4, np.nan, 0.02 + 0.06 * spread),
        "engagement_per_follower": np.where(row % 5 == 4, np.nan, 0.01 + 0.05 * spread),
        "fit": (0.754877666246693 * (row + 1)) % 1.0,
        "fee": fee,
        "gift_taken": ~refuses,
        "commission_taken": row % 2 == 0,
        "rivals": row % 3 // 2,
        "search_cost": search,
        "deal_cost": 65.0 + search,
        "hired": np.array([(hired or {}).get(c, 0) for c in range(creators)], np.int64),
        "uniform": (0.569840290998053 * (row + 1)) % 1.0,
    }
    for column in columns.values():
        column.flags.writeable = False  # a plan that writes into what it sees would reach other arms
    sales = Sales(np.zeros(6), np.zeros(creators))
    cells = np.arange(9) if results else np.zeros(0)
    hold_outs = HoldOuts(1000.0 + 100.0 * cells, 20.0 + cells * 5 % 7, 4.0 + 0.1 * cells, day)
    for column in hold_outs[:3]:
        column.flags.writeable = False
    return _Watched(
        day=day,
        horizon=horizon,
        money_left=float(money),
        terms=Terms(0.35, 0.5, 0.2, 6, 50.0, 15.0, 50.0, 0.15, 30),
        cpm=8.0,
        least_spend={"infeed": 0.0, "takeover": 20.0, "challenge": 60.0, "effect": 22.0},
        results=_results(creators, day) if results else _results(0, day),
        dice=lambda a, b, c: (0.618033988749895 * (1 + a + 7 * b + 49 * c + 343 * day)) % 1.0,
        audience=lambda: _audience(creators),
        sales=sales,
        hold_outs=hold_outs,
        network=lambda: _network(creators),
        truth=lambda: _truth(truth, spread),
        **columns,
    )


def _results(creators: int, day: int) -> Results:
    """Return made-up outcomes of one post of each creator and one of the brand's account, a day apart."""
    row = np.arange(creators + 1) if creators else np.empty(0, np.int64)
    posted = row % max(day, 1)
    sales = np.where(day - posted >= DELAY, (row * 7 % 5).astype(float), np.nan)
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


def _network(creators: int) -> Network:
    """Return a made-up follower graph of 60 people: creator c is person c, and each follows the next three and every seventh."""
    follows = [np.unique(np.concatenate([(i + np.arange(1, 4)) % 60, np.arange(i % 7, 60, 7)])) for i in range(60)]
    start, person = np.cumsum([0, *map(len, follows)]), np.arange(60)
    network = Network(start, np.concatenate(follows), np.where(person < creators, person, -1))
    for column in network:
        column.flags.writeable = False
    return network


def _truth(allowed: bool, spread: Array) -> Truth:
    if not allowed:
        raise PermissionError("this reads what no brand can know; a strategy that does must say so: `reads_truth`")
    return Truth(quality=spread - 0.5, interest=0.1 * spread, trust=spread, authenticity=1.0 - spread)


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
        view = synthetic_view(day=day, **{**views, "money": left}, hired=hired, truth=strategy.reads_truth)
        try:
            orders = strategy.plan(view)
        except AssertionError:
            raise
        except Exception as problem:
            raise AssertionError(f"plan raised {type(problem).__name__} on day {day}: {problem} ({market})") from problem
        if not isinstance(orders, list):
            raise AssertionError(f"plan must return a list of orders; got {type(orders).__name__}")
        for order in orders:
            _possible(order, view)
        cost = cost_of(orders, view)
        if not cost <= left + 1e-6:
            why = "a creator refuses these terms" if np.isnan(cost) else f"{cost - left:.2f} USD more than the {left:.2f} left on day {day}"
            raise AssertionError(f"spends more than the budget of {views['money']:g} USD: {why} ({market})")
        for order in orders:
            if isinstance(order, SponsoredPost):
                hired[order.creator] = hired.get(order.creator, 0) + 1
            log.append((day, order))
        left = max(left - cost, 0.0)
    return log


def _possible(order: Order, view: BrandView) -> None:
    """Raise on an order that cannot be."""
    if not isinstance(order, SponsoredPost | PaidImpressions):
        raise AssertionError(f"an order must be a SponsoredPost or PaidImpressions; got {order!r}")
    if not view.day <= order.day < view.horizon:
        raise AssertionError(f"order for day {order.day}, placed on day {view.day} of {view.horizon}: {order!r}")
    if isinstance(order, PaidImpressions):
        if not order.spend > 0 or order.days < 1:
            raise AssertionError(f"ads need money and at least a day: {order!r}")
        return
    if not 0 <= order.creator < len(view.fee) or np.isnan(cost_of([order], view)):
        raise AssertionError(f"this creator does not exist or refuses: {order!r}")
    if not 0.0 <= order.brief <= 1.0 or order.exclusive_days < 0:
        raise AssertionError(f"a brief is 0 to 1, and exclusivity lasts 0 days or more: {order!r}")


CHECKED = (
    "it has a name under which it is registered, a claim, a source and a docstring",
    "every parameter is described; parameters are frozen, and unknown ones refused",
    "it spends at most its budget, whatever the market: little and much money, no creators, all refuse, one day",
    "it orders only what can be: creators who exist and accept the terms, days of the campaign",
    "equal views give equal orders",
    "it reads nothing but what a brand can observe (or says that it reads the truth), and writes nothing",
    "without money it orders nothing",
)


def check_strategy(cls: type[Strategy], **params: Any) -> None:
    """Run the contract of strategies on `cls`; raise `AssertionError` saying what is broken.

    What is checked stands in `CHECKED`.

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

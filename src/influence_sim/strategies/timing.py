"""Timing: on which days a campaign is on the air.

A timing is a function of the first day, the horizon and its own options; it returns a `Schedule`. Adding
one is one decorated function; its name is the name used in scenario files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from influence_sim.strategies.base import Format, PaidImpressions

GOLDEN = 0.618033988749895
TIMINGS: dict[str, Callable[..., Schedule]] = {}


class Schedule(NamedTuple):
    """Days on the air, in rising order, and the days on which creators begin: the next one hired takes the next of them."""

    days: list[int]
    launches: list[int]


def timing(function: Callable[..., Schedule]) -> Callable[..., Schedule]:
    """Register `function(start, horizon, **options) -> Schedule` under its own name."""
    TIMINGS[function.__name__] = function
    return function


def spread(days: list[int]) -> list[int]:
    """Return `days` in an order in which the first few, however many, lie evenly over them (golden-ratio steps).

    Examples
    --------
    >>> spread([0, 1, 2, 3, 4, 5, 6, 7])
    [0, 5, 2, 7, 4, 1, 6, 3]
    """
    left, chosen, at = list(days), [], 0.0
    while left:
        wanted = days[0] + at * len(days)
        nearest = min(left, key=lambda day: (abs(day - wanted), day))
        left.remove(nearest)
        chosen.append(nearest)
        at = (at + GOLDEN) % 1.0
    return chosen


@timing
def burst(start: int, horizon: int) -> Schedule:
    """Begin with everybody on the first day; more posts follow."""
    return Schedule(list(range(start, horizon)), [start])


@timing
def always_on(start: int, horizon: int) -> Schedule:
    """Be there every day: creators begin one after the other, evenly over the campaign."""
    days = list(range(start, horizon))
    return Schedule(days, spread(days))


@timing
def flights(start: int, horizon: int, flights: int = 3, duty: float = 0.25) -> Schedule:
    """Be there for a share `duty` of the days, in so many equal flights with silence between them.

    Source: flights with a duty of a quarter are common practice; the numbers are assumptions.
    """
    total = horizon - start
    number = max(1, min(int(flights), total))
    firsts = [start + k * total // number for k in range(number)]
    length = max(1, round(duty * total / number))
    days = [day for k, first in enumerate(firsts) for day in range(first, min(first + length, ([*firsts, horizon])[k + 1]))]
    return Schedule(days, firsts)


def adverts(spend: float, days: list[int], format: Format = "infeed") -> list[PaidImpressions]:
    """Return orders that spread `spend` evenly over `days`: one for each stretch of days without a gap."""
    orders: list[PaidImpressions] = []
    first = 0
    for k in range(1, len(days) + 1):
        if k == len(days) or days[k] != days[k - 1] + 1:
            orders.append(PaidImpressions(spend * (k - first) / len(days), days[first], k - first, format))
            first = k
    return orders


def registered_timings(schema: dict[str, Any]) -> None:
    """Name the timings of this moment in a parameter's JSON Schema."""
    schema["enum"] = sorted(TIMINGS)

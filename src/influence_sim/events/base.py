"""What happens to the platform on a given morning, to every arm alike."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from influence_sim.plugins import load_plugins
from influence_sim.scenario.errors import closest
from influence_sim.scenario.parameters import Market

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

LAST_DAY = 2**16  # no horizon reaches it


class Event(BaseModel, ABC):
    """Something that happens on the morning of `day`. Subclass, give `name`, `claim`, `source` and parameters.

    Defining a subclass with a `name` registers it. An event is an uncertainty, not a lever: it
    happens in every arm. It acts in two ways, either of which may be left out:

    * `changed` returns the market of a day on which the event lasts, and nothing else: every day's
      market is derived anew from the scenario's, through the events of that day in order of their
      beginning, so an event ends by not being asked.
    * `apply` is called on every morning of the event with the simulation, and writes state: columns
      through `simulation.own_column`, or `simulation.open_share`.

    Both must be deterministic; dice come from `influence_sim.rng`, keyed by person and day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str] = ""
    claim: ClassVar[str] = ""
    source: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[Event]]] = {}

    day: int = Field(ge=0, le=3649, description="Day on whose morning it happens; 0 is the first")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.name:
            Event.registry[cls.name] = cls

    @property
    def last_day(self) -> int:
        """The last day on which the event lasts."""
        return self.day

    def impossible(self, market: Market, before: Sequence[Event]) -> str:
        """Say why this event cannot happen in the scenario's market after those `before` it; an empty text when it can."""
        return ""

    def changed(self, market: Market) -> Market:
        """Return the market under this event."""
        return market

    def apply(self, simulation: Simulation) -> None:
        """Write into the simulation; called each morning of the event, before anybody acts."""
        return


class LastingEvent(Event):
    """An event that lasts, and whose change of the market then ends by itself."""

    days: int | None = Field(None, ge=1, le=3650, description="Days it lasts; to the end unless given")

    @property
    def last_day(self) -> int:
        """The last day on which the event lasts."""
        return LAST_DAY if self.days is None else self.day + self.days - 1


def event_types() -> dict[str, type[Event]]:
    """Return every registered event class by name, sorted.

    Examples
    --------
    >>> from influence_sim.events import event_types
    >>> [name for name in event_types() if name in ("outage", "feed_change")]
    ['feed_change', 'outage']
    """
    load_plugins("events")
    return dict(sorted(Event.registry.items()))


def build_event(values: Mapping[str, Any]) -> Event:
    """Make an event from the keys of a scenario file, such as ``{"event": "outage", "day": 3, "days": 1}``.

    Raises
    ------
    ValueError
        When there is no such event, or pydantic's error when its parameters are wrong.
    """
    params, known = dict(values), event_types()
    name = str(params.pop("event", ""))
    if name not in known:
        near = closest(name, known)
        raise ValueError(f"no event is called {name!r}" + (f"; did you mean `{near}`?" if near else f"; known: {', '.join(known)}"))
    return known[name].model_validate(params)


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return events by day; those of one day as given."""
    return tuple(sorted(events, key=lambda event: event.day))


def market_on(market: Market, events: Iterable[Event], day: int) -> Market:
    """Return the market of a day: `market` under the events of that day; `events` are in order."""
    for event in events:
        if event.day <= day <= event.last_day:
            market = event.changed(market)
    return market


def with_values(market: Market, group: str, **values: Any) -> Market:
    """Return the market with other parameters of one group, checked against their ranges."""
    former = getattr(market, group)
    return market.model_copy(update={group: type(former).model_validate({**former.model_dump(), **values})})


def with_feed(market: Market, **values: Any) -> Market:
    """Return the market with other feed parameters, checked against their ranges."""
    return with_values(market, "feed", **values)

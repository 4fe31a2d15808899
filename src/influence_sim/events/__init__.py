"""What happens to the platform in mid-run: one file per event, registered by name, the same in every arm.

A newcomer subclasses `Event` or `LastingEvent` (see `base.py`).
"""

from __future__ import annotations

from influence_sim.events.ad_load import AdLoad
from influence_sim.events.base import Event, LastingEvent, build_event, event_types, in_order, market_on, with_feed
from influence_sim.events.discovery_off import DiscoveryOff
from influence_sim.events.feed_change import FeedChange
from influence_sim.events.feed_reset import FeedReset
from influence_sim.events.heating import Heating
from influence_sim.events.outage import Outage

__all__ = [
    "AdLoad",
    "DiscoveryOff",
    "Event",
    "FeedChange",
    "FeedReset",
    "Heating",
    "LastingEvent",
    "Outage",
    "build_event",
    "event_types",
    "in_order",
    "market_on",
    "with_feed",
]

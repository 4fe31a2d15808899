"""What happens in mid-run: one file per event, registered by name, the same in every arm.

A newcomer subclasses `Event` or `LastingEvent` (see `base.py`), or `CreatorsEvent` (see `whom.py`).
"""

from __future__ import annotations

from influence_sim.events.ad_load import AdLoad
from influence_sim.events.base import Event, LastingEvent, build_event, event_types, in_order, market_on, with_feed, with_values
from influence_sim.events.budget_cut import BudgetCut
from influence_sim.events.cpm_inflation import CpmInflation
from influence_sim.events.creator_leaves import CreatorLeaves
from influence_sim.events.disclosure_law import DisclosureLaw
from influence_sim.events.discovery_off import DiscoveryOff
from influence_sim.events.feed_change import FeedChange
from influence_sim.events.feed_reset import FeedReset
from influence_sim.events.heating import Heating
from influence_sim.events.minors_protection import MinorsProtection
from influence_sim.events.outage import Outage
from influence_sim.events.rival_enters import RivalEnters
from influence_sim.events.scandal import Scandal
from influence_sim.events.trust_shock import TrustShock
from influence_sim.events.whom import CreatorsEvent

__all__ = [
    "AdLoad",
    "BudgetCut",
    "CpmInflation",
    "CreatorLeaves",
    "CreatorsEvent",
    "DisclosureLaw",
    "DiscoveryOff",
    "Event",
    "FeedChange",
    "FeedReset",
    "Heating",
    "LastingEvent",
    "MinorsProtection",
    "Outage",
    "RivalEnters",
    "Scandal",
    "TrustShock",
    "build_event",
    "event_types",
    "in_order",
    "market_on",
    "with_feed",
    "with_values",
]

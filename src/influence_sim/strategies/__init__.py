"""What brands do: one file per strategy, registered by name; selectors rank creators; `check_strategy` is the contract.

A newcomer subclasses `Strategy` (see `base.py`) and runs `check_strategy(MyStrategy)`.
"""

from __future__ import annotations

from influence_sim.strategies.adaptive import Adaptive
from influence_sim.strategies.always_on import AlwaysOn
from influence_sim.strategies.ambassador import Ambassador
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
from influence_sim.strategies.battery import check_strategy, synthetic_view
from influence_sim.strategies.branded_effect import BrandedEffect
from influence_sim.strategies.catalogue import build_strategy, strategy_types
from influence_sim.strategies.competitor_copy import CompetitorCopy
from influence_sim.strategies.gifting import Gifting
from influence_sim.strategies.hashtag_challenge import HashtagChallenge
from influence_sim.strategies.macro import Macro
from influence_sim.strategies.mega import Mega
from influence_sim.strategies.micro_portfolio import MicroPortfolio
from influence_sim.strategies.mixed import Mixed
from influence_sim.strategies.nano_seeding import NanoSeeding
from influence_sim.strategies.none import NoCampaign
from influence_sim.strategies.paid_infeed import PaidInFeed
from influence_sim.strategies.selectors import SELECTORS, selector
from influence_sim.strategies.split import Split
from influence_sim.strategies.takeover import Takeover
from influence_sim.strategies.timing import TIMINGS, Schedule, timing

__all__ = [
    "SELECTORS",
    "TIMINGS",
    "Adaptive",
    "AlwaysOn",
    "Ambassador",
    "Audience",
    "BrandView",
    "BrandedEffect",
    "CompetitorCopy",
    "Gifting",
    "HashtagChallenge",
    "HoldOuts",
    "Macro",
    "Mega",
    "MicroPortfolio",
    "Mixed",
    "NanoSeeding",
    "Network",
    "NoCampaign",
    "Order",
    "PaidImpressions",
    "PaidInFeed",
    "Results",
    "Sales",
    "Schedule",
    "Split",
    "SponsoredPost",
    "Strategy",
    "Takeover",
    "Terms",
    "Truth",
    "build_strategy",
    "check_strategy",
    "selector",
    "strategy_types",
    "synthetic_view",
    "timing",
]

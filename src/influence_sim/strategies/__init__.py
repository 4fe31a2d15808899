"""What brands do: one file per strategy, registered by name; selectors rank creators; `check_strategy` is the contract.

A newcomer subclasses `Strategy` (see `base.py`) and runs `check_strategy(MyStrategy)`.
"""

from __future__ import annotations

from influence_sim.strategies.adaptive import Adaptive
from influence_sim.strategies.always_on import AlwaysOn
from influence_sim.strategies.base import Audience, BrandView, Order, PaidImpressions, Results, SponsoredPost, Strategy
from influence_sim.strategies.battery import check_strategy, synthetic_view
from influence_sim.strategies.branded_effect import BrandedEffect
from influence_sim.strategies.catalogue import build_strategy, strategy_types
from influence_sim.strategies.hashtag_challenge import HashtagChallenge
from influence_sim.strategies.macro import Macro
from influence_sim.strategies.mega import Mega
from influence_sim.strategies.micro_portfolio import MicroPortfolio
from influence_sim.strategies.mixed import Mixed
from influence_sim.strategies.none import NoCampaign
from influence_sim.strategies.paid_infeed import PaidInFeed
from influence_sim.strategies.selectors import SELECTORS, selector
from influence_sim.strategies.takeover import Takeover

__all__ = [
    "SELECTORS",
    "Adaptive",
    "AlwaysOn",
    "Audience",
    "BrandView",
    "BrandedEffect",
    "HashtagChallenge",
    "Macro",
    "Mega",
    "MicroPortfolio",
    "Mixed",
    "NoCampaign",
    "Order",
    "PaidImpressions",
    "PaidInFeed",
    "Results",
    "SponsoredPost",
    "Strategy",
    "Takeover",
    "build_strategy",
    "check_strategy",
    "selector",
    "strategy_types",
    "synthetic_view",
]

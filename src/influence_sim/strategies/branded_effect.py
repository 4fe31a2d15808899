"""An effect that people use in videos of their own."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.paid_infeed import PaidInFeed


class BrandedEffect(PaidInFeed):
    """Spend the whole budget on pushing a branded lens or sticker; people may use it in videos of their own.

    It costs less than a challenge and recruits less (`formats.effect_ease`). Below its least price in this
    market it is refused.

    Examples
    --------
    >>> from influence_sim.strategies import BrandedEffect, synthetic_view
    >>> BrandedEffect().plan(synthetic_view(day=2, money=1000))[0].format
    'effect'
    """

    name = "branded_effect"
    claim = "A playful tool puts the brand into people's own videos at a lower price than a challenge."
    source = "Term papers on TikTok formats (branded lens, stickers); vendor pages: 30,000-80,000 USD."
    format = "effect"

    days: int = Field(10, ge=1, description="Days of delivery; cut at the horizon")

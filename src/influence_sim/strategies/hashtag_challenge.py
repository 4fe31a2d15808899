"""A challenge that people answer with videos of their own."""

from __future__ import annotations

from pydantic import Field

from influence_sim.strategies.paid_infeed import PaidInFeed


class HashtagChallenge(PaidInFeed):
    """Spend the whole budget on pushing a challenge; people who join make videos, which spread by the feed for nothing.

    Below the least price of a challenge in this market nothing is ordered by the platform, and it says so.

    Examples
    --------
    >>> from influence_sim.strategies import HashtagChallenge, synthetic_view
    >>> HashtagChallenge().plan(synthetic_view(day=2, money=1000))[0].format
    'challenge'
    """

    name = "hashtag_challenge"
    claim = "People who make a brand's challenge their own carry it on, so that part of the reach is not paid for."
    source = "Term papers on TikTok formats (challenges raise user creation); vendor pages: about 150,000 USD for 6 days."
    format = "challenge"

    days: int = Field(6, ge=1, description="Days of delivery; cut at the horizon")

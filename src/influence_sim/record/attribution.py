"""What dashboards credit to channels, in expected purchases; what happened is told by a paired control (`studies.credit`).

Three methods, each as platforms and agencies use it:

- `last_click`: a purchase belongs to the channel of the buyer's last click, if it is at most `attribution.window` days old.
- `multi_touch`: it is split over the channels that touched the buyer, in proportion to touches that fade with
  `attribution.touch_half_life`.
- `promo_code`: it belongs to creators when the buyer uses a code: `attribution.code_use` of those who just saw a
  creator's post, and `attribution.code_leak` of the others, who would mostly have bought anyway.

None of them asks what would have happened without the campaign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.engine.state import CHANNELS, CODE, FINE, LAST_CLICK, MULTI_TOUCH, NO_CHANNEL, WORD

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]
METHODS = ("last_click", "multi_touch", "promo_code")
PAID_FOR = CHANNELS[:WORD]  # a campaign's own channels: what a dashboard calls its result


def credited(s: Simulation, brand: int = 0) -> dict[str, Array]:
    """Return expected purchases (real units) of a brand by method and channel; each method adds up to all of them."""
    n = len(CHANNELS)
    sums = s.credit[brand] / FINE * s.world.people_per_agent
    by_code = np.zeros(n)
    by_code[0], by_code[NO_CHANNEL] = sums[CODE], sums[LAST_CLICK : LAST_CLICK + n].sum() - sums[CODE]
    values = (sums[LAST_CLICK : LAST_CLICK + n], sums[MULTI_TOUCH : MULTI_TOUCH + n], by_code)
    return {
        "method": np.repeat(METHODS, n),
        "channel": np.tile(CHANNELS, len(METHODS)),
        "purchases": np.concatenate(values),
    }


def of_campaign(table: dict[str, Array], method: str) -> float:
    """Return what a method credits to the campaign's own channels."""
    mine = (table["method"] == method) & np.isin(table["channel"], PAID_FOR)
    return float(table["purchases"][mine].sum())

"""The measures of the industry, one function each: what it is, its unit and where the definition comes from.

A measure reads the totals of a run (means over replications in a comparison) and those of its paired control.
Adding one is one decorated function; `influence-sim list measures` prints them. NaN: not defined here, such as a
price per click without clicks, or what a control is needed for in a single run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

IAB = "IAB/MRC glossary of digital advertising"
MARKETING = "Farris et al., Marketing Metrics"
#: USD per action in earned media value. There is no standard; these weights (assumption) are common agency values.
EMV_WEIGHTS = {"view": 0.008, "like": 0.10, "comment": 0.50, "share": 0.50}


@dataclass(frozen=True)
class Facts:
    """Totals of an arm and of its control, and what the product earns."""

    arm: Mapping[str, float]
    price: float
    margin: float
    control: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        """Return a total of the arm."""
        return float(self.arm.get(name, math.nan))

    def gained(self, name: str) -> float:
        """Return a total of the arm minus that of the control: what the campaign caused."""
        return self[name] - float(self.control.get(name, math.nan))


class Measure(NamedTuple):
    """A named measure."""

    name: str
    unit: str
    definition: str
    source: str
    function: Callable[[Facts], float]


MEASURES: dict[str, Measure] = {}


def measure(unit: str, source: str) -> Callable[[Callable[[Facts], float]], Callable[[Facts], float]]:
    """Register a function as a measure; its docstring is the definition."""

    def register(function: Callable[[Facts], float]) -> Callable[[Facts], float]:
        name = function.__name__
        MEASURES[name] = Measure(name, unit, " ".join((function.__doc__ or "").split()), source, function)
        return function

    return register


def over(top: float, bottom: float) -> float:
    """Return a ratio; NaN where nothing is below the line."""
    return top / bottom if bottom > 0 else math.nan


# -------------------------------------------------------------------- delivery


@measure("people", IAB)
def reach(f: Facts) -> float:
    """Different people who saw the brand's posts or ads at least once."""
    return f["reach"]


@measure("impressions", IAB)
def impressions(f: Facts) -> float:
    """Times a post or ad of the brand was shown."""
    return f["impressions"]


@measure("impressions/person", IAB)
def frequency(f: Facts) -> float:
    """Impressions per person reached."""
    return over(f["impressions"], f["reach"])


@measure("share of reach", "Agostini 1961; duplication of audiences")
def reach_duplication(f: Facts) -> float:
    """Share of the people reached whom more than one account reached."""
    return over(f["reached_by_several"], f["reach"])


@measure("share of impressions", "Share of voice within the modelled category")
def share_of_voice(f: Facts) -> float:
    """Impressions of the brand over impressions of all brands of the category."""
    return over(f["impressions"], f["category_impressions"])


@measure("share of impressions", "ICC Advertising and Marketing Communications Code: audiences of minors")
def minors_share(f: Facts) -> float:
    """Share of the brand's impressions on people under 18."""
    return over(f["minors_impressions"], f["impressions"])


@measure("share of sponsored posts", "EU consumer sweep on influencers 2024 (definition)")
def disclosure_compliance(f: Facts) -> float:
    """Share of the brand's posts by creators that are disclosed by hashtag or label."""
    return over(f["posts_disclosed"], f["posts_bought"])


@measure("Gini", "Gini coefficient over creators")
def views_gini(f: Facts) -> float:
    """Inequality of views between modelled creators: 0 all equal, 1 one has all."""
    return f["views_gini"]


# ------------------------------------------------------------------ engagement


@measure("engagements/impression", "Engagement rate by views (Socialinsider, Rival IQ)")
def engagement_rate_views(f: Facts) -> float:
    """Likes, comments and shares of the brand's posts and ads per impression."""
    return over(f["engagements"], f["impressions"])


@measure("engagements/follower/post", "Engagement rate by followers (Influencer Marketing Hub)")
def engagement_rate_followers(f: Facts) -> float:
    """Likes, comments and shares of the creators' posts per follower at the time of the post."""
    return over(f["hired_engagements"], f["follower_base"])


@measure("share of impressions", "View-through rate: completed views (IAB)")
def view_through_rate(f: Facts) -> float:
    """Share of impressions watched to the end."""
    return over(f["finished"], f["impressions"])


@measure("clicks/impression", IAB)
def click_through_rate(f: Facts) -> float:
    """Clicks per impression."""
    return over(f["clicks"], f["impressions"])


@measure("purchases/click", MARKETING)
def conversion_rate(f: Facts) -> float:
    """Expected purchases at once per click."""
    return over(f["click_purchases"], f["clicks"])


@measure("unfollows/sponsored post", "Cheng & Zhang, Management Science: the cost of sponsoring in followers")
def unfollows_per_post(f: Facts) -> float:
    """Unfollows of creators beyond the control's, per sponsored post."""
    return over(f.gained("unfollows_total"), f["posts_bought"])


# ----------------------------------------------------------------------- price


@measure("USD/1000 impressions", IAB)
def cpm(f: Facts) -> float:
    """Spend per thousand impressions."""
    return over(1000.0 * f["spend"], f["impressions"])


@measure("USD/engagement", IAB)
def cpe(f: Facts) -> float:
    """Spend per engagement."""
    return over(f["spend"], f["engagements"])


@measure("USD/click", IAB)
def cpc(f: Facts) -> float:
    """Spend per click."""
    return over(f["spend"], f["clicks"])


@measure("USD/purchase", IAB)
def cpa(f: Facts) -> float:
    """Spend per purchase that last click credits to the campaign."""
    return over(f["spend"], f["attributed_purchases"])


@measure("USD/new customer", MARKETING)
def cac(f: Facts) -> float:
    """Spend per new customer beyond the control's."""
    return over(f["spend"], f.gained("new_customers"))


# ----------------------------------------------------------------------- lift


@measure("purchases", "Incrementality by a paired control: Gordon et al. 2022")
def incremental_purchases(f: Facts) -> float:
    """Expected purchases beyond those of the control."""
    return f.gained("expected_purchases")


@measure("percentage points", "Brand lift: exposed against what they would have been (Gordon et al. 2022)")
def awareness_lift(f: Facts) -> float:
    """Awareness of the people reached at the end, beyond what it would have been: people aware beyond the control's over reach."""
    return 100.0 * over(f.gained("aware_end"), f["reach"])


@measure("%", "Brand lift, relative (Gordon et al. 2022)")
def awareness_lift_relative(f: Facts) -> float:
    """Awareness lift over the awareness that the people reached would have had."""
    return 100.0 * over(f.gained("aware_end"), f["aware_reached"] - f.gained("aware_end"))


@measure("percentage points", "Brand lift: exposed against what they would have been (Gordon et al. 2022)")
def consideration_lift(f: Facts) -> float:
    """The same for people who consider the brand or have bought it."""
    return 100.0 * over(f.gained("considered_end"), f["reach"])


@measure("%", "Brand lift, relative (Gordon et al. 2022)")
def consideration_lift_relative(f: Facts) -> float:
    """Consideration lift over the consideration that the people reached would have had."""
    return 100.0 * over(f.gained("considered_end"), f["considered_reached"] - f.gained("considered_end"))


# ---------------------------------------------------------------------- return


@measure("USD/USD", MARKETING)
def roas(f: Facts) -> float:
    """Revenue that last click credits to the campaign, per USD spent."""
    return over(f.price * f["attributed_purchases"], f["spend"])


@measure("USD/USD", "Incremental return on ad spend: Gordon et al. 2022")
def iroas(f: Facts) -> float:
    """Revenue beyond the control's per USD spent."""
    return over(f.price * f.gained("expected_purchases"), f["spend"])


@measure("USD/USD", MARKETING)
def roi(f: Facts) -> float:
    """Gross profit beyond the control's, minus spend, per USD spent."""
    return over(f.price * f.margin * f.gained("expected_purchases") - f["spend"], f["spend"])


@measure("USD", "No standard; weights are EMV_WEIGHTS: view .008, like .10, comment .50, share .50")
def emv(f: Facts) -> float:
    """Earned media value: views and engagements of the brand's posts and ads at list prices."""
    parts = {"view": f["impressions"], "like": f["brand_likes"], "comment": f["brand_comments"], "share": f["brand_shares"]}
    return sum(EMV_WEIGHTS[name] * count for name, count in parts.items())


@measure("USD/USD", "Influencer Marketing Hub 2020: 5.78 (claimed)")
def emv_ratio(f: Facts) -> float:
    """Earned media value per USD spent."""
    return over(emv(f), f["spend"])


# ------------------------------------------------------------------- customers


@measure("share of customers", MARKETING)
def repeat_rate_90(f: Facts) -> float:
    """Share of new customers who buy the brand again within 90 days, of those whose 90 days lie in the run."""
    return over(f["repeat_90"], f["repeat_base_90"])


@measure("USD/customer", MARKETING)
def customer_value(f: Facts) -> float:
    """Historic customer lifetime value: gross profit per customer within the run."""
    return over(f.price * f.margin * f["purchases"], f["customers"])

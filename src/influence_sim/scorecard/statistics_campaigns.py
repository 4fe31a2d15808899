"""Statistics of campaigns: pure functions of the tables of arms that played in the same world under the same dice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from influence_sim.engine.state import MADE
from influence_sim.scorecard.campaigns import AFTER, START
from influence_sim.scorecard.crawl import Tables
from influence_sim.scorecard.statistics import Runs, statistic, tables
from influence_sim.studies.platform import Array

EMV = {"impressions": 0.008, "likes": 0.10, "comments": 0.50, "shares": 0.50}  # USD each; the usual weights, assumption


def bought(table: Tables, account: bool = False) -> dict[str, Array]:
    """Return the brand's own sponsored posts by creators, or (`account`) by its own account."""
    rows = table["posts"]
    mine = (rows["brand"] == 0) & (rows["account"] == account)
    return {name: column[mine] for name, column in rows.items()}


def engaged(rows: Mapping[str, Array]) -> Array:
    """Return likes, comments and shares of posts."""
    total: Array = rows["likes"] + rows["comments"] + rows["shares"]
    return total


def extra(table: Tables, control: Tables) -> float:
    """Return expected purchases above those of the arm without a campaign."""
    return float(table["totals"]["expected_purchases"] - control["totals"]["expected_purchases"])


def roi(table: Tables, control: Tables) -> float:
    """Return (incremental gross profit - spend) / spend."""
    spend = table["totals"]["spend"]
    profit = extra(table, control) * table["price"] * table["margin"] - spend
    return float(profit / spend) if spend > 0 else math.nan


@statistic
def ctr(runs: Runs) -> float:
    """Return clicks over impressions of the brand's posts and ads, pooled over the runs."""
    totals = [t["totals"] for t in tables(runs)]
    return float(sum(t["clicks"] for t in totals) / sum(t["impressions"] for t in totals))


@statistic
def cpm(runs: Runs) -> float:
    """Return USD per thousand impressions."""
    totals = tables(runs)[0]["totals"]
    return float(1000.0 * totals["spend"] / totals["impressions"])


@statistic
def conversion(runs: Runs) -> float:
    """Return extra purchases per click (campaign, control)."""
    table, control = tables(runs)
    return extra(table, control) / float(table["totals"]["clicks"])


@statistic
def conversion_ratio(runs: Runs) -> float:
    """Return extra purchases per click of the second run over those of the third (control, a, b)."""
    control, a, b = tables(runs)
    return conversion({"a": a, "c": control}) / conversion({"b": b, "c": control})


@statistic
def conversion_ratio_change(runs: Runs) -> float:
    """Return the ratio of the last three runs minus that of the first three."""
    names = list(runs)
    before, after = ({name: runs[name] for name in part} for part in (names[:3], names[3:]))
    return conversion_ratio(after) - conversion_ratio(before)


def _per_follower(table: Tables, control: Tables) -> tuple[float, float]:
    """Return revenue per follower of the audiences hired, and their mean size."""
    audience = bought(table)["audience"]
    return extra(table, control) * table["price"] / float(audience.sum()), float(audience.mean())


@statistic
def revenue_per_follower_ratio(runs: Runs) -> float:
    """Return revenue per follower of the second run over that of the third (control, a, b)."""
    control, a, b = tables(runs)
    return _per_follower(a, control)[0] / _per_follower(b, control)[0]


@statistic
def revenue_per_follower_slope(runs: Runs) -> float:
    """Return the slope of log revenue per follower on log followers between the two (control, a, b)."""
    control, a, b = tables(runs)
    (ra, fa), (rb, fb) = _per_follower(a, control), _per_follower(b, control)
    return math.log(ra / rb) / math.log(fa / fb) if ra > 0 and rb > 0 else math.nan


@statistic
def roi_difference(runs: Runs) -> float:
    """Return the return of the second run minus that of the third (control, a, b)."""
    control, a, b = tables(runs)
    return roi(a, control) - roi(b, control)


@statistic
def interior(runs: Runs) -> float:
    """Return the best return of the middle classes minus the better of the two ends (control, classes by size)."""
    control, *classes = tables(runs)
    returns = [roi(t, control) for t in classes]
    return max(returns[1:-1]) - max(returns[0], returns[-1])


@statistic
def smallest_wins(runs: Runs) -> float:
    """Return the return of the smallest class minus the best of the others (control, classes by size)."""
    control, *classes = tables(runs)
    returns = [roi(t, control) for t in classes]
    return returns[0] - max(returns[1:])


@statistic
def spend_elasticity(runs: Runs, times: str) -> float:
    """Return ln of the ratio of engagements over ln of the ratio of spending (poorer, richer)."""
    a, b = (t["totals"] for t in tables(runs))
    gain = math.log(b["engagements"] / a["engagements"]) if a["engagements"] > 0 else math.nan
    return gain / math.log(b["spend"] / a["spend"])


@statistic
def spend_bend(runs: Runs, times: str) -> float:
    """Return the elasticity at small budgets minus that at large ones (poor, base, rich)."""
    poor, base, rich = tables(runs)
    return spend_elasticity({"a": poor, "b": base}, times) - spend_elasticity({"a": base, "b": rich}, times)


@statistic
def unfollows(runs: Runs) -> float:
    """Return followers lost above the control per follower and sponsored post, in % (campaigns, control last)."""
    *arms, control = tables(runs)
    lost = float(sum(t["unfollows"] - control["unfollows"] for t in arms))
    return 100.0 * lost / sum(float(bought(t)["audience"].sum()) for t in arms)


@statistic
def emv(runs: Runs) -> float:
    """Return earned media value over spend."""
    table = tables(runs)[0]
    rows = bought(table)
    return sum(weight * float(rows[name].sum()) for name, weight in EMV.items()) / float(table["totals"]["spend"])


@statistic
def engagement_clicks(runs: Runs) -> float:
    """Return the rank correlation of engagement per view and clicks per view over creators hired."""
    from scipy.stats import spearmanr

    rows = bought(tables(runs)[0])
    creator, group = np.unique(rows["creator"], return_inverse=True)
    views, likes, clicks = (np.bincount(group, x) for x in (rows["impressions"], engaged(rows), rows["clicks"]))
    keep = views > 0
    return float(spearmanr(likes[keep] / views[keep], clicks[keep] / views[keep]).statistic) if len(creator) > 5 else math.nan


@statistic
def curvature(runs: Runs) -> float:
    """Return the quadratic coefficient of log engagement per view on log followers over sponsored posts."""
    rows = bought(tables(runs)[0])
    keep = (engaged(rows) > 0) & (rows["audience"] > 0)
    x = np.log(rows["audience"][keep])
    return float(np.polyfit(x - x.mean(), np.log(engaged(rows)[keep] / rows["impressions"][keep]), 2)[0]) if keep.sum() > 5 else math.nan


@statistic
def engagement_change(runs: Runs) -> float:
    """Return log engagement per view of sponsored posts in the first run minus the second, pooled."""
    a, b = (bought(t) for t in tables(runs))
    rate_a, rate_b = (float(engaged(x).sum() / x["impressions"].sum()) for x in (a, b))
    return math.log(rate_a / rate_b) if min(rate_a, rate_b) > 0 else math.nan


@statistic
def later_engagement(runs: Runs) -> float:
    """Return the same for organic posts after the campaign by creators that both runs hired."""
    both = np.intersect1d(*(t["hired"] for t in tables(runs)))
    rates = []
    for table in tables(runs):
        rows = table["posts"]
        own = (rows["advert"] == 0) & (rows["posted"] >= AFTER) & np.isin(rows["creator"], both)
        rates.append(float(engaged(rows)[own].sum() / rows["impressions"][own].sum()))
    return math.log(rates[0] / rates[1]) if min(rates) > 0 else math.nan


@statistic
def attitude_difference(runs: Runs) -> float:
    """Return the mean attitude of those reached in the first run minus the second."""
    a, b = (t["people"] for t in tables(runs))
    return float(a["attitude"][a["reached"] > 0].mean() - b["attitude"][b["reached"] > 0].mean())


@statistic
def organic_change(runs: Runs) -> float:
    """Return log organic likes per view in the first run minus the second."""
    a, b = tables(runs)
    return math.log(a["organic_rate"] / b["organic_rate"])


@statistic
def follow_ratio(runs: Runs) -> float:
    """Return follows per view of creators' sponsored posts over those of what the brand's own account posts."""
    table = tables(runs)[0]
    rows = table["posts"]
    own = rows["account"] & (rows["sponsored"] == 0)
    hired = bought(table)
    return float((hired["follows"].sum() / hired["impressions"].sum()) / (rows["follows"][own].sum() / rows["impressions"][own].sum()))


@statistic
def follow_ratio_change(runs: Runs) -> float:
    """Return that ratio of the second run minus that of the first."""
    before, after = tables(runs)
    return follow_ratio({"": after}) - follow_ratio({"": before})


@statistic
def by_size(runs: Runs, name: str) -> float:
    """Return the slope on log followers of `trust`, `tie` or `match`."""
    return float(tables(runs)[0]["by_size"][name])


@statistic
def recall(runs: Runs) -> float:
    """Return awareness of those reached who engaged with advertising minus that of the others reached."""
    table = tables(runs)[0]
    reached, aware, did = table["people"]["reached"] > 0, table["people"]["aware"], table["engaged"]
    return float(aware[reached & did].mean() - aware[reached & ~did].mean())


@statistic
def lift(runs: Runs, name: str) -> float:
    """Return the relative lift among those the campaign reached (control, campaign)."""
    control, campaign = (t["people"] for t in tables(runs))
    reached = campaign["reached"] > 0
    return float(campaign[name][reached].mean() / control[name][reached].mean() - 1.0)


@statistic
def relative_change(runs: Runs) -> float:
    """Return the change of log purchases of the second over the third arm (control, a, b; then the same in the other market)."""
    c0, a0, b0, c1, a1, b1 = tables(runs)
    gains = [extra(*pair) for pair in ((a0, c0), (b0, c0), (a1, c1), (b1, c1))]
    return math.log(gains[2] / gains[3]) - math.log(gains[0] / gains[1]) if min(gains) > 0 else math.nan


@statistic
def winners(runs: Runs) -> float:
    """Return how many arms are best for some goal (reach, engagements, profit) in some market of the runs."""
    best = set()
    for variant in dict.fromkeys(name.partition(":")[0] for name in runs):
        arms = {name.partition(":")[2]: t for name, t in runs.items() if name.startswith(f"{variant}:")}
        control = arms.pop("none")
        goals: Sequence[Callable[[Any], float]] = (
            lambda t: float(t["totals"]["reach"]),
            lambda t: float(t["totals"]["engagements"]),
            lambda t, control=control: roi(t, control),  # type: ignore[misc]
        )
        for goal in goals:
            worth = {arm: goal(t) for arm, t in arms.items() if t["totals"]["spend"] > 0}
            best.add(max(worth, key=lambda arm: worth[arm]))
    return float(len(best))


@statistic
def wear(runs: Runs) -> float:
    """Return log engagement per view of sponsored posts in the last third of the campaign minus the first."""
    rows = bought(tables(runs)[0])
    third = (rows["posted"].max() - START) / 3
    parts = [rows["posted"] < START + third, rows["posted"] >= rows["posted"].max() - third]
    first, last = (float(engaged(rows)[p].sum() / rows["impressions"][p].sum()) for p in parts)
    return math.log(last / first) if min(first, last) > 0 else math.nan


@statistic
def wear_change(runs: Runs) -> float:
    """Return that of the second run minus that of the first."""
    a, b = (wear({"": t}) for t in tables(runs))
    return b - a


@statistic
def purchases_change(runs: Runs) -> float:
    """Return log extra purchases per sponsored post of the second run minus the third (control, a, b)."""
    control, a, b = tables(runs)
    gains = [extra(t, control) / len(bought(t)["posted"]) for t in (a, b)]
    return math.log(gains[0] / gains[1]) if min(gains) > 0 else math.nan


@statistic
def purchases_change_change(runs: Runs) -> float:
    """Return that of the last three runs minus that of the first three."""
    names = list(runs)
    before, after = ({name: runs[name] for name in part} for part in (names[:3], names[3:]))
    return purchases_change(after) - purchases_change(before)


@statistic
def micro_share(runs: Runs, low: str, high: str, days: str) -> float:
    """Return the share of what was paid in the last `days` that went to creators with `low` to `high` followers."""
    paid = tables(runs)[0]["spent"]
    late = paid["day"] > paid["day"].max() - float(days)
    micro = late & (paid["followers"] >= float(low)) & (paid["followers"] < float(high))
    return float(paid["usd"][micro].sum() / paid["usd"][late].sum())


@statistic
def user_videos(runs: Runs) -> float:
    """Return videos that people made for the brand's challenge per 1,000 people reached."""
    table = tables(runs)[0]
    made = float((table["posts"]["format"] == MADE).sum() * table["scale"])
    return 1000.0 * made / float(table["totals"]["reach"])

"""Discovery over replications: each measure's mean with its interval, and one run's measures in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from influence_sim.studies.statistics import mean_interval

if TYPE_CHECKING:
    import pandas as pd

    from influence_sim.record import RunResult

COLUMNS = ("strategy", "measure", "of", "value", "lo", "hi", "unit", "worlds")


def discovery_table(runs: Iterable[RunResult]) -> pd.DataFrame:
    """Return the mean of every discovery measure over replications, per strategy.

    Parameters
    ----------
    runs : of any number of strategies and replications, as `run_all` returns them

    Returns
    -------
    DataFrame
        `COLUMNS`: `lo` and `hi` bound the mean (95 %, BCa bootstrap over replications, which are
        independent, unlike posts); `worlds` counts the replications in which the measure has a value.
    """
    import pandas as pd

    from influence_sim.record.discovery import discovery

    tables = [pd.DataFrame(discovery(run)).assign(strategy=run.strategy) for run in runs]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = []
    groups: Any = pd.concat(tables).groupby(["strategy", "measure", "of", "unit"], sort=False)
    for (strategy, measure, of, unit), part in groups:
        values = part["value"].dropna().to_numpy()
        found = mean_interval(values)
        rows.append((strategy, measure, of, found.value, found.lo, found.hi, unit, len(values)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def discovery_words(table: Mapping[str, Any]) -> list[str]:
    """Return the measures of one run (`record.discovery`) as sentences; what could not be measured is left out."""
    rows = zip(*(list(table[name]) for name in ("measure", "of", "value", "n")), strict=True)
    found = {(str(m), str(of)): (float(value), int(n)) for m, of, value, n in rows if math.isfinite(value)}

    def value(measure: str, of: str = "") -> float:
        return found.get((measure, of), (math.nan, 0))[0]

    def share(measure: str, of: str = "") -> str:
        return _percent(value(measure, of))

    def parts(measure: str) -> list[tuple[str, float]]:
        return [(of, x) for (m, of), (x, _) in found.items() if m == measure]

    lines = []
    if ("views_gini", "") in found:
        posts = found["views_gini", ""][1]
        lines.append(
            f"The most viewed tenth of {posts:,} organic posts has {share('views_of_top', '10% of posts')} of their views "
            f"(Gini {value('views_gini'):.2f})."
        )
        sources = sorted((item for item in parts("views_by_source") if item[1] > 0), key=lambda item: -item[1])
        named = ", ".join(f"{name} {_percent(x)}" for name, x in sources)
        lines.append(f"{share('views_by_non_followers')} of views are by people who do not follow the author. Sources: {named}.")
    within = [f"{_percent(x)} {of.replace(' d', ' days').replace('1 days', 'a day')}" for of, x in parts("thousand_views")]
    if within:
        lines.append(f"1,000 views: {', '.join(within)} of posting.")
    outran = [f"{_percent(x)} at {of.removesuffix(' followers')}" for of, x in parts("outran_followers")]
    if outran:
        lines.append(f"Posts with more than 10 views per follower: {', '.join(outran)} followers.")
    if ("follows_by_discovery", "") in found:
        lines.append(f"Creators gained {value('follows_discovered', 'per creator'):,.0f} followers each on average through discovery.")
    stages = [f"{_percent(x)} of {found['stage_passed', of][1]:,}" for of, x in parts("stage_passed")]
    if stages:
        lines.append(f"Test stages passed, first to last: {', '.join(stages)} posts.")
    if ("likeness", "posts") in found:
        lines.append(
            f"Two people's feeds have {share('likeness', 'posts')} of their modelled posts in common (drawn at random: "
            f"{share('likeness_at_random', 'posts')}); likeness of their topics {value('likeness', 'topics'):.2f} "
            f"(at random: {value('likeness_at_random', 'topics'):.2f})."
        )
    if ("cascade_size", "mean") in found:
        size, largest = found["cascade_size", "mean"], found["cascade_size", "largest"][0]
        lines.append(
            f"{size[1]:,} posts were shared: {size[0]:.1f} members a cascade, {largest:,.0f} in the largest, "
            f"structural virality {value('cascade_structural_virality', 'mean'):.2f}."
        )
    return lines


def _percent(x: float) -> str:
    size = 100 * x
    return f"{size:.0f} %" if size >= 9.95 or size == 0 else f"{size:.2g} %"

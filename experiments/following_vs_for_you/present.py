"""What the experiment says: the measures asked for, the finding in words, tables, figures and the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from influence_sim._version import __version__
from influence_sim.figures.platforms import Panel, paired_measures, views_by_limit
from influence_sim.figures.style import percent, to_svg
from influence_sim.record.unknown import EVERYBODY, LIMITS, LOWER_HALF, UNKNOWN
from influence_sim.report.experiment import Answer, experiment_page
from influence_sim.scenario import Scenario
from influence_sim.studies.compare import UNDECIDED
from influence_sim.studies.platforms import A_HIGHER, B_HIGHER, Measure, difference_writer, pair_of, say_pair

COMMAND = "python experiments/following_vs_for_you/run.py"
CLASS = f"under {UNKNOWN:,.0f} followers"
VIEWS, INEQUALITY, TIME = Measure("views_of_unknown", CLASS), Measure("views_gini"), Measure("thousand_views_mean_days", EVERYBODY)
HEADLINE = (VIEWS, INEQUALITY, TIME)
UNKNOWN_TIME = TIME._replace(of=CLASS)
# Rows of the page's table, from the question to the side conditions.
LISTED = (
    *HEADLINE, UNKNOWN_TIME, *(Measure("views_of_unknown", f"under {x:,.0f} followers") for x in LIMITS if x != UNKNOWN),
    Measure("views_of_unknown", LOWER_HALF),
    Measure("creators_unknown", CLASS), Measure("followers_of_unknown", CLASS), Measure("posts_of_unknown", CLASS),
    Measure("views_by_non_followers_of", CLASS), Measure("views_by_non_followers_of", EVERYBODY), Measure("views_of_top", "10% of posts"),
    Measure("thousand_views", "within 1 d"), Measure("thousand_views", "within 7 d"), Measure("thousand_views_days", "median post"),
    Measure("views_per_post", CLASS), Measure("views_per_post", EVERYBODY),
    Measure("slots", "modelled"), Measure("slots", "outside"), Measure("slots", "empty"),
)  # fmt: skip
NAMES = {
    "views_of_unknown": "share of views of creators", "views_gini": "Gini coefficient of views", "creators_unknown": "share of creators",
    "thousand_views_mean_days": "mean days to 1,000 views (7 at most)", "followers_of_unknown": "share of follows at the start",
    "posts_of_unknown": "share of posts", "views_by_non_followers_of": "share of views by non-followers",
    "views_of_top": "share of views of the most viewed", "thousand_views": "share of posts with 1,000 views",
    "thousand_views_days": "days to 1,000 views", "views_per_post": "views per post", "slots": "share of slots",
}  # fmt: skip


def number(value: float) -> str:
    """Return a Gini coefficient or a number of days."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def count(value: float) -> str:
    """Return a number of views."""
    return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")


def writer(unit: str) -> Any:
    """Return how values of a unit are written."""
    return percent if unit.startswith("share") else count if unit == "views" else number


PANELS = (
    Panel(VIEWS, "Views of unknown creators", "share of views", percent),
    Panel(INEQUALITY, "Inequality of posts' views", "Gini coefficient (0 all equal)", number),
    Panel(TIME, "Days to 1,000 views", "mean days (7 at most)", number),
)


def finding(pairs: pd.DataFrame) -> str:
    """Return the answer in one sentence."""
    row = pair_of(pairs, VIEWS)
    a, b = row["platform_a"], row["platform_b"]
    if row["verdict"] == UNDECIDED:
        return f"{a} and {b}: cannot tell them apart in the share of views that unknown creators win"
    return f"Creators with {CLASS} win {percent(row['a'])} of views on {a} and {percent(row['b'])} on {b}, in the same worlds"


def answer(pairs: pd.DataFrame) -> list[str]:
    """Return the answer in sentences."""
    rows = {measure: pair_of(pairs, measure) for measure in LISTED}

    def both(measure: Measure, write: Any = percent) -> str:
        row = rows[measure]
        return f"{write(row['a'])} on {row['platform_a']} and {write(row['b'])} on {row['platform_b']}"

    has = [percent(rows[Measure(name, CLASS)]["a"]) for name in ("creators_unknown", "followers_of_unknown", "posts_of_unknown")]
    lines = [f"Unknown creators ({CLASS} at the start): {has[0]} of creators, with {has[1]} of follows and {has[2]} of posts."]
    lines += [f"{panel.name}: {say_pair(rows[panel.measure], panel.write)}." for panel in PANELS]
    lines.append(f"Days to 1,000 views of unknown creators' posts: {say_pair(rows[UNKNOWN_TIME], number)}.")
    lines.append(f"Views of unknown creators by people who do not follow them: {both(Measure('views_by_non_followers_of', CLASS))}.")
    slots = [both(Measure("slots", of)) for of in ("empty", "outside")]
    lines.append(
        f"The feeds do not show equally many modelled posts: empty slots are {slots[0]}, slots with the rest of the platform "
        f"{slots[1]}; a modelled post gets {both(Measure('views_per_post', EVERYBODY), count)} views. Shares can be compared; "
        "counts and times carry that difference with them."
    )
    return lines


def table(pairs: pd.DataFrame) -> list[list[str]]:
    """Return the rows of the page's table of measures."""
    rows = []
    for measure in LISTED:
        row = pair_of(pairs, measure)
        write = writer(row["unit"])
        name = f"{NAMES[measure.name]}{', ' if measure.of else ''}{measure.of}"
        shown = [_interval(row[side], row[f"{side}_lo"], row[f"{side}_hi"], write) for side in "ab"]
        apart = _interval(row["difference"], row["lo"], row["hi"], difference_writer(row["unit"], write)) or row["note"]
        rows.append([name, *shown, apart, "" if math.isnan(row["p_holm"]) else f"{row['p_holm']:.2g}", _verdict(row)])
    return rows


def _verdict(row: Mapping[str, Any]) -> str:
    higher = {A_HIGHER: row["platform_a"], B_HIGHER: row["platform_b"]}.get(row["verdict"])
    return f"{higher} higher" if higher else str(row["verdict"])


def _interval(value: float, lo: float, hi: float, write: Any) -> str:
    if not math.isfinite(value):
        return ""
    return f"{write(value)} ({write(lo)} to {write(hi)})" if math.isfinite(lo) else write(value)


def write(folder: Path, worlds: pd.DataFrame, pairs: pd.DataFrame, scenarios: Mapping[str, Scenario]) -> None:
    """Write tables, figures and the page to a folder."""
    a, b = scenarios.values()
    people, n = a.market.people, a.replications
    source = f"following_vs_for_you · scenarios {a.digest[:12]} and {b.digest[:12]} · {n} worlds · influence_sim {__version__}"
    figures = {
        "paired_measures": paired_measures(worlds, pairs, PANELS, finding(pairs), source),
        "views_by_limit": views_by_limit(pairs, LIMITS, source),
    }
    told = Answer(
        finding=finding(pairs), question=a.question, answer=answer(pairs),
        facts=[("worlds, each on both platforms", str(n)), ("simulated people", f"{people.agents:,}"),
               ("real people", f"{people.population:,}"), ("modelled creators", f"{a.market.creators.count:,}"),
               ("days", str(a.horizon)), ("world seed, path seed", f"{a.world_seed}, {a.path_seed}")],
        caption="All measures: mean of worlds with 95 % BCa interval",
        columns=["measure", *scenarios, " − ".join(scenarios), "p (Holm)", "verdict"],
        rows=table(pairs), text=(Path(__file__).parent / "question.md").read_text(encoding="utf-8"), command=COMMAND, footer=source,
    )  # fmt: skip
    (folder / "page.html").write_text(experiment_page(told, figures), encoding="utf-8", newline="\n")
    for name, figure in figures.items():
        (folder / f"{name}.svg").write_text(to_svg(figure, name), encoding="utf-8", newline="\n")
    for name, frame in (("worlds", worlds), ("pairs", pairs)):
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")

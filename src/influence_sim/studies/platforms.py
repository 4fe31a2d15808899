"""The same worlds on two platforms: what discovery makes of them, paired world by world."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from influence_sim.record import RunResult
from influence_sim.record.discovery import discovery
from influence_sim.record.unknown import unknown
from influence_sim.scenario.schema import Scenario
from influence_sim.studies.compare import A_BETTER, ALPHA, B_BETTER, UNDECIDED
from influence_sim.studies.runner import CONTROL, arms, run_all
from influence_sim.studies.statistics import compare_pair, holm, mean_interval

WORLDS = ("platform", "replication", "measure", "of", "value", "unit", "n", "note")
PAIRS = (
    "measure", "of", "unit", "platform_a", "a", "a_lo", "a_hi", "platform_b", "b", "b_lo", "b_hi", "difference", "lo", "hi",
    "p_permutation", "p_holm", "worlds", "worlds_a_higher", "verdict", "note",
)  # fmt: skip
A_HIGHER, B_HIGHER = (words.replace("better", "higher") for words in (A_BETTER, B_BETTER))
Progress = Callable[[str, int, int], None]


class Measure(NamedTuple):
    """Names a row of the tables: a measure and what it is of."""

    name: str
    of: str = ""


def slots(run: RunResult) -> dict[str, Any]:
    """Return the shares of feed slots that showed a modelled post, one of the rest of the platform, or nothing."""
    filled = {name: float(run.daily[f"views_{name}"].sum()) for name in ("modelled", "outside", "empty")}
    total = sum(filled.values())
    values = [x / total if total > 0 else math.nan for x in filled.values()]
    note = "" if total > 0 else "nobody opened the feed"
    return {"measure": "slots", "of": list(filled), "value": values, "unit": "share of slots", "n": round(total), "note": note}


def measured(platform: str, runs: Iterable[RunResult]) -> pd.DataFrame:
    """Return every discovery measure of every run, one a row (`WORLDS`)."""
    found = [
        pd.DataFrame(table).assign(platform=platform, replication=run.replication)
        for run in runs
        for table in (discovery(run), unknown(run), slots(run))
    ]
    return pd.concat(found, ignore_index=True)[list(WORLDS)] if found else pd.DataFrame(columns=list(WORLDS))


def run_platforms(scenarios: Mapping[str, Scenario], jobs: int | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Run the same worlds, without a campaign, on several platforms and return the measures of every run.

    Parameters
    ----------
    scenarios : by platform; they may differ in `market.feed`, name and question only
    jobs : processes at the same time, as in `run_all`
    progress : called with (platform, runs done, runs of this platform)

    Raises
    ------
    ValueError
        When the scenarios would not play in the same worlds, or have a campaign.
    RunError
        When a run fails.
    """
    _same_worlds(scenarios)
    tell = progress or (lambda platform, done, total: None)
    tables = []
    for platform, scenario in scenarios.items():
        runs = run_all(scenario, jobs, lambda done, total, _, platform=platform: tell(platform, done, total))  # type: ignore[misc]
        tables.append(measured(platform, runs))
    return pd.concat(tables, ignore_index=True)


def _same_worlds(scenarios: Mapping[str, Scenario]) -> None:
    def world(scenario: Scenario) -> dict[str, Any]:
        told = scenario.model_dump(exclude={"name", "question", "tiers", "objective", "precision"})
        told["market"].pop("feed")
        return told

    (first, base), *others = scenarios.items()
    for name, scenario in others:
        differ = [key for key, value in world(base).items() if value != world(scenario)[key]]
        if differ:
            raise ValueError(f"`{first}` and `{name}` are not the same world: they differ in {', '.join(differ)}")
    if [base.strategies[label].strategy for label in arms(base) if label in base.strategies] not in ([], [CONTROL]):
        raise ValueError(f"platforms are compared without a campaign; the only strategy may be `{CONTROL}`")


def paired(worlds: pd.DataFrame, a: str, b: str, headline: Sequence[Measure]) -> pd.DataFrame:
    """Return the mean of every measure on both platforms and the difference, a minus b, world by world.

    Parameters
    ----------
    worlds : what `run_platforms` returns
    a, b : two of its platforms
    headline : the measures that were asked for beforehand: their p-values are adjusted together (Holm), and
        only they get a verdict

    Returns
    -------
    DataFrame
        `PAIRS`; intervals are BCa, 95 %. A measure that is not known in every world has a `note` and no numbers:
        the worlds in which it is known would be a selection.
    """
    rows = []
    for (measure, of, unit), part in worlds.groupby(["measure", "of", "unit"], sort=False):
        table = part.pivot(index="replication", columns="platform", values="value").reindex(columns=[a, b])
        x, y = table[a].to_numpy(float), table[b].to_numpy(float)
        known = bool(np.isfinite(table.to_numpy(float)).all())
        found = compare_pair(x, y)
        where = [f"in {int(np.isfinite(v).sum())} of {len(v)} worlds on {name}" for name, v in ((a, x), (b, y))]
        note = "" if known else f"known {' and '.join(where)}"
        rows.append((
            measure, of, unit, a, *mean_interval(x), b, *mean_interval(y), *found.difference, found.p, math.nan, len(table),
            int((x > y).sum()) if known else math.nan, "", note,
        ))  # fmt: skip
    pairs = pd.DataFrame(rows, columns=list(PAIRS))
    places = [_place(pairs, measure) for measure in headline]
    for place, p in zip(places, holm(pairs.loc[places, "p_permutation"].to_numpy(float)), strict=True):
        lo, hi = float(pairs["lo"].iloc[place]), float(pairs["hi"].iloc[place])
        apart = (lo > 0 or hi < 0) and p <= ALPHA
        pairs.loc[place, "p_holm"] = p
        pairs.loc[place, "verdict"] = (A_HIGHER if lo > 0 else B_HIGHER) if apart else UNDECIDED
    return pairs


def _place(pairs: pd.DataFrame, measure: Measure) -> int:
    found = pairs.index[(pairs["measure"] == measure.name) & (pairs["of"] == measure.of)]
    if len(found) != 1:
        raise KeyError(f"no measure {measure.name!r} of {measure.of!r}")
    return int(found[0])


def pair_of(pairs: pd.DataFrame, measure: Measure) -> dict[str, Any]:
    """Return the row of a measure; `KeyError` when there is none."""
    return {str(k): v for k, v in pairs.loc[_place(pairs, measure)].to_dict().items()}


def difference_writer(unit: str, write: Callable[[float], str]) -> Callable[[float], str]:
    """Return how differences are written: those of shares are points, not percent."""
    return (lambda value: write(value).replace("%", "points")) if unit.startswith("share") else write


def say_pair(row: Mapping[str, Any], write: Callable[[float], str]) -> str:
    """Return both means and the difference with its interval; a headline that cannot be told apart says so."""
    if row["note"]:
        return f"not known in every world ({row['note']})"
    apart = difference_writer(row["unit"], write)
    text = f"{write(row['a'])} on {row['platform_a']}, {write(row['b'])} on {row['platform_b']}; difference {apart(row['difference'])}"
    sure = math.isfinite(row["lo"])
    text += f" (95 % interval {apart(row['lo'])} to {apart(row['hi'])})" if sure else " (too few worlds for an interval)"
    return f"{UNDECIDED}: {text}" if row["verdict"] == UNDECIDED else text

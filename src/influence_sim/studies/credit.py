"""What dashboards and measures say, beside what happened: tables over replications."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from influence_sim.record.attribution import METHODS, of_campaign
from influence_sim.record.measures import MEASURES, Facts, Measure
from influence_sim.studies.runner import arms, control_label
from influence_sim.studies.statistics import CONFIDENCE, Estimate, mean_interval, ratio_interval

if TYPE_CHECKING:
    from influence_sim.record import RunResult
    from influence_sim.scenario.schema import Scenario

ATTRIBUTION = ("strategy", "method", "channel", "credited", "credited_lo", "credited_hi", "truth", "error", "error_lo", "error_hi")
MEASURED = ("strategy", "measure", "value", "lo", "hi", "unit")
ALL = "campaign"  # the campaign's own channels together: what the truth can be held against


def attribution_table(scenario: Scenario, results: Sequence[RunResult]) -> pd.DataFrame:
    """Return what each method credits, by channel and for the campaign, with the truth and the relative error of the latter.

    Truth: expected purchases beyond those of the control in the same replication.  Error: (credited - truth) / truth.
    """
    runs = {(r.strategy, r.replication): r for r in results}
    control, n = control_label(scenario), scenario.replications
    rows: list[tuple[Any, ...]] = []
    for label in arms(scenario):
        mine = [runs[label, k] for k in range(n)]
        if label == control or not all(r.attribution for r in mine):
            continue
        gained = np.array([r.totals["expected_purchases"] - runs[control, r.replication].totals["expected_purchases"] for r in mine])
        truth = float(gained.mean())
        for method in METHODS:
            table = mine[0].attribution
            for at in np.flatnonzero(table["method"] == method):
                found = mean_interval([float(r.attribution["purchases"][at]) for r in mine])
                rows.append((label, method, str(table["channel"][at]), *found, *[math.nan] * 4))
            whole = np.array([of_campaign(r.attribution, method) for r in mine])
            error = ratio_interval(whole - gained, gained) if truth > 0 else Estimate(math.nan, math.nan, math.nan)
            rows.append((label, method, ALL, *mean_interval(whole), truth, *error))
    return pd.DataFrame(rows, columns=list(ATTRIBUTION))


def jackknife(measure: Measure, arm: pd.DataFrame, control: pd.DataFrame, price: float, margin: float) -> Estimate:
    """Return a measure of mean totals with the jackknife's interval over replications (Efron & Tibshirani 1993, ch. 11).

    `arm` and `control` have a row per replication. A ratio of means weighs runs by what is below the line, as one long
    run would.
    """
    from scipy.stats import t

    def value(a: Mapping[str, float], c: Mapping[str, float]) -> float:
        return measure.function(Facts(a, price, margin, c))

    n = len(arm)

    def of(frame: pd.DataFrame, means: Any) -> list[dict[str, float]]:
        return [dict(zip(map(str, frame.columns), row, strict=True)) for row in np.atleast_2d(np.asarray(means, float)).tolist()]

    whole = value(of(arm, arm.mean())[0], of(control, control.mean())[0])
    if n < 3:
        return Estimate(whole, math.nan, math.nan)
    left_out = (of(frame, (frame.sum() - frame) / (n - 1)) for frame in (arm, control))
    each = np.array([value(a, c) for a, c in zip(*left_out, strict=True)])
    half = float(t.ppf(0.5 + CONFIDENCE / 2, n - 1) * math.sqrt((n - 1) / n * float(((each - each.mean()) ** 2).sum())))
    return Estimate(whole, whole - half, whole + half)


def measures_table(scenario: Scenario, results: Sequence[RunResult]) -> pd.DataFrame:
    """Return every measure of every strategy, with 95 % intervals over replications."""
    totals = {label: pd.DataFrame([r.totals for r in results if r.strategy == label]) for label in arms(scenario)}
    brand, control = scenario.market.brand, totals[control_label(scenario)]
    rows = [
        (label, m.name, *jackknife(m, frame, control, brand.price, brand.margin), m.unit)
        for label, frame in totals.items()
        for m in MEASURES.values()
    ]
    return pd.DataFrame(rows, columns=list(MEASURED))


def measures_of_run(result: RunResult, price: float, margin: float) -> pd.DataFrame:
    """Return the measures of a single run; those that need a control are empty."""
    facts = Facts(result.totals, price, margin)
    return pd.DataFrame([(m.name, m.function(facts), m.unit) for m in MEASURES.values()], columns=["measure", "value", "unit"])

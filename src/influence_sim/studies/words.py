"""The answer and its warnings in words."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from influence_sim.scenario.schema import OBJECTIVE_UNITS, Scenario

EVENTS_WANTED = 30
UNSPENT_WORTH_SAYING = 0.10
_NOUN = {
    "profit": "profit",
    "incremental_purchases": "incremental purchases",
    "reach": "reach",
    "cost_per_incremental_purchase": "cost per incremental purchase",
}


class Say(NamedTuple):
    """What the words are made of; `ranked` are the contenders, best mean first."""

    scenario: Scenario
    summary: pd.DataFrame
    pairs: pd.DataFrame
    ranked: list[str]
    means: dict[str, float]
    control: str
    events: dict[str, float]

    def cell(self, label: str, column: str) -> float:
        """Return one number of the summary."""
        return float(self.summary.loc[self.summary["strategy"] == label, column].iloc[0])

    def pair(self, one: str, other: str) -> dict[str, Any]:
        """Return the row of a pair seen from `one`: `gain` is what `one` is better by, `lo` and `hi` its interval."""
        frame = self.pairs
        for row in frame.to_dict("records"):
            if {row["strategy_a"], row["strategy_b"]} == {one, other}:
                sign = 1.0 if row["strategy_a"] == one else -1.0
                if self.scenario.objective == "cost_per_incremental_purchase":
                    sign = -sign
                bounds = sorted((sign * row["lo"], sign * row["hi"])) if row["lo"] == row["lo"] else [math.nan, math.nan]
                decided = row["verdict"] in ("a better", "b better")
                return {
                    **{str(key): cell for key, cell in row.items()},
                    "gain": sign * row["mean_difference"],
                    "gain_lo": bounds[0],
                    "gain_hi": bounds[1],
                    "decided": decided,
                }
        raise KeyError((one, other))


def amount(value: float, unit: str) -> str:
    """Return a number with as many digits as a reader wants, and its unit.

    Examples
    --------
    >>> amount(1234.5, "USD"), amount(2.346, "purchases")
    ('1,234 USD', '2.3 purchases')
    """
    if not math.isfinite(value):
        return "not known"
    size = abs(value)
    number = f"{value:,.0f}" if size >= 100 else f"{value:,.1f}".removesuffix(".0") if size >= 1 else f"{value:.2g}"
    return f"{number} {unit}"


def _names(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _interval(pair: dict[str, Any], unit: str, n: int) -> str:
    if not math.isfinite(pair["gain_lo"]):
        return f"{n} paired replication{'s' * (n != 1)}, too few for an interval"
    low, high = (amount(pair[key], "").strip() for key in ("gain_lo", "gain_hi"))
    return f"95% interval {low} to {high} {unit}, {n} paired replications"


def _lines_of_leader(say: Say) -> list[str]:
    scenario, n = say.scenario, say.scenario.replications
    unit, noun = OBJECTIVE_UNITS[scenario.objective], _NOUN[scenario.objective]
    leader, rest = say.ranked[0], say.ranked[1:]
    mean = amount(say.means[leader], unit)
    if not rest:
        return [f"{leader} has a {noun} of {mean}; there is nothing to compare it with."]
    ties = [other for other in rest if not say.pair(leader, other)["decided"]]
    second = say.pair(leader, rest[0])
    better = "cheaper" if scenario.objective == "cost_per_incremental_purchase" else "more"
    if not ties:
        margin = f"{amount(second['gain'], unit)} {better} than {rest[0]} ({_interval(second, unit, n)})"
        return [f"{leader} wins on {noun}: {mean} on average, {margin}."]
    same = [other for other in ties if say.pair(leader, other)["gain"] == 0 and say.pair(leader, other)["paired_sd"] == 0]
    if len(same) == len(ties):
        return [f"A tie: {_names([leader, *ties])} give exactly the same {noun} ({mean})."]
    closest = next(other for other in ties if other not in same)
    pair = say.pair(leader, closest)
    doubt = "but that may be chance"
    if pair["gain_lo"] > 0:  # the interval of this pair alone leaves out zero, the test of all pairs does not
        doubt = f"but with {n} replications and {len(say.pairs)} comparisons that may be chance"
    lines = [
        f"{_names([leader, *ties])}: cannot tell them apart on {noun}. {leader} has the best average ({mean}), "
        f"{amount(pair['gain'], unit)} {better} than {closest}, {doubt} ({_interval(pair, unit, n)})."
    ]
    beaten = [other for other in rest if other not in ties]
    if beaten:
        lines.append(f"{leader} is better than {_names(beaten)}.")
    needed = pair["replications_needed"]
    if math.isfinite(needed) and needed > n:
        lines.append(f"About {needed:,.0f} replications would measure this difference to within {amount(pair['precision_target'], unit)}.")
    return lines


def _lines_of_worth(say: Say) -> list[str]:
    """Say whether the winner pays, which a ranking alone hides."""
    leader = say.ranked[0]
    if say.scenario.objective == "profit" and leader == say.control and len(say.ranked) > 1:
        return [f"Spending nothing ({leader}) has the highest average profit: on average no strategy earns back what it costs."]
    if leader == say.control:
        return []
    roi, lo, hi = (say.cell(leader, key) for key in ("roi", "roi_lo", "roi_hi"))
    if not math.isfinite(roi):
        return []
    bounds = f" (95% interval {lo:+.0%} to {hi:+.0%})" if math.isfinite(lo) else ""
    sure = "" if not math.isfinite(lo) else "; it earns back its cost" if lo > 0 else "; it does not earn back its cost" if hi < 0 else ""
    return [f"Return on investment of {leader}: {roi:+.0%}{bounds}{sure}."]


def say_answer(say: Say) -> str:
    """Return the answer: which wins, by how much, how sure; or that they cannot be told apart."""
    infeasible = [str(row["strategy"]) for row in say.summary.to_dict("records") if row["feasible"] == 0]
    lines = []
    if say.ranked:
        lines += _lines_of_leader(say) + _lines_of_worth(say)
        chance = say.cell(say.ranked[0], "probability_best")
        if math.isfinite(chance) and len(say.ranked) > 1:
            lines.append(f"Probability that {say.ranked[0]} is best: {_percent(chance)}.")
    else:
        lines.append(f"No strategy can be ranked by {_NOUN[say.scenario.objective]}: none of them sold more than the control did.")
    if infeasible:
        lines.append(f"Not feasible, because nobody was affordable and willing: {_names(infeasible)}.")
    if say.scenario.precision:
        lines.append(f"({say.scenario.precision} precision)")
    return " ".join(lines)


def _percent(share: float) -> str:
    if share in (0.0, 1.0):  # resampling cannot show certainty
        return "above 99%" if share else "below 1%"
    return f"{share:.0%}" if 0.01 <= share <= 0.99 else "above 99%" if share > 0.5 else "below 1%"


def say_warnings(say: Say) -> list[str]:
    """Return what keeps the answer from being trusted more: too few events or replications, money or arms left out."""
    n, scenario = say.scenario.replications, say.scenario
    found = []
    few = {label: count for label, count in say.events.items() if count < EVENTS_WANTED and label in say.ranked}
    if few:
        listed = ", ".join(f"{label} {count:.1f}" for label, count in few.items())
        found.append(
            f"underpowered: fewer than {EVENTS_WANTED} expected purchases in all {n} replications together ({listed}); "
            "raise the population, the horizon or the replications"
        )
    rows = [row for row in say.pairs.to_dict("records") if row["verdict"] != "not feasible"]
    short = [row for row in rows if row["replications_needed"] > n]
    if short:
        worst = max(short, key=lambda row: float(row["replications_needed"]))
        target = amount(worst["precision_target"], OBJECTIVE_UNITS[scenario.objective])
        found.append(
            f"underpowered: {len(short)} of {len(rows)} pairs need more than {n} replications to be known to within {target} "
            f"({worst['strategy_a']} against {worst['strategy_b']}: about {worst['replications_needed']:,.0f})"
        )
    if n < 3:
        found.append(f"underpowered: {n} replication{'s' * (n != 1)} cannot give an interval; use at least 10")
    elif rows and len(rows) / 2 ** (n - 1) > 0.05:
        found.append(f"underpowered: with {n} replications and {len(rows)} pairs the permutation test cannot tell any pair apart")
    for row in say.summary.to_dict("records"):
        label, feasible = row["strategy"], float(row["feasible"])
        if feasible == 0:
            found.append(f"{label} is not feasible: it could buy nothing with {amount(scenario.budget, 'USD')}")
        elif feasible < 1:
            found.append(f"{label} could buy nothing in {round((1 - feasible) * n)} of {n} replications")
        elif label != say.control and scenario.budget > 0 and row["unspent"] > UNSPENT_WORTH_SAYING * scenario.budget:
            found.append(f"{label} left {row['unspent'] / scenario.budget:.0%} of its budget unspent")
    return found


def say_stopped(scenario: Scenario, found: tuple[tuple[str, str], float, float] | None) -> str:
    """Return which rule ended the replications; `found` are the leading arms, the half-width reached and the one wanted."""
    n = f"{scenario.replications} replications"
    if found is None:
        return f"Stopped after {n}: there are no two arms to compare."
    (leader, second), reached, wanted = found
    unit = OBJECTIVE_UNITS[scenario.objective]
    if not math.isfinite(wanted):
        return f"Stopped after {n}: no precision can be asked for, because no arm has an effect."
    known = f"the difference between {leader} and {second} is known to within {amount(reached, unit)}"
    if reached <= wanted:
        return f"Precision reached after {n}: {known} ({amount(wanted, unit)} wanted)."
    return f"Cap reached after {n}: {known}, {amount(wanted, unit)} were wanted."


def explain_probability_best(scenario: Scenario) -> str:
    """Return what the column `probability_best` means for this scenario's objective."""
    what = {
        "profit": "highest average profit (incremental purchases x price x margin - spend)",
        "incremental_purchases": "most incremental purchases on average",
        "reach": "highest average reach",
        "cost_per_incremental_purchase": "lowest cost per incremental purchase (average spend over average incremental purchases)",
    }[scenario.objective]
    return (
        f"probability_best: share of bootstrap resamples of the paired replications in which the strategy has the {what}. "
        "Equal strategies share a win. It speaks of chance in this model, not of the model's assumptions."
    )

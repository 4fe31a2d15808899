"""The answer of an allocation in words."""

from __future__ import annotations

from typing import Any


def finding(asked: Any, found: Any, number: Any) -> str:
    """Return the answer in one sentence."""
    best = found.checked.iloc[0]
    if found.flat:
        low, high = (number(x) for x in found.within)
        text = f"The splits tried cannot be told apart in {asked.check_worlds} unseen worlds"
        return f"{text}: even the worst of the search is between {low} and {high} from the best"
    ties = int(found.checked["near_tie"].sum()) - 1
    rest = f"; {ties} other{'s' * (ties > 1)} cannot be told from it" if ties else ""
    return f"Best of the splits tried: {best['words']} ({best['timing']}){rest}"


def sentences(asked: Any, found: Any, number: Any, unit: float) -> list[str]:
    """Return the answer in sentences; every value is of unseen worlds."""
    best, rest = found.checked.iloc[0], found.checked.iloc[1:]
    head = f"{best['words']} ({best['timing']}): {_value(asked, best, number)}"
    lines = [f"{head} in {asked.check_worlds} worlds the search never saw."]
    if asked.goal == "profit" and best["mean_hi"] < 0:
        lines.append("It does not earn back what it costs: keeping the money is better than any split tried.")
    ties = [f"{row['name']} ({row['words']}, {row['timing']})" for _, row in rest.iterrows() if row["near_tie"]]
    if ties:
        lines.append(f"Cannot be told from the best: {'; '.join(ties)}.")
    for name in ("equal split", "47/23/30", *asked.known):
        for _, row in rest[rest["name"] == name].iterrows():
            told = "not told apart from the best" if row["near_tie"] else "worse than the best"
            if row["near_tie"] and (row["behind_lo"] > 0 or row["behind_hi"] < 0):  # the interval knows this pair alone
                told += f", with {asked.check_worlds} worlds and {len(rest)} comparisons it may be chance"
            lines.append(f"{name} ({row['words']}): {_value(asked, row, number)}, {told}: {_behind(asked, row, number)}.")
    alone = rest[rest["name"].str.endswith(" alone")]
    if len(alone):
        row = alone.iloc[0]
        name = row["name"].removesuffix(" alone")
        lines.append(f"Best single channel, {name}: {_value(asked, row, number)}; {_behind(asked, row, number)}.")
    random = found.checked[found.checked["name"].str.startswith("random search")]
    if len(random):
        row = random.iloc[0]
        lines.append(f"Random search of the same cost finds {row['words']} ({row['timing']}): {_behind(asked, row, number)}.")
    if asked.goal != "cost_per_incremental_purchase":
        seen = number(float(best["score"]) + found.optimism)
        lines.append(f"In the {asked.worlds} worlds of the search the same split gave {seen}: such values carry the search's luck.")
    return lines


def _value(asked: Any, row: Any, number: Any) -> str:
    if asked.goal == "cost_per_incremental_purchase":
        cost = [number(1 / x) if x > 0 else "no bound" for x in (row["mean"], row["mean_hi"], row["mean_lo"])]
        return f"{cost[0]} USD per incremental purchase (95 % interval {cost[1]} to {cost[2]})"
    words = {"profit": "USD profit", "incremental_purchases": "incremental purchases", "reach": "people reached"}[asked.goal]
    return f"{number(row['mean'])} {words} (95 % interval {number(row['mean_lo'])} to {number(row['mean_hi'])})"


def _behind(asked: Any, row: Any, number: Any) -> str:
    return f"difference to the best {number(row['behind'])} ({number(row['behind_lo'])} to {number(row['behind_hi'])})"

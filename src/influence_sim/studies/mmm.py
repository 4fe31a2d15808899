"""Data for marketing-mix models with the truth they should find: daily spend, exposure and sales by channel, and twin runs.

A marketing-mix model reads one history.  Here the same history is played again without a channel, with more money and with
spending that stops, under the same dice, so the return and the carry-over of each channel are known.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from influence_sim.record.attribution import PAID_FOR
from influence_sim.strategies.base import PaidImpressions, SponsoredPost
from influence_sim.studies.outputs import whole_folder, write_provenance
from influence_sim.studies.runner import begin_run, control_label

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation
    from influence_sim.scenario.schema import Scenario
    from influence_sim.strategies.base import Order

Array = np.ndarray[Any, Any]
_Placed = tuple[int, "Order"]  # the morning on which an order was placed, and the order
START = "2024-01-01"  # day 0 of the model is a Monday
MORE = 0.10  # of spend, for the marginal return
ADSTOCK = "carry-over is what is left a day later: the sum of effects from the day after the stop over that from the day of the stop on"


class MmmError(ValueError):
    """There is nothing to export; the message says why."""


def channel_of(order: Order) -> str:
    """Return the channel an order's money goes to."""
    return "influencer" if isinstance(order, SponsoredPost) else "infeed"


def export_mmm(scenario: Any, label: str, out: str | Path, replication: int = 0, threads: int = 1) -> dict[str, Any]:
    """Write data sets for PyMC-Marketing, Meridian and Robyn, and `truth.json`, to the folder `out`; return the truth.

    Parameters
    ----------
    scenario
        A `Scenario`, or what `load_scenario` returns.
    label
        Strategy of the scenario.
    out
        Folder, written whole or not at all.
    replication, threads
        As in `runner.run_one`.

    Raises
    ------
    MmmError
        When the strategy spends nothing.
    OutputError
        When `out` holds something that is not an earlier result.
    """
    from influence_sim.record import provenance

    loaded, asked = scenario, getattr(scenario, "scenario", scenario)
    with whole_folder(out) as folder:
        table, truth = history(asked, label, replication, threads)
        used = [name for name in PAID_FOR if table[f"spend_{name}"].sum() > 0]
        for name, frame in layouts(table, used).items():
            frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n")
        (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
        write_provenance({**provenance(loaded), "run": {"strategy": label, "replication": replication}}, folder)
    return truth


def history(scenario: Scenario, label: str, replication: int = 0, threads: int = 1) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the daily channel table of a run and the truth about it, from twin runs with the same dice."""

    def play(budget: float = scenario.budget, who: str = label) -> Simulation:
        """Let a strategy play."""
        return begin_run(scenario.model_copy(update={"budget": budget}), who, replication, threads).run()

    def again(orders: Sequence[_Placed], budget: float = scenario.budget) -> Simulation:
        """Place orders on the mornings on which they were placed, so that they cost the same."""
        sim = begin_run(scenario.model_copy(update={"budget": budget}), label, replication, threads)
        while sim.day < sim.horizon:
            sim.step([order for day, order in orders if day == sim.day])
        sim.close()
        return sim

    base, control = begin_run(scenario, label, replication, threads), play(0.0, control_label(scenario))
    placed: list[_Placed] = []
    while base.day < base.horizon:
        day, booked, ads = base.day, len(base.ledger.booked), len(base.ledger.ads)
        base.step()
        placed += [(day, order) for order in (*base.ledger.booked[booked:], *base.ledger.ads[ads:])]
    base.close()
    if not placed:
        raise MmmError(f"{label} bought nothing in replication {replication}, so there is no mix to model")
    price, stop = scenario.market.brand.price, scenario.horizon // 2
    sold = _sold(base)
    truth: dict[str, Any] = {
        "strategy": label, "replication": replication, "price": price, "stop_day": stop, "seasonality": "none in the model",
        "carry_over_is": ADSTOCK, "campaign": _return(base, control, price), "channels": {},
    }  # fmt: skip
    more = play(scenario.budget * (1 + MORE))
    truth["campaign"]["marginal_roas"] = _ratio(price * (_sold(more) - sold).sum(), more.ledger.paid - base.ledger.paid)
    for channel in dict.fromkeys(channel_of(order) for _, order in placed):
        mine = [(day, order) for day, order in placed if channel_of(order) == channel]
        others = [(day, order) for day, order in placed if channel_of(order) != channel]
        without, cut = again(others), again([(day, left) for day, order in mine if (left := _until(order, stop)) is not None])
        effect = _sold(cut) - _sold(control)
        found = _return(base, without, price)
        found["share_after_stop"] = _ratio(effect[stop:].sum(), effect.sum())
        found["carry_over_per_day"] = _ratio(effect[stop + 1 :].sum(), effect[stop:].sum())
        found["effect_after_stop"] = effect[stop:].tolist()
        found["marginal_roas"] = None  # a tenth of a creator's post cannot be bought
        if channel != "influencer":
            extra = again([*others, *((day, _scaled(order)) for day, order in mine)], scenario.budget * (1 + MORE))
            found["marginal_roas"] = _ratio(price * (_sold(extra) - sold).sum(), extra.ledger.paid - base.ledger.paid)
        truth["channels"][channel] = found
    return daily_table(base), truth


def daily_table(sim: Simulation) -> pd.DataFrame:
    """Return a row per day: date, sales (realised), expected sales, revenue, price, and spend, impressions and clicks by channel."""
    daily, price = sim.daily, sim.market.brand.price
    table = pd.DataFrame({"date": pd.date_range(START, periods=len(daily["day"])).strftime("%Y-%m-%d")})
    table["sales"], table["expected_sales"] = daily["purchases"], daily["expected_purchases"]
    table["revenue"] = table["sales"] * price
    table["price"] = price
    for channel in PAID_FOR:
        for what in ("spend", "impressions", "clicks"):
            table[f"{what}_{channel}"] = daily[f"{what}_{channel}"]
    return table


def layouts(table: pd.DataFrame, channels: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the table as each package reads it, with the channels that cost anything.

    `pymc_marketing`: date, a column of spend per channel, y. `meridian`: time, {channel}_impression, {channel}_spend,
    conversions, revenue_per_conversion (national). `robyn`: DATE, revenue, {channel}_S, {channel}_I.
    """
    spend = {name: table[f"spend_{name}"] for name in channels}
    seen = {name: table[f"impressions_{name}"] for name in channels}
    return {
        "daily": table,
        "pymc_marketing": pd.DataFrame({"date": table["date"], **spend, "y": table["revenue"]}),
        "meridian": pd.DataFrame({
            "time": table["date"], **{f"{name}_impression": x for name, x in seen.items()},
            **{f"{name}_spend": x for name, x in spend.items()},
            "conversions": table["sales"], "revenue_per_conversion": table["price"],
        }),
        "robyn": pd.DataFrame({
            "DATE": table["date"], "revenue": table["revenue"], **{f"{name}_S": x for name, x in spend.items()},
            **{f"{name}_I": x for name, x in seen.items()},
        }),
    }  # fmt: skip


def _sold(sim: Simulation) -> Array:
    """Return expected purchases by day: the truth is told without the luck of single purchases."""
    return np.array(sim.daily["expected_purchases"])


def _ratio(top: float, bottom: float) -> float | None:
    return float(top / bottom) if bottom != 0 and math.isfinite(top / bottom) else None


def _return(sim: Simulation, twin: Simulation, price: float) -> dict[str, Any]:
    """Return spend, incremental purchases and return of what the twin lacks."""
    spend, gained = sim.ledger.paid - twin.ledger.paid, float((_sold(sim) - _sold(twin)).sum())
    return {"spend": spend, "incremental_purchases": gained, "roas": _ratio(price * gained, spend)}


def _until(order: Order, stop: int) -> Order | None:
    """Return what is left of an order when spending ends on the morning of day `stop`."""
    if order.day >= stop:
        return None
    if isinstance(order, PaidImpressions) and order.day + order.days > stop:
        left = stop - order.day
        return dataclasses.replace(order, days=left, spend=order.spend * left / order.days)
    return order


def _scaled(order: Order) -> Order:
    """Return an order for `MORE` more money."""
    return dataclasses.replace(order, spend=order.spend * (1 + MORE)) if isinstance(order, PaidImpressions) else order

"""What dashboards credit and what the measures say, beside what happened."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from influence_sim.cli.app import main
from influence_sim.engine.state import CHANNELS
from influence_sim.record import result_of
from influence_sim.record.attribution import METHODS, credited
from influence_sim.record.measures import EMV_WEIGHTS, MEASURES, Facts, Measure, over
from influence_sim.scenario.schema import Scenario
from influence_sim.strategies import Strategy
from influence_sim.strategies.base import BrandView, Order, PaidImpressions
from influence_sim.studies.compare import Comparison, compare
from influence_sim.studies.credit import jackknife
from influence_sim.studies.mmm import history, layouts
from small_worlds import SMALL, campaign, market_of, run, simulation

LIVELY: dict[str, Any] = {"funnel.buy_rate": 0.2, "funnel.click_influencer": 0.1, "funnel.click_ad": 0.1, "funnel.baseline_rate": 0.004}


def credit(values: dict[str, Any], orders: Any = campaign, days: int = 6) -> dict[tuple[str, str], float]:
    """Return credited purchases by (method, channel) of a small run."""
    table = credited(run(simulation(market_of({**LIVELY, **values}), horizon=days), orders))
    return dict(zip(zip(table["method"].tolist(), table["channel"].tolist(), strict=True), table["purchases"].tolist(), strict=True))


def nothing(day: int, creators: int) -> list[Order]:
    """Order nothing."""
    return []


def ads(day: int, creators: int) -> list[Order]:
    """Order in-feed ads on day 0."""
    return [PaidImpressions(60.0, 0, 3)] if day == 0 else []


# ----------------------------------------------------------------- attribution


def test_without_a_campaign_no_channel_has_credit() -> None:
    found = credit({"wom.mention": 0.0, "wom.mention_bad": 0.0}, nothing)
    assert {key[1] for key, value in found.items() if value} == {"none"}


def test_a_campaign_of_ads_gives_credit_to_ads() -> None:
    found = credit({"wom.mention": 0.0, "wom.mention_bad": 0.0}, ads)
    for method in METHODS[:2]:
        assert {channel for channel in CHANNELS if found[method, channel]} == {"infeed", "none"}
    assert found["promo_code", "influencer"] == 0.0


def test_a_longer_window_of_last_click_takes_more() -> None:
    short, long = (credit({"attribution.window": x}) for x in (0, 90))
    assert sum(long["last_click", c] for c in CHANNELS[:5]) > sum(short["last_click", c] for c in CHANNELS[:5]) > 0


def test_multi_touch_forgets() -> None:
    """Touches that fade fast leave the purchase to the newest channel; nobody who was touched is without one."""
    slow, fast = (credit({"attribution.touch_half_life": x}, days=10) for x in (365, 0.1))
    assert slow["multi_touch", "none"] == fast["multi_touch", "none"]
    assert slow["multi_touch", "infeed"] != fast["multi_touch", "infeed"]


def test_codes_leak_to_those_who_would_have_bought_anyway() -> None:
    none, used, leaked = (credit({"attribution.code_use": u, "attribution.code_leak": k}) for u, k in ((0, 0), (1, 0), (0, 1)))
    assert none["promo_code", "influencer"] == 0.0
    # Together they are everybody who buys while codes are around.
    both = used["promo_code", "influencer"] + leaked["promo_code", "influencer"]
    assert both == pytest.approx(sum(none["promo_code", c] for c in CHANNELS), rel=1e-6)
    assert min(used["promo_code", "influencer"], leaked["promo_code", "influencer"]) > 0.1 * both


def test_credit_changes_nothing_that_happens() -> None:
    changed = {"attribution.window": 0, "attribution.touch_half_life": 0.1, "attribution.code_use": 1, "attribution.code_leak": 1}
    one, two = (run(simulation(market_of({**LIVELY, **x}), horizon=4), campaign) for x in ({}, changed))
    assert one.daily == two.daily
    assert (one.leads.expected == two.leads.expected).all()


class Watcher(Strategy):
    """Spend nothing and note what the dashboard shows."""

    def plan(self, view: BrandView) -> list[Order]:
        """Note it."""
        SHOWN.append((float(view.sales.channel.sum()), view.sales))
        return []


SHOWN: list[Any] = []


@pytest.mark.parametrize("delay", [0, 3])
def test_a_brand_sees_credited_sales_late(delay: int) -> None:
    SHOWN.clear()
    sim = simulation(market_of({**LIVELY, "attribution.delay": delay}), horizon=8, strategy=Watcher())
    run(sim, None)
    realised = np.concatenate([[0.0], np.cumsum(sim.daily["purchases"])])
    assert [total for total, _ in SHOWN] == [realised[max(0, day - delay)] for day in range(8)]
    assert realised[4] > 0


def test_sales_by_creator_are_those_of_the_influencer_channel() -> None:
    sim = run(simulation(market_of({**LIVELY, "attribution.delay": 0, "funnel.buy_rate": 0.5}), horizon=6), campaign)
    from influence_sim.engine.contracts import credited_sales

    sales = credited_sales(sim, 0)
    assert sales.creator.sum() == sales.channel[0] > 0
    sim.sales = [{name: np.concatenate([day[name] for day in sim.sales]) for name in sim.sales[0]}]  # as a snapshot brings them back
    assert (credited_sales(sim, 0).creator == sales.creator).all()


# -------------------------------------------------------------------- measures


def facts(**arm: float) -> Facts:
    """Return facts of an arm whose control sold 10 purchases."""
    return Facts(arm, price=40.0, margin=0.5, control={"expected_purchases": 10.0, "new_customers": 8.0, "aware_end": 100.0})


@pytest.mark.parametrize(
    ("name", "arm", "value"),
    [
        ("frequency", {"impressions": 300, "reach": 100}, 3),
        ("reach_duplication", {"reached_by_several": 20, "reach": 100}, 0.2),
        ("share_of_voice", {"impressions": 300, "category_impressions": 1200}, 0.25),
        ("engagement_rate_views", {"engagements": 15, "impressions": 300}, 0.05),
        ("engagement_rate_followers", {"hired_engagements": 15, "follower_base": 1000}, 0.015),
        ("view_through_rate", {"finished": 90, "impressions": 300}, 0.3),
        ("click_through_rate", {"clicks": 3, "impressions": 300}, 0.01),
        ("conversion_rate", {"click_purchases": 1, "clicks": 4}, 0.25),
        ("cpm", {"spend": 6, "impressions": 300}, 20),
        ("cpe", {"spend": 6, "engagements": 15}, 0.4),
        ("cpc", {"spend": 6, "clicks": 3}, 2),
        ("cpa", {"spend": 60, "attributed_purchases": 3}, 20),
        ("cac", {"spend": 60, "new_customers": 11}, 20),
        ("cac", {"spend": 60, "new_customers": 7}, math.nan),
        ("incremental_purchases", {"expected_purchases": 16}, 6),
        ("awareness_lift", {"aware_end": 150, "reach": 200}, 25),
        ("awareness_lift_relative", {"aware_end": 150, "aware_reached": 90, "reach": 200}, 125),
        ("roas", {"attributed_purchases": 3, "spend": 60}, 2),
        ("iroas", {"expected_purchases": 16, "spend": 60}, 4),
        ("roi", {"expected_purchases": 16, "spend": 60}, 1),
        ("emv", {"impressions": 1000, "brand_likes": 50, "brand_comments": 2, "brand_shares": 4}, 16),
        ("emv_ratio", {"impressions": 1000, "brand_likes": 50, "brand_comments": 2, "brand_shares": 4, "spend": 8}, 2),
        ("disclosure_compliance", {"posts_disclosed": 3, "posts_bought": 4}, 0.75),
        ("repeat_rate_90", {"repeat_90": 3, "repeat_base_90": 12}, 0.25),
        ("customer_value", {"purchases": 15, "customers": 10}, 30),
        ("minors_share", {"minors_impressions": 30, "impressions": 300}, 0.1),
        ("cpc", {"spend": 6, "clicks": 0}, math.nan),
    ],
)
def test_measure_by_hand(name: str, arm: dict[str, float], value: float) -> None:
    assert MEASURES[name].function(facts(**arm)) == pytest.approx(value, nan_ok=True)


def test_every_measure_is_documented() -> None:
    assert all(m.definition and m.unit and m.source for m in MEASURES.values())
    assert set(EMV_WEIGHTS) == {"view", "like", "comment", "share"}
    assert len(MEASURES) >= 30


def test_jackknife_of_a_mean_is_the_interval_of_the_mean() -> None:
    from scipy.stats import t

    x = np.array([3.0, 5.0, 4.0, 8.0])
    mean = Measure("mean", "1", "", "", lambda f: f["x"])
    arm = pd.DataFrame({"x": x})
    found = jackknife(mean, arm, arm * 0, 1.0, 1.0)
    half = t.ppf(0.975, 3) * x.std(ddof=1) / 2
    assert found == pytest.approx((5.0, 5.0 - half, 5.0 + half))
    ratio = Measure("ratio", "1", "", "", lambda f: over(f["x"], f["y"]))
    assert jackknife(ratio, pd.DataFrame({"x": 2 * x, "y": x}), arm, 1.0, 1.0) == pytest.approx((2.0, 2.0, 2.0))
    assert math.isnan(jackknife(mean, arm[:2], arm[:2], 1.0, 1.0).lo)


def scenario(**changes: Any) -> Scenario:
    """Return a small comparison of ads and creators."""
    values = {
        "market": market_of({**LIVELY, "feed.stages": 0}, SMALL), "horizon": 6, "replications": 4, "budget": 800,
        "strategies": {
            "ads": {"strategy": "paid_infeed", "params": {"start": 0, "days": 3}},
            "creators": {"strategy": "micro_portfolio", "params": {"creators": 4, "followers_min": 0, "followers_max": 1e6}},
        },
    }  # fmt: skip
    return Scenario.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def compared() -> Comparison:
    """Return a finished comparison."""
    return compare(scenario(), jobs=1)


def test_table_of_attribution_holds_every_method_against_the_truth(compared: Comparison) -> None:
    table = compared.attribution
    whole = table[table["channel"] == "campaign"]
    assert list(whole["strategy"]) == ["ads"] * 3 + ["creators"] * 3
    summary = compared.summary.set_index("strategy")
    for row in whole.itertuples():
        parts = table[(table["strategy"] == row.strategy) & (table["method"] == row.method) & table["channel"].isin(CHANNELS[:4])]
        assert row.credited == pytest.approx(parts["credited"].sum())
        assert row.truth == pytest.approx(summary.loc[row.strategy, "incremental_purchases"])
        assert row.error == pytest.approx(row.credited / row.truth - 1)
    everything = table[table["channel"] != "campaign"].groupby(["strategy", "method"])["credited"].sum()
    for (strategy, _), total in everything.items():
        assert total == pytest.approx(summary.loc[strategy, "expected_purchases"])


def test_measures_agree_with_the_summary(compared: Comparison) -> None:
    table = compared.measures.set_index(["strategy", "measure"])["value"]
    for row in compared.summary.to_dict("records"):
        for name in ("reach", "impressions", "frequency", "engagement_rate_views", "incremental_purchases", "roi"):
            assert table[row["strategy"], name] == pytest.approx(row[name], nan_ok=True, abs=1e-9), name
    assert set(compared.measures["measure"]) == set(MEASURES)
    ads_row = table["ads"]
    assert ads_row["cpm"] >= 8.0  # the auction makes it dearer than the list
    assert 0 < ads_row["view_through_rate"] < 1
    assert 0 < ads_row["views_gini"] < 1
    assert ads_row["awareness_lift"] > 0
    assert math.isnan(ads_row["disclosure_compliance"])
    assert table["creators", "disclosure_compliance"] == 1.0
    assert table["creators", "reach_duplication"] > 0 == ads_row["reach_duplication"]


def test_repeat_rate_needs_ninety_days_after_the_first_purchase() -> None:
    quiet = {"people.views_per_day": 0, "creators.count": 0, "graph.follows_per_person": 0, "funnel.baseline_interest": 0}
    values = {**quiet, "funnel.baseline_rate": 0.02, "funnel.repurchase_gap": 20}
    short, long = (result_of(run(simulation(market_of(values), horizon=d), None), "x").totals for d in (60, 150))
    assert short["repeat_base_90"] == 0
    assert 0 < long["repeat_90"] < long["repeat_base_90"]
    never = result_of(run(simulation(market_of({**values, "funnel.lapse": 100, "funnel.closed_need": 0, "funnel.baseline_rate": 0.001}),
                                     horizon=150), None), "x").totals  # fmt: skip
    assert never["repeat_90"] / never["repeat_base_90"] < 0.5 * long["repeat_90"] / long["repeat_base_90"]


def test_list_measures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "measures", "roas"]) == 0
    said = capsys.readouterr().out
    assert "iroas" in said
    assert "per USD spent" in said


# ------------------------------------------------------------------ mix models


@pytest.fixture(scope="module")
def mixed() -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the history of a campaign with creators and ads, and the truth about it."""
    mix = {"mix": {"strategy": "mixed"}}
    return history(scenario(strategies=mix, budget=600, horizon=12), "mix")


def test_truth_of_a_mix_is_that_of_twin_runs(mixed: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    table, truth = mixed
    assert truth["campaign"]["spend"] == pytest.approx(sum(table[f"spend_{c}"].sum() for c in CHANNELS[:4]))
    assert truth["campaign"]["incremental_purchases"] > 0
    for name, found in truth["channels"].items():
        assert found["spend"] == pytest.approx(table[f"spend_{name}"].sum(), rel=0.05)
        assert found["roas"] == pytest.approx(truth["price"] * found["incremental_purchases"] / found["spend"])
        assert len(found["effect_after_stop"]) == 6
        assert (found["marginal_roas"] is None) == (name == "influencer")


def test_layouts_have_the_columns_the_packages_read(mixed: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    table, _ = mixed
    found = layouts(table, ["influencer", "infeed"])
    assert list(found["pymc_marketing"]) == ["date", "influencer", "infeed", "y"]
    assert list(found["meridian"]) == [
        "time", "influencer_impression", "infeed_impression", "influencer_spend", "infeed_spend", "conversions", "revenue_per_conversion",
    ]  # fmt: skip
    assert list(found["robyn"]) == ["DATE", "revenue", "influencer_S", "infeed_S", "influencer_I", "infeed_I"]
    assert (found["robyn"]["revenue"] == table["sales"] * 40).all()
    assert len(table) == 12
    assert table["date"].iloc[0] == "2024-01-01"


FILE = """\
name: mix
horizon: 6
replications: 1
budget: 60
market:
  people: {agents: 200, population: 2000, views_per_day: 30, topics: 5}
  creators: {count: 14}
  feed: {stages: 0}
strategies:
  ads: {strategy: paid_infeed, params: {start: 0, days: 6}}
  nothing: {strategy: none}
"""


def test_export_writes_data_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "mix.yaml", tmp_path / "mmm"
    file.write_text(FILE)
    assert main(["export-mmm", str(file), "--strategy", "ads", "--out", str(out)]) == 0
    names = {"daily.csv", "pymc_marketing.csv", "meridian.csv", "robyn.csv", "truth.json", "provenance.json"}
    assert {path.name for path in out.iterdir()} == names
    truth = json.loads((out / "truth.json").read_text())
    assert truth["channels"]["infeed"]["spend"] == pytest.approx(60, rel=0.05)
    assert truth["channels"]["infeed"]["marginal_roas"] is not None
    assert "infeed" in capsys.readouterr().out


def test_export_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mix.yaml"
    file.write_text(FILE)
    assert main(["export-mmm", str(file), "--strategy", "nothing", "--out", str(tmp_path / "x")]) == 2
    assert "bought nothing" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert main(["export-mmm", str(file), "--strategy", "adds", "--out", str(tmp_path / "x")]) == 2
    assert "Did you mean `ads`?" in capsys.readouterr().err


def test_pymc_marketing_reads_the_export(mixed: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    mmm = pytest.importorskip("pymc_marketing.mmm", reason="the optional package pymc-marketing is not installed (extra `mmm`)")
    table, _ = mixed
    data = layouts(table, ["influencer", "infeed"])["pymc_marketing"]
    data["date"] = pd.to_datetime(data["date"])
    model = mmm.MMM(
        date_column="date", channel_columns=["influencer", "infeed"], adstock=mmm.GeometricAdstock(l_max=4),
        saturation=mmm.LogisticSaturation(),
    )  # fmt: skip
    model.build_model(data.drop(columns="y"), data["y"])
    assert "y" in model.model.named_vars

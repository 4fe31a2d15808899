"""The scorecard: facts are sound, statistics mean what they say, failures are shown, and runs that cannot be made say so."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from influence_sim.scenario.parameters import parameters
from influence_sim.scorecard import campaigns, card, facts, odd, write
from influence_sim.scorecard.baseline import LIKES, SLOPE, naive
from influence_sim.scorecard.card import FAIL, NOT_RUN, PASS, Played, Row
from influence_sim.scorecard.facts import Fact, all_facts, chosen, independent, read_facts
from influence_sim.scorecard.mouth import bass_ratio
from influence_sim.scorecard.pool import jackknife, pooled
from influence_sim.scorecard.statistics import REGISTRY, measure
from influence_sim.scorecard.worlds import known, seeds
from influence_sim.studies.platform import Posts

FACT = Fact(
    id="x", claim="a claim", kind="held_out", family="f", sample="s", runs=("run",), statistic="value x", band=(1, 2), target=1.5,
    source="somebody", grade="A",
)  # fmt: skip


def test_every_fact_is_sound_and_can_be_measured_or_says_what_it_needs() -> None:
    listed = all_facts()
    assert len(listed) > 150
    assert independent(listed) < len(listed)
    for fact in listed:
        if not facts.missing(fact):
            assert not card.obstacle(fact), fact.id
        assert fact.statistic.split()[0] in REGISTRY or fact.requires, fact.id
        assert all(known(name) or fact.requires for name in fact.runs), fact.id


def test_every_row_has_three_seeds() -> None:
    assert min(len(seeds(name)) for fact in all_facts() for name in fact.runs) >= 3


def test_every_variant_of_the_market_changes_something_and_every_arm_can_be_built(repository: Path) -> None:
    base = campaigns.variant_market("base")
    for variant in campaigns.VARIANTS:
        assert (campaigns.variant_market(variant) == base) == (variant == "base" or variant in campaigns.MONEY), variant
    for name, options in campaigns.ARMS.values():
        campaigns.build_strategy(name, options)
    # Where micro creators must lose, prices and creators are those of the market file.
    file = YAML(typ="safe", pure=True).load((repository / "scenarios/markets/micro_must_lose.yaml").read_text(encoding="utf-8"))
    values = {f"{group}.{key}": value for group in ("prices", "creators") for key, value in file[group].items()}
    assert campaigns.VARIANTS["must_lose"] == values


def test_what_the_fit_used_is_calibrated_and_nothing_else_of_the_crawl() -> None:
    """The targets of experiments/fit_platform, with their bands."""
    fitted = {
        "views_slope", "within_sd", "lag_one", "between_share", "like_per_view", "comment_per_view", "sponsored_views", "views_day_1",
        "views_day_2", "views_day_7", "ratio_play", "ratio_like", "ratio_comment", "ratio_follow",
    }  # fmt: skip
    settled = {"duration_median", "days_between_posts", "likes_per_follow"}  # declared values of parameters
    assert {f.id for f in all_facts() if f.kind == "calibrated" and f.runs == ("crawl",)} == fitted | settled


def test_the_list_is_refused_where_it_is_wrong() -> None:
    group = "- {kind: limit, family: f, sample: s, source: s, grade: A, runs: [r], statistic: value x, claim: c, facts: [%s]}"
    assert read_facts(group % "{id: a, band: [0, 1]}")[0].id == "a"
    for wrong in ("{id: a, band: [1, 0]}", "{id: a, band: [0, 1], target: 2}", "{id: a, band: [0, 1]}, {id: a, band: [0, 1]}"):
        with pytest.raises(ValueError):
            read_facts(group % wrong)


def test_worlds_of_a_campaign_are_pooled() -> None:
    """Ratios are those of sums; a creator of one world is not that of another; the interval is the jackknife's."""

    def part(clicks: float, sold: float, tie: float) -> dict[str, Any]:
        posts = {"creator": np.array([0, 1]), "clicks": np.full(2, clicks / 2)}
        totals = {"clicks": clicks, "sold": sold}
        return {"totals": totals, "price": 40.0, "hired": np.array([0, 1]), "posts": posts, "by_size": {"tie": tie}}

    parts = [part(1.0, 1.0, 0.1), part(3.0, 0.0, 0.2), part(8.0, 2.0, 0.6)]
    whole = pooled(parts)
    assert whole["totals"] == {"clicks": 12.0, "sold": 3.0}
    assert whole["price"] == 40.0
    assert whole["by_size"]["tie"] == pytest.approx(0.3)
    assert len(np.unique(whole["posts"]["creator"])) == len(np.unique(whole["hired"])) == 6

    def ratio(tables: Any) -> float:
        return float(tables["arm"]["totals"]["sold"] / tables["arm"]["totals"]["clicks"])

    value, lo, hi = jackknife([{"arm": x} for x in parts], ratio)
    assert value == pytest.approx(3 / 12)
    left = np.array([2 / 11, 3 / 9, 1 / 4])
    half = 4.302652729911275 * math.sqrt(2 / 3 * ((left - left.mean()) ** 2).sum())
    assert (lo, hi) == pytest.approx((value - half, value + half))
    assert math.isnan(jackknife([{"arm": parts[0]}], ratio)[1])


def test_facts_are_chosen_by_id_kind_and_family() -> None:
    listed = all_facts()
    assert {f.kind for f in chosen(listed, "limit")} == {"limit"}
    assert {f.family for f in chosen(listed, "selection")} == {"selection"}
    assert [f.id for f in chosen(listed, "karate_1*")] == []
    assert len(chosen(listed, "karate_*")) == 5


def test_a_mechanism_that_is_not_there_is_not_faked() -> None:
    fact = FACT.model_copy(update={"requires": ("nothing.like_it", "strategy no_such")})
    found = card.measured([fact], {})[0]
    assert found.verdict == NOT_RUN
    assert found.reason == "needs nothing.like_it, strategy no_such, run run"
    assert "not run: needs nothing.like_it" in write.markdown([found], "")


def test_verdict_is_of_the_mean_over_seeds_and_a_failed_run_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "known", lambda name: True)
    runs = {("run", 1): Played({"x": 1.0}, "", 0), ("run", 2): Played({"x": 2.6}, "", 0)}
    row = card.measured([FACT], runs)[0]
    assert (row.value, row.verdict, row.seeds) == (1.8, PASS, 2)
    assert row.lo < 1 < 2 < row.hi
    assert math.isnan(row.baseline)
    assert card.measured([FACT.model_copy(update={"band": (1.5, 1.7), "target": None})], runs)[0].verdict == FAIL
    broken = card.measured([FACT], {**runs, ("run", 2): Played(None, "ValueError: no", 0)})[0]
    assert (broken.verdict, broken.reason) == (NOT_RUN, "run: ValueError: no")


def test_counts_keep_kinds_and_families_apart() -> None:
    rows = [
        Row(FACT, 1.5, baseline=1.2), Row(FACT.model_copy(update={"id": "y"}), 3.0), Row(FACT.model_copy(update={"family": "g"}), 1.1),
        Row(FACT.model_copy(update={"kind": "limit"}), 1.0), Row(FACT.model_copy(update={"id": "z"}), reason="needs x"),
    ]  # fmt: skip
    held = card.counts(rows)["held_out"]
    assert held == {
        "facts": 4, PASS: 2, FAIL: 1, NOT_RUN: 1, "families": 2, "families whole": 1, "baseline passes": 1, "passes of its own": 1,
    }  # fmt: skip


@pytest.fixture(scope="module")
def posts() -> Posts:
    """6,000 posts of 300 accounts whose views are proportional to followers and whose engagement per view is .1."""
    dice = np.random.default_rng(1)
    followers = np.repeat(np.round(np.exp(dice.normal(13, 2, 300))), 20)
    luck = np.repeat(dice.normal(0, 1.1, 300), 20) + dice.normal(-1, 0.9, 6000)
    views = np.maximum(100, np.round(followers * np.exp(luck)))
    likes = 0.1 * views
    return Posts(np.repeat(np.arange(300), 20), np.tile(np.arange(20) + 7.0, 300), views, likes, 0 * likes, 0 * likes, followers, likes < 0)


def test_statistics_of_posts(posts: Posts) -> None:
    runs = {"crawl": {"posts": posts, "open": posts}}
    assert measure("posts views_slope", runs) == pytest.approx(1, abs=0.1)  # 300 accounts
    assert measure("tier_slope per_view", runs) == pytest.approx(0, abs=0.02)
    assert measure("tier_slope per_follower", runs) == pytest.approx(0, abs=0.15)
    assert measure("over_followers 10 0 1e12", runs) == pytest.approx((posts.views > 10 * posts.followers).mean())
    assert measure("log_views_moment 3", runs) == pytest.approx(0, abs=0.3)
    assert abs(measure("exposure_slope", runs)) < 0.2
    order = [measure(f"posts engagement_per_follower_slope_{x}", runs) for x in ("timeline", "top_posts", "top_list")]
    assert order[0] - 0.2 > max(order[1:])  # selection alone bends the slope
    assert measure("selection_order", runs) == pytest.approx(min(order[0] - order[1], order[1] - order[2]))
    assert math.isnan(measure("value missing", runs))


def test_a_bass_curve_gives_its_own_ratio() -> None:
    def adopters(p: float, q: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        share = [0.0]
        for _ in range(40):
            share.append(share[-1] + (p + q * share[-1]) * (1.0 - share[-1]))
        return 5000 * np.array(share)

    assert bass_ratio(adopters(0.01, 0.12), 5000) == pytest.approx(12)
    assert bass_ratio(adopters(0.01, 0.0), 5000) == pytest.approx(0, abs=1e-9)


def test_statistics_of_money_and_of_videos() -> None:
    spent = {"day": np.array([7.0, 80, 80, 83]), "usd": np.array([900.0, 60, 30, 10]), "followers": np.array([5e3, 5e3, 2e5, 0])}
    assert measure("micro_share 1e3 1e5 28", {"a": {"spent": spent}}) == 0.6
    posts = {"format": np.array([0, 5, 5, 2])}
    assert measure("user_videos", {"a": {"posts": posts, "scale": 50.0, "totals": {"reach": 20_000.0}}}) == 5
    arms = []
    for posts_bought, sold in ((0, 10.0), (4, 30.0), (2, 20.0)):
        rows = {"brand": np.zeros(posts_bought), "account": np.zeros(posts_bought, bool), "posted": np.zeros(posts_bought)}
        arms.append({"posts": rows, "totals": {"expected_purchases": sold}})
    assert measure("purchases_change", dict(zip("abc", arms, strict=True))) == 0  # five for each post


def test_the_baseline_keeps_accounts_and_knows_nothing_else(posts: Posts) -> None:
    twin = naive("crawl", {"posts": posts, "open": posts, "ratio_like": 3.0, "jaccard": 0.1}, 1)
    assert (twin["posts"].followers == posts.followers).all()
    runs = {"crawl": twin}
    assert measure("posts views_slope", runs) == pytest.approx(SLOPE, abs=0.05)
    assert measure("pooled_rate likes", runs) == pytest.approx(100 * LIKES, rel=0.01)
    assert measure("value ratio_like", runs) == 1
    assert math.isnan(measure("value attention", runs))


def test_the_fast_part_runs_and_is_written(tmp_path: Path) -> None:
    wanted = chosen(all_facts(), "identity") + chosen(all_facts(), "silence") + chosen(all_facts(), "urn")
    assert len(card.fast(wanted)) == len(wanted)
    rows = card.measured(wanted, card.play_all(card.tasks(wanted, most_seeds=1), jobs=1))
    assert [r.verdict for r in rows] == [PASS] * len(rows), [(r.fact.id, r.value, r.reason) for r in rows]
    out = write.write_card(rows, tmp_path / "card", 1.0)
    table = list(csv.DictReader(Path(out["scorecard.csv"]).read_text().splitlines()))
    assert [line["id"] for line in table] == [f.id for f in wanted]
    assert {line["passes"] for line in table} == {"pass"}
    page = Path(out["scorecard.html"]).read_text()
    assert "0 failures" in page
    assert all(f.id in page for f in wanted)


def test_failures_come_first_and_say_what_they_taught() -> None:
    bad = Row(FACT.model_copy(update={"id": "bad", "learned": "The lesson."}), 3.0)
    page = write.html([Row(FACT, 1.5), bad], {})
    assert page.index("bad") < page.index("<code>x</code>")
    text = write.markdown([Row(FACT, 1.5), bad], "end")
    assert "**bad** (held out): 3, band 1 to 2. The lesson." in text


# ------------------------------------------------------------------------- ODD


def test_tables_of_the_odd_are_those_of_the_code(repository: Path) -> None:
    text = (repository / "docs" / "ODD.md").read_text(encoding="utf-8")
    update = "influence-sim odd scenarios/demo.yaml --update docs/ODD.md"
    assert text == odd.with_tables(text, odd.tables()), f"out of date; run: {update}"


def test_every_parameter_and_every_declared_variable_is_in_the_tables() -> None:
    text = odd.tables()
    assert all(f"`{p.path}`" in text for p in parameters())
    from influence_sim.engine.state import LEAD, POST, VIEWER, Acquaintances

    for names in (POST.names, VIEWER.names, LEAD.names, Acquaintances._fields):
        assert all(f"| `{name}` |" in text for name in names or ())


def test_text_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks"):
        odd.with_tables("no marks", "x")

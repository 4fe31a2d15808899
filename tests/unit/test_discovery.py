"""Measures of discovery: exact on tables made by hand, consistent on a real small run."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from influence_sim.record import RunResult, event_log, result_of
from influence_sim.record import discovery as measures
from influence_sim.record.discovery import (
    cascades,
    discovered_follows,
    discovery,
    first_thousand,
    gini,
    lorenz,
    organic,
    outran,
    post_likeness,
    source_shares,
    stage_funnel,
    top_share,
    topic_likeness,
)
from influence_sim.studies.discovery import discovery_table, discovery_words
from small_worlds import campaign, market_of, run, simulation

NAN = math.nan


def posts(**columns: Any) -> dict[str, Any]:
    """Return a table of organic posts with the given columns."""
    n = len(next(iter(columns.values())))
    return {"sponsored": np.zeros(n, bool), "brand": np.full(n, -1), **{name: np.array(x) for name, x in columns.items()}}


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(measures).failed == 0
    assert doctest.testmod(event_log).failed == 0


def test_inequality() -> None:
    assert gini([1, 2, 3, 4]) == pytest.approx(0.25)
    assert math.isnan(gini([]))
    assert math.isnan(gini([0, 0]))
    items, total = lorenz([4, 1, 3, 2])
    assert items.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert total == pytest.approx([0, 0.1, 0.3, 0.6, 1])
    assert top_share([4, 1, 3, 2], 0.25) == pytest.approx(0.4)
    assert top_share([4, 1, 3, 2], 0.5) == pytest.approx(0.7)
    assert top_share([4, 1, 3, 2], 0.125) == pytest.approx(0.2)  # half of the largest
    # The Gini coefficient is one minus twice the area under the Lorenz curve.
    x = np.random.default_rng(1).lognormal(0, 1.5, 500)
    assert gini(x) == pytest.approx(1 - 2 * np.trapezoid(lorenz(x)[1], lorenz(x)[0]))


def test_only_organic_posts_of_creators_count() -> None:
    table = {"sponsored": [0, 1, 0], "brand": [-1, 0, 0], "views": [5, 6, 7]}
    assert organic(table)["views"].tolist() == [5]


def test_posts_that_outran_their_authors() -> None:
    table = posts(followers=[0, 10, 50, 99, 100, 200, 300, 5000], views=[900, 101, 501, 300, 1000, 2001, 300, 20])
    small, middle, large = outran(table, people_per_agent=10)
    assert (small.low, small.high, small.posts, small.share) == (10, 100, 3, pytest.approx(2 / 3))
    assert (middle.low, middle.posts, middle.share) == (100, 3, pytest.approx(1 / 3))  # exactly ten times is not above
    assert math.isnan(large.share)
    assert large.reason == "the median post has 2 views by simulated people, 10 are needed"
    assert [c.share for c in outran(table, 1)][2] == 0


def test_the_first_thousand_views_with_posts_still_young() -> None:
    table = posts(posted=[-1, 0, 0, 0, 2], first_1000_days=[0.1, 1.0, 2.0, NAN, NAN])
    days, share = first_thousand(table, end=3)
    # Four posts count; at day 1 all are at risk, at day 2 the youngest, seen for one day, is not.
    assert days.tolist() == [0, 1, 2]
    assert share == pytest.approx([0, 1 / 4, 1 - 3 / 4 * 1 / 2])
    assert first_thousand(posts(posted=[0.0], first_1000_days=[NAN]), 3)[1].tolist() == [0]


def test_sources_and_follows() -> None:
    names = measures.SEEN_THROUGH
    assert names == ("follow", "interest", "trending", "random", "explore", "paid", "heated")
    zero = {f"views_{name}": [0, 0] for name in names}
    table = posts(**{**zero, "views_follow": [6, 0], "views_explore": [2, 2]}, views=[8, 2], views_from_followers=[4, 0],
                  creator=[3, 7], follows=[2, 1], follows_discovered=[1, 1])  # fmt: skip
    shares = source_shares(table)
    assert shares["follow"] == 0.6
    assert shares["explore"] == 0.4
    assert shares["non_followers"] == 0.6
    found = discovered_follows(table)
    assert {name: x.tolist() for name, x in found.items()} == {"creator": [3, 7], "follows": [2, 1], "discovered": [1, 1]}


def test_stages() -> None:
    table = {"stage": [0, 0, 1], "passed": [True, False, False], "impressions": [10, 12, 40], "entered": [0, 1, 2], "ended": [2, 2, 2.5]}
    found = stage_funnel({name: np.array(x) for name, x in table.items()})
    assert {name: x.tolist() for name, x in found.items()} == {
        "stage": [0, 1], "ended": [2, 1], "pass_rate": [0.5, 0], "impressions": [11, 40], "days": [1.5, 0.5],
    }  # fmt: skip
    assert all(len(x) == 0 for x in stage_funnel({}).values())


def test_how_alike_the_posts_are_that_people_see() -> None:
    # Sets {1, 2}, {2, 3}, {9}: Jaccard 1/3, 0, 0. Drawn from 10: 0.4 of 3.6 and twice 0.2 of 2.8.
    found = post_likeness([0, 0, 0, 1, 1, 2], [1, 2, 2, 2, 3, 9], 10)
    assert found.observed == pytest.approx(1 / 9)
    assert found.random == pytest.approx((0.4 / 3.6 + 2 * 0.2 / 2.8) / 3)
    assert found.people == 3
    assert math.isnan(post_likeness([4, 4], [1, 2], 2).observed)
    rng, person = np.random.default_rng(2), np.repeat(np.arange(20), 30)
    drawn = post_likeness(person, np.concatenate([rng.choice(200, 30, replace=False) for _ in range(20)]), 200)
    assert drawn.observed == pytest.approx(drawn.random, rel=0.05)
    hits = post_likeness(person, (rng.random(600) ** 3 * 200).astype(int), 200)
    assert hits.observed > 1.5 * hits.random
    assert post_likeness(person, np.arange(600), 600).observed == 0


def test_how_alike_the_topics_are_that_people_see() -> None:
    # Counts (2, 0), (1, 1): cosine 1 / sqrt 2.
    assert topic_likeness([0, 0, 1, 1], [5, 5, 5, 6]).observed == pytest.approx(1 / math.sqrt(2))
    assert math.isnan(topic_likeness([4, 4], [1, 2]).observed)
    rng, person = np.random.default_rng(2), np.repeat(np.arange(20), 30)
    dealt = topic_likeness(person, rng.integers(0, 8, 600))
    assert dealt.observed == pytest.approx(dealt.random, rel=0.05)
    camps = topic_likeness(person, person % 2 * 4 + rng.integers(0, 4, 600))
    assert camps.observed < 0.6 * camps.random


def test_cascades_of_a_log_written_by_hand() -> None:
    # Post 0 by 9: the platform shows it to 1 and 2, 3 has it along 1, 4 along 3. Post 1 by 8: 5 along 8. Post 2: nobody.
    rows = [("post", 9, 0, -1), ("post", 8, 1, -1), ("post", 8, 2, -1), ("impression", 1, 0, -1), ("share", 1, 0, -1), ("share", 3, 0, 1),
            ("share", 4, 0, 3), ("share", 2, 0, -1), ("share", 5, 1, 8)]  # fmt: skip
    events = pd.DataFrame(rows, columns=["action", "person", "post", "via"]).assign(time=np.arange(len(rows)) / 10)
    found = cascades(events)
    assert found["post"].tolist() == [0, 1]
    assert found["size"].tolist() == [5, 2]
    assert found["depth"].tolist() == [3, 1]
    # A path of five, 2-9-1-3-4: (5 + 1) / 3.
    assert found["structural_virality"].tolist() == pytest.approx([2.0, 1.0])
    assert all(len(x) == 0 for x in cascades(events[:3]).values())


@pytest.fixture(scope="module")
def result() -> RunResult:
    values = {"people.agents": 600, "people.population": 12_000, "creators.count": 30, "response.share_rate": 0.05}
    return result_of(run(simulation(market_of(values), horizon=5), campaign), "lively")


def test_tables_of_a_run_agree(result: RunResult) -> None:
    p = result.posts
    parts = [p[f"views_{name}"] for name in measures.SEEN_THROUGH]
    assert np.array_equal(np.sum(parts, axis=0), p["views"])
    assert p["views_paid"][p["sponsored"]].sum() > 0
    reached = np.isfinite(p["first_1000_days"])
    assert np.array_equal(reached, p["views"] >= 1000)
    assert 0 < reached.sum() < len(reached)
    assert (p["posted"] + p["first_1000_days"] <= 5)[reached].all()
    assert (p["first_1000_days"] >= 0)[reached].all()
    s = result.stages
    assert np.array_equal(np.bincount(s["post"], s["passed"], minlength=len(p["post"])), p["stages_passed"])
    assert np.array_equal(p["stage"] == "failed", np.isin(p["post"], s["post"][~s["passed"]]))
    assert (s["entered"] < s["ended"]).all()
    later = np.flatnonzero(s["stage"] > 0)
    assert len(later) > 5
    assert (s["post"][later] == s["post"][later - 1]).all()
    assert np.array_equal(s["entered"][later], s["ended"][later - 1])
    assert np.isin(s["impressions"], [40, 160, 640, 2560]).all()  # quotas in real impressions


def test_the_summary_of_a_run(result: RunResult) -> None:
    table = discovery(result)
    assert set(table) == {"measure", "of", "value", "unit", "n", "note"}
    assert len({len(x) for x in table.values()}) == 1
    found = {(m, of): x for m, of, x in zip(table["measure"], table["of"], table["value"], strict=True)}
    assert found["views_gini", ""] == gini(organic(result.posts)["views"])
    assert sum(x for (m, _), x in found.items() if m == "views_by_source") == pytest.approx(1)
    assert found["views_of_top", "1% of posts"] < found["views_of_top", "10% of posts"] < found["views_of_top", "20% of posts"] < 1
    unknown = ~np.isfinite(table["value"])
    assert (table["note"][unknown] != "").all()
    assert (table["note"][~unknown] == "").all()
    assert math.isnan(found["thousand_views", "within 7 d"])  # the run has five days
    words = " ".join(discovery_words(table))
    assert f"Gini {found['views_gini', '']:.2f}" in words
    assert "nan" not in words
    assert discovery_words({name: x[:0] for name, x in table.items()}) == []


def test_replications_give_intervals(result: RunResult) -> None:
    values = {"people.agents": 300, "people.population": 6000}
    runs = [result_of(run(simulation(market_of(values), horizon=2, replication=r)), "x") for r in range(4)]
    table = discovery_table(runs)
    gini_row = table[table.measure == "views_gini"].iloc[0]
    each = [gini(organic(r.posts)["views"]) for r in runs]
    assert gini_row.value == pytest.approx(np.mean(each))
    assert min(each) <= gini_row.lo < gini_row.value < gini_row.hi <= max(each)
    assert gini_row.worlds == 4
    assert len(discovery_table([])) == 0

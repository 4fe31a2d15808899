"""The allocator on response functions whose best split is known."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from influence_sim.studies.allocation import Allocation, Split, allocate, curves, percents_of, usual

CHANNELS = {"ads": {"strategy": "paid_infeed"}, "large": {"strategy": "macro"}, "small": {"strategy": "micro_portfolio"}}
TOP = {"ads": 20.0, "large": 30.0, "small": 60.0}  # purchases a channel can bring at most, and the percent at which half are there
HALF = {"ads": 10.0, "large": 40.0, "small": 30.0}


def question(**changes: object) -> Allocation:
    return Allocation.model_validate({"scenario": "none.yaml", "channels": CHANNELS, "goal": "incremental_purchases", **changes})


def truth(split: Split) -> float:
    """Return the purchases a split truly brings: saturating channels, and flights are a tenth worse."""
    got = sum(TOP[c] * p / (p + HALF[c]) for c, p in split.percents if p and c != "keep")
    return got * (0.9 if split.timing == "flights" else 1.0)


def market(sd: float = 3.0, own: float = 1.0, of: Callable[[Split], float] = truth) -> Callable[[Sequence[Split], range], pd.DataFrame]:
    """Return a market with luck that all splits share and luck of their own; the same replication is the same luck."""

    def evaluate(splits: Sequence[Split], replications: range) -> pd.DataFrame:
        rows = []
        for k, split in enumerate(splits):
            key = zlib.crc32(repr(split).encode()) if own else 0
            for r in replications:
                luck = sd * np.random.default_rng(r).normal() + own * np.random.default_rng([r, key]).normal()
                rows.append({"split": k, "replication": r, "spend": 1000.0 * sum(p for c, p in split.percents if c != "keep") / 100,
                             "gained": of(split) + luck, "reach": 1.0})  # fmt: skip
        return pd.DataFrame(rows)

    return evaluate


def grid_best(step: int = 5) -> float:
    """Return the best value of all splits on a coarse grid."""
    grid = range(0, 101, step)
    return max(
        truth(Split((("ads", a), ("large", b), ("small", 100 - a - b)), "burst")) for a, b in itertools.product(grid, grid) if a + b <= 100
    )


weights = st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1e6), min_size=2, max_size=5)


@settings(max_examples=300, deadline=None)
@given(weights, st.data())
def test_shares_add_up_bounds_hold_and_order_is_irrelevant(values: dict[str, float], data: st.DataObject) -> None:
    each = 100 // len(values)
    bounds = {label: (data.draw(st.integers(0, each)), data.draw(st.integers(each + 1, 100))) for label in values}
    found = dict(percents_of(values, bounds))
    assert sum(found.values()) == 100
    assert all(low <= found[label] <= high for label, (low, high) in bounds.items())
    turned = dict(reversed(values.items()))
    assert dict(percents_of(turned, dict(reversed(bounds.items())))) == found


def test_the_search_comes_within_noise_of_the_best_of_a_grid_and_is_no_worse_than_random() -> None:
    best, gains = grid_best(), []
    for seed in range(8):
        found = allocate(question(trials=60, worlds=10, check_worlds=40, seed=seed), market(), 1.0)
        random = found.checked[found.checked["name"].str.startswith("random")]
        # Truth of what is recommended against truth of the best on the grid; noise of 40 paired worlds is about .2.
        assert truth(found.winner) >= best - 0.8
        gains.append(truth(found.winner) - max(truth_of(row) for _, row in random.iterrows()))
    assert np.mean(gains) >= -0.1


def truth_of(row: pd.Series) -> float:
    """Return the true value of a row of the table of checked splits."""
    return truth(Split(tuple((c, int(row[c])) for c in TOP), row["timing"]))


def test_only_values_of_unseen_worlds_are_reported_and_they_are_not_optimistic() -> None:
    gaps, claimed = [], []
    for seed in range(30):
        flat = market(sd=0.0, own=5.0, of=lambda split: 50.0)  # every split is equal: any winner is luck
        found = allocate(question(trials=30, worlds=5, check_worlds=30, finalists=4, random_search=False, seed=seed), flat, 1.0)
        gaps.append(found.checked.iloc[0]["mean"] - 50.0)
        claimed.append(found.trials["score"].max() - 50.0)
    assert np.mean(claimed) > 3.0  # what a search without a check would have reported
    assert np.mean(gaps) < 0.5 * np.mean(claimed)


def test_a_flat_goal_is_said_to_be_flat_and_a_steep_one_is_not() -> None:
    assert allocate(question(trials=20), market(of=lambda split: 50.0), 1.0).flat
    assert not allocate(question(trials=20), market(), 1.0).flat


def test_the_order_of_channels_changes_nothing() -> None:
    turned = dict(reversed(CHANNELS.items()))
    asked = [question(trials=25, channels=channels, known={"x": {"ads": 1.0}}) for channels in (CHANNELS, turned)]
    one, other = (allocate(q, market(own=0.0), 1.0) for q in asked)
    assert one.winner == other.winner
    assert one.checked.set_index("words")["mean"].to_dict() == other.checked.set_index("words")["mean"].to_dict()


def test_floors_ceilings_and_timings_are_obeyed() -> None:
    bounded = {**CHANNELS, "small": {"strategy": "micro_portfolio", "ceiling": 0.3}, "large": {"strategy": "macro", "floor": 0.2}}
    found = allocate(question(trials=40, channels=bounded, timings=["burst", "flights"]), market(), 1.0)
    assert (found.trials["small"] <= 30).all()
    assert (found.trials["large"] >= 20).all()
    assert found.trials[["ads", "large", "small"]].sum(axis=1).eq(100).all()
    assert set(found.trials["timing"]) == {"burst", "flights"}
    assert found.winner.timing == "burst"


def test_money_may_be_kept_when_spending_loses_it() -> None:
    found = allocate(question(trials=40, keep=True, goal="profit"), market(own=0.0, of=lambda s: truth(s) * 0.01), unit=1.0)
    assert dict(found.winner.percents)["keep"] >= 95


def test_caution_prefers_the_safe_channel() -> None:
    def risky(splits: Sequence[Split], replications: range) -> pd.DataFrame:
        rows = []
        for k, split in enumerate(splits):
            share = dict(split.percents)
            for r in replications:
                gained = share["large"] * (1.5 + np.random.default_rng(r).normal(0, 2)) + share["small"] * 0.9
                rows.append({"split": k, "replication": r, "spend": 1.0, "gained": gained, "reach": 0})
        return pd.DataFrame(rows)

    found = [allocate(question(trials=40, check_worlds=60, worlds=40, caution=c), risky, 1.0) for c in (0.0, 1.0)]
    bold, careful = (dict(f.winner.percents)["large"] for f in found)
    assert careful < bold
    assert found[0].checked["on_frontier"].sum() >= 2  # between the bold and the careful there are splits that neither beats


def test_usual_splits_and_curves() -> None:
    named = usual(question())
    assert {"equal split", "47/23/30", "ads alone", "large alone", "small alone"} <= set(named)
    assert dict(named["47/23/30"].percents) == {"ads": 47, "large": 23, "small": 30}  # in the order of the file
    found = curves(question(), market(sd=0.0, own=0.0), 1.0)
    small = found[found["channel"] == "small"].set_index("percent")["value"]
    assert small.loc[100] == pytest.approx(60 * 100 / 130)
    assert small.is_monotonic_increasing


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"channels": {k: {**v, "floor": 0.6} for k, v in CHANNELS.items()}}, "floors add up"),
        ({"channels": {k: {**v, "ceiling": 0.2} for k, v in CHANNELS.items()}}, "ceilings add up"),
        ({"channels": {**CHANNELS, "ads": {"strategy": "paid_infeed", "floor": 0.123}}}, "whole percentage"),
        ({"known": {"x": {"adds": 1.0}}}, "not there: adds"),
    ],
)
def test_impossible_questions_are_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        question(**changes)

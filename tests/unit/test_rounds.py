"""A day round by round: the same day, and a place to stop, fork and change in between."""

from __future__ import annotations

import pytest

from influence_sim.engine.replay import Diary
from influence_sim.engine.snapshot import SnapshotError, save_snapshot
from small_worlds import campaign, differing, market_of, outputs, people_tables, run, simulation

MARKET = market_of({"feed.rounds_per_day": 4})


def test_rounds_are_the_day():
    days, rounds = run(simulation(MARKET)), simulation(MARKET)
    while rounds.day < rounds.horizon:
        orders = None if rounds.under_way else list(campaign(rounds.day, rounds.modelled))
        if not rounds.under_way and rounds.day == 1:
            rounds.begin_day(orders)
            orders = None
        rounds.step_round(orders)
    assert not differing(outputs(days) | people_tables(days), outputs(rounds) | people_tables(rounds))


def test_a_step_finishes_a_day_that_is_under_way():
    whole, halved = simulation(MARKET), simulation(MARKET)
    whole.step()
    halved.step_round()
    halved.step_round()
    assert (halved.day, halved.round, halved.under_way) == (0, 2, True)
    halved.step()
    assert (halved.day, halved.round, halved.under_way) == (1, 0, False)
    assert not differing(outputs(whole), outputs(halved))


def test_a_day_that_has_begun_takes_no_orders_and_no_snapshot(tmp_path):
    sim = simulation(MARKET)
    sim.step_round()
    with pytest.raises(RuntimeError, match="has begun"):
        sim.step_round([])
    with pytest.raises(RuntimeError, match="has begun"):
        sim.begin_day()
    with pytest.raises(SnapshotError, match="under way"):
        save_snapshot(sim, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_fork_in_mid_day_goes_on_as_the_run_does():
    sim = simulation(MARKET)
    sim.step_round()
    twin = sim.fork()
    assert not differing(outputs(run(sim, None)), outputs(run(twin, None)))


def test_a_fork_under_other_dice_keeps_what_is_written():
    sim = simulation(MARKET)
    sim.begin_day()
    twin = sim.fork(path_seed=77)
    written = sim.posts[: sim.post_count].copy()
    sim.step()
    twin.step()
    for name in ("key", "ordinal", "quality", "posted"):
        assert (twin.posts[name][: len(written)] == written[name]).all()
    assert (twin.posts.impressions[: len(written)] != sim.posts.impressions[: len(written)]).any()
    assert int(sim.rules.seed) == 1


def test_a_diary_changes_nothing_and_keeps_every_slot():
    plain, watched = simulation(MARKET), simulation(MARKET)
    watched.witness = diary = Diary(5, most=1_000)
    run(plain)
    run(watched)
    assert not differing(outputs(plain), outputs(watched))
    for day in range(3):
        slots = [x.slot for x in diary.kept if x.day == day]
        assert slots == list(range(len(slots)))
    assert len(diary.kept) > 20

"""The event log can be counted again into every table of the run, and changes nothing in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.record import EventLog, event_log, read_events, result_of
from influence_sim.record.discovery import cascades
from influence_sim.record.event_log import ACTIONS, COLUMNS
from small_worlds import campaign, differing, market_of, outputs, people_tables, run, simulation

# Enough of everything in three days: shares, stages that end, leavers, clicks and purchases; three blocks of people.
LIVELY = {
    "people.agents": 600,
    "people.population": 6000,
    "creators.count": 30,
    "response.share_rate": 0.1,
    "response.comment_rate": 0.05,
    "response.follows_per_like": 1,
    "response.negative_rate": 0.02,
    "ties.unfollow_daily": 0.01,
    "funnel.baseline_rate": 0.02,
    "feed.candidates_random": 3,
    "feed.candidates_trending": 20,
    "feed.stages": 2,
}


def lively(threads: int = 1) -> Simulation:
    return simulation(market_of(LIVELY), threads=threads)


def logged(path: Path, threads: int = 1, **kwargs: Any) -> Simulation:
    """Run the lively market with a log at `path`."""
    sim = lively(threads)
    with EventLog(path, **kwargs) as sim.log:
        run(sim, campaign)
    sim.close()
    return sim


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulation, pd.DataFrame, Path]:
    path = tmp_path_factory.mktemp("log") / "events.parquet"
    sim = logged(path)
    return sim, read_events(path), path


def per_post(events: pd.DataFrame, action: str, count: int) -> Any:
    mine = events[(events.action == action) & (events.post >= 0)]
    return np.bincount(mine.post, minlength=count)


def test_it_counts_again_to_every_counter_of_every_post(whole: Any) -> None:
    sim, events, _ = whole
    n = sim.post_count
    posts = sim.posts[:n]
    names = {"impression": "impressions", "like": "likes", "comment": "comments", "share": "shares", "follow": "follows",
             "not_interested": "negatives", "click": "clicks"}  # fmt: skip
    for action, counter in names.items():
        assert posts[counter].sum() > 0, f"nothing to count: {counter}"
        assert np.array_equal(per_post(events, action, n), posts[counter]), counter
    assert (per_post(events, "post", n) == 1).all()
    seen = events[(events.action == "impression") & (events.post >= 0)]
    for k, source in enumerate(("follow", "interest", "trending", "random", "explore", "paid")):
        assert posts.sources[:, k].sum() > 0, source
        assert np.array_equal(np.bincount(seen.post[seen.cause == source], minlength=n), posts.sources[:, k]), source
    assert np.array_equal(np.bincount(seen.post[seen.follower], minlength=n), posts.from_followers)
    found = events[(events.action == "follow") & (events.cause != "follow")]
    assert np.array_equal(np.bincount(found.post, minlength=n), posts.discovered)
    watched = (seen.watched.to_numpy(np.float64) * 1000).astype(np.int64)
    assert np.array_equal(np.bincount(seen.post, watched, minlength=n), posts.watch)


def test_it_counts_again_to_every_day(whole: Any) -> None:
    sim, events, _ = whole
    scale, day = sim.world.people_per_agent, np.floor(events.time).astype(int)
    for d in range(sim.day):
        today = events[day == d]
        shown = today[today.action == "impression"]
        counted = {
            "views_modelled": (shown.post >= 0).sum(),
            "views_outside": (shown.post == -1).sum(),
            "unfollows": (today.action == "unfollow").sum(),
            "purchases": (today.action == "purchase").sum(),
            "shares": (today.action == "share").sum(),
        }
        for name, count in counted.items():
            assert count * scale == sim.daily[name][d], (name, d)
        assert shown.watched.astype(float).sum() * scale == pytest.approx(sim.daily["watch_seconds"][d], rel=1e-6)
    assert sum(sim.daily["unfollows"]) > 0
    assert set(events.cause[events.action == "purchase"]) >= {"evening"}


def test_it_tells_when_test_stages_ended(whole: Any) -> None:
    sim, events, _ = whole
    stages = result_of(sim, "x").stages
    ended = events[events.action.isin(["promoted", "failed"])].sort_values(["post", "time"])
    assert len(ended) == len(stages["post"]) > 20
    assert np.array_equal(ended.post, stages["post"])
    assert np.array_equal(ended.time, stages["ended"])
    assert ended.cause.tolist() == [f"stage_{s}" for s in stages["stage"]]
    assert np.array_equal(ended.action == "promoted", stages["passed"])


def test_everybody_does_one_thing_at_a_time(whole: Any) -> None:
    sim, events, _ = whole
    assert tuple(events.columns) == COLUMNS
    mine = events[events.person >= 0]
    assert mine.groupby("person").time.apply(lambda t: bool((np.diff(t) > 0).all())).all()
    assert events.time.max() <= sim.day
    assert events.time[events.action != "post"].min() > 0
    assert np.isfinite(events.watched[events.action == "impression"]).all()
    assert events.watched[events.action != "impression"].isna().all()


def test_a_post_came_along_a_follow_or_from_the_platform(whole: Any) -> None:
    sim, events, _ = whole
    shown = events[(events.action == "impression") & (events.post >= 0)]
    assert ((shown.via >= 0) == (shown.cause == "follow")).all()
    person = sim.creators.person
    author = person[sim.posts.creator[shown.post]]
    sharers = set(zip(*(events[events.action == "share"][name] for name in ("person", "post")), strict=True))
    carried = shown[(shown.via >= 0) & (shown.via != author)]
    assert len(carried) > 20
    assert set(zip(carried.via, carried.post, strict=True)) <= sharers
    left = events[events.action == "unfollow"]
    assert np.isin(left.via, person).all()


def test_it_changes_nothing(whole: Any) -> None:
    sim, _, _ = whole
    plain = run(lively(), campaign)
    assert differing(outputs(sim), outputs(plain)) == []
    assert differing(people_tables(sim), people_tables(plain)) == []


def test_bytes_do_not_depend_on_threads_or_portions(whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, path = whole
    logged(tmp_path / "two.parquet", threads=2)
    monkeypatch.setattr(event_log, "BLOCK", 100)
    logged(tmp_path / "portions.parquet")
    assert (tmp_path / "two.parquet").read_bytes() == path.read_bytes()
    assert (tmp_path / "portions.parquet").read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["portions.parquet", "two.parquet"]


def test_some_people_are_a_part_of_all(whole: Any, tmp_path: Path) -> None:
    _, events, _ = whole
    sets = []
    for people in (5, 40, [3, 599, 3]):
        logged(tmp_path / "some.parquet", people=people)
        some = read_events(tmp_path / "some.parquet")
        rows = some.attrs["events"]["people"]
        # Posts, promotions and failures do not hang on who is watched.
        expected = events[events.person.isin(rows) | events.action.isin(["post", "promoted", "failed"])]
        pd.testing.assert_frame_equal(some, expected.reset_index(drop=True), check_flags=False)
        sets.append(set(rows))
    assert len(sets[0]) == 5 < len(sets[1]) == 40
    assert sets[0] < sets[1]
    assert sets[2] == {3, 599}
    with pytest.raises(ValueError, match="log of all people"):
        cascades(some)


def test_some_actions_and_some_rows(whole: Any, tmp_path: Path) -> None:
    _, events, path = whole
    sim = logged(tmp_path / "few.parquet", actions=["share", "unfollow", "post"], max_rows=120)
    few = read_events(tmp_path / "few.parquet")
    expected = events[events.action.isin(["share", "unfollow", "post"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, expected[:120], check_flags=False)
    facts = few.attrs["events"]
    assert facts["actions"] == ["post", "share", "unfollow"]
    assert (facts["written"], facts["left_out"]) == (120, len(expected) - 120) == (sim.log.written, sim.log.left_out)
    only = read_events(path, ["share"])
    pd.testing.assert_frame_equal(only, events[events.action == "share"].reset_index(drop=True), check_flags=False)
    with pytest.raises(ValueError, match="no row left out"):
        cascades(few)


def test_only_a_whole_file_gets_the_name(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.parquet"
    sim = lively()
    with pytest.raises(KeyboardInterrupt):
        interrupted(sim, path)
    assert list(path.parent.iterdir()) == []
    with EventLog(path, max_rows=1):
        pass
    empty = read_events(path)
    assert len(empty) == 0
    assert empty.action.cat.categories.tolist() in ([], list(ACTIONS))
    with pytest.raises(RuntimeError, match="not open"):
        lively_with_closed_log(path)


def interrupted(sim: Simulation, path: Path) -> None:
    with EventLog(path) as sim.log:
        sim.step()
        assert [p.name for p in path.parent.iterdir()] == [".events.parquet.part"]
        raise KeyboardInterrupt


def lively_with_closed_log(path: Path) -> None:
    sim = lively()
    sim.log = EventLog(path)
    sim.step()


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Did you mean 'impression'"):
        EventLog(tmp_path / "x", actions=["impresion"])
    for wrong in ({"max_rows": 0}, {"people": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            EventLog(tmp_path / "x", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rows 0 to 599"):
        logged(tmp_path / "x", people=[600])
    (tmp_path / "text").write_text("no table")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "table")
    with pytest.raises(ValueError, match="not a Parquet file"):
        read_events(tmp_path / "text")
    with pytest.raises(ValueError, match="not an event log"):
        read_events(tmp_path / "table")
    with pytest.raises(FileNotFoundError):
        read_events(tmp_path / "nothing")


def test_cascades_of_a_run_hang_together(whole: Any) -> None:
    sim, events, _ = whole
    table = cascades(events)
    assert np.array_equal(table["post"], np.flatnonzero(sim.posts.shares[: sim.post_count]))
    # Nobody shares a post twice here: members are the author and the sharers.
    assert np.array_equal(table["size"], sim.posts.shares[table["post"]] + 1)
    assert table["depth"].max() >= 2
    assert (table["depth"] <= table["size"] - 1).all()
    star = table["depth"] == 1
    n = table["size"][star]
    assert np.allclose(table["structural_virality"][star], 2 * (1 - 1 / n))
    shares = events[events.action == "share"].sort_values("time")
    first: dict[tuple[int, int], float] = {}
    for person, post, via, time in zip(shares.person, shares.post, shares.via, shares.time, strict=True):
        if (via, post) in first:
            assert first[via, post] < time, "a post came from somebody who had not shared it yet"
        first[person, post] = time

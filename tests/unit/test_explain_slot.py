"""Why was this shown: a replay is the run itself, and its numbers add up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from influence_sim.cli import main
from influence_sim.engine.replay import Contender, SlotReplay, replay_slot
from influence_sim.engine.simulation import Simulation
from influence_sim.feeds import policies, with_policy
from influence_sim.record import result_of
from influence_sim.record.why import why
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import PaidInFeed
from influence_sim.world.build import build_world

MARKET = Market.model_validate(
    {
        "people": {"agents": 120, "population": 1200, "topics": 4, "views_per_day": 30},
        "creators": {"count": 12, "posts_per_day": 2},
        "feed": {"heating_share": 0.05, "heating_views": 100, "outside_posts": 0.03},
    }
)
WORLD = build_world(MARKET, 1)
DAYS = 3


def run_of(policy: str) -> Simulation:
    """Return a simulation before its first day."""
    market = MARKET.model_copy(update={"feed": with_policy(MARKET.feed, policy)})
    return Simulation(WORLD, market, PaidInFeed(start=1, days=2), 100.0, horizon=DAYS)


def replays(policy: str, every: int) -> list[tuple[SlotReplay, dict[str, object]]]:
    """Return replays of every n-th recorded slot of the last day beside what the run itself recorded."""
    run = run_of(policy).run()
    items = pd.DataFrame(result_of(run, "x").feed_items)
    rows = items[items["day"] == DAYS - 1].iloc[::every]
    assert len(rows) > 20
    start = run_of(policy)
    while start.day < DAYS - 1:
        start.step()
    found = []
    for row in rows.to_dict("records"):
        played = start.fork()
        found.append((replay_slot(played, row["person"], row["day"], row["slot"]), row))
        for name in ("likes", "views_modelled", "views_outside", "expected_purchases"):
            assert played.daily[name] == run.daily[name], "looking changed the run"
    return found


@pytest.mark.parametrize("policy", policies())
def test_a_replay_is_what_happened(policy: str) -> None:
    seen = set()
    for replay, row in replays(policy, 11):
        assert replay.source == row["source"]
        assert (replay.winner.post if replay.winner else -1) == max(int(row["post"]), -1)
        assert replay.watched == pytest.approx(row["watched_s"], abs=1e-6)
        assert why(replay), "no words"
        seen.add(replay.source)
    assert len(seen) > 1


def product(contender: Contender) -> float:
    """Return the product of the factors of a score."""
    return math.prod(contender.factors.values())


@pytest.mark.parametrize("policy", ["for_you", "x_like", "youtube_like"])
def test_scores_add_up_and_the_best_wins(policy: str) -> None:
    contests = 0
    for replay, _ in replays(policy, 5):
        for one in (replay.winner, replay.runner_up):
            if one is None or math.isnan(one.score):
                continue
            assert product(one) == pytest.approx(one.score, rel=1e-9)
            # Nothing but the request itself (author shown before, small account lifted) is left unexplained.
            discounts = {1.0, *(0.75 * 0.5**k + 0.25 for k in range(1, 40))}
            if policy != "x_like":
                assert min(abs(one.factors["request"] - d) for d in discounts) < 1e-9
        if replay.source in ("outside", "outside_ad"):
            assert replay.outside > 0.0
            assert replay.runner_up is None or replay.outside >= replay.runner_up.score
            contests += replay.runner_up is not None
        elif replay.winner is not None and not math.isnan(replay.winner.score):
            assert replay.winner.score >= replay.outside
            contests += 1
    assert contests > 5


def test_what_cannot_be_replayed_is_said() -> None:
    with pytest.raises(ValueError, match="no person 120"):
        replay_slot(run_of("for_you"), 120, 0, 0)
    with pytest.raises(ValueError, match="day 3 cannot be replayed"):
        replay_slot(run_of("for_you"), 0, DAYS, 0)
    with pytest.raises(ValueError, match="there is no slot 999"):
        replay_slot(run_of("for_you"), 0, 0, 999)


# ------------------------------------------------------------------ commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one run."""
    scenario = tmp_path_factory.mktemp("explain") / "tiny.yaml"
    scenario.write_text(
        "market: {people: {agents: 120, population: 1200}, creators: {count: 12}}\nstrategies: {ads: {strategy: paid_infeed}}\n"
        "budget: 100\nhorizon: 4\nreplications: 2\n"
    )
    out = scenario.parent / "run"
    assert main(["run", str(scenario), "--strategy", "ads", "--replication", "1", "--out", str(out), "-q"]) == 0
    return out


def test_the_command_explains_a_slot_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = pd.read_parquet(folder / "feed_items.parquet")
    row = items[(items["day"] == 2) & (items["post"] >= 0) & items["source"].isin(["follow", "interest", "trending"])].iloc[0]
    where = ["--person", str(row["person"]), "--day", "2", "--slot", str(row["slot"])]
    capsys.readouterr()
    assert main(["explain", str(folder), *where]) == 0
    text = capsys.readouterr().out
    assert f"was shown post {row['post']} of creator" in text
    assert "It won with a score of" in text
    assert "freshness" in text
    assert main(["explain", str(folder), *where, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]
    assert found["winner"]["post"] == row["post"]
    assert found["source"] == row["source"]
    assert np.prod(list(found["winner"]["factors"].values())) == pytest.approx(found["winner"]["score"])


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["--person", "0"], "also give --day and --slot", 2),
        (["--person", "0", "--day", "9", "--slot", "0"], "holds days 0 to 3; got day 9", 2),
        (["--person", "500", "--day", "0", "--slot", "0"], "there is no person 500", 2),
        (["--person", "0", "--day", "0", "--slot", "9999"], "there is no slot 9999", 2),
        (["--person", "0", "--day", "0", "--slot", "0", "--strategy", "none"], "holds no run of none", 2),
        (["--person", "0", "--day", "0", "--slot", "0", "--replication", "0"], "holds no run of ads, replication 0", 2),
    ],
)
def test_wrong_questions_are_answered(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str, code: int
) -> None:
    assert main(["explain", str(folder), *arguments]) == code
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_a_folder_with_other_numbers_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--person", "0", "--day", "1", "--slot", "0"]
    other = tmp_path / "other"
    other.mkdir()
    assert main(["explain", str(other), *where]) == 6
    assert "was not written by `run` or `compare`" in capsys.readouterr().err
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    daily = pd.read_parquet(other / "daily.parquet")
    daily.loc[1, "likes"] += 1
    daily.to_parquet(other / "daily.parquet")
    assert main(["explain", str(other), *where]) == 2
    assert "holds other numbers than this version" in capsys.readouterr().err

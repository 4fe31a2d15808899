"""Feeds written in Python: equal to the built-in where they say the same, everywhere, and clear when wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from influence_sim.cli import main
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import SOURCES
from influence_sim.feeds import Candidates, FeedPolicy, feed
from influence_sim.feeds.battery import check_feed
from influence_sim.strategies import MicroPortfolio
from influence_sim.world.build import build_world
from small_worlds import differing, market_of, outputs

TOP = Path(__file__).parents[2]
Array = np.ndarray[Any, Any]
SETS = ["people.agents=60", "people.population=3000", "creators.count=6", "feed.stages=0", "horizon=2", "replications=2"]


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registered."""
    monkeypatch.setattr(FeedPolicy, "registry", dict(FeedPolicy.registry))
    monkeypatch.chdir(TOP)


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (TOP / "docs/howto/feed.md").read_text(), re.DOTALL)


@pytest.fixture
def documented() -> dict[str, Any]:
    """Run the document from top to bottom, as a notebook would."""
    names: dict[str, Any] = {"__name__": "notebook"}
    for block in blocks():
        exec(compile(block, "docs/howto/feed.md", "exec"), names)
    return names


def test_the_document_runs_names_every_column_and_its_feeds_pass(documented: dict[str, Any]) -> None:
    text = (TOP / "docs/howto/feed.md").read_text()
    assert [name for name in Candidates._fields if f"`{name}`" not in text] == []
    assert SOURCES[1:5] == ("follow", "interest", "trending", "random")
    for name in ("small_first", "written_out", "for_you"):
        check_feed(name)
    assert documented["result"].scenario.market.feed.policy == "small_first"


def test_the_built_in_score_written_out_serves_the_same_posts(documented: dict[str, Any]) -> None:
    changes = {"response.negative_rate": 0.02, "people.agents": 400, "people.population": 4000, "creators.count": 40, "feed.stages": 0}
    tables = []
    for policy in ("for_you", "written_out"):
        market = market_of({**changes, "feed.policy": policy}, {})
        s = Simulation(build_world(market, 2), market, MicroPortfolio(followers_min=0), 2000.0, 4, threads=1 + (policy == "written_out"))
        s.run()
        tables.append(outputs(s))
        assert s.posts.sponsored[: s.post_count].sum() > 0
    assert differing(*tables, skip=["feed_items.predicted"]) == []


def run(policy: str, jobs: int, folder: Path) -> int:
    sets = [part for value in [*SETS, f"feed.policy={policy}"] for part in ("--set", value)]
    return main(["compare", "scenarios/demo.yaml", "--out", str(folder), "--jobs", str(jobs), *sets])


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda c: np.zeros(3), r"returned an array of shape \(3,\); needed is \(requests, candidates\)"),
        (lambda c: np.full(c.p_like.shape, np.nan), "returned NaN for a candidate; return -inf"),
        (lambda c: c.p_likes, r"failed \(test_feed_functions.py:\d+\): AttributeError: .*p_likes"),
    ],
)
def test_a_wrong_feed_ends_with_a_message(
    wrong: Any, words: str, jobs: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FeedPolicy("wrong_feed", "Wrong.", "assumption", {}, wrong)
    assert run("wrong_feed", jobs, tmp_path / "out") == 4
    err = capsys.readouterr().err
    assert re.search(f"feed `wrong_feed` {words}", err), err
    assert "Traceback" not in err
    assert "fault of influence-sim" not in err
    assert not (tmp_path / "out").exists()


def test_the_battery_finds_what_is_wrong() -> None:
    def refused(words: str, function: Any) -> None:
        function.__doc__ = "Wrong."
        function.__name__ = f"wrong_{len(FeedPolicy.registry)}"
        feed(source="assumption")(function)
        with pytest.raises(AssertionError, match=words):
            check_feed(function.__name__)

    calls: list[int] = []
    refused("shape", lambda c: c.p_like[:, 0])
    refused("NaN", lambda c: c.p_like * np.nan)
    refused("ValueError", lambda c: c.p_like.__setitem__((0, 0), 1.0))
    refused("not deterministic", lambda c: calls.append(1) or c.p_like + len(calls))
    refused("stand together", lambda c: c.p_like - c.p_like.mean())
    refused("where `valid` is False", lambda c: c.p_like - c.views.max(axis=1, keepdims=True))
    with pytest.raises(AssertionError, match="no feed policy is called"):
        check_feed("nobody")


def test_a_cell_may_be_run_again_but_a_name_not_taken() -> None:
    cell = "@feed(source='assumption')\ndef mine(c):\n    'Mine.'\n    return c.p_like * {}\n"
    for k in (1, 2):
        exec(cell.format(k), {"feed": feed, "__name__": "notebook"})
    with pytest.raises(ValueError, match="exists already"):
        exec(cell.replace("mine", "random").format(1), {"feed": feed, "__name__": "notebook"})

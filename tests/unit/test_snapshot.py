"""Forks and snapshots: the rest of the run is the rest of the run, to the byte."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from influence_sim import InfluenceModel
from influence_sim.agents import Creator, Publish
from influence_sim.cli import main
from influence_sim.engine import snapshot
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.snapshot import SnapshotError, load_snapshot, save_snapshot
from influence_sim.events import Event, FeedChange, FeedReset, Outage
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import Macro, MicroPortfolio, NoCampaign, PaidInFeed
from influence_sim.strategies.base import Strategy
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from influence_sim.world.graph_files import load_graph
from small_worlds import campaign, differing, market_of, outputs, people_tables, run

MARKET = market_of({"response.share_rate": 0.05})
WORLD = build_world(MARKET, 1)
DAYS = 7
PLANS: dict[str, Strategy | None] = {
    "none": None,
    "macro": Macro(start=1),
    "micro": MicroPortfolio(followers_min=0, followers_max=1e9, start=1),
    "ads": PaidInFeed(start=1, days=5),
}


def simulation(strategy: Strategy | None = None, *events: Event, world: World = WORLD, market: Market = MARKET) -> Simulation:
    return Simulation(world, market, strategy, 300.0, DAYS, 7, 2, 1, events)


def until(sim: Simulation, day: int, orders: Any = None) -> Simulation:
    while sim.day < day:
        sim.step(None if orders is None else orders(sim.day, sim.modelled))
    return sim


def everything(sim: Simulation) -> dict[str, Any]:
    """Return all that is left of a run: tables of people, of users, posts with their counters, and money."""
    posts = {f"post.{name}": sim.posts[name][: sim.post_count] for name in sim.posts.dtype.names}
    money = {"ledger": np.array([sim.ledger.paid, sim.ledger.reserved, len(sim.ledger.booked), len(sim.ledger.refused)])}
    return people_tables(sim) | outputs(sim) | posts | money


# ------------------------------------------------------------------------ fork


@pytest.mark.parametrize("day", [0, 2, DAYS])
def test_a_fork_without_change_is_the_run_itself(day: int) -> None:
    sim = until(simulation(NoCampaign()), day, campaign)
    twin = sim.fork()
    assert twin.day == day
    assert differing(everything(run(sim)), everything(run(twin))) == []


def test_a_fork_does_not_disturb_the_run_and_shares_the_world() -> None:
    sim, alone = (until(simulation(NoCampaign()), 3, campaign) for _ in range(2))
    twin = sim.fork()
    assert twin.world is sim.world
    assert twin.people.interests is sim.people.interests
    assert twin.people.estimate is not sim.people.estimate
    run(twin)
    assert sim.day == 3
    assert differing(everything(run(sim)), everything(run(alone))) == []


@pytest.mark.parametrize("event", [Outage(day=4), FeedReset(day=3), FeedChange(day=3, feed={"policy": "following"}, days=2)])
def test_a_fork_with_an_event_is_a_run_with_that_event(event: Event) -> None:
    twin = until(simulation(NoCampaign()), 3, campaign).fork([event])
    assert differing(everything(run(twin)), everything(run(simulation(NoCampaign(), event)))) == []


def test_a_fork_into_another_market_is_a_change_of_the_feed_from_that_day() -> None:
    changed = FeedChange(day=3, feed={"exploration_share": 0.4})
    twin = until(simulation(NoCampaign()), 3, campaign).fork(market=changed.changed(MARKET))
    assert differing(everything(run(twin)), everything(run(simulation(NoCampaign(), changed)))) == []


def test_a_fork_cannot_change_the_past() -> None:
    sim = until(simulation(), 3)
    with pytest.raises(ValueError, match="event `outage` is on day 2, but day 3 comes next"):
        sim.fork([Outage(day=2)])
    with pytest.raises(ValueError, match=r"market\.creators\.count"):
        sim.fork(market=market_of({"creators.count": 3}))


class Regular(Creator):
    """Publishes one more post every time, and so has something to remember."""

    posts_made = 0

    def step(self) -> Publish:
        """Publish."""
        self.posts_made += 1
        return Publish(self.posts_made % 3)


def test_a_model_forks_with_its_agents_and_what_they_remember() -> None:
    market = {"people": {"agents": 90, "population": 900}, "creators": {"count": 5}, "feed": {"stages": 0}}
    model, alone = (InfluenceModel(market=market, horizon=6, creator_class=Regular) for _ in range(2))
    for each in (model, alone):
        for _ in range(2):
            each.step()
    twin = model.fork()
    cut = model.fork([{"event": "outage", "day": 3}])
    assert type(twin.creator(0)) is Regular
    assert twin.creator(0).posts_made == 2
    assert twin.creator(0).model is twin
    for each in (model, twin, cut, alone):
        while each.running:
            each.step()
    assert twin.daily.equals(alone.daily)
    assert model.daily.equals(alone.daily)
    assert cut.daily["views_outside"][3] == 0
    with pytest.raises(ValueError, match="did you mean `outage`"):
        model.fork([{"event": "outge", "day": 6}])


# -------------------------------------------------------------------- snapshot


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("day", [0, 1, 3, DAYS])
def test_a_restored_run_goes_on_as_if_it_had_never_stopped(name: str, day: int, tmp_path: Path) -> None:
    sim = until(simulation(PLANS[name]), day)
    if name == "ads" and day == 3:
        assert 0 < sim.ledger.flights[0].delivered < sim.ledger.flights[0].quota
        assert sim.ledger.reserved > 0
    save_snapshot(sim, tmp_path / "run.snapshot")
    restored = load_snapshot(tmp_path / "run.snapshot", threads=2 if day == 1 else 1)
    assert differing(everything(sim), everything(restored)) == []
    assert differing(everything(run(sim, None)), everything(run(restored, None))) == []
    restored.close()


def test_in_the_middle_of_everything(tmp_path: Path) -> None:
    """Given orders, several flights, pending shares, an outage, a policy for a while, and a market set by hand."""
    events = Outage(day=2, share=0.5), FeedChange(day=3, feed={"policy": "following"}, days=2), FeedReset(day=5)
    sim = until(simulation(NoCampaign(), *events), 2, campaign)
    sim.set_market(market_of({"response.share_rate": 0.05, "feed.ad_gap": 2}))
    until(sim, 4, campaign)
    assert sim.pending
    assert sim.market != sim.base_market
    save_snapshot(sim, tmp_path / "a")
    restored = load_snapshot(tmp_path / "a")
    save_snapshot(restored, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes(), "equal states give equal files"
    assert differing(everything(run(sim)), everything(run(restored))) == []


def test_a_loaded_graph_and_written_columns_are_kept(tmp_path: Path) -> None:
    graph = nx.relabel_nodes(nx.gnp_random_graph(60, 0.1, seed=3, directed=True), lambda i: f"account {i}" if i % 2 else i)
    market = market_of({"people.agents": 60, "people.population": 600, "creators.count": 6})
    sim = simulation(Macro(), world=build_world(market, 4, graph=load_graph(graph, "follows")), market=market)
    sim.own_column("creators", "ability")[2] = 0.125
    until(sim, 3)
    save_snapshot(sim, tmp_path / "run")
    restored = load_snapshot(tmp_path / "run")
    assert restored.world.names == sim.world.names
    assert restored.creators.ability[2] == 0.125
    assert restored.world.creators.authenticity[2] != 0.125
    assert differing(everything(run(sim, None)), everything(run(restored, None))) == []


def test_no_attribute_is_forgotten(tmp_path: Path) -> None:
    """A new field must be saved, derived, or declared not to be kept; and what is saved comes back."""
    sim = until(simulation(PaidInFeed(start=1, days=5)), 3)
    named = [*snapshot.SAVED, *snapshot.DERIVED, *snapshot.NOT_KEPT]
    assert len(named) == len(set(named))
    assert set(vars(sim)) <= set(named), f"say in engine/snapshot.py how these come back: {set(vars(sim)) - set(named)}"
    save_snapshot(sim, tmp_path / "run")
    restored = load_snapshot(tmp_path / "run")
    for name in (*snapshot.SAVED, *snapshot.DERIVED):
        # These have spare rows or are joined: compared as tables above.
        if name not in ("posts", "themes", "items", "stage_ends", "sales", "threads", "_desks"):
            assert alike(getattr(sim, name), getattr(restored, name)), name


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and type(a) is type(b) and a.tobytes() == b.tobytes()
    if isinstance(a, World):
        return all(alike(x, vars(b)[name]) for name, x in vars(a).items())
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and bool(a == b)


def test_a_model_is_restored_with_classes(tmp_path: Path) -> None:
    model = InfluenceModel(market={"people": {"agents": 90, "population": 900}, "creators": {"count": 5}, "feed": {"stages": 0}}, horizon=4)
    model.step()
    model.save_snapshot(tmp_path / "m")
    again = InfluenceModel.load_snapshot(tmp_path / "m", creator_class=Regular)
    assert isinstance(again.creator(0), Regular)
    same = InfluenceModel.load_snapshot(tmp_path / "m")
    for each in (model, same):
        while each.running:
            each.step()
    assert model.daily.equals(same.daily)


# ------------------------------------------------------------------- mistakes


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("kept") / "run"
    save_snapshot(until(simulation(), 1), path)
    return path.read_bytes()


def refused(folder: Path, contents: bytes) -> str:
    (folder / "x").write_bytes(contents)
    with pytest.raises(SnapshotError) as caught:
        load_snapshot(folder / "x")
    assert caught.value.exit_code == 3
    assert str(folder / "x") in str(caught.value)
    return str(caught.value)


def test_damaged_files_are_refused(kept: bytes, tmp_path: Path) -> None:
    for cut in (0, 10, 40, 60, 120, 1000, len(kept) // 2, len(kept) - 1):
        assert any(words in refused(tmp_path, kept[:cut]) for words in ("is not a snapshot", "damaged or cut short"))
    for at in (50, 110, 150, 1000, len(kept) // 2, len(kept) - 1):
        wrong = kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :]
        assert "damaged or cut short" in refused(tmp_path, wrong)
    assert "damaged or cut short" in refused(tmp_path, kept + b"\0")
    assert "is not a snapshot" in refused(tmp_path, b"strategies: [none]\n" * 30)
    assert "is not a snapshot" in refused(tmp_path, b"\x00\xff" * 1000)
    first, _, rest = kept.partition(b"\n")
    assert "format 7; this version reads format 1" in refused(tmp_path, first.replace(b"format 1", b"format 7") + b"\n" + rest)
    with pytest.raises(FileNotFoundError):
        load_snapshot(tmp_path / "nothing")


def forged(folder: Path, contents: bytes, change: Any) -> bytes:
    """Return a file whose checksum is right and whose header was changed."""
    first = contents.partition(b"\n")[0]
    (folder / "zip").write_bytes(contents)
    target = folder / "forged"
    with zipfile.ZipFile(folder / "zip") as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "header.json":
                header = json.loads(data)
                change(header)
                data = json.dumps(header).encode()
            new.writestr(name, data)
    body = target.read_bytes()
    return first + b"\nsha256 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def test_other_versions_and_unknown_plugins_are_refused(kept: bytes, tmp_path: Path) -> None:
    def version(header: dict[str, Any]) -> None:
        header["engine"]["package"] = "9.9"

    def strategy(header: dict[str, Any]) -> None:
        header["campaigns"][0]["strategy"] = {"name": "my_own", "params": {}}

    def event(header: dict[str, Any]) -> None:
        header["events"] = [{"name": "flood", "params": {"day": 3}}]

    def incomplete(header: dict[str, Any]) -> None:
        del header["campaigns"]

    assert "made by another version (package 9.9 there" in refused(tmp_path, forged(tmp_path, kept, version))
    assert "my_own" in refused(tmp_path, forged(tmp_path, kept, strategy))
    assert "import the module" in refused(tmp_path, forged(tmp_path, kept, event))
    assert "was not written by save_snapshot" in refused(tmp_path, forged(tmp_path, kept, incomplete))
    assert load_snapshot_of(tmp_path, forged(tmp_path, kept, lambda header: None)).day == 1


def load_snapshot_of(folder: Path, contents: bytes) -> Simulation:
    (folder / "y").write_bytes(contents)
    return load_snapshot(folder / "y")


def test_writing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = until(simulation(), 1)
    save_snapshot(sim, tmp_path / "run")
    first = (tmp_path / "run").read_bytes()
    sim.step()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(OSError, match="No space"):
            save_snapshot(sim, tmp_path / "run")
    assert (tmp_path / "run").read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    save_snapshot(sim, tmp_path / "run")
    assert load_snapshot(tmp_path / "run").day == 2
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(SnapshotError, match="is not a snapshot: choose another name"):
        save_snapshot(sim, tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_what_could_not_be_built_again_is_not_saved(tmp_path: Path) -> None:
    class Unnamed(NoCampaign):
        """A strategy without a name of its own in the registry."""

        name = ""

    with pytest.raises(SnapshotError, match="strategy Unnamed is not registered"):
        save_snapshot(simulation(Unnamed()), tmp_path / "run")
    sim = simulation()
    sim.world = World(**{**vars(sim.world), "names": [(0, 1)] * sim.world.size})
    with pytest.raises(SnapshotError, match="people are called by things like"):
        save_snapshot(sim, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- command line

ASKED = """
market: {people: {agents: 120, population: 1200}, creators: {count: 6}, feed: {stages: 0}}
strategies: [none, {macro: {start: 1}}]
events: [{day: 4, event: outage, share: 0.5}]
horizon: 6
"""


def test_the_command_stops_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, kept = tmp_path / "x.yaml", tmp_path / "later" / "run.snapshot"
    file.write_text(ASKED)

    def command(*options: str) -> tuple[int, dict[str, Any]]:
        code = main(["run", str(file), "--strategy", "macro", "--json", "-q", *options])
        return code, json.loads(capsys.readouterr().out)["result"]

    whole, part, rest = command(), command("--until", "3", "--snapshot", str(kept)), command("--from", str(kept))
    assert whole[0] == part[0] == 0
    assert part[1] != whole[1]
    assert rest == whole
    for options, code, words in [
        (("--until", "9"), 2, "the horizon is 6 days"),
        (("--from", str(kept), "--until", "2"), 2, "at day 3 already"),
        (("--from", str(kept), "--set", "world_seed=5"), 3, "of another run than the one asked for: other world"),
        (("--from", str(kept), "--set", "feed.tries=3", "--replication", "1"), 3, "other market, replication, world"),
        (("--from", str(file)), 3, "is not a snapshot"),
        (("--from", str(tmp_path / "none")), 2, "file not found"),
        (("--snapshot", str(file)), 3, "exists and is not a snapshot"),
    ]:
        got, result = command(*options)
        assert (got, result["exit_code"]) == (code, code), result
        assert words in result["message"]
    assert file.read_text() == ASKED

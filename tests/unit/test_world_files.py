"""Worlds in files: the same world, opened where it lies, shared by processes; and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenario_files import write

import influence_sim
from influence_sim import InfluenceModel
from influence_sim.cli import main
from influence_sim.scenario import load_scenario
from influence_sim.scenario.parameters import Market, parameters
from influence_sim.studies import worlds
from influence_sim.studies.journal import question_digest
from influence_sim.studies.play import playing
from influence_sim.studies.results import decides
from influence_sim.studies.runner import run_all
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from influence_sim.world.files import SHAPING, WorldError, open_world, read_header, shaping, write_world
from influence_sim.world.graph_files import load_graph
from small_worlds import differing, market_of, outputs, simulation

MARKET = market_of({"rivals.count": 1})
ASKED = """
market: {people: {agents: 150, population: 1500}, creators: {count: 6}, feed: {stages: 0}}
strategies: [{macro: {start: 1}}, {paid_infeed: {start: 1, days: 2}}]
horizon: 4
replications: 2
"""


def columns(world: World) -> dict[str, Any]:
    tables = {name: getattr(world, name)._asdict() for name in ("people", "creators", "follows")}
    flat = {f"{table}.{name}": values for table, found in tables.items() for name, values in found.items()}
    return flat | {"brand_topics": world.brand_topics, "people_per_agent": world.people_per_agent, "names": str(world.names)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    folder = tmp_path_factory.mktemp("world")
    world = build_world(MARKET, 3, 2)
    write_world(world, folder, MARKET, 3, 2)
    return world, folder


# ------------------------------------------------------------------- the same world


def test_a_world_comes_back_bit_for_bit_and_mapped(kept: tuple[World, Path]) -> None:
    world, folder = kept
    opened = open_world(folder)
    assert differing(columns(world), columns(opened)) == []
    large = [x for x in columns(opened).values() if isinstance(x, np.ndarray) and x.nbytes > 4096]
    assert large
    for values in large:
        base = values
        while isinstance(base, np.ndarray) and base.base is not None:
            base = base.base
        assert "mmap" in type(base).__name__
        assert type(values) is np.ndarray, "kernels are compiled for plain writable arrays"
        assert values.flags.writeable


def test_a_run_in_an_opened_world_is_the_same_and_compiles_nothing(kept: tuple[World, Path]) -> None:
    from influence_sim.engine import ties

    world, folder = kept
    plain = simulation(MARKET, world).run()
    before = len(ties.split.signatures)  # type: ignore[attr-defined]
    mapped = simulation(MARKET, open_world(folder)).run()
    assert len(ties.split.signatures) == before  # type: ignore[attr-defined]
    assert differing(outputs(plain), outputs(mapped)) == []


def test_what_a_process_writes_stays_its_own(kept: tuple[World, Path]) -> None:
    _, folder = kept
    one, other = open_world(folder), open_world(folder)
    one.people.interests[:] = 0
    assert other.people.interests.sum() > 0
    open_world(folder)  # still has its checksums


def test_names_of_a_loaded_graph_are_kept(tmp_path: Path) -> None:
    graph = load_graph(write(tmp_path, "source,target,weight\nann,bob,.5\nbob,cem,.25\ncem,ann,1\n", "g.csv"))
    market = market_of({"people.agents": 3, "people.population": 30, "creators.count": 2})
    world = build_world(market, 1, graph=graph)
    (tmp_path / "w").mkdir()
    write_world(world, tmp_path / "w", market, 1, 0, "g.csv")
    assert differing(columns(world), columns(open_world(tmp_path / "w"))) == []
    world.names = [(1, 2)] * 3
    (tmp_path / "odd").mkdir()
    with pytest.raises(WorldError, match="people are called by things like"):
        write_world(world, tmp_path / "odd", market, 1, 0)
    with pytest.raises(WorldError, match="is not a world"):
        open_world(tmp_path / "odd")


def other_value(line: Any, now: Any) -> Any:
    """Return another allowed value of a parameter, near the present one; None where there is none."""
    if line.allowed:
        return next((value for value in line.allowed if value != now), None)
    if isinstance(now, bool) or not isinstance(now, int | float):
        return None
    low, high = line.low, line.high
    step = 1 if isinstance(now, int) else 0.37 * (high - now if now < high else now - low)
    return type(now)(now + step) if now + step <= high else type(now)(now - step)


def test_shaping_names_exactly_the_parameters_that_change_a_world() -> None:
    """A parameter left out would let a run play in a world of another market; one too many would refuse a right one."""
    base = market_of({"people.newcomers": 0.2, "people.minors_share": 0.4, "creators.appeal_ability_correlation": 0.3})
    listed = {f"{group}.{name}" for group, names in SHAPING.items() for name in names}
    before = columns(build_world(base, 5))
    found = set()
    for line in parameters():
        path = line.path.removeprefix("market.")
        group, name = path.split(".")
        value = other_value(line, getattr(getattr(base, group), name))
        if value is None:
            continue
        changed = base.model_copy(update={group: getattr(base, group).model_copy(update={name: value})})
        try:
            after = columns(build_world(changed, 5))
        except ValueError:
            found.add(path)  # it decides whether there is a world at all
            continue
        same = all(np.asarray(before[key]).tobytes() == np.asarray(after[key]).tobytes() for key in before)
        if not same:
            found.add(path)
    assert found == listed


# ------------------------------------------------------------------------ mistakes


def refused(folder: Path) -> str:
    with pytest.raises(WorldError) as caught:
        open_world(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_damaged_worlds_are_refused(kept: tuple[World, Path], tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(kept[1], tmp_path / name))

    flipped = copy("flipped")
    data = bytearray((flipped / "follows.target.npy").read_bytes())
    data[-3] ^= 1
    (flipped / "follows.target.npy").write_bytes(data)
    assert "does not have the checksum" in refused(flipped)
    missing = copy("missing")
    (missing / "people.views.npy").unlink()
    assert "damaged or cut short" in refused(missing)
    (copy("begun") / "world.json").unlink()
    assert "is not a world" in refused(tmp_path / "begun")
    assert "is not a world" in refused(tmp_path / "nothing")
    for name, change, words in (
        ("format", {"format": 9}, "written by another version (format 9"),
        ("model", {"model": "0"}, "written by another version"),
        ("kind", {"kind": "x"}, "is of something else"),
        ("count", {"people": 7}, "counts other people"),
        ("names", {"sha256": {"../x": "0"}}, "does not have the checksum"),
        ("sums", {"sha256": 3}, "damaged or cut short"),
    ):
        folder = copy(name)
        header = json.loads((folder / "world.json").read_text())
        (folder / "world.json").write_text(json.dumps(header | change))
        assert words in refused(folder)
    (copy("garbage") / "world.json").write_bytes(b"\xff{")
    assert "no readable world.json" in refused(tmp_path / "garbage")


def test_the_command_writes_a_world_in_which_others_play(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = write(tmp_path, ASKED, "x.yaml"), tmp_path / "w"

    def command(*words: str) -> tuple[int, dict[str, Any]]:
        code = main([words[0], str(file), "--json", "-q", *words[1:]])
        return code, json.loads(capsys.readouterr().out)["result"]

    code, told = command("world", "--out", str(folder))
    assert (code, told["people"]) == (0, 150)
    header = read_header(folder)
    assert (header["world_seed"], header["replication"], header["follows"]) == (1, 0, told["follows"])
    one, other = (command("run", "--strategy", "macro", *more) for more in ((), ("--world", str(folder))))
    assert one == other
    # All replications play in it, which is what `same_world` says.
    shared = command("compare", "--out", str(tmp_path / "a"), "--jobs", "1", "--set", "same_world=true", "--no-progress")
    opened = command("compare", "--out", str(tmp_path / "b"), "--jobs", "2", "--world", str(folder), "--no-progress")
    assert shared == opened
    for name in ("summary.csv", "pairs.csv", "daily.parquet", "posts.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    provenance = json.loads((tmp_path / "b" / "provenance.json").read_text())
    assert provenance["world_sha256"] == header["sha256"]
    for options, code, words in [
        (("--world", str(folder), "--set", "people.views_per_day=90"), 3, "people.views_per_day is 80"),
        (("--world", str(tmp_path)), 3, "no world in"),
        (("--world", str(folder), "--set", "graph_file=g.csv"), 3, "no such graph file"),
    ]:
        got, told = command("run", "--strategy", "macro", *options)
        assert (got, told["exit_code"]) == (code, code), told
        assert words in told["message"] + json.dumps(told.get("problems", ""))
    code, told = command("world", "--out", str(tmp_path / "c"), "--set", f"world={folder}")
    assert (code, "already plays" in told["message"]) == (2, True)
    # A scenario may name it, by a path beside its own.
    named = write(tmp_path, ASKED + "world: w\n", "named.yaml")
    assert load_scenario(named).scenario.world == str(folder)
    model = InfluenceModel(str(named), "macro")
    assert "mmap" in type(model.simulation.world.follows.target.base.base).__name__ or model.simulation.world.follows.target.nbytes < 4096


def test_a_world_of_a_graph_brings_its_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng_free = "".join(f"{i},{(7 * i + k) % 60}\n" for i in range(60) for k in range(5))
    graph, file, folder = write(tmp_path, rng_free, "g.csv"), write(tmp_path, ASKED, "x.yaml"), tmp_path / "w"
    assert main(["world", str(file), "--graph", str(graph), "--population", "600", "--out", str(folder), "-q"]) == 0
    told, loaded = [], ("--set", f"graph_file={graph}", "--set", "people.population=600", "--set", "people.agents=60")
    for options in (("--world", str(folder)), loaded):
        capsys.readouterr()
        assert main(["run", str(file), "--strategy", "macro", "--json", "-q", *options]) == 0
        told.append(json.loads(capsys.readouterr().out)["result"])
    assert told[0] == told[1]


# ------------------------------------------------------------------- shared by processes


def test_a_journal_tells_worlds_in_files_apart(tmp_path: Path) -> None:
    asked = load_scenario(write(tmp_path, ASKED, "x.yaml")).scenario
    said = []
    for seed in (1, 2, 1):
        folder = tmp_path / f"world{len(said)}"
        folder.mkdir()
        write_world(build_world(asked.market, seed, 0), folder, asked.market, seed, 0)
        said.append(question_digest(decides(asked.model_copy(update={"world": str(folder)}), "macro")))
    assert said[0] == said[2] != said[1], "what is in them counts, not where they lie"


ARMS = ("none", "macro", "paid_infeed")


@pytest.mark.slow
def test_processes_share_the_worlds_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = load_scenario(write(tmp_path, ASKED, "x.yaml")).scenario
    file = write(tmp_path, "".join(f"{i},{(7 * i + k) % 150}\n" for i in range(150) for k in range(5)), "g.csv")
    told = []
    for scenario, given in ((asked, None), (asked, load_graph(file)), (asked.model_copy(update={"graph_file": str(file)}), None)):
        monkeypatch.undo()
        alone = run_all(scenario, jobs=1, graph=given)
        monkeypatch.setattr(worlds, "SHARED_FROM", 1)
        monkeypatch.setattr(worlds, "GRAPH_FROM", 1)
        together = run_all(scenario, jobs=2, graph=given)
        with playing("local:2") as play:
            played = None if given is not None else play([scenario], range(2))
        for a, b in zip(alone, together, strict=True):
            assert (a.strategy, a.replication, a.totals) == (b.strategy, b.replication, b.totals)
            assert differing(dict(a.posts), dict(b.posts)) == []
        if played is not None:
            assert played["expected_purchases"].tolist() == [a.totals["expected_purchases"] for a in sorted(alone, key=_place)]
        told.append([a.totals for a in alone])
    assert told[1] == told[2] != told[0], "a graph in a file is the graph that it holds"


def _place(result: Any) -> tuple[int, int]:
    return result.replication, ARMS.index(result.strategy)


def received(given: worlds.Worlds) -> worlds.Worlds:
    """Return what another process gets."""
    there: worlds.Worlds = pickle.loads(pickle.dumps(given))
    return there


def test_a_world_on_the_shelf_is_opened_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "SHARED_FROM", 1)
    asked = load_scenario(write(tmp_path, ASKED, "x.yaml")).scenario
    with worlds.sharing() as mine:
        first, others = mine.of(asked, 1), received(mine)
        monkeypatch.setattr("influence_sim.world.build.build_world", lambda *_: pytest.fail("built again"))
        assert differing(columns(first), columns(others.of(asked, 1))) == []
        # What decides neither people nor follows does not ask for another world, and the last one is at hand.
        market = asked.market.model_copy(update={"feed": asked.market.feed.model_copy(update={"exploration_share": 0.3})})
        assert mine.of(asked.model_copy(update={"market": market}), 1) is first
        (shelf,) = Path(tempfile.gettempdir()).glob(f"{worlds.PREFIX}{os.getpid()}-*")
    assert not shelf.exists()
    assert first.people.views.sum() > 0, "who has opened it keeps it"


def test_the_shelf_keeps_what_was_used_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "SHARED_FROM", 1)
    asked = load_scenario(write(tmp_path, ASKED, "x.yaml")).scenario
    (tmp_path / "shelf").mkdir()
    mine = worlds.Worlds(tmp_path / "shelf")
    monkeypatch.setattr(worlds, "KEPT", 1e9)
    for replication in (0, 1, 0):
        mine.of(asked, replication)
        time.sleep(0.02)
    there = {path.name for path in (tmp_path / "shelf").iterdir()}
    assert len(there) == 2
    size = sum(file.stat().st_size for file in (tmp_path / "shelf").rglob("*.npy"))
    monkeypatch.setattr(worlds, "KEPT", 1.2 * size)
    plain = mine.of(asked, 2)
    left = {path.name for path in (tmp_path / "shelf").iterdir()}
    assert len(left) == 2
    assert len(left & there) == 1
    # A world that went is built again, as bits of it say.
    assert differing(columns(worlds.world_of(asked, 2)), columns(plain)) == []
    assert differing(columns(worlds.world_of(asked, 1)), columns(mine.of(asked, 1))) == []


def test_without_the_folder_each_process_builds_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "SHARED_FROM", 1)
    asked = load_scenario(write(tmp_path, ASKED, "x.yaml")).scenario
    elsewhere = received(worlds.Worlds(tmp_path / "on" / "another" / "machine"))
    assert differing(columns(worlds.world_of(asked, 0)), columns(elsewhere.of(asked, 0))) == []
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


def test_what_a_killed_study_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (gone.pid, os.getpid()):
        (tmp_path / f"{worlds.PREFIX}{name}-x").mkdir()
    with worlds.sharing():
        pass
    assert [path.name for path in tmp_path.iterdir()] == [f"{worlds.PREFIX}{os.getpid()}-x"]


def test_a_full_disk_only_costs_the_sharing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worlds, "SHARED_FROM", 1)
    asked = load_scenario(write(tmp_path, ASKED, "x.yaml")).scenario
    plain = worlds.world_of(asked, 0)
    (tmp_path / "shelf").mkdir()
    monkeypatch.setattr(np, "save", full)
    assert differing(columns(plain), columns(worlds.Worlds(tmp_path / "shelf").of(asked, 0))) == []
    assert list((tmp_path / "shelf").iterdir()) == []


def test_only_as_many_processes_as_worlds_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Market(), market_of({"people.agents": 1_000_000, "people.population": 2_000_000, "graph.follows_per_person": 50})
    monkeypatch.setattr("influence_sim.machine.free_memory", lambda: 8e9)
    assert worlds.fitting(4, small) == 4
    assert worlds.fitting(4, large) == 1
    monkeypatch.setattr("influence_sim.machine.free_memory", lambda: 1e6)
    assert worlds.fitting(4, large) == 1, "one is tried whatever the system says"


def test_shaping_is_what_the_header_says(kept: tuple[World, Path]) -> None:
    assert read_header(kept[1])["parameters"] == shaping(MARKET)


# ------------------------------------------------------------------------ checkpoints


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    file = write(tmp_path, ASKED.replace("horizon: 4", "horizon: 60"), "x.yaml")
    environment = {**os.environ, "PYTHONPATH": str(Path(influence_sim.__file__).parents[1])}

    def started(out: str, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "influence_sim.cli", "run", str(file), "--strategy", "macro", "--out", out, *options]
        return subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    whole = started("whole")
    killed, kept = started("killed", "--checkpoint", "5"), tmp_path / "killed.checkpoint"
    end = time.monotonic() + 60
    while not kept.exists() and killed.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    killed.kill()
    killed.communicate()
    assert kept.exists(), "killed before its first checkpoint, or after its last day: this test proves nothing"
    assert not (tmp_path / "killed").exists()
    again = started("killed", "--checkpoint", "5")
    _, told = again.communicate(timeout=60)
    assert again.returncode == 0, told
    assert "going on from day" in told
    assert whole.wait(timeout=60) == 0
    whole.communicate()
    assert not kept.exists()
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    assert names == {path.name for path in (tmp_path / "killed").iterdir()}
    for name in names - {"provenance.json"}:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes(), name


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = write(tmp_path, ASKED, "x.yaml"), tmp_path / "out"
    run = ["run", str(file), "--strategy", "macro", "-q"]
    assert main([*run, "--until", "2", "--snapshot", str(tmp_path / "out.checkpoint")]) == 0
    assert main([*run, "--out", str(out), "--checkpoint", "1", "--replication", "1"]) == 3
    assert "of another run than the one asked for" in capsys.readouterr().err
    (tmp_path / "out.checkpoint").write_text("dear")
    assert main([*run, "--out", str(out), "--checkpoint", "1"]) == 3
    assert "is not a snapshot" in capsys.readouterr().err
    for options, words in (
        (("--checkpoint", "1"), "needs --out"),
        (("--checkpoint", "1", "--out", str(out), "--events"), "a log cannot be continued"),
        (("--checkpoint", "1", "--out", str(out), "--from", "x"), "does not go with --from"),
    ):
        assert main([*run, *options]) == 2
        assert words in capsys.readouterr().err
    assert not out.exists()


def test_the_guide_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = Path(__file__).parents[2]
    lines = [line for line in (top / "docs/howto/million.md").read_text().splitlines() if line.startswith("influence-sim ")]
    (tmp_path / "scenarios").symlink_to(top / "scenarios")
    monkeypatch.chdir(tmp_path)
    small = [line.split()[1:] for line in lines if "million" not in line]
    assert len(small) == 3
    for words in small:
        assert main([*words, "-q"]) == 0, words
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["demo_world", "long_run"]
    assert load_scenario("scenarios/million.yaml").scenario.market.people.agents == 1_000_000

"""Lessons, live worlds and recordings, without a browser."""

from __future__ import annotations

import base64
import json
import re
import zlib

import numpy as np
import pytest

from influence_sim.cli import main
from influence_sim.scenario.parameters import parameters
from influence_sim.studies.runner import begin_run
from influence_sim.studio.layout import interest_map
from influence_sim.studio.lessons import Setup, lesson, lessons, scenario_of, turned
from influence_sim.studio.page import STATIC, bundle, island, replay_page, studio_page
from influence_sim.studio.plays import PLAYS, Play
from influence_sim.studio.recording import record, replay
from influence_sim.studio.worlds import LiveWorld

SMALL = {"people": {"agents": 250, "population": 250, "topics": 4, "views_per_day": 40}, "creators": {"count": 12}}


def small(name: str) -> dict[str, dict[str, object]]:
    """Return the market of a lesson with few people."""
    groups = {group: dict(values) for group, values in lesson(name).market.items()}
    groups["people"] = {**groups["people"], **SMALL["people"]}
    groups["creators"] = {**groups["creators"], **({} if name == "parallel" else SMALL["creators"])}
    return groups


def begun(name: str, **setup: object) -> Play:
    """Return a small lesson at hour 0."""
    return PLAYS[name](lesson(name), Setup(**setup), base=small(name))


@pytest.mark.parametrize("name", lessons())
def test_a_lesson_is_whole(name):
    one = lesson(name)
    known = {p.path for p in parameters()}
    for knob in one.knobs:
        assert set(knob.sets) <= known
        assert knob.values(knob.low) != knob.values(knob.high)
        with pytest.raises(ValueError, match=knob.name):
            knob.values(knob.high + knob.step)
    for preset in one.presets:
        for settings in preset.knobs.values():
            scenario_of(one, settings, 1)
    for settings in one.record.settings:
        assert set(settings) == {k.name for k in one.knobs}
        scenario_of(one, settings, 1)
    notes = one.notes
    assert all(len(text) > 80 for text in (notes.what, notes.how, notes.use, notes.limits))
    assert len(notes.extend) > 40


@pytest.mark.parametrize("name", ["tune", "trust"])
def test_a_live_world_is_the_run_of_its_scenario(name):
    play = begun(name)
    per_day = play.first.rounds_per_day
    for _ in range(2 * per_day):
        play.advance()
    for world in play.worlds.values():
        run = begin_run(scenario_of(play.lesson, world.settings, 1, small(name)), "none", 0)
        run.step()
        run.step()
        assert run.daily == world.sim.daily
        assert run.posts[: run.post_count].tobytes() == world.sim.posts[: world.sim.post_count].tobytes()
    play.close()


def test_knobs_in_mid_day_are_those_of_the_python_interface():
    play = begun("tune")
    for at in range(30):
        if at == 7:
            play.turn("B", {"for_you_share": 0.2, "freshness": 2})
        play.advance()
    live = play.worlds["B"]
    assert live.log == [(7, {"for_you_share": 0.2, "freshness": 2})]
    run = begin_run(scenario_of(play.lesson, live.first_settings, 1, small("tune")), "none", 0)
    for at in range(30):
        if at == 7:
            run.set_market(turned(play.lesson, run.base_market, live.log[0][1]))
        run.step_round()
    assert run.posts[: run.post_count].tobytes() == live.sim.posts[: live.sim.post_count].tobytes()
    assert play.worlds["A"].log == []
    play.close()


def test_the_followed_video_is_counted_as_the_model_counts_it():
    play = begun("follow", seed=2)
    for _ in range(40):
        play.advance()
    world = play.first
    post = world.sim.posts[world.post]
    facts = play.frame()[0]["worlds"][0]
    assert facts["video"]["reach"] == facts["video"]["impressions"] == post.impressions > 5
    assert sum(facts["by_source"].values()) == post.impressions
    assert (world.trace.state >= 3).sum() >= post.likes * 0.5
    play.close()


def test_a_phone_shows_what_the_run_recorded_and_changes_nothing():
    play, plain = begun("follow", seed=2), begun("follow", seed=2)
    person = int(play.first.sim.sampled[3])
    for at in range(30):
        if at == 11:
            play.phone("A", person, True)
        play.advance()
        plain.advance()
    cards = play.phone("A", person, False)["cards"]
    assert play.first.sim.posts.tobytes() == plain.first.sim.posts.tobytes()
    rows = [zip(*(np.asarray(table[c]).tolist() for c in ("person", "day", "post")), strict=True) for table in play.first.sim.items]
    items = [row for table in rows for row in table]
    for day in {card["day"] for card in cards}:
        mine = [post for who, on, post in items if who == person and on == day]
        shown = {card["slot"]: card["winner"]["post"] for card in cards if card["day"] == day and card["winner"]}
        assert shown
        assert all(mine[slot] == post for slot, post in shown.items())
    play.close()
    plain.close()


def test_reasons_multiply_to_the_score():
    play = begun("follow", seed=2)
    for _ in range(40):
        play.advance()
    scored = 0
    for person in np.flatnonzero(play.first.trace.state > 0)[:12]:
        card = play.why("A", int(person))["card"]
        if card is None:
            continue
        assert card["winner"]["post"] == play.first.post
        if card["winner"]["score"] is not None:
            assert np.prod([f["value"] for f in card["winner"]["factors"]]) == pytest.approx(card["winner"]["score"], rel=1e-9)
            scored += 1
    assert scored > 2
    play.close()


def test_luck_is_luck_alone():
    play = begun("follow", seed=2)
    again = begun("follow", seed=2)
    curves = {x["k"]: x["curve"] for x in play.luck(4)}
    assert curves == {x["k"]: x["curve"] for x in again.luck(4)}
    assert len({tuple(c) for c in curves.values()}) > 1
    assert all(len(c) == 72 and sorted(c) == c for c in curves.values())
    play.close()
    again.close()


def test_test_audiences_are_compared_as_the_model_compares_them():
    seen = 0
    for seed in (1, 2, 3):
        play = begun("follow", seed=seed)
        for _ in range(60):
            play.advance()
            for item in play.first.stage_news():
                assert item["passed"] == (item["better_than"] > item["bar"])
                seen += 1
        play.close()
    assert seen


def test_parallel_worlds_have_one_catalogue():
    play = begun("parallel")
    for _ in range(6):
        play.advance()
    first, *others = (w.sim.posts[: len(play.scene()[1]["quality"])] for w in play.worlds.values())
    assert all((x.quality == first.quality).all() for x in others)
    assert any((x.impressions != first.impressions).any() for x in others)
    play.close()


def test_influence_makes_success_unequal_and_unpredictable():
    # Direction and order of size of Salganik, Dodds & Watts (2006).
    def outcome(influence):
        play = PLAYS["parallel"](lesson("parallel"), Setup(), {"all": {"influence": influence}}, small("parallel"))
        for _ in range(48):
            play.advance()
        header = play.frame()[0]
        play.close()
        return header["gini"], header["unpredictability"]

    (alone, steady), (together, wild) = outcome(0), outcome(0.95)
    assert together > alone + 0.1
    assert wild > 2 * steady


def test_nobody_stands_on_another_and_nobody_leaves_the_map():
    play = begun("tune")
    place, topics = interest_map(play.first.sim.people.interests)
    assert np.linalg.norm(place, axis=1).max() <= 1
    apart = np.linalg.norm(place[:, None] - place[None], axis=2) + 9 * np.eye(len(place))
    assert np.quantile(apart.min(axis=1), 0.05) > 0.01
    favourite = play.first.sim.people.interests.argmax(axis=1)
    sure = play.first.sim.people.interests.max(axis=1) > 0.9
    nearest = np.linalg.norm(place[:, None] - topics[None], axis=2).argmin(axis=1)
    assert (nearest[sure] == favourite[sure]).mean() > 0.95
    play.close()


def test_a_recording_repeats_the_frames():
    short = lesson("tune").model_copy(update={"hours": 30, "market": small("tune")})
    recording = record(short.model_copy(update={"record": short.record.model_copy(update={"seeds": (1,)})}))
    data = zlib.decompress(base64.b64decode(recording["data"]))
    size = int.from_bytes(data[:4], "little")
    header, at, columns = json.loads(data[4 : 4 + size]), 4 + size, {}
    for name, kind, length in header["columns"]:
        columns[name] = np.frombuffer(data, f"<{kind}", length, at)
        at += columns[name].nbytes
    assert at == len(data)
    live = LiveWorld(short, "A", Setup(), header["tapes"][3]["settings"])
    live.post = begun("tune").first.post
    for _ in range(30):
        live.advance()
    state, row = np.zeros(250, np.uint8), 0
    starts = np.concatenate([[0], np.cumsum(columns["n.state.3"])]).astype(int)
    for k in range(31):
        row = 0
        for j in range(starts[k], starts[k + 1]):
            row += int(columns["i.state.3"][j])
            state[row] = columns["v.state.3"][j]
    assert (state == live.trace.state).all()
    assert state.any()
    assert header["tapes"][3]["facts"]["views"][-1] == pytest.approx(live.kindness()["views"], rel=1e-3)


def test_the_page_of_a_recording_is_whole_and_escaped():
    short = lesson("follow").model_copy(update={"hours": 4, "market": small("follow"), "title": "</script><script>alert(1)</script>"})
    page = replay(short.model_copy(update={"record": short.record.model_copy(update={"seeds": (2,)})}))
    assert "<script>alert" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "import " not in re.sub(r"[\"'`/].*", "", bundle("recorded-follow.js"))
    assert "sha256-" in page


def test_an_island_cannot_be_left():
    assert "<" not in island({"name": "</script>"})
    assert json.loads(island({"name": "</script>&"})) == {"name": "</script>&"}
    assert "application/json" in studio_page()
    assert "<script>x" not in replay_page(lesson("tune").model_copy(update={"title": "<script>x"}), {"seeds": [1], "data": "<script>x"})


def test_names_are_unique_over_all_modules():
    names: dict[str, str] = {}
    for file in sorted(STATIC.glob("*.js")):
        if file.name == "main.js":
            continue  # never part of a bundle
        for name in re.findall(r"^(?:export )?(?:async )?(?:function|class|const|let) ([A-Za-z_]\w*)", file.read_text(), re.MULTILINE):
            assert name not in names, f"{name} in {file.name} and {names[name]}"
            names[name] = file.name


def test_the_front_end_stays_small_and_readable():
    package = STATIC.parents[1]
    files = [f for pattern in ("*.js", "*.css", "*.html.j2") for f in package.rglob(pattern)]
    assert sum(f.stat().st_size for f in files) < 150_000
    long = {f.name: n for f in files if (n := len(f.read_text().splitlines())) > 450}
    assert not long


def test_commands_explain_themselves(capsys, tmp_path):
    assert main(["replay", "tun"]) == 2
    assert main(["replay", "tune", "--out", str(tmp_path)]) == 2
    assert main(["studio", "--port", "99999"]) == 2
    assert main(["studio", "--help"]) == 0
    assert "127.0.0.1" in capsys.readouterr().out


def test_a_busy_port_is_said():
    import socket

    pytest.importorskip("uvicorn", reason="the studio extra is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["studio", "--no-browser", "--port", str(taken.getsockname()[1])]) == 6

"""What is said about every mistake in a scenario: the place, what is allowed, what was meant; never a traceback."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenario_files import BASE, problems, write

from influence_sim.scenario import (
    Market,
    Problem,
    ScenarioError,
    format_problem,
    load_scenario,
    parameters,
    scenario_from_dict,
)

# fmt: off
# (what, text, line, column, part of the message, part of what is allowed, suggestion)
ONE_MISTAKE = [
    ("unknown key", BASE + "horizn: 3\n", 2, 1, "unknown key `horizn`", "", "horizon"),
    ("unknown group", BASE + "market:\n  fed: {}\n", 3, 3, "unknown key `fed` in `market`", "", "feed"),
    ("unknown parameter", BASE + "market:\n  feed:\n    rounds_a_day: 3\n", 4, 5, "unknown key `rounds_a_day`", "", "rounds_per_day"),
    ("group without market", BASE + "people: {agents: 5}\n", 2, 1, "unknown key `people`", "", "market.people"),
    ("wrong group", BASE + "market:\n  people: {price: 4}\n", 3, 12, "unknown key `price`", "", "market.brand.price"),
    ("hopeless key", BASE + "zzzzzz: 1\n", 2, 1, "unknown key `zzzzzz`", "horizon", ""),
    ("quoted number", BASE + 'budget: "1500"\n', 2, 9, "wrong type", "a number, 0 to", "1500"),
    ("grouped number", BASE + "budget: 1,500\n", 2, 9, "wrong type", "a number", "1500"),
    ("switch as number", BASE + "budget: true\n", 2, 9, "wrong type", "a number", ""),
    ("old switch", BASE + "same_world: yes\n", 2, 13, "wrong type", "true or false", "true"),
    ("fraction of a day", BASE + "horizon: 2.5\n", 2, 10, "wrong type", "an integer, 1 to 3,650", ""),
    ("empty value", BASE + "horizon:\n", 2, 1, "wrong type", "an integer", ""),
    ("list as number", BASE + "horizon: [1]\n", 2, 10, "wrong type", "an integer", ""),
    ("list as market", BASE + "market: [1]\n", 2, 9, "does not name a .yaml", ".yaml", ""),
    ("number as group", BASE + "market: {feed: 3}\n", 2, 16, "must be a mapping", "a mapping", ""),
    ("too small", BASE + "horizon: 0\n", 2, 10, "out of range", "1 to 3,650", ""),
    ("too large", BASE + "market:\n  people:\n    views_per_day: 401\n", 4, 20, "out of range", "0 to 400 views/person/day (def", ""),
    ("negative budget", BASE + "budget: -1\n", 2, 9, "out of range", "0 to", ""),
    ("nan", BASE + "budget: .nan\n", 2, 9, "finite", "a number", ""),
    ("infinity", BASE + "market: {brand: {price: .inf}}\n", 2, 25, "finite", "0.01 to 100,000 USD", ""),
    ("overflow", BASE + "budget: 1e999\n", 2, 9, "finite", "a number", ""),
    ("nan as integer", BASE + "horizon: .nan\n", 2, 10, "", "an integer", ""),
    ("huge integer", BASE + "horizon: " + "9" * 40 + "\n", 2, 10, "", "1 to 3,650", ""),
    ("endless integer", BASE + "horizon: " + "9" * 5000 + "\n", 2, 10, "too many digits", "300", ""),
    ("seed", BASE + "world_seed: 4294967296\n", 2, 13, "out of range", "0 to 4,294,967,295", ""),
    ("unknown policy", BASE + "market:\n  feed:\n    policy: folowing\n", 4, 13, "unknown feed policy", "for_you, insta", "following"),
    ("unknown choice", BASE + "market: {feed: {mode: blendd}}\n", 2, 23, "no choice", "blended, slot_mixture", "blended"),
    ("unknown objective", BASE + "objective: profits\n", 2, 12, "no choice", "reach", "profit"),
    ("unknown direction", BASE + "graph_direction: follow\n", 2, 18, "no choice", "influences", "follows"),
    ("unknown strategy", "strategies: [none, macroo]\n", 1, 20, "unknown strategy", "micro_portfolio", "macro"),
    ("unknown strategy by key", "strategies:\n  - big: {strategy: makro}\n", 2, 21, "unknown strategy", "paid_infeed", "macro"),
    ("unknown strategy parameter", "strategies:\n  - macro:\n      creatrs: 3\n", 3, 7, "`creatrs` in `strategies.macro`", "", "creators"),
    ("strategy parameter range", "strategies:\n  - macro:\n      creators: 0\n", 3, 17, "out of range", "at least 1", ""),
    ("strategy parameter type", "strategies:\n  - macro: {creators: many}\n", 2, 23, "wrong type", "an integer", ""),
    ("strategy parameter choice", "strategies:\n  - macro: {disclosure: labl}\n", 2, 25, "no choice", "none, hashtag, label", "label"),
    ("strategy selector", "strategies:\n  - macro: {selector: folowers}\n", 2, 23, "no choice", "fit_engagement, followers", "followers"),
    ("strategy cross-check", "strategies:\n  - macro: {followers_min: 9, followers_max: 3}\n", 2, 12, "must be above", "", ""),
    ("strategy nan", "strategies:\n  - macro: {followers_min: .nan}\n", 2, 28, "finite", "a number", ""),
    ("label twice", "strategies: [none, macro, macro]\n", 1, 27, "two strategies are labelled `macro`", "unique", ""),
    ("bad label", "strategies:\n  - a.b: {strategy: macro}\n", 2, 5, "label", "letters", ""),
    ("no strategies", "budget: 3\n", 1, 1, "`strategies` is missing", "", ""),
    ("empty strategies", "strategies: []\n", 1, 13, "at least one strategy", "a list", ""),
    ("strategies as text", "strategies: none\n", 1, 13, "must be a list", "a list", ""),
    ("odd strategy", "strategies: [3]\n", 1, 14, "cannot read", "a list", ""),
    ("params as list", "strategies: [{macro: {params: [1]}}]\n", 1, 31, "`params` must be a mapping", "a mapping", ""),
    ("params twice", "strategies: [{macro: {creators: 1, params: {creators: 2}}}]\n", 1, 45, "stands twice", "", ""),
    ("duplicate key", BASE + "budget: 1\nbudget: 2\n", 3, 1, "`budget` stands twice; first on line 2", "", ""),
    ("nested duplicate", BASE + "market:\n  brand: {price: 1, price: 2}\n", 3, 21, "`price` stands twice", "", ""),
    ("merge key", BASE + "market:\n  <<: {}\n", 3, 3, "merge keys", "extends", ""),
    ("list as key", BASE + "[1, 2]: 3\n", 2, 1, "a key must be a word", "", ""),
    ("tag", BASE + "name: !!python/object/apply:os.system [ls]\n", 2, 7, "tags are not allowed", "", ""),
    ("syntax", BASE + "a: b: c\n", 2, 5, "not valid YAML", "", ""),
    ("unclosed", "strategies: [none\n", 2, 1, "not valid YAML", "", ""),
    ("tab", BASE + "market:\n\tfeed: 3\n", 3, 1, "not valid YAML", "", ""),
    ("unknown alias", BASE + "name: *who\n", 2, 7, "undefined alias", "", ""),
    ("two documents", BASE + "---\na: 1\n", 2, 1, "another document", "", ""),
    ("control character", BASE + "na\x07me: x\n", 2, 3, "does not allow", "", ""),
    ("not utf-8", b"strategies: [none]\nname: M\xfcller\n", 2, 8, "not UTF-8", "UTF-8", ""),
    ("a list", "- 1\n- 2\n", 1, 1, "must be a mapping", "key: value", ""),
    ("a word", "hello\n", 1, 1, "must be a mapping", "", ""),
    ("empty", "", 1, 1, "is empty", "a mapping", ""),
    ("only comments", "# nothing\n", 1, 1, "is empty", "", ""),
    ("deep", BASE + "name: " + "[" * 60 + "]" * 60 + "\n", 2, 46, "nested too deeply", "", ""),
    ("very deep", BASE + "name:\n  " + "- " * 3000, 3, 81, "nested too deeply", "", ""),
    ("recursive anchor", BASE + "name: &a [*a]\n", 2, 7, "nested too deeply", "", ""),
    ("no such graph", BASE + "graph_file: none.csv\n", 2, 13, "no such graph file", "", ""),
    ("no such base", BASE + "extends: y.yaml\n", 2, 10, "no such file", "", "x.yaml"),
    ("base is no YAML", BASE + "extends: /etc/hostname\n", 2, 10, "does not name a .yaml file", ".yaml", ""),
    ("market is no YAML", BASE + "market: data.csv\n", 2, 9, "does not name a .yaml file", ".yaml", ""),
    ("extends itself", BASE + "extends: x.yaml\n", 2, 10, "circle: x.yaml -> x.yaml", "", ""),
    ("market is itself", BASE + "market: x.yaml\n", 2, 9, "circle", "", ""),
    # what must hold between keys
    ("durations", BASE + "market:\n  creators:\n    duration_min: 60\n    duration_max: 60\n", 4, 19, "duration_min", "below 60 s", ""),
    ("creators", BASE + "market: {people: {agents: 50}}\n", 2, 27, "more creators than agents", "at most 50", ""),
    ("population", BASE + "market:\n  people: {agents: 50_000}\n", 3, 20, "smaller than `agents`", "at least 50,000", ""),
    ("topic", BASE + "market:\n  brand: {topic: 10}\n", 3, 18, "topic does not exist", "0 to 9", ""),
    ("weights", BASE + "market: {feed: {policy: random, weight_random: 0}}\n", 2, 48, "weigh nothing", "at least one", ""),
    ("tier edges", BASE + "tiers: {a: [5, 2]}\n", 2, 12, "not ordered", "low < high", ""),
    ("tier nan", BASE + "tiers: {a: [.nan, 2]}\n", 2, 12, "not ordered", "", ""),
    ("tiers overlap", BASE + "tiers:\n  a: [0, 10]\n  b: [5, 20]\n", 4, 6, "begins inside or before `a`", "at least 10", ""),
    ("tier of three", BASE + "tiers: {a: [1, 2, 3]}\n", 2, 12, "", "[low, high]", ""),
    ("stage load", BASE + "market:\n  feed:\n    stage_quota: 2000\n", 4, 18, "436,800 impressions a day, but", "<=", ""),
]
# fmt: on


@pytest.mark.parametrize("case", ONE_MISTAKE, ids=[case[0] for case in ONE_MISTAKE])
def test_one_mistake_is_one_problem_with_place_and_help(tmp_path: Path, case: tuple[str, str | bytes, int, int, str, str, str]) -> None:
    _, text, line, column, message, allowed, suggestion = case
    found = problems(tmp_path, text)
    assert len(found) == 1, [p.message for p in found]
    problem = found[0]
    assert (problem.line, problem.column) == (line, column), problem
    assert problem.file == str(tmp_path / "x.yaml")
    assert message in problem.message
    assert allowed in problem.allowed
    assert os.path.basename(problem.suggestion) == suggestion


def test_all_problems_of_all_files_at_once(tmp_path: Path) -> None:
    write(tmp_path, "people:\n  agnets: 3\n", "city.yaml")
    text = "market: city.yaml\nstrategies:\n  - macroo\n  - macro: {creatrs: 3}\nhorizon: 0\nbudgt: 3\ntiers: {a: [2, 1]}\n"
    found = problems(tmp_path, text, ("market.feed.policy=fyou", "nokey=1"))
    places = [(os.path.basename(p.location), p.suggestion) for p in found]
    assert places == [
        ("x.yaml:3:5", "macro"), ("x.yaml:4:13", "creators"), ("x.yaml:5:10", ""), ("x.yaml:6:1", "budget"), ("x.yaml:7:12", ""),
        ("city.yaml:2:3", "agents"), ("--set market.feed.policy", "for_you"), ("--set nokey", ""),
    ]  # fmt: skip


def test_message_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "strategies: [none]\nmarket:\n  feed:\n    polcy: following\n    mode: slot_mix\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario("x.yaml")
    assert (
        str(caught.value)
        == """\
error[S102]: unknown key `polcy` in `market.feed`
  --> x.yaml:4:5
  |
4 |     polcy: following
  |     ^^^^^
  = help: did you mean `policy`?
error[S105]: `mode` has no choice "slot_mix"
  --> x.yaml:5:11
  |
5 |     mode: slot_mix
  |           ^^^^^^^^
  = help: did you mean `slot_mixture`?
  = allowed: blended, slot_mixture (default "blended")
  = got: "slot_mix"
2 errors. Nothing was run."""
    )
    assert caught.value.exit_code == 3
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_message_cannot_paint_over_the_terminal_and_long_lines_keep_the_place_in_sight() -> None:
    problem = Problem("a.yaml", 1, 301, "k", "bad \x1b[2J", got="x", source_line=" " * 300 + "HERE" + "y" * 300, width=4)
    text = format_problem(problem)
    assert "\x1b" not in text
    _, _, _, source, caret, *_ = text.split("\n")
    assert len(source) < 130
    assert source[caret.index("^") : caret.rindex("^") + 1] == "HERE"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, BASE, "demo.yaml")
    for path, message, suggestion in [
        (tmp_path, "is a directory", ""),
        (tmp_path / "dmo.yaml", "no such file", "demo.yaml"),
        (tmp_path / "nowhere" / "x.yaml", "no such file", ""),
        (Path("a\0b.yaml"), "", ""),
        (write(tmp_path, "#" * 1_000_001, "big.yaml"), "too big", ""),
    ]:
        with pytest.raises(ScenarioError) as caught:
            load_scenario(path)
        assert message in caught.value.problems[0].message
        assert os.path.basename(caught.value.problems[0].suggestion) == suggestion
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.yaml")
        with pytest.raises(ScenarioError, match="not a regular file"):
            load_scenario(tmp_path / "pipe.yaml")


def test_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    found = problems(tmp_path, "\n".join(lines))
    assert [p.message for p in found] == ["the file expands to too many values (aliases of aliases?)"]


def test_honest_aliases_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    text = "\ufeffstrategies:\r\n- macro: &m {creators: 3}\r\n- big: {strategy: macro, params: *m}\r\n"
    scenario = load_scenario(write(tmp_path, text)).scenario
    assert scenario.strategies["macro"].params == scenario.strategies["big"].params
    assert problems(tmp_path, text + "horizn: 2\r\n")[0].line == 4


def test_circles_of_files(tmp_path: Path) -> None:
    write(tmp_path, "extends: c.yaml\n", "b.yaml")
    write(tmp_path, "extends: x.yaml\n", "c.yaml")
    found = problems(tmp_path, BASE + "extends: b.yaml\n")
    assert "circle: x.yaml -> b.yaml -> c.yaml -> x.yaml" in found[0].message
    assert found[0].location.endswith("c.yaml:1:10")
    for i in range(30):
        write(tmp_path, f"extends: n{i + 1}.yaml\n", f"n{i}.yaml")
    assert "too many files" in problems(tmp_path, "extends: n0.yaml\n")[0].message


@pytest.mark.parametrize(("text", "message", "suggestion", "column"), [
    ("market.feed.x=3", "unknown key `x`", "", 1),
    ("market.feed.polcy=random", "unknown key `polcy`", "policy", 1),
    ("horizn=3", "unknown key `horizn`", "horizon", 1),
    ("horizon=soon", "wrong type", "", 9),
    ("horizon=", "wrong type", "", 9),
    ("horizon=0", "out of range", "", 9),
    ("horizon=[1", "not valid YAML", "", 11),
    ("horizon", "not key=value", "", 1),
    ("=3", "not key=value", "", 1),
    ("a..b=3", "not key=value", "", 1),
    ("horizon.x=3", "not a mapping", "", 1),
    ("strategies.macr.creators=3", "no strategy is labelled `macr`", "macro", 1),
    ("strategies.macro.creatrs=3", "unknown key `creatrs`", "creators", 1),
    ("strategies.macro.strategy=macroo", "unknown strategy", "macro", 27),
    ("market=nowhere.yaml", "no such file", "", 8),
    ("market=3", "does not name a .yaml file", "", 8),
    ("extends=x.yaml", "cannot be overridden", "", 1),
    ("market.creators.duration_min=60", "wrong", "", 0),
])  # fmt: skip
def test_wrong_overrides_name_the_override(tmp_path: Path, text: str, message: str, suggestion: str, column: int) -> None:
    if message == "wrong":  # a contradiction is blamed on the override that made it
        text, message, column = "market.creators.duration_max=10", "duration_min", 30
        found = problems(tmp_path, BASE + "market: {creators: {duration_law: uniform}}\n", ("market.creators.duration_min=10", text))
        assert found[0].location == "--set market.creators.duration_min"
        return
    found = problems(tmp_path, "strategies: [macro]\nhorizon: 4\n", (text,))
    assert len(found) == 1
    assert found[0].location == f"--set {text.partition('=')[0]}"
    assert (found[0].line, found[0].column, found[0].suggestion) == (0, column, suggestion)
    assert message in found[0].message
    assert f"| {text}" in format_problem(found[0]) or "\n" in text


TEXT = st.text(max_size=60) | st.text(alphabet="ab:-[]{},&*!|>'\"%@`#?\n\t 0.1~", max_size=60)
WORDS = st.sampled_from(
    ["strategies", "market", "none", "macro", "extends", "tiers", "params", "strategy", "feed", "policy", "a", "graph_file"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=UNHURRIED, derandomize=True)


@QUICK
@given(text=TEXT, value=VALUES)
def test_nothing_a_user_writes_gives_a_traceback(tmp_path: Path, text: str, value: object) -> None:
    path = write(tmp_path, (BASE + text).encode("utf-8", "surrogatepass"))
    said: list[str] = []
    for attempt in (
        lambda: load_scenario(path),
        lambda: load_scenario(write(tmp_path, BASE, "good.yaml"), [text, f"{text}=1", f"name={text}", f"market={text}"]),
        lambda: scenario_from_dict({"strategies": value}),
        lambda: scenario_from_dict({"strategies": ["none", "macro"], "market": value, "tiers": value, "name": value}),
        lambda: scenario_from_dict({"strategies": {"macro": value}, "market": {"feed": value}}),
        lambda: scenario_from_dict(value) if isinstance(value, dict) else None,
    ):
        # anything but a ScenarioError with something to say fails here
        try:
            attempt()
        except ScenarioError as error:
            said.append(str(error))
    assert all(text.startswith("error[S1") for text in said)


@QUICK
@given(data=st.data())
def test_every_parameter_takes_its_whole_range_and_nothing_beyond(data: st.DataObject) -> None:
    parameter = data.draw(st.sampled_from([p for p in parameters() if p.low is not None and p.high is not None]))
    inside = data.draw(st.sampled_from([parameter.low, parameter.high, parameter.default]))
    group, name = parameter.path.split(".")
    kind = Market.model_fields[group].annotation
    assert kind is not None
    assert getattr(kind.model_validate({name: inside}), name) == inside
    span = (parameter.high or 0) - (parameter.low or 0) + 1
    for outside in ((parameter.low or 0) - span, (parameter.high or 0) + span):
        with pytest.raises(ScenarioError) as caught:
            scenario_from_dict({"strategies": ["none"], "market": {group: {name: outside}}})
        assert [p.key for p in caught.value.problems] == [f"market.{parameter.path}"]

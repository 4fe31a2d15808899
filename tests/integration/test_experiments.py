"""Every experiment is complete and runs; the answer it has is of this model; two platforms are compared in the same worlds."""

from __future__ import annotations

import doctest
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import influence_sim.record.unknown
import influence_sim.report.experiment
from influence_sim.figures.platforms import views_by_limit
from influence_sim.record import RunResult
from influence_sim.record.unknown import LIMITS, unknown
from influence_sim.scenario import load_scenario, scenario_from_dict
from influence_sim.studies.platforms import Measure, pair_of, paired, run_platforms, say_pair
from influence_sim.studies.variants import answers, load_study, scenarios_of

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FOLDERS = sorted(path.parent for path in EXPERIMENTS.glob("*/run.py"))
NAMES = [folder.name for folder in FOLDERS]
STUDIES = sorted(path.parent for path in EXPERIMENTS.glob("*/study.yaml"))
OFTEN = ("last_click_vs_truth",)  # of studies, which are alike; the others run with the slow tests
BOTH = [*FOLDERS, *STUDIES]
ANSWER = {"page.html", "pairs.csv", "worlds.csv", "provenance.json"}


def script(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run an experiment's script as a user does."""
    return subprocess.run([sys.executable, folder / "run.py", *options], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("folder", BOTH, ids=[folder.name for folder in BOTH])
def test_folder_is_complete(folder: Path) -> None:
    text = (folder / "question.md").read_text()
    for heading in ("The question", "Why", "What is measured", "What to expect", "What would surprise", "Limits"):
        assert f"\n## {heading}\n" in text, heading
    assert f"({folder.name}/question.md)" in (EXPERIMENTS / "README.md").read_text()
    assert load_scenario(folder / "experiment.yaml").scenario.replications >= (30 if folder in FOLDERS else 6)
    assert {path.name for path in (folder / "answer").iterdir()} >= ANSWER
    assert list((folder / "answer").glob("*.svg"))


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_answer_is_of_this_model(folder: Path) -> None:
    """Out of date after a default has changed: run the experiment again."""
    told = json.loads((folder / "answer" / "provenance.json").read_text())["platforms"]
    known = {found["scenario_digest"] for found in told.values()}
    assert known == {load_scenario(path).scenario.digest for path in folder.glob("*.yaml")}


@pytest.mark.slow
@pytest.mark.parametrize("folder", STUDIES, ids=[folder.name for folder in STUDIES])
def test_answer_of_study_is_of_this_model(folder: Path) -> None:
    """Out of date after a default has changed: run the experiment again."""
    told = json.loads((folder / "answer" / "provenance.json").read_text())["variants"]
    asked = scenarios_of(load_study(folder / "study.yaml"), folder / "experiment.yaml")
    assert {name: found["scenario_digest"] for name, found in told.items()} == {name: x.scenario.digest for name, x in asked.items()}


TINY = ("people.agents=200", "people.population=4000", "people.views_per_day=15", "creators.count=12", "horizon=4")


@pytest.mark.parametrize(
    "folder",
    [pytest.param(folder, id=folder.name, marks=() if folder.name in OFTEN else pytest.mark.slow) for folder in STUDIES],
)
def test_study_runs_at_a_tiny_size(folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "answer").iterdir()}
    out = tmp_path / "results"
    options = [word for change in TINY for word in ("--set", change)]
    command = [sys.executable, EXPERIMENTS / "study.py", folder.name, "--replications", "2", "--jobs", "1", "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in (folder / "answer").iterdir()} == before  # only a full run answers
    assert {path.name for path in out.iterdir()} == ANSWER | {"measures.csv", "comparisons.svg"}
    page = (out / "page.html").read_text()
    assert re.search(r"<h1>[^<]{20,}</h1>", page)
    assert not re.search(r"\bnan\b", page)
    study, pairs = load_study(folder / "study.yaml"), pd.read_csv(out / "pairs.csv")
    expected = {(c.name, v) for c in study.comparisons for v in study.variants if c.everywhere or v != study.base}
    assert set(zip(pairs["comparison"], pairs["variant"], strict=True)) == expected
    assert (pairs["verdict"] == "cannot tell them apart").all()  # two worlds tell nothing


@pytest.mark.parametrize("folder", STUDIES, ids=[folder.name for folder in STUDIES])
def test_tables_of_the_answer_follow_from_its_worlds(folder: Path) -> None:
    study = load_study(folder / "study.yaml")
    scenarios = {name: found.scenario for name, found in scenarios_of(study, folder / "experiment.yaml").items()}
    found = answers(study, pd.read_csv(folder / "answer" / "worlds.csv", keep_default_na=False), scenarios).rows
    told = pd.read_csv(folder / "answer" / "pairs.csv")
    assert found["verdict"].tolist() == told["verdict"].tolist()
    for column in ("value", "lo", "hi", "change"):
        np.testing.assert_allclose(found[column].astype(float), told[column].astype(float), rtol=1e-4)


def test_study_mistakes() -> None:
    done = subprocess.run([sys.executable, EXPERIMENTS / "study.py", "micro_returns"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module", params=FOLDERS, ids=NAMES)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of an experiment at a tiny size."""
    before = {path: path.read_bytes() for path in (request.param / "answer").iterdir()}
    out = tmp_path_factory.mktemp("small") / "results"
    done = script(request.param, "--replications", "2", "--people", "800", "--jobs", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in (request.param / "answer").iterdir()} == before  # only a full run answers
    return out


def test_script_writes_its_answer(small: Path) -> None:
    assert {path.name for path in small.iterdir()} >= ANSWER
    page = (small / "page.html").read_text()
    assert not re.search(r"(src|href)=[\"'](?!#)", page)
    assert re.search(r"<h1>[^<]{20,}</h1>", page)
    assert "<script" not in page
    assert not re.search(r"\bnan\b", page)


def test_means_are_of_the_worlds(small: Path) -> None:
    worlds, pairs = pd.read_csv(small / "worlds.csv"), pd.read_csv(small / "pairs.csv")
    mean = worlds[worlds["of"].isna()].groupby(["measure", "platform"])["value"].mean()
    for row in pairs[pairs["of"].isna() & pairs["note"].isna()].to_dict("records"):
        for side in "ab":
            assert row[side] == pytest.approx(mean[row["measure"], row[f"platform_{side}"]], rel=1e-4)


def test_worlds_are_the_same_and_the_feed_is_not(small: Path) -> None:
    pairs = pd.read_csv(small / "pairs.csv").set_index(["measure", "of"])
    for name in ("creators_unknown", "followers_of_unknown", "posts_of_unknown"):
        assert (pairs.loc[name, "difference"] == 0).all()
    assert pairs.loc[("slots", "empty"), ["a", "b"]].tolist() == [0, pytest.approx(1 - pairs.loc[("slots", "modelled"), "b"], abs=1e-4)]
    assert pairs.loc[("slots", "outside"), "b"] == 0
    assert pairs.loc[("slots", "outside"), "a"] > 0


def test_user_mistakes(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("not a result")
    wrong = script(FOLDERS[0], "--out", str(tmp_path))
    assert (wrong.returncode, wrong.stdout) == (6, "")
    assert "mine.txt" in [path.name for path in tmp_path.iterdir()]
    assert "Traceback" not in wrong.stderr
    assert script(FOLDERS[0], "--replications", "0").returncode == 2


# ------------------------------------------------------------------ measures


def run_of(views: list[float]) -> RunResult:
    """Return a run of three creators with 100, 100 and 5,000 followers; the first grows to 9,000."""
    n = len(views)
    none = np.zeros(n)
    posts = {
        "creator": np.array([0, 1, 2, 0]), "followers": np.array([100, 100, 5_000, 9_000]), "views": np.array(views, float),
        "posted": np.array([-1.0, -1.0, -1.0, 2.0]), "first_1000_days": np.array([np.nan, np.nan, np.nan, 3.0]),
        "sponsored": none.astype(bool), "brand": np.full(n, -1), "views_from_followers": np.array([0.0, 10.0, 10.0, 5.0]),
        **{f"views_{name}": none for name in ("follow", "interest", "trending", "random", "explore", "paid", "heated")},
    }  # fmt: skip
    return RunResult("none", 0, {}, {"day": np.arange(10)}, posts, {})


def test_unknown_are_told_by_followers_at_the_start() -> None:
    table = unknown(run_of([10, 10, 60, 20]))
    found = {(str(m), str(of)): float(v) for m, of, v in zip(table["measure"], table["of"], table["value"], strict=True)}
    few = "under 1,000 followers"
    assert found["views_of_unknown", few] == pytest.approx(0.4)  # the one who grew still counts
    assert found["creators_unknown", few] == pytest.approx(2 / 3)
    assert found["followers_of_unknown", few] == pytest.approx(200 / 5_200)
    assert found["posts_of_unknown", few] == pytest.approx(3 / 4)
    assert found["views_by_non_followers_of", few] == pytest.approx(25 / 40)
    assert found["thousand_views_mean_days", few] == pytest.approx(3)
    assert found["views_of_unknown", "lower half"] == 0  # nobody has fewer than the median
    assert math.isnan(found["views_per_post", "lower half"])
    assert found["views_of_unknown", "all creators"] == 1
    assert ((table["note"] != "") == ~np.isfinite(table["value"])).all()


@pytest.mark.parametrize("module", [influence_sim.record.unknown, influence_sim.report.experiment])
def test_examples(module: object) -> None:
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0  # type: ignore[arg-type]


# --------------------------------------------------------------------- pairs


def worlds_of(a: list[float], b: list[float], measure: str = "x", of: str = "") -> pd.DataFrame:
    """Return a table of worlds with one measure."""
    rows = [(name, r, measure, of, x, "share", 1, "") for name, values in (("one", a), ("two", b)) for r, x in enumerate(values)]
    return pd.DataFrame(rows, columns=["platform", "replication", "measure", "of", "value", "unit", "n", "note"])


def test_pairs_are_within_worlds() -> None:
    level = np.linspace(0, 10, 12)
    told = paired(worlds_of((level + 0.1).tolist(), level.tolist()), "one", "two", [Measure("x")])
    row = pair_of(told, Measure("x"))
    assert row["difference"] == pytest.approx(0.1)
    assert (row["verdict"], row["worlds_a_higher"]) == ("a higher", 12)
    assert "cannot" not in say_pair(row, str)


def test_noise_cannot_be_told_apart() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 20))
    row = pair_of(paired(worlds_of(*noise.tolist()), "one", "two", [Measure("x")]), Measure("x"))
    assert row["lo"] < 0 < row["hi"]
    assert say_pair(row, str).startswith("cannot tell them apart: ")


def test_headline_is_adjusted_and_the_rest_only_described() -> None:
    level = np.arange(8.0)
    both = pd.concat([worlds_of((level + 1).tolist(), level.tolist(), name) for name in "xyz"])
    told = paired(both, "one", "two", [Measure("x"), Measure("y")])
    assert told["p_holm"].iloc[0] == pytest.approx(2 * told["p_permutation"].iloc[0])
    assert told["verdict"].tolist() == ["a higher", "a higher", ""]
    with pytest.raises(KeyError, match="no measure 'w'"):
        paired(both, "one", "two", [Measure("w")])


def test_a_measure_unknown_in_a_world_is_not_averaged() -> None:
    row = pair_of(paired(worlds_of([1, 2, math.nan], [1, 1, 1]), "one", "two", [Measure("x")]), Measure("x"))
    assert math.isnan(row["difference"])
    assert "2 of 3 worlds on one" in say_pair(row, str)


def test_only_the_feed_may_differ() -> None:
    base = {"market": {"people": {"agents": 200}}, "strategies": ["none"], "horizon": 1}
    one = scenario_from_dict(base)
    with pytest.raises(ValueError, match="differ in world_seed"):
        run_platforms({"one": one, "two": scenario_from_dict({**base, "world_seed": 2})})
    campaign = scenario_from_dict({**base, "strategies": ["none", "paid_infeed"], "horizon": 28})
    with pytest.raises(ValueError, match="without a campaign"):
        run_platforms({"one": campaign, "two": campaign})


def limits_of(differences: list[float]) -> pd.DataFrame:
    """Return pairs in which unknown creators win more by `differences`, line by line."""
    spread = np.linspace(-0.01, 0.01, 10)
    parts = []
    for limit, d in zip(LIMITS, differences, strict=True):
        of = f"under {limit:,.0f} followers"
        parts.append(worlds_of((0.3 + d + spread).tolist(), (0.3 - spread).tolist(), "views_of_unknown", of))
        parts += [worlds_of([0.2] * 10, [0.2] * 10, f"{name}_of_unknown", of) for name in ("followers", "posts")]
    return paired(pd.concat(parts), "one", "two", [])


@pytest.mark.parametrize(
    ("differences", "title"),
    [([0.1, 0.2, 0.2, 0.1], "Wherever the line is drawn, unknown creators win a larger share on one"),
     ([-0.1, -0.2, -0.2, 0.0], "At 3 of 4 lines, and at none the other way, unknown creators win a larger share on two"),
     ([0.1, 0.2, -0.2, -0.1], "depends on where the line is drawn"), ([0.0] * 4, "cannot tell them apart")],
)  # fmt: skip
def test_figure_says_what_the_line_does(differences: list[float], title: str) -> None:
    assert title in views_by_limit(limits_of(differences), LIMITS, "").alt_text

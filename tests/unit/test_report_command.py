"""`influence-sim report`: the report of a finished folder again, what may be put on top, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64decode
from pathlib import Path

import pandas as pd
import pytest

from influence_sim.cli import main
from influence_sim.scenario import load_scenario, scenario_from_dict
from influence_sim.scenario.writing import scenario_text
from influence_sim.studies.finished import read_comparison
from influence_sim.studies.outputs import read_table
from tiny_market import TINY

PIXEL = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAAAAgAB4iG8MwAAAABJRU5ErkJggg==")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a comparison."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "tiny.yaml").write_text(TINY.replace("small:", '"007":').replace("ads:", '"NA":'))  # names that look like other things
    assert main(["compare", str(folder / "tiny.yaml"), "--out", str(folder / "run"), "--jobs", "1", "--set", "brand.price=25", "-q"]) == 0
    return folder / "run"


def made(run: Path, out: Path, *words: str) -> str:
    """Return the page the command writes."""
    assert main(["report", str(run), "--out", str(out), "-q", *words]) == 0
    return out.read_text(encoding="utf-8")


def test_a_report_made_again_is_the_same_to_the_byte(run: Path, tmp_path: Path) -> None:
    before = (run / "report.html").read_bytes()
    assert made(run, tmp_path / "again.html").encode() == before
    assert main(["report", str(run), "-q"]) == 0
    assert (run / "report.html").read_bytes() == before
    assert [p.name for p in run.iterdir() if p.name.startswith(".")] == []


def test_a_finished_comparison_reads_back_whole(run: Path) -> None:
    comparison = read_comparison(run)
    for name in ("summary", "pairs"):
        told = read_table(run / f"{name}.csv")
        pd.testing.assert_frame_equal(getattr(comparison, name)[told.columns], told, check_dtype=False, rtol=1e-9)
    assert comparison.answer == comparison.provenance["answer"]
    assert comparison.loaded.origins["market.brand.price"] == "--set"


def test_the_scenario_beside_a_result_asks_the_same(run: Path, tmp_path: Path) -> None:
    digest = json.loads((run / "provenance.json").read_text())["scenario_digest"]
    assert load_scenario(run / "scenario.yaml").scenario.digest == digest
    assert main(["compare", str(run / "scenario.yaml"), "--out", str(tmp_path / "again"), "--jobs", "1", "-q"]) == 0
    for name in ("summary.csv", "pairs.csv", "totals.parquet", "posts.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes(), name


@pytest.mark.parametrize("file", sorted(Path(__file__).parents[2].glob("scenarios/*.yaml")), ids=lambda path: path.stem)
def test_scenarios_written_out_ask_the_same(file: Path, tmp_path: Path) -> None:
    asked = load_scenario(file).scenario
    (tmp_path / "written.yaml").write_text(scenario_text(asked))
    assert load_scenario(tmp_path / "written.yaml").scenario.digest == asked.digest


def test_what_was_said_against_a_policy_is_written_out(tmp_path: Path) -> None:
    plain = scenario_from_dict({"strategies": ["none"]})
    group = {"policy": "following"} | plain.market.feed.model_dump(include={"explore_quality", "rank_noise", "exploration_share"})
    asked = scenario_from_dict({"strategies": ["none"], "market": {"feed": group}, "events": [{"day": 3, "event": "outage"}]})
    (tmp_path / "written.yaml").write_text(scenario_text(asked))
    assert load_scenario(tmp_path / "written.yaml").scenario.digest == asked.digest


def test_title_logo_and_currency(run: Path, tmp_path: Path) -> None:
    (tmp_path / "logo.bin").write_bytes(PIXEL)
    text = made(run, tmp_path / "board.html", "--title", "Spring <script>", "--logo", str(tmp_path / "logo.bin"), "--currency", "EUR")
    assert "<strong>Spring &lt;script&gt;</strong>" in text
    assert 'src="data:image/png;base64,' in text
    assert not re.search(r"\bUSD\b", text)
    assert "300 EUR per strategy" in text
    assert re.search(r"<text[^>]*>[^<]*EUR", text)  # in the pictures too
    assert "script-src" not in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["RUN", "--currency", "<b>"], 2, "up to five letters or one sign"),
        (["RUN", "--logo", "tiny.yaml"], 2, "must be a PNG, JPEG or SVG"),
        (["RUN", "--logo", "large.png"], 2, "up to 512 KB"),
        (["RUN", "--logo", "none.png"], 2, "does not exist"),
        (["RUN", "--out", "report.pdf"], 2, "must name an .html file"),
        (["nowhere"], 6, "is not a folder"),
        (["."], 6, "was not written by"),
        (["one"], 6, "holds no comparison"),
        (["lost"], 6, "lacks a table"),
        (["old"], 6, "no scenario this version can read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes(
    run: Path, tmp_path: Path, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    Path("large.png").write_bytes(PIXEL + bytes(600_000))
    for name in ("lost", "old"):
        shutil.copytree(run, name)
    Path("lost/totals.parquet").unlink()
    Path("old/provenance.json").write_text(Path("old/provenance.json").read_text().replace('"horizon"', '"horizont"'))
    if words == ["one"]:
        assert main(["run", "tiny.yaml", "--strategy", "ads", "--out", "one", "-q"]) == 0
        assert load_scenario("one/scenario.yaml").scenario.name == "tiny"
    before = (run / "report.html").read_bytes()
    assert main(["report", *[str(run) if word == "RUN" else word for word in words]]) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert (run / "report.html").read_bytes() == before

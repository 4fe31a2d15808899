"""The runs pages in a real browser: grouped by strategy, with a command that gives the numbers again."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from influence_sim.cli import main
from tiny_market import TINY

from .conftest import Studio, serious

httpx = pytest.importorskip("httpx", reason="httpx is not installed")
MARKET = TINY.replace("name: tiny", "name: tiny <script>alert(1)</script>").replace("budget:", "objective: incremental_purchases\nbudget:")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A server in a folder with results, in place of the one that all tests share."""
    pytest.importorskip("uvicorn", reason="the studio extra is not installed")
    folder = tmp_path_factory.mktemp("work")
    (folder / "tiny.yaml").write_text(MARKET)
    (folder / "elsewhere").mkdir()
    told = ["compare", str(folder / "tiny.yaml"), "--jobs", "1", "-q", "--out"]
    assert main([*told, str(folder / "results/spring")]) == 0
    assert main([*told, str(folder / "results/later/dear"), "--set", "brand.price=90", "--replications", "4"]) == 0
    assert main([*told, str(folder / "elsewhere/secret")]) == 0
    (folder / "results/link").symlink_to(folder / "elsewhere")
    (folder / "results/spring/figures/link.csv").symlink_to(folder / "tiny.yaml")
    (folder / "results/broken").mkdir()
    (folder / "results/broken/provenance.json").write_text("{")
    with (folder / "results/later/dear/report.html").open("a") as report:
        report.write('<iframe sandbox="allow-scripts" srcdoc="a replay"></iframe>')
    running = Studio(folder)
    yield running
    running.stop()


def opened(page: Any, name: str) -> Any:
    """Open a run of the list."""
    page.wait_for_selector("table.runs", timeout=60_000)
    page.click(f"table.runs a:text-is('{name}')")
    page.wait_for_selector("h2:has-text('Do it again')", timeout=60_000)
    return page


def test_runs_are_grouped_by_strategy(open_page: Any, studio: Studio) -> None:
    page = open_page("runs")
    page.wait_for_selector("table.runs", timeout=60_000)
    assert page.locator("table.runs tbody").count() == 2
    assert page.locator("table.runs th[scope=rowgroup] a").all_inner_texts() == ["later/dear", "spring"]  # not the linked, not the broken
    rows = page.locator("table.runs tbody >> nth=1").locator("tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows[1:]] == ["none", "small", "ads"]
    summary = pd.read_csv(studio.folder / "results/spring/summary.csv").set_index("strategy")
    assert f"{summary.loc['ads', 'incremental_purchases']:.3g}"[:3] in rows[3]
    assert rows[3].split("\t")[1] == "3"
    assert page.get_attribute("nav [aria-current]", "data-tab") == "runs"


def test_the_copied_command_reproduces_the_numbers(open_page: Any, studio: Studio) -> None:
    page = opened(open_page("runs", permissions=["clipboard-read", "clipboard-write"]), "later/dear")
    page.click("button:has-text('Copy command')")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == "influence-sim compare results/later/dear/scenario.yaml --out results/later/dear-again"
    shell = command.replace("influence-sim", f"{shlex.quote(sys.executable)} -m influence_sim.cli", 1)
    subprocess.run(shell, shell=True, check=True, cwd=studio.folder, capture_output=True, timeout=300)
    for name in ("summary.csv", "pairs.csv", "totals.parquet"):
        again, before = (studio.folder / "results" / place / name for place in ("later/dear-again", "later/dear"))
        assert again.read_bytes() == before.read_bytes(), name
    shutil.rmtree(studio.folder / "results/later/dear-again")


def test_a_run_says_where_every_value_comes_from(open_page: Any, studio: Studio) -> None:
    page = opened(open_page("runs"), "later/dear")
    text = page.inner_text("main")
    assert "market.brand.price\t90.0\t--set" in text
    assert "tiny.yaml:4" in text
    assert "<script>alert(1)</script>" in text  # as text
    page.click("summary:has-text('All')")
    assert "market.feed.policy\tfor_you\tdefault" in page.inner_text("main")
    assert page.locator("a[download]:has-text('its replay plays there')").get_attribute("href").partition("?")[0].endswith("/report.html")
    differing = page.locator("section:has(h2:has-text('between strategies')) tbody tr").all_inner_texts()
    assert "followers_max\t1000.0\t–" in differing
    assert page.locator("main script").count() == 0
    page.wait_for_timeout(500)
    assert page.locator("figure img").count() == len(list((studio.folder / "results/spring/figures").glob("*.svg")))
    assert page.evaluate("[...document.images].every((i) => i.naturalWidth > 0 && i.alt.length > 20)")


def test_two_runs_show_only_what_differs(open_page: Any, studio: Studio) -> None:
    page = opened(open_page("runs"), "later/dear")
    page.click("section:has(h2:has-text('another run')) a:has-text('spring')")
    page.wait_for_selector("h1:has-text('What differs')", timeout=60_000)
    rows = page.locator("tbody tr").all_inner_texts()
    assert rows == ["market.brand.price\t90.0\t40.0", "replications\t4\t3"]
    page.go_back()
    page.wait_for_selector("h2:has-text('Do it again')")


def test_files_are_those_of_the_results(open_page: Any, studio: Studio) -> None:
    page = opened(open_page("runs"), "spring")
    assert page.locator("a:has-text('its replay plays there')").count() == 0
    with page.expect_download() as got:
        page.click("a:has-text('Download scenario')")
    assert Path(got.value.path()).read_bytes() == (studio.folder / "results/spring/scenario.yaml").read_bytes()
    at = page.locator("a:has-text('summary.csv')").get_attribute("href")
    answer = httpx.get(studio.origin + at)
    assert answer.content == (studio.folder / "results/spring/summary.csv").read_bytes()
    identity = at.split("/")[3]
    query = f"?token={studio.token}"
    report = httpx.get(f"{studio.origin}/strategy/runs/{identity}/file/report.html{query}")
    assert "sandbox" in report.headers["content-security-policy"]
    assert "<script" not in report.text
    for path in (
        "spring/file/summary.csv", f"{identity}/file/nothing.csv", f"{identity}/file/..%2f..%2f..%2ftiny.yaml",
        f"{identity}/file//etc/passwd", f"{identity}/file/figures/link.csv", "..%2felsewhere%2fsecret", "broken",
    ):  # fmt: skip
        refused = httpx.get(f"{studio.origin}/strategy/runs/{path}{query}")
        assert refused.status_code == 404, path
        assert "strategies" not in refused.text
    for path in ("", f"/{identity}", f"/{identity}/file/summary.csv"):
        assert httpx.get(f"{studio.origin}/strategy/runs{path}?token=wrong").status_code == 403


def test_without_runs_the_page_says_what_to_do(open_page: Any, studio: Studio) -> None:
    hidden = studio.folder / "hidden"
    (studio.folder / "results").rename(hidden)
    try:
        page = open_page("runs")
        page.wait_for_selector("text=No runs yet", timeout=60_000)
        assert "influence-sim compare scenarios/demo.yaml --out results/demo" in page.inner_text("main")
    finally:
        hidden.rename(studio.folder / "results")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious_on_runs(open_page: Any, studio: Studio, scheme: str) -> None:
    page = open_page("runs", color_scheme=scheme)
    page.wait_for_selector("table.runs", timeout=60_000)
    assert serious(page) == []
    assert serious(opened(page, "spring")) == []


def test_narrow_runs_do_not_scroll_sideways(open_page: Any, studio: Studio) -> None:
    page = open_page("runs", viewport={"width": 360, "height": 800})
    page.wait_for_selector("table.runs", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    opened(page, "spring")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

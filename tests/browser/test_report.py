"""The report from disk, without network: two printed pages, an answer first, and a replay where one was asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from influence_sim.cli import main
from tiny_market import TINY

from .conftest import serious

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><script>alert(1)</script><rect width="90" height="30"/></svg>'


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of a small comparison, one with everything on top."""
    folder = tmp_path_factory.mktemp("board")
    (folder / "tiny.yaml").write_text(TINY.replace("name: tiny", "name: tiny <script>alert(1)</script>"))
    (folder / "logo.svg").write_text(LOGO)
    many = ", ".join(f"plan {k}: {{strategy: paid_infeed, days: {1 + k % 3}}}" for k in range(8))
    (folder / "many.yaml").write_text(re.sub(r"strategies:.*", f"strategies: [none, {many}]", TINY))
    for name in ("tiny", "many"):
        assert main(["compare", str(folder / f"{name}.yaml"), "--out", str(folder / name), "--jobs", "1", "-q"]) == 0
    extra = ["--title", "Board <b>paper</b>", "--logo", str(folder / "logo.svg"), "--currency", "€", "--replay", "-q"]
    assert main(["report", str(folder / "tiny"), "--out", str(folder / "board.html"), *extra]) == 0
    return folder


@pytest.mark.parametrize("file", ["tiny/report.html", pytest.param("many/report.html", marks=pytest.mark.slow), "board.html"])
def test_a_report_prints_on_two_pages(open_page: Any, reports: Path, file: str) -> None:
    page = open_page(url=(reports / file).as_uri(), offline=True)
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2
    assert [r for r in page.requests if not r.startswith(("file:", "data:"))] == []


def test_the_answer_stands_first_and_names_are_text(open_page: Any, reports: Path) -> None:
    page = open_page(url=(reports / "board.html").as_uri(), offline=True)
    assert page.locator("h1").bounding_box()["y"] < 200
    assert "Board <b>paper</b>" in page.inner_text("header")
    assert "alert" not in page.inner_text("header")
    assert page.evaluate("document.images[0].naturalWidth") == 90
    assert "300 € per strategy" in page.inner_text("main")
    page = open_page(url=(reports / "tiny/report.html").as_uri(), offline=True)
    assert "<script>alert(1)</script>" in page.inner_text("header")
    assert page.locator("script").count() == 0


def test_the_replay_in_a_report_plays(open_page: Any, reports: Path) -> None:
    page = open_page(url=(reports / "board.html").as_uri(), offline=True)
    page.locator("iframe").scroll_into_view_if_needed()
    frame = page.frame_locator("iframe")
    frame.locator("form.bet button.quiet").click(timeout=30_000)
    frame.locator("#speed").select_option("60")
    frame.locator("#play").click()
    frame.locator("#play:has-text('end')").wait_for(timeout=30_000)
    assert float(frame.locator(".lesson").get_attribute("data-hour")) > 24


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious_in_a_report(open_page: Any, reports: Path, scheme: str) -> None:
    assert serious(open_page(url=(reports / "tiny/report.html").as_uri(), color_scheme=scheme)) == []


@pytest.mark.parametrize("width", [360, 640])
def test_a_narrow_report_does_not_scroll_sideways(open_page: Any, reports: Path, width: int) -> None:
    page = open_page(url=(reports / "tiny/report.html").as_uri(), viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width

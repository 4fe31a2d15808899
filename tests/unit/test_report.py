"""The report: one file without network, words before numbers, names escaped, honest boxes."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from synthetic_comparison import comparison

from influence_sim.figures.write import FIGURES, draw_all
from influence_sim.report import render
from influence_sim.report.page import page

EVIL = '<script>alert("x")</script>'
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collect elements, ids and text; fail on elements that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.attributes: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            self.attributes.append(key)
            if key == "id":
                self.ids.append(value or "")
            if key in ("href", "src", "xlink:href", "action", "data"):
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reader:
    """Parse a page."""
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def demo() -> Any:
    return comparison(worlds=10, days=10, posts=150)


@pytest.fixture(scope="module")
def html(demo: Any) -> str:
    return page(demo)


def test_nothing_comes_from_elsewhere(html: str) -> None:
    reader = read(html)
    assert all(link.startswith("#") for link in reader.links)
    assert not {"script", "link", "iframe", "object", "embed", "img", "form"} & set(reader.tags)
    assert not [name for name in reader.attributes if name.startswith("on")]
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert all(url.startswith("#") for url in re.findall(r"url\(['\"]?([^)'\"]*)", html))
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in html


def test_ids_are_unique_and_every_reference_has_one(html: str) -> None:
    reader = read(html)
    assert len(reader.ids) == len(set(reader.ids))
    wanted = set(re.findall(r"url\(#([^)]*)\)", html)) | {link[1:] for link in reader.links}
    assert wanted <= set(reader.ids)


def test_the_answer_comes_first_and_everything_is_there(html: str, demo: Any) -> None:
    text = " ".join(" ".join(read(html).text).split())
    assert demo.answer in text
    assert text.index(demo.answer) < text.index("The strategies, per world")
    for name in FIGURES:
        assert f'id="{name}-desc"' in html
    assert "A model, not TikTok" in text
    assert "micro_portfolio beats paid_infeed in 10 of 10 simulated worlds" in text
    assert "feed.trending_cap" in text  # an assumption
    assert "funnel.memory_half_life" not in text  # has a source
    assert "influence-sim compare SCENARIO.yaml --out" in text
    assert demo.scenario.digest in text


def test_names_are_escaped(demo: Any) -> None:
    evil = comparison({EVIL: (5.0, 4.0, True)}, worlds=3, days=5, posts=20, name=EVIL, question=EVIL)
    evil = replace(evil, answer=EVIL, warnings=[EVIL, f"underpowered: {EVIL}"], probability_explained=EVIL)
    text = page(evil)
    assert "<script" not in text
    assert "script" not in read(text).tags
    assert "&lt;script&gt;" in text


def test_boxes_appear_when_they_must() -> None:
    twins = comparison({"first": (5.0, 6.0, True), "second": (5.0, 6.0, True)}, worlds=10, days=8, posts=20)
    text = page(twins)
    assert 'id="cannot-tell-apart"' in text
    assert "first and second: difference" in text or "second and first: difference" in text
    few = comparison({"few": (5.0, 0.01, True)}, worlds=3, days=2, posts=20)
    assert 'id="underpowered"' in page(few)
    assert 'id="underpowered"' not in page(replace(twins, warnings=[]))


def test_clear_results_have_no_box() -> None:
    clear = comparison({"strong": (9.0, 60.0, True), "weak": (2.0, 20.0, True)}, worlds=12, days=10, posts=20,
                       objective="incremental_purchases")
    assert 'id="cannot-tell-apart"' not in page(clear)


@pytest.mark.parametrize(
    "settings",
    [
        {"worlds": 1}, {"arms": {"only": (5.0, 3.0, True)}, "worlds": 1}, {"arms": {}},
        {"arms": {"idle": (0.0, 0.0, True)}, "spend": 0, "posts": 0},
        {"objective": "reach"}, {"objective": "cost_per_incremental_purchase"}, {"control": False}, {"question": ""},
    ],
    ids=str,
)  # fmt: skip
def test_thin_data_give_a_page(settings: dict[str, Any]) -> None:
    text = page(comparison(**{"worlds": 3, "days": 5, "posts": 20, **settings}))
    read(text)
    assert not re.search(r">\s*(nan|None|inf)\b", text)


def test_commands_carry_what_was_set(demo: Any) -> None:
    loaded = SimpleNamespace(
        file="/somewhere/private/my plan.yaml",
        origins={"horizon": "--set", "market.brand.price": "--set", "market.feed": "--set", "budget": "my plan.yaml:3"},
    )
    text = page(replace(demo, loaded=loaded), drawn={})
    assert "influence-sim compare &#39;my plan.yaml&#39; --out results --set horizon=10 --set market.brand.price=40" in text
    assert "/somewhere/private" not in text


def test_the_file_is_written_whole(demo: Any, html: str, tmp_path: Path) -> None:
    path = render(demo, tmp_path / "deep" / "report.html", drawn=draw_all(demo))
    assert path.read_text(encoding="utf-8") == html
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    assert path.stat().st_size < 800_000

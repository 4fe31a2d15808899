"""The file for a class: from disk, without network, with the same screens."""

from __future__ import annotations

import json
import re

import pytest

from influence_sim.studio.lessons import lesson, lessons
from influence_sim.studio.recording import replay

from .conftest import hour


def short(name: str, hours: int = 48):
    """Return a lesson with few people and hours, as its file records it."""
    one = lesson(name)
    groups = {group: dict(values) for group, values in one.market.items()}
    groups["people"].update(agents=250, population=250, views_per_day=40)
    if name != "parallel":
        groups["creators"]["count"] = 12
    return one.model_copy(update={"hours": hours, "market": groups})


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Return a function from the name of a lesson to its file, which is recorded once."""
    folder = tmp_path_factory.mktemp("class")

    def file(name: str):
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(replay(short(name)), encoding="utf-8")
        return path

    return file


FAST = ("follow", "tune")


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in lessons() if name not in FAST)])
def test_a_file_plays_from_disk_without_network(open_page, recorded, name):
    page = open_page(url=recorded(name).as_uri(), offline=True)
    page.wait_for_selector(".lesson[data-hour='0']")
    assert page.is_disabled("#play")
    page.click("form.bet button.primary")
    page.select_option("#speed", "60")
    page.click("#play")
    page.wait_for_selector("#play:has-text('end')")
    assert hour(page) == 48
    assert [r for r in page.requests if not r.startswith(("file:", "data:", "blob:"))] == []
    assert len([r for r in page.requests if r.startswith("file:")]) == 1
    assert page.locator(".notes details").count() == 8


def test_time_and_knobs_of_a_file(open_page, recorded):
    page = open_page(url=recorded("tune").as_uri())
    page.wait_for_selector(".lesson[data-hour='0']")
    page.click("form.bet button.quiet")

    def views(world: str) -> int:
        return int(page.locator(f"[data-world={world}] [data-number='views of all']").inner_text().replace(",", ""))

    page.fill("#seek", "40")
    late = views("A"), views("B")
    page.fill("#seek", "10")
    assert hour(page) == 10
    assert views("A") < late[0]
    page.fill("#seek", "40")
    assert (views("A"), views("B")) == late
    page.focus("#knob-A-for_you_share")
    page.keyboard.press("End")
    assert json.loads(page.get_attribute("[data-world=A]", "data-settings"))["for_you_share"] == 0.9
    assert views("A") == views("B") == late[1]
    curve = page.evaluate("[...document.querySelectorAll('.line.a')].map(p => p.getAttribute('d'))")
    assert curve == page.evaluate("[...document.querySelectorAll('.line.b')].map(p => p.getAttribute('d'))")
    page.locator(".tools select").select_option("3")
    page.wait_for_selector(".lesson[data-hour='0']")


@pytest.mark.slow
def test_luck_of_a_file(open_page, recorded):
    page = open_page(url=recorded("follow").as_uri())
    page.wait_for_selector(".lesson[data-hour='0']")
    page.click("form.bet button.primary")
    page.click("#luck")
    page.wait_for_selector(".luckwords:has-text('20 of 20')")
    assert page.locator(".ghost").count() == 20
    page.click("#luck")
    page.wait_for_selector("#luck[disabled]")
    page.click("text=Reset")
    page.wait_for_timeout(2500)
    assert page.locator(".ghost").count() == 0  # rolls of before do not come late
    assert page.is_enabled("#luck")
    page.click("#luck")
    page.wait_for_selector(".luckwords:has-text('20 of 20')")
    assert re.search(r"of 20 passed|of \d+ passed your bet", page.inner_text(".luckwords"))


@pytest.mark.slow
def test_fifteen_runs_of_2000_people_and_300_hours_are_under_300_kb():
    one = lesson("tune")
    assert len(one.record.seeds) * len(one.record.settings) == 15
    assert (one.hours, one.market["people"]["agents"]) == (300, 2000)
    assert len(replay(one).encode()) < 300_000

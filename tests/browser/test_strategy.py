"""The strategy pages in a real browser: a form, a job in a process of its own, and the numbers of the command."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from influence_sim.cli import main
from influence_sim.scenario.loader import load_scenario
from tiny_market import TINY

from .conftest import Studio, serious

MIXED = TINY.replace("name: tiny", "name: tiny <b>market</b>").replace("budget:", "objective: incremental_purchases\nbudget:")
HEAD = MIXED.partition("strategies:")[0]
TWINS = f"{HEAD}strategies: [none, one: {{strategy: paid_infeed, days: 2}}, same: {{strategy: paid_infeed, days: 2}}]\n"
# Not equal, and too near for a few worlds.
NEAR = f"{HEAD}strategies: [none, two: {{strategy: paid_infeed, days: 2}}, three: {{strategy: paid_infeed, days: 3}}]\n"
FUTURES = ("algorithm turns to followers", "discovery off", "CPM +30 %")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A server in a folder with some scenarios, in place of the one that all tests share."""
    pytest.importorskip("uvicorn", reason="the studio extra is not installed")
    folder = tmp_path_factory.mktemp("work")
    (folder / "scenarios").mkdir()
    for name, text in {"mixed": MIXED, "near": NEAR, "over 50 % R&D": MIXED, "twins": TWINS}.items():
        (folder / "scenarios" / f"{name}.yaml").write_text(text)
    running = Studio(folder)
    yield running
    running.stop()


def answered(page: Any, **fields: str) -> Any:
    """Fill the form, start the job and wait for its result."""
    page.wait_for_selector("form.card button.primary", timeout=30_000)
    for name, value in fields.items():
        page.fill(f"[name='{name.replace('__', ':')}']", value)
    page.click("form.card button.primary")
    page.wait_for_selector(".job[data-status=done]", timeout=300_000)
    return page


def view_of(page: Any) -> str:
    """Return what the address keeps."""
    return str(page.url.partition("#")[2])


@pytest.fixture(scope="module")
def compared(browser: Any, studio: Studio) -> str:
    """Return the view of a finished comparison of two equal strategies."""
    page = browser.new_page()
    page.goto(f"{studio.link}#compare/twins")
    found = view_of(answered(page))
    page.close()
    return found


@pytest.fixture(scope="module")
def split(browser: Any, studio: Studio) -> str:
    """Return the view of a finished allocation with a floor."""
    page = browser.new_page()
    page.goto(f"{studio.link}#allocate/mixed")
    answered(page, floor__small="30", trials="4", worlds="3", check_worlds="5")
    found = view_of(page)
    page.close()
    return found


def test_equal_strategies_are_a_tie_and_the_command_says_the_same(open_page, compared, studio, monkeypatch, capsys):
    page = open_page(compared)
    page.wait_for_selector(".verdict")
    assert page.inner_text(".verdict h2").startswith("A tie: one and same")
    shown = page.locator("section.card table tr")
    rows = [[cell.strip() for cell in shown.nth(k).locator("th, td").all_inner_texts()] for k in range(1, shown.count())]
    with page.expect_download() as download:
        page.click("a:has-text('summary.csv')")
    table = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert [row[0] for row in rows] == [row["strategy"] for row in table] == ["none", "one", "same"]
    assert [float(row[6] or "nan") for row in rows] == pytest.approx([float(row["incremental_purchases"]) for row in table], abs=0.005)
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 100)")
    alts = page.evaluate("[...document.images].map(i => i.alt)")
    assert "one" in alts[0]
    assert "same" in alts[0]
    forest = page.locator("figure").first.locator("tr")
    assert forest.count() == 3  # the head, and one row per strategy, the control is the line
    # A second page finds the job by its address; the command of the page gives the same numbers.
    second = open_page(compared)
    second.wait_for_selector(".verdict")
    words = shlex.split(second.inner_text("section pre >> nth=-1"))
    assert words[0] == "influence-sim"
    monkeypatch.chdir(studio.folder)
    out = words.index("--out") + 1
    page_summary = Path(words[out], "summary.csv").read_bytes()
    assert main([*words[1:out], "again", *words[out + 1 :]]) == 0
    assert Path("again", "summary.csv").read_bytes() == page_summary
    capsys.readouterr()


def test_a_job_is_stopped_found_after_a_reload_and_goes_on(open_page, studio):
    page = open_page("compare/mixed", quiet=True)  # a request that is cut is an error on the console
    page.wait_for_selector("form.card button.primary", timeout=30_000)
    assert page.is_checked("[value=small]")
    page.fill("[name=replications]", "150")
    asked = set((studio.folder / "results" / "jobs").glob("*"))
    page.dblclick("form.card button.primary")
    page.wait_for_selector(".line:has-text('runs,')", timeout=120_000)
    assert len(set((studio.folder / "results" / "jobs").glob("*")) - asked) == 1
    page.reload()
    page.wait_for_selector(".line:has-text('extra purchases so far')", timeout=120_000)
    before = page.get_attribute("progress", "max")
    assert before == "450"
    page.route("**/stop?*", lambda route: route.abort())
    page.click("button:has-text('Stop')")
    page.wait_for_selector(".job [role=alert]:has-text('did not answer')")
    told = page.inner_text(".line")
    page.wait_for_function("told => document.querySelector('.job progress ~ .line').innerText !== told", arg=told)  # the card goes on
    page.unroute("**/stop?*")
    page.click("button:has-text('Stop')")
    page.wait_for_selector(".job[data-status=stopped] button:has-text('Go on')", timeout=30_000)
    page.click("button:has-text('Go on')")
    page.wait_for_selector(".job[data-status=running] .line:has-text('runs,')", timeout=120_000)
    page.click("button:has-text('Stop')")
    page.wait_for_selector(".job[data-status=stopped]", timeout=30_000)
    page.goto(page.url.partition("#")[0] + "#compare")
    page.wait_for_selector("form.card")
    assert "stopped" in page.inner_text(".strategy section li >> nth=0")


def test_what_is_wrong_is_shown_and_how_long_it_takes(open_page, tmp_path):
    page = open_page("stress/mixed", quiet=True)  # the browser itself reports answers 422
    page.wait_for_selector("form.card button.primary", timeout=30_000)
    for box in page.locator("[name=futures]").all():
        box.uncheck()
    page.click("form.card button.primary")
    page.wait_for_selector(".answer pre:has-text('tick at least one future')")
    page.check("[name=futures] >> nth=0")
    page.click("[name=estimate]")
    page.wait_for_selector(".answer:has-text('24 runs')", timeout=120_000)
    bad = tmp_path / "bad.yaml"
    bad.write_text(MIXED.replace("creators", "creatorz"))
    page.set_input_files("input[type=file]", bad)
    page.wait_for_selector(".answer pre:has-text('scenario.yaml:5:3')")
    assert "did you mean `creators`" in page.inner_text(".answer")
    assert page.input_value("input[type=file]") == ""  # a browser tells of the same file only when none is chosen
    good = tmp_path / "good.yaml"
    good.write_text(MIXED)
    page.set_input_files("input[type=file]", good)
    page.wait_for_selector("option[selected]:has-text('tiny <b>market</b> (your file)')", state="attached")
    assert page.locator("form b:has-text('market')").count() == 0
    assert view_of(page).startswith("stress/upload-")


@pytest.mark.slow
def test_names_of_scenarios_may_hold_any_sign(open_page):
    page = open_page("compare")
    page.select_option("[name=scenario]", "over 50 % R&D")
    page.wait_for_selector("option[selected]:text-is('over 50 % R&D')", state="attached")
    page.reload()
    page.wait_for_selector("option[selected]:text-is('over 50 % R&D')", state="attached")
    answered(page, replications="2")
    page.click("a:has-text('Ask again')")
    page.wait_for_selector("option[selected]:text-is('over 50 % R&D')", state="attached")
    assert page.locator(".problem:visible").count() == 0


def test_what_cannot_be_told_apart_gets_more_worlds(open_page):
    page = open_page("compare/near")
    answered(page, replications="3")
    assert page.inner_text(".verdict h2").startswith("Cannot tell them apart with 3 runs: ")
    assert page.locator(".verdict.near").count() == 1
    page.click("button.primary:has-text('Run 100 more')")
    page.wait_for_selector("progress[max='309']", timeout=120_000)
    page.click("button:has-text('Stop')")
    page.wait_for_selector(".job[data-status=stopped]", timeout=30_000)
    assert "--set replications=103" in page.inner_text("section pre >> nth=-1")


def test_only_a_lost_connection_is_asked_again(open_page, compared):
    page = open_page("compare", quiet=True)
    page.wait_for_selector("form.card button.primary", timeout=30_000)
    asked = []

    def broken(route):
        asked.append(route.request.url)
        route.fulfill(status=500, body="Internal Server Error")

    page.route("**/strategy/compare/compare-*", broken)
    page.goto(page.url.partition("#")[0] + f"#{compared}")
    page.wait_for_selector(".strategy [role=alert]:has-text('Internal Server Error')")
    page.wait_for_timeout(2500)
    assert len(asked) == 1
    page.unroute("**/strategy/compare/compare-*")
    page.route("**/strategy/compare/compare-*", lambda route: route.abort())
    page.reload()
    page.wait_for_selector(".lost:has-text('Connection lost')")
    page.unroute("**/strategy/compare/compare-*")
    page.wait_for_selector(".verdict")
    assert page.is_hidden(".lost")


def test_a_stress_test_sorts_what_hurts(open_page):
    page = open_page("stress/mixed")
    page.wait_for_selector("form.card button.primary", timeout=30_000)
    for box in page.locator("[name=futures]").all()[3:]:
        box.uncheck()
    answered(page, worlds="3")
    assert "Worst 1 in 20 of 12 cases" in page.inner_text(".verdict")
    svg = page.evaluate("fetch(document.images[0].src).then(a => a.text())")
    labels = [name for name in re.findall(r">([^<>]+)</text>", svg) if name in FUTURES]
    page.click("figure:has(img[src*=tornado]) summary")
    rows = page.locator("figure:has(img[src*=tornado]) tr").all_inner_texts()[1:]
    cells = [row.replace("\N{MINUS SIGN}", "-").split("\t") for row in rows]
    change = {name: max(abs(float(row[4])) for row in cells if row[1] == name) for name in labels}
    assert len(labels) == 3
    assert list(change.values()) == sorted(change.values(), reverse=True)
    assert page.locator("img[src*=regrets]").count() == 1


def test_a_plan_obeys_its_floor_is_saved_and_stressed(open_page, split, tmp_path):
    page = open_page(split)
    page.wait_for_selector(".verdict")
    rows = [row.split("\t") for row in page.locator("section.card table tr").all_inner_texts()[1:]]
    shares = {row[0]: int(row[1].split()[0]) for row in rows}
    assert sum(shares.values()) == 100
    assert shares["small"] >= 30
    svg = page.evaluate("fetch([...document.images].find(i => i.src.includes('responses')).src).then(a => a.text())")
    assert "not simulated" in svg
    with page.expect_download() as download:
        page.click("a:has-text('Save the plan')")
    (tmp_path / "plan.yaml").write_bytes(Path(download.value.path()).read_bytes())
    plan = load_scenario(tmp_path / "plan.yaml").scenario
    parts = plan.strategies["found"].params["parts"]
    assert {label: round(100 * part["share"]) for label, part in parts.items()} == {k: v for k, v in shares.items() if v}
    page.click("a:has-text('Stress this plan')")
    page.wait_for_selector("[name=strategies][value=found]")
    assert view_of(page).startswith("stress/plan-allocate-")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("view", ["compare", "stress", "allocate", "compared", "split"])
def test_axe_finds_nothing_serious_on_strategy_pages(open_page, compared, split, view, scheme):
    page = open_page({"compared": compared, "split": split}.get(view, view), color_scheme=scheme)
    page.wait_for_selector("form.card button.primary, .verdict", timeout=30_000)
    assert serious(page) == []


@pytest.mark.parametrize("view", ["compare", "stress", "allocate", "compared", "split"])
def test_narrow_strategy_pages_do_not_scroll_sideways(open_page, compared, split, view):
    page = open_page({"compared": compared, "split": split}.get(view, view), viewport={"width": 360, "height": 800})
    page.wait_for_selector("form.card button.primary, .verdict", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

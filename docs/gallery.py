"""Make the pictures of docs/images: `make gallery`. Figures come from commands, screens from the studio in Chromium."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
IMAGES = TOP / "docs" / "images"
RESULTS = TOP / "results" / "gallery"
COMMAND = [sys.executable, "-m", "influence_sim.cli"]
MOST = 150_000  # bytes of a picture
# Figures of the demonstration, as they are called here.
FIGURES = {
    "strategy_forest": "demo_forest", "paired_difference": "demo_pairs", "return_decomposition": "demo_why", "reach_curve": "demo_reach",
    "funnel": "demo_funnel", "views_against_followers": "demo_discovery", "stage_funnel": "demo_stages",
}  # fmt: skip
# Screens: lesson, hour to which it is played, colours.
SCREENS = {"follow": (30, "light"), "tune": (96, "dark"), "parallel": (72, "light"), "trust": (24 * 10, "light")}


def figures() -> None:
    """Play the demonstration and take its figures."""
    out = RESULTS / "demo"
    subprocess.run([*COMMAND, "compare", "scenarios/demo.yaml", "--out", str(out), "--no-progress"], cwd=TOP, check=True)
    for name, here in FIGURES.items():
        shutil.copyfile(out / "figures" / f"{name}.svg", IMAGES / f"{here}.svg")


@contextmanager
def studio() -> Iterator[str]:
    """Run the studio and yield its link."""
    command = [*COMMAND, "studio", "--no-browser", "--quiet", "--results", str(RESULTS)]
    with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def screens() -> None:
    """Photograph the studio and the report; say what is missing where that cannot be done."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        sync_playwright = None
    if chromium is None or sync_playwright is None:
        print("Screens are left as they are: they need Chromium and the package playwright.", file=sys.stderr)
        return
    with studio() as link, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        lessons(browser, link)
        strategist(browser, link)
        page = browser.new_page(viewport={"width": 900, "height": 1100}, color_scheme="light")
        page.goto((RESULTS / "demo" / "report.html").as_uri())
        save(page, "report")
        browser.close()


def lessons(browser: Any, link: str) -> None:
    """Play every lesson for a while."""
    for lesson, (hour, colours) in SCREENS.items():
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=colours, reduced_motion="reduce")
        page.set_default_timeout(300_000)
        page.goto(f"{link}#{lesson}")
        page.wait_for_selector(".lesson[data-hour]")
        page.click("form.bet button.primary")
        page.select_option("#speed", "60")
        page.click("#play")
        while float(page.get_attribute(".lesson", "data-hour")) < hour:
            page.wait_for_timeout(50)
        page.click("#play")
        page.wait_for_selector("#play:not(:has-text('Pause'))")
        if lesson == "follow":
            page.click("text=who liked it")
            page.wait_for_selector(".why[data-slot]")
        save(page, f"studio_{lesson}")


def strategist(browser: Any, link: str) -> None:
    """Compare the strategies of the demonstration in a form, at the form's sizes, and list what was played."""
    page = browser.new_page(viewport={"width": 1280, "height": 1100}, color_scheme="light")
    page.set_default_timeout(600_000)
    page.goto(f"{link}#compare/demo")
    page.click("form.card button.primary")
    page.wait_for_selector(".verdict")
    save(page, "studio_compare")
    page.click("nav a[href='#runs']")
    page.wait_for_selector("table.runs")
    page.set_viewport_size({"width": 1280, "height": 680})
    save(page, "studio_runs")


def save(page: Any, name: str) -> None:
    """Photograph a page once it stands still, with as many colours of its own as a small file holds."""
    from PIL import Image

    path = IMAGES / f"{name}.png"
    page.wait_for_timeout(1500)
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    found: Any = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # Colours of dots on a map are rare, and the median cut would paint orange ones brown.
    found.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MOST:
        raise SystemExit(f"{path.name} has {path.stat().st_size:,} bytes, more than {MOST:,}: show less")


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    shutil.rmtree(RESULTS, ignore_errors=True)  # the list of runs is that of this gallery
    figures()
    screens()
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.stat().st_size:>8,} bytes  {path.relative_to(TOP)}")

"""A real server, and a real browser whose every other address is cut."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 240_000  # ms; two busy cores and a cold disk are no bug
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Studio:
    """A running `influence-sim studio`, in a working folder of its own where one is given."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "influence_sim.cli", "studio", "--no-browser", "--quiet"]
        self._said = tempfile.NamedTemporaryFile("w", encoding="utf-8")  # noqa: SIM115 (open as long as the server runs)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._said, text=True, cwd=folder)
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip()
        assert self.link.startswith("http://127.0.0.1:"), (self.link, self.said())
        self.origin, _, self.token = self.link.partition("/?token=")
        self.port = int(self.origin.rpartition(":")[2])

    def said(self) -> str:
        """Return what the server wrote to stderr."""
        return Path(self._said.name).read_text(encoding="utf-8")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._said.close()


@pytest.hookimpl(tryfirst=True)  # before the plugin that reads the mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker have all tests of this folder (`--dist loadgroup`): one server and one browser are enough."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let a failed test tell what its pages and the server said."""
    report: Any = yield
    used = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed:
        for context in getattr(used.get("open_page"), "contexts", []):
            for page in context.pages:
                words = page.locator(".status, .problem:not([hidden]), .lost:not([hidden]), .loading").all_inner_texts()
                report.sections.append((f"page {page.url}", " | ".join(words)))
        if "studio" in used:
            report.sections.append(("server", used["studio"].said()))
    return report


@pytest.fixture(scope="session")
def studio() -> Iterator[Studio]:
    """The server all tests share."""
    pytest.importorskip("uvicorn", reason="the studio extra is not installed")
    running = Studio()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as p:
        launched = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Any, studio: Studio) -> Iterator[Callable[..., Any]]:
    """Return a function that opens the studio (or `url`) in a context of its own.

    Requests to other addresses are cut, and there must be none; nor may there be any error on the console.
    """
    contexts, foreign, errors = [], [], []

    def cut(route: Any) -> None:
        if route.request.url.startswith((studio.origin, "file:", "data:", "blob:")):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    def make(view: str = "", url: str | None = None, quiet: bool = False, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, "reduced_motion": "reduce", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.route("**/*", cut)
        page = context.new_page()
        page.requests = []
        page.on("request", lambda r: page.requests.append(r.url))
        page.on("pageerror", lambda e: errors.append(str(e)))
        if not quiet:
            page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(url or f"{studio.link}#{view}")
        return page

    make.contexts = contexts  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert foreign == []
    assert errors == []


def ready(page: Any, bet: bool = True) -> Any:
    """Wait for the worlds of a lesson, place the bet, and return the page."""
    page.wait_for_selector(".lesson[data-hour]")
    if bet:
        page.click("form.bet button.quiet")
    return page


def wire(studio: Studio, token: str | None = None, origin: str | None = None, host: str | None = None) -> Any:
    """Open a socket as the page would, but for what is given."""
    client = pytest.importorskip("websockets.sync.client", reason="the studio extra is not installed")
    headers = {} if host is None else {"Host": host}
    return client.connect(
        f"ws://127.0.0.1:{studio.port}/ws?token={studio.token if token is None else token}",
        origin=studio.origin if origin is None else origin or None, additional_headers=headers, max_size=None,
    )  # fmt: skip


def hour(page: Any) -> float:
    """Return the hour on the page."""
    return float(page.get_attribute(".lesson", "data-hour"))


def reach(page: Any, until: float) -> None:
    """Wait until an hour has passed on the page."""
    for _ in range(PATIENCE // 100):
        if hour(page) >= until:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"hour {until:g} never came: {hour(page):g}")


def play_to(page: Any, until: float, speed: str = "60") -> None:
    """Play until an hour has passed, then pause."""
    page.select_option("#speed", speed)
    page.click("#play")
    reach(page, until)
    if page.inner_text("#play").endswith("Pause"):
        page.click("#play")
        page.wait_for_selector("#play:has-text('Play'), #play:has-text('end')")


def serious(page: Any) -> list[Any]:
    """Return what axe finds serious on a page, as it stands."""
    axe = pytest.importorskip("axe_core_python", reason="axe is not installed")
    session = page.context.new_cdp_session(page)  # so that the content policy stays on
    session.send("Runtime.evaluate", {"expression": (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")})
    ask = "axe.run().then(r => JSON.stringify(r.violations))"
    found = session.send("Runtime.evaluate", {"expression": ask, "awaitPromise": True, "returnByValue": True})
    violations = [v for v in json.loads(found["result"]["value"]) if v["impact"] in ("serious", "critical")]
    return [(v["id"], [n["html"][:160] + n["failureSummary"][:200] for n in v["nodes"][:3]]) for v in violations]

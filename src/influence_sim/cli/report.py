"""`influence-sim report`: the report of a finished comparison again, with a title, a logo, a currency or a replay."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options, writable

MOST_LOGO = 512 * 1024
# How a file begins -> what it is; the ending of its name says nothing.
PICTURES = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"<svg": "image/svg+xml", b"<?xml": "image/svg+xml"}
CURRENCY = re.compile(r"[^\W\d_]{1,5}|[$£€¥₹₩₺₽฿₫₦₱₴]")


@click.command(
    "report",
    cls=Page,
    examples=(
        "influence-sim report results/demo",
        "influence-sim report results/demo --title 'Spring launch' --currency EUR --out results/board.html",
        "influence-sim report results/demo --replay --out results/class.html --quiet",
    ),
    writes="RUN/report.html, or the file of --out: one HTML file that needs no network and prints on two pages; whole or not at all.",
    codes=(ExitCode.USAGE, ExitCode.RUNS_FAILED, ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED),
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--title", metavar="TEXT", help="Title in place of the scenario's name.")
@click.option("--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE", help="PNG, JPEG or SVG.")
@click.option("--currency", metavar="NAME", help="What money is called in place of USD, such as EUR; nothing is converted.")
@click.option("--replay", is_flag=True, help="Put a replay of one video in a small copy of the market into the page; plays it first.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write another file instead of RUN/report.html.")
@voice_options
@click.pass_obj
def command(
    console: Console, /, run: Path, title: str | None, logo: Path | None, currency: str | None, replay: bool, out: Path | None, **_: Any
) -> int:
    """Write the report of a finished comparison again. No strategy is run.

    RUN is a folder that `influence-sim compare` wrote.
    """
    if currency is not None and not CURRENCY.fullmatch(currency):
        raise CommandError(f"--currency must be up to five letters or one sign, such as EUR or €; got `{currency}`", ExitCode.USAGE)
    if out is not None and (out.is_dir() or out.suffix not in (".html", ".htm")):
        raise CommandError(f"--out must name an .html file, got `{out}`", ExitCode.USAGE)
    picture = _picture(logo) if logo is not None else ""
    target = out or run / "report.html"
    if out is not None:
        writable(out.absolute().parent)
    from influence_sim.report.page import Extras, render
    from influence_sim.studies.finished import read_comparison

    comparison = read_comparison(run)
    played = _replay(console, comparison.scenario) if replay else ("", "")
    render(comparison, target, extras=Extras(title or "", picture, currency or "USD", *played))
    words = f"{comparison.answer}\n\nReport: {target} ({target.stat().st_size / 1000:,.0f} KB)"
    return console.done(words, {"answer": comparison.answer}, {"report.html": str(target)})


def _picture(file: Path) -> str:
    """Return a picture as `data:` address; as an image of a page, not even an SVG can run anything."""
    import base64

    body = file.read_bytes()
    kind = next((kind for begin, kind in PICTURES.items() if body.lstrip().startswith(begin)), None)
    if kind is None:
        raise CommandError(f"--logo must be a PNG, JPEG or SVG picture; `{file}` is none", ExitCode.USAGE)
    if len(body) > MOST_LOGO:
        raise CommandError(f"--logo may have up to 512 KB; `{file}` has {len(body) // 1024:,}", ExitCode.USAGE)
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def _replay(console: Console, scenario: Any) -> tuple[str, str]:
    """Return a page that plays one video in a small copy of the scenario's market, and its script as a policy names it."""
    from influence_sim.cli.progress import Progress
    from influence_sim.engine import warm_up
    from influence_sim.studio.recording import replay_of_market

    warm_up(announce=console.note)
    with Progress(console, shown=True) as progress:
        try:
            page = replay_of_market(scenario.market, lambda done, total: progress(done, total, {}))
        except ValueError as problem:
            raise CommandError(f"a small copy of this market cannot be played: {problem}", ExitCode.USAGE) from problem
    found = re.search(r"script-src ('sha256-[^']+')", page)
    assert found is not None  # every page with a script names it
    return page, found[1]

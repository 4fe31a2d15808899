"""`influence-sim replay`: one file that plays recorded worlds without a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options, writable
from influence_sim.cli.progress import Progress

LESSONS = ("follow", "tune", "parallel", "trust")  # as studio.lessons.NAMES, which is not loaded for help


@click.command(
    "replay",
    cls=Page,
    examples=(
        "influence-sim replay tune --out results/class.html",
        "influence-sim replay follow --out results/follow.html --quiet",
        "influence-sim replay parallel --out results/songs.html --json",
    ),
    writes="One HTML file, whole or not at all.",
    codes=(ExitCode.USAGE, ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED),
)
@click.argument("lesson", type=click.Choice(LESSONS))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The file to write, for instance class.html.")
@voice_options
@click.pass_obj
def command(console: Console, /, lesson: str, out: Path, **_: Any) -> int:
    """Write one HTML file that plays recorded worlds without a server, for a class: nothing to install, no network.

    LESSON: follow (one video), tune (the algorithm's knobs), parallel (eight worlds of songs) or trust (advertising).
    """
    if out.is_dir() or out.suffix not in (".html", ".htm"):
        raise CommandError(f"--out must name an .html file, got `{out}`", ExitCode.USAGE)
    writable(out.absolute().parent)
    from influence_sim.engine import warm_up
    from influence_sim.studio.lessons import lesson as read_lesson
    from influence_sim.studio.recording import replay

    warm_up(announce=console.note)
    with Progress(console, shown=True) as progress:
        page = replay(read_lesson(lesson), lambda done, total: progress(done, total, {}))
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_text(page, encoding="utf-8", newline="\n")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    size = out.stat().st_size
    words = f"{out}: {size / 1000:.0f} KB, plays from disk without network"
    return console.done(words, {"lesson": lesson, "bytes": size}, {"page": str(out)})

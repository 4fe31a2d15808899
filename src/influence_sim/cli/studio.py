"""`influence-sim studio`: live worlds in the browser, on this computer only."""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Any

import click

from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options

NEEDS = "pip install 'influence-sim[studio]'"


@click.command(
    "studio",
    cls=Page,
    examples=("influence-sim studio", "influence-sim studio --no-browser --port 8765", "influence-sim studio --quiet"),
    writes="DIR/ID for every question that a strategy page asks (the command's own results), DIR/jobs/ID beside it; lessons write nothing.",
    codes=(ExitCode.USAGE, ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED),
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port on this computer; a free one unless given.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page.")
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"), show_default=True, metavar="DIR",
    help="Folder whose results the runs page lists, and where strategy pages put theirs.",
)  # fmt: skip
@voice_options
@click.pass_obj
def command(console: Console, /, port: int, browser: bool, results: Path, **_: Any) -> int:
    """Open lessons with live worlds, and pages that compare, stress and allocate, in the browser of this computer.

    A page lists finished runs. All is served to this computer only (127.0.0.1), to whoever has the link with its token. Ctrl-C ends it.
    """
    try:
        import uvicorn
        import websockets  # noqa: F401  (what uvicorn needs for sockets)

        from influence_sim.studio.app import HOST, build_app
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("influence_sim"):
            raise
        raise CommandError(f"the studio needs the package `{missing.name}`: {NEEDS}", ExitCode.ENVIRONMENT) from missing
    from influence_sim.engine import warm_up
    from influence_sim.studio.messages import MOST_BYTES

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # whoever has the link may come before the server is up, and waits
    except OSError as problem:
        listener.close()
        raise CommandError(f"port {port} is in use: choose another with --port, or none for a free one", ExitCode.ENVIRONMENT) from problem
    warm_up(announce=console.note)
    token = secrets.token_urlsafe(18)
    link = f"http://{HOST}:{listener.getsockname()[1]}/?token={token}"
    print(link, flush=True)
    console.note("The studio is open on this computer only. Ctrl-C ends it.")
    if browser:
        threading.Timer(0.5, webbrowser.open, (link,)).start()
    config = uvicorn.Config(
        build_app(token, results), log_level="warning", ws="websockets-sansio", ws_max_size=MOST_BYTES, ws_ping_interval=20,
        timeout_graceful_shutdown=2, server_header=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])
    return int(ExitCode.DONE)

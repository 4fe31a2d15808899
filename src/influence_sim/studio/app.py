"""The server of the studio: this computer only, one token, no path from the browser, no other address."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from influence_sim.studio.lessons import MOST_PEOPLE
from influence_sim.studio.page import STATIC, studio_page
from influence_sim.studio.sessions import MOST_SESSIONS, TOO_MANY, Session

HOST = "127.0.0.1"
MOST_UPLOAD = 256 * 1024
MOST_BASES = 32
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Safe:
    """Add the headers of `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.lower().encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        await self.app(scope, receive, told if scope["type"] == "http" else send)


def build_app(token: str) -> Starlette:
    """Return the application; whoever has `token` may use it.

    The page and the upload want the token in the address, sockets want it too, and a request that names another
    host or comes from another origin is refused: so no other page in the browser can reach the studio.
    """
    bases: dict[str, dict[str, Any]] = {}
    sessions: set[Session] = set()

    def allowed(query: Any) -> bool:
        return secrets.compare_digest(str(query.get("token", "")).encode(), token.encode())

    async def page(request: Request) -> Response:
        if not allowed(request.query_params):
            return PlainTextResponse("This link has no valid token: use the one the terminal shows.\n", 403)
        return HTMLResponse(studio_page())

    async def upload(request: Request) -> Response:
        if not allowed(request.query_params) or not _from_here(request.headers):
            return PlainTextResponse("refused\n", 403)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_UPLOAD:
                return JSONResponse({"problems": [f"the file is larger than {MOST_UPLOAD // 1024} KB"]}, 413)
        base, name, problems = read_scenario(body)
        if base is None:
            return JSONResponse({"problems": problems}, 422)
        if len(bases) >= MOST_BASES:
            del bases[next(iter(bases))]
        key = secrets.token_hex(8)
        bases[key] = base
        return JSONResponse({"base": key, "name": name})

    async def socket(websocket: WebSocket) -> None:
        if not allowed(websocket.query_params) or not _from_here(websocket.headers):
            await websocket.close(4403)  # before it is accepted: the handshake is answered by 403
            return
        await websocket.accept()
        if len(sessions) >= MOST_SESSIONS:
            await websocket.close(TOO_MANY, f"{MOST_SESSIONS} pages are open already")
            return
        session = Session(websocket, bases)
        sessions.add(session)
        try:
            await session.run()
        finally:
            sessions.discard(session)

    application = Starlette(
        routes=[
            Route("/", page),
            Route("/scenario", upload, methods=["POST"]),
            WebSocketRoute("/ws", socket),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Safe), Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)],
    )
    application.state.sessions = sessions
    return application


def _from_here(headers: Any) -> bool:
    """Tell whether a request comes from the studio's own page; `Host` has been checked before."""
    origin = urlsplit(headers.get("origin", ""))
    return bool(origin.scheme == "http" and origin.netloc == headers.get("host", "?"))


def read_scenario(body: bytes) -> tuple[dict[str, Any] | None, str, list[str]]:
    """Return (market as groups of parameters, name, problems) of a scenario file that a page sent.

    The market is None where there are problems.

    The file stands by itself: it may not refer to other files, for a page must not make the studio read any.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from influence_sim.scenario.errors import ScenarioError, format_problems
    from influence_sim.scenario.loader import load_scenario

    try:
        told = YAML(typ="safe", pure=True).load(body.decode("utf-8"))
    except (UnicodeDecodeError, YAMLError, RecursionError, ValueError):
        told = None  # the loader says what is wrong, with its place
    if isinstance(told, dict):
        market = told.get("market")
        if "extends" in told or isinstance(market, str) or (isinstance(market, dict) and "extends" in market) or told.get("graph_file"):
            return None, "", ["the file refers to another file, which a page may not: write the resolved one with `influence-sim show`"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yaml"
        file.write_bytes(body)
        try:
            scenario = load_scenario(file).scenario
        except ScenarioError as error:
            return None, "", [format_problems([problem]).rsplit("\n", 1)[0].replace(f"{folder}/", "") for problem in error.problems[:20]]
    people = scenario.market.people.agents
    if people > MOST_PEOPLE:
        return None, "", [f"the studio draws up to {MOST_PEOPLE:,} people, the file asks for {people:,}: set market.people.agents"]
    return scenario.market.model_dump(mode="json"), scenario.name, []

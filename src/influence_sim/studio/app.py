"""The server of the studio: this computer only, one token, no path from the browser, no other address."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

from influence_sim.studio.jobs import Jobs
from influence_sim.studio.page import STATIC, studio_page
from influence_sim.studio.runs import Shelf
from influence_sim.studio.scenario_files import TOO_LARGE, read_scenario, received
from influence_sim.studio.sessions import MOST_SESSIONS, TOO_MANY, Session
from influence_sim.studio.strategy import Desk, Sources

HOST = "127.0.0.1"
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
    """Add the headers of `HEADERS` to every answer that has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                ours = [(name, value.encode()) for key, value in HEADERS.items() if (name := key.lower().encode()) not in own]
                message["headers"] = [*message["headers"], *ours]
            await send(message)

        await self.app(scope, receive, told if scope["type"] == "http" else send)


def build_app(token: str, results: Path = Path("results"), scenarios: Path = Path("scenarios")) -> Starlette:
    """Return the application; whoever has `token` may use it.

    Jobs are kept in `results`; pages may ask about the files of `scenarios`. Both are resolved now, for good.

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
        body = await received(request)
        if body is None:
            return JSONResponse({"problems": [TOO_LARGE]}, 413)
        base, name, problems = read_scenario(body)
        if base is None:
            return JSONResponse({"problems": problems}, 422)
        if len(bases) >= MOST_BASES:
            del bases[next(iter(bases))]
        key = secrets.token_hex(8)
        bases[key] = base
        return JSONResponse({"base": key, "name": name})

    def may(request: Request, post: bool) -> bool:
        return allowed(request.query_params) and (not post or _from_here(request.headers))

    jobs = Jobs(results)
    sources = Sources(scenarios, jobs)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        jobs.close()
        sources.close()

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

    return Starlette(
        routes=[
            Route("/", page),
            Route("/scenario", upload, methods=["POST"]),
            *Shelf(results, may).routes(),
            *Desk(jobs, sources, may).routes(),
            WebSocketRoute("/ws", socket),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Safe), Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)],
        lifespan=lifespan,
    )


def _from_here(headers: Any) -> bool:
    """Tell whether a request comes from the studio's own page; `Host` has been checked before."""
    origin = urlsplit(headers.get("origin", ""))
    return bool(origin.scheme == "http" and origin.netloc == headers.get("host", "?"))

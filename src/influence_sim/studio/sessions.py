"""One open page: requests in, pictures out. Worlds are stepped in threads, never in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from influence_sim.studio import messages
from influence_sim.studio.lessons import lesson
from influence_sim.studio.plays import PLAYS, Play

MOST_SESSIONS = 8
IDLE_SECONDS = 15 * 60
AHEAD = 2  # pictures sent and not yet drawn
TOO_MANY, IDLE = 4008, 4009  # close codes


class Session:
    """What one page plays. Everything happens in one task, one request after the other.

    Parameters
    ----------
    socket : WebSocket
        Accepted.
    bases : mapping
        Markets that pages have sent, by the name they were given back.
    """

    def __init__(self, socket: WebSocket, bases: dict[str, dict[str, Any]]) -> None:
        self.socket, self.bases = socket, bases
        self.play: Play | None = None
        self.playing, self.speed = False, 8.0
        self.ahead = 0
        self.version = 0
        self._waiting: asyncio.Queue[messages.Request] = asyncio.Queue()
        self._last = 0.0

    async def run(self) -> None:
        """Serve the page until it leaves or falls asleep."""
        listener = asyncio.create_task(self._listen())
        driver = asyncio.create_task(self._drive())
        try:
            await asyncio.wait({listener, driver}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.play is not None:
                self.play.stopped = True
            for task in (listener, driver):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                    await task
            if self.play is not None:
                self.play.close()

    async def _listen(self) -> None:
        while True:
            try:
                text = await asyncio.wait_for(self.socket.receive_text(), IDLE_SECONDS)
            except TimeoutError:
                await self.socket.close(IDLE, "asleep for a quarter of an hour")
                return
            except (WebSocketDisconnect, KeyError):
                return
            try:
                request = messages.read(text)
            except ValidationError as problem:
                first = problem.errors(include_url=False)[0]
                await self._say({"type": "error", "message": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"})
                continue
            if isinstance(request, messages.Simple) and request.type == "drawn":
                self.ahead = max(0, self.ahead - 1)
                self._waiting.put_nowait(request)  # wakes the driver
            else:
                if isinstance(request, messages.Open) and self.play is not None:
                    self.play.stopped = True  # a long job of the lesson before need not end
                self._waiting.put_nowait(request)

    async def _drive(self) -> None:
        while True:
            wait = None  # until a page asks
            if self.playing and self.ahead < AHEAD and self._waiting.empty():
                wait = self._last + 1.0 / self.speed - time.monotonic()
                if wait <= 0:
                    await self._round()
                    continue
            try:
                request = await asyncio.wait_for(self._waiting.get(), wait)
            except TimeoutError:
                continue
            try:
                await self._answer(request)
            except ValueError as problem:
                await self._say({"type": "error", "message": str(problem)})

    # --------------------------------------------------------------- answers

    async def _answer(self, request: messages.Request) -> None:
        if isinstance(request, messages.Open):
            await self._open(request)
        play = self.play
        if play is None:
            raise ValueError("no lesson is open")
        if isinstance(request, messages.Run):
            self.playing, self.speed = not play.over, request.speed
        elif isinstance(request, messages.Simple) and request.type == "pause":
            self.playing = False
            await self._frame()
        elif isinstance(request, messages.Simple) and request.type == "step":
            self.playing = False
            await self._round()
        elif isinstance(request, messages.TurnKnob):
            play.turn(request.world, request.settings)
            self.version = request.version
            if not self.playing:
                await self._frame()
        elif isinstance(request, messages.Ask):
            if request.type == "why":
                await self._say(await self._apart(lambda: play.why(request.world, request.person)))
            else:
                await self._say(await self._apart(lambda: play.phone(request.world, request.person, request.type == "hold")))
        elif isinstance(request, messages.Many):
            self.playing = False
            await self._frame()
            await self._many(play.luck(request.times) if request.type == "luck" else play.reveal(request.times))
        elif isinstance(request, messages.Take):
            text = play.scenario_text(request.world) if request.type == "scenario" else play.python(request.world)
            await self._say({"type": request.type, "world": request.world, "text": text})

    async def _open(self, request: messages.Open) -> None:
        if self.play is not None:
            self.play.close()
        self.play, self.playing, self.ahead, self.version = None, False, 0, 0
        chosen = lesson(request.lesson)
        if request.base is not None and request.base not in self.bases:
            raise ValueError("the scenario is not known any more: open the file again")
        base = None if request.base is None else self.bases[request.base]

        def begin() -> Play:
            play = PLAYS[chosen.name](chosen, request.setup, request.settings, base)
            for at in range(request.rounds):
                for turned in request.log:
                    if turned.round == at:
                        play.turn(turned.world, turned.settings)
                play.advance()
            return play

        self.play = await self._apart(begin)
        await self.socket.send_bytes(messages.pack(*await self._apart(self.play.scene)))
        await self._frame()

    async def _round(self) -> None:
        assert self.play is not None
        self._last = time.monotonic()
        await self._apart(self.play.advance)
        self.playing = self.playing and not self.play.over
        await self._frame(1000.0 * (time.monotonic() - self._last))

    async def _frame(self, took: float = 0.0) -> None:
        assert self.play is not None
        header, columns = await self._apart(self.play.frame)
        self.ahead += 1
        await self.socket.send_bytes(messages.pack({**header, "playing": self.playing, "version": self.version, "took": took}, columns))

    async def _many(self, results: Iterator[dict[str, Any]]) -> None:
        while (result := await self._apart(lambda: next(results, None))) is not None:
            await self._say(result)

    async def _apart(self, work: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(work)

    async def _say(self, message: dict[str, Any]) -> None:
        await self.socket.send_text(json.dumps(messages.finite(message), separators=(",", ":"), allow_nan=False))


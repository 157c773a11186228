"""One open WebSocket: four loops that move messages, and one way to end them all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import ReplyFinished, ReplyStarted
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import SottovoceError
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent
from sottovoce.realtime.outbox import Outbox, OutboxFull
from sottovoce.realtime.pacing import LEAD, Pacer
from sottovoce.realtime.protocol import RealtimeProtocol

logger = logging.getLogger(__name__)

POLL = 0.005
"""Seconds between looks at the playout while a reply is awaited: added to the time to first sound."""
CLOSE_DEADLINE = 1.0
"""Seconds for the last messages and the close frame to leave; a client that does not read gets no more."""


class WebSocketStream:
    """Audio out is paced in real time with a lead, so that an interruption finds little to drop."""

    def __init__(self, websocket: WebSocket, session: SessionPort, protocol: RealtimeProtocol) -> None:
        self._websocket = websocket
        self._session = session
        self._protocol = protocol
        self._connection = Connection(session, protocol)
        self._outbox = Outbox()
        self._pacer = Pacer()
        self._responding = asyncio.Event()
        self._restarted = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._ending: Close | None = None
        self._is_gone = False

    async def run(self) -> int:
        """Converse until one side has enough; returns the close code. Nothing of it is left running."""
        self._session.playout.output_delay = LEAD
        self._tell(self._protocol.opened())
        with self._scope:
            async with anyio.create_task_group() as group:
                for loop in (self._receive, self._attend, self._play, self._send):
                    group.start_soon(self._guarded, loop)
        return await self._close()

    def end(self, ending: Close) -> None:
        """End the connection; the first ending counts."""
        self._ending = self._ending or ending
        self._scope.cancel()

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                self._is_gone = True
                return self.end(Close(message.get("code") or 1005, "The client has gone."))
            self._tell(self._connection.receive(message.get("text") or message.get("bytes") or b""))

    async def _attend(self) -> None:
        """Tell the client what the session tells."""
        async for event in self._session.events():
            self._tell(self._connection.apply(event))
            if isinstance(event, ReplyFinished) and event.status == "cancelled":
                self._pacer.reset()
            if isinstance(event, ReplyStarted):
                self._restarted.set()
            if self._protocol.is_responding:
                self._responding.set()
            else:
                self._responding.clear()
        self.end(Close(1001, "The session has ended."))

    async def _play(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._responding.wait()
            due = self._pacer.due(clock())
            frames = self._pull(due)
            self._pacer.sent(len(frames))
            self._tell(self._protocol.audio(frames))
            await self._rest(self._pacer.wait(clock()) if due and len(frames) == due else POLL)

    async def _rest(self, delay: float) -> None:
        """Wait, but not when another reply begins: its first sound must not wait for the last one's pace."""
        self._restarted.clear()
        with anyio.move_on_after(delay):
            await self._restarted.wait()

    def _pull(self, due: int) -> list[PlayoutFrame]:
        frames: list[PlayoutFrame] = []
        while len(frames) < due and (frame := self._session.playout.pull()) is not None:
            frames.append(frame)
        return frames

    async def _send(self) -> None:
        while True:
            await self._websocket.send_text(await self._outbox.get())

    def _tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        for answer in answers:
            if isinstance(answer, Close):
                self.end(answer)
            else:
                self._outbox.put(answer.to_json())

    async def _guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        """The boundary: a fault in a loop ends this connection, with its reason, and nobody else's."""
        try:
            await loop()
        except OutboxFull:
            self.end(Close(1013, "The client reads too slowly."))
        except WebSocketDisconnect:
            self._is_gone = True
            self.end(Close(1006, "The client has gone."))
        except Exception:
            logger.exception("session %s failed", self._session.id)
            self._apologise()
            self.end(Close(1011, "The server met an unexpected error."))

    def _apologise(self) -> None:
        error = SottovoceError("The server met an unexpected error; its log has the details.")
        try:
            self._outbox.put(ErrorEvent.of(error).to_json())
        except OutboxFull:
            logger.info("the client reads too slowly to be told")

    async def _close(self) -> int:
        ending = self._ending or Close(1011, "The connection ended without a reason.")
        if not self._is_gone:
            with anyio.move_on_after(CLOSE_DEADLINE):
                async with anyio.create_task_group() as group:
                    group.start_soon(self._hear_out)
                    await self._say_goodbye(ending)
        return ending.code

    async def _say_goodbye(self, ending: Close) -> None:
        try:
            while self._outbox.used_bytes and ending.code != 1013:
                await self._websocket.send_text(await self._outbox.get())
            await self._websocket.close(ending.code, ending.reason)
        except WebSocketDisconnect:
            logger.debug("the client went while it was told goodbye")

    async def _hear_out(self) -> None:
        """Read until the client closes too: a server whose messages nobody takes keeps the socket open."""
        while (await self._websocket.receive())["type"] != "websocket.disconnect":
            logger.debug("a message after the end was dropped")

"""One open WebSocket: what arrives is handed on, what waits is sent, and there is one way to end it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from sottovoce.errors import SottovoceError
from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent
from sottovoce.realtime.outbox import Outbox, OutboxFull

logger = logging.getLogger(__name__)

Received: TypeAlias = Callable[[str | bytes], Awaitable[None] | None]
Loop: TypeAlias = Callable[[], Awaitable[None]]

CLOSE_DEADLINE = 1.0
"""Seconds for the last messages and the close frame to leave; a client that does not read gets no more."""


class Line:
    """`name` says in the log whose it is."""

    def __init__(self, websocket: WebSocket, name: str) -> None:
        self._websocket = websocket
        self._name = name
        self._outbox = Outbox()
        self._scope = anyio.CancelScope()
        self._ending: Close | None = None
        self._is_gone = False

    async def run(self, received: Received, *loops: Loop) -> int:
        """Converse until one side has enough; returns the close code. Nothing of it is left running.

        `received` takes each message, one after the other; `loops` run beside, and end with the
        connection. A fault in any of them ends this connection, with its reason, and nobody else's.
        """

        async def receive() -> None:
            await self._receive(received)

        with self._scope:
            async with anyio.create_task_group() as group:
                for loop in (receive, *loops, self._send):
                    group.start_soon(self._guarded, loop)
        return await self._close()

    def tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        """Send these as soon as may be. A client that reads too slowly is cut off; nobody waits for it."""
        for answer in answers:
            if self._ending is not None:
                return
            if isinstance(answer, Close):
                self.end(answer)
            else:
                self._put(answer)

    def end(self, ending: Close) -> None:
        """End the connection; the first ending counts."""
        self._ending = self._ending or ending
        self._scope.cancel()

    def _put(self, event: ServerEvent) -> None:
        try:
            self._outbox.put(event.to_json())
        except OutboxFull:
            self.end(Close(1013, "The client reads too slowly."))

    async def _receive(self, received: Received) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                self._is_gone = True
                return self.end(Close(message.get("code") or 1005, "The client has gone."))
            handling = received(message.get("text") or message.get("bytes") or b"")
            if handling is not None:
                await handling

    async def _send(self) -> None:
        while True:
            await self._websocket.send_text(await self._outbox.get())

    async def _guarded(self, loop: Loop) -> None:
        try:
            await loop()
        except WebSocketDisconnect:
            self._is_gone = True
            self.end(Close(1006, "The client has gone."))
        except Exception:
            logger.exception("%s failed", self._name)
            error = SottovoceError("The server met an unexpected error; its log has the details.")
            self.tell([ErrorEvent.of(error), Close(1011, "The server met an unexpected error.")])

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

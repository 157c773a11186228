"""One client's signalling, handed to the LiveKit server and back; both connections end together."""

from __future__ import annotations

import asyncio
import logging

import anyio
from starlette.types import Message, Receive, Send
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from sottovoce.realtime.commands import Close

logger = logging.getLogger(__name__)

MAX_SIGNAL_BYTES = 1 << 20
"""Of one message, either way: an offer with the tracks of a full room has some hundred KiB."""

READ_PATIENCE = 10.0
"""Seconds that either side may leave a message unread: LiveKit gives up those who are silent for 15 s."""

CLOSE_PATIENCE = 1.0
"""Seconds for each side to hear of the end."""

UNSENDABLE = (CloseCode.NO_STATUS_RCVD, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE)
"""Codes that say how a connection ended without one."""


class RelayedSignal:
    """One connection of a client and the one of ours that stands for it; both end together."""

    def __init__(self, upstream: ClientConnection, receive: Receive, send: Send) -> None:
        self._upstream = upstream
        self._receive = receive
        self._send = send
        self._scope = anyio.CancelScope()
        self._ending: Close | None = None
        self._is_gone = False

    async def run(self) -> None:
        """Until one side has enough; the other has been told when this returns."""
        with self._scope:
            async with anyio.create_task_group() as group:
                group.start_soon(self._to_server)
                group.start_soon(self._to_client)
        ending = self._ending or Close(1011, "The connection ended without a reason.")
        async with anyio.create_task_group() as group:
            group.start_soon(self._hang_up, ending)
            if not self._is_gone:
                group.start_soon(self._say_goodbye, ending)

    def end(self, ending: Close) -> None:
        """End both; the first ending counts."""
        self._ending = self._ending or ending
        self._scope.cancel()

    async def _to_server(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._is_gone = True
                return self.end(Close(_sendable(message.get("code") or 1005), "The client has gone."))
            content = message.get("bytes")
            content = message.get("text") or "" if content is None else content
            if len(content) > MAX_SIGNAL_BYTES:
                return self.end(Close(1009, f"A message may have {MAX_SIGNAL_BYTES} bytes."))
            try:
                async with asyncio.timeout(READ_PATIENCE):
                    await self._upstream.send(content)
            except ConnectionClosed as closed:
                return self.end(_closing(closed))
            except TimeoutError:
                return self.end(Close(1012, "LiveKit does not answer."))

    async def _to_client(self) -> None:
        while True:
            try:
                content = await self._upstream.recv()
                async with asyncio.timeout(READ_PATIENCE):
                    await self._send(_message(content))
            except ConnectionClosed as closed:
                return self.end(_closing(closed))
            except TimeoutError:
                return self.end(Close(1013, "The client reads too slowly."))

    async def _hang_up(self, ending: Close) -> None:
        with anyio.move_on_after(CLOSE_PATIENCE):  # it may wait for ever for somebody who does not read
            await self._upstream.close(ending.code, ending.reason)

    async def _say_goodbye(self, ending: Close) -> None:
        """And read until the client closes too: messages that nobody takes keep the socket open."""
        with anyio.move_on_after(CLOSE_PATIENCE):
            async with anyio.create_task_group() as group:
                group.start_soon(self._hear_out)
                await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})

    async def _hear_out(self) -> None:
        while (await self._receive())["type"] != "websocket.disconnect":
            logger.debug("a message after the end was dropped")


def _closing(closed: ConnectionClosed) -> Close:
    """What LiveKit said in closing, or what our own side found wrong with it."""
    said = closed.rcvd or closed.sent
    return Close(1012, "LiveKit was lost.") if said is None else Close(_sendable(said.code), said.reason)


def _sendable(code: int) -> int:
    return 1000 if code in UNSENDABLE else code


def _message(content: str | bytes) -> Message:
    kind = "text" if isinstance(content, str) else "bytes"
    return {"type": "websocket.send", kind: content}

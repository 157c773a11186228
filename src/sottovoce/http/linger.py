"""Answers that come before the request's body has: the rest of it is read and dropped for a moment.

A server that answers and closes while its client is still sending resets the connection, and the client
sees that in place of the 401 or 413 that it was sent (the "lingering close" of nginx and Apache). Hypercorn
besides never closes a connection whose queue of body parts is full when its application ends: somebody has
to go on reading until it says "http.disconnect".
"""

from __future__ import annotations

import asyncio
import math

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER = 5.0
"""Seconds that a refused sender is listened to after its answer."""

LINGER_BYTES = 256 << 20
"""How much more of its body is thrown away at most; a moment's work."""


class Linger:
    """ASGI middleware: holds an answer's end back until the request has come to its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._closing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        request = _Request(receive)

        async def send_before_end(message: Message) -> None:
            is_end = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not is_end or request.is_over.is_set():
                await send(message)
                return
            await send({**message, "more_body": True})
            await request.drop_rest()
            self._close(request)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        try:
            await self.app(scope, request.receive, send_before_end)
        finally:
            self._close(request)

    def _close(self, request: _Request) -> None:
        """See the connection to its end, after the application's."""
        if not request.is_over.is_set():
            closing = asyncio.create_task(request.read_on())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


class _Request:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._dropped_bytes = 0
        self.is_over = asyncio.Event()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.is_over.set()
        return message

    async def drop_rest(self) -> None:
        """Until the body is over, whoever reads its last part, or a limit is reached."""
        if self.is_over.is_set():
            return
        reading = asyncio.create_task(self.read_on(LINGER_BYTES))
        is_over = asyncio.create_task(self.is_over.wait())
        try:
            await asyncio.wait((reading, is_over), timeout=LINGER, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            is_over.cancel()
            await asyncio.gather(reading, is_over, return_exceptions=True)

    async def read_on(self, limit_bytes: float = math.inf) -> None:
        """To the end of the body or of the connection."""
        while not self.is_over.is_set() and self._dropped_bytes <= limit_bytes:
            self._dropped_bytes += len((await self.receive()).get("body", b""))


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

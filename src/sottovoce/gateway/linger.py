"""Answers that come before the request's body has: the rest of it is read and dropped for a moment.

A server that answers and closes while its client is still sending resets the connection, and the client
sees that in place of the 401 or 413 that it was sent (the "lingering close" of nginx and Apache).
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER = 2.0
"""Seconds that a refused sender is listened to after its answer."""

LINGER_BYTES = 32 * 1024 * 1024
"""How much of its body is thrown away at most."""


class Linger:
    """ASGI middleware: holds an answer's end back until the request has come to its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        request = _Request(receive)

        async def send_before_end(message: Message) -> None:
            is_end = message["type"] == "http.response.body" and not message.get("more_body", False)
            if is_end and not request.is_over.is_set():
                await send({**message, "more_body": True})
                await request.drop_rest()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self.app(scope, request.receive, send_before_end)


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
        reading = asyncio.create_task(self._read_all())
        is_over = asyncio.create_task(self.is_over.wait())
        try:
            await asyncio.wait((reading, is_over), timeout=LINGER, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            is_over.cancel()
            await asyncio.gather(reading, is_over, return_exceptions=True)

    async def _read_all(self) -> None:
        while not self.is_over.is_set() and self._dropped_bytes <= LINGER_BYTES:
            self._dropped_bytes += len((await self.receive()).get("body", b""))


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

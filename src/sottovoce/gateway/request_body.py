"""A request's body on its way to an engine, bounded in bytes and time, and the news that its sender left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Message, Receive

from sottovoce.errors import InvalidRequestError, TooLargeError


class ClientGoneError(Exception):
    """The client left while its body was being read; there is nobody to tell."""


class RequestBody:
    """`chunks` is read once, by whoever passes the body on, while `disconnected` is awaited beside it."""

    def __init__(self, receive: Receive, limit_bytes: int, deadline: float) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._deadline = deadline
        self._is_over = asyncio.Event()
        self._is_gone = False

    def refuse_announced(self, content_length: str | None) -> None:
        """Raises `TooLargeError` before anything is read, where the sender says how much will come."""
        if content_length is not None and int(content_length) > self._limit_bytes:
            raise self._too_large()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises `TooLargeError`, `InvalidRequestError` past the deadline, `ClientGoneError`."""
        received_bytes, ends_at = 0, asyncio.get_running_loop().time() + self._deadline
        try:
            while True:
                message = await self._next(ends_at)
                chunk = message.get("body", b"")
                received_bytes += len(chunk)
                if received_bytes > self._limit_bytes:
                    raise self._too_large()
                if chunk:
                    yield chunk
                if not message.get("more_body", False):
                    return
        finally:
            self._is_over.set()

    async def disconnected(self) -> None:
        """Returns when the client has gone away; reads no message that `chunks` is waiting for."""
        await self._is_over.wait()
        while not self._is_gone:
            self._is_gone = (await self._receive())["type"] == "http.disconnect"

    async def _next(self, ends_at: float) -> Message:
        try:
            async with asyncio.timeout_at(ends_at):
                message = await self._receive()
        except TimeoutError:
            raise InvalidRequestError(f"The body did not arrive within {self._deadline:.0f} s.") from None
        if message["type"] == "http.disconnect":
            self._is_gone = True
            raise ClientGoneError
        return message

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"The body is larger than the limit of {self._limit_bytes} bytes.")

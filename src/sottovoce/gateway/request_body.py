"""A request's body on its way to an engine, bounded in bytes and time, and the news that its sender left."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from starlette.types import Message, Receive

from sottovoce.errors import InvalidRequestError, SottovoceError, TooLargeError

MIN_BYTES_PER_SECOND = 16 << 10
"""What a sender has to keep up, once its first moments are over: cuts those that drip, spares slow links."""

AHEAD_BYTES = 256 << 10
"""Of a body whose request still waits for its place: a short recording is whole by then."""


class ClientGoneError(Exception):
    """The client left while its body was being read; there is nobody to tell."""


class RequestBody:
    """`chunks` or `read` is used once, by whoever passes the body on; `disconnected` is awaited beside it.
    Before that `read_ahead` may be awaited, and cancelled.

    `grace` are the seconds that a sender may take however little it sends. `fault` is what ended `chunks`,
    for those who iterate over it through a library that wraps errors in its own. `setting` is the name of the
    one that `limit_bytes` comes from, if any.
    """

    def __init__(self, receive: Receive, limit_bytes: int, grace: float, setting: str = "") -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._setting = f" ({setting})" if setting else ""
        self._grace = grace
        self._received_bytes = 0
        self._waited = 0.0
        self._is_over = asyncio.Event()
        self._ahead: deque[Message] = deque()
        self.is_gone = False
        self.fault: SottovoceError | ClientGoneError | None = None

    def refuse_announced(self, content_length: str | None) -> None:
        """Raises `TooLargeError` before anything is read, where the sender says how much will come."""
        if content_length is not None and int(content_length) > self._limit_bytes:
            raise self._too_large()

    async def read_ahead(self) -> None:
        """Keep the beginning, for `chunks` to start with; returns when the client has gone away.

        Where more than AHEAD_BYTES come nothing is read after them, and so no leaving is noticed.
        """
        while sum(len(message.get("body", b"")) for message in self._ahead) < AHEAD_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.is_gone = True
                return
            self._ahead.append(message)
        await asyncio.get_running_loop().create_future()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises `TooLargeError`, `InvalidRequestError` for a sender that drips, `ClientGoneError`."""
        try:
            async for chunk in self._bounded():
                yield chunk
        except (SottovoceError, ClientGoneError) as error:
            self.fault = error
            raise
        finally:
            self._is_over.set()

    async def read(self) -> bytes:
        """The whole body; raises like `chunks`."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def disconnected(self) -> None:
        """Returns when the client has gone away; reads no message that `chunks` is waiting for."""
        await self._is_over.wait()
        while not self.is_gone:
            self.is_gone = (await self._receive())["type"] == "http.disconnect"

    async def _bounded(self) -> AsyncIterator[bytes]:
        is_over = False
        while not is_over:
            message = await self._next()
            chunk = message.get("body", b"")
            is_over = not message.get("more_body", False)
            self._received_bytes += len(chunk)
            if self._received_bytes > self._limit_bytes:
                raise self._too_large()
            if chunk:
                yield chunk

    async def _next(self) -> Message:
        """Time counts while the sender is waited for, not while the engine is."""
        if self._ahead:
            return self._ahead.popleft()
        clock = asyncio.get_running_loop().time
        asked = clock()
        try:
            async with asyncio.timeout(self._patience()):
                message = await self._receive()
        except TimeoutError:
            seconds = f"{self._patience_total():.0f} s"
            raise InvalidRequestError(
                f"The body did not arrive in time: {self._received_bytes} bytes in {seconds}."
            ) from None
        self._waited += clock() - asked
        if message["type"] == "http.disconnect":
            self.is_gone = True
            raise ClientGoneError
        return message

    def _patience_total(self) -> float:
        return self._grace + self._received_bytes / MIN_BYTES_PER_SECOND

    def _patience(self) -> float:
        return max(0.0, self._patience_total() - self._waited)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The body is larger than the limit of {self._limit_bytes} bytes{self._setting}."
        )

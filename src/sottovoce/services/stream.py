"""A streamed reply that stops its work when the client goes, and never passes off a part as the whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

SEND_DEADLINE = 60.0
"""Seconds a client may leave a chunk unread: frees the engine of one that stays but stopped reading."""


class StreamedReply(Response):
    """Sends `chunks` as they come.

    What `chunks` raises before the first one is raised, and so becomes an HTTP error. What it raises later
    breaks the connection off without the closing chunk, which every client sees as a failure. When the client
    goes `chunks` is cancelled at once.
    """

    def __init__(
        self, chunks: AsyncGenerator[bytes], media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.body = b""
        self.chunks = chunks
        self.init_headers({"cache-control": "no-store", **(headers or {})})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()  # nothing happens to one that is done
            await asyncio.wait({sending, leaving})
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        async with aclosing(self.chunks) as chunks:
            first = await anext(chunks, b"")
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                await _send_chunk(send, first)
                async for chunk in chunks:
                    await _send_chunk(send, chunk)
            except Exception:
                logger.exception("a reply was broken off")
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_chunk(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(SEND_DEADLINE):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

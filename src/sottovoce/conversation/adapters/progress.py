"""Notices that something of an answer arrives, though it says nothing yet.

A language model that reads a long prompt sends comments meanwhile (`: ping`), which every reader of event
streams drops. They are seen where bytes are: in the transport, by whoever set `NOTICE` around the request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

import httpcore2  # noqa: F401  httpx2 would load it with the first request, while somebody waits
import httpx2
import openai

NOTICE: ContextVar[Callable[[], None] | None] = ContextVar("notice", default=None)
"""Called for each piece of a response's body, in the context that sends the request."""


class _Noticed(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, notice: Callable[[], None]) -> None:
        self._stream = stream
        self._notice = notice

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            if chunk:
                self._notice()
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _NoticingTransport(httpx2.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        notice = NOTICE.get()
        if notice is not None and response.is_success:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _Noticed(response.stream, notice)
        return response


def noticing_client(connections: int, keep_alive: float, *, verify: bool) -> httpx2.AsyncClient:
    """For openai's client: a pool of its own that tells `NOTICE`, and goes nowhere but where it is told."""
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=keep_alive
    )
    transport = _NoticingTransport(verify=verify, limits=limits, trust_env=False)
    return openai.DefaultAsyncHttpxClient(transport=transport, trust_env=False, follow_redirects=False)

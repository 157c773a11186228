"""Hands a request on to an engine service and its answer back, streaming both ways."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import httpx
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.errors import (
    EngineError,
    EngineTimeout,
    EngineUnavailable,
)
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.request_body import ClientGoneError, RequestBody

logger = logging.getLogger(__name__)

REQUEST_HEADERS = ("content-type", "content-length", "content-encoding", "accept", "x-request-id")
"""What an engine may see of the client: neither its key and cookies nor where it came from."""

RESPONSE_HEADERS = (
    "content-type",
    "content-length",
    "content-encoding",
    "content-disposition",
    "retry-after",
)
RESPONSE_HEADER_PREFIXES = ("x-request-id", "openai-", "x-ratelimit-")

ENGINE_TIMEOUT = httpx.Timeout(connect=5.0, read=120.0, write=30.0, pool=10.0)
"""Seconds; `read` is the longest silence of an engine, long enough for a cold prompt on a CPU."""

MAX_ENGINE_CONNECTIONS = 64
"""Descriptors; sessions have connections of their own."""


def engine_client() -> httpx.AsyncClient:
    """One pool of keep-alive connections to all engines; proxies of the environment are not used."""
    limits = httpx.Limits(max_connections=MAX_ENGINE_CONNECTIONS, keepalive_expiry=30.0)
    return httpx.AsyncClient(timeout=ENGINE_TIMEOUT, limits=limits, trust_env=False, follow_redirects=False)


class Passthrough:
    """An ASGI endpoint; everything in flight ends within moments when the client goes away."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        engines: EngineDirectory,
        kind: EngineKind,
        path: str,
        *,
        limit_bytes: int,
        deadline: float,
    ) -> None:
        self.client = client
        self.engines = engines
        self.kind = kind
        self.path = path
        self.limit_bytes = limit_bytes
        self.deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(receive, self.limit_bytes, self.deadline)
        body.refuse_announced(Request(scope).headers.get("content-length"))
        answer = asyncio.create_task(self._answer(scope, body, send))
        leaving = asyncio.create_task(body.disconnected())
        try:
            await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                with contextlib.suppress(ClientGoneError):
                    await answer
        finally:
            leaving.cancel()
            answer.cancel()
            await asyncio.gather(answer, leaving, return_exceptions=True)

    async def _answer(self, scope: Scope, body: RequestBody, send: Send) -> None:
        endpoint = self.engines.endpoint(self.kind)
        request = self._request(Request(scope), endpoint, body)
        try:
            reply = await self.client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise engine_error(self.kind, error) from error
        try:
            await self._hand_back(reply, scope, send)
        finally:
            await reply.aclose()

    def _request(self, given: Request, endpoint: EngineEndpoint, body: RequestBody) -> httpx.Request:
        headers = {name: given.headers[name] for name in REQUEST_HEADERS if name in given.headers}
        headers["accept-encoding"] = "identity"
        headers |= endpoint.headers
        url = endpoint.url.rstrip("/") + self.path
        return self.client.build_request(given.method, url, headers=headers, content=body.chunks())

    async def _hand_back(self, reply: httpx.Response, scope: Scope, send: Send) -> None:
        if reply.status_code in (401, 403):
            # passed on, it would read as if the client's own key were wrong
            raise EngineUnavailable(
                f"The {self.kind} engine refused this server's key. "
                f"Check SOTTOVOCE_{self.kind.upper()}_API_KEY.",
                engine=self.kind,
            )
        headers = [(name, value) for name, value in reply.headers.raw if _is_passed_back(name)]
        await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
        try:
            async for chunk in reply.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx.HTTPError as error:
            # too late for a status: an answer that lacks its last chunk tells the client that it was cut
            logger.warning("the %s engine's answer was cut: %s", self.kind, type(error).__name__)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_passed_back(name: bytes) -> bool:
    lower = name.decode("latin-1").lower()
    return lower in RESPONSE_HEADERS or lower.startswith(RESPONSE_HEADER_PREFIXES)


def engine_error(kind: EngineKind, error: httpx.HTTPError) -> EngineError:
    """The failure of a call to an engine, for people."""
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return EngineTimeout(f"The {kind} engine did not answer in time.", engine=kind)
    return EngineUnavailable(
        f"The {kind} engine cannot be reached ({type(error).__name__}). It may be starting; "
        "try again in a moment.",
        engine=kind,
    )

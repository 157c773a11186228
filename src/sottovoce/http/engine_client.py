"""Requests to the engines for clients: one pool, bounded, and closed when nobody listens any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable

MAX_ENGINE_CONNECTIONS = 100
"""Descriptors; more than the places of all routes together, and sessions have connections of their own."""

CONNECT_PATIENCE = 5.0
"""Seconds for an engine to take a connection; one that restarts keeps its socket and so takes it at once."""

IDLE_CONNECTION = 4.0
"""Seconds that an unused connection is kept: less than the five after which common servers close theirs,
or a request could be sent into a connection that is just being closed."""

READ_BUFFER_BYTES = 256 << 10
"""Of an answer, kept for a client that reads slowly; an engine that is faster has to wait."""


class EngineClient:
    """Asks engines on behalf of clients. Proxies of the environment are not used, cookies are not kept."""

    def __init__(self) -> None:
        self._opened: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def ask(
        self,
        endpoint: EngineEndpoint,
        method: str,
        path: str,
        *,
        patience: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The reply, its body still to come. Leaving early closes the connection: the engine's work ends.

        `path` begins behind `/v1` and holds the query string, if any. `patience` is the longest silence of
        the engine in seconds, once it has the whole request. Raises `EngineUnavailable`, `EngineTimeout`,
        while the body is read as well.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_PATIENCE, sock_read=patience)
        try:
            async with self._session().request(
                method,
                URL(endpoint.url.rstrip("/") + path, encoded=True),
                headers={**(headers or {}), **endpoint.headers, "accept-encoding": "identity"},
                data=content,
                timeout=timeout,
                allow_redirects=False,
            ) as reply:
                yield reply
        except (aiohttp.ClientError, TimeoutError) as error:
            raise engine_error(endpoint.kind, error) from error

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> aiohttp.ClientSession:
        """Opened when first needed: it belongs to the event loop that runs then."""
        if self._opened is None:
            self._opened = plain_session(MAX_ENGINE_CONNECTIONS)
        return self._opened


def plain_session(connections: int) -> aiohttp.ClientSession:
    """One that adds nothing of its own to what it is given, for so many connections at a time."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_CONNECTION),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER_BYTES,
        skip_auto_headers=("accept", "content-type", "user-agent"),
    )


def engine_error(kind: EngineKind, error: Exception) -> EngineError:
    """The failure of a call to an engine, for people."""
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return EngineTimeout(f"The {kind} engine did not answer in time.", engine=kind)
    return EngineUnavailable(
        f"The {kind} engine cannot be reached ({type(error).__name__}). It may be starting; "
        "try again in a moment.",
        engine=kind,
    )


async def read_up_to(reply: aiohttp.ClientResponse, limit_bytes: int) -> bytes | None:
    """The whole body, or None where it is longer than `limit_bytes`. Raises what `EngineClient.ask` turns."""
    body = b""
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            return None
    return body

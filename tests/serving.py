"""An ASGI app on a real loopback socket, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from sottovoce.http.server import ServerLimits, listen, serve


@asynccontextmanager
async def served(
    app: ASGIApp,
    stopping: Callable[[], Awaitable[None]] | None = None,
    *,
    graceful_timeout: float = 1.0,
    tls: ssl.SSLContext | None = None,
    tls_handshake_timeout: float = 10.0,
    websocket_message_bytes: int = ServerLimits().websocket_message_bytes,
) -> AsyncIterator[str]:
    """The base URL of `app` under the real server; `stopping` runs before that is told to stop."""
    sock, stop = listen("127.0.0.1", 0), asyncio.Event()
    url = f"{'https' if tls else 'http'}://127.0.0.1:{sock.getsockname()[1]}"

    async def until() -> None:
        await stop.wait()

    limits = ServerLimits(
        graceful_timeout=graceful_timeout,
        tls_handshake_timeout=tls_handshake_timeout,
        websocket_message_bytes=websocket_message_bytes,
    )
    serving = asyncio.create_task(serve(app, sock, until=until, limits=limits, tls=tls))
    try:
        yield url
    finally:
        if stopping is not None:
            await stopping()
        stop.set()
        await serving

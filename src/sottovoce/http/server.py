"""Run an ASGI app under Hypercorn, chosen because it closes half-open requests and caps headers by itself."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from starlette.types import ASGIApp

from sottovoce.errors import ConfigError
from sottovoce.http.linger import Linger

MAX_HEADER_BYTES = 32 * 1024
"""Request line and headers together; more is refused before the app sees the request."""

LISTEN_BACKLOG = 128

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 20_000}
"""A peer that vanished without a word is given up after 20 s, so that it holds no session's place.

Seconds, but for the last: milliseconds. Connections inherit them from the listening socket.
"""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of one server, in seconds and bytes."""

    keep_alive_timeout: float = 20.0
    """Also the time a client has to finish its headers."""
    websocket_message_bytes: int = 1 << 20
    """A larger message closes the WebSocket with 1009; 1 MiB holds 16 s of base64 PCM16 at 24 kHz."""
    graceful_timeout: float = 3.0
    """How long open requests may go on after the stop was asked for."""
    tls_handshake_timeout: float = 10.0
    """The time a client has to agree on encryption; one that does not holds no connection."""


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one. Raises `ConfigError` naming what is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # not every system has them all
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    try:
        sock.bind((host, port))
        sock.listen(LISTEN_BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "Stop what uses the port or choose another (SOTTOVOCE_PORT, --port).",
            param="port",
        ) from error
    return sock


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    until: Callable[[], Awaitable[None]],
    limits: ServerLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve `app` on the listening `sock` (taken over and closed) until `until()` returns."""
    config = _config(limits or ServerLimits(), tls)
    config.bind = [f"fd://{sock.detach()}"]
    trigger = asyncio.ensure_future(until())

    async def stop() -> None:
        await trigger

    try:
        await hypercorn_serve(Linger(app), config, shutdown_trigger=stop)  # type: ignore[arg-type]
    finally:
        trigger.cancel()


class _TlsConfig(Config):
    """Hypercorn reads certificates from files itself; ours are loaded, checked and renewed elsewhere."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls

    @property
    def ssl_enabled(self) -> bool:
        return self._tls is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self._tls


def _config(limits: ServerLimits, tls: ssl.SSLContext | None) -> Config:
    config = _TlsConfig(tls)
    config.ssl_handshake_timeout = limits.tls_handshake_timeout
    config.backlog = LISTEN_BACKLOG
    config.h11_max_incomplete_size = MAX_HEADER_BYTES
    config.keep_alive_timeout = limits.keep_alive_timeout
    config.graceful_timeout = limits.graceful_timeout
    config.websocket_max_message_size = limits.websocket_message_bytes
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)  # where it listens is told by those who started it
    return config

"""How clients see this server, as far as a proxy in front of it may say so for them."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def is_by_tls(connection: HTTPConnection, *, is_behind_proxy: bool) -> bool:
    """Whether the client came by TLS; only a proxy that the owner named may say so for it."""
    told = connection.headers.get("x-forwarded-proto", "").lower() if is_behind_proxy else ""
    return "https" in (told, connection.url.scheme) or connection.url.scheme == "wss"


def own_websocket_url(connection: HTTPConnection, *, is_behind_proxy: bool) -> str:
    """This server's address for WebSockets, by the name that the client used and the guard has checked."""
    scheme = "wss" if is_by_tls(connection, is_behind_proxy=is_behind_proxy) else "ws"
    return f"{scheme}://{connection.headers['host']}"

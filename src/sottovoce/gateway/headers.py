"""Security headers on every response, and how long each kind of response may be kept."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICIES = (
    "default-src 'self'",
    # Radix sets scroll locks and popper positions through style elements and attributes
    "style-src 'self' 'unsafe-inline'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",  # signing in
    "frame-ancestors 'none'",
)

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

HASHED_ASSETS = "/assets/"
"""Where the page's build puts files whose names carry a hash of their content."""

IMMUTABLE = "public, max-age=31536000, immutable"


class SecurityHeaders:
    """ASGI middleware; refused WebSocket handshakes get the headers too.

    `livekit_url` is a LiveKit server elsewhere that the page connects to, and nothing else.
    """

    def __init__(self, app: ASGIApp, livekit_url: str | None = None) -> None:
        self.app = app
        self._headers = SECURITY_HEADERS | {"content-security-policy": content_security_policy(livekit_url)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers["cache-control"] = _cache_control(scope["path"], message["status"])
            await send(message)

        await self.app(scope, receive, send_with_headers)


def content_security_policy(livekit_url: str | None = None) -> str:
    """Clients connect to `livekit_url` (`ws:` or `wss:`), and ask it over HTTP why it refused them."""
    if livekit_url is None:
        return "; ".join(POLICIES)
    scheme, _, authority = livekit_url.partition("://")
    authority = authority.partition("/")[0]
    plain = {"ws": "http", "wss": "https"}[scheme]
    return "; ".join((*POLICIES, f"connect-src 'self' {scheme}://{authority} {plain}://{authority}"))


def _cache_control(path: str, status: int) -> str:
    is_asset = path.startswith(HASHED_ASSETS) and status in (200, 304)
    return IMMUTABLE if is_asset else "no-store"

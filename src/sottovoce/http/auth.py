"""Bearer keys: read from a request, compared in constant time."""

from __future__ import annotations

import hmac

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.errors import AuthError
from sottovoce.http.errors import error_response


def bearer_key(connection: HTTPConnection) -> str | None:
    """The key of `Authorization: Bearer …`, or None where there is none."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def is_same_key(given: str, expected: str) -> bool:
    """Compare in time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


class RequireKey:
    """ASGI middleware of the engine services: every path under `/v1` needs the service's one key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self.key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"].startswith("/v1"):
            given = bearer_key(HTTPConnection(scope))
            if given is None or not is_same_key(given, self.key):
                # a WebSocket is refused before it is accepted (websocket.http.response)
                await error_response(AuthError(_fault(given)))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _fault(given: str | None) -> str:
    if given is None:
        return "No API key was given. Send it as `Authorization: Bearer KEY`."
    return "The API key is wrong."

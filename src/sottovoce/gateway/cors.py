"""Which answers a page of another site may read.

A page of a listed origin may use everything with a key. Calls are for the pages of all origins: an
ephemeral secret is needed for them, and no cookie is ever taken (no `Access-Control-Allow-Credentials`).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.gateway.guard import is_for_all_pages

METHODS = ("GET", "POST", "DELETE")
EXPOSED = ("location", "x-request-id", "retry-after")


class Cors:
    """ASGI middleware; a WebSocket is not its matter."""

    def __init__(self, app: ASGIApp, listed: Sequence[str]) -> None:
        self._listed = _allowing(app, listed)
        self._everyone = _allowing(app, ["*"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._everyone if is_for_all_pages(scope) else self._listed)(scope, receive, send)


def _allowing(app: ASGIApp, origins: Sequence[str]) -> CORSMiddleware:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=["*"],  # mirrored: npm's client sends X-Stainless-* by the dozen
        expose_headers=EXPOSED,
        allow_private_network=True,
    )

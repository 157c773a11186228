"""Which answers a page of another site may read.

A page of a listed origin may use everything with a key. Calls are for the pages of all origins: an
ephemeral secret is needed for them, and no cookie is ever taken (no `Access-Control-Allow-Credentials`).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.errors import InvalidRequestError
from sottovoce.gateway.guard import is_for_all_pages
from sottovoce.http.errors import error_response

METHODS = ("GET", "POST", "DELETE")
EXPOSED = ("location", "x-request-id", "retry-after")
MAX_SHOWN_CHARACTERS = 255
"""Of what a browser sent, in the error about it."""


class Cors:
    """ASGI middleware; a WebSocket is not its matter."""

    def __init__(self, app: ASGIApp, listed: Sequence[str]) -> None:
        self._listed = _allowing(app, listed)
        self._everyone = _allowing(app, ["*"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._everyone if is_for_all_pages(scope) else self._listed)(scope, receive, send)


class _Preflights(CORSMiddleware):
    """Starlette refuses them in plain text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        origin = request_headers["origin"][:MAX_SHOWN_CHARACTERS]
        method = request_headers["access-control-request-method"][:MAX_SHOWN_CHARACTERS]
        message = (
            f"Pages of {origin} may not send {method} here; SOTTOVOCE_ALLOWED_ORIGINS lists those that may."
        )
        refusal = error_response(InvalidRequestError(message, code="origin_not_allowed"))
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        refusal.headers.update(kept)
        return refusal


def _allowing(app: ASGIApp, origins: Sequence[str]) -> CORSMiddleware:
    return _Preflights(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=["*"],  # mirrored: npm's client sends X-Stainless-* by the dozen
        expose_headers=EXPOSED,
        allow_private_network=True,
    )

"""A worker's own face: does it live, would a room get an assistant, and its counts. It takes no key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.http.errors import EXCEPTION_HANDLERS

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost")


def face(host: str, reasons: Callable[[], list[str]], metrics: Callable[[], bytes]) -> Starlette:
    """For `sottovoce.http.server.serve`, bound to `host`. `reasons` are why it is not ready; none: it is."""

    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        if missing := reasons():
            return JSONResponse({"status": "loading", "reasons": missing}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def read(request: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST)

    routes = [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", read)]
    # a page of somebody's, whose name leads here, must not read it by the visitor's browser
    names = list(LOOPBACK_NAMES) if host in LOOPBACK_NAMES else ["*"]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)
    return Starlette(routes=routes, middleware=[guard], exception_handlers=EXCEPTION_HANDLERS)

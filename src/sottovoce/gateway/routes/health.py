"""Whether the server lives, whether it can talk, and what the page shows about it."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce import __version__
from sottovoce.config import ENGINE_KINDS, Settings
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.limits import Slots


def routes(settings: Settings, engines: EngineDirectory, sessions: Slots) -> list[Route]:
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        states = {kind: engines.status(kind).state for kind in ENGINE_KINDS}
        is_ready = all(state == "ready" for state in states.values())
        body = {"status": "ready" if is_ready else "loading", "engines": states}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    async def status(request: Request) -> Response:
        return JSONResponse(
            {
                "version": __version__,
                "profile": settings.profile,
                "engines": {kind: asdict(engines.status(kind)) for kind in ENGINE_KINDS},
                "sessions": sessions.taken,
            }
        )

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/api/status", status)]

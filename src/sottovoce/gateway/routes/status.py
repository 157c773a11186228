"""`/api/status`: what the page shows about this server."""

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
    async def status(request: Request) -> Response:
        return JSONResponse(
            {
                "version": __version__,
                "profile": settings.profile,
                "engines": {kind: asdict(engines.status(kind)) for kind in ENGINE_KINDS},
                "sessions": sessions.taken,
            }
        )

    return [Route("/status", status)]

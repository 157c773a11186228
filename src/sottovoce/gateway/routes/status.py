"""`/api/status`: what the page shows about this server."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce import __version__
from sottovoce.config import ENGINE_KINDS, EngineKind, Settings
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.limits import Slots


def _engine(engines: EngineDirectory, kind: EngineKind) -> dict[str, object]:
    """The one in use, and with it all that run for its kind."""
    members = [asdict(member) for member in engines.members(kind)]
    return {**asdict(engines.status(kind)), "members": members}


def routes(settings: Settings, engines: EngineDirectory, sessions: Slots) -> list[Route]:
    async def status(request: Request) -> Response:
        return JSONResponse(
            {
                "version": __version__,
                "profile": settings.profile,
                "engines": {kind: _engine(engines, kind) for kind in ENGINE_KINDS},
                "sessions": sessions.taken,
            }
        )

    return [Route("/status", status)]

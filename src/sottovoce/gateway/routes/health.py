"""For whoever keeps the server running: does it live, and can it talk."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import ENGINE_KINDS
from sottovoce.gateway.engines import EngineDirectory, EngineStatus


def _model(status: EngineStatus) -> dict[str, object]:
    """How far it is; why it failed is told to those with a key only."""
    return {"model": status.model, "state": status.state, "progress": status.progress}


def routes(engines: EngineDirectory) -> list[Route]:
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        states = {kind: engines.status(kind).state for kind in ENGINE_KINDS}
        is_ready = all(state == "ready" for state in states.values())
        body = {
            "status": "ready" if is_ready else "loading",
            "engines": states,
            "models": {kind: [_model(member) for member in engines.members(kind)] for kind in ENGINE_KINDS},
        }
        return JSONResponse(body, status_code=200 if is_ready else 503)

    return [Route("/livez", livez), Route("/readyz", readyz)]

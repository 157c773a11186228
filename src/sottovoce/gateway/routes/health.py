"""For whoever keeps the server running: does it live, and can it talk."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.gateway.engines import EngineDirectory, EngineStatus
from sottovoce.models.desk import ModelDesk


def _model(status: EngineStatus) -> dict[str, object]:
    """How far it is; why it failed is told to those with a key only."""
    return {"model": status.model, "state": status.state, "progress": status.progress}


def _models(kind: EngineKind, engines: EngineDirectory, desk: ModelDesk | None) -> list[dict[str, object]]:
    """Those of the chain, then those that are on their way here or failed to come."""
    loaded = engines.members(kind)
    names = {member.model for member in loaded}
    others = [] if desk is None else [state for state in desk.states() if state.entry.kind == kind]
    coming: list[dict[str, object]] = [
        {"model": state.entry.id, "state": state.state, "progress": state.progress}
        for state in others
        if state.state in ("downloading", "failed") and state.entry.id not in names
    ]
    return [*map(_model, loaded), *coming]


def routes(engines: EngineDirectory, desk: ModelDesk | None = None) -> list[Route]:
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        states = {kind: engines.status(kind).state for kind in ENGINE_KINDS}
        is_ready = all(state == "ready" for state in states.values())
        body = {
            "status": "ready" if is_ready else "loading",
            "engines": states,
            "models": {kind: _models(kind, engines, desk) for kind in ENGINE_KINDS},
        }
        return JSONResponse(body, status_code=200 if is_ready else 503)

    return [Route("/livez", livez), Route("/readyz", readyz)]

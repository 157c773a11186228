"""For whoever keeps the server running: does it live, and can it talk."""

from __future__ import annotations

from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.gateway.auth import Callers
from sottovoce.gateway.engines import EngineDirectory, EngineStatus
from sottovoce.gateway.model_views import progress_view
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.models.desk import ModelDesk

View: TypeAlias = dict[str, object]


def _model(status: EngineStatus) -> View:
    return {
        "model": status.model,
        "state": status.state,
        "progress": status.progress,
        "reason": status.reason,
    }


def _models(kind: EngineKind, engines: EngineDirectory, desk: ModelDesk | None) -> list[View]:
    """Those of the chain, then those that are on their way here or failed to come."""
    loaded = engines.members(kind)
    names = {member.model for member in loaded}
    others = [] if desk is None else [state for state in desk.states() if state.entry.kind == kind]
    coming: list[View] = [
        {"model": state.entry.id, **progress_view(state)}
        for state in others
        if state.state in ("downloading", "failed") and state.entry.id not in names
    ]
    return [*map(_model, loaded), *coming]


def _for_strangers(models: list[View]) -> list[View]:
    """Reasons name paths, addresses and hubs."""
    return [{name: fact for name, fact in model.items() if name != "reason"} for model in models]


def _rooms(livekit: LiveKitDirectory | None, *, is_known: bool) -> View:
    """What rooms lack; nothing where there are none."""
    if livekit is None:
        return {}
    status = livekit.status()
    view: View = {"is_ready": status.is_ready, "missing": status.missing}
    return {"livekit": {**view, "reason": status.reason} if is_known else view}


def routes(
    engines: EngineDirectory,
    callers: Callers,
    desk: ModelDesk | None = None,
    livekit: LiveKitDirectory | None = None,
) -> list[Route]:
    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        states = {kind: engines.status(kind).state for kind in ENGINE_KINDS}
        has_rooms = livekit is None or livekit.status().is_ready
        is_ready = has_rooms and all(state == "ready" for state in states.values())
        models = {kind: _models(kind, engines, desk) for kind in ENGINE_KINDS}
        is_known = await callers.is_known(request)
        if not is_known:
            models = {kind: _for_strangers(each) for kind, each in models.items()}
        body = {
            "status": "ready" if is_ready else "loading",
            "engines": states,
            "models": models,
            **_rooms(livekit, is_known=is_known),
        }
        return JSONResponse(body, status_code=200 if is_ready else 503)

    return [Route("/livez", livez), Route("/readyz", readyz)]

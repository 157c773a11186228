"""`/api/status`: what the page shows about this server."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce import __version__
from sottovoce.config import ENGINE_KINDS, EngineKind, Settings
from sottovoce.conversation.failover import Failover
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.limits import Slots
from sottovoce.gateway.model_views import progress_view
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.models.desk import ModelDesk
from sottovoce.models.plan import troubles


def _engine(engines: EngineDirectory, failover: Failover, kind: EngineKind) -> dict[str, object]:
    """The one in use, and with it all that run for its kind. `chain` are those that are asked, in order,
    with those that are passed over just now because they failed. A "trouble" beside them says why it is not
    the model that was set or chosen."""
    members = [asdict(member) for member in engines.members(kind)]
    chain = [asdict(standing) for standing in failover.standings(kind)]
    return {**asdict(engines.status(kind)), "members": members, "chain": chain}


def _models(desk: ModelDesk | None) -> dict[str, object]:
    """How each model fares that is here, on its way, or failed to come."""
    states = () if desk is None else desk.states()
    return {state.entry.id: progress_view(state) for state in states if state.state != "absent"}


def _rooms(livekit: LiveKitDirectory | None) -> dict[str, object]:
    if livekit is None:
        return {"is_on": False, "is_ready": False, "reason": None}
    status = livekit.status()
    return {"is_on": True, "is_ready": status.is_ready, "reason": status.reason}


def routes(
    settings: Settings,
    engines: EngineDirectory,
    sessions: Slots,
    failover: Failover,
    desk: ModelDesk | None = None,
    livekit: LiveKitDirectory | None = None,
) -> list[Route]:
    async def status(request: Request) -> Response:
        faults = await asyncio.to_thread(troubles, settings)
        return JSONResponse(
            {
                "version": __version__,
                "profile": settings.profile,
                "engines": {
                    kind: {**_engine(engines, failover, kind), "trouble": faults.get(kind)}
                    for kind in ENGINE_KINDS
                },
                "models": _models(desk),
                "livekit": _rooms(livekit),
                "sessions": sessions.taken,
            }
        )

    return [Route("/status", status)]

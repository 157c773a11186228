"""The public HTTP face: page, OpenAI's API, health; guarded, bounded and with OpenAI's errors throughout."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Router, WebSocketRoute
from starlette.types import ASGIApp

from sottovoce.config import ENGINE_KINDS, Settings
from sottovoce.conversation.failover import Failover
from sottovoce.conversation.options import SessionOptions
from sottovoce.gateway.attempts import Attempts
from sottovoce.gateway.auth import Callers, Credentials, RequireCredentials
from sottovoce.gateway.calls import Calls
from sottovoce.gateway.client_secrets import ClientSecrets
from sottovoce.gateway.cors import Cors
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.guard import Boundary, Guard, normal_origins
from sottovoce.gateway.headers import SecurityHeaders
from sottovoce.gateway.keys import KEYS_FILE, KeyStore
from sottovoce.gateway.limits import SHUTDOWN_DEADLINE, GatewayLimits, Slots
from sottovoce.gateway.metrics import MeasureRequests, Metrics, Watched
from sottovoce.gateway.model_listing import ModelListing
from sottovoce.gateway.model_names import ModelNames
from sottovoce.gateway.page_cookie import PageCookie
from sottovoce.gateway.page_pass import PagePasses
from sottovoce.gateway.revocation import watch_keys
from sottovoce.gateway.route_names import RouteNames
from sottovoce.gateway.routes import (
    connection_details,
    health,
    livekit_signal,
    models,
    models_desk,
    openapi,
    page,
    realtime,
    sign_in,
    status,
)
from sottovoce.gateway.routes import engines as engine_routes
from sottovoce.gateway.routes import keys as key_routes
from sottovoce.gateway.routes import metrics as metric_routes
from sottovoce.gateway.routes import secrets as secret_routes
from sottovoce.gateway.signal_relay import SignalRelay
from sottovoce.http.engine_client import EngineClient
from sottovoce.http.errors import EXCEPTION_HANDLERS, no_such_websocket
from sottovoce.http.request_id import RequestId
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.models.desk import ModelDesk
from sottovoce.realtime.measured_sessions import measured
from sottovoce.realtime.opening import SessionFactory
from sottovoce.realtime.voice_listing import VoiceListing
from sottovoce.realtime.webrtc import CallOptions
from sottovoce.realtime.webrtc_ice import ANY_PORT, Reach
from sottovoce.realtime.websocket import RealtimeWebSocket

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    engines: EngineDirectory,
    session_factory: SessionFactory,
    *,
    key: str,
    page_folder: Path = page.PAGE_FOLDER,
    limits: GatewayLimits | None = None,
    failover: Failover | None = None,
    desk: ModelDesk | None = None,
    livekit: LiveKitDirectory | None = None,
    now: Callable[[], float] = time.time,
) -> Starlette:
    """The gateway as an ASGI app for `sottovoce.http.server.serve`.

    `session_factory(options)` makes a session that is not started; the transport starts and closes it.
    `failover` is the conversations' own, so that what one finds out about an engine spares all. `desk` looks
    after the models; without one nobody does, and there is no `/api/models`. `livekit` is the server of the
    rooms; without one there are none.
    `key` is `server_key.load_or_create_key(settings)`; `now` gives Unix seconds, by which secrets expire.
    Raises `ConfigError` where the page is not built.
    Before the server is told to stop, `await end_sessions(app)` ends conversations politely instead of
    letting the server cut them.
    """
    limits = limits or GatewayLimits.of(settings)
    failover = failover or Failover(engines)
    client = EngineClient()
    external = {str(settings.engine(kind).url).rstrip("/") for kind in ENGINE_KINDS}
    listing = ModelListing(client, engines, external)
    names = ModelNames(settings, engines, listing)
    credentials = _credentials(settings, key, now)
    attempts = Attempts(limits.wrong_key_hold)
    callers = Callers(credentials, attempts, settings.behind_proxy)
    sessions = Slots(settings.max_sessions, "sessions, all it takes (SOTTOVOCE_MAX_SESSIONS)")
    half_open = Slots(limits.half_open_calls, "calls being set up")
    defaults = _defaults(settings)
    is_relayed = livekit is not None and livekit.access.server_url is None
    relay = SignalRelay(livekit, limits.relays) if livekit is not None and is_relayed else None
    relayed = None if relay is None else relay.slots
    metrics = Metrics(Watched(engines, sessions, lambda: failover.outcomes, desk, relayed))
    session_factory = measured(session_factory, metrics.measured)
    voices = VoiceListing(client, failover)
    websocket = RealtimeWebSocket(session_factory, defaults, voices)
    calls = Calls(session_factory, defaults, sessions, half_open, _call_options(settings, limits))

    no_websocket = WebSocketRoute("/{path:path}", no_such_websocket)
    v1 = [
        *models.routes(engines, listing, names),
        *engine_routes.routes(client, failover, names, limits, is_behind_proxy=settings.behind_proxy),
        *realtime.routes(websocket, calls, sessions, voices),
        *secret_routes.routes(credentials.secrets, defaults, voices),
        no_websocket,
    ]
    routes: list[BaseRoute] = [
        *health.routes(engines, callers, desk, livekit),
        *openapi.routes(),
        *metric_routes.routes(metrics),
        Mount(
            "/api",
            routes=[
                *status.routes(settings, engines, sessions, failover, desk, livekit),
                *key_routes.routes(credentials.keys),
                *connection_details.routes(livekit, settings, defaults, voices, limits),
                *([] if desk is None else models_desk.routes(desk, limits)),
            ],
        ),
        Mount("/v1", Router(v1, redirect_slashes=False)),
        *([] if relay is None else livekit_signal.routes(relay)),
        no_websocket,
        *sign_in.routes(credentials, attempts, credentials.cookie, is_behind_proxy=settings.behind_proxy),
        *page.routes(page_folder, credentials, credentials.cookie),
    ]
    lifespan = _lifespan(client, failover, voices, credentials.keys, (websocket, calls))
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS, lifespan=lifespan)
    app.state.sessions, app.state.websocket, app.state.calls = sessions, websocket, calls
    app.state.desk, app.state.relay = desk, relay
    wanting_keys = RequireCredentials(app.build_middleware_stack(), callers)
    app.middleware_stack = MeasureRequests(
        _guarded(wanting_keys, settings, livekit), metrics, RouteNames(routes)
    )
    return app


async def end_sessions(app: Starlette) -> None:
    """Close every live session and call, take no new ones, and wait until all are gone. Idempotent."""
    app.state.sessions.close()
    app.state.websocket.close()
    relay: SignalRelay | None = app.state.relay
    if relay is not None:
        relay.close()
    if app.state.desk is not None:
        app.state.desk.end_news()
    await app.state.calls.aclose()
    try:
        async with asyncio.timeout(SHUTDOWN_DEADLINE):
            await app.state.sessions.wait_until_free()
            if relay is not None:
                await relay.slots.wait_until_free()
    except TimeoutError:
        logger.error("%s sessions did not close within %s s", app.state.sessions.taken, SHUTDOWN_DEADLINE)


def _credentials(settings: Settings, key: str, now: Callable[[], float]) -> Credentials:
    cookie = PageCookie(PagePasses(key, now), settings.behind_proxy)
    return Credentials(key, KeyStore(settings.home / KEYS_FILE), cookie, ClientSecrets(now))


def _lifespan(
    client: EngineClient,
    failover: Failover,
    voices: VoiceListing,
    keys: KeyStore,
    ended_with_their_key: tuple[RealtimeWebSocket, Calls],
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(watch_keys(keys, ended_with_their_key), name="watch the keys")
        stop_listening = voices.watch()
        try:
            yield
        finally:
            watching.cancel()
            stop_listening()
            await end_sessions(app)
            await client.aclose()
            await failover.aclose()

    return lifespan


def _defaults(settings: Settings) -> SessionOptions:
    given = settings.instructions
    return SessionOptions() if given is None else SessionOptions(instructions=given)


def _call_options(settings: Settings, limits: GatewayLimits) -> CallOptions:
    """Behind a proxy the callers are elsewhere, whatever address this server itself is bound to."""
    advertised = settings.advertised_address
    reach = Reach(
        is_loopback_only=settings.is_loopback and not settings.behind_proxy,
        ports=settings.udp_port_range or ANY_PORT,
        advertised_address=None if advertised is None else str(advertised),
    )
    return CallOptions(reach=reach, connect_deadline=limits.call_deadline)


def _guarded(app: ASGIApp, settings: Settings, livekit: LiveKitDirectory | None) -> ASGIApp:
    """Around everything, error pages included: refusals need CORS headers as well as answers do."""
    shared = Cors(Guard(app, Boundary.of(settings)), normal_origins(settings.allowed_origins))
    return RequestId(SecurityHeaders(shared, None if livekit is None else livekit.access.server_url))

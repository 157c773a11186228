"""The public HTTP face: page, OpenAI's API, health; guarded, bounded and with OpenAI's errors throughout."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from sottovoce.config import Settings
from sottovoce.conversation.port import SessionPort
from sottovoce.gateway.auth import Credentials, RequireCredentials
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.guard import Boundary, Guard, normal_origins
from sottovoce.gateway.headers import SecurityHeaders
from sottovoce.gateway.limits import GatewayLimits, Slots
from sottovoce.gateway.passthrough import engine_client
from sottovoce.gateway.routes import engines as engine_routes
from sottovoce.gateway.routes import health, models, page, status
from sottovoce.http.errors import EXCEPTION_HANDLERS

SessionFactory: TypeAlias = Callable[[], SessionPort]
"""Makes a session that was not started yet; the transport starts and closes it."""

CORS_METHODS = ("GET", "POST", "DELETE")
CORS_EXPOSED = ("location", "x-request-id", "retry-after")


def create_app(
    settings: Settings,
    engines: EngineDirectory,
    session_factory: SessionFactory,
    *,
    key: str,
    page_folder: Path = page.PAGE_FOLDER,
    limits: GatewayLimits | None = None,
    client: httpx.AsyncClient | None = None,
) -> Starlette:
    """The gateway as an ASGI app for `sottovoce.http.server.serve`.

    `key` is `gateway.auth.load_or_create_key(settings)`. `client` reaches the engines and is closed with
    the app. Raises `ConfigError` where the page is not built. Before the server is told to stop,
    `await end_sessions(app)` ends conversations politely instead of letting the server cut them.
    """
    limits = limits or GatewayLimits()
    client = client or engine_client()
    credentials = Credentials(key)
    sessions = Slots(settings.max_sessions, "sessions")

    routes: list[BaseRoute] = [
        *health.routes(engines),
        Mount("/api", routes=[*status.routes(settings, engines, sessions)]),
        Mount(
            "/v1",
            routes=[*models.routes(client, engines), *engine_routes.routes(client, engines, limits)],
        ),
        *page.routes(page_folder, credentials, is_behind_proxy=settings.behind_proxy),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await end_sessions(app)
            await client.aclose()

    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS, lifespan=lifespan)
    app.state.sessions = sessions
    app.middleware_stack = _guarded(app.build_middleware_stack(), settings, credentials)
    return app


async def end_sessions(app: Starlette) -> None:
    """Close every live session and call of `app`, and take no new ones. Idempotent."""


def _guarded(app: ASGIApp, settings: Settings, credentials: Credentials) -> ASGIApp:
    """Around everything, error pages included: refusals need CORS headers as well as answers do."""
    guarded = Guard(RequireCredentials(app, credentials), Boundary.of(settings))
    shared = CORSMiddleware(
        guarded,
        allow_origins=normal_origins(settings.allowed_origins),
        allow_methods=CORS_METHODS,
        allow_headers=(
            "*",
        ),  # mirrored to listed origins only: npm's client sends X-Stainless-* by the dozen
        expose_headers=CORS_EXPOSED,
        allow_private_network=True,
    )
    return SecurityHeaders(shared)

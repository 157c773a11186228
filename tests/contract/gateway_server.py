"""The whole gateway on a loopback port, with an engine and sessions that do as a test tells them."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import EngineEndpoint, EngineKind, Settings
from sottovoce.conversation.options import SessionOptions
from sottovoce.gateway.app import create_app, end_sessions
from sottovoce.gateway.engines import EngineStatus
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.models.desk import ModelDesk
from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES
from tests.fake_session import TalkingSession
from tests.serving import served

KEY = "sk-sottovoce-of-the-tests"
ENGINE_KEY = "engine-key-that-nobody-may-see"
BEARER = {"authorization": f"Bearer {KEY}"}
Answer = Callable[[Request], Awaitable[Response]]


async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type=request.headers.get("content-type"))


@dataclass
class Engine:
    """Three engines in one; `answer` is what the next requests are met with."""

    url: str = ""
    answer: Answer = echo
    seen: list[Request] = field(default_factory=list)
    models: dict[str, Any] = field(default_factory=lambda: {"data": [{"id": "tiny/model", "created": 7}]})
    state: Any = "ready"
    reason: str | None = None
    leaving: tuple[EngineStatus, ...] = ()
    """Engines on their way out, of every kind."""

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return (self.endpoint(kind),)

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        return EngineEndpoint(kind, self.url, ENGINE_KEY, f"{kind}-model")

    def status(self, kind: EngineKind) -> EngineStatus:
        return EngineStatus(f"{kind}-model", self.state, reason=self.reason)

    def members(self, kind: EngineKind) -> Sequence[EngineStatus]:
        return (self.status(kind), *self.leaving)

    def app(self) -> Starlette:
        async def answer(request: Request) -> Response:
            self.seen.append(request)
            return await self.answer(request)

        async def models(request: Request) -> Response:
            return JSONResponse(self.models)

        return Starlette(
            routes=[Route("/v1/models", models), Route("/v1/{path:path}", answer, methods=["GET", "POST"])]
        )


@dataclass
class Gateway:
    app: Starlette
    url: str
    engine: Engine
    sessions: list[TalkingSession]
    client: httpx.AsyncClient
    """Without a key; `BEARER` has the headers that hold it."""

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]

    @property
    def taken(self) -> int:
        return int(self.app.state.sessions.taken)


def make_page(folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Sottovoce</title>")
    (folder / "assets" / "main-4f3a9c.js").write_text("export {};")
    return folder


@asynccontextmanager
async def running(
    folder: Path,
    limits: GatewayLimits | None = None,
    now: Callable[[], float] = time.time,
    tls: ssl.SSLContext | None = None,
    trusted: ssl.SSLContext | bool = True,
    desk: ModelDesk | None = None,
    rooms: LiveKitDirectory | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    engine, sessions = Engine(), list[TalkingSession]()

    def make_session(options: SessionOptions) -> TalkingSession:
        sessions.append(TalkingSession(options))
        return sessions[-1]

    app = create_app(
        Settings(home=folder, **settings),
        engine,
        make_session,
        key=KEY,
        page_folder=make_page(folder / "page"),
        limits=limits or GatewayLimits(wrong_key_hold=0),
        now=now,
        desk=desk,
        livekit=rooms,
    )
    async with (
        served(engine.app()) as engine_url,
        served(app, lambda: end_sessions(app), tls=tls, websocket_message_bytes=MAX_MESSAGE_BYTES) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, verify=trusted) as client,
    ):
        engine.url = f"{engine_url}/v1"
        yield Gateway(app, url, engine, sessions, client)

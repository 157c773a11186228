"""The whole server inside this process, its engines as children: what `serve` runs and `talk` may need."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sottovoce.cli.rooms import kept, remote
from sottovoce.cli.running import RunningServer, url_of
from sottovoce.config import EngineEndpoint, EngineKind, Settings
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.models.desk import ModelDesk
from sottovoce.services.status import EngineStatus as KeptStatus
from sottovoce.services.supervisor import Supervisor

if TYPE_CHECKING:
    from ssl import SSLContext

    from starlette.applications import Starlette

    from sottovoce.conversation.adapters.clients import EngineClients
    from sottovoce.conversation.engines import Absent
    from sottovoce.gateway.engines import EngineStatus
    from sottovoce.gateway.tls import ServerTls
    from sottovoce.livekit.server.managed import LiveKitPlan, ManagedLiveKit

SPAWN_DEADLINE = 5.0
"""Seconds that the children's start is waited for before the gateway's modules are loaded."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A server of this process. `serving` is done when it stopped by itself, which is a failure."""

    server: RunningServer
    supervisor: Supervisor
    serving: asyncio.Task[None]
    livekit: ManagedLiveKit | None = None


@dataclass(frozen=True, slots=True)
class SupervisedEngines:
    """The supervisor as the gateway's `EngineDirectory`."""

    supervisor: Supervisor

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        return self.supervisor.endpoint(kind)

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return self.supervisor.chain(kind)

    def status(self, kind: EngineKind) -> EngineStatus:
        return _public(self.supervisor.status(kind))

    def members(self, kind: EngineKind) -> Sequence[EngineStatus]:
        return tuple(map(_public, self.supervisor.members(kind)))


def _public(status: KeptStatus) -> EngineStatus:
    """What the gateway may tell; the number of a process is nobody's business."""
    from sottovoce.gateway.engines import EngineStatus

    return EngineStatus(
        status.model,
        status.state,
        status.is_local,
        status.reason,
        status.progress,
        status.load_seconds,
        status.memory_bytes,
        status.size_bytes,
        preferred=None if status.preferred is None else _public(status.preferred),
    )


@asynccontextmanager
async def hosted(
    settings: Settings,
    sock: socket.socket,
    key: str,
    tls: ServerTls | None = None,
    rooms: LiveKitPlan | None = None,
) -> AsyncIterator[Hosted]:
    """Serve on the listening `sock` (taken over) for as long as the context lasts; engines may still load.

    `rooms` is the LiveKit server that is run beside it. Raises `ConfigError` where the page is not built.
    """
    host, port = sock.getsockname()[:2]
    async with AsyncExitStack() as stack:
        stack.callback(sock.close)
        supervisor = await stack.enter_async_context(Supervisor(settings))
        managed = None if rooms is None else await stack.enter_async_context(kept(rooms, supervisor))
        await _children_spawned(supervisor)
        desk = await stack.enter_async_context(ModelDesk(settings, supervisor))
        app, clients = _gateway(settings, supervisor, desk, key, managed or remote(settings))
        stack.push_async_callback(clients.aclose)
        serving = await stack.enter_async_context(_served(app, sock, tls.context if tls else None, managed))
        _run_beside(stack, _warm_up(), "warm-up")
        if tls is not None:
            _run_beside(stack, tls.keep_fresh(), "keep the certificate fresh")
        url = url_of(host, port, has_tls=tls is not None)
        yield Hosted(RunningServer(url, key), supervisor, serving, managed)


def _run_beside(stack: AsyncExitStack, work: Coroutine[None, None, None], name: str) -> None:
    stack.callback(asyncio.create_task(work, name=name).cancel)


async def _children_spawned(supervisor: Supervisor) -> None:
    """Let the children load while this process imports the gateway, which holds the loop for seconds."""
    try:
        async with asyncio.timeout(SPAWN_DEADLINE):
            async for statuses in supervisor.changes():
                if all(_is_begun(each) for kind in statuses for each in supervisor.members(kind)):
                    return
    except TimeoutError:
        return  # slow, not wrong: the supervisor goes on and tells how it ends


def _is_begun(status: KeptStatus) -> bool:
    return status.pid is not None or status.is_external or status.state != "loading"


def _gateway(
    settings: Settings,
    supervisor: Supervisor,
    desk: ModelDesk,
    key: str,
    livekit: LiveKitDirectory | None = None,
) -> tuple[Starlette, EngineClients]:
    """In the main thread: livekit's plugins refuse to be imported in any other."""
    from sottovoce.conversation.adapters.clients import EngineClients
    from sottovoce.conversation.failover import Failover
    from sottovoce.conversation.options import SessionOptions
    from sottovoce.conversation.session import Session
    from sottovoce.gateway.app import create_app

    engines = SupervisedEngines(supervisor)
    failover = Failover(engines, absent=partial(_absent, supervisor), suspect=supervisor.suspect)
    clients = EngineClients(failover)

    def make_session(options: SessionOptions) -> Session:
        return Session(clients, options)

    app = create_app(settings, engines, make_session, key=key, failover=failover, desk=desk, livekit=livekit)
    return app, clients


def _absent(supervisor: Supervisor, kind: EngineKind) -> Absent | None:
    """The engine that would be asked first if it were ready."""
    from sottovoce.conversation.engines import Absent

    preferred = supervisor.status(kind).preferred
    if preferred is None:
        return None
    is_coming = preferred.state in ("loading", "warming") and preferred.restarts == 0
    return Absent(preferred.model, preferred.reason or f"it is {preferred.state}", is_coming)


async def _warm_up() -> None:
    from sottovoce.conversation.tools import warm_up

    await asyncio.to_thread(warm_up)


@asynccontextmanager
async def _served(
    app: Starlette, sock: socket.socket, tls: SSLContext | None, managed: ManagedLiveKit | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """Ends conversations politely, those in rooms too, before the server closes what is left of them."""
    from sottovoce.gateway.app import end_sessions
    from sottovoce.http.server import ServerLimits, serve
    from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES

    limits = ServerLimits(websocket_message_bytes=MAX_MESSAGE_BYTES)
    stop = asyncio.Event()

    async def until() -> None:
        await stop.wait()

    serving = asyncio.create_task(serve(app, sock, until=until, limits=limits, tls=tls), name="gateway")
    try:
        yield serving
    finally:
        if managed is not None:
            await managed.end_worker()  # first: who is in a room is there by this server's relay
        await end_sessions(app)
        stop.set()
        await serving

"""Rooms on this machine: the managed LiveKit server, and one worker beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType

from sottovoce.config import Settings
from sottovoce.livekit.access import LiveKitAccess, LiveKitStatus, websocket_url
from sottovoce.livekit.server.config import server_config
from sottovoce.livekit.server.kept_worker import KeptWorker
from sottovoce.livekit.server.keys import KeyPair, load_or_create_keys
from sottovoce.livekit.server.livekit_server import LiveKitServer
from sottovoce.livekit.server.ports import ServerPorts, claim_ports
from sottovoce.livekit.server.program import PROGRAM, ServerProgram, find_program
from sottovoce.livekit.server.reach import LOOPBACK, MediaReach, media_reach
from sottovoce.processes.cancelling import cancelled


@dataclass(frozen=True, slots=True)
class LiveKitPlan:
    """Everything that is settled before the server starts, and stays when it is started again."""

    settings: Settings
    program: ServerProgram
    reach: MediaReach
    ports: ServerPorts
    keys: KeyPair

    @classmethod
    def of(cls, settings: Settings) -> LiveKitPlan:
        """Raises `ConfigError` for a missing program, a taken port, or keys that cannot be used."""
        reach = media_reach(settings)
        return cls(
            settings,
            find_program(settings.livekit.program),
            reach,
            claim_ports(settings.livekit, reach),
            load_or_create_keys(settings),
        )

    @property
    def access(self) -> LiveKitAccess:
        public = self.settings.livekit.public_url
        server_url = None if public is None else websocket_url(str(public))
        url = f"ws://{LOOPBACK}:{self.ports.signal}"
        return LiveKitAccess(url, self.keys.key, self.keys.secret, server_url)

    @property
    def media(self) -> str:
        """Where media goes, in words."""
        tcp = "" if self.ports.tcp is None else f" and TCP {self.ports.tcp}"
        return f"media at {self.reach.node_ip}, UDP {self.ports.udp}{tcp}"


class ManagedLiveKit:
    """As a context, the server and the worker are kept alive within it. A `LiveKitDirectory`."""

    def __init__(self, plan: LiveKitPlan) -> None:
        self.plan = plan
        self.access = plan.access
        config = server_config(plan.settings, plan.reach, plan.ports, plan.keys)
        self._server = LiveKitServer(plan.program.path, config, self._announce)
        self._worker = KeptWorker(plan.settings, self.access, self._announce)
        self._changed = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], asyncio.Task[None]] | None = None

    async def __aenter__(self) -> ManagedLiveKit:
        self._tasks = (
            asyncio.create_task(self._server.run(), name="keep the LiveKit server"),
            asyncio.create_task(self._worker.run(), name="keep the worker"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end_worker()
        if self._tasks is not None:
            await cancelled(self._tasks[0])

    async def end_worker(self) -> None:
        """It takes no more rooms, and leaves those that it is in. Returns when it has ended. Idempotent."""
        if self._tasks is not None:
            await cancelled(self._tasks[1])

    def tell_engines(self, line: bytes) -> None:
        """`line` is one of `engine_lines.write_line`."""
        self._worker.tell_engines(line)

    def status(self) -> LiveKitStatus:
        server, worker = self._server.keeping.status, self._worker.keeping.status
        if server.state != "ready":
            return LiveKitStatus(False, f"{PROGRAM} {server.reason or 'is starting'}", missing="server")
        if worker.state != "ready":
            lacks = f"is not ready: {self._worker.lacks or 'it has just started'}"
            reason = lacks if worker.pid is not None else worker.reason or "is starting"
            return LiveKitStatus(False, f"the worker {reason}", missing="worker")
        return LiveKitStatus(is_ready=True)

    async def changes(self) -> AsyncIterator[LiveKitStatus]:
        """The status now, and again after each change."""
        before: LiveKitStatus | None = None
        while True:
            changed = self._changed
            if (status := self.status()) != before:
                yield (before := status)
            await changed.wait()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

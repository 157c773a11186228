"""The keeper of all engines: children of our own, or services of others by URL."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from ipaddress import ip_address
from types import TracebackType
from urllib.parse import urlsplit

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind, EngineSettings, Settings
from sottovoce.http.server import listen
from sottovoce.services.clock import Clock, SystemClock
from sottovoce.services.external import Watcher
from sottovoce.services.keeper import Keeper
from sottovoce.services.probe import ExternalProbe, Probe, ServiceProbe
from sottovoce.services.process import Spawn, Spawner
from sottovoce.services.status import EngineStatus

logger = logging.getLogger(__name__)

EMBEDDED_MODELS: Mapping[EngineKind, str] = {
    "stt": "pocketsphinx",
    "llm": "sottovoce-rules",
    "tts": "espeak-ng",
}

DEFAULT_MODELS: Mapping[EngineKind, str] = {"stt": "whisper-1", "llm": "default", "tts": "tts-1"}
"""What an engine of others is asked for when no model is set: the names most servers know."""

MakeProbe = Callable[[EngineEndpoint], Probe]


class Supervisor:
    """Starts and keeps alive the engines of `settings`; use it as an async context.

    The listening socket of each child belongs to the supervisor, so an endpoint stays the same over restarts
    and connections wait in its backlog meanwhile. Leaving the context stops all children in parallel, within
    `keeper.STOP_DEADLINE` and a little.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        kinds: Collection[EngineKind] = ENGINE_KINDS,
        spawn: Spawn | None = None,
        probe: MakeProbe = ServiceProbe,
        external_probe: MakeProbe = ExternalProbe,
        clock: Clock | None = None,
    ) -> None:
        """Binds the sockets of `kinds`; nothing is started yet. Raises `ConfigError`."""
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._spawn = spawn or Spawner(settings.handed_down)
        self._probe, self._external_probe = probe, external_probe
        self._clock = clock or SystemClock()
        self._keepers: dict[EngineKind, Keeper | Watcher] = {
            kind: self._keeper(kind, settings.engine(kind)) for kind in kinds
        }

    async def __aenter__(self) -> Supervisor:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Begin to start the engines; `changes` tells how they come on."""
        for kind, keeper in self._keepers.items():
            task = asyncio.create_task(keeper.run(), name=f"keep {kind}")
            task.add_done_callback(_report)
            self._tasks.append(task)

    async def aclose(self) -> None:
        """Stop the children. Returns when all are gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for keeper in self._keepers.values():
            if isinstance(keeper, Keeper):
                keeper.sock.close()

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        """Where `kind` answers, or will: the first of its chain."""
        return self.chain(kind)[0]

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        """Whom to ask, the preferred one first; never empty."""
        return (self._keepers[kind].endpoint,)

    def status(self, kind: EngineKind) -> EngineStatus:
        return self._keepers[kind].status

    def statuses(self) -> dict[EngineKind, EngineStatus]:
        return {kind: keeper.status for kind, keeper in self._keepers.items()}

    async def changes(self) -> AsyncIterator[dict[EngineKind, EngineStatus]]:
        """All statuses now, and again after each change; a slow reader skips to the newest."""
        while True:
            changed = self._changed
            yield self.statuses()
            await changed.wait()

    async def wait_ready(self) -> None:
        """Until every engine is ready; wrap it in a timeout."""
        async for statuses in self.changes():
            if all(status.state == "ready" for status in statuses.values()):
                return

    def _keeper(self, kind: EngineKind, settings: EngineSettings) -> Keeper | Watcher:
        if settings.url is not None:
            endpoint = external_endpoint(kind, settings)
            return Watcher(endpoint, self._external_probe, self._clock, self._announce)
        sock = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        endpoint = EngineEndpoint(kind, url, secrets.token_urlsafe(32), EMBEDDED_MODELS[kind])
        return Keeper(endpoint, sock, self._spawn, self._probe, self._clock, self._announce)

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def external_endpoint(kind: EngineKind, settings: EngineSettings) -> EngineEndpoint:
    """The endpoint of an engine given by URL."""
    url = str(settings.url).rstrip("/")
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    model = settings.model or DEFAULT_MODELS[kind]
    return EngineEndpoint(kind, url, key, model, is_local=_is_this_machine(urlsplit(url).hostname or ""))


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("%s stopped: the engine is kept no longer", task.get_name(), exc_info=error)

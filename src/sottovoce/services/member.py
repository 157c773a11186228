"""One engine of a chain, and what its life and its leaving take."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.http.server import listen
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import External, Link
from sottovoce.processes.clock import Clock, SystemClock
from sottovoce.services.external import Watcher, external_endpoint
from sottovoce.services.keeper import Keeper
from sottovoce.services.loading import Measure, family_memory
from sottovoce.services.probe import ExternalProbe, Probe, ServiceProbe
from sottovoce.services.process import Spawn
from sottovoce.services.status import EngineStatus

logger = logging.getLogger(__name__)

MakeProbe = Callable[[EngineEndpoint], Probe]


@dataclass(slots=True, eq=False)
class Member:
    """An engine at one address for as long as it is a member; `keeper` looks after it while it is started."""

    link: Link
    keeper: Keeper | Watcher
    _keeping: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def endpoint(self) -> EngineEndpoint:
        return self.keeper.endpoint

    @property
    def status(self) -> EngineStatus:
        return self.keeper.status

    @property
    def is_external(self) -> bool:
        return isinstance(self.keeper, Watcher)

    @property
    def is_doubted(self) -> bool:
        return isinstance(self.keeper, Keeper) and self.keeper.is_doubted

    def start(self, *, is_on_trial: bool = False) -> None:
        """Begin to start it; its status tells how it comes on. On trial it has one load, and ends if that
        fails, until `pass_trial`."""
        if isinstance(self.keeper, Keeper):
            self.keeper.is_on_trial = is_on_trial
        name = f"keep {self.endpoint.kind} ({self.endpoint.model})"
        self._keeping = asyncio.create_task(self.keeper.run(), name=name)
        self._keeping.add_done_callback(_report)

    def pass_trial(self) -> None:
        """From now on it is kept alive."""
        if isinstance(self.keeper, Keeper):
            self.keeper.is_on_trial = False

    async def loaded(self) -> str | None:
        """Once it is ready, or known not to get ready: then why. What failed before is tried anew."""
        if isinstance(self.keeper, Watcher):
            return None
        self.keeper.retry()
        return await self.keeper.loaded()

    async def drain(self, deadline: float) -> None:
        """Let it finish what is open, for `deadline` seconds at most or until cancelled, and end it."""
        try:
            if isinstance(self.keeper, Keeper):
                await self.keeper.drain(deadline)
        finally:
            await self.end()

    async def end(self) -> None:
        """Stop it and give its address up. Returns when it is gone. May be called again."""
        if isinstance(self.keeper, Keeper):
            self.keeper.sock.close()  # the child has its own; nobody new is to wait in the backlog
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Recruiter:
    """Makes members. The listening socket of each child belongs to this process, so its endpoint stays the
    same over restarts and connections wait in its backlog meanwhile."""

    spawn: Spawn
    probe: MakeProbe = ServiceProbe
    external_probe: MakeProbe = ExternalProbe
    clock: Clock = field(default_factory=SystemClock)
    measure: Measure = family_memory

    def member(self, kind: EngineKind, link: Link, announce: Callable[[], None]) -> Member:
        """One that is not started. Raises `ConfigError` where no port is free."""
        if isinstance(link, External):
            endpoint = external_endpoint(kind, link.settings)
            return Member(link, Watcher(endpoint, self.external_probe, self.clock, announce))
        return Member(link, self._keeper(kind, link, announce))

    def _keeper(self, kind: EngineKind, model: InstalledModel, announce: Callable[[], None]) -> Keeper:
        sock = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        endpoint = EngineEndpoint(kind, url, secrets.token_urlsafe(32), served_name(model))
        return Keeper(
            endpoint,
            model,
            sock,
            self.spawn,
            self.probe,
            self.clock,
            announce,
            self.measure,
            is_last_resort=model == EMBEDDED[kind],
        )


def served_name(model: InstalledModel) -> str:
    """What a service calls it: the embedded engines have one model each, whoever describes it."""
    embedded = EMBEDDED[model.entry.kind]
    return embedded.id if model.entry.engine == embedded.entry.engine else model.id


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("%s stopped: the engine is kept no longer", task.get_name(), exc_info=error)

"""The keeper of all engines: children of our own, or services of others by URL, in a chain for each kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from types import TracebackType

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind, Settings
from sottovoce.errors import ConfigError
from sottovoce.models.engine_room import EngineModel, LoadState
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import External, Link, plan
from sottovoce.processes.clock import Clock, SystemClock
from sottovoce.services.chain import Chain
from sottovoce.services.keeper import Keeper
from sottovoce.services.loading import Measure, family_memory
from sottovoce.services.member import MakeProbe, Member, Recruiter
from sottovoce.services.memory import FreeMemory, free_memory
from sottovoce.services.probe import ExternalProbe, ServiceProbe
from sottovoce.services.process import Spawn, Spawner
from sottovoce.services.status import EngineState, EngineStatus
from sottovoce.services.swap import Swap, Swaps

Plan = Callable[[Mapping[EngineKind, InstalledModel]], Mapping[EngineKind, Sequence[Link]]]
"""The chains, with these models in place of the ones that were chosen."""


class Supervisor:
    """Starts and keeps alive the engines of `settings`; use it as an async context.

    Each kind has a chain of engines: the preferred one first, those behind it answer while it cannot. `use`
    changes the preferred one. Leaving the context stops all children in parallel, within
    `keeper.STOP_DEADLINE` and a little.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        kinds: Collection[EngineKind] = ENGINE_KINDS,
        planned: Plan | None = None,
        spawn: Spawn | None = None,
        probe: MakeProbe = ServiceProbe,
        external_probe: MakeProbe = ExternalProbe,
        clock: Clock | None = None,
        measure: Measure = family_memory,
        free_memory: FreeMemory = free_memory,
    ) -> None:
        """Of `kinds`, with the chains that are `planned`; None: by `settings`, choice and disk."""
        self._kinds = kinds
        self._settings = settings
        self._changed = asyncio.Event()
        self._planned = planned or partial(plan, settings)
        self._free_memory = free_memory
        self._recruiter = Recruiter(
            spawn or Spawner(settings.handed_down), probe, external_probe, clock or SystemClock(), measure
        )
        self._swaps = {kind: Swaps() for kind in kinds}
        self._chains: dict[EngineKind, Chain] = {}

    async def __aenter__(self) -> Supervisor:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Bind the sockets and begin to start the engines; `changes` tells how they come on.

        Raises `ConfigError`.
        """
        planned = await asyncio.to_thread(self._planned, {})
        try:
            for kind in self._kinds:
                self._chains[kind] = self._chain(kind, planned[kind])
        except ConfigError:
            await self.aclose()
            raise
        for chain in self._chains.values():
            for member in reversed(chain.members):  # the last one answers first
                member.start()

    async def aclose(self) -> None:
        """Stop the children. Returns when all are gone."""
        for chain in self._chains.values():
            chain.hasten()
        await asyncio.gather(*(swaps.cancel() for swaps in self._swaps.values()))
        await asyncio.gather(*(chain.aclose() for chain in self._chains.values()))

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        """Where `kind` answers, or will: the first of its chain."""
        return self.chain(kind)[0]

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        """Whom to ask now, by preference: those that are ready, else those that load; never empty."""
        return self._chains[kind].endpoints()

    def status(self, kind: EngineKind) -> EngineStatus:
        """Of the one in use, with the one that is to be in use instead."""
        return self._chains[kind].status()

    def statuses(self) -> dict[EngineKind, EngineStatus]:
        return {kind: chain.status() for kind, chain in self._chains.items()}

    def members(self, kind: EngineKind) -> tuple[EngineStatus, ...]:
        """Of all that run for `kind`, the preferred first, those on their way out last."""
        return self._chains[kind].statuses()

    def states(self) -> Sequence[EngineModel]:
        """Every model that is used, loaded or failed last, as `models.engine_room` wants it."""
        return [
            _as_model(member, is_preferred=member is chain.members[0])
            for chain in self._chains.values()
            for member in chain.current()
        ]

    async def use(self, kind: EngineKind, model: InstalledModel | None) -> None:
        """Make `model` (None: the embedded one) the preferred of its kind, without a gap.

        Its child is started beside the old one and takes its place when it is ready; the old one finishes
        what it has begun, and ends. Where memory holds only one of them the old one goes first, and those
        behind it answer meanwhile. Raises `EngineUnavailable` with the reason where the model cannot be
        loaded (code "model_failed"), has no room ("out_of_memory"), or another one is asked for meanwhile
        ("superseded"); nothing has changed then.
        """
        model = model or EMBEDDED[kind]
        links = (await asyncio.to_thread(self._planned, {kind: model}))[kind]
        free = partial(self._free_for, kind)
        swap = Swap(self._chains[kind], model, _fallbacks(kind, links), free)
        await self._swaps[kind].perform(swap)

    async def stand_by(self, kind: EngineKind) -> None:
        """Plan anew who stands behind the preferred model of `kind`, since other models have come or gone.

        A swap under way is let be. Raises as `use` does.
        """
        preferred = self._chains[kind].preferred_here()
        if preferred is not None and not self._swaps[kind].is_under_way:
            await self.use(kind, preferred)

    def suspect(self, endpoint: EngineEndpoint) -> None:
        """Its deadline passed without an answer. A child of ours that goes on so is ended and started again,
        though it seems well; engines of others are their owners' care."""
        member = self._chains[endpoint.kind].at(endpoint)
        if member is not None and isinstance(member.keeper, Keeper):
            member.keeper.suspect()

    async def changes(self) -> AsyncIterator[dict[EngineKind, EngineStatus]]:
        """All statuses now, and again after each change; a slow reader skips to the newest."""
        while True:
            changed = self._changed
            yield self.statuses()
            await changed.wait()

    async def wait_ready(self) -> None:
        """Until every kind has somebody ready; wrap it in a timeout."""
        async for statuses in self.changes():
            if all(status.state == "ready" for status in statuses.values()):
                return

    def _chain(self, kind: EngineKind, links: Sequence[Link]) -> Chain:
        def make(link: Link) -> Member:
            return self._recruiter.member(kind, link, self._announce)

        chain = Chain(kind, make, self._announce, self._settings.engine(kind).deadline)
        chain.start(links)
        return chain

    async def _free_for(self, kind: EngineKind) -> int:
        """What is free and not spoken for by the models that come for other kinds."""
        return await self._free_memory() - sum(
            _still_needed(chain.candidate)
            for other, chain in self._chains.items()
            if other != kind and chain.candidate is not None
        )

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _fallbacks(kind: EngineKind, links: Sequence[Link]) -> Sequence[Link]:
    """Those behind the first model that runs here; the embedded one stays behind whatever takes its place."""
    here = [link for link in links if not isinstance(link, External)]
    return here if here[:1] == [EMBEDDED[kind]] else here[1:]


def _still_needed(member: Member) -> int:
    if not isinstance(member.keeper, Keeper) or member.status.state != "loading":
        return 0
    return round(member.keeper.weight.memory_bytes * (1 - (member.status.progress or 0.0)))


_LOAD_STATES: Mapping[EngineState, LoadState] = {
    "loading": "loading",
    "warming": "warming",
    "ready": "ready",
    "restarting": "loading",
    "failed": "failed",
    "draining": "ready",
}


def _as_model(member: Member, *, is_preferred: bool) -> EngineModel:
    status = member.status
    return EngineModel(
        status.kind,
        status.model,
        _LOAD_STATES[status.state],
        progress=status.progress,
        reason=status.reason,
        is_preferred=is_preferred,
        is_external=member.is_external,
        load_seconds=status.load_seconds,
        memory_bytes=status.memory_bytes,
        restarts=status.restarts,
    )

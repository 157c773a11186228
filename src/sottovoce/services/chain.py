"""The engines of one kind: the preferred one, those behind it, and those on their way in or out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import External, Link
from sottovoce.services.member import Member
from sottovoce.services.status import EngineStatus

DRAIN_DEADLINE = 120.0
"""Seconds for an engine that was replaced to finish what it has begun: a long answer, most of an upload."""

COMING = ("loading", "warming", "restarting")

MakeMember = Callable[[Link], Member]


@dataclass(slots=True)
class Chain:
    """`members` are those to ask, in order of preference; `candidate` is one that is to become the first."""

    kind: EngineKind
    make: MakeMember
    announce: Callable[[], None]
    deadline: float | None = None
    """Of the preferred one, for the first of an answer."""
    members: list[Member] = field(default_factory=list)
    candidate: Member | None = None
    is_closing: bool = False
    """Whoever changes the chain need not put it right again."""
    _leaving: dict[Member, asyncio.Task[None]] = field(default_factory=dict)

    def endpoints(self) -> tuple[EngineEndpoint, ...]:
        """Whom to ask now: those that are ready, else those that may soon be; never empty."""
        return tuple(self._endpoint(member) for member in self._worth_asking())

    def status(self) -> EngineStatus:
        """Of the one in use, with the one that is to be in use instead."""
        used = self._worth_asking()[0]
        preferred = self.candidate or self.members[0]
        if preferred is used:
            return used.status
        return replace(used.status, preferred=preferred.status)

    def statuses(self) -> tuple[EngineStatus, ...]:
        """Of all that run, the preferred first, those on their way out last."""
        return tuple(member.status for member in self._everybody())

    def find(self, link: Link) -> Member | None:
        return next((member for member in self.members if member.link == link), None)

    def at(self, endpoint: EngineEndpoint) -> Member | None:
        """The member that answers there."""
        return next((each for each in self._everybody() if each.endpoint.url == endpoint.url), None)

    def preferred_here(self) -> InstalledModel | None:
        """The model that runs here before all others, if it is ready and not the embedded one."""
        for member in self.members:
            if isinstance(member.link, InstalledModel):
                is_real = member.link != EMBEDDED[self.kind] and member.status.state == "ready"
                return member.link if is_real else None
        return None

    def start(self, links: Sequence[Link]) -> None:
        """Begin with these. Raises `ConfigError`."""
        self.members = [self.make(link) for link in links]

    def arrange(self, links: Sequence[Link], candidate: Member | None = None) -> list[Member]:
        """Ask these from now on, in this order; returns those that are asked no more, which still run.

        `candidate` is one of them, made already. Who is new is started. Raises `ConfigError`.
        """
        known = [*self.members, *([candidate] if candidate else [])]
        before, arranged = self.members, [self._known(known, link) or self.make(link) for link in links]
        self.members = arranged
        for member in arranged:
            if member not in known:
                member.start()
        self.announce()
        return [member for member in before if member not in arranged]

    def expect(self, candidate: Member | None) -> None:
        """Show `candidate` as the one that is to be the first."""
        self.candidate = candidate
        self.announce()

    def desired(self, model: InstalledModel, fallbacks: Sequence[Link]) -> list[Link]:
        """The chain with `model` as the first that runs here: an engine given by URL goes before it, and
        behind the embedded one nobody is needed."""
        first = [member.link for member in self.members if isinstance(member.link, External)]
        behind = () if model == EMBEDDED[self.kind] else fallbacks
        return [*first, model, *(link for link in behind if link != model)]

    def dismiss(self, member: Member, deadline: float = DRAIN_DEADLINE) -> asyncio.Task[None]:
        """Let it finish what it has begun, and end it; the task is done when it is gone."""
        leaving = asyncio.create_task(member.drain(deadline), name=f"drain {member.endpoint.model}")
        self._leaving[member] = leaving
        leaving.add_done_callback(lambda _: self._left(member))
        return leaving

    async def all_left(self) -> None:
        """Returns when those that were dismissed are gone."""
        if self._leaving:
            await asyncio.wait(set(self._leaving.values()))

    def hasten(self) -> None:
        """It is about to close: those on their way out finish nothing more."""
        if not self.is_closing:
            self.is_closing = True
            for task in self._leaving.values():
                task.cancel()

    async def aclose(self) -> None:
        """Stop all, those on their way out included."""
        self.hasten()
        leaving, everybody = list(self._leaving.values()), self._everybody()
        await asyncio.gather(*leaving, *(member.end() for member in everybody), return_exceptions=True)

    def _left(self, member: Member) -> None:
        self._leaving.pop(member, None)
        self.announce()

    def current(self) -> list[Member]:
        """Those that are asked, and first the one that is to be the first."""
        coming = [] if self.candidate is None or self.candidate in self.members else [self.candidate]
        return [*coming, *self.members]

    def _everybody(self) -> list[Member]:
        return [*self.current(), *self._leaving]

    def _worth_asking(self) -> list[Member]:
        ready = [member for member in self.members if member.status.state == "ready"]
        ready.sort(key=lambda member: member.is_doubted)  # stable: nobody waits for one that may hang
        return ready or [each for each in self.members if each.status.state in COMING] or self.members

    def _endpoint(self, member: Member) -> EngineEndpoint:
        is_preferred = member is self.members[0]
        return replace(member.endpoint, deadline=self.deadline) if is_preferred else member.endpoint

    def _known(self, members: Sequence[Member], link: Link) -> Member | None:
        return next((member for member in members if member.link == link), None)

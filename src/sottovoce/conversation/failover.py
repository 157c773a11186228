"""Which engine of a chain to ask now, and which next: breakers, looks at those that failed, news of swaps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind
from sottovoce.conversation.breaker import Breaker, BreakerState
from sottovoce.conversation.engines import Absent, Engines, Used
from sottovoce.conversation.wellness import is_well

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0
"""Seconds between looks at an engine that is not well yet."""
CHAIN_INTERVAL = 0.25
"""Seconds between looks at the chains, which cost nothing: those who keep a connection have to leave an
engine that is replaced, also while nobody speaks."""

Outcome: TypeAlias = Literal["answered", "failed", "late", "opened", "closed"]
Among = Callable[[EngineEndpoint], bool]
Look = Callable[[EngineEndpoint], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Choice:
    """One engine to ask, in the order of preference. Whoever asks it tells how it went."""

    endpoint: EngineEndpoint
    is_last: bool
    """There is nobody to ask after it: it has all the time it may ever need."""
    is_trial: bool
    is_only: bool
    """There is no other at all."""
    _use: Used
    _breaker: Breaker
    _preferred: EngineEndpoint
    _preferred_breaker: Breaker
    _told: Callable[[Choice, Outcome], None]

    @property
    def used(self) -> Used:
        """What is to be told of it once it has answered: the preferred one may have failed only now."""
        if self._use.instead_of != self._preferred.model or self._preferred == self.endpoint:
            return self._use
        return replace(self._use, reason=self._preferred_breaker.reason or None)

    def deadline(self, default: float) -> float:
        """Seconds to the first of its answer; `default` where none is set for it."""
        whole = self.endpoint.deadline or default
        if self.is_last or not self.is_trial:
            return whole
        return self._breaker.trial(whole)

    def succeeded(self, took: float = 0.0) -> None:
        """Its answer has begun, `took` seconds after it was asked."""
        self._told(self, "answered")
        if self._breaker.succeeded(took):
            self._told(self, "closed")

    def failed(self, reason: str, *, is_late: bool = False) -> None:
        """It refused, broke off, or let its deadline pass before its answer began."""
        self._told(self, "late" if is_late else "failed")
        if self._breaker.failed(reason, is_late=is_late):
            self._told(self, "opened")

    @property
    def is_open(self) -> bool:
        return self._breaker.state == "open"


@dataclass(frozen=True, slots=True)
class EngineStanding:
    """How one engine of a chain stands, for status and metrics."""

    model: str
    breaker: BreakerState
    reason: str | None


@dataclass
class _Known:
    breaker: Breaker
    watch: asyncio.Task[None] | None = None


@dataclass
class _Listener:
    kind: EngineKind
    on_change: Callable[[], None]
    seen: tuple[EngineEndpoint, ...] = field(default=())


class Failover:
    """One for a process: what a conversation found out about an engine spares the others."""

    def __init__(
        self,
        engines: Engines,
        look: Look = is_well,
        now: Callable[[], float] = time.monotonic,
        absent: Callable[[EngineKind], Absent | None] = lambda kind: None,
        suspect: Callable[[EngineEndpoint], None] = lambda endpoint: None,
    ) -> None:
        """`absent` tells who is preferred to all of a chain and not in it, being started or lost. `suspect`
        is told of every deadline that passed: whoever keeps the engine alive may have to end it."""
        self._engines = engines
        self._absent = absent
        self._suspect = suspect
        self._look = look
        self._now = now
        self._known: dict[EngineEndpoint, _Known] = {}
        self._listeners: list[_Listener] = []
        self._polling: asyncio.Task[None] | None = None
        self.outcomes: Counter[tuple[EngineKind, str, Outcome]] = Counter()
        """By kind and model; for the metrics."""

    def chain(self, kind: EngineKind) -> tuple[EngineEndpoint, ...]:
        return tuple(self._engines.chain(kind))

    def choices(self, kind: EngineKind, among: Among = lambda endpoint: True) -> list[Choice]:
        """Whom to ask now, one after the other: those that work, and at its place one on trial.

        Where none works all are, for who knows. Only those that `among` accepts are considered, if there are
        any.
        """
        chain = self._among(kind, among)
        self._forget_departed()
        breakers = {endpoint: self._of(endpoint).breaker for endpoint in chain}
        able = [one for one in chain if breakers[one].state == "closed" or breakers[one].can_be_tried]
        asked = able or chain
        return [
            Choice(
                endpoint,
                is_last=endpoint is asked[-1],
                is_trial=breakers[endpoint].state != "closed",
                is_only=len(chain) == 1,
                _use=self._used(endpoint, chain[0]),
                _breaker=breakers[endpoint],
                _preferred=chain[0],
                _preferred_breaker=breakers[chain[0]],
                _told=self._note,
            )
            for endpoint in asked
        ]

    def first(self, kind: EngineKind, among: Among = lambda endpoint: True) -> EngineEndpoint:
        """The one that is asked first now; tries none."""
        chain = self._among(kind, among)
        return next((one for one in chain if self._of(one).breaker.state == "closed"), chain[0])

    def standings(self, kind: EngineKind) -> list[EngineStanding]:
        return [self._standing(endpoint) for endpoint in self.chain(kind)]

    def listen(self, kind: EngineKind, on_change: Callable[[], None]) -> Callable[[], None]:
        """Tell `on_change` when the chain of `kind` has changed, until what is returned is called."""
        listener = _Listener(kind, on_change, self.chain(kind))
        self._listeners.append(listener)
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll(), name="watch the chains of engines")
        return lambda: self._ignore(listener)

    async def aclose(self) -> None:
        """Stop looking. Idempotent."""
        watching = [known.watch for known in self._known.values() if known.watch is not None]
        tasks = [*watching, *([self._polling] if self._polling is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._polling = None

    def _among(self, kind: EngineKind, among: Among) -> list[EngineEndpoint]:
        whole = self.chain(kind)
        return [endpoint for endpoint in whole if among(endpoint)] or list(whole)

    def _used(self, endpoint: EngineEndpoint, preferred: EngineEndpoint) -> Used:
        if (absent := self._absent(endpoint.kind)) is not None and absent.model != endpoint.model:
            is_coming = absent.is_coming and endpoint == preferred  # else something is wrong behind it
            return Used(endpoint.model, absent.model, absent.reason, is_coming)
        if endpoint == preferred:
            return Used(endpoint.model)
        return Used(endpoint.model, preferred.model)

    def _of(self, endpoint: EngineEndpoint) -> _Known:
        return self._known.setdefault(endpoint, _Known(Breaker(self._now)))

    def _standing(self, endpoint: EngineEndpoint) -> EngineStanding:
        breaker = self._of(endpoint).breaker
        return EngineStanding(endpoint.model, breaker.state, breaker.reason or None)

    def _note(self, choice: Choice, outcome: Outcome) -> None:
        endpoint = choice.endpoint
        self.outcomes[endpoint.kind, endpoint.model, outcome] += 1
        if outcome == "late":
            self._suspect(endpoint)
        if outcome == "closed":
            logger.info("%s %s works again and is asked again", endpoint.kind, endpoint.model)
        elif outcome == "opened":
            reason = self._of(endpoint).breaker.reason
            logger.warning("%s %s is passed over until it is well: %s", endpoint.kind, endpoint.model, reason)
            self._watch(endpoint)

    def _watch(self, endpoint: EngineEndpoint) -> None:
        known = self._of(endpoint)
        if known.watch is None or known.watch.done():
            name = f"look at {endpoint.kind} {endpoint.model}"
            known.watch = asyncio.create_task(self._look_until_well(endpoint, known.breaker), name=name)

    async def _look_until_well(self, endpoint: EngineEndpoint, breaker: Breaker) -> None:
        """Health alone is asked for, never a piece of work."""
        await asyncio.sleep(breaker.rest)
        while breaker.state == "open" and endpoint in self.chain(endpoint.kind):
            if await self._look(endpoint):
                breaker.says_it_is_well()
                logger.info("%s %s says that it is well; it is tried next", endpoint.kind, endpoint.model)
                return
            await asyncio.sleep(LOOK_INTERVAL)

    def _forget_departed(self) -> None:
        there = {endpoint for kind in ENGINE_KINDS for endpoint in self.chain(kind)}
        for endpoint in [known for known in self._known if known not in there]:
            watch = self._known.pop(endpoint).watch
            if watch is not None:
                watch.cancel()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(CHAIN_INTERVAL)
            for listener in list(self._listeners):
                chain = self.chain(listener.kind)
                if chain != listener.seen:
                    listener.seen = chain
                    listener.on_change()

    def _ignore(self, listener: _Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners and self._polling is not None:
            self._polling.cancel()
            self._polling = None

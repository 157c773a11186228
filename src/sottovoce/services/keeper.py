"""The keeper of one engine child: starts it, watches it, ends it, starts it again."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sottovoce.config import EngineEndpoint
from sottovoce.models.installed import InstalledModel
from sottovoce.processes.backoff import Backoff
from sottovoce.processes.cancelling import cancelled
from sottovoce.processes.child import Child
from sottovoce.processes.clock import Clock
from sottovoce.processes.outcome import HOPELESS_STARTS, Outcome
from sottovoce.services.life import PROBE_INTERVAL, Life
from sottovoce.services.loading import Measure, Progress, Weight, family_memory, load_deadline, weigh
from sottovoce.services.probe import HealthReply, Probe
from sottovoce.services.process import Spawn
from sottovoce.services.status import EngineState, EngineStatus
from sottovoce.services.suspicion import Suspicion

logger = logging.getLogger(__name__)

STOP_DEADLINE = 5.0
"""Seconds for a child to end by itself; longer than the child's own `STOP_DEADLINE`."""

IDLE_LOOKS = 2
"""Looks in a row that find nothing open, before a draining child has nothing to do: whoever learnt its
address just before it was left may still be on the way."""


@dataclass(slots=True)
class Keeper:
    """Keeps the child behind `endpoint` alive for as long as `run` runs; `status` is always current.

    One that `is_last_resort` is tried for ever, if slowly: nobody stands behind it. One that `is_on_trial`
    has a single load to show that it can.
    """

    endpoint: EngineEndpoint
    model: InstalledModel
    sock: socket.socket
    spawn: Spawn
    probe: Callable[[EngineEndpoint], Probe]
    clock: Clock
    on_change: Callable[[], None]
    measure: Measure = family_memory
    is_last_resort: bool = True
    is_on_trial: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    status: EngineStatus = field(init=False)
    _life: Life | None = field(default=None, init=False)
    weight: Weight = field(default_factory=Weight, init=False)
    _ready_since: float | None = field(default=None, init=False)
    _suspicion: Suspicion = field(default_factory=Suspicion, init=False)
    _idle_looks: int = field(default=0, init=False)
    _is_leaving: bool = field(default=False, init=False)
    _outcome: Outcome = field(default_factory=Outcome, init=False)
    _asked: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        kind, model = self.endpoint.kind, self.endpoint.model
        self.status = EngineStatus(kind, model, "loading", since=self.clock.wall())

    async def run(self) -> None:
        """Until cancelled, or until a draining child ended; then the child is stopped before this returns."""
        while True:
            reason = await self._live()
            if self._is_leaving:
                return
            self._count(reason)
            if self.is_on_trial and self._ready_since is None:
                self._set("failed", reason, pid=None)
                return
            if self._outcome.is_hopeless and not self.is_last_resort:
                await self._leave_alone(reason)
            else:
                await self._back_off(reason)
            self._asked.clear()
            self._change(restarts=self.status.restarts + 1)

    async def loaded(self) -> str | None:
        """Once it is known how the load under way ends: None for well, else why not."""
        return await self._outcome.wait()

    @property
    def is_doubted(self) -> bool:
        """It is ready as far as is known, but did not answer the last look."""
        return self._life is not None and self._life.is_doubted

    def retry(self) -> None:
        """Try again what failed, at once."""
        if self.status.state in ("failed", "restarting") and self.status.pid is None:
            self._outcome.forget()
            self._asked.set()

    def suspect(self) -> None:
        """Somebody waited in vain for an answer. Enough of that in a short time, and the child is ended."""
        life, is_ready = self._life, self._ready_since is not None
        if life is not None and is_ready and self._suspicion.is_enough(self.clock.now()):
            logger.error("%s let its deadlines pass although it seems well", self._name)
            life.condemn("let its deadlines pass, although it seems well")

    async def drain(self, deadline: float) -> None:
        """Returns when nothing is open any more, or after `deadline` seconds. It is not started again."""
        self._is_leaving, self._idle_looks = True, 0
        self._set("draining", None, self.status.pid)
        until = self.clock.now() + deadline
        while self._life is not None and self._idle_looks < IDLE_LOOKS and self.clock.now() < until:
            await self.clock.sleep(PROBE_INTERVAL)

    async def _live(self) -> str:
        """One life of the child; returns why it ended, as the end of a sentence that begins with its name."""
        self._ready_since = None
        self._outcome.open()
        try:
            self.weight = await weigh(self.model)
            child = await self.spawn(self.endpoint.kind, self.sock, self.endpoint.api_key, self.model)
        except OSError as error:
            return f"cannot be started: {error}"
        self._change(size_bytes=self.weight.size_bytes or None, pid=child.pid)
        try:
            return await self._watched(child)
        except asyncio.CancelledError:
            if self._ready_since is not None:  # one that still loads has nothing to finish
                await child.stop(STOP_DEADLINE)
            raise
        finally:
            await child.kill()

    async def _watched(self, child: Child) -> str:
        probe = self.probe(self.endpoint)
        progress = Progress(self.weight.memory_bytes, self.measure)
        self._life = Life(
            child,
            probe,
            self.clock,
            self.measure,
            progress,
            load_deadline(self.weight.size_bytes),
            self._seen,
            lambda share: self._change(progress=round(share, 2)),
            lambda seconds, held: self._change(load_seconds=seconds, memory_bytes=held or None),
            self.on_change,
        )
        try:
            return await self._life.until_end()
        finally:
            self._life = None
            await probe.aclose()

    def _seen(self, health: HealthReply) -> None:
        self._idle_looks = 0 if health.busy else self._idle_looks + 1
        if self._is_leaving:
            return
        if health.status == "ready":
            self._seen_ready()
        elif self.status.state == "ready":
            self._set("restarting", "it is getting ready again", self.status.pid)
        elif health.status == "warming" and self.status.state == "loading":
            self._set("warming", None, self.status.pid)

    def _seen_ready(self) -> None:
        if self._ready_since is None:
            self._ready_since = self.clock.now()
            self._outcome.succeed()
        if self.status.state != "ready":
            self._set("ready", None, self.status.pid)

    def _count(self, reason: str) -> None:
        if self._ready_since is None:
            self._outcome.fail(reason)
        else:
            self._outcome.open()

    async def _leave_alone(self, reason: str) -> None:
        told = f"{reason} (tried {HOPELESS_STARTS} times; it is tried again when it is chosen anew)"
        logger.error("%s %s", self._name, told)
        self._set("failed", told, pid=None)
        await self._asked.wait()
        self._set("loading", None, pid=None)

    async def _back_off(self, reason: str) -> None:
        stood = 0.0 if self._ready_since is None else self.clock.now() - self._ready_since
        delay = self.backoff.delay(stood)
        self._set("failed" if self.backoff.is_exhausted else "restarting", reason, pid=None)
        logger.error("%s %s; starting it again in %.1f s", self._name, reason, delay)
        pausing = {asyncio.create_task(self.clock.sleep(delay)), asyncio.create_task(self._asked.wait())}
        try:
            await asyncio.wait(pausing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(*pausing)

    @property
    def _name(self) -> str:
        return f"{self.endpoint.kind} ({self.endpoint.model})"

    def _set(self, state: EngineState, reason: str | None, pid: int | None) -> None:
        since = self.status.since if state == self.status.state else self.clock.wall()
        progress = self.status.progress if state == "loading" else None
        if state != self.status.state:
            logger.info("%s is %s", self._name, state)
        self._change(state=state, reason=reason, pid=pid, since=since, progress=progress)

    def _change(self, **facts: Any) -> None:
        before, self.status = self.status, replace(self.status, **facts)
        if self.status != before:
            self.on_change()

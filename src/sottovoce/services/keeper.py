"""The keeper of one engine child: starts it, watches it, ends it, starts it again."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sottovoce.config import EngineEndpoint
from sottovoce.services.backoff import Backoff
from sottovoce.services.clock import Clock
from sottovoce.services.probe import Probe, ProbeFailure
from sottovoce.services.process import Child, Spawn
from sottovoce.services.status import EngineState, EngineStatus

logger = logging.getLogger(__name__)

PROBE_INTERVAL = 1.0
"""Seconds between two looks at a child that is ready."""

LOADING_INTERVAL = 0.1
"""Seconds between two looks at one that is not, and after a look that failed."""

LOAD_DEADLINE = 60.0
"""Seconds for a child to become ready, or ready again."""

MISSED_PROBES = 2
"""Looks in a row that must fail before a child counts as hung: one may fail because the parent was busy."""

STOP_DEADLINE = 5.0
"""Seconds for a child to end by itself; longer than the child's own `STOP_DEADLINE`."""


@dataclass(slots=True)
class Keeper:
    """Keeps the child behind `endpoint` alive for as long as `run` runs; `status` is always current."""

    endpoint: EngineEndpoint
    sock: socket.socket
    spawn: Spawn
    probe: Callable[[EngineEndpoint], Probe]
    clock: Clock
    on_change: Callable[[], None]
    backoff: Backoff = field(default_factory=Backoff)
    status: EngineStatus = field(init=False)
    _ready_since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        kind, model = self.endpoint.kind, self.endpoint.model
        self.status = EngineStatus(kind, model, "loading", since=self.clock.wall())

    async def run(self) -> None:
        """Until cancelled; then the child is stopped before this returns."""
        while True:
            reason = await self._live()
            stood = 0.0 if self._ready_since is None else self.clock.now() - self._ready_since
            delay = self.backoff.delay(stood)
            self._set("failed" if self.backoff.is_exhausted else "restarting", reason, pid=None)
            logger.error("%s %s; starting it again in %.1f s", self.endpoint.kind, reason, delay)
            await self.clock.sleep(delay)
            self.status = replace(self.status, restarts=self.status.restarts + 1)

    async def _live(self) -> str:
        """One life of the child; returns why it ended, as the end of a sentence that begins with its name."""
        self._ready_since = None
        try:
            child = await self.spawn(self.endpoint.kind, self.sock, self.endpoint.api_key)
        except OSError as error:
            return f"cannot be started: {error}"
        self._set(self.status.state, self.status.reason, pid=child.pid)
        try:
            return await self._until_end(child)
        except asyncio.CancelledError:
            if self._ready_since is not None:  # one that still loads has nothing to finish
                await child.stop(STOP_DEADLINE)
            raise
        finally:
            await child.kill()

    async def _until_end(self, child: Child) -> str:
        probe = self.probe(self.endpoint)
        exiting = asyncio.create_task(child.wait())
        watching = asyncio.create_task(self._watch(probe))
        try:
            await asyncio.wait({exiting, watching}, return_when=asyncio.FIRST_COMPLETED)
            return _exit_reason(exiting.result(), child.last_line) if exiting.done() else watching.result()
        finally:
            for task in (exiting, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await probe.aclose()

    async def _watch(self, probe: Probe) -> str:
        """Returns why the child has to be ended."""
        last_ready, missed, is_awake = self.clock.now(), 0, False
        while True:
            try:
                health = await probe.check()
            except ProbeFailure as failure:
                missed += 1
                if is_awake and missed >= MISSED_PROBES:
                    return f"hangs: {failure}"
            else:
                missed, is_awake = 0, True
                if health.status == "failed":
                    return f"gave up: {health.reason}"
                if health.status == "ready":
                    last_ready = self.clock.now()
                    self._seen_ready()
                else:
                    self._seen_loading()
            if self.clock.now() - last_ready >= LOAD_DEADLINE:
                return f"was not ready within {LOAD_DEADLINE:.0f} s"
            is_calm = missed == 0 and self.status.state == "ready"
            await self.clock.sleep(PROBE_INTERVAL if is_calm else LOADING_INTERVAL)

    def _seen_ready(self) -> None:
        if self._ready_since is None:
            self._ready_since = self.clock.now()
        if self.status.state != "ready":
            self._set("ready", None, self.status.pid)

    def _seen_loading(self) -> None:
        if self.status.state == "ready":
            self._set("restarting", "it is getting ready again", self.status.pid)

    def _set(self, state: EngineState, reason: str | None, pid: int | None) -> None:
        before = self.status
        since = before.since if state == before.state else self.clock.wall()
        self.status = replace(before, state=state, reason=reason, pid=pid, since=since)
        if state != before.state:
            logger.info("%s is %s", self.endpoint.kind, state)
        if self.status != before:
            self.on_change()


def _exit_reason(status: int, last_line: str) -> str:
    if status < 0:
        try:
            how = f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            how = f"was killed by signal {-status}"
    else:
        how = f"ended with status {status}"
    return f"{how}: {last_line}" if last_line and status > 0 else how

"""Keeping one child alive: begun, looked at, ended when it hangs, begun again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from sottovoce.processes.backoff import Backoff
from sottovoce.processes.cancelling import cancelled
from sottovoce.processes.child import Child
from sottovoce.processes.clock import Clock, SystemClock
from sottovoce.processes.ending import ended
from sottovoce.processes.outcome import HOPELESS_STARTS, Outcome

logger = logging.getLogger(__name__)

READY_INTERVAL = 1.0
"""Seconds between two looks at a child that is ready."""
STARTING_INTERVAL = 0.2
"""Seconds between two looks at one that is not."""
MISSED_LOOKS = 3
"""Looks in a row without an answer, after which a child hangs: one may fail because the machine was busy."""
HOPELESS_PAUSE = 60.0
"""Seconds between two starts of a child that fails in the same words each time. It is not given up: what is
in its way may go."""

State: TypeAlias = Literal["starting", "ready", "restarting", "failed"]
Seen: TypeAlias = Literal["ready", "starting", "silent"]


@dataclass(frozen=True, slots=True)
class KeptStatus:
    """`reason` says why it is not ready, as the end of a sentence that begins with its name."""

    state: State = "starting"
    reason: str | None = None
    pid: int | None = None
    restarts: int = 0


@dataclass(slots=True)
class Keeping:
    """Keeps a child alive for as long as `run` runs; `status` is always current.

    `begin` starts it and raises OSError where that fails. `look` asks how it fares. One that is not ready
    `ready_deadline` seconds after its start, or falls silent once it was, is ended and begun again.
    """

    name: str
    begin: Callable[[], Awaitable[Child]]
    look: Callable[[], Awaitable[Seen]]
    on_change: Callable[[], None]
    ready_deadline: float | None = None
    stop_deadline: float = 5.0
    clock: Clock = field(default_factory=SystemClock)
    backoff: Backoff = field(default_factory=Backoff)
    status: KeptStatus = field(default_factory=KeptStatus, init=False)
    _ready_since: float | None = field(default=None, init=False)
    _outcome: Outcome = field(default_factory=Outcome, init=False)

    async def run(self) -> None:
        """Until cancelled; then the child is stopped before this returns."""
        try:
            while True:
                reason = await self._live()
                await self.clock.sleep(self._pause(reason))
                self._change(restarts=self.status.restarts + 1)
        except Exception as error:  # nobody may wait for this before all ends
            logger.exception("%s is kept no longer", self.name)
            self._change(
                state="failed", reason=f"is kept no longer: {error or type(error).__name__}", pid=None
            )
            raise

    async def _live(self) -> str:
        """One life; returns why it ended."""
        self._ready_since = None
        try:
            child = await self.begin()
        except OSError as error:
            return f"cannot be started: {error}"
        self._change(pid=child.pid)
        try:
            return await self._watched(child)
        except asyncio.CancelledError:
            await child.stop(self.stop_deadline)
            raise
        finally:
            await child.kill()

    async def _watched(self, child: Child) -> str:
        exiting = asyncio.create_task(child.wait())
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait({exiting, watching}, return_when=asyncio.FIRST_COMPLETED)
            return ended(exiting.result(), child.last_words) if exiting.done() else watching.result()
        finally:
            await cancelled(exiting, watching)

    async def _watch(self) -> str:
        """Returns why the child has to be ended."""
        born, missed = self.clock.now(), 0
        while True:
            seen = await self.look()
            missed = missed + 1 if seen == "silent" else 0
            if seen != "silent":
                self._see(is_ready=seen == "ready")
            if self._ready_since is not None and missed >= MISSED_LOOKS:
                return "hangs: it does not answer"
            if self._is_late(born):
                return f"was not ready within {self.ready_deadline:.0f} s"
            is_calm = self.status.state == "ready" and missed == 0
            await self.clock.sleep(READY_INTERVAL if is_calm else STARTING_INTERVAL)

    def _is_late(self, born: float) -> bool:
        if self.ready_deadline is None or self._ready_since is not None:
            return False
        return self.clock.now() - born >= self.ready_deadline

    def _see(self, *, is_ready: bool) -> None:
        if not is_ready:
            if self.status.state == "ready":
                self._change(state="starting", reason="is getting ready again")
            return
        if self._ready_since is None:
            self._ready_since = self.clock.now()
            self._outcome.succeed()
        if self.status.state != "ready":
            logger.info("%s is ready", self.name)
            self._change(state="ready", reason=None)

    def _pause(self, reason: str) -> float:
        """Counts the failure, tells of it, and gives the seconds to the next start."""
        if self._ready_since is None:
            self._outcome.fail(reason)
        stood = 0.0 if self._ready_since is None else self.clock.now() - self._ready_since
        delay = self.backoff.delay(stood)
        if self._outcome.is_hopeless:
            told, delay = f"{reason} ({HOPELESS_STARTS} times in a row)", HOPELESS_PAUSE
            self._change(state="failed", reason=told, pid=None)
        else:
            self._change(state="restarting", reason=reason, pid=None)
        logger.error("%s %s; starting it again in %.1f s", self.name, self.status.reason, delay)
        return delay

    def _change(self, **facts: Any) -> None:
        before, self.status = self.status, replace(self.status, **facts)
        if self.status != before:
            self.on_change()

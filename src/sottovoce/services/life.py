"""One life of an engine child, watched from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from sottovoce.processes.cancelling import cancelled
from sottovoce.processes.child import Child
from sottovoce.processes.clock import Clock
from sottovoce.services.ending import exit_reason
from sottovoce.services.loading import WARM_DEADLINE, Measure, Progress
from sottovoce.services.probe import HealthReply, Probe, ProbeFailure

PROBE_INTERVAL = 1.0
"""Seconds between two looks at a child that is ready."""

LOADING_INTERVAL = 0.1
"""Seconds between two looks at one that is not, and after a look that failed."""

PROGRESS_INTERVAL = 0.5
"""Seconds between two measurements of how much memory a loading child holds: each reads all of /proc."""

MISSED_PROBES = 2
"""Looks in a row that must fail before a child counts as hung: one may fail because the parent was busy."""

Seen: TypeAlias = Callable[[HealthReply], None]


@dataclass(slots=True)
class Life:
    """`deadline` is for becoming ready, in seconds. `on_seen` is called with every answer of the child.

    A child that was not ready yet may be silent until then: engines hold the interpreter while they load.
    """

    child: Child
    probe: Probe
    clock: Clock
    measure: Measure
    progress: Progress
    deadline: float
    on_seen: Seen
    on_progress: Callable[[float], None]
    on_loaded: Callable[[float, int], None]
    """Called once, with the seconds that it took to be ready and the bytes that it holds then."""
    on_doubt: Callable[[], None]
    """Called whenever `is_doubted` has changed."""
    _born: float = field(init=False)
    _calm: float = field(init=False)
    _measured: float = field(init=False)
    _missed: int = field(default=0, init=False)
    _was_ready: bool = field(default=False, init=False)
    _state: str = field(default="loading", init=False)
    _condemned: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _verdict: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._born = self._calm = self._measured = self.clock.now()

    def condemn(self, verdict: str) -> None:
        """It has to end, because of `verdict`."""
        self._verdict = verdict
        self._condemned.set()

    async def until_end(self) -> str:
        """Why it ended, or has to be ended, as the end of a sentence that begins with its name."""
        exiting = asyncio.create_task(self.child.wait())
        watching = asyncio.create_task(self._watch())
        condemned = asyncio.create_task(self._condemned.wait())
        try:
            await asyncio.wait({exiting, watching, condemned}, return_when=asyncio.FIRST_COMPLETED)
            if exiting.done():
                return exit_reason(exiting.result(), self.child.last_words)
            return watching.result() if watching.done() else self._verdict
        finally:
            await cancelled(exiting, watching, condemned)

    async def _watch(self) -> str:
        """Returns why the child has to be ended."""
        while True:
            if fault := await self._look():
                return fault
            if self.clock.now() - self._calm >= self._allowed:
                return f"was not ready within {self._allowed:.0f} s"
            await self._measure_progress()
            is_calm = self._missed == 0 and self._state == "ready"
            await self.clock.sleep(PROBE_INTERVAL if is_calm else LOADING_INTERVAL)

    async def _look(self) -> str | None:
        try:
            health = await self.probe.check()
        except ProbeFailure as failure:
            self._count_misses(self._missed + 1)
            is_hung = self._was_ready and self._missed >= MISSED_PROBES
            return f"hangs: {failure}" if is_hung else None
        self._count_misses(0)
        if health.status == "failed":
            return f"gave up: {(health.reason or '').rstrip('.')}"
        await self._see(health)
        return None

    @property
    def is_doubted(self) -> bool:
        """It worked, and is silent; whether it hangs or is merely slow is not known yet."""
        return self._was_ready and self._missed > 0

    def _count_misses(self, missed: int) -> None:
        was_doubted, self._missed = self.is_doubted, missed
        if self.is_doubted != was_doubted:
            self.on_doubt()

    async def _see(self, health: HealthReply) -> None:
        if health.status == "ready" or health.status != self._state:
            self._calm = self.clock.now()  # each step has a deadline of its own
        self._state = health.status
        if health.status == "ready" and not self._was_ready:
            self._was_ready = True
            self.on_loaded(self.clock.now() - self._born, await self.measure(self.child.pid))
        self.on_seen(health)

    @property
    def _allowed(self) -> float:
        return WARM_DEADLINE if self._state == "warming" else self.deadline

    async def _measure_progress(self) -> None:
        is_loading = self._state == "loading" and not self._was_ready
        if not is_loading or self.clock.now() - self._measured < PROGRESS_INTERVAL:
            return
        self._measured = self.clock.now()
        share = await self.progress.look(self.child.pid)
        if share is not None:
            self.on_progress(share)

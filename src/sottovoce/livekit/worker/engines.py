"""Whether somebody answers for every kind of engine, looked at before anybody is promised a conversation."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind
from sottovoce.conversation.engines import Engines
from sottovoce.conversation.wellness import is_well

logger = logging.getLogger(__name__)

WELL_INTERVAL: Final = 5.0
"""Seconds between looks while all is well."""
UNWELL_INTERVAL: Final = 1.0
"""The same while something is missing: rooms wait for it."""
FRESH: Final = 2.0
"""Seconds for which a look is good enough for a job that is offered."""

Look = Callable[[EngineEndpoint], Awaitable[bool]]


class EngineWatch:
    """`missing` are the kinds that nobody answers for, as of the last look; all of them before the first."""

    def __init__(
        self,
        engines: Engines,
        on_change: Callable[[], None] = lambda: None,
        *,
        look: Look = is_well,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.missing: tuple[EngineKind, ...] = ENGINE_KINDS
        self._engines = engines
        self._on_change = on_change
        self._look = look
        self._now = now
        self._looked: float | None = None
        self._has_said = False
        self._looking: asyncio.Task[None] | None = None
        self._again = asyncio.Event()

    @property
    def reason(self) -> str | None:
        return f"nobody answers for {' and '.join(self.missing)}" if self.missing else None

    def look_soon(self) -> None:
        """The engines are others now."""
        self._looked = None
        self._again.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self._again.clear()
            await self.look()
            try:
                async with asyncio.timeout(UNWELL_INTERVAL if self.missing else WELL_INTERVAL):
                    await self._again.wait()
            except TimeoutError:
                continue

    async def are_well(self) -> bool:
        """By a look that is not older than `FRESH`."""
        if self._looked is None or self._now() - self._looked >= FRESH:
            await self.look()
        return not self.missing

    async def look(self) -> None:
        """Now; whoever asks meanwhile gets the same look."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_at_all(), name="look at the engines")
            self._looking.add_done_callback(self._looked_at_all)
        await asyncio.shield(self._looking)

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _looked_at_all(self, task: asyncio.Task[None]) -> None:
        self._looking = None

    async def _look_at_all(self) -> None:
        answers = await asyncio.gather(*map(self._has_somebody, ENGINE_KINDS))
        missing = tuple(kind for kind, is_there in zip(ENGINE_KINDS, answers, strict=True) if not is_there)
        self._looked = self._now()
        if missing == self.missing and self._has_said:
            return
        self.missing, self._has_said = missing, True
        if missing:
            logger.warning("%s, or not with the key that is set: no job is taken", self.reason)
        else:
            logger.info("somebody answers for every engine: jobs are taken")
        self._on_change()

    async def _has_somebody(self, kind: EngineKind) -> bool:
        looks = [asyncio.ensure_future(self._look(one)) for one in self._engines.chain(kind)]
        try:
            for answer in asyncio.as_completed(looks):
                if await answer:
                    return True
            return False
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

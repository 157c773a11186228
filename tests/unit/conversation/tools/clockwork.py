"""A clock that moves only when told, for what sleeps and tells the time."""

from __future__ import annotations

import asyncio
import heapq
import random
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from sottovoce.conversation.tools import ToolContext

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 22, 15, 45, tzinfo=ZONE)
"""A Sunday."""


class Clockwork:
    """Seconds since `START`; `advance` wakes the sleepers in the order they are due."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.time

    def now(self, zone: tzinfo) -> datetime:
        return (START + timedelta(seconds=self.time)).astimezone(zone)

    async def sleep(self, delay: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + delay, len(self._sleepers), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        end = self.time + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.time, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await settle()
        self.time = end


async def settle() -> None:
    """Let the tasks that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def make_context(clock: Clockwork, said: list[str]) -> ToolContext:
    return ToolContext(
        announce=said.append,
        zone=ZONE,
        now=clock.now,
        rng=random.Random(1),
        monotonic=clock.monotonic,
        sleep=clock.sleep,
    )

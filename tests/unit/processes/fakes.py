"""Children that are not processes, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field


class FakeClock:
    """Stands still until `advance` moves it, waking sleepers one by one in their order."""

    def __init__(self) -> None:
        self.time = 0.0
        self._count = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_000_000 + self.time

    async def sleep(self, seconds: float) -> None:
        waking = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._count), waking))
        await waking

    async def advance(self, seconds: float) -> None:
        until = self.time + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until + 1e-9:
            self.time, _, waking = heapq.heappop(self._sleepers)
            if not waking.done():
                waking.set_result(None)
            await settle()
        self.time = until


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(30):
        await asyncio.sleep(0)


@dataclass
class FakeChild:
    pid: int
    model: str = ""
    last_words: str = ""
    ended: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    signals: list[str] = field(default_factory=list)

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    async def stop(self, deadline: float) -> None:
        self.signals.append("stop")
        self.end(0)

    async def kill(self) -> None:
        self.signals.append("kill")
        self.end(-9)

    def end(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)

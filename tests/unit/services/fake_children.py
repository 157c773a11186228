"""Children that are not processes, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import socket
from dataclasses import dataclass, field

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.models.installed import InstalledModel
from sottovoce.services.probe import HealthReply, ProbeFailure

READY = HealthReply(status="ready")
LOADING = HealthReply(status="loading")
SILENCE = ProbeFailure("it did not answer in time")


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


class FakeSystem:
    """Spawns fake children and answers for them: `health` is what the next looks see, by kind, and
    `of_model` the same for single models, which comes before it."""

    def __init__(self) -> None:
        self.children: dict[EngineKind, list[FakeChild]] = {"stt": [], "llm": [], "tts": []}
        self.health: dict[EngineKind, HealthReply | ProbeFailure] = {"stt": READY, "llm": READY, "tts": READY}
        self.of_model: dict[str, HealthReply | ProbeFailure] = {}
        self.keys: list[str] = []
        self.models: list[str] = []
        self.spawn_error: OSError | None = None
        self.open_probes = 0
        self.looks = 0
        self.memory = 50_000_000

    async def spawn(
        self, kind: EngineKind, sock: socket.socket, key: str, model: InstalledModel
    ) -> FakeChild:
        if self.spawn_error is not None:
            raise self.spawn_error
        self.keys.append(key)
        self.models.append(model.id)
        child = FakeChild(100 + sum(map(len, self.children.values())), model.id)
        self.children[kind].append(child)
        return child

    def running(self, kind: EngineKind) -> list[str]:
        """The models whose children live."""
        return [child.model for child in self.children[kind] if not child.ended.done()]

    def child(self, model: str) -> FakeChild:
        """The newest child that serves `model`."""
        everybody = [child for children in self.children.values() for child in children]
        return [child for child in everybody if child.model == model][-1]

    async def measure(self, pid: int) -> int:
        return self.memory

    def probe(self, endpoint: EngineEndpoint) -> FakeProbe:
        self.open_probes += 1
        return FakeProbe(self, endpoint)


@dataclass
class FakeProbe:
    system: FakeSystem
    endpoint: EngineEndpoint

    async def check(self) -> HealthReply:
        self.system.looks += 1
        at = self.endpoint
        seen = self.system.of_model.get(at.model, self.system.health[at.kind])
        if isinstance(seen, ProbeFailure):
            raise seen
        return seen

    async def aclose(self) -> None:
        self.system.open_probes -= 1

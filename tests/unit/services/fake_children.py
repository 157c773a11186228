"""Engine services that are not processes."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.models.installed import InstalledModel
from sottovoce.services.probe import HealthReply, ProbeFailure
from tests.unit.processes.fakes import FakeChild

READY = HealthReply(status="ready")
LOADING = HealthReply(status="loading")
SILENCE = ProbeFailure("it did not answer in time")


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

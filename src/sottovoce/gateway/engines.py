"""What the gateway asks about the engines; who keeps them alive is wired in by `serve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sottovoce.config import EngineEndpoint, EngineKind

EngineState: TypeAlias = Literal["ready", "loading", "restarting", "failed"]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine as people see it; `reason` says why it is not ready, where that is known."""

    model: str
    state: EngineState
    is_local: bool = True
    reason: str | None = None


class EngineDirectory(Protocol):
    """Where each engine answers and how it fares. Both answer at once, from memory."""

    def endpoint(self, kind: EngineKind) -> EngineEndpoint: ...

    def status(self, kind: EngineKind) -> EngineStatus: ...

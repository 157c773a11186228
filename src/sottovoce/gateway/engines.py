"""What the gateway asks about the engines; who keeps them alive is wired in by `serve`."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Where each engine answers and how it fares. All answer at once, from memory."""

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        """The first of its chain."""

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        """Whom to ask, the preferred one first; never empty. It changes: ask anew for each request."""

    def status(self, kind: EngineKind) -> EngineStatus: ...

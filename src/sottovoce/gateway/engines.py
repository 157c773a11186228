"""What the gateway asks about the engines; who keeps them alive is wired in by `serve`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sottovoce.config import EngineEndpoint, EngineKind

EngineState: TypeAlias = Literal["ready", "loading", "warming", "restarting", "failed", "draining"]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine as people see it.

    `reason` says why it is not ready, where that is known. `progress` is from 0 to 1 while it loads.
    `load_seconds` is what its last load took, `memory_bytes` what it held after that, `size_bytes` that of
    its files. `preferred` is the one that would be asked instead if it were ready: it is still coming, or has
    failed.
    """

    model: str
    state: EngineState
    is_local: bool = True
    reason: str | None = None
    progress: float | None = None
    load_seconds: float | None = None
    memory_bytes: int | None = None
    size_bytes: int | None = None
    preferred: EngineStatus | None = None


class EngineDirectory(Protocol):
    """Where each engine answers and how it fares. All answer at once, from memory."""

    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        """The first of its chain."""

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        """Whom to ask, the preferred one first; never empty. It changes: ask anew for each request."""

    def status(self, kind: EngineKind) -> EngineStatus:
        """Of the one in use: the first of its chain."""

    def members(self, kind: EngineKind) -> Sequence[EngineStatus]:
        """Of all that run for `kind`, the preferred one first, those that are on their way out last."""

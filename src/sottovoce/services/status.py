"""How an engine fares, as the supervisor sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sottovoce.config import EngineKind

EngineState: TypeAlias = Literal["loading", "warming", "ready", "restarting", "failed", "draining"]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine at one moment.

    loading: on its first way to ready. warming: loaded, and working for the first time. restarting: it was
    ready, or tried to be, and is tried again. failed: it failed too often in a row. draining: another one
    took its place, and it ends with what it has begun.

    `reason` says why it is not ready, where that is known. `pid` is None for an engine of others and between
    two lives; `since` is the Unix time of the last change of state. `progress` is from 0 to 1 while it loads,
    where that can be told. `load_seconds` is what its last load took from the start of the process to ready,
    `memory_bytes` what its processes held then, `size_bytes` that of its model's files. `preferred` is the
    engine that would be in use instead of this one if it were ready: it is still coming, or it failed.
    """

    kind: EngineKind
    model: str
    state: EngineState
    is_local: bool = True
    """Whether it runs on this machine, though it may be of others."""
    is_external: bool = False
    reason: str | None = None
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0
    progress: float | None = None
    load_seconds: float | None = None
    memory_bytes: int | None = None
    size_bytes: int | None = None
    preferred: EngineStatus | None = None

    @property
    def is_settled(self) -> bool:
        """It is ready, and nobody better is on the way."""
        return self.state == "ready" and (self.preferred is None or self.preferred.state == "failed")

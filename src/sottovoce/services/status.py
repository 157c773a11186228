"""How an engine fares, as the supervisor sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sottovoce.config import EngineKind

EngineState: TypeAlias = Literal["loading", "ready", "restarting", "failed"]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine at one moment.

    loading: on its first way to ready. restarting: it was ready, or tried to be, and is tried again. failed:
    it failed too often in a row; retries go on, slowly. `reason` says why it is not ready, where that is
    known. `pid` is None for an engine of others and between two lives; `since` is the Unix time of the last
    change of state.
    """

    kind: EngineKind
    model: str
    state: EngineState
    is_local: bool = True
    reason: str | None = None
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0

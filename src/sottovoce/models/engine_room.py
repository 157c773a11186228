"""What the models' desk asks of whoever keeps the engines running; the supervisor is one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sottovoce.config import EngineKind
from sottovoce.models.installed import InstalledModel

LoadState: TypeAlias = Literal["loading", "warming", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class EngineModel:
    """One model that an engine loads or serves, in the chain of its kind or on its way there.

    `progress` runs from 0 to 1 while it loads, None where that is unknown. `is_preferred`: it is the first of
    its chain. `load_seconds` is what the last loading took, `memory_bytes` what its process holds.
    """

    kind: EngineKind
    model: str
    state: LoadState
    progress: float | None = None
    reason: str | None = None
    is_preferred: bool = False
    is_external: bool = False
    load_seconds: float | None = None
    memory_bytes: int | None = None
    restarts: int = 0


class EngineRoom(Protocol):
    """Where models run. All but `use` answer at once, from memory."""

    async def use(self, kind: EngineKind, model: InstalledModel | None) -> None:
        """Make `model` (None: the embedded one) the preferred of its kind, without a gap.

        Returns when it is ready and takes what is new. Raises `EngineError` with the reason where it cannot
        be loaded; nothing has changed then.
        """

    async def stand_by(self, kind: EngineKind) -> None:
        """Plan anew who stands behind the preferred model of `kind`, since other models have come or gone."""

    def states(self) -> Sequence[EngineModel]:
        """Every model that is loaded, being loaded or failed last: by kind, the preferred ones first."""

    def changes(self) -> AsyncIterator[object]:
        """Yields now and after each change of `states`; a slow reader misses what lies between."""

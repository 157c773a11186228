"""Whom a conversation asks: what it has to know of those who keep the engines alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sottovoce.config import EngineEndpoint, EngineKind


class Engines(Protocol):
    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        """Whom to ask, the preferred one first; never empty. It changes: ask anew each time."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The model of an engine that would be asked first if it were ready, and why it is not."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Used:
    """The engine that did a part of a turn, by its model.

    Where it is not the preferred one, `instead_of` is that one's model and `reason` why it was not used.
    """

    model: str
    instead_of: str | None = None
    reason: str | None = None

"""Whom a conversation asks: what it has to know of those who keep the engines alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from sottovoce.config import EngineEndpoint, EngineKind


class Engines(Protocol):
    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        """Whom to ask, the preferred one first; never empty. It changes: ask anew each time."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The model of an engine that would be asked first if it were ready, and why it is not.

    One that `is_coming` is loaded for the first time: nothing is wrong with it.
    """

    model: str
    reason: str
    is_coming: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """The engine that did a part of a turn, by its model.

    Where it is not the preferred one, `instead_of` is that one's model and `reason` why it was not used.
    `is_coming`: for no other reason than that it is loaded for the first time.
    """

    model: str
    instead_of: str | None = None
    reason: str | None = None
    is_coming: bool = False

    def __str__(self) -> str:
        if self.instead_of is None:
            return self.model
        return f"{self.model} instead of {self.instead_of} ({self.reason or 'it failed'})"


Uses: TypeAlias = Mapping[EngineKind, tuple[Used, ...]]
"""The engines that did the parts of a turn: each once, where it was used last."""


def together(*parts: Uses) -> dict[EngineKind, tuple[Used, ...]]:
    """All of them, one part after the other. Of a fallback the last reason that was known stays."""
    found: dict[EngineKind, tuple[Used, ...]] = {}
    for part in parts:
        for kind, uses in part.items():
            for used in uses:
                found[kind] = _with(found.get(kind, ()), used)
    return found


def _with(uses: tuple[Used, ...], used: Used) -> tuple[Used, ...]:
    def is_same(one: Used) -> bool:
        return (one.model, one.instead_of) == (used.model, used.instead_of)

    reasons = [one.reason for one in uses if is_same(one)]
    latest = replace(used, reason=used.reason or next(iter(reasons), None))
    return (*(one for one in uses if not is_same(one)), latest)


def in_words(uses: Uses) -> str:
    """For the log: every engine by its kind."""
    kinds = (f"{kind} {' and '.join(map(str, uses[kind]))}" for kind in sorted(uses))
    return ", ".join(kinds) or "no engine"

"""What is told of engines in the terminal, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.config import EngineKind
    from sottovoce.services.status import EngineStatus

STEP = 0.2
"""The share of a load that is worth a line."""

ROLES: Mapping[EngineKind, str] = {"stt": "hears", "llm": "thinks", "tts": "speaks"}


def described(status: EngineStatus) -> str:
    """The engine and how it fares, in a few words."""
    text = f"{status.model} {status.state}"
    if status.state == "loading" and status.progress is not None:
        return f"{text} {status.progress:.0%}"
    if status.reason and status.state != "ready":
        return f"{text}: {status.reason}"
    if status.state == "ready" and status.load_seconds is not None:
        return f"{text} after {status.load_seconds:.1f} s"
    return text


class Lines:
    """Tells each step of each engine once."""

    def __init__(self) -> None:
        self._told: dict[tuple[EngineKind, str], tuple[object, ...]] = {}

    def news(self, members: Mapping[EngineKind, Sequence[EngineStatus]]) -> Iterator[str]:
        """What is new since the last time. The last of equal names counts: one replaces the other."""
        for kind, statuses in members.items():
            for status in {status.model: status for status in reversed(statuses)}.values():
                step = int((status.progress or 0.0) / STEP + 1e-6)
                told = (status.state, step, status.reason)
                if self._told.get((kind, status.model)) != told:
                    self._told[kind, status.model] = told
                    yield f"{kind}  {described(status)}"


def line_up(statuses: Mapping[EngineKind, EngineStatus]) -> Iterator[str]:
    """Who hears, thinks and speaks now, and who will."""
    for kind, status in statuses.items():
        now = f"{ROLES[kind]:<6} {status.model}"
        if status.preferred is None:
            yield now if status.state == "ready" else f"{now} ({status.state})"
        elif status.preferred.state == "failed":
            yield f"{now}, for {status.preferred.model} failed"
        else:
            yield f"{now} until {status.preferred.model} is ready"

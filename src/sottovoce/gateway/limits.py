"""The gateway's bounds, each with what it protects, and the counting of sessions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from sottovoce.errors import ServerFullError
from sottovoce.http.body import MAX_JSON_BYTES


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """Sizes in bytes, times in seconds."""

    json_bytes: int = MAX_JSON_BYTES
    """Memory of the engines from one request's JSON."""
    upload_bytes: int = 25 * 1024 * 1024
    """Memory and disk of the recogniser from one upload; OpenAI's own limit."""
    body_deadline: float = 120.0
    """Connections from senders that drip: a whole upload must have come by then."""
    half_open_calls: int = 4
    """Sockets and sessions from callers that never connect."""
    call_deadline: float = 15.0
    """The same, in time: a call that is not connected by then is ended."""


SHUTDOWN_DEADLINE = 8.0
"""Seconds for all sessions to close when the server stops; the process has promised to be gone in 10."""

SESSION_RETRY_AFTER = 5.0
"""Seconds after which a refused client may try again: sessions last minutes, not milliseconds."""


class Slots:
    """Counts how many of a bounded number are taken; a full house refuses at once."""

    def __init__(self, limit: int, noun: str) -> None:
        self.limit = limit
        self.taken = 0
        self._noun = noun
        self._is_closed = False
        self._is_free = asyncio.Event()
        self._is_free.set()

    def take(self) -> Slot:
        """Raises `ServerFullError` when all are taken, or none is given any more."""
        if self._is_closed:
            raise ServerFullError("The server is shutting down.", retry_after=SESSION_RETRY_AFTER)
        if self.taken >= self.limit:
            raise ServerFullError(
                f"The server is full: it has {self.limit} {self._noun}. Try again in a moment.",
                retry_after=SESSION_RETRY_AFTER,
            )
        self.taken += 1
        self._is_free.clear()
        return Slot(self)

    def give_back(self) -> None:
        """Called by `Slot.release` alone, which sees to it that a place comes back once."""
        self.taken -= 1
        if self.taken == 0:
            self._is_free.set()

    def close(self) -> None:
        """Give no more places. Idempotent."""
        self._is_closed = True

    async def wait_until_free(self) -> None:
        """Returns when no place is taken."""
        await self._is_free.wait()


class Slot:
    """One taken place; given back once, however often it is released."""

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def release(self) -> None:
        if self._slots is not None:
            self._slots.give_back()
            self._slots = None

    def __enter__(self) -> Slot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

"""What clients asked too early: answered as soon as it can be."""

from __future__ import annotations

from collections import deque
from typing import Final

from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.events.client import AnyClientEvent

MAX_WAITING: Final = 16
"""Events waiting for a reply to end or a transcript to come; each may hold 21 MiB at worst."""


class Deferred:
    """In the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[AnyClientEvent] = deque()

    def put(self, event: AnyClientEvent) -> None:
        """Raises `InvalidRequestError` when too many wait already."""
        if len(self._waiting) >= MAX_WAITING:
            raise InvalidRequestError(
                f"{MAX_WAITING} requests wait for the reply to end; wait for `response.done`.",
                code="too_many_waiting_requests",
            )
        self._waiting.append(event)

    def take(self) -> list[AnyClientEvent]:
        """All of them; those that are still too early are put back by whoever tries them."""
        waiting, self._waiting = list(self._waiting), deque()
        return waiting

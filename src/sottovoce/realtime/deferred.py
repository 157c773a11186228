"""What clients asked too early: answered as soon as it can be."""

from __future__ import annotations

from collections import deque
from typing import Final

from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.events.client import AnyClientEvent, ResponseCreate

MAX_WAITING: Final = 16
"""Events waiting for a reply to end or a transcript to come."""
MAX_WAITING_RESPONSES: Final = 2
"""Of them those that may hold recordings, 15 MiB at worst."""


class Deferred:
    """In the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[AnyClientEvent] = deque()

    def put(self, event: AnyClientEvent) -> None:
        """Raises `InvalidRequestError` when too many wait already."""
        responses = sum(isinstance(each, ResponseCreate) for each in (*self._waiting, event))
        if len(self._waiting) >= MAX_WAITING or responses > MAX_WAITING_RESPONSES:
            raise InvalidRequestError(
                "Too many requests wait for the reply to end; wait for `response.done`.",
                code="too_many_waiting_requests",
            )
        self._waiting.append(event)

    def take(self) -> list[AnyClientEvent]:
        """All of them; those that are still too early are put back by whoever tries them."""
        waiting, self._waiting = list(self._waiting), deque()
        return waiting

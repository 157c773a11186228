"""What waits to be sent, bounded in bytes: a client that stops reading must not fill the memory."""

from __future__ import annotations

import asyncio
from collections import deque

MAX_UNSENT_BYTES = 4 << 20
"""Of one connection; some 60 s of speech and its events."""


class OutboxFull(Exception):  # noqa: N818  named for the situation
    """The client does not read as fast as it is told."""


class Outbox:
    """First in, first out, for one reader."""

    def __init__(self, limit_bytes: int = MAX_UNSENT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._messages: deque[str] = deque()
        self._is_filled = asyncio.Event()

    def put(self, message: str) -> None:
        """Raises `OutboxFull` instead of growing beyond the limit. `message` is ASCII or nearly so."""
        if self.used_bytes + len(message) > self.limit_bytes:
            raise OutboxFull
        self.used_bytes += len(message)
        self._messages.append(message)
        self._is_filled.set()

    async def get(self) -> str:
        while not self._messages:
            self._is_filled.clear()
            await self._is_filled.wait()
        message = self._messages.popleft()
        self.used_bytes -= len(message)
        return message

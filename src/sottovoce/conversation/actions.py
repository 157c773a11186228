"""What a session was asked to do, done one after the other in the order it was asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from sottovoce.errors import LimitExceededError

logger = logging.getLogger(__name__)

MAX_WAITING = 2_000
"""Actions not done yet; bounds what a client can pile up behind one that waits for an engine."""

Action: TypeAlias = Callable[[], Awaitable[None]]


class Actions:
    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Action] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._worker = asyncio.create_task(self._work(), name="session-actions")

    async def aclose(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    def check_room(self) -> None:
        """Raises `LimitExceededError` when too much is waiting."""
        if self._waiting.qsize() >= MAX_WAITING:
            raise LimitExceededError("The session has not kept up with what it was asked to do.")

    def put(self, action: Action) -> None:
        self._waiting.put_nowait(action)

    async def _work(self) -> None:
        while True:
            action = await self._waiting.get()
            try:
                await action()
            except Exception:
                logger.exception("a session action failed")

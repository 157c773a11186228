"""What the assistant tells of itself in its participant's attributes."""

from __future__ import annotations

import asyncio
import logging

from livekit import rtc

logger = logging.getLogger(__name__)


class Attributes:
    """The last value of each counts: what changed and changed again meanwhile is told once."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._untold: dict[str, str] = {}
        self._is_changed = asyncio.Event()
        self._is_told = asyncio.Event()
        self._is_told.set()

    def set(self, name: str, value: str) -> None:
        self._untold[name] = value
        self._is_told.clear()
        self._is_changed.set()

    async def flush(self) -> None:
        """Until all is told."""
        await self._is_told.wait()

    async def run(self) -> None:
        while True:
            await self._is_changed.wait()
            self._is_changed.clear()
            untold, self._untold = self._untold, {}
            if self._room.isconnected():
                await self._room.local_participant.set_attributes(untold)
            if not self._untold:
                self._is_told.set()

"""Who is heard next by a recogniser that hears one at a time."""

from __future__ import annotations

import asyncio
from collections import deque


class Lanes:
    """People who wait for an answer go before files, each in their own order."""

    def __init__(self) -> None:
        self._live: deque[asyncio.Future[None]] = deque()
        self._files: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    @property
    def waiting(self) -> int:
        return len(self._live) + len(self._files)

    async def acquire(self, *, is_live: bool) -> None:
        """Wait for the turn; who has had it calls `release`."""
        lane = self._live if is_live else self._files
        turn = asyncio.get_running_loop().create_future()
        lane.append(turn)
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it had come just then
            elif turn in lane:
                lane.remove(turn)
            raise

    def release(self) -> None:
        self._is_taken = False
        self._call()

    def _call(self) -> None:
        while not self._is_taken and (lane := self._live or self._files):
            turn = lane.popleft()
            if not turn.done():  # who was cancelled just now is still in line
                self._is_taken = True
                turn.set_result(None)

"""Who may use llama.cpp when: as many replies at one time as it has slots, the others wait in line."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sottovoce.errors import LimitExceededError

MAX_WAITING = 32
"""Replies in line: at a few seconds each, nobody waits for more."""


class Turn:
    """A place, or one in the line for it."""

    def __init__(self) -> None:
        self._come = asyncio.Event()

    @property
    def has_come(self) -> bool:
        return self._come.is_set()

    def call(self) -> None:
        self._come.set()

    async def comes(self, within: float) -> bool:
        """Whether it has come, at the latest after so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._come.wait()
        except TimeoutError:
            return False
        return True


class Places:
    """Work ahead takes a place only while nobody else wants one, and is sent away when somebody does."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._line: deque[Turn] = deque()
        self._ahead: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Turn]:
        """Join the line. Raises `LimitExceededError` where it is too long."""
        for task in self._ahead:
            task.cancel()
        turn = Turn()
        if self._free:
            self._free -= 1
            turn.call()
        elif len(self._line) >= MAX_WAITING:
            raise LimitExceededError(f"{MAX_WAITING} replies wait for the language model; try again later.")
        else:
            self._line.append(turn)
        try:
            yield turn
        finally:
            self._leave(turn)

    @contextmanager
    def ahead(self, task: asyncio.Task[object]) -> Iterator[bool]:
        """Whether there is a place for work that may wait; `task` is cancelled when it is wanted."""
        if not self._free:
            yield False
            return
        self._free -= 1
        self._ahead.add(task)
        try:
            yield True
        finally:
            self._ahead.discard(task)
            self._give_back()

    def _leave(self, turn: Turn) -> None:
        if turn.has_come:
            self._give_back()
        else:
            self._line.remove(turn)

    def _give_back(self) -> None:
        if self._line:
            self._line.popleft().call()
        else:
            self._free += 1

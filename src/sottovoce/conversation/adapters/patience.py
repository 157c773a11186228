"""How long the first of an answer is waited for: a deadline that moves while something arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")

PROGRESS_SILENCE = 10.0
"""Seconds without a sign of life, once there was one, after which an engine counts as hung all the same:
three of the pings that language servers send."""
PROGRESS_LIMIT = 120.0
"""Seconds in all that an engine may show progress and say nothing: a long prompt, read for the first time by
a model that is nearly too large for its machine."""


class Patience:
    """`deadline` seconds, and up to PROGRESS_LIMIT for an engine that shows progress meanwhile."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._begun = asyncio.get_running_loop().time()
        self._timeout: asyncio.Timeout | None = None
        self.has_noticed = False

    def notice(self) -> None:
        """Something arrived, though no answer yet."""
        self.has_noticed = True
        if self._timeout is not None:
            now = asyncio.get_running_loop().time()
            until = now + max(self._deadline, PROGRESS_SILENCE)
            self._timeout.reschedule(min(until, max(self._begun + PROGRESS_LIMIT, now)))

    @property
    def waited(self) -> float:
        return asyncio.get_running_loop().time() - self._begun

    async def watch(self, source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """`source`, with `TimeoutError` when its first item does not come in time."""
        async with aclosing(source):
            try:
                async with asyncio.timeout_at(self._begun + self._deadline) as self._timeout:
                    item = await anext(source)
            except StopAsyncIteration:
                return
            finally:
                self._timeout = None
            yield item
            async for item in source:
                yield item

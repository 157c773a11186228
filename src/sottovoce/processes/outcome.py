"""How the starts of one child end: for whoever waits for one, and to know when there is no hope."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

HOPELESS_STARTS = 3
"""Starts in a row that fail in the same way, after which a child is left alone until somebody asks for it."""


@dataclass(slots=True)
class Outcome:
    """Of the start under way, or else of the last one."""

    _known: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _failure: str | None = field(default=None, init=False)
    _failures: list[str] = field(default_factory=list, init=False)

    async def wait(self) -> str | None:
        """Once it is known: None for well, else why not."""
        await self._known.wait()
        return self._failure

    def open(self) -> None:
        """A start begins, or will; what was known of the last one counts no longer."""
        self._known.clear()

    def succeed(self) -> None:
        self._failures.clear()
        self._failure = None
        self._known.set()

    def fail(self, reason: str) -> None:
        self._failures = [*self._failures, reason][-HOPELESS_STARTS:]
        self._failure = reason
        self._known.set()

    def forget(self) -> None:
        """Somebody asks for it anew: as if it had never failed."""
        self._failures.clear()
        self.open()

    @property
    def is_hopeless(self) -> bool:
        return len(self._failures) == HOPELESS_STARTS and len(set(self._failures)) == 1

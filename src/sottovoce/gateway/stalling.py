"""Notices a client that has stopped reading its answer, at next to no cost for those that read."""

from __future__ import annotations

import asyncio
from types import TracebackType

from starlette.types import Message, Send


class StallingSend:
    """`send`, as an async context that ends in `TimeoutError` once a message has waited `patience` seconds.

    One timer for the whole answer looks at how it fares, so a stalled client is seen after at most twice
    that time.
    """

    def __init__(self, send: Send, patience: float) -> None:
        self._send = send
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since: float | None = None

    async def __aenter__(self) -> StallingSend:
        await self._limit.__aenter__()
        self._timer = self._loop.call_later(self._patience, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    async def __call__(self, message: Message) -> None:
        self._waiting_since = self._loop.time()
        await self._send(message)
        self._waiting_since = None

    def _look(self) -> None:
        now = self._loop.time()
        if self._waiting_since is not None and now - self._waiting_since >= self._patience:
            self._limit.reschedule(now)
            self._timer = None
        else:
            self._timer = self._loop.call_later(self._patience, self._look)

"""How many requests an engine is given at a time, how many of them one client may have, and who waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from starlette.requests import HTTPConnection
from starlette.types import Scope

from sottovoce.errors import LimitExceededError, ServerFullError
from sottovoce.gateway.attempts import address_of
from sottovoce.gateway.auth import PRINCIPAL

RETRY_AFTER = 1.0
"""Seconds after which a refused client may try again: answers of engines take about that long."""

WAITING_PER_PLACE = 4
"""Requests that may wait for each place: bounds the connections, and what is kept of their bodies."""


class Places:
    """Of one engine. A client may take no more than its `share` of them; the rest is for others, always.

    Who finds none waits up to `patience` seconds, first come first served: for one of the client's own
    share, then for one of all. Of those who may wait, too, a client may have its share.
    """

    def __init__(self, limit: int, share: float, patience: float) -> None:
        self._limit = limit
        self._share = max(1, int(limit * share))
        self._patience = patience
        self._all = asyncio.Semaphore(limit)
        self._own: dict[str, asyncio.Semaphore] = {}
        self._asking: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self.taken = 0

    @property
    def waiting(self) -> int:
        return self._waiting.total()

    @asynccontextmanager
    async def take(self, client: str) -> AsyncIterator[None]:
        """Raises `LimitExceededError` for a client with its share, `ServerFullError` when all are taken, both
        when no place came free in time or too many wait for one."""
        deadline = asyncio.get_running_loop().time() + self._patience
        with self._known(client) as own:
            async with AsyncExitStack() as held:
                with self._queued(client, own):
                    await held.enter_async_context(_held(own, deadline, self._share_taken()))
                    await held.enter_async_context(_held(self._all, deadline, self._all_taken()))
                self.taken += 1
                try:
                    yield
                finally:
                    self.taken -= 1

    @contextmanager
    def _known(self, client: str) -> Iterator[asyncio.Semaphore]:
        """The client's own share, forgotten with its last request."""
        self._asking[client] += 1
        try:
            yield self._own.setdefault(client, asyncio.Semaphore(self._share))
        finally:
            self._asking[client] -= 1
            if not self._asking[client]:
                del self._asking[client], self._own[client]

    @contextmanager
    def _queued(self, client: str, own: asyncio.Semaphore) -> Iterator[None]:
        if own.locked() and self._waiting[client] >= self._share * WAITING_PER_PLACE:
            raise self._share_taken()
        if self._all.locked() and self.waiting >= self._limit * WAITING_PER_PLACE:
            raise self._all_taken()
        self._waiting[client] += 1
        try:
            yield
        finally:
            self._waiting[client] -= 1
            self._waiting += Counter()  # forgets those who have none

    def _share_taken(self) -> LimitExceededError:
        return LimitExceededError(
            f"You have {self._share} requests of this kind in progress, as many as one client may, and none "
            "ended in time. Wait for one to end.",
            retry_after=RETRY_AFTER,
        )

    def _all_taken(self) -> ServerFullError:
        return ServerFullError(
            f"The server is full: {self._limit} requests of this kind are in progress, and none ended in "
            "time. Try again in a moment.",
            retry_after=RETRY_AFTER,
        )


@asynccontextmanager
async def _held(
    places: asyncio.Semaphore, deadline: float, refusal: LimitExceededError
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout_at(deadline):
            await places.acquire()
    except TimeoutError:
        raise refusal from None
    try:
        yield
    finally:
        places.release()


def client_of(scope: Scope, *, is_behind_proxy: bool) -> str:
    """Who asks, as far as fairness goes: a key from an address."""
    principal = scope.get(PRINCIPAL)
    address = address_of(HTTPConnection(scope), is_behind_proxy=is_behind_proxy)
    return f"{principal.id if principal else ''} {address}"

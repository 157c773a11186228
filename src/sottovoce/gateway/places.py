"""How many requests an engine is given at a time, and how many of them one client may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection
from starlette.types import Scope

from sottovoce.errors import LimitExceededError, ServerFullError
from sottovoce.gateway.attempts import address_of
from sottovoce.gateway.auth import PRINCIPAL

RETRY_AFTER = 1.0
"""Seconds after which a refused client may try again: answers of engines take about that long."""


class Places:
    """Of one engine. A client may take no more than its `share` of them; the rest is for others, always."""

    def __init__(self, limit: int, share: float) -> None:
        self._limit = limit
        self._share = max(1, int(limit * share))
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    @contextmanager
    def take(self, client: str) -> Iterator[None]:
        """Raises `LimitExceededError` for a client with its share, `ServerFullError` when all are taken."""
        if self._taken[client] >= self._share:
            raise LimitExceededError(
                f"You have {self._share} requests of this kind in progress, as many as one client may. "
                "Wait for one to end.",
                retry_after=RETRY_AFTER,
            )
        if self.taken >= self._limit:
            raise ServerFullError(
                f"The server is full: {self._limit} requests of this kind are in progress. "
                "Try again in a moment.",
                retry_after=RETRY_AFTER,
            )
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            self._taken += Counter()  # forgets those who have none


def client_of(scope: Scope, *, is_behind_proxy: bool) -> str:
    """Who asks, as far as fairness goes: a key from an address."""
    principal = scope.get(PRINCIPAL)
    address = address_of(HTTPConnection(scope), is_behind_proxy=is_behind_proxy)
    return f"{principal.id if principal else ''} {address}"

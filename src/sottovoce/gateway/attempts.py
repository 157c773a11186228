"""Wrong keys: how fast an address may try them, and how often the log tells of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

from sottovoce.errors import AuthError, LimitExceededError

logger = logging.getLogger(__name__)

MAX_HELD_ANSWERS = 8
"""Wrong keys of one address whose answers are held back at a time; with `hold` it is the pace of guessing.

One program with an old key, which tries again and again, takes a single place and shuts nobody out.
"""

LOG_INTERVAL = 60.0
"""Seconds between two lines about the same thing: a flood of wrong keys fills no disk."""

IPV6_NETWORK_BITS = 64
"""One customer's addresses: whoever has one has all of them."""


class Tally:
    """Counts what happens, and says now and then how often it did."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._told: float | None = None
        self._untold = 0

    def due(self) -> int:
        """Call it for each; how many there were since it last said so, or 0 while that is recent."""
        self._untold += 1
        now = self._now()
        if self._told is not None and now - self._told < LOG_INTERVAL:
            return 0
        count, self._untold, self._told = self._untold, 0, now
        return count


class Attempts:
    """Holds the answer to each wrong key back for `hold` seconds.

    An address with too many of them outstanding is refused without a look at its key, good or wrong:
    were good ones let through, guessing would be as fast as before.
    """

    def __init__(self, hold: float, now: Callable[[], float] = time.monotonic) -> None:
        self._hold = hold
        self._held: Counter[str] = Counter()
        self._wrong = Tally(now)

    @property
    def held(self) -> int:
        """How many addresses have answers waiting."""
        return len(self._held)

    @asynccontextmanager
    async def watched(self, address: str) -> AsyncIterator[None]:
        """Around the check of a key: an `AuthError` from inside comes out late.

        Raises `LimitExceededError` at once where the address has too many waiting.
        """
        if self._held[address] >= MAX_HELD_ANSWERS:
            raise LimitExceededError("Too many wrong API keys from your address; try again in a moment.")
        try:
            yield
        except AuthError:
            if count := self._wrong.due():
                logger.warning("%s wrong API keys since the last such line, now from %s", count, address)
            await self._wait(address)
            raise

    async def _wait(self, address: str) -> None:
        self._held[address] += 1
        try:
            await asyncio.sleep(self._hold)
        finally:
            self._held[address] -= 1
            if not self._held[address]:
                del self._held[address]


def address_of(connection: HTTPConnection, *, is_behind_proxy: bool) -> str:
    """Whose attempt it is: behind the owner's proxy, the address that it saw, which it appends."""
    forwarded = connection.headers.getlist("x-forwarded-for") if is_behind_proxy else []
    seen = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
    return _network(seen) or _network(connection.client.host if connection.client else "") or "unknown"


def _network(address: str) -> str:
    """The address, of IPv6 its network, as far as it is one; else empty."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address) or parsed.is_loopback:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_NETWORK_BITS), strict=False))

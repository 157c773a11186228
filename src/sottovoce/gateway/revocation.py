"""Ends conversations whose key was revoked while they were going on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from sottovoce.errors import ConfigError
from sottovoce.gateway.attempts import Tally
from sottovoce.gateway.keys import KeyStore
from sottovoce.realtime.commands import Close

logger = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two looks, while somebody talks under a key that can be revoked."""

REVOKED = Close(1008, "The API key was revoked.")


class Conversations(Protocol):
    """Those of one transport, each with the id of the key that it depends on, if that can be revoked."""

    def owners(self) -> set[str]: ...

    def end_of(self, owner: str, ending: Close) -> None: ...


async def watch_keys(keys: KeyStore, talking: Iterable[Conversations]) -> None:
    """Until cancelled. While the keys cannot be read nothing ends: that says nothing about them."""
    transports, unreadable = tuple(talking), Tally()
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            await end_revoked(keys, transports)
        except ConfigError as error:
            if unreadable.due():
                logger.error("%s", error.message)


async def end_revoked(keys: KeyStore, transports: Iterable[Conversations]) -> None:
    """One look; raises `ConfigError` where the keys cannot be read."""
    held = {transport: transport.owners() for transport in transports}
    if not any(held.values()):
        return
    good = {key.id for key in await asyncio.to_thread(keys.all)}
    for transport, owners in held.items():
        for owner in owners - good:
            logger.info("ending what goes on under the revoked key %s", owner)
            transport.end_of(owner, REVOKED)

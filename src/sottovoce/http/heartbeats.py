"""Signs of life while a reply is in the making, for whoever gives up on silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

HEARTBEAT = 15.0
"""Seconds of silence after which something is sent. Clients and proxies wait for 30 to 600."""

Item = TypeVar("Item")


async def with_heartbeats(
    items: AsyncGenerator[Item], every: float = HEARTBEAT
) -> AsyncGenerator[Item | None]:
    """What `items` gives, and None each time that nothing has come for `every` seconds."""
    waiting: asyncio.Task[Item | None] | None = None
    try:
        while True:
            waiting = waiting or asyncio.create_task(_next(items))
            await asyncio.wait({waiting}, timeout=every)
            if not waiting.done():
                yield None
                continue
            item, waiting = waiting.result(), None
            if item is None:
                return
            yield item
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
        await items.aclose()


async def _next(items: AsyncGenerator[Item]) -> Item | None:
    return await anext(items, None)

"""Ending tasks for certain, without losing a cancellation on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them; returns when they have ended, however they did.

    Who is cancelled while waiting for that is told, unlike by awaiting each and passing over its
    `CancelledError`, which may have been one's own.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def completed(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end, however often that is cancelled meanwhile; who was is told afterwards."""
    task, interruption = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            interruption = error
    if interruption is not None:
        raise interruption
    task.result()

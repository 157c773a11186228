"""The user's voice from a live track, of whichever transport, into a session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.conversation.port import SessionPort

GAP = 0.3
"""Seconds without a packet that are more than a bad network: the sender has stopped."""

MAX_FILLED = 5.0
"""Seconds of silence put in for a sender that stopped: a turn that was being spoken comes to its end."""


async def hear(
    receive: Callable[[], Awaitable[AudioFrame | None]], session: SessionPort, rate_hz: int
) -> None:
    """Push what is received, until that is None; `receive` may be cancelled while it waits.

    A sender that mutes by taking its track away sends nothing at all, and a session that hears nothing
    cannot know that its user fell silent; silence at `rate_hz` stands in for a while.
    """
    silence = AudioFrame(bytes(int(GAP * rate_hz) * BYTES_PER_SAMPLE), rate_hz)
    filled = MAX_FILLED  # nothing was said yet, so nothing has to end
    while True:
        try:
            async with asyncio.timeout(GAP):
                frame = await receive()
        except TimeoutError:
            if filled < MAX_FILLED:
                filled += GAP
                session.push_audio(silence)
            continue
        if frame is None:
            return
        filled = 0.0
        session.push_audio(frame)

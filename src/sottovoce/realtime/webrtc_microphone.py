"""The user's voice from a WebRTC track into a session."""

from __future__ import annotations

import asyncio
from typing import Any

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.port import SessionPort
from sottovoce.realtime.webrtc_receive import RATE_HZ

GAP = 0.3
"""Seconds without a packet that are more than a bad network: the sender has stopped."""

MAX_FILLED = 5.0
"""Seconds of silence put in for a sender that stopped: a turn that was being spoken comes to its end."""

SILENCE = AudioFrame(bytes(int(GAP * RATE_HZ) * 2), RATE_HZ)


async def hear(track: MediaStreamTrack, session: SessionPort) -> None:
    """Push the track's sound, at 48 kHz, until the track ends.

    A browser that mutes by taking its track away sends nothing at all, and a session that hears nothing
    cannot know that its user fell silent; silence stands in for a while.
    """
    filled = MAX_FILLED  # nothing was said yet, so nothing has to end
    while True:
        try:
            async with asyncio.timeout(GAP):
                frame: Any = await track.recv()
        except MediaStreamError:
            return
        except TimeoutError:
            if filled < MAX_FILLED:
                filled += GAP
                session.push_audio(SILENCE)
            continue
        filled = 0.0
        session.push_audio(AudioFrame(bytes(frame.planes[0])[: frame.samples * 2], frame.sample_rate))

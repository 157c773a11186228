"""The user's voice from a WebRTC track into a session."""

from __future__ import annotations

from typing import Any

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.port import SessionPort
from sottovoce.realtime import live_sound
from sottovoce.realtime.webrtc_receive import RATE_HZ


async def hear(track: MediaStreamTrack, session: SessionPort) -> None:
    """Push the track's sound, at 48 kHz, until the track ends."""

    async def receive() -> AudioFrame | None:
        try:
            frame: Any = await track.recv()
        except MediaStreamError:
            return None
        return AudioFrame(bytes(frame.planes[0])[: frame.samples * 2], frame.sample_rate)

    await live_sound.hear(receive, session, RATE_HZ)

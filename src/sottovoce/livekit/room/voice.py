"""The assistant's voice as a track of the room, pulled from a playout every 20 ms."""

from __future__ import annotations

import asyncio
from typing import Final

from livekit import rtc
from livekit.rtc.participant import PublishTrackError, UnpublishTrackError

from sottovoce.audio.grid import FRAME, SILENCE, Edges, Grid
from sottovoce.audio.playout import FRAME_BYTES, PLAYOUT_RATE_HZ
from sottovoce.conversation.port import PlayoutSource
from sottovoce.errors import SottovoceError

TRACK_NAME: Final = "roomio_audio"
"""As livekit-agents names it; some front ends look for it."""

QUEUE_MS: Final = 40
"""What LiveKit's source holds at most: two frames. It is all that an interruption cannot take back; the
default would hold a second."""

MAX_LATE: Final = 0.2
"""Seconds behind its grid at which the track skips slots. Frames that are less late go out at once, and
stay in the queue: a loop that is late once is late again, and then they bridge the gap."""

OUTPUT_DELAY: Final = 0.06
"""Seconds from a pull to the ear: 40 to 45 ms to another participant's samples as measured over loopback,
and the device that plays them."""

UNPUBLISH_DEADLINE: Final = 1.0
"""Seconds for the room to take note; a connection that is being made anew does not answer."""


class Voice:
    """`publish` it, then `run` it. It is always live: silence goes out when there is nothing to play."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._source = rtc.AudioSource(PLAYOUT_RATE_HZ, 1, queue_size_ms=QUEUE_MS)
        self._publication: rtc.LocalTrackPublication | None = None

    @property
    def track_sid(self) -> str:
        """It changes when the room's connection is made anew; "" before it is published."""
        return "" if self._publication is None else self._publication.sid

    async def publish(self) -> None:
        """Raises `SottovoceError` where the room does not take it."""
        track = rtc.LocalAudioTrack.create_audio_track(TRACK_NAME, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=True, red=True)
        try:
            self._publication = await self._room.local_participant.publish_track(track, options)
        except PublishTrackError as error:
            raise SottovoceError(f"The room did not take the assistant's voice: {error.message}") from error

    async def run(self, playout: PlayoutSource) -> None:
        playout.output_delay = OUTPUT_DELAY
        clock, edges = asyncio.get_running_loop().time, Edges()
        grid = Grid(clock(), MAX_LATE)
        while True:
            _, wait = grid.advance(clock())
            await asyncio.sleep(wait)
            frame = playout.pull()
            samples = edges.smooth(frame.samples if frame else None)
            if samples is SILENCE and self._source.queued_duration > FRAME:
                continue  # silence is when the queue may shorten again
            await self._source.capture_frame(rtc.AudioFrame(samples, PLAYOUT_RATE_HZ, 1, FRAME_BYTES // 2))

    async def aclose(self) -> None:
        """Take the track out of the room."""
        publication, self._publication = self._publication, None
        if publication is not None and self._room.isconnected():
            await _unpublish(self._room, publication.sid)
        await self._source.aclose()


async def _unpublish(room: rtc.Room, sid: str) -> None:
    try:
        async with asyncio.timeout(UNPUBLISH_DEADLINE):
            await room.local_participant.unpublish_track(sid)
    except (UnpublishTrackError, TimeoutError):
        return  # the room has gone first

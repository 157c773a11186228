"""The sound of one subscribed track, as it comes."""

from __future__ import annotations

from livekit import rtc

from sottovoce.livekit.room.sdk_events import narrow_sound


class TrackGone(Exception):  # noqa: N818  named for the situation
    """Its participant left while it was subscribed to."""


class OwnSound:
    """Frames of `frame_ms` at `rate_hz`, mono s16le; the oldest of more than `max_waiting` are dropped."""

    def __init__(self, track: rtc.RemoteAudioTrack, rate_hz: int, frame_ms: int, max_waiting: int) -> None:
        """Raises `TrackGone`."""
        try:
            self._stream = rtc.AudioStream(
                track, capacity=max_waiting, sample_rate=rate_hz, num_channels=1, frame_size_ms=frame_ms
            )
        except AssertionError:  # all that livekit's SDK says of a native track that is no more
            raise TrackGone from None
        narrow_sound(self._stream)

    async def get(self) -> bytes | None:
        """The next frame; None when the track has ended."""
        try:
            event = await anext(self._stream)
        except StopAsyncIteration:
            return None
        return bytes(event.frame.data)

    async def aclose(self) -> None:
        await self._stream.aclose()

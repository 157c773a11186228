"""AgentSession's microphone, loudspeaker and captions, without a room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from livekit import rtc
from livekit.agents.voice import io

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import PLAYOUT_RATE_HZ, Playout
from sottovoce.audio.resample import Resampler

INPUT_RATE_HZ = 16_000
INPUT_FRAME_BYTES = INPUT_RATE_HZ // 50 * 2
MAX_WAITING_FRAMES = 250
"""Five seconds of input not yet taken; a sender that runs further ahead loses its oldest audio."""


class Microphone(io.AudioInput):
    """Frames of any rate in; 16 kHz mono, 20 ms out, which neither VAD nor recogniser resamples."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()
        self._rest = b""
        self._resampler = Resampler(INPUT_RATE_HZ, INPUT_RATE_HZ)
        self.heard_samples = 0
        """Samples at 16 kHz since the session began: the session's input clock."""

    @property
    def heard_ms(self) -> int:
        return self.heard_samples * 1000 // INPUT_RATE_HZ

    def push(self, frame: AudioFrame) -> None:
        self._rest += self._resampled(frame)
        while len(self._rest) >= INPUT_FRAME_BYTES:
            self._put(self._rest[:INPUT_FRAME_BYTES])
            self._rest = self._rest[INPUT_FRAME_BYTES:]

    def end(self) -> None:
        self._frames.put_nowait(None)

    def _put(self, pcm: bytes) -> None:
        if self._frames.qsize() >= MAX_WAITING_FRAMES:
            self._frames.get_nowait()
        samples = len(pcm) // 2
        self.heard_samples += samples
        self._frames.put_nowait(rtc.AudioFrame(pcm, INPUT_RATE_HZ, 1, samples))

    def _resampled(self, frame: AudioFrame) -> bytes:
        if self._resampler.rate_in_hz != frame.sample_rate:
            self._resampler = Resampler(frame.sample_rate, INPUT_RATE_HZ, "LQ")
        return self._resampler.push(frame.samples)

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self._frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame


class PlaybackListener(Protocol):
    def reply_ids(self) -> tuple[str, str]:
        """Response and item id of the reply that is being spoken."""

    def playout_started(self) -> None: ...

    def playout_finished(self, position: float) -> None: ...


class Loudspeaker(io.AudioOutput):
    """AgentSession's sink over a `Playout`; the transport pulls, so pausing is ours to promise."""

    def __init__(self, listener: PlaybackListener) -> None:
        super().__init__(
            label="playout",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=PLAYOUT_RATE_HZ,
        )
        self._listener = listener
        self.playout = Playout(self)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self.playout.wait_for_room()
        await super().capture_frame(frame)
        self.playout.push(bytes(frame.data), *self._listener.reply_ids())

    def flush(self) -> None:
        super().flush()
        self.playout.end()

    def clear_buffer(self) -> None:
        self.playout.clear()

    def pause(self) -> None:
        self.playout.pause()

    def resume(self) -> None:
        self.playout.resume()

    def playout_started(self) -> None:
        self._listener.playout_started()
        self.on_playback_started(created_at=time.time())

    def playout_finished(self, position: float, *, is_interrupted: bool) -> None:
        self._listener.playout_finished(position)
        self.on_playback_finished(playback_position=position, interrupted=is_interrupted)


class Captions(io.TextOutput):
    """The words of the reply, let through by the synchroniser as they are heard."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        super().__init__(label="captions", next_in_chain=None)
        self._on_text = on_text

    async def capture_text(self, text: str) -> None:
        self._on_text(text)

    def flush(self) -> None:
        pass

"""AgentSession's loudspeaker and captions, without a room."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from livekit import rtc
from livekit.agents.voice import io

from sottovoce.audio.playout import PLAYOUT_RATE_HZ, Playout


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

"""The queue between a voice and a transport: filled faster than real time, pulled 20 ms at a time.

Pure: no clock, no sockets. Time is what has been pulled, counted in samples.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

PLAYOUT_RATE_HZ = 24_000
FRAME_MS = 20
FRAME_BYTES = PLAYOUT_RATE_HZ * FRAME_MS // 1000 * 2
BYTES_PER_SECOND = PLAYOUT_RATE_HZ * 2

MAX_BUFFERED = 1.0
"""Seconds of speech held ready; a voice that runs further ahead is made to wait. What passes here is
analysed for its captions on the event loop, 12 ms for each second, so bursts are kept short."""


@dataclass(frozen=True, slots=True)
class PlayoutFrame:
    """20 ms of a reply: `samples` are 24 kHz mono s16le."""

    response_id: str
    item_id: str
    samples: bytes


class PlayoutListener(Protocol):
    def playout_started(self) -> None:
        """The first frame of a segment was pulled."""

    def playout_finished(self, position: float, *, is_interrupted: bool) -> None:
        """A segment ended, `position` seconds of it heard; exactly once for each segment."""


class Playout:
    """One segment of speech at a time: `push` it, `end` it, and `pull` it; or `clear` it.

    `output_delay` is how many seconds lie between a pull and the ear (a transport's lead or buffer);
    the position reported for an interrupted segment is shortened by it.

    Before a segment a `filler` may be played: a word that bridges the wait for it and is no part of it.
    """

    def __init__(self, listener: PlayoutListener, *, output_delay: float = 0.0) -> None:
        self.output_delay = output_delay
        self._listener = listener
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._pulled_bytes = 0
        self._filler, self._fading = b"", b""
        self._filler_ids = ("", "")
        self._filled_bytes = 0
        self._ids = ("", "")
        self._is_open = False
        self._is_ended = False
        self._is_paused = False
        self._is_fading_in = False
        self._has_faded_out = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def buffered(self) -> float:
        """Seconds waiting to be pulled."""
        return self._buffered_bytes / BYTES_PER_SECOND

    @property
    def position(self) -> float:
        """Seconds of the open segment that the ear has had."""
        return max(0.0, self._pulled_bytes / BYTES_PER_SECOND - self.output_delay)

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    def filled(self, response_id: str) -> float:
        """Seconds of filler that were pulled for a response."""
        return self._filled_bytes / BYTES_PER_SECOND if response_id == self._filler_ids[0] else 0.0

    def fill(self, samples: bytes, response_id: str, item_id: str) -> None:
        """Play `samples` while a segment is waited for; nothing happens where one is there already."""
        if not self._is_open and not self._is_paused:
            self._filler, self._filler_ids = samples, (response_id, item_id)
            self._filled_bytes = 0

    def drop_filler(self) -> None:
        """Let no more of it be heard than a frame that fades out, and nothing if it was not begun."""
        begun = self._filler[:FRAME_BYTES] if self._filled_bytes else b""
        self._filler = b""
        if begun:
            self._fading = _faded(begun, 1.0, 0.0)

    def push(self, samples: bytes, response_id: str, item_id: str) -> None:
        """Add 24 kHz mono s16le speech to the open segment, opening one if there is none.

        A filler that was begun is finished first, one that was not is not wanted any more.
        """
        if not self._filled_bytes:
            self._filler = b""
        self._ids = (response_id, item_id)
        self._is_open = True
        self._is_ended = False
        self._chunks.append(samples)
        self._resize(len(samples))

    async def wait_for_room(self) -> None:
        """Return when less than `MAX_BUFFERED` seconds are waiting."""
        await self._has_room.wait()

    def end(self) -> None:
        """The open segment is complete; it finishes when its last frame has been pulled."""
        self._is_ended = self._is_open

    def clear(self) -> None:
        """Drop what was not pulled. With no open segment there is at most a filler."""
        self.drop_filler()
        if not self._is_open:
            return
        self._chunks.clear()
        self._resize(-self._buffered_bytes)
        self._finish(self.position, is_interrupted=True)

    def pause(self) -> None:
        """Hold the open segment after one frame that fades out; idempotent."""
        if not self._is_paused:
            self.drop_filler()
            self._is_paused = True
            self._has_faded_out = self._pulled_bytes == 0

    def resume(self) -> None:
        """Go on where `pause` held, fading in; idempotent, and legal with nothing to play."""
        if self._is_paused:
            self._is_paused = False
            self._is_fading_in = self._pulled_bytes > 0

    def pull(self) -> PlayoutFrame | None:
        """The next 20 ms, padded with silence at the segment's end; None when nothing is to be played."""
        if self._filler or self._fading:
            return self._fill_in()
        if not self._is_open or (self._is_paused and self._has_faded_out):
            return None
        if self._buffered_bytes < FRAME_BYTES and not self._is_ended:
            return None
        if self._buffered_bytes == 0:
            self._finish(self._pulled_bytes / BYTES_PER_SECOND, is_interrupted=False)
            return None
        return self._fade_out() if self._is_paused else self._advance()

    def _fill_in(self) -> PlayoutFrame:
        samples = self._fading or self._filler[:FRAME_BYTES]
        self._fading, self._filler = b"", self._filler[FRAME_BYTES:]
        self._filled_bytes += len(samples)
        return PlayoutFrame(*self._filler_ids, samples.ljust(FRAME_BYTES, b"\0"))

    def _fade_out(self) -> PlayoutFrame:
        """The next frame fading to silence; it stays in the queue, so that `resume` loses nothing."""
        self._has_faded_out = True
        samples = self._take()
        self._chunks.appendleft(samples)
        self._resize(len(samples))
        return self._frame(_faded(samples, 1.0, 0.0))

    def _advance(self) -> PlayoutFrame:
        samples = self._take()
        is_first = self._pulled_bytes == 0
        self._pulled_bytes += len(samples)
        if self._is_fading_in:
            self._is_fading_in = False
            samples = _faded(samples, 0.0, 1.0)
        if is_first:
            self._listener.playout_started()
        return self._frame(samples)

    def _frame(self, samples: bytes) -> PlayoutFrame:
        return PlayoutFrame(*self._ids, samples.ljust(FRAME_BYTES, b"\0"))

    def _take(self) -> bytes:
        """Remove up to one frame from the front."""
        parts: list[bytes] = []
        missing = FRAME_BYTES
        while missing and self._chunks:
            head = self._chunks.popleft()
            parts.append(head[:missing])
            if len(head) > missing:
                self._chunks.appendleft(head[missing:])
            missing -= len(parts[-1])
        taken = b"".join(parts)
        self._resize(-len(taken))
        return taken

    def _resize(self, change_bytes: int) -> None:
        self._buffered_bytes += change_bytes
        if self.buffered < MAX_BUFFERED:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _finish(self, position: float, *, is_interrupted: bool) -> None:
        self._is_open = self._is_ended = self._is_fading_in = False
        self._pulled_bytes = 0
        self._listener.playout_finished(position, is_interrupted=is_interrupted)


def _faded(samples: bytes, start: float, stop: float) -> bytes:
    """`samples` with a linear ramp of gain, so that a cut in mid-word does not click."""
    pcm = np.frombuffer(samples, np.int16)
    ramp = np.linspace(start, stop, len(pcm), dtype=np.float32)
    return (pcm * ramp).astype(np.int16).tobytes()

"""When the frames of a live track are due, and how they begin and end."""

from __future__ import annotations

from typing import Final

import numpy as np

from sottovoce.audio.playout import FRAME_BYTES, FRAME_MS, PLAYOUT_RATE_HZ

FRAME: Final = FRAME_MS / 1000
FADE_SAMPLES: Final = PLAYOUT_RATE_HZ * 5 // 1000
SILENCE: Final = bytes(FRAME_BYTES)


class Grid:
    """When the n-th frame is due, counted from the first.

    A late frame keeps its slot and goes out at once; one later than `max_late` seconds skips the slots that
    were missed: what is sent in a burst sits in a buffer of the receiver's for long.
    """

    def __init__(self, start: float, max_late: float) -> None:
        self._start = start
        self._max_late = max_late
        self._next = 0

    def advance(self, now: float) -> tuple[int, float]:
        """The next frame's slot and the seconds to wait for it, none when it is due already."""
        late = now - (self._start + self._next * FRAME)
        if late > self._max_late:
            self._next += int(late / FRAME)
            late = now - (self._start + self._next * FRAME)
        slot, self._next = self._next, self._next + 1
        return slot, max(0.0, -late)


class Edges:
    """Takes the click out of speech that is cut off or resumed in the middle of a wave."""

    def __init__(self) -> None:
        self._last_sample = 0

    def smooth(self, samples: bytes | None) -> bytes:
        """20 ms to be sent: the frame itself, or silence that the last one's level runs out into."""
        if samples is None:
            return self._run_out()
        pcm = np.frombuffer(samples, dtype="<i2")
        if self._last_sample == 0 and pcm.size and pcm[0] != 0:
            pcm = _faded_in(pcm)
        self._last_sample = int(pcm[-1])
        return pcm.tobytes()

    def _run_out(self) -> bytes:
        level, self._last_sample = self._last_sample, 0
        if level == 0:
            return SILENCE
        tail = np.linspace(level, 0, FADE_SAMPLES, endpoint=False).astype("<i2").tobytes()
        return tail.ljust(FRAME_BYTES, b"\0")


def _faded_in(pcm: np.ndarray) -> np.ndarray:
    ramp = np.ones(pcm.size)
    ramp[:FADE_SAMPLES] = np.linspace(0, 1, min(FADE_SAMPLES, pcm.size), endpoint=False)
    return (pcm * ramp).astype("<i2")

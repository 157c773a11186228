"""What a measured conversation says and hears, whatever carries it: speech in frames, replies timed as they
would play.

The end of speech is read from the recording, the start of the reply is the first loud sample received, placed
where a client that plays what it gets would play it. Times are `time.perf_counter()` seconds.
"""

from __future__ import annotations

import asyncio
import time
import wave
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]

RATE_HZ = 24_000
FRAME = 0.02
FRAME_SAMPLES = RATE_HZ // 50
LOUD = 400
"""Of 32768: above this a sample is audible; the room noise that is sent stays far below."""
NOISE = 20
FIRST_SOUND_DEADLINE = 10.0


def read_recording(path: Path) -> Samples:
    """A recording as 24 kHz mono, cut to its audible part: its last sample is the end of speech."""
    with wave.open(str(path)) as reader:
        pcm = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
        rate = reader.getframerate()
    resampled: Samples = soxr.resample(pcm, rate, RATE_HZ).astype(np.int16)
    loud = loud_samples(resampled)
    return resampled[loud[0] : loud[-1] + 1]


def loud_samples(pcm: Samples) -> NDArray[np.intp]:
    """The places of those that are audible."""
    found: NDArray[np.intp] = np.nonzero(np.abs(pcm.astype(np.int32)) > LOUD)[0]
    return found


@dataclass
class Playback:
    """What a client would hear: each piece plays when it comes, or when the piece before it ends."""

    ends: float = 0.0
    first_loud: float | None = None
    last_loud: float | None = None

    def play(self, now: float, pcm: Samples) -> None:
        starts = max(now, self.ends)
        self.ends = starts + len(pcm) / RATE_HZ
        loud = loud_samples(pcm)
        if len(loud):
            if self.first_loud is None:
                self.first_loud = starts + loud[0] / RATE_HZ
            self.last_loud = starts + loud[-1] / RATE_HZ


class Ear:
    """What came since it last listened anew."""

    def __init__(self) -> None:
        self.playback = Playback()
        self._is_audible = asyncio.Event()

    def hear(self, pcm: Samples) -> None:
        self.playback.play(time.perf_counter(), pcm)
        if self.playback.first_loud is not None:
            self._is_audible.set()

    def listen_anew(self) -> None:
        """Forget what was played so far."""
        self.playback = Playback()
        self._is_audible.clear()

    async def first_sound(self) -> float:
        """When the first audible sample since `listen_anew` played. Raises `TimeoutError`."""
        await asyncio.wait_for(self._is_audible.wait(), FIRST_SOUND_DEADLINE)
        assert self.playback.first_loud is not None
        return self.playback.first_loud


class Mouth:
    """Speech over faint noise, in frames of 20 ms for whoever carries them."""

    def __init__(self) -> None:
        self._speech: deque[Samples] = deque()
        self._spoken: asyncio.Future[float] | None = None
        self._fault: Exception | None = None
        self._noise = np.random.default_rng(7)

    async def speak(self, pcm: Samples) -> float:
        """Say a recording; returns the moment its last sample was sent. Raises what `fail` was told."""
        if self._fault is not None:
            raise self._fault
        self._spoken = asyncio.get_running_loop().create_future()
        self._speech.extend(pcm[at : at + FRAME_SAMPLES] for at in range(0, len(pcm), FRAME_SAMPLES))
        return await self._spoken

    def frame(self) -> Samples:
        """What is to be sent now."""
        frame = self._noise.integers(-NOISE, NOISE, FRAME_SAMPLES).astype(np.int16)
        if self._speech:
            head = self._speech.popleft()
            frame[: len(head)] += head
        return frame

    def sent(self, after: float = 0.0) -> None:
        """The last frame is under way, or will be `after` so many seconds."""
        if not self._speech and self._spoken is not None and not self._spoken.done():
            self._spoken.set_result(time.perf_counter() + after)

    def fail(self, fault: Exception) -> None:
        """Nothing is carried any more."""
        self._fault = fault
        if self._spoken is not None and not self._spoken.done():
            self._spoken.set_exception(fault)


class Pace:
    """A frame every 20 ms on an absolute clock, so that what is late once is made up for."""

    def __init__(self) -> None:
        self._due = time.perf_counter()

    async def wait(self) -> None:
        self._due += FRAME
        await asyncio.sleep(max(0.0, self._due - time.perf_counter()))

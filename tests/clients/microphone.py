"""A microphone for clients that are fed with samples: mono s16le, in real time, never quite still.

Uses nothing of Sottovoce's, so that pipecat's environment can import it too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import soxr

from tests.recordings import RATE_HZ as RECORDED_HZ
from tests.recordings import recording

RATE_HZ = 24_000
CHUNK = 0.02
ROOM_NOISE = 12
"""Amplitude of the silence."""

SPOKEN_QUESTION = "dialogue-what-is-twelve-times-seven-slt"
SPOKEN_TIME = "dialogue-what-time-is-it-slt"
"""Recordings that are short and surely understood."""


def speech(name: str, rate_hz: int = RATE_HZ) -> bytes:
    """A recording as clients send it."""
    samples = np.frombuffer(recording(name), np.int16)
    return soxr.resample(samples, RECORDED_HZ, rate_hz).astype(np.int16).tobytes()


class Microphone:
    """Gives `send` a chunk every 20 ms: what is being said, else the room."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], rate_hz: int = RATE_HZ) -> None:
        self._send = send
        self._rate_hz = rate_hz
        self._samples = round(CHUNK * rate_hz)
        self._said: deque[bytes] = deque()
        self._is_still = asyncio.Event()
        self._noise = np.random.default_rng(7)

    def say(self, name: str) -> None:
        self._is_still.clear()
        samples, size = speech(name, self._rate_hz), 2 * self._samples
        self._said.extend(samples[at : at + size].ljust(size, b"\0") for at in range(0, len(samples), size))

    async def said(self) -> None:
        """Returns when all of it was sent."""
        await self._is_still.wait()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._send(self._said.popleft() if self._said else self._room())
            if not self._said:
                self._is_still.set()
            due += CHUNK
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _room(self) -> bytes:
        return self._noise.integers(-ROOM_NOISE, ROOM_NOISE, self._samples).astype(np.int16).tobytes()


@asynccontextmanager
async def microphone(
    send: Callable[[bytes], Awaitable[None]], rate_hz: int = RATE_HZ
) -> AsyncIterator[Microphone]:
    """A microphone that is open until the block ends."""
    opened = Microphone(send, rate_hz)
    running = asyncio.create_task(opened.run())
    try:
        yield opened
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

"""A WebSocket client that talks like a person: recordings out in real time, replies timed as they would play.

It measures from outside. The end of speech is read from the recording, the start of the reply is the first
loud sample received, placed where a client that plays what it gets would play it.
"""

from __future__ import annotations

import asyncio
import base64
import time
import wave
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect

Samples: TypeAlias = NDArray[np.int16]

RATE_HZ = 24_000
FRAME_SAMPLES = RATE_HZ // 50
LOUD = 400
"""Of 32768: above this a sample is audible; the room noise that is sent stays far below."""
NOISE = 20

_EVENT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def read_recording(path: Path) -> Samples:
    """A recording as 24 kHz mono, cut to its audible part: its last sample is the end of speech."""
    with wave.open(str(path)) as reader:
        pcm = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
        rate = reader.getframerate()
    resampled: Samples = soxr.resample(pcm, rate, RATE_HZ).astype(np.int16)
    loud = np.nonzero(np.abs(resampled.astype(np.int32)) > LOUD)[0]
    return resampled[loud[0] : loud[-1] + 1]


@dataclass
class Playback:
    """What a client would hear: each piece plays when it comes, or when the piece before it ends."""

    ends: float = 0.0
    first_loud: float | None = None
    last_loud: float | None = None

    def play(self, now: float, pcm: Samples) -> None:
        starts = max(now, self.ends)
        self.ends = starts + len(pcm) / RATE_HZ
        loud = np.nonzero(np.abs(pcm.astype(np.int32)) > LOUD)[0]
        if len(loud):
            if self.first_loud is None:
                self.first_loud = starts + loud[0] / RATE_HZ
            self.last_loud = starts + loud[-1] / RATE_HZ


@dataclass
class Talker:
    """One connection. Times are `time.perf_counter()` seconds."""

    socket: ClientConnection
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    playback: Playback = field(default_factory=Playback)
    _is_audible: asyncio.Event = field(default_factory=asyncio.Event)
    _speech: deque[Samples] = field(default_factory=deque)
    _spoken: asyncio.Future[float] | None = None
    _noise: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    async def speak(self, pcm: Samples) -> float:
        """Say a recording; returns the moment its last sample was sent."""
        self._spoken = asyncio.get_running_loop().create_future()
        self._speech.extend(pcm[at : at + FRAME_SAMPLES] for at in range(0, len(pcm), FRAME_SAMPLES))
        return await self._spoken

    def listen_anew(self) -> None:
        """Forget what was played so far."""
        self.playback = Playback()
        self._is_audible.clear()

    async def first_sound(self) -> float:
        """When the first audible sample since `listen_anew` played."""
        await asyncio.wait_for(self._is_audible.wait(), 10.0)
        assert self.playback.first_loud is not None
        return self.playback.first_loud

    async def expect(self, *kinds: str, within: float = 20.0) -> dict[str, Any]:
        """The next event of one of `kinds`; errors and failed engines raise: apologies are not measured."""
        async with asyncio.timeout(within):
            while True:
                event = await self.events.get()
                if event["type"] in kinds:
                    return event
                if event["type"] == "sottovoce.engine.failed":
                    raise RuntimeError(event["message"])
                if event["type"] == "error" and event["error"]["code"] != "response_cancel_not_active":
                    raise RuntimeError(f"the server answered {event['error']}")

    async def send(self, event: dict[str, Any]) -> None:
        await self.socket.send(_EVENT.dump_json(event).decode())

    async def hear(self) -> None:
        async for message in self.socket:
            event = _EVENT.validate_json(message)
            if event["type"] == "response.output_audio.delta":
                pcm = np.frombuffer(base64.b64decode(event["delta"]), np.int16)
                self.playback.play(time.perf_counter(), pcm)
                if self.playback.first_loud is not None:
                    self._is_audible.set()
            else:
                self.events.put_nowait(event)

    async def send_audio(self) -> None:
        """20 ms every 20 ms on an absolute clock: speech over faint noise."""
        due = time.perf_counter()
        while True:
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            frame = self._noise.integers(-NOISE, NOISE, FRAME_SAMPLES).astype(np.int16)
            if self._speech:
                head = self._speech.popleft()
                frame[: len(head)] += head
            await self.send(
                {"type": "input_audio_buffer.append", "audio": base64.b64encode(frame.tobytes()).decode()}
            )
            if not self._speech and self._spoken is not None and not self._spoken.done():
                self._spoken.set_result(time.perf_counter())


@asynccontextmanager
async def talking(url: str, key: str) -> AsyncIterator[Talker]:
    """A connected talker; `url` is the server's base URL, such as `http://127.0.0.1:8080`."""
    address = url.replace("http", "ws", 1) + "/v1/realtime?model=sottovoce&extensions=sottovoce"
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(address, additional_headers=headers, compression=None, proxy=None) as socket:
        talker = Talker(socket)
        tasks = [asyncio.create_task(talker.hear()), asyncio.create_task(talker.send_audio())]
        try:
            await talker.expect("session.created")
            yield talker
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

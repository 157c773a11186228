"""A WebRTC caller of the served gateway, made of aiortc, and what it hears and is heard to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import PlayoutFrame
from tests.contract.gateway_server import BEARER, Gateway
from tests.fake_session import TalkingSession

CALLS = "/v1/realtime/calls"
SDP = {"content-type": "application/sdp", **BEARER}
TONE_HZ = 440


class Tone(MediaStreamTrack):
    """48 kHz stereo, as browsers send it, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames = 0
        self._start = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        due = self._start + self._frames * 0.02
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        phase = (np.arange(960) + self._frames * 960) * 2 * np.pi * TONE_HZ / 48_000
        pcm = np.repeat((np.sin(phase) * 10_000).astype(np.int16), 2)
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._frames * 960, Fraction(1, 48_000)
        self._frames += 1
        return frame


class Caller:
    """With a tone for a voice, unless `track` is another one, and one data channel."""

    def __init__(
        self, gateway: Gateway, track: MediaStreamTrack | None = None, channel: str = "oai-events"
    ) -> None:
        self.gateway = gateway
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.voice: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        self.is_closed = asyncio.Event()
        self.peer.addTrack(track or Tone())
        self.channel = self.peer.createDataChannel(channel)
        self.channel.on("message", lambda text: self.events.put_nowait(json.loads(text)))
        self.channel.on("close", self.is_closed.set)
        self.peer.on("track", self.voice.set_result)
        self.location = ""

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def call(self, query: str = "?extensions=sottovoce") -> httpx.Response:
        reply = await self.gateway.client.post(f"{CALLS}{query}", content=await self.offer(), headers=SDP)
        assert reply.status_code == 201, reply.text
        await self.hear_answer(reply.text, reply.headers["location"])
        return reply

    async def hear_answer(self, answer: str, location: str) -> None:
        self.location = location
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    @property
    def candidates(self) -> set[tuple[str, int]]:
        """Address and port of each that the server offered."""
        lines = self.peer.remoteDescription.sdp.splitlines()
        fields = [line.split() for line in lines if line.startswith("a=candidate:")]
        return {(found[4], int(found[5])) for found in fields}

    @property
    def call_id(self) -> str:
        return self.location.rpartition("/")[2]

    def send(self, kind: str, **fields: Any) -> None:
        self.channel.send(json.dumps({"type": kind, **fields}))

    async def expect(self, kind: str) -> dict[str, Any]:
        return (await self.told_until(kind))[-1]

    async def told_until(self, kind: str) -> list[dict[str, Any]]:
        """What comes next, up to the first event of that kind."""
        told = []
        async with asyncio.timeout(10):
            while not told or told[-1]["type"] != kind:
                told.append(await self.events.get())
        return told

    async def listen(self, seconds: float) -> np.ndarray:
        track = await self.voice
        frames = [await track.recv() for _ in range(int(seconds / 0.02))]
        # one channel of however many
        return np.concatenate([f.to_ndarray().reshape(f.samples, -1)[:, 0] for f in frames]).astype(float)


@asynccontextmanager
async def calling(gateway: Gateway, track: MediaStreamTrack | None = None) -> AsyncIterator[Caller]:
    caller = Caller(gateway, track)
    try:
        await caller.call()
        await caller.expect("session.created")
        yield caller
    finally:
        await caller.peer.close()


async def all_free(gateway: Gateway) -> None:
    async with asyncio.timeout(10):
        await gateway.app.state.sessions.wait_until_free()
    assert gateway.app.state.calls.statistics() == (0, 0)
    assert all(session.is_closed for session in gateway.sessions)
    # aiortc looks every 20 ms whether its connection was closed before it was made
    connecting = [task for task in asyncio.all_tasks() if "__connect" in repr(task.get_coro())]
    if connecting:
        await asyncio.wait(connecting, timeout=10)


async def heard(session: TalkingSession, seconds: float) -> np.ndarray:
    is_enough, hear = asyncio.Event(), session.push_audio

    def push_audio(frame: AudioFrame) -> None:
        hear(frame)
        if len(session.heard) >= seconds * 48_000 * 2:
            is_enough.set()

    session.push_audio = push_audio  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        await is_enough.wait()
    return np.frombuffer(bytes(session.heard), np.int16).astype(float)


def queue_tone(session: TalkingSession, frames: int, response_id: str, item_id: str) -> None:
    wave = np.sin(np.arange(frames * 480) * 2 * np.pi * TONE_HZ / 24_000) * 10_000
    for pcm in wave.astype("<i2").reshape(frames, 480):
        session.playout.frames.append(PlayoutFrame(response_id, item_id, pcm.tobytes()))


def pitch(sound: np.ndarray, rate_hz: int = 48_000) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    return float(np.argmax(spectrum) * rate_hz / sound.size)

"""Those who talk to an assistant for `livekit_rooms.py`: in a LiveKit room, or by a WebRTC call."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from typing import Any, Protocol

import av
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from livekit import rtc

from sottovoce.bench.speech import FRAME_SAMPLES, RATE_HZ, Ear, Mouth, Pace
from sottovoce.livekit.conventions import AGENT_STATE, CHAT_TOPIC
from sottovoce.realtime import webrtc_ice, webrtc_receive
from sottovoce.realtime.webrtc_track import RTP_RATE_HZ, RTP_TICKS, OpusEncoder

READY_STATES = ("listening", "thinking", "speaking")
HEARD_MS = 20
QUEUE_MS = 200
LEAD_FRAMES = 3
"""Given ahead, so that the source, like a real microphone, keeps its pace where a process of Python, and one
among many on this machine, does not: listeners wait longer for sound that comes irregularly."""


class Talker(Protocol):
    ear: Ear
    mouth: Mouth

    async def join(self, admission: float) -> bool:
        """Whether an assistant came within `admission` seconds."""

    async def write(self, text: str) -> None:
        """Ask by keyboard."""

    async def leave(self) -> None: ...


class RoomTalker:
    """With livekit's own SDK, as any participant."""

    def __init__(self, url: str, token: str) -> None:
        self.ear, self.mouth = Ear(), Mouth()
        self._url, self._token = url, token
        self._room = rtc.Room()
        self._source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=QUEUE_MS)
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._is_heard = False

    async def join(self, admission: float) -> bool:
        self._room.on("track_subscribed", self._subscribed)
        self._room.on("participant_attributes_changed", lambda *_: self._changed.set())
        await self._room.connect(self._url, self._token)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        await self._room.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._speak()))
        try:
            async with asyncio.timeout(admission):
                while not self._has_assistant():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def write(self, text: str) -> None:
        await self._room.local_participant.send_text(text, topic=CHAT_TOPIC)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._room.disconnect()
        await self._source.aclose()

    def _has_assistant(self) -> bool:
        states = [other.attributes.get(AGENT_STATE) for other in self._room.remote_participants.values()]
        return self._is_heard and any(state in READY_STATES for state in states)

    async def _speak(self) -> None:
        try:
            for _ in range(LEAD_FRAMES):
                await self._send_frame()
            pace = Pace()
            while True:
                await pace.wait()
                await self._send_frame()
                self.mouth.sent(after=self._source.queued_duration)
        except Exception as error:  # noqa: BLE001  whoever speaks is told
            self.mouth.fail(error)

    async def _send_frame(self) -> None:
        samples = self.mouth.frame().tobytes()
        await self._source.capture_frame(rtc.AudioFrame(samples, RATE_HZ, 1, FRAME_SAMPLES))

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteAudioTrack):
            self._is_heard = True
            self._changed.set()
            self._tasks.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: rtc.RemoteAudioTrack) -> None:
        stream = rtc.AudioStream.from_track(
            track=track, sample_rate=RATE_HZ, num_channels=1, frame_size_ms=HEARD_MS
        )
        try:
            async for event in stream:
                self.ear.hear(np.frombuffer(event.frame.data, np.int16))
        finally:
            await stream.aclose()


class _Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, mouth: Mouth) -> None:
        super().__init__()
        self._mouth = mouth
        self._pace: Pace | None = None
        self._encoder = OpusEncoder()
        self._slot = -1

    async def recv(self) -> av.Packet[Any]:
        self._pace = self._pace or Pace()
        await self._pace.wait()
        self._slot += 1
        packet = self._encoder.encode(self._mouth.frame().tobytes(), self._slot)
        packet.pts, packet.time_base = self._slot * RTP_TICKS, Fraction(1, RTP_RATE_HZ)
        self._mouth.sent()
        return packet


class CallTalker:
    """By `/v1/realtime/calls` of a gateway, as the page does without LiveKit."""

    def __init__(self, url: str, key: str) -> None:
        webrtc_ice.install()
        webrtc_receive.install()
        self.ear, self.mouth = Ear(), Mouth()
        self._url = f"{url}/v1/realtime/calls?extensions=sottovoce"
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/sdp"}
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks: list[asyncio.Task[None]] = []
        self._is_ready = asyncio.Event()

    async def join(self, admission: float) -> bool:
        self._peer.addTrack(_Microphone(self.mouth))
        self._peer.on("track", lambda track: self._tasks.append(asyncio.create_task(self._listen(track))))
        self._channel = self._peer.createDataChannel("oai-events")
        self._channel.on("message", self._told)
        with webrtc_ice.gathering(webrtc_ice.Reach(is_loopback_only=True)):
            await self._peer.setLocalDescription(await self._peer.createOffer())
        async with httpx.AsyncClient(trust_env=False, timeout=admission) as client:
            sdp = self._peer.localDescription.sdp
            reply = await client.post(self._url, content=sdp, headers=self._headers)
        if reply.status_code in (429, 503):
            return False
        reply.raise_for_status()
        await self._peer.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        await asyncio.wait_for(self._is_ready.wait(), admission)
        return True

    async def write(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self._channel.send(json.dumps({"type": "conversation.item.create", "item": item}))
        self._channel.send(json.dumps({"type": "response.create"}))

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._peer.close()

    def _told(self, message: str) -> None:
        if json.loads(message)["type"] == "session.created":
            self._is_ready.set()

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            pcm = np.frombuffer(bytes(frame.planes[0]), np.int16)[: frame.samples]
            self.ear.hear(pcm[:: RTP_RATE_HZ // RATE_HZ])

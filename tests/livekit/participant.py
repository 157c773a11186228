"""Somebody in a room: speaks recordings in real time, and keeps what comes of it, with times.

Made of livekit's own SDK as any other client is. What a test waits for is always something that is kept
here (`until`), never a length of time. Times are `time.monotonic()` seconds.

    async with present(server, "kitchen", "ann", attributes=EVENTS) as ann:
        await ann.speak(recording("dialogue-what-time-is-it-slt"))
        await ann.until(lambda: ann.said_by(ann.assistant))
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import numpy as np
from livekit import api, rtc
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from numpy.typing import NDArray

from sottovoce.livekit.conventions import (
    AGENT_STATE,
    CHAT_TOPIC,
    FIRST_WORDS_TOPIC,
    REALTIME_CLIENT,
    REALTIME_TOPIC,
    TRANSCRIPTION_TOPIC,
)

T = TypeVar("T")

MICROPHONE_HZ = 16_000
HEARD_HZ = 24_000
FRAME = 0.02
LOUD = 400
"""Of 32768: above this a sample is audible; the noise of a room stays far below, Opus' included."""
NOISE = 20
DEADLINE = 15.0

NO_STUN = rtc.RtcConfiguration(ice_servers=[rtc.IceServer(urls=["stun:127.0.0.1:9"])])
"""Nobody is asked for the own address, whatever the server says."""

EVENTS = {REALTIME_CLIENT: "true"}
"""The attributes of one who wants the Realtime events."""

FINAL, SEGMENT, TRACK = "lk.transcription_final", "lk.segment_id", "lk.transcribed_track_id"


class Reachable(Protocol):
    """A LiveKit server, such as `LiveKitServer`."""

    url: str
    api_key: str
    api_secret: str


def token(
    server: Reachable,
    room: str,
    identity: str,
    *,
    kind: api.AccessToken.ParticipantKind = "standard",
    name: str = "",
    attributes: dict[str, str] | None = None,
    agent: str | None = None,
    metadata: str = "",
    departure_timeout: int = 20,
    ttl: timedelta = timedelta(minutes=5),
) -> str:
    """To join `room`; with `agent`, the worker of that name is sent there, `metadata` its job's."""
    grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
    made = api.AccessToken(server.api_key, server.api_secret).with_identity(identity).with_name(name)
    made = made.with_kind(kind).with_grants(grants).with_attributes(attributes or {}).with_ttl(ttl)
    agents = [] if agent is None else [RoomAgentDispatch(agent_name=agent, metadata=metadata)]
    config = RoomConfiguration(empty_timeout=60, departure_timeout=departure_timeout, agents=agents)
    return made.with_room_config(config).to_jwt()


@dataclass(frozen=True)
class Sound:
    """20 ms at 24 kHz, as they came."""

    at: float
    pcm: NDArray[np.int16]

    @property
    def is_loud(self) -> bool:
        return bool(np.abs(self.pcm.astype(np.int32)).max(initial=0) > LOUD)


@dataclass(frozen=True)
class Caption:
    """A piece of a text stream of `lk.transcription`; `text` is all of that stream so far."""

    at: float
    speaker: str
    segment: str
    text: str
    is_final: bool
    track: str
    stream: str


@dataclass
class Participant:
    """`join` first, or be `present`."""

    identity: str
    room: rtc.Room = field(default_factory=rtc.Room)
    heard: list[Sound] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    states: list[tuple[float, str]] = field(default_factory=list)
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    chats: list[tuple[float, str, str]] = field(default_factory=list)
    """When, from whom, and what."""
    legacy: list[list[rtc.TranscriptionSegment]] = field(default_factory=list)
    """`rtc.Transcription`s, which older clients read."""
    left: list[int] = field(default_factory=list)
    """Why this participant was disconnected, if it was."""

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived: asyncio.Queue[rtc.TextStreamReader] = asyncio.Queue()
        self._speech: deque[NDArray[np.int16]] = deque()
        self._spoken: asyncio.Future[float] | None = None
        self._source: rtc.AudioSource | None = None
        self._is_muted = False
        self.publication: rtc.LocalTrackPublication | None = None
        self._noise = np.random.default_rng(7)

    # -- coming and going

    async def join(self, url: str, given: str) -> None:
        room = self.room
        room.on("track_subscribed", self._subscribed)
        room.on("participant_attributes_changed", self._attributes_changed)
        room.on("participant_connected", lambda _: self._changed.set())
        room.on("participant_disconnected", lambda _: self._changed.set())
        room.on("transcription_received", lambda segments, *_: self._keep(self.legacy, segments))
        room.on("disconnected", lambda reason: self._keep(self.left, reason))
        room.register_text_stream_handler(TRANSCRIPTION_TOPIC, self._transcribed)
        room.register_text_stream_handler(CHAT_TOPIC, self._written)
        room.register_text_stream_handler(REALTIME_TOPIC, lambda reader, _: self._arrived.put_nowait(reader))
        self._start(self._read_events())
        await room.connect(url, given, rtc.RoomOptions(rtc_config=NO_STUN))
        for other in room.remote_participants.values():
            self._attributes_changed(dict(other.attributes), other)

    async def leave(self) -> None:
        await self.room.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._source is not None:
            await self._source.aclose()

    @property
    def assistant(self) -> str:
        """Its identity; "" where there is none."""
        kinds = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return next((p.identity for p in self.room.remote_participants.values() if p.kind == kinds), "")

    # -- speaking

    async def publish(self, rate_hz: int = MICROPHONE_HZ, *, has_first_words: bool = False) -> None:
        """A live microphone with a room's faint noise; what is `speak`ed is 16 kHz whatever `rate_hz` is."""
        self._source = rtc.AudioSource(MICROPHONE_HZ, 1, queue_size_ms=40)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, preconnect_buffer=has_first_words
        )
        self.publication = await self.room.local_participant.publish_track(track, options)
        self._start(self._run_microphone(self._source))

    async def send_first_words(
        self, data: bytes, mime_type: str = "application/octet-stream", **attributes: str
    ) -> None:
        """What was said before the assistant came, as LiveKit's clients send it: to the agent."""
        assert self.publication is not None
        await self.until(lambda: self.assistant)
        stream = await self.room.local_participant.stream_bytes(
            "preconnect-buffer",
            topic=FIRST_WORDS_TOPIC,
            mime_type=mime_type,
            destination_identities=[self.assistant],
            attributes={"trackId": self.publication.sid, "sampleRate": "16000", "channels": "1"} | attributes,
        )
        for at in range(0, len(data), 4096):
            await stream.write(data[at : at + 4096])
        await stream.aclose()

    async def unpublish(self) -> None:
        assert self.publication is not None
        assert self._source is not None
        await self.room.local_participant.unpublish_track(self.publication.sid)
        source, self._source = self._source, None
        await source.aclose()

    def mute(self, is_muted: bool = True) -> None:
        assert self.publication is not None
        track = self.publication.track
        assert isinstance(track, rtc.LocalAudioTrack)
        self._is_muted = is_muted
        (track.mute if is_muted else track.unmute)()

    async def speak(self, samples: bytes | NDArray[np.int16]) -> float:
        """Say 16 kHz samples in real time; returns the moment the last of them was sent."""
        if self._source is None:
            await self.publish()
        pcm = np.frombuffer(samples, np.int16) if isinstance(samples, bytes) else samples
        size = int(MICROPHONE_HZ * FRAME)
        self._spoken = asyncio.get_running_loop().create_future()
        self._speech.extend(pcm[at : at + size] for at in range(0, len(pcm), size))
        return await self._spoken

    # -- writing

    async def write(self, text: str) -> None:
        await self.room.local_participant.send_text(text, topic=CHAT_TOPIC)

    async def send(self, kind: str, **fields: Any) -> None:
        """A Realtime event."""
        await self.send_raw(json.dumps({"type": kind, **fields}))

    async def send_raw(self, text: str) -> None:
        await self.room.local_participant.send_text(
            text, topic=REALTIME_TOPIC, destination_identities=[self.assistant]
        )

    async def press(self, digits: str) -> None:
        """Keys of a telephone."""
        for digit in digits:
            code = "0123456789*#".index(digit)
            await self.room.local_participant.publish_dtmf(code=code, digit=digit)

    # -- what came

    async def until(self, condition: Callable[[], T], within: float = DEADLINE) -> T:
        """What `condition` says as soon as that is true."""
        try:
            async with asyncio.timeout(within):
                while not (found := condition()):
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"{self.identity} waited in vain; {self.summary()}") from None

    def summary(self) -> str:
        """For who wonders what happened."""
        said = {caption.stream: (caption.speaker, caption.text) for caption in self.captions}
        kinds = [event["type"] for _, event in self.events][-20:]
        return f"states {[state for _, state in self.states]}, said {list(said.values())}, events {kinds}"

    def said_by(self, identity: str) -> list[str]:
        """The final text of each segment of theirs."""
        found: dict[str, str] = {}
        for caption in self.captions:
            if caption.speaker == identity and caption.is_final:
                found[caption.segment] = caption.text
        return list(found.values())

    def events_of(self, *kinds: str) -> list[dict[str, Any]]:
        return [event for _, event in self.events if event["type"] in kinds]

    async def event(
        self, kind: str, when: Callable[[dict[str, Any]], object] = lambda _: True
    ) -> dict[str, Any]:
        """The first event of that kind, come or yet to come."""
        return (await self.until(lambda: [event for event in self.events_of(kind) if when(event)]))[0]

    def first_loud(self, since: float = 0.0) -> float | None:
        """When the first audible 20 ms came after `since`."""
        return next((sound.at for sound in self.heard if sound.at >= since and sound.is_loud), None)

    def pause_after(self, since: float, seconds: float = 0.25) -> float | None:
        """When it fell silent after `since` for so long; None while it has not."""
        last = since
        for sound in self.heard:
            if sound.at > since and sound.is_loud:
                if sound.at - last > seconds:
                    return last
                last = sound.at
        return last if self.heard and self.heard[-1].at - last > seconds else None

    def last_loud(self) -> float | None:
        return next((sound.at for sound in reversed(self.heard) if sound.is_loud), None)

    async def first_sound(self, since: float) -> float:
        found = await self.until(lambda: self.first_loud(since))
        assert found is not None
        return found

    async def silence(self, seconds: float = 0.4) -> float:
        """Waits until nothing was audible for so long; returns when the last audible 20 ms came."""

        def is_silent() -> float | None:
            last = self.last_loud()
            return last if last is not None and self.heard[-1].at - last > seconds else None

        found = await self.until(is_silent)
        assert found is not None
        return found

    # -- at work

    def _keep(self, kept: list[Any], thing: Any) -> None:
        kept.append(thing)
        self._changed.set()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_microphone(self, source: rtc.AudioSource) -> None:
        """20 ms every 20 ms on an absolute clock: speech over faint noise, nothing while muted."""
        due, size = time.monotonic(), int(MICROPHONE_HZ * FRAME)
        while source is self._source:
            due += FRAME
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            frame = self._noise.integers(-NOISE, NOISE, size).astype(np.int16)
            if self._speech:
                head = self._speech.popleft()
                frame[: len(head)] += head
            if not self._is_muted:
                await source.capture_frame(rtc.AudioFrame(frame.tobytes(), MICROPHONE_HZ, 1, size))
            if not self._speech and self._spoken is not None and not self._spoken.done():
                self._spoken.set_result(time.monotonic())

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteAudioTrack):
            self._start(self._listen(track))

    async def _listen(self, track: rtc.RemoteAudioTrack) -> None:
        if track.sid not in self._published():
            return  # it went as it came, and livekit's SDK fails at its absence
        stream = rtc.AudioStream.from_track(
            track=track, sample_rate=HEARD_HZ, num_channels=1, frame_size_ms=20
        )
        try:
            async for event in stream:
                pcm = np.frombuffer(event.frame.data, np.int16).copy()
                self._keep(self.heard, Sound(time.monotonic(), pcm))
        finally:
            await stream.aclose()

    def _published(self) -> set[str]:
        others = self.room.remote_participants.values()
        return {sid for other in others for sid in other.track_publications}

    def _attributes_changed(self, changed: dict[str, str], other: rtc.Participant) -> None:
        if AGENT_STATE in changed:
            self._keep(self.states, (time.monotonic(), changed[AGENT_STATE]))

    def _transcribed(self, reader: rtc.TextStreamReader, speaker: str) -> None:
        self._start(self._read_caption(reader, speaker))

    async def _read_caption(self, reader: rtc.TextStreamReader, speaker: str) -> None:
        text = ""
        with contextlib.suppress(rtc.StreamError):
            async for chunk in reader:
                text += chunk
                self._keep(self.captions, _caption(reader.info, speaker, text))
            if not text or (reader.info.attributes or {}).get(FINAL) == "true":
                self._keep(self.captions, _caption(reader.info, speaker, text))

    def _written(self, reader: rtc.TextStreamReader, author: str) -> None:
        async def read() -> None:
            with contextlib.suppress(rtc.StreamError):
                self._keep(self.chats, (time.monotonic(), author, await reader.read_all()))

        self._start(read())

    async def _read_events(self) -> None:
        """One after the other, whatever order their ends come in."""
        while True:
            reader = await self._arrived.get()
            with contextlib.suppress(rtc.StreamError):
                event = json.loads(await reader.read_all())
                self._keep(self.events, (time.monotonic(), event))


def _caption(info: rtc.TextStreamInfo, speaker: str, text: str) -> Caption:
    given = info.attributes or {}
    is_final = given.get(FINAL) == "true"
    segment, track = given.get(SEGMENT, ""), given.get(TRACK, "")
    return Caption(time.monotonic(), speaker, segment, text, is_final, track, info.stream_id)


@contextlib.asynccontextmanager
async def present(
    server: Reachable, room: str, identity: str, *, speaks: bool = False, **given: Any
) -> AsyncIterator[Participant]:
    """`given` goes into the `token`. Who `speaks` has a microphone at once, and is seen sooner for it."""
    participant = Participant(identity)
    try:
        await participant.join(server.url, token(server, room, identity, **given))
        if speaks:
            await participant.publish()
        yield participant
    finally:
        await participant.leave()

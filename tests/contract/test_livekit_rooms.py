"""What livekit does for us in the rooms of a real server."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from livekit import api, rtc

from sottovoce.livekit import conventions
from tests.livekit.participant import Participant, present, token
from tests.livekit_server import LiveKitServer

TONE_HZ = 440
RATE_HZ = 48_000
SOON = 10.0
ANNOUNCED = 1.5
"""Seconds; half of the interval in which livekit-server tells of those who only listen."""


@pytest.fixture(scope="module")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKitServer]:
    server = LiveKitServer(tmp_path_factory.mktemp("livekit"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def room_name() -> str:
    return f"room-{uuid.uuid4()}"


@pytest.fixture
async def admin(livekit: LiveKitServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as admin:
        yield admin


async def test_a_room_is_made_as_the_first_token_says(
    livekit: LiveKitServer, room_name: str, admin: api.LiveKitAPI
) -> None:
    async with present(livekit, room_name, "ann", agent="nobody", metadata="m", departure_timeout=7):
        (room,) = (await admin.room.list_rooms(api.ListRoomsRequest(names=[room_name]))).rooms
        assert (room.empty_timeout, room.departure_timeout) == (60, 7)
        (dispatch,) = await admin.agent_dispatch.list_dispatch(room_name)
        assert (dispatch.agent_name, dispatch.metadata) == ("nobody", "m")


async def test_who_is_who(livekit: LiveKitServer, room_name: str) -> None:
    kinds = rtc.ParticipantKind
    async with (
        present(livekit, room_name, "phone", kind="sip"),
        present(livekit, room_name, "robot", kind="agent"),
        present(livekit, room_name, "ann") as ann,
    ):
        found = {identity: other.kind for identity, other in ann.room.remote_participants.items()}
        assert found == {"phone": kinds.PARTICIPANT_KIND_SIP, "robot": kinds.PARTICIPANT_KIND_AGENT}
        assert ann.assistant == "robot"


async def test_who_comes_twice_is_disconnected_the_first_time(livekit: LiveKitServer, room_name: str) -> None:
    async with present(livekit, room_name, "ann") as first, present(livekit, room_name, "ann"):
        assert await first.until(lambda: first.left) == [rtc.DisconnectReason.DUPLICATE_IDENTITY]


Text = tuple[str, str, dict[str, str]]
"""Who sent it, what, and with which attributes."""


def reading(room: rtc.Room, topic: str) -> asyncio.Queue[asyncio.Task[Text]]:
    """The streams of a topic in the order they begin; each task has the whole of one."""
    begun: asyncio.Queue[asyncio.Task[Text]] = asyncio.Queue()

    async def take(reader: rtc.TextStreamReader, sender: str) -> Text:
        return sender, await reader.read_all(), dict(reader.info.attributes or {})

    def opened(reader: rtc.TextStreamReader, sender: str) -> None:
        begun.put_nowait(asyncio.create_task(take(reader, sender)))

    room.register_text_stream_handler(topic, opened)
    return begun


async def test_text_streams_keep_their_attributes_and_whose_they_are(
    livekit: LiveKitServer, room_name: str
) -> None:
    async with (
        present(livekit, room_name, "ann") as ann,
        present(livekit, room_name, "bob") as bob,
        present(livekit, room_name, "robot", kind="agent") as robot,
    ):
        to_ann, to_bob = reading(ann.room, "words"), reading(bob.room, "words")
        local = robot.room.local_participant
        writer = await local.stream_text(
            topic="words", attributes={"segment": "1"}, sender_identity="ann", destination_identities=["ann"]
        )
        await writer.write("what ")
        await writer.write("time")
        await writer.aclose(attributes={"final": "true"})
        await local.send_text("to all", topic="words")
        async with asyncio.timeout(SOON):
            sender, text, attributes = await (await to_ann.get())
            assert (sender, text) == ("ann", "what time")
            assert attributes == {"segment": "1", "final": "true"}
            assert (await (await to_bob.get()))[:2] == ("robot", "to all")  # the other was not for bob


async def test_texts_arrive_in_the_order_they_were_sent(livekit: LiveKitServer, room_name: str) -> None:
    async with present(livekit, room_name, "ann") as ann, present(livekit, room_name, "bob") as bob:
        arrived = reading(ann.room, "events")
        sent = [f"{number} {'x' * (number % 7) * 5_000}" for number in range(50)]
        for text in sent:
            await bob.room.local_participant.send_text(text, topic="events", destination_identities=["ann"])
        async with asyncio.timeout(SOON):
            assert [(await (await arrived.get()))[1] for _ in sent] == sent


async def test_attributes_and_keys_of_a_telephone(livekit: LiveKitServer, room_name: str) -> None:
    async with present(livekit, room_name, "bob") as bob, present(livekit, room_name, "ann") as ann:
        pressed: list[str] = []
        ann.room.on("sip_dtmf_received", lambda dtmf: ann._keep(pressed, dtmf.digit))
        await bob.room.local_participant.set_attributes({conventions.AGENT_STATE: "thinking"})
        await bob.press("4#")
        assert await ann.until(lambda: [state for _, state in ann.states]) == ["thinking"]
        assert await ann.until(lambda: pressed[1:] and pressed) == ["4", "#"]


async def test_who_publishes_is_announced_at_once(livekit: LiveKitServer, room_name: str) -> None:
    """Everybody else only every three seconds: the assistant's track must not be late."""
    async with present(livekit, room_name, "ann") as ann, present(livekit, room_name, "robot") as robot:
        began = time.monotonic()
        await robot.publish()
        await ann.until(lambda: ann.room.remote_participants)
        await robot.room.local_participant.set_attributes({conventions.AGENT_STATE: "listening"})
        await ann.until(lambda: ann.states)
        assert time.monotonic() - began < ANNOUNCED


async def tone(source: rtc.AudioSource, seconds: float) -> None:
    """Handed over as fast as it is taken."""
    for number in range(round(seconds * 100)):
        at = np.arange(number * RATE_HZ // 100, (number + 1) * RATE_HZ // 100)
        samples = (8000 * np.sin(2 * np.pi * TONE_HZ * at / RATE_HZ)).astype(np.int16)
        await source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, len(samples)))


async def test_what_is_cleared_from_a_source_is_never_heard(livekit: LiveKitServer, room_name: str) -> None:
    async with present(livekit, room_name, "ann") as ann, present(livekit, room_name, "robot") as robot:
        source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=3000)
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await robot.room.local_participant.publish_track(track, options)
        async with asyncio.timeout(SOON):
            await publication.wait_for_subscription()
        await tone(source, 0.2)
        await source.wait_for_playout()
        began = await ann.first_sound(0.0)
        before = sum(sound.is_loud for sound in ann.heard)
        assert source.queued_duration == 0.0
        await tone(source, 2.5)
        assert source.queued_duration > 2.0
        source.clear_queue()
        assert source.queued_duration == 0.0
        async with asyncio.timeout(1.0):
            await source.wait_for_playout()
        await ann.silence()
        heard = 0.02 * (sum(sound.is_loud for sound in ann.heard) - before)
        assert heard < 1.0, f"{heard} s of it were heard after {time.monotonic() - began} s"
        await source.aclose()


async def test_a_stream_of_sound_has_the_rate_and_the_frames_that_were_asked_for(
    livekit: LiveKitServer, room_name: str
) -> None:
    async with present(livekit, room_name, "ann") as ann, present(livekit, room_name, "bob") as bob:
        heard: asyncio.Queue[rtc.AudioStream] = asyncio.Queue()

        def subscribed(track: rtc.Track, *_: Any) -> None:
            heard.put_nowait(
                rtc.AudioStream.from_track(track=track, sample_rate=16_000, num_channels=1, frame_size_ms=20)
            )

        ann.room.on("track_subscribed", subscribed)
        await bob.publish()
        async with asyncio.timeout(SOON):
            stream = await heard.get()
            frames = [event.frame async for event in _first(stream, 20)]
            assert {(f.sample_rate, f.num_channels, f.samples_per_channel) for f in frames} == {
                (16_000, 1, 320)
            }
            gone = asyncio.Event()
            ann.room.on("track_unsubscribed", lambda *_: gone.set())
            await bob.unpublish()
            await gone.wait()  # which does not end the stream: who reads it has to
            await stream.aclose()
            async for _ in stream:
                pass


async def _first(stream: rtc.AudioStream, count: int) -> AsyncIterator[rtc.AudioFrameEvent]:
    for _ in itertools.repeat(None, count):
        yield await anext(stream)


async def test_nobody_is_subscribed_to_who_asks_for_nobody(livekit: LiveKitServer, room_name: str) -> None:
    """The worker subscribes to the one microphone that it hears, by hand."""
    async with present(livekit, room_name, "bob") as bob:
        await bob.publish()
        ann = Participant("ann")
        subscribed: list[str] = []
        ann.room.on("track_subscribed", lambda track, *_: ann._keep(subscribed, track.sid))
        options = rtc.RoomOptions(auto_subscribe=False)
        await ann.room.connect(livekit.url, token(livekit, room_name, "ann"), options)
        try:
            publications = ann.room.remote_participants["bob"].track_publications
            (publication,) = publications.values()
            assert (subscribed, publication.subscribed) == ([], False)
            assert publication.source == rtc.TrackSource.SOURCE_MICROPHONE
            publication.set_subscribed(True)
            ann.room.on("track_subscribed", lambda *_: ann._changed.set())
            assert await ann.until(lambda: subscribed) == [publication.sid]
        finally:
            await ann.room.disconnect()

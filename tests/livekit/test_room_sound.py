"""Sound into a room's conversation and out of it."""

from __future__ import annotations

import asyncio
import gc

import numpy as np
import pytest
from livekit.rtc._ffi_client import FfiClient, _live_handles

from sottovoce.livekit.room.voice import OUTPUT_DELAY
from sottovoce.realtime.live_sound import GAP
from tests.livekit.participant import EVENTS, HEARD_HZ, MICROPHONE_HZ, Participant, present
from tests.livekit.rooms import TONE_HZ, AudibleSession, Sessions, holding
from tests.livekit_server import LiveKitServer
from tests.recordings import recording

pytestmark = pytest.mark.timeout(40)


def pitch(sound: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    return float(np.argmax(spectrum) * rate_hz / sound.size)


def tone(seconds: float, hz: float) -> np.ndarray:
    at = np.arange(int(seconds * MICROPHONE_HZ))
    return (np.sin(at * 2 * np.pi * hz / MICROPHONE_HZ) * 8_000).astype(np.int16)


async def heard(listener: Participant, session: AudibleSession, seconds: float) -> np.ndarray:
    """The next so many seconds that come to the session."""
    session.heard.clear()
    await listener.until(lambda: len(session.heard) >= seconds * MICROPHONE_HZ * 2)
    return np.frombuffer(bytes(session.heard), np.int16).astype(float)


async def test_what_is_spoken_comes_to_the_session_at_16_khz(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
    ):
        await ann.until(lambda: sessions.made and sessions.one.heard)
        speaking = asyncio.create_task(ann.speak(tone(1.0, 1_000)))
        await ann.until(
            lambda: np.abs(np.frombuffer(bytes(sessions.one.heard[-640:]), np.int16)).max() > 4_000
        )
        sound = await heard(ann, sessions.one, 0.5)
        assert pitch(sound, MICROPHONE_HZ) == pytest.approx(1_000, abs=10)
        await speaking


async def test_what_is_said_is_heard_by_all_in_time(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions(frames=50)
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
        present(livekit, room_name, "bob", speaks=True) as bob,
    ):
        await ann.until(lambda: [state for _, state in ann.states if state == "listening"])
        await ann.until(lambda: ann.heard)
        await ann.write("what time is it")
        for somebody in (ann, bob):
            begun = await somebody.first_sound(0)
            ended = await somebody.silence()
            assert ended - begun == pytest.approx(1.0, abs=0.25)
            pcm = np.concatenate([sound.pcm for sound in somebody.heard if begun <= sound.at <= ended])
            assert pitch(pcm.astype(float), HEARD_HZ) == pytest.approx(TONE_HZ, abs=10)
        assert sessions.one.playout.output_delay == OUTPUT_DELAY


async def test_a_microphone_that_is_muted_or_taken_away_ends_in_silence_and_comes_back(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
    ):
        await ann.until(lambda: sessions.made and sessions.one.heard)
        ann.mute()
        quiet = await heard(ann, sessions.one, 1.0)
        assert not quiet[-4_000:].any()
        ann.mute(False)
        await ann.until(lambda: any(sessions.one.heard[-640:]))
        await ann.unpublish()
        silence = await heard(ann, sessions.one, 4 * GAP)
        assert not silence[-4_000:].any()
        await ann.publish()
        await ann.until(lambda: any(sessions.one.heard[-640:]))
        assert len(sessions.made) == 1


async def test_nothing_is_left_of_a_conversation(livekit: LiveKitServer, room_name: str) -> None:
    """Neither a subscription to the SDK's events nor one of its native handles, however often."""

    async def converse() -> tuple[int, int]:
        sessions = Sessions(frames=500)
        async with (
            holding(livekit, room_name, sessions),
            present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
            present(livekit, room_name, "bob", speaks=True) as bob,
        ):
            await ann.event("session.created")
            await ann.speak(recording("dialogue-stop-slt"))
            await ann.write("what time is it")
            await ann.first_sound(0)
            ann.mute()
            stream = await bob.room.local_participant.stream_text(topic="lk.chat")
            await stream.write("half of")
        gc.collect()
        return len(FfiClient.instance.queue._subscribers), sum(not each.disposed for each in _live_handles)

    await converse()
    first = await converse()
    assert await converse() == first

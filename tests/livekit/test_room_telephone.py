"""Who calls by telephone: a participant of kind SIP, with the band of a telephone and its keys."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from tests.livekit.participant import EVENTS, MICROPHONE_HZ, present
from tests.livekit.rooms import Sessions, holding
from tests.livekit_server import LiveKitServer
from tests.recordings import recording

pytestmark = pytest.mark.timeout(40)


def by_telephone(samples: bytes) -> np.ndarray:
    """What a line of 8 kHz leaves of it."""
    pcm = np.frombuffer(samples, np.int16)
    narrow = soxr.resample(pcm, MICROPHONE_HZ, 8_000)
    wide: np.ndarray = soxr.resample(narrow, 8_000, MICROPHONE_HZ).astype(np.int16)
    return wide


async def test_a_caller_is_heard_and_pressed_keys_are_a_turn(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "sip_1", kind="sip", speaks=True) as caller,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        speaker = await ann.event("sottovoce.room.speaker")
        assert speaker["participant_identity"] == "sip_1"
        await caller.speak(by_telephone(recording("dialogue-stop-slt")))
        await caller.until(lambda: np.abs(np.frombuffer(bytes(sessions.one.heard), np.int16)).max() > 2_000)
        await caller.press("12#")
        await caller.first_sound(0)
        await ann.until(lambda: len(ann.events_of("sottovoce.room.key")) == 3)
        pressed = [
            (told["participant_identity"], told["digit"]) for told in ann.events_of("sottovoce.room.key")
        ]
        assert pressed == [("sip_1", "1"), ("sip_1", "2"), ("sip_1", "#")]
        added = await ann.event("conversation.item.added", lambda told: told["item"]["role"] == "user")
        assert added["item"]["content"][0]["text"] == "pressed 1 2"
        assert not caller.events
        assert not caller.chats


async def test_keys_are_a_turn_after_a_pause_too(
    livekit: LiveKitServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.livekit.room.keypad.PAUSE", 0.1)
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "sip_1", kind="sip", speaks=True) as caller,
    ):
        await caller.until(lambda: sessions.made and sessions.one.heard)
        await caller.press("4")
        await caller.until(lambda: sessions.one.messages)
    assert [message[1] for message in sessions.one.messages] == ["pressed 4"]


async def test_who_hangs_up_asks_nothing_more_and_a_flood_of_keys_is_bounded(
    livekit: LiveKitServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.livekit.room.talk.KEYS", (5, 60.0))
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        async with present(livekit, room_name, "sip_1", kind="sip", speaks=True) as caller:
            await caller.speak(recording("dialogue-stop-slt"))  # and is known to all by then
            await caller.press("1" * 9)
            await ann.until(lambda: len(ann.events_of("sottovoce.room.key")) == 5)
        await ann.write("what time is it")
        await ann.event("response.done")
        assert len(ann.events_of("sottovoce.room.key")) == 5
    assert [message[1] for message in sessions.one.messages] == ["what time is it"]

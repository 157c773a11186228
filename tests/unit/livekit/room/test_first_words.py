"""Recordings of before the assistant came, and what may be wrong with them; no server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sottovoce.livekit.room import first_words
from sottovoce.livekit.room.first_words import MAX_BYTES, MAX_CHANNELS, MAX_DURATION, MAX_STREAMS, FirstWords

RATE_HZ = 16_000
WORDS = b"\x01\x02" * 160


class Room:
    """Hands streams to whoever handles them, as livekit's does."""

    def __init__(self) -> None:
        self.handle: Callable[[Any, str], None] | None = None
        self.left: Callable[[Any], None] | None = None

    def register_byte_stream_handler(self, topic: str, handler: Callable[[Any, str], None]) -> None:
        assert topic == "lk.agent.pre-connect-audio-buffer"
        self.handle = handler

    def unregister_byte_stream_handler(self, topic: str) -> None:
        self.handle = None

    def on(self, event: str, callback: Callable[[Any], None]) -> None:
        self.left = callback

    def off(self, event: str, callback: Callable[[Any], None]) -> None:
        assert callback == self.left
        self.left = None

    def leave(self, identity: str) -> None:
        assert self.left is not None
        self.left(SimpleNamespace(identity=identity))


class Stream:
    """Ends when it is told to."""

    def __init__(self, data: bytes = WORDS, mime_type: str = "", **attributes: str) -> None:
        given = {"trackId": "TR", "sampleRate": str(RATE_HZ), "channels": "1"} | attributes
        self.info = SimpleNamespace(attributes=given, mime_type=mime_type)
        self.is_closed, self.has_ended = False, asyncio.Event()
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._data), 15_000):
            yield self._data[at : at + 15_000]
        await self.has_ended.wait()

    def end(self) -> Stream:
        self.has_ended.set()
        return self

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def words(room: Room) -> AsyncIterator[FirstWords]:
    words = FirstWords(room)  # type: ignore[arg-type]
    yield words
    await words.aclose()
    assert (room.handle, room.left) == (None, None)


async def opened(room: Room, *streams: Stream, identity: str = "ann") -> None:
    """And read, as far as they go."""
    assert room.handle is not None
    for stream in streams:
        room.handle(stream, identity)
    for _ in range(5):
        await asyncio.sleep(0)


async def asked_for(words: FirstWords, identity: str = "ann", track: str = "TR") -> bytes | None:
    frame = await words.before(identity, track)
    return None if frame is None else frame.samples


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_words, "PATIENCE", 0.0)


async def test_are_had_once(room: Room, words: FirstWords) -> None:
    stream = Stream().end()
    await opened(room, stream)
    assert await asked_for(words) == WORDS
    assert await asked_for(words) is None
    assert stream.is_closed


async def test_are_waited_for(room: Room, words: FirstWords) -> None:
    asking = asyncio.create_task(asked_for(words))
    stream = Stream()
    await opened(room, stream)
    assert not asking.done()
    stream.end()
    assert await asking == WORDS


@pytest.mark.usefixtures("impatient")
async def test_are_not_waited_for_long(room: Room, words: FirstWords) -> None:
    assert await asked_for(words) is None
    await opened(room, Stream().end())
    assert await asked_for(words) is None


@pytest.mark.usefixtures("impatient")
async def test_are_those_of_the_participant_and_of_the_track(room: Room, words: FirstWords) -> None:
    await opened(room, Stream().end())
    assert await asked_for(words, identity="bob") is None
    assert await asked_for(words, track="TR_other") is None
    assert await asked_for(words) == WORDS


async def test_are_too_old_after_a_while(
    room: Room, words: FirstWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(room, Stream().end())
    monkeypatch.setattr(first_words, "MAX_AGE", -1.0)
    assert await asked_for(words) is None


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "given",
    [
        {"data": b"no recording" * 100, "mime_type": "audio/webm;codecs=opus"},
        {"data": bytes(MAX_BYTES + 1), "sampleRate": "48000"},
        {"data": bytes(int(MAX_DURATION * RATE_HZ + 1) * 2)},
        {"sampleRate": "fast"},
        {"sampleRate": "0"},
        {"sampleRate": "999999999999999999999"},
        {"channels": "-1"},
        {"channels": str(MAX_CHANNELS + 1)},
        {"channels": ""},
    ],
)
async def test_that_cannot_be_used_are_told_in_the_log(
    room: Room, words: FirstWords, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stream = Stream(**given).end()
    await opened(room, *[stream])
    for _ in range(100):
        await asyncio.sleep(0)
    assert await asked_for(words) is None
    assert "what was said before the assistant came" in caplog.text
    assert stream.is_closed


async def test_several_channels_are_mixed(room: Room, words: FirstWords) -> None:
    await opened(room, Stream(b"\x02\x00\x04\x00" * 10 + b"\x01", channels="2").end())
    assert await asked_for(words) == b"\x03\x00" * 10


async def test_that_never_end_take_no_more_than_so_many_places(room: Room, words: FirstWords) -> None:
    streams = [Stream() for _ in range(MAX_STREAMS + 1)]
    await opened(room, *streams)
    assert [stream.is_closed for stream in streams] == [False] * MAX_STREAMS + [True]
    room.leave("ann")
    await asyncio.sleep(0)
    assert all(stream.is_closed for stream in streams)


@pytest.mark.usefixtures("impatient")
async def test_that_nobody_asks_for_are_not_all_kept(room: Room, words: FirstWords) -> None:
    for number in range(MAX_STREAMS + 1):
        await opened(room, Stream(trackId=f"TR_{number}").end())
    assert await asked_for(words, track="TR_0") is None
    assert await asked_for(words, track="TR_1") == WORDS
    room.leave("ann")
    assert await asked_for(words, track="TR_2") is None

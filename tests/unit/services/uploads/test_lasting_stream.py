"""A recogniser whose process dies in the middle of a recording."""

from __future__ import annotations

import pytest

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment
from sottovoce.errors import EngineCrashed
from sottovoce.services.uploads import lasting_stream
from sottovoce.services.uploads.lasting_stream import LastingStream
from tests.unit.services.scripted_transcriber import ScriptedTranscriber, spoken

DEATH = EngineCrashed("The recogniser's process died.", engine="stt")


def seconds(count: float, sample: int = 1) -> bytes:
    return sample.to_bytes(2, "little") * int(count * BYTES_PER_SECOND / 2)


class Listener:
    def __init__(self) -> None:
        self.transcriber = ScriptedTranscriber()
        self.told: list[Segment] = []
        self.stream = LastingStream(self.transcriber, self.told.append)

    def times(self) -> list[tuple[str, float, float]]:
        return [(segment.text, segment.start, segment.end) for segment in self.told]


async def test_segments_are_told_with_the_times_of_the_recording() -> None:
    listener = Listener()
    listener.transcriber.segments = [spoken("tell me", 1.0, 2.0), spoken("a joke", 3.0, 4.0)]
    await listener.stream.open()
    await listener.stream.push(seconds(5))
    await listener.stream.finish()
    assert listener.times() == [("tell me", 1.0, 2.0), ("a joke", 3.0, 4.0)]
    assert not listener.transcriber.streams[0].is_live
    await listener.stream.aclose()
    assert listener.transcriber.streams[0].is_closed


async def test_utterances_begin_where_they_are_said_to() -> None:
    listener = Listener()
    listener.transcriber.transcripts = ["tell me", "a joke"]
    await listener.stream.open()
    for start in (10.0, 20.5):
        listener.stream.begin(start)
        await listener.stream.push(seconds(2))
        await listener.stream.finish()
    assert listener.times() == [("tell me", 10.0, 12.0), ("a joke", 20.5, 22.5)]


async def test_a_process_that_dies_is_replaced_and_hears_what_followed_the_last_segment() -> None:
    listener = Listener()
    listener.transcriber.segments = [spoken("tell me", 1.0, 2.0)]
    await listener.stream.open()
    await listener.stream.push(seconds(3, 1))
    listener.transcriber.segments = []
    listener.transcriber.streams[0].failure = DEATH
    await listener.stream.push(seconds(1, 2))
    first, second = listener.transcriber.streams
    assert first.is_closed
    # one second after the segment's end, and what was being said when it died
    assert bytes(second.heard) == seconds(1, 1) + seconds(1, 2)
    listener.transcriber.transcripts = ["a joke"]
    await listener.stream.finish()
    assert listener.times()[1:] == [("a joke", 2.0, 4.0)]


async def test_a_process_that_dies_at_the_end_is_replaced_too() -> None:
    listener = Listener()
    listener.transcriber.transcripts = ["tell me a joke"]
    await listener.stream.open()
    await listener.stream.push(seconds(4))
    listener.transcriber.streams[0].failure = DEATH
    await listener.stream.finish()
    assert listener.times() == [("tell me a joke", 0.0, 4.0)]


async def test_the_same_audio_kills_no_third_process() -> None:
    listener = Listener()
    listener.transcriber.failures = [DEATH, DEATH]
    await listener.stream.open()
    with pytest.raises(EngineCrashed):
        await listener.stream.push(seconds(1))
    assert len(listener.transcriber.streams) == 2


async def test_every_segment_earns_another_try() -> None:
    listener = Listener()
    listener.transcriber.segments = [spoken("tell me", 0.0, 1.0)]
    await listener.stream.open()
    for _ in range(3):
        await listener.stream.push(seconds(1.5))
        listener.transcriber.streams[-1].failure = DEATH
    await listener.stream.push(seconds(1.5))
    assert len(listener.transcriber.streams) == 4


async def test_no_more_is_kept_than_could_be_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting_stream, "KEPT", 4.0)
    listener = Listener()
    await listener.stream.open()
    for _ in range(10):
        await listener.stream.push(seconds(1))
    listener.transcriber.streams[0].failure = DEATH
    await listener.stream.push(seconds(1))
    assert bytes(listener.transcriber.streams[1].heard) == seconds(4)
    listener.transcriber.transcripts = ["at last"]
    await listener.stream.finish()
    assert listener.times() == [("at last", 7.0, 11.0)]

"""One speaker's stream on a recogniser that says how long each segment was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment
from sottovoce.engines.stt.segmenting import LONGEST, Part, Segmenter
from sottovoce.engines.stt.sherpa_offline.stream import OfflineStream
from sottovoce.engines.stt.sherpa_offline.wire import Heard, Phrase
from sottovoce.errors import EngineCrashed
from tests.unit.engines.stt.loud_is_voice import LoudIsVoice, silence, voice


@dataclass
class Recogniser:
    """Numbers its segments. `gate` is what each waits for."""

    parts: list[Part] = field(default_factory=list)
    failures: dict[int, Exception] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def hear(self, part: Part) -> Heard:
        self.parts.append(part)
        number = len(self.parts)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if failure := self.failures.get(number):
            raise failure
        return Heard(phrases=(Phrase(text=f"part{number}", start=0.1, end=part.duration),), language="de")


@dataclass
class Told:
    interims: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    closings: int = 0

    def closed(self) -> None:
        self.closings += 1


def opened(recogniser: Recogniser, told: Told | None = None) -> OfflineStream:
    told = told or Told()
    return OfflineStream(
        Segmenter(LoudIsVoice()),
        recogniser.hear,
        on_interim=told.interims.append,
        on_segment=told.segments.append,
        on_close=told.closed,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_an_utterance_is_heard_segment_by_segment() -> None:
    recogniser, told = Recogniser(), Told()
    stream = opened(recogniser, told)
    for piece in (silence(1.0), voice(2.0), silence(1.0), voice(1.0)):
        await stream.push(piece)
    assert await stream.finish() == "part1 part2"
    assert [segment.text for segment in told.segments] == ["part1", "part2"]
    assert told.interims == ["part1"]  # the rest is in the transcript
    first, second = told.segments
    assert first.start == pytest.approx(recogniser.parts[0].start + 0.1, abs=0.01)
    assert second.end == pytest.approx(5.0, abs=0.01)
    assert second.language == "de"
    await stream.aclose()


async def test_it_is_hearing_while_somebody_speaks_or_waits() -> None:
    recogniser = Recogniser()
    stream = opened(recogniser)
    assert not stream.is_hearing
    await stream.push(silence(1.0))
    assert not stream.is_hearing
    await stream.push(voice(1.0))
    assert stream.is_hearing
    recogniser.gate.clear()
    await stream.push(silence(1.0))
    assert stream.is_hearing
    recogniser.gate.set()
    await stream.finish()
    assert not stream.is_hearing
    await stream.aclose()


async def test_utterances_begin_anew() -> None:
    recogniser = Recogniser()
    stream = opened(recogniser)
    await stream.push(voice(1.0))
    assert await stream.finish() == "part1"
    assert await stream.finish() == ""
    await stream.push(voice(1.0))
    assert await stream.finish() == "part2"
    await stream.aclose()


async def test_silence_reaches_no_recogniser() -> None:
    recogniser = Recogniser()
    stream = opened(recogniser)
    await stream.push(silence(20.0))
    assert await stream.finish() == ""
    assert recogniser.parts == []
    await stream.aclose()


async def test_audio_waits_while_the_recogniser_is_a_segment_behind() -> None:
    recogniser = Recogniser()
    recogniser.gate.clear()
    stream = opened(recogniser)
    await stream.push(voice(1.0) + silence(1.0))  # is being heard
    await stream.push(voice(1.0))  # is collected meanwhile
    waiting = asyncio.create_task(stream.push(silence(1.0)))  # would be a second one to be heard
    await until(lambda: len(recogniser.parts) == 1)
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    recogniser.gate.set()
    await waiting
    assert await stream.finish() == "part1 part2"
    await stream.aclose()


async def test_minutes_of_speech_keep_half_a_minute() -> None:
    recogniser = Recogniser()
    segmenter = Segmenter(LoudIsVoice())
    stream = OfflineStream(segmenter, recogniser.hear)
    piece, kept = voice(10.0), 0
    for _ in range(18):
        await stream.push(piece)
        kept = max(kept, segmenter.kept_bytes)
    await stream.finish()
    assert kept <= (LONGEST + 1) * BYTES_PER_SECOND
    assert sum(part.duration for part in recogniser.parts) == pytest.approx(180.0)
    await stream.aclose()


async def test_a_reset_drops_what_is_being_heard() -> None:
    recogniser, told = Recogniser(), Told()
    stream = opened(recogniser, told)
    recogniser.gate.clear()
    await stream.push(voice(1.0) + silence(1.0) + voice(0.5))
    await until(lambda: len(recogniser.parts) == 1)
    await stream.reset()
    recogniser.gate.set()
    await stream.push(voice(1.0))
    assert await stream.finish() == "part2"
    assert told.interims == []
    await stream.aclose()


async def test_closing_cancels_what_is_being_heard_and_says_so_once() -> None:
    recogniser, told = Recogniser(), Told()
    stream = opened(recogniser, told)
    recogniser.gate.clear()
    await stream.push(voice(1.0) + silence(1.0))
    await until(lambda: len(recogniser.parts) == 1)
    await stream.aclose()
    await stream.aclose()
    await until(lambda: recogniser.cancelled == 1)
    assert told.closings == 1
    with pytest.raises(EngineCrashed, match="closed"):
        await stream.push(voice(1.0))


async def test_a_failed_segment_is_the_end_of_the_stream() -> None:
    recogniser, told = Recogniser(failures={1: EngineCrashed("It died.", engine="stt")}), Told()
    stream = opened(recogniser, told)
    await stream.push(voice(1.0))
    with pytest.raises(EngineCrashed, match="It died"):
        await stream.finish()
    with pytest.raises(EngineCrashed, match="It died"):
        await stream.push(voice(1.0))
    await stream.aclose()
    assert told.closings == 1


async def test_a_cancelled_push_leaves_a_stream_that_can_be_reset() -> None:
    recogniser = Recogniser()
    stream = opened(recogniser)
    pushing = asyncio.create_task(stream.push(voice(30.0)))
    await asyncio.sleep(0)
    pushing.cancel()
    await asyncio.wait({pushing})
    await stream.reset()
    await stream.push(voice(1.0))
    number = len(recogniser.parts) + 1
    assert await stream.finish() == f"part{number}"
    await stream.aclose()

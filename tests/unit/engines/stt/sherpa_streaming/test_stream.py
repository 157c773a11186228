"""A speaker's stream, on a recogniser that hears what a test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sottovoce.engines.stt import cuts
from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment
from sottovoce.engines.stt.sherpa_streaming.scheduler import Lane, Scheduler
from sottovoce.engines.stt.sherpa_streaming.stream import MAX_WAITING, Listeners, SherpaStream
from sottovoce.errors import EngineCrashed, EngineError, EngineTimeout, EngineUnavailable, InvalidRequestError
from tests.unit.engines.stt.sherpa_streaming.fake_recogniser import (
    CHUNK_BYTES,
    PACE,
    PATIENCE,
    SILENCE,
    SOUND,
    FakeRecogniser,
)


class Speaker:
    """With what its stream tells."""

    def __init__(self, recogniser: FakeRecogniser, scheduler: Scheduler, lane: Lane = "live") -> None:
        self.interims: list[str] = []
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.segments: list[Segment] = []
        self.closed = 0
        self.error: Exception | None = None
        listeners = Listeners(self._interim, self.segments.append, self._close)
        self.stream = SherpaStream(recogniser, scheduler, PACE, listeners, lane=lane, language="en")

    def _interim(self, text: str) -> None:
        if self.error is not None:
            raise self.error
        self.interims.append(text)
        self.told.put_nowait(text)

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture
def recogniser() -> FakeRecogniser:
    return FakeRecogniser()


@pytest.fixture
async def scheduler(recogniser: FakeRecogniser) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(recogniser, threads=1)
    yield scheduler
    recogniser.gate.set()
    scheduler.stop()
    assert await asyncio.to_thread(scheduler.join, PATIENCE)


@pytest.fixture
async def speaker(recogniser: FakeRecogniser, scheduler: Scheduler) -> AsyncIterator[Speaker]:
    speaker = Speaker(recogniser, scheduler)
    yield speaker
    await speaker.stream.aclose()


async def entered(recogniser: FakeRecogniser) -> None:
    assert await asyncio.to_thread(recogniser.entered.acquire, timeout=PATIENCE)


async def test_words_are_told_as_they_come(speaker: Speaker) -> None:
    for _ in range(3):
        await speaker.stream.push(SOUND)
    assert await speaker.told.get() == "a1"
    assert await speaker.told.get() == "a1 a2"


async def test_the_end_does_not_wait_for_another_chunk(speaker: Speaker) -> None:
    """What was said in the last, unfinished one is heard by the silence that is put after it."""
    await speaker.stream.push(SOUND[: CHUNK_BYTES // 4])
    assert await speaker.stream.finish() == "a1"
    (segment,) = speaker.segments
    assert (segment.text, segment.start, segment.language) == ("a1", 0.0, "en")


async def test_no_thread_is_woken_for_less_than_a_chunk(speaker: Speaker, recogniser: FakeRecogniser) -> None:
    for _ in range(14):
        await speaker.stream.push(SOUND[: CHUNK_BYTES // 10])
        assert speaker.stream.turn is None
    await speaker.stream.push(SOUND[: CHUNK_BYTES // 10])
    assert speaker.stream.turn is not None


async def test_an_utterance_knows_nothing_of_the_one_before(
    speaker: Speaker, recogniser: FakeRecogniser
) -> None:
    await speaker.stream.push(SOUND * 2)
    assert await speaker.stream.finish() == "a1 a2"
    await speaker.stream.push(SILENCE + SOUND)
    assert await speaker.stream.finish() == "b2"
    assert [segment.start for segment in speaker.segments] == [0.0, 0.1]
    assert [hearing.language for hearing in recogniser.hearings] == ["en"] * 3


async def test_nothing_said_is_nothing(speaker: Speaker, recogniser: FakeRecogniser) -> None:
    assert await speaker.stream.finish() == ""
    await speaker.stream.push(b"")
    assert not speaker.stream.is_hearing
    await speaker.stream.push(SILENCE)
    assert speaker.stream.is_hearing
    assert await speaker.stream.finish() == ""
    assert not speaker.stream.is_hearing
    assert (speaker.interims, speaker.segments) == ([], [])


async def test_what_is_forgotten_is_heard_of_no_more(speaker: Speaker, recogniser: FakeRecogniser) -> None:
    recogniser.gate.clear()
    await speaker.stream.push(SOUND * 2)
    await entered(recogniser)
    await speaker.stream.reset()
    recogniser.gate.set()
    await speaker.stream.push(SOUND)
    assert await speaker.stream.finish() == "b1"
    assert all(text.startswith("b") for text in speaker.interims)


async def test_a_long_utterance_is_cut_at_its_pauses(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "CUTS", ((0.3, 0.2),))
    monkeypatch.setattr(cuts, "CUT_AT_LATEST", 100.0)
    for pcm in (SOUND, SOUND, *[SILENCE] * 7, SOUND):
        await speaker.stream.push(pcm)
    assert await speaker.stream.finish() == "a1 a2 a10"
    assert [segment.text for segment in speaker.segments] == ["a1 a2", "a10"]
    assert speaker.segments[1].start == 0.9
    assert speaker.interims == ["a1", "a1 a2", "a1 a2 a10"]


async def test_an_utterance_without_pauses_is_cut_too(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "CUT_AT_LATEST", 0.5)
    await speaker.stream.push(SOUND * 12)
    words = (await speaker.stream.finish()).split()
    assert words == [f"a{number}" for number in range(1, 13)]
    assert [len(segment.words) for segment in speaker.segments] == [5, 5, 2]


@pytest.mark.parametrize("lane", ["live", "file"])
async def test_who_is_far_ahead_waits(recogniser: FakeRecogniser, scheduler: Scheduler, lane: Lane) -> None:
    speaker = Speaker(recogniser, scheduler, lane)
    recogniser.gate.clear()
    pushing = asyncio.create_task(speaker.stream.push(SOUND * int(MAX_WAITING[lane] * 10 + 5)))
    await entered(recogniser)
    await asyncio.sleep(0)
    assert not pushing.done()
    recogniser.gate.set()
    await pushing
    await speaker.stream.aclose()


async def test_what_ends_is_decoded_before_what_goes_on(
    recogniser: FakeRecogniser, scheduler: Scheduler
) -> None:
    first, second, third = (Speaker(recogniser, scheduler) for _ in range(3))
    recogniser.gate.clear()
    await first.stream.push(SOUND * 2)
    await entered(recogniser)
    await second.stream.push(SOUND * 2)
    await third.stream.push(SOUND[:2])
    ending = asyncio.create_task(third.stream.finish())
    await asyncio.sleep(0)
    recogniser.gate.set()
    assert await ending == "c1"
    assert recogniser.log.index("c") < recogniser.log.index("b")
    for speaker in (first, second, third):
        await speaker.stream.aclose()


async def test_one_with_much_to_catch_up_leaves_room_for_others(
    recogniser: FakeRecogniser, scheduler: Scheduler
) -> None:
    behind, other = Speaker(recogniser, scheduler), Speaker(recogniser, scheduler)
    recogniser.gate.clear()
    await behind.stream.push(SOUND * 20)
    await entered(recogniser)
    await other.stream.push(SOUND * 2)
    recogniser.gate.set()
    assert await other.stream.finish() == "b1 b2"
    assert recogniser.log.count("a") < 10
    for speaker in (behind, other):
        await speaker.stream.aclose()


async def test_a_failure_is_told_to_whoever_waits_and_closes_the_stream(
    speaker: Speaker, recogniser: FakeRecogniser
) -> None:
    recogniser.failures = [EngineCrashed("it broke", engine="stt")]
    await speaker.stream.push(SOUND * 2)
    with pytest.raises(EngineCrashed, match="it broke"):
        await speaker.stream.finish()
    with pytest.raises(EngineCrashed):
        await speaker.stream.push(SOUND)
    with pytest.raises(EngineCrashed):
        await speaker.stream.reset()
    assert speaker.closed == 1


async def test_a_listener_that_takes_no_more_gets_no_more(speaker: Speaker) -> None:
    speaker.error = InvalidRequestError("enough")
    await speaker.stream.push(SOUND * 2)
    with pytest.raises(InvalidRequestError, match="enough"):
        await speaker.stream.finish()


async def test_closing_in_the_middle_frees_everything(speaker: Speaker, recogniser: FakeRecogniser) -> None:
    recogniser.gate.clear()
    await speaker.stream.push(SOUND * 2)
    ending = asyncio.create_task(speaker.stream.finish())
    await entered(recogniser)
    await speaker.stream.aclose()
    await speaker.stream.aclose()
    with pytest.raises(EngineUnavailable, match="closed"):
        await ending
    recogniser.gate.set()
    assert speaker.closed == 1


async def test_a_cancelled_end_leaves_the_stream_to_be_used(
    speaker: Speaker, recogniser: FakeRecogniser
) -> None:
    recogniser.gate.clear()
    await speaker.stream.push(SOUND)
    ending = asyncio.create_task(speaker.stream.finish())
    await entered(recogniser)
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)
    recogniser.gate.set()
    await speaker.stream.push(SOUND)
    assert await speaker.stream.finish() == "b1"
    assert [segment.text for segment in speaker.segments] == ["b1"]


async def test_who_waits_to_push_is_told_of_a_hang(speaker: Speaker, recogniser: FakeRecogniser) -> None:
    recogniser.gate.clear()
    pushing = asyncio.create_task(speaker.stream.push(bytes(10 * BYTES_PER_SECOND)))
    await entered(recogniser)
    speaker.stream.fail(EngineTimeout("it hangs", engine="stt"))
    with pytest.raises(EngineError, match="it hangs"):
        await pushing


async def test_a_pace_that_promises_too_much_keeps_no_thread_busy(
    speaker: Speaker, recogniser: FakeRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def never(hearing: object) -> bool:
        nonlocal asked
        asked += 1
        return False

    monkeypatch.setattr(recogniser, "is_ready", never)
    for _ in range(5):
        await speaker.stream.push(SOUND)
    assert await speaker.stream.finish() == ""
    assert asked < 20

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from sottovoce.engines.tts import espeak
from sottovoce.engines.tts.base import Synthesizer
from sottovoce.engines.tts.espeak import EspeakSynthesizer
from sottovoce.engines.tts.libespeak import EspeakLibrary, LibraryError, Receive
from sottovoce.errors import EngineCrashed, EngineTimeout, EngineUnavailable, InvalidRequestError

RATE = 1000


class ScriptedLibrary:
    """Speaks each clause as `chunks_per_clause` pieces; `gate` holds a clause whose text contains "wait"."""

    sample_rate = RATE

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.pieces = 0
        self.gate = threading.Event()
        self.started, self.stopped = threading.Event(), threading.Event()
        self.chunks_per_clause = 2

    def languages(self) -> dict[str, tuple[str, str]]:
        return {"en-us": ("gmw/en-US", "English"), "en-gb-x-rp": ("gmw/en-GB-x-rp", "English")}

    def variants(self) -> frozenset[str]:
        return frozenset({"f3"})

    def speak(self, text: str, voice: str, pace: int, pitch: int, receive: Receive) -> bool:
        self.spoken.append(text)
        self.started.set()
        if "fail" in text:
            raise LibraryError("broken")
        for _ in range(self.chunks_per_clause):
            self.pieces += 1
            if not receive(b"\1\0" * 10):
                self.stopped.set()
                return False
            if "wait" in text:
                self.gate.wait(10)
        return True


@pytest.fixture
def library() -> ScriptedLibrary:
    return ScriptedLibrary()


@pytest.fixture
async def synthesizer(library: ScriptedLibrary) -> AsyncIterator[EspeakSynthesizer]:
    made = EspeakSynthesizer(lambda: library)  # type: ignore[arg-type, return-value]
    await made.load()
    library.spoken.clear()
    library.started.clear()
    yield made
    library.gate.set()
    await made.aclose()


@pytest.fixture
async def real() -> AsyncIterator[EspeakSynthesizer]:
    made = EspeakSynthesizer()
    await made.load()
    yield made
    await made.aclose()


async def listen(synthesizer: Synthesizer, text: str, voice: str = "en-us", speed: float = 1.0) -> bytes:
    return b"".join([frame.samples async for frame in synthesizer.synthesize(text, voice, speed)])


async def test_frames_come_in_order_with_a_pause_after_each_sentence(synthesizer: EspeakSynthesizer) -> None:
    samples = await listen(synthesizer, "One. Two.")
    sentence = b"\1\0" * 20 + bytes(2 * 290)
    assert samples == sentence * 2


async def test_the_first_frame_does_not_wait_for_the_clause_to_end(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    async with aclosing(synthesizer.synthesize("please wait", "en-us", 1.0)) as frames:
        first = await anext(frames)
        assert not library.gate.is_set()
        assert first.samples == b"\1\0" * 10


async def test_a_clause_is_made_only_when_the_last_one_was_taken(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    async with aclosing(synthesizer.synthesize("One. Two. Three.", "en-us", 1.0)) as frames:
        await anext(frames)
        assert library.spoken == ["One."]
        while library.spoken != ["One.", "Two."]:
            await anext(frames)


async def test_closing_the_frames_stops_the_speech_and_frees_the_engine(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    library.chunks_per_clause = 1_000_000
    async with aclosing(synthesizer.synthesize("One.", "en-us", 1.0)) as frames:
        await anext(frames)
    assert await asyncio.to_thread(library.stopped.wait, 5)
    assert library.pieces < 1_000_000
    library.chunks_per_clause = 2
    assert await listen(synthesizer, "Two.")


async def test_cancelling_the_reader_drops_a_clause_that_waits_for_its_turn(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    first = asyncio.create_task(listen(synthesizer, "please wait"))
    assert await asyncio.to_thread(library.started.wait, 5)
    second = asyncio.create_task(listen(synthesizer, "Never said"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    library.gate.set()
    await first
    await listen(synthesizer, "Last")
    assert library.spoken == ["please wait", "Last"]


async def test_speakers_take_turns_by_the_clause(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    long, short = "A. B. C. D. E.", "X. Y."
    await asyncio.gather(listen(synthesizer, long), listen(synthesizer, short))
    assert set(library.spoken[:4]) == {"A.", "B.", "X.", "Y."}


async def test_a_failure_of_the_library_is_a_crash_and_the_next_speech_works(
    synthesizer: EspeakSynthesizer,
) -> None:
    with pytest.raises(EngineCrashed, match="broken"):
        await listen(synthesizer, "please fail")
    assert await listen(synthesizer, "Fine")
    assert synthesizer.fault is None


async def test_silence_of_the_library_is_a_timeout_and_a_fault(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak, "CLAUSE_DEADLINE", 0.05)
    with pytest.raises(EngineTimeout, match="no sound"):
        await listen(synthesizer, "please wait")
    assert synthesizer.fault is not None


async def test_text_with_nothing_to_say_is_a_short_silence(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    assert await listen(synthesizer, "...") == bytes(2 * RATE // 10)
    assert library.spoken == []


async def test_a_library_that_does_not_open_is_unavailable() -> None:
    def missing() -> EspeakLibrary:
        raise LibraryError("espeak-ng cannot be loaded: gone")

    with pytest.raises(EngineUnavailable, match="gone"):
        await EspeakSynthesizer(missing).load()


async def test_an_unknown_voice_is_refused_before_any_work(
    synthesizer: EspeakSynthesizer, library: ScriptedLibrary
) -> None:
    with pytest.raises(InvalidRequestError):
        synthesizer.check_voice("nobody")
    with pytest.raises(InvalidRequestError):
        await listen(synthesizer, "Hello", voice="nobody")
    assert library.spoken == []


async def test_the_real_engine_speaks_for_many_at_once(real: EspeakSynthesizer) -> None:
    alone = len(await listen(real, "Good morning to you. It is five o'clock."))
    together = await asyncio.gather(
        *(
            listen(real, "Good morning to you. It is five o'clock.", voice)
            for voice in ["en-us"] * 6 + ["de"] * 2
        )
    )
    assert all(abs(len(samples) - alone) < 0.05 * alone for samples in together[:6])


async def test_speed_changes_the_length(real: EspeakSynthesizer) -> None:
    usual = len(await listen(real, "Good morning to you."))
    assert len(await listen(real, "Good morning to you.", speed=2.0)) < 0.7 * usual
    assert len(await listen(real, "Good morning to you.", speed=0.5)) > 1.5 * usual
    assert len(await listen(real, "Good morning to you.", speed=4.0)) < 0.45 * usual
    assert 3.2 < len(await listen(real, "Good morning to you.", speed=0.25)) / usual < 4.8

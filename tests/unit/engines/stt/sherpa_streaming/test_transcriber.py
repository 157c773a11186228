"""The streaming recogniser: loading, limits, and what happens when a decode hangs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sottovoce.config import EngineSettings
from sottovoce.engines.stt.overload import CODE
from sottovoce.engines.stt.sherpa_streaming import transcriber as module
from sottovoce.engines.stt.sherpa_streaming.admission import MAX_STREAMS
from sottovoce.engines.stt.sherpa_streaming.transcriber import Loaded, SherpaStreamingTranscriber
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable, LimitExceededError
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from tests.unit.engines.stt.sherpa_streaming.fake_recogniser import PACE, PATIENCE, SOUND, FakeRecogniser

SETTINGS = EngineSettings(threads=1)


def model(*languages: str) -> InstalledModel:
    entry = ModelEntry(id="made", kind="stt", engine="sherpa-streaming", languages=languages)
    return InstalledModel(entry=entry)


@pytest.fixture
def recogniser() -> FakeRecogniser:
    return FakeRecogniser()


@pytest.fixture
async def make(
    recogniser: FakeRecogniser, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    made: list[SherpaStreamingTranscriber] = []
    monkeypatch.setattr(module, "measure", lambda recogniser: PACE)

    async def make(*told: str, listed: tuple[str, ...] = ("en",), **options: float) -> Any:
        def load() -> Loaded:
            return Loaded(recogniser, told)

        made.append(SherpaStreamingTranscriber(model(*listed), SETTINGS, load, **options))
        await made[-1].start()
        await made[-1].warm()
        return made[-1]

    yield make
    recogniser.gate.set()
    for transcriber in made:
        await transcriber.aclose()
        await transcriber.aclose()


async def test_a_stream_hears(make: Callable[..., Any]) -> None:
    transcriber = await make()
    stream = await transcriber.open_stream()
    await stream.push(SOUND)
    assert await stream.finish() == "a1"
    await stream.aclose()
    assert transcriber.condition["streams"] == 0


async def test_until_it_is_warm_there_are_no_streams(recogniser: FakeRecogniser) -> None:
    transcriber = SherpaStreamingTranscriber(model(), SETTINGS, lambda: Loaded(recogniser))
    assert transcriber.condition == {}
    await transcriber.start()
    with pytest.raises(EngineUnavailable, match="not loaded"):
        await transcriber.open_stream()
    await transcriber.aclose()


async def test_what_cannot_be_loaded_says_why() -> None:
    def load() -> Loaded:
        raise EngineError("no such file", engine="stt", code="bad_model")

    with pytest.raises(EngineError, match="no such file"):
        await SherpaStreamingTranscriber(model(), SETTINGS, load).start()


@pytest.mark.parametrize(
    ("listed", "told", "served"),
    [
        (("en",), (), ["en"]),
        ((), ("de-de", "en-us"), ["de-de", "en-us"]),
        (("en-us", "fr-fr"), ("de-de", "en-us"), ["en-us"]),
        (("tlh",), ("de-de",), ["de-de"]),
        ((), (), []),
    ],
)
async def test_the_languages_are_those_that_the_model_knows(
    make: Callable[..., Any], listed: tuple[str, ...], told: tuple[str, ...], served: list[str]
) -> None:
    assert list((await make(*told, listed=listed)).languages) == served


async def test_streams_are_limited(make: Callable[..., Any]) -> None:
    transcriber = await make()
    streams = [await transcriber.open_stream() for _ in range(MAX_STREAMS)]
    with pytest.raises(LimitExceededError, match=f"All {MAX_STREAMS} streams"):
        await transcriber.open_stream()
    await streams[0].aclose()
    await transcriber.open_stream()


async def test_those_who_speak_are_limited_by_what_the_machine_can(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "measure", lambda recogniser: module.Pace(4800, 3200, 0.04))
    transcriber = await make()
    assert transcriber.condition["capacity"] == 2
    streams = [await transcriber.open_stream() for _ in range(3)]  # silent ones cost nothing
    for stream in streams[:2]:
        await stream.push(SOUND)
    with pytest.raises(LimitExceededError) as caught:
        await transcriber.open_stream()
    assert caught.value.code == CODE
    file = await transcriber.open_stream(is_live=False)
    await file.push(SOUND)
    await streams[0].finish()
    await transcriber.open_stream()
    assert transcriber.condition["hearing"] == 1


async def test_a_recogniser_that_is_behind_takes_nobody_on(
    make: Callable[..., Any], recogniser: FakeRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcriber = await make()
    now = 100.0
    monkeypatch.setattr(transcriber._running.scheduler, "_clock", lambda: now)
    recogniser.gate.clear()
    for _ in range(2):
        await (await transcriber.open_stream()).push(SOUND * 2)
    assert await asyncio.to_thread(recogniser.entered.acquire, timeout=PATIENCE)
    now = float("inf")
    with pytest.raises(LimitExceededError, match="does not keep up") as caught:
        await transcriber.open_stream()
    assert (caught.value.code, caught.value.http_status) == (CODE, 429)


async def test_a_decode_that_hangs_is_the_end_of_the_process(
    make: Callable[..., Any], recogniser: FakeRecogniser, caplog: pytest.LogCaptureFixture
) -> None:
    transcriber = await make(decode_deadline=0.05)
    hanging, other = await transcriber.open_stream(), await transcriber.open_stream()
    recogniser.gate.clear()
    await hanging.push(SOUND)
    with pytest.raises(EngineTimeout, match=r"not decoded in 0\.05 s"):
        await hanging.finish()
    with pytest.raises(EngineTimeout):
        await other.push(SOUND)
    assert transcriber.fault is not None
    with pytest.raises(EngineUnavailable, match="being restarted"):
        await transcriber.open_stream()
    assert "hung" in caplog.text


async def test_slow_is_not_hanging(make: Callable[..., Any], recogniser: FakeRecogniser) -> None:
    transcriber = await make(decode_deadline=0.05)
    stream = await transcriber.open_stream()
    for _ in range(20):
        await stream.push(SOUND)
        await stream.finish()
        await asyncio.sleep(0.01)
    assert transcriber.fault is None


async def test_closing_ends_what_is_open(make: Callable[..., Any]) -> None:
    transcriber = await make()
    stream = await transcriber.open_stream()
    await transcriber.aclose()
    with pytest.raises(EngineUnavailable):
        await stream.push(SOUND)
    with pytest.raises(EngineUnavailable):
        await transcriber.open_stream()

"""The whole recogniser on a scripted Whisper, its process included."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sottovoce.config import EngineSettings
from sottovoce.engines.stt.base import Segment
from sottovoce.engines.stt.sherpa_offline.transcriber import MAX_STREAMS, OfflineOptions, OfflineTranscriber
from sottovoce.engines.stt.sherpa_offline.worker import WorkerOptions
from sottovoce.engines.stt.vad import silero
from sottovoce.errors import (
    EngineCrashed,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    LimitExceededError,
)
from sottovoce.models.installed import InstalledModel
from sottovoce.models.layout import recognise
from tests.made_models import offline, whisper
from tests.recordings import recording
from tests.unit.engines.stt.loud_is_voice import LoudIsVoice, silence, voice

ENGLISH, GERMAN, TRANSLATION = "the quick brown fox", "guten tag", "good day"
SPEECH, LONG_SPEECH = voice(2.0), voice(6.0)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> OfflineOptions:
    folder = tmp_path_factory.mktemp("whisper")
    whisper.build(folder, {"en": ENGLISH, "de": GERMAN}, translation=TRANSLATION)
    return options_for(folder)


@pytest.fixture(scope="module")
def transducer(tmp_path_factory: pytest.TempPathFactory) -> OfflineOptions:
    folder = tmp_path_factory.mktemp("parakeet")
    offline.build(folder, "set a tim|er")
    return options_for(folder)


def options_for(folder: Path) -> OfflineOptions:
    model = InstalledModel(entry=recognise(folder), path=folder)
    return OfflineOptions(WorkerOptions(model=model), detector=LoudIsVoice)


@pytest.fixture
def english(tmp_path: Path) -> InstalledModel:
    """To be damaged after it was recognised."""
    whisper.build(tmp_path, {"en": ENGLISH})
    return InstalledModel(entry=recognise(tmp_path), path=tmp_path)


@asynccontextmanager
async def running(options: OfflineOptions) -> AsyncIterator[OfflineTranscriber]:
    transcriber = OfflineTranscriber(options)
    try:
        await transcriber.start()
        await transcriber.warm()
        yield transcriber
    finally:
        await transcriber.aclose()


async def said(
    transcriber: OfflineTranscriber,
    language: str = "",
    *,
    should_translate: bool = False,
    speech: bytes = SPEECH,
) -> str:
    stream = await transcriber.open_stream(language=language, should_translate=should_translate)
    try:
        await stream.push(speech)
        return await stream.finish()
    finally:
        await stream.aclose()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_words_languages_translations_limits_and_death(options: OfflineOptions) -> None:
    async with running(options) as transcriber:
        assert (transcriber.languages, transcriber.can_translate) == (("en", "de"), True)
        assert await said(transcriber) == ENGLISH
        assert await said(transcriber, "de") == GERMAN
        assert await said(transcriber, "de", should_translate=True) == TRANSLATION
        assert 0 < transcriber.condition["real_time_factor"] < 1
        streams = [await transcriber.open_stream() for _ in range(MAX_STREAMS)]
        with pytest.raises(LimitExceededError, match="All 16 streams"):
            await transcriber.open_stream()
        for stream in streams:
            await stream.aclose()
        assert transcriber.condition["streams"] == 0
        assert transcriber.pid is not None
        os.kill(transcriber.pid, signal.SIGKILL)
        assert await said(transcriber) == ENGLISH  # a new process


async def test_who_speaks_while_it_dies_is_heard_by_the_next(options: OfflineOptions) -> None:
    async with running(options) as transcriber:
        pid = transcriber.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        first, second = [asyncio.create_task(said(transcriber)) for _ in range(2)]
        await until(lambda: transcriber.condition["waiting"] == 1)
        os.kill(pid, signal.SIGKILL)
        assert await first == await second == ENGLISH
        assert not psutil.pid_exists(pid)


async def test_a_process_that_hangs_is_killed_in_time(options: OfflineOptions) -> None:
    async with running(replace(options, patience=0.3)) as transcriber:
        pid = transcriber.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineTimeout, match="did not answer in"):
            await said(transcriber)
        assert not psutil.pid_exists(pid)
        assert await said(transcriber) == ENGLISH


async def test_a_process_that_takes_no_more_is_killed_in_time(options: OfflineOptions) -> None:
    """The pipe to it is full before all of the segment is in."""
    async with running(replace(options, patience=0.3)) as transcriber:
        pid = transcriber.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineTimeout, match="did not answer in"):
            await said(transcriber, speech=LONG_SPEECH)
        assert not psutil.pid_exists(pid)


async def test_cancelled_work_frees_the_recogniser(options: OfflineOptions) -> None:
    async with running(options) as transcriber:
        assert transcriber.pid is not None
        os.kill(transcriber.pid, signal.SIGSTOP)
        tasks = [asyncio.create_task(said(transcriber)) for _ in range(3)]
        await until(lambda: transcriber.condition["waiting"] == 2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert (transcriber.condition["streams"], transcriber.condition["waiting"]) == (0, 0)
        os.kill(transcriber.pid, signal.SIGCONT)
        assert await said(transcriber) == ENGLISH  # what had begun has ended, and answers nobody


async def test_a_file_waits_for_people_and_has_phrases(options: OfflineOptions) -> None:
    async with running(options) as transcriber:
        pid = transcriber.pid
        assert pid is not None
        order: list[str] = []

        def told(name: str) -> Callable[[Segment], None]:
            return lambda segment: order.append(name)

        streams = {
            name: await transcriber.open_stream(on_segment=told(name), is_live=name != "file")
            for name in ("first", "file", "live")
        }
        os.kill(pid, signal.SIGSTOP)
        for stream in streams.values():
            await stream.push(SPEECH + silence(1.0))
            await asyncio.sleep(0)
        await until(lambda: transcriber.condition["waiting"] == 2)
        os.kill(pid, signal.SIGCONT)
        assert [await stream.finish() for stream in streams.values()] == [ENGLISH] * 3
        assert order == ["first", "live", "file"]


async def test_closing_it_ends_the_process_in_the_middle_of_its_work(options: OfflineOptions) -> None:
    transcriber = OfflineTranscriber(options)
    with pytest.raises(EngineUnavailable, match="not loaded"):
        await transcriber.open_stream()
    async with running(options) as transcriber:
        pid = transcriber.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        stream = await transcriber.open_stream()
        await stream.push(SPEECH + silence(1.0))
    assert not psutil.pid_exists(pid)
    await transcriber.aclose()


async def test_a_transducer_gives_words_with_times(transducer: OfflineOptions) -> None:
    async with running(replace(transducer, detector=silero)) as transcriber:
        assert transcriber.has_word_times
        assert not transcriber.can_translate
        segments: list[Segment] = []
        stream = await transcriber.open_stream(on_segment=segments.append)
        await stream.push(silence(1.0) + recording("dialogue-what-time-is-it-slt"))
        assert await stream.finish() == "set a timer"
        [segment] = segments
        assert [word.text for word in segment.words] == ["set", "a", "timer"]
        starts = [word.start for word in segment.words]
        assert starts == sorted(starts)
        assert starts[0] == pytest.approx(1.0, abs=0.2)  # where the sound begins
        assert all(word.probability > 0.99 for word in segment.words)


async def fault(model: InstalledModel, name: str, damage: Callable[[bytes], bytes]) -> str:
    """What it is refused with once that file of it is damaged."""
    assert model.path is not None
    await asyncio.to_thread(_damage, model.path / name, damage)
    transcriber = OfflineTranscriber.of(model, EngineSettings(threads=1))
    with pytest.raises(EngineError) as failure:
        await transcriber.start()
    await transcriber.aclose()
    return failure.value.message


def _damage(file: Path, damage: Callable[[bytes], bytes]) -> None:
    if left := damage(file.read_bytes()):
        file.write_bytes(left)
    else:
        file.unlink()


async def test_a_missing_file_is_named(english: InstalledModel) -> None:
    message = await fault(english, "scripted-decoder.onnx", lambda content: b"")
    assert "has no decoder; fetch the model again" in message


async def test_a_graph_that_was_cut_off_is_named(english: InstalledModel) -> None:
    message = await fault(english, "scripted-encoder.onnx", lambda content: content[: len(content) // 2])
    assert "scripted-encoder.onnx is cut off" in message


async def test_a_graph_without_its_properties_is_named(english: InstalledModel) -> None:
    message = await fault(
        english, "scripted-encoder.onnx", lambda content: content.replace(b"n_mels", b"m_mels")
    )
    assert "scripted-encoder.onnx lacks the property n_mels" in message


async def test_a_graph_that_the_engine_refuses_is_reported(english: InstalledModel) -> None:
    message = await fault(
        english, "scripted-decoder.onnx", lambda content: content.replace(b"OneHot", b"OneNot")
    )
    assert "OneNot" in message


async def test_a_process_that_the_engine_ends_is_reported(english: InstalledModel) -> None:
    """The log has its last words, and so has the error."""
    message = await fault(english, "scripted-tokens.txt", lambda content: b"this is no table of tokens")
    assert "process died (exit status 255): " in message


async def test_a_model_that_loads_no_more_is_a_fault(english: InstalledModel) -> None:
    async with running(OfflineOptions(WorkerOptions(model=english), detector=LoudIsVoice)) as transcriber:
        assert transcriber.fault is None
        assert english.path is not None
        await asyncio.to_thread((english.path / "scripted-encoder.onnx").unlink)
        assert transcriber.pid is not None
        os.kill(transcriber.pid, signal.SIGKILL)
        with pytest.raises(EngineError, match="has no encoder"):
            await said(transcriber)
        assert transcriber.fault is not None
        assert "has no encoder" in transcriber.fault


async def test_speech_that_no_process_survives_is_given_up(options: OfflineOptions) -> None:
    async with running(options) as transcriber:
        killing = asyncio.create_task(_kill_each(transcriber))
        with pytest.raises(EngineCrashed, match=r"process died \(exit status -9\)"):
            await said(transcriber)
        killing.cancel()
        await asyncio.wait({killing})


async def _kill_each(transcriber: OfflineTranscriber) -> None:
    """As soon as it has something to do."""
    while True:
        if transcriber.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(transcriber.pid, signal.SIGKILL)
        await asyncio.sleep(0.001)

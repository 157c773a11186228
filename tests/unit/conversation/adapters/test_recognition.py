"""The recogniser's connection against a scripted service: order, replay, deadlines, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters import recognition
from sottovoce.conversation.adapters.batch_recognition import BatchRecognition
from sottovoce.conversation.adapters.recognition import StreamingRecognition, can_stream
from sottovoce.conversation.adapters.segments import MAX_SEGMENT_BYTES, Hints, Segment
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable
from tests.fake_engines import FakeEngines, running

SPEECH = b"\x01\x02" * 1600


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        yield fakes


@pytest.fixture
async def interims() -> list[str]:
    return []


@pytest.fixture
async def stream(engines: FakeEngines, interims: list[str]) -> AsyncIterator[StreamingRecognition]:
    def note(segment: Segment) -> None:
        interims.append(segment.interim)

    stream = StreamingRecognition(engines.endpoint("stt"), Hints("en"), note)
    yield stream
    await stream.aclose()


async def test_segments_are_transcribed_in_order(
    engines: FakeEngines, stream: StreamingRecognition, interims: list[str]
) -> None:
    engines.heard.extend(["first words", "second words"])
    segments = [stream.begin() for _ in range(2)]
    for segment in segments:
        stream.append(segment, SPEECH)
        stream.finish(segment)
    assert await asyncio.gather(*(segment.text for segment in segments)) == ["first words", "second words"]
    assert interims == ["first", "second"]


async def test_speech_before_the_connection_stands_is_replayed(
    engines: FakeEngines, stream: StreamingRecognition
) -> None:
    engines.heard.append("hello")
    segment = stream.begin()
    for _ in range(3):
        stream.append(segment, SPEECH)
    stream.finish(segment)
    assert await segment.text == "hello"
    assert engines.segments == [SPEECH * 3]


async def test_a_segment_is_cut_at_its_limit(engines: FakeEngines, stream: StreamingRecognition) -> None:
    segment = stream.begin()
    stream.append(segment, bytes(MAX_SEGMENT_BYTES))
    stream.append(segment, SPEECH)
    stream.finish(segment)
    await segment.text
    assert len(engines.segments[0]) == MAX_SEGMENT_BYTES


async def test_a_language_that_is_not_served_fails_what_is_said_in_it(
    engines: FakeEngines, stream: StreamingRecognition
) -> None:
    """And is not heard as if it were another: the service has kept its old settings."""
    engines.languages = frozenset({"en"})
    stream.take(Hints("de"))
    for _ in range(2):
        segment = stream.begin()
        stream.append(segment, SPEECH)
        stream.finish(segment)
        with pytest.raises(EngineError, match="not served here"):
            await segment.text
    stream.take(Hints("en"))
    engines.heard.append("hello")
    segment = stream.begin()
    stream.append(segment, SPEECH)
    stream.finish(segment)
    assert await segment.text == "hello"


async def test_a_hanging_service_fails_the_segment_at_its_deadline(
    engines: FakeEngines, stream: StreamingRecognition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "FINAL_DEADLINE", 0.1)
    engines.failing["stt"] = "hang"
    segment = stream.begin()
    stream.append(segment, SPEECH)
    stream.finish(segment)
    with pytest.raises(EngineTimeout):
        await segment.text
    del engines.failing["stt"]
    engines.heard.append("back again")
    segment = stream.begin()
    stream.append(segment, SPEECH)
    stream.finish(segment)
    assert await segment.text == "back again"


async def test_the_deadline_runs_for_one_segment_after_the_other(
    engines: FakeEngines, stream: StreamingRecognition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many segments sent at once are waited for as long as it takes to hear them."""
    monkeypatch.setattr(recognition, "FINAL_DEADLINE", 0.15)
    monkeypatch.setattr(recognition, "PACE", 1.0)
    engines.failing["stt"] = "hang"
    segments = [stream.begin() for _ in range(3)]
    for segment in segments:
        stream.append(segment, SPEECH)  # a tenth of a second each
        stream.finish(segment)
    begun = asyncio.get_running_loop().time()
    ended: list[float] = []
    for segment in segments:
        with pytest.raises(EngineTimeout):
            await segment.text
        ended.append(asyncio.get_running_loop().time() - begun)
    assert ended[0] >= 0.2  # its deadline, and its own length
    assert ended[2] >= ended[1] + 0.1 >= ended[0] + 0.2


async def test_hints_reach_a_recogniser_that_is_listening(
    engines: FakeEngines, stream: StreamingRecognition
) -> None:
    engines.heard.extend(["one", "two"])
    for hints in (Hints("en"), Hints("", "Names: Ada.")):
        stream.take(hints)
        segment = stream.begin()
        stream.append(segment, SPEECH)
        stream.finish(segment)
        await segment.text
    assert engines.hints[0] == {"model": "fake-stt", "language": "en"}
    assert engines.hints[-1] == {"model": "fake-stt", "language": None, "prompt": "Names: Ada."}  # taken back


async def test_closing_fails_what_is_pending(engines: FakeEngines) -> None:
    stream = StreamingRecognition(engines.endpoint("stt"), Hints("en"), lambda segment: None)
    segment = stream.begin()
    await stream.aclose()
    with pytest.raises(EngineUnavailable):
        await segment.text


async def test_servers_without_sessions_are_told_apart(engines: FakeEngines) -> None:
    assert await can_stream(engines.endpoint("stt"))
    refused = EngineEndpoint("stt", engines.url + "/other", "key-key-key-key-key", "m")
    assert await can_stream(refused) is False
    absent = EngineEndpoint("stt", "http://127.0.0.1:9/v1", "key-key-key-key-key", "m")
    assert await can_stream(absent) is None  # not there yet is no refusal


async def test_batch_recognition_uploads_each_segment() -> None:
    uploads: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        uploads.append(request.content)
        if len(uploads) == 2:
            return httpx.Response(500)
        return httpx.Response(200, json={"text": f" words {len(uploads)} "})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        endpoint = EngineEndpoint("stt", "http://other/v1", "key-key-key-key-key", "whisper-1")
        batch = BatchRecognition(endpoint, client, Hints("en"))
        segments = [batch.begin() for _ in range(3)]
        for segment in segments:
            batch.append(segment, SPEECH)
            batch.finish(segment)
        results = await asyncio.gather(*(segment.text for segment in segments), return_exceptions=True)
        await batch.aclose()
    assert (results[0], results[2]) == ("words 1", "words 3")
    assert isinstance(results[1], EngineUnavailable)
    assert b"RIFF" in uploads[0]
    assert b'name="model"\r\n\r\nwhisper-1' in uploads[0]

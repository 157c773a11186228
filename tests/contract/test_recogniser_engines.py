"""One API whatever recognises: every test runs against each engine's service, as a process of its own."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from tests.contract.recognisers import RECOGNISERS, SPOKEN, Recogniser
from tests.recordings import RATE_HZ
from tests.service_child import ServiceChild, running

UPLOADS, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"
TRANSCRIPTION = "conversation.item.input_audio_transcription"
CHUNK_BYTES = RATE_HZ // 50 * 2
MANY_STREAMS = 64
"""More than any recogniser takes."""
PATIENCE = 20.0


@dataclass(frozen=True)
class Served:
    recogniser: Recogniser
    child: ServiceChild


@pytest.fixture(scope="module", params=RECOGNISERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_cache: Path
) -> Iterator[Served]:
    """One process for all tests of an engine: nothing that a client does may spoil it for the next."""
    home = tmp_path_factory.mktemp(request.param)
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    recogniser = RECOGNISERS[request.param](home / request.param)
    with running("stt", recogniser.model, home, recogniser.settings) as child:
        yield Served(recogniser, child.ready())


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=served.child.url, headers=served.child.headers, timeout=PATIENCE, trust_env=False
    ) as client:
        yield client


def wav(pcm: bytes = SPOKEN) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(pcm)
    return file.getvalue()


async def post(client: httpx.AsyncClient, pcm: bytes = SPOKEN, **fields: str) -> httpx.Response:
    form = {"model": "whisper-1", **fields}
    return await client.post(UPLOADS, files={"file": ("a.wav", wav(pcm))}, data=form)


def fault(reply: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


class Session:
    """A transcription session at 16 kHz, whose turns are committed by hand unless it is told otherwise."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def expect(self, kind: str) -> dict[str, Any]:
        """The next of that kind; those before it are kept with it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event: dict[str, Any] = json.loads(await self.socket.recv())
                self.events.append(event)
                if event["type"] == kind:
                    return event

    async def configure(self, **audio_input: Any) -> None:
        audio_input = {"format": {"type": "audio/pcm", "rate": RATE_HZ}, **audio_input}
        session = {"type": "transcription", "audio": {"input": audio_input}}
        await self.send("session.update", session=session)

    async def speak(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), CHUNK_BYTES):
            audio = base64.b64encode(pcm[at : at + CHUNK_BYTES]).decode()
            await self.send("input_audio_buffer.append", audio=audio)

    async def transcribed(self) -> str:
        await self.send("input_audio_buffer.commit")
        transcript: str = (await self.expect(f"{TRANSCRIPTION}.completed"))["transcript"]
        return transcript


@asynccontextmanager
async def session(served: Served, **audio_input: Any) -> AsyncIterator[Session]:
    url = served.child.url.replace("http", "ws", 1) + "/v1/realtime?intent=transcription"
    async with connect(url, additional_headers=served.child.headers, proxy=None) as socket:
        opened = Session(socket)
        await opened.configure(**{"turn_detection": None, **audio_input})
        await opened.expect("session.updated")
        yield opened


async def test_a_file_is_transcribed(served: Served, client: httpx.AsyncClient) -> None:
    reply = await post(client)
    assert (reply.status_code, reply.json()["text"]) == (200, served.recogniser.text)
    assert (await post(client, response_format="text")).text == f"{served.recogniser.text}\n"


async def test_words_have_times(served: Served, client: httpx.AsyncClient) -> None:
    reply = await post(client, response_format="verbose_json", **{"timestamp_granularities[]": "word"})
    if not served.recogniser.has_word_times:
        assert (reply.status_code, fault(reply)["param"]) == (400, "timestamp_granularities")
        return
    verbose = reply.json()
    duration = len(SPOKEN) / RATE_HZ / 2
    assert (verbose["text"], verbose["language"]) == (served.recogniser.text, served.recogniser.named)
    assert verbose["duration"] == pytest.approx(duration, abs=0.01)
    words = verbose["words"]
    assert "".join(word["word"] for word in words) == served.recogniser.text.replace(" ", "")
    assert all(0 <= word["start"] < word["end"] <= duration + 0.5 for word in words)
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)


async def test_segments_and_captions(served: Served, client: httpx.AsyncClient) -> None:
    verbose = (await post(client, response_format="verbose_json")).json()
    text = " ".join(segment["text"] for segment in verbose["segments"])
    assert text == served.recogniser.text
    assert all(segment["avg_logprob"] <= 0 for segment in verbose["segments"])
    srt = (await post(client, response_format="srt")).text.split("\n")
    assert (srt[0], srt[1].count(" --> "), srt[2]) == ("1", 1, served.recogniser.text)
    vtt = (await post(client, response_format="vtt")).text
    assert vtt.startswith("WEBVTT\n")
    assert served.recogniser.text in vtt


async def test_a_file_is_streamed(served: Served, client: httpx.AsyncClient) -> None:
    lines = (await post(client, stream="true")).text.split("\n\n")
    assert lines[-2] == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2] if line.startswith("data: ")]
    *deltas, done = events
    assert "".join(event["delta"] for event in deltas) == done["text"] == served.recogniser.text


async def test_a_long_file_is_heard_in_parts(served: Served, client: httpx.AsyncClient) -> None:
    """Each after a pause; the words of all of them, in their order."""
    pcm = (SPOKEN + bytes(RATE_HZ * 2 * 4)) * 4
    verbose = (await post(client, pcm, response_format="verbose_json")).json()
    starts = [segment["start"] for segment in verbose["segments"]]
    assert starts == sorted(starts)
    assert verbose["text"].startswith(served.recogniser.text)
    assert verbose["duration"] == pytest.approx(len(pcm) / RATE_HZ / 2, abs=0.01)


async def test_interims_grow_to_the_transcript(served: Served) -> None:
    async with session(served) as speaker:
        await speaker.speak(SPOKEN)
        if served.recogniser.has_interims:
            await speaker.expect(f"{TRANSCRIPTION}.delta")  # while nothing is committed
        assert await speaker.transcribed() == served.recogniser.text
        deltas = [event["delta"] for event in speaker.events if event["type"] == f"{TRANSCRIPTION}.delta"]
    assert bool(deltas) == served.recogniser.has_interims
    assert served.recogniser.text.startswith("".join(deltas))


async def test_an_utterance_knows_nothing_of_the_one_before(served: Served) -> None:
    async with session(served) as speaker:
        for _ in range(3):
            await speaker.speak(SPOKEN)
            assert await speaker.transcribed() == served.recogniser.text


async def test_what_is_cleared_is_forgotten(served: Served) -> None:
    async with session(served) as speaker:
        await speaker.speak(SPOKEN)
        await speaker.send("input_audio_buffer.clear")
        await speaker.expect("input_audio_buffer.cleared")
        await speaker.speak(SPOKEN)
        assert await speaker.transcribed() == served.recogniser.text
        await speaker.send("input_audio_buffer.commit")
        error = (await speaker.expect("error"))["error"]
        assert error["code"] == "input_audio_buffer_commit_empty"


async def test_silence_is_nothing(served: Served, client: httpx.AsyncClient) -> None:
    assert (await post(client, bytes(RATE_HZ * 2))).json()["text"] == ""
    async with session(served) as speaker:
        await speaker.speak(bytes(RATE_HZ * 2))
        assert await speaker.transcribed() == ""


async def test_the_server_finds_the_turns(served: Served) -> None:
    async with session(served, turn_detection={"type": "server_vad"}) as speaker:
        await speaker.speak(SPOKEN + bytes(RATE_HZ * 2))
        assert (await speaker.expect(f"{TRANSCRIPTION}.completed"))["transcript"] == served.recogniser.text
        kinds = [event["type"] for event in speaker.events]
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.speech_stopped")


async def test_speakers_do_not_hear_each_other(served: Served) -> None:
    async def say(speaker: Session) -> str:
        await speaker.speak(SPOKEN)
        return await speaker.transcribed()

    async with session(served) as one, session(served) as two:
        assert await asyncio.gather(say(one), say(two)) == [served.recogniser.text] * 2


async def test_a_language_is_heard(served: Served, client: httpx.AsyncClient) -> None:
    for language, text in served.recogniser.languages.items():
        assert (await post(client, language=language)).json()["text"] == text
        async with session(served, transcription={"language": language}) as speaker:
            await speaker.speak(SPOKEN)
            assert await speaker.transcribed() == text


async def test_a_language_that_is_not_heard_is_refused(served: Served, client: httpx.AsyncClient) -> None:
    reply = await post(client, language=served.recogniser.refused)
    assert (reply.status_code, fault(reply)["param"]) == (400, "language")
    async with session(served) as speaker:
        await speaker.configure(transcription={"language": served.recogniser.refused})
        error = (await speaker.expect("error"))["error"]
        assert (error["code"], error["param"]) == (
            *("invalid_value", "session.audio.input.transcription.language"),
        )
        await speaker.speak(SPOKEN)
        assert await speaker.transcribed() == served.recogniser.text
    assert (await post(client)).status_code == 200


@pytest.mark.parametrize("language", ["x" * 300, "en\0de", "../en", '"en"'])
async def test_no_word_of_a_clients_reaches_the_engine(
    served: Served, client: httpx.AsyncClient, language: str
) -> None:
    assert (await post(client, language=language)).status_code == 400
    assert served.child.process.poll() is None


async def test_who_can_translates(served: Served, client: httpx.AsyncClient) -> None:
    files, form = {"file": ("a.wav", wav())}, {"model": "whisper-1"}
    reply = await client.post(TRANSLATIONS, files=files, data=form)
    hears_english_only = set(served.recogniser.model.entry.languages) <= {"en"}
    if served.recogniser.translation is None and not hears_english_only:
        assert (reply.status_code, fault(reply)["code"]) == (400, "unsupported_operation")
    else:
        assert reply.json()["text"] == (served.recogniser.translation or served.recogniser.text)


async def test_what_is_no_audio_is_refused(served: Served, client: httpx.AsyncClient) -> None:
    files = {"file": ("a.wav", b"\x5a\xc3" * 3000)}
    reply = await client.post(UPLOADS, files=files, data={"model": "whisper-1"})
    assert (reply.status_code, fault(reply)["code"]) == (400, "invalid_audio")


async def test_the_model_says_what_it_can(served: Served, client: httpx.AsyncClient) -> None:
    (model,) = (await client.get("/v1/models")).json()["data"]
    assert model["id"] == served.recogniser.model.id
    assert set(model["languages"]) == set(served.recogniser.model.entry.languages)
    assert {"file", "response_format", "stream"} <= set(model["parameters"]["honoured"])
    assert {"prompt", "temperature"} <= set(model["parameters"]["ignored"])
    reply = await post(client, prompt="radio", temperature="0.3")
    assert reply.json()["text"] == served.recogniser.text


async def test_streams_are_limited(served: Served, client: httpx.AsyncClient) -> None:
    async with AsyncExitStack() as speakers:
        response = await refusal(served, speakers)
    assert response.status_code == 429
    assert json.loads(response.body or b"")["error"]["type"] == "rate_limit_error"
    await freed(client)
    assert (await post(client)).status_code == 200


async def refusal(served: Served, speakers: AsyncExitStack) -> Response:
    """What the session gets that is one too many."""
    for _ in range(MANY_STREAMS):
        try:
            await speakers.enter_async_context(session(served))
        except InvalidStatus as refused:
            return refused.response
    raise AssertionError("there is no limit")


async def test_a_client_that_leaves_leaves_nothing(served: Served, client: httpx.AsyncClient) -> None:
    async with session(served) as speaker:
        await speaker.speak(SPOKEN[: len(SPOKEN) // 2])
        speaker.socket.transport.abort()
    posting = asyncio.create_task(post(client, SPOKEN * 40))
    await used(client)
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)
    await freed(client)
    assert (await post(client)).json()["text"] == served.recogniser.text


async def streams(client: httpx.AsyncClient) -> int:
    (model,) = (await client.get("/v1/models")).json()["data"]
    return int(model["condition"]["streams"])


async def used(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE):
        while await streams(client) == 0:  # noqa: ASYNC110  only a reply can tell
            await asyncio.sleep(0.01)


async def freed(client: httpx.AsyncClient) -> None:
    """All streams are closed."""
    async with asyncio.timeout(PATIENCE):
        while await streams(client) > 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

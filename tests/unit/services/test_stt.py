"""The stt service behind a real server: what clients see of it."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import httpx
import psutil
import pytest
from openai import APIError, AsyncOpenAI
from openai.types import AudioModel
from openai.types.audio import TranscriptionTextDoneEvent, TranscriptionVerbose
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sottovoce.engines.stt.base import BYTES_PER_SECOND
from sottovoce.errors import EngineCrashed, EngineUnavailable
from sottovoce.http.server import ServerLimits
from sottovoce.services.child import ServiceOptions
from sottovoce.services.stt import create_app
from sottovoce.services.transcription import MAX_BAD_EVENTS
from sottovoce.services.uploads import body, endpoint
from tests.serving import served
from tests.unit.audio.sound_files import encoded
from tests.unit.engines.stt.sounds import RECORDINGS, recording
from tests.unit.services.scripted_transcriber import ScriptedTranscriber, spoken

KEY = "a-key-for-the-tests"
UPLOADS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
WAV = RECORDINGS / "dialogue-tell-me-a-joke-slt.wav"
TRANSCRIPTION = "conversation.item.input_audio_transcription"


@pytest.fixture
def transcriber() -> ScriptedTranscriber:
    return ScriptedTranscriber(transcripts=["tell me a joke"])


@pytest.fixture
async def client(
    request: pytest.FixtureRequest, transcriber: ScriptedTranscriber
) -> AsyncIterator[httpx.AsyncClient]:
    engine = None if request.node.get_closest_marker("end_to_end") else transcriber
    app = create_app(ServiceOptions(key=KEY), engine)
    headers = {"authorization": f"Bearer {KEY}"}
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        while (await client.get("/readyz")).json()["status"] == "loading":  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # only a reply can tell
        yield client


@contextlib.asynccontextmanager
async def limited(transcriber: ScriptedTranscriber) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with the settings of this moment."""
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        served(create_app(ServiceOptions(key=KEY), transcriber)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client,
    ):
        yield client


async def post(client: httpx.AsyncClient, file: bytes | None = None, **fields: str) -> httpx.Response:
    pcm = WAV.read_bytes() if file is None else file
    return await client.post(UPLOADS, files={"file": ("a.wav", pcm)}, data={"model": "whisper-1", **fields})


def fault(reply: httpx.Response) -> dict[str, str | None]:
    error: dict[str, str | None] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def open_session(client: httpx.AsyncClient, query: str = "?intent=transcription", key: str = KEY) -> connect:
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/")
    return connect(
        f"{url}/v1/realtime{query}", additional_headers={"Authorization": f"Bearer {key}"}, proxy=None
    )


async def send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


async def expect(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of `kind`; those before it are passed over."""
    async with asyncio.timeout(10):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event["type"] == kind:
                return event


async def speak(socket: ClientConnection, pcm: bytes) -> None:
    for at in range(0, len(pcm), 3200):
        chunk = base64.b64encode(pcm[at : at + 3200]).decode()
        await send(socket, "input_audio_buffer.append", audio=chunk)


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await socket.wait_closed()
    return socket.close_code


async def turns_by_commit(socket: ClientConnection) -> None:
    audio_input = {"format": {"type": "audio/pcm", "rate": 16_000}, "turn_detection": None}
    session = {"type": "transcription", "audio": {"input": audio_input}}
    await send(socket, "session.update", session=session)
    await expect(socket, "session.updated")


async def test_an_upload_is_transcribed(client: httpx.AsyncClient, transcriber: ScriptedTranscriber) -> None:
    reply = await post(client)
    assert reply.status_code == 200
    assert reply.json() == {"text": "tell me a joke", "usage": {"type": "duration", "seconds": 1.069}}
    assert transcriber.utterances == [recording("dialogue-tell-me-a-joke-slt")]
    assert transcriber.streams[0].is_closed


async def test_text_is_the_bare_words(client: httpx.AsyncClient) -> None:
    reply = await post(client, response_format="text", temperature="0", prompt="x", language="en")
    assert reply.text == "tell me a joke\n"
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"model": "nonesuch"}, 404, "model_not_found", "model"),
        ({"response_format": "diarized_json"}, 400, "unsupported_format", "response_format"),
        ({"language": "de"}, 400, "invalid_value", "language"),
        ({"prompt": "x" * 20_000}, 400, "invalid_value", "prompt"),
        ({"beam_size": "5"}, 400, "unknown_parameter", "beam_size"),
    ],
)
async def test_wrong_fields_are_named(
    client: httpx.AsyncClient, fields: dict[str, str], status: int, code: str, param: str | None
) -> None:
    reply = await post(client, **fields)
    assert reply.status_code == status
    assert (fault(reply)["code"], fault(reply)["param"]) == (code, param)


@pytest.mark.parametrize(
    ("response_format", "content_type", "text"),
    [
        ("srt", "text/plain", "1\n00:00:00,000 --> 00:00:01,070\ntell me a joke\n"),
        ("vtt", "text/plain", "WEBVTT\n\n00:00:00.000 --> 00:00:01.070\ntell me a joke\n"),
    ],
)
async def test_captions(
    client: httpx.AsyncClient, response_format: str, content_type: str, text: str
) -> None:
    reply = await post(client, response_format=response_format)
    assert reply.headers["content-type"].startswith(content_type)
    assert reply.text == text


async def test_a_stock_client_gets_what_its_types_say(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber
) -> None:
    transcriber.transcripts = ["tell me a joke"] * 3
    async with AsyncOpenAI(base_url=f"{client.base_url}/v1", api_key=KEY) as stock:
        verbose = await stock.audio.transcriptions.create(
            file=WAV,
            model="whisper-1",
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            prompt="jokes",
            temperature=0.0,
            language="en",
        )
        TranscriptionVerbose.model_validate(verbose.model_dump(), strict=True)
        assert [word.word for word in verbose.words or ()] == ["tell", "me", "a", "joke"]
        events = [
            event
            async for event in await stock.audio.transcriptions.create(
                file=WAV,
                model="gpt-4o-transcribe",
                stream=True,
                include=["logprobs"],
                chunking_strategy={"type": "server_vad", "threshold": 0.3},
            )
        ]
        assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
        TranscriptionTextDoneEvent.model_validate(events[-1].model_dump(), strict=True)
        with pytest.deprecated_call():  # theirs
            translation = await stock.audio.translations.create(file=WAV, model="whisper-1")
        assert translation.text == "tell me a joke"


async def test_a_translation_is_said_to_be_one(client: httpx.AsyncClient) -> None:
    form = {"model": "whisper-1", "response_format": "verbose_json"}
    reply = await client.post(TRANSLATIONS, files={"file": ("a.wav", WAV.read_bytes())}, data=form)
    assert (reply.json()["task"], reply.json()["language"]) == ("translate", "english")
    reply = await client.post(
        TRANSLATIONS, files={"file": ("a.wav", WAV.read_bytes())}, data={**form, "language": "en"}
    )
    assert (fault(reply)["code"], fault(reply)["param"]) == ("unknown_parameter", "language")


async def test_only_who_can_translates(client: httpx.AsyncClient, transcriber: ScriptedTranscriber) -> None:
    transcriber.languages = ("en", "de")
    files, form = {"file": ("a.wav", WAV.read_bytes())}, {"model": "whisper-1"}
    reply = await client.post(TRANSLATIONS, files=files, data=form)
    assert (reply.status_code, fault(reply)["code"]) == (400, "unsupported_operation")
    transcriber.can_translate = True
    assert (await client.post(TRANSLATIONS, files=files, data=form)).status_code == 200
    assert [stream.should_translate for stream in transcriber.streams] == [True]


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({}, ""),
        ({"language": "german"}, "de"),
        ({"languages[]": ["fr", "en"]}, "en"),
        ({"languages[]": ["de", "en"]}, ""),
    ],
)
async def test_the_recogniser_is_told_the_language(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber, fields: dict[str, Any], language: str
) -> None:
    transcriber.languages = ("en", "de")
    files = {"file": ("a.wav", WAV.read_bytes())}
    reply = await client.post(UPLOADS, files=files, data={"model": "whisper-1", **fields})
    assert reply.status_code == 200
    assert [stream.language for stream in transcriber.streams] == [language]


@pytest.fixture
def long_file() -> bytes:
    """Two minutes in which something is said all the time."""
    return encoded("flac", "flac", seconds=120.0, rate=16_000, layout="mono")


async def test_words_come_while_the_file_is_heard(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber, long_file: bytes
) -> None:
    """The recogniser stops in the middle until the first words have arrived."""
    transcriber.segments = [spoken("tell me", 9.0, 10.0), spoken("a joke", 100.0, 101.0)]
    transcriber.transcripts = ["please"]
    transcriber.pause_at = 20.0
    files = {"file": ("a.flac", long_file)}
    data = {"model": "gpt-4o-transcribe", "stream": "true"}
    async with client.stream("POST", UPLOADS, files=files, data=data) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = reply.aiter_lines()
        first = json.loads((await anext(lines)).removeprefix("data: "))
        assert first == {"type": "transcript.text.delta", "delta": "tell me"}
        assert len(transcriber.streams[0].heard) < 30 * BYTES_PER_SECOND
        transcriber.pausing.set()
        rest = [line async for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    done = json.loads(rest[-2].removeprefix("data: "))
    assert done["text"] == "tell me a joke please"
    assert done["usage"]["input_tokens"] == 1200


async def test_a_stream_that_has_begun_reports_its_failure_in_it(
    client: httpx.AsyncClient,
    transcriber: ScriptedTranscriber,
    long_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOTTOVOCE_MAX_AUDIO_SECONDS", "60")
    transcriber.segments = [spoken("tell me", 9.0, 10.0)]
    async with limited(transcriber) as short:
        stock = AsyncOpenAI(base_url=f"{short.base_url}/v1", api_key=KEY, max_retries=0)
        stream = await stock.audio.transcriptions.create(
            file=("a.flac", long_file), model="gpt-4o-transcribe", stream=True
        )
        heard = [await anext(stream)]
        with pytest.raises(APIError, match="longer than the limit of 60 s") as caught:
            await anext(stream)
        assert (caught.value.code, caught.value.param) == ("audio_too_long", "file")
        assert heard[0].type == "transcript.text.delta"
        await stock.close()
    assert transcriber.streams[0].is_closed


async def test_too_long_a_file_is_refused(
    transcriber: ScriptedTranscriber, long_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOTTOVOCE_MAX_AUDIO_SECONDS", "60")
    async with limited(transcriber) as client:
        reply = await post(client, long_file)
    assert (reply.status_code, fault(reply)["code"], fault(reply)["param"]) == (413, "audio_too_long", "file")


async def test_a_form_needs_file_and_model(client: httpx.AsyncClient) -> None:
    reply = await client.post(UPLOADS, files={"file": ("a.wav", b"x")})
    assert (reply.status_code, fault(reply)["param"]) == (400, "model")
    reply = await client.post(UPLOADS, files={"x": (None, "y")}, data={"model": "whisper-1"})
    assert (fault(reply)["code"], fault(reply)["param"]) == ("missing_required_parameter", "file")
    reply = await client.post(UPLOADS, files={"file": (None, "words")}, data={"model": "whisper-1"})
    assert (reply.status_code, fault(reply)["param"]) == (400, "file")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"content-type": "multipart/form-data"},
        {"content-type": "multipart/form-data; boundary=x", "content-encoding": "gzip"},
    ],
)
async def test_a_body_that_is_no_form_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reply = await client.post(UPLOADS, content=b"{}", headers=headers)
    assert reply.status_code == 400
    assert fault(reply)["message"]


async def test_a_file_that_does_not_say_to_be_one_is_told_how(client: httpx.AsyncClient) -> None:
    reply = await client.post(UPLOADS, files={"file": (None, bytes(20_000))}, data={"model": "whisper-1"})
    assert (reply.status_code, fault(reply)["param"]) == (400, "file")
    assert "needs a filename" in (fault(reply)["message"] or "")


@pytest.mark.parametrize("file", [b"", b"\x5a\xc3" * 3000])
async def test_what_is_no_audio_is_refused(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber, file: bytes
) -> None:
    reply = await post(client, file)
    assert (reply.status_code, fault(reply)["code"]) == (400, "invalid_audio")
    assert all(stream.is_closed for stream in transcriber.streams)


@pytest.mark.parametrize("has_length", [True, False])
async def test_an_upload_over_the_limit_is_refused_while_it_streams(
    transcriber: ScriptedTranscriber, monkeypatch: pytest.MonkeyPatch, has_length: bool
) -> None:
    monkeypatch.setenv("SOTTOVOCE_MAX_UPLOAD_BYTES", "100000")
    async with limited(transcriber) as client:
        request = client.build_request(
            "POST", UPLOADS, files={"file": ("a.wav", bytes(400_000))}, data={"model": "whisper-1"}
        )
        sent = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal sent
            whole = request.read()
            for at in range(0, len(whole), 10_000):
                yield whole[at : at + 10_000]
                sent += 10_000

        headers = {"content-type": request.headers["content-type"]}
        if has_length:
            headers["content-length"] = request.headers["content-length"]
        reply = await client.post(UPLOADS, content=chunks(), headers=headers)
        assert (reply.status_code, fault(reply)["code"]) == (413, "request_too_large")
        assert "SOTTOVOCE_MAX_UPLOAD_BYTES" in (fault(reply)["message"] or "")
        # one that fits with its form, but is too large
        reply = await post(client, bytes(100_001))
        assert (reply.status_code, fault(reply)["param"]) == (413, "file")
        assert (await post(client)).status_code == 200


@pytest.mark.parametrize("left_bytes", [0, 100, -10])
async def test_a_form_that_was_cut_off_is_told_so(client: httpx.AsyncClient, left_bytes: int) -> None:
    request = client.build_request(
        "POST", UPLOADS, files={"file": ("a.wav", bytes(1000))}, data={"model": "whisper-1"}
    )
    headers = {"content-type": request.headers["content-type"]}
    reply = await client.post(UPLOADS, content=request.read()[:left_bytes], headers=headers)
    assert reply.status_code == 400
    assert "cut off, its last boundary is missing" in (fault(reply)["message"] or "")


async def test_the_number_of_uploads_is_limited(
    transcriber: ScriptedTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_UPLOADS", 0)
    async with limited(transcriber) as client:
        reply = await post(client)
    assert (reply.status_code, fault(reply)["code"]) == (429, "rate_limit_exceeded")
    assert reply.headers["retry-after"] == "1"


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_client_that_leaves_ends_the_work(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber, long_file: bytes, stream: str
) -> None:
    """The decoder's process and the recogniser's stream end; without that they would wait for ever."""
    transcriber.pause_at = 20.0
    before = set(psutil.Process().children())
    posting = asyncio.create_task(post(client, long_file, stream=stream))
    async with asyncio.timeout(10):
        await transcriber.paused.wait()
    decoders = set(psutil.Process().children()) - before
    assert decoders
    posting.cancel()
    async with asyncio.timeout(10):
        while not transcriber.streams[0].is_closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        while any(decoder.is_running() for decoder in decoders):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.gather(posting, return_exceptions=True)
    transcriber.pausing.set()
    assert (await post(client)).status_code == 200


async def test_the_number_of_forms_is_limited(
    transcriber: ScriptedTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may hold a file on disk, long before it is known whether it is heard."""
    monkeypatch.setattr(endpoint, "MAX_FORMS", 0)
    async with limited(transcriber) as client:
        reply = await post(client)
    assert (reply.status_code, fault(reply)["code"]) == (429, "rate_limit_exceeded")
    assert not transcriber.streams


async def test_a_form_that_drips_is_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "FORM_GRACE", 0.05)
    request = client.build_request("POST", UPLOADS, files={"file": ("a.wav", bytes(4000))})
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    writer.write(f"POST {UPLOADS} HTTP/1.1\r\n{head}\r\n".encode() + request.read()[:3000])
    assert b" 400 " in await reader.readline()
    assert b"did not arrive in time" in await reader.read(4096)
    writer.close()


async def test_a_client_that_leaves_before_its_form_has_come_is_no_error(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    request = client.build_request("POST", UPLOADS, files={"file": ("a.wav", bytes(4000))})
    begun = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield request.read()[:3000]
        begun.set()
        await asyncio.Event().wait()

    headers = {"content-type": request.headers["content-type"]}
    posting = asyncio.create_task(client.post(UPLOADS, content=half(), headers=headers))
    await begun.wait()
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)
    assert (await post(client)).status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_recogniser_that_dies_on_the_way_costs_no_words(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber
) -> None:
    transcriber.failures = [EngineCrashed("The recogniser's process died.", engine="stt")]
    reply = await post(client)
    assert (reply.status_code, reply.json()["text"]) == (200, "tell me a joke")


async def test_every_v1_route_needs_the_key(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]
    assert (await client.get("/v1/models")).status_code == 401
    assert (await post(client)).status_code == 401
    with pytest.raises(InvalidStatus) as caught:
        await open_session(client, key="wrong-key-wrong-key")
    assert caught.value.response.status_code == 401


async def test_the_model_is_listed(client: httpx.AsyncClient) -> None:
    (model,) = (await client.get("/v1/models")).json()["data"]
    assert model["id"] == "scripted"
    assert model["languages"] == ["en"]
    assert model["response_formats"] == ["json", "text", "srt", "vtt", "verbose_json"]
    assert model["parameters"]["ignored"] == ["prompt", "temperature", "keywords"]
    for name in (*get_args(AudioModel), "gpt-live-transcribe", "gpt-5-transcribe", "whisper-2"):
        assert (await client.get(f"/v1/models/{name}")).json()["root"] == "scripted"
    assert (await client.get("/v1/models/gpt-4o")).status_code == 404


async def test_a_session_transcribes(client: httpx.AsyncClient, transcriber: ScriptedTranscriber) -> None:
    async with open_session(client) as socket:
        assert (await expect(socket, "session.created"))["session"]["type"] == "transcription"
        await turns_by_commit(socket)
        await speak(socket, recording("dialogue-tell-me-a-joke-slt"))
        await send(socket, "input_audio_buffer.commit")
        assert (await expect(socket, f"{TRANSCRIPTION}.completed"))["transcript"] == "tell me a joke"
    assert transcriber.utterances == [recording("dialogue-tell-me-a-joke-slt")]


async def test_leaving_frees_the_recogniser_even_in_the_middle_of_work(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber
) -> None:
    transcriber.is_hanging = True
    async with open_session(client) as socket:
        await turns_by_commit(socket)
        await speak(socket, recording("dialogue-tell-me-a-joke-slt"))
        await send(socket, "input_audio_buffer.commit")
        await expect(socket, "conversation.item.done")
    async with asyncio.timeout(2):
        while not transcriber.streams[0].is_closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_another_intent_is_refused(client: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await open_session(client, "?model=x")
    assert caught.value.response.status_code == 400
    assert json.loads(caught.value.response.body)["error"]["param"] == "intent"


async def test_a_session_too_many_is_refused(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber
) -> None:
    transcriber.max_streams = 1
    async with open_session(client):
        with pytest.raises(InvalidStatus) as caught:
            await open_session(client)
    assert caught.value.response.status_code == 429


async def test_a_client_of_wrong_events_is_closed_with_1008(client: httpx.AsyncClient) -> None:
    async with open_session(client) as socket:
        for _ in range(MAX_BAD_EVENTS):
            await socket.send(b"binary")
        for _ in range(MAX_BAD_EVENTS):
            await expect(socket, "error")
        assert await close_code(socket) == 1008


async def test_a_message_over_the_limit_is_closed_with_1009_and_others_go_on(
    client: httpx.AsyncClient,
) -> None:
    async with open_session(client) as neighbour, open_session(client) as socket:
        with contextlib.suppress(ConnectionClosed):
            await socket.send("x" * (ServerLimits().websocket_message_bytes + 1))
        assert await close_code(socket) == 1009
        await turns_by_commit(neighbour)


async def test_until_it_has_loaded_it_says_so() -> None:
    transcriber = ScriptedTranscriber(start_error=EngineUnavailable("No model.", engine="stt"))
    app = create_app(ServiceOptions(key=KEY), transcriber)
    transport = httpx.ASGITransport(app)
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://stt", headers=headers) as client:
        assert (await client.get("/livez")).status_code == 200
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()) == (503, {"status": "loading", "busy": 0})
        reply = await post(client)
        assert (reply.status_code, fault(reply)["code"]) == (503, "engine_unavailable")
        async with app.router.lifespan_context(app):
            while reply.json().get("status") != "failed":
                await asyncio.sleep(0)
                reply = await client.get("/readyz")
            assert reply.json()["reason"] == "No model."
    assert transcriber.is_closed


@pytest.mark.end_to_end
@pytest.mark.timeout(60)
async def test_the_real_engine_hears_uploads_and_sessions(client: httpx.AsyncClient, home: Path) -> None:
    reply = await post(client)
    assert (reply.status_code, reply.json().get("text")) == (200, "tell me a joke"), reply.text
    assert (await post(client, (RECORDINGS / "noise.wav").read_bytes())).json()["text"] == ""
    verbose = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    whole = (await post(client, **verbose)).json()["words"]
    cut = (await post(client, **verbose, **{"chunking_strategy[type]": "server_vad"})).json()["words"]
    assert [word["word"] for word in cut] == [word["word"] for word in whole] == ["tell", "me", "a", "joke"]
    for mine, theirs in zip(cut, whole, strict=True):
        assert mine["start"] == pytest.approx(theirs["start"], abs=0.1)
    async with open_session(client) as socket:
        await turns_by_commit(socket)
        await speak(socket, recording("dialogue-set-a-timer-for-ten-minutes-slt"))
        assert (await expect(socket, f"{TRANSCRIPTION}.delta"))["delta"]
        await send(socket, "input_audio_buffer.commit")
        completed = await expect(socket, f"{TRANSCRIPTION}.completed")
        assert completed["transcript"] == "set a timer for ten minutes"
    assert list((home / "cache").glob("stt-*"))


async def test_a_recogniser_that_hangs_makes_the_service_be_started_anew(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber
) -> None:
    assert (await client.get("/livez")).status_code == 200
    transcriber.fault = "it hangs"
    for path in ("/livez", "/readyz"):
        reply = await client.get(path)
        assert (reply.status_code, reply.json()["status"], reply.json()["reason"]) == (
            503,
            "failed",
            "it hangs",
        )

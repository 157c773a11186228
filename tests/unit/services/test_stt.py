"""The stt service behind a real server: what clients see of it."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sottovoce.errors import EngineUnavailable
from sottovoce.http.server import ServerLimits
from sottovoce.services import stt, upload
from sottovoce.services.child import ServiceOptions
from sottovoce.services.stt import create_app
from sottovoce.services.transcription import MAX_BAD_EVENTS
from tests.serving import served
from tests.unit.engines.stt.sounds import RECORDINGS, recording
from tests.unit.services.scripted_transcriber import ScriptedTranscriber

KEY = "a-key-for-the-tests"
UPLOADS = "/v1/audio/transcriptions"
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
        ({"response_format": "srt"}, 400, "unsupported_format", "response_format"),
        ({"language": "de"}, 400, "invalid_value", "language"),
        ({"prompt": "x" * 20_000}, 400, "invalid_value", None),
    ],
)
async def test_wrong_fields_are_named(
    client: httpx.AsyncClient, fields: dict[str, str], status: int, code: str, param: str | None
) -> None:
    reply = await post(client, **fields)
    assert reply.status_code == status
    assert (fault(reply)["code"], fault(reply)["param"]) == (code, param)


async def test_a_form_needs_file_and_model(client: httpx.AsyncClient) -> None:
    reply = await client.post(UPLOADS, files={"file": ("a.wav", b"x")})
    assert (reply.status_code, fault(reply)["param"]) == (400, "model")
    reply = await client.post(UPLOADS, files={"x": (None, "y")}, data={"model": "whisper-1"})
    assert (fault(reply)["code"], fault(reply)["param"]) == ("missing_required_parameter", "file")
    reply = await client.post(UPLOADS, files={"file": (None, "words")}, data={"model": "whisper-1"})
    assert (reply.status_code, fault(reply)["param"]) == (400, "file")


@pytest.mark.parametrize(
    "headers", [{"content-type": "application/json"}, {"content-type": "multipart/form-data"}]
)
async def test_a_body_that_is_no_form_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reply = await client.post(UPLOADS, content=b"{}", headers=headers)
    assert reply.status_code == 400
    assert fault(reply)["message"]


@pytest.mark.parametrize("file", [b"", b"\x5a\xc3" * 3000])
async def test_what_is_no_audio_is_refused(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber, file: bytes
) -> None:
    reply = await post(client, file)
    assert (reply.status_code, fault(reply)["code"]) == (400, "invalid_audio")
    assert all(stream.is_closed for stream in transcriber.streams)


async def test_an_upload_over_the_limit_is_refused_while_it_streams(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "MAX_FORM_BYTES", 100_000)
    reply = await post(client, b"\0" * 110_000)
    assert reply.status_code == 413
    assert fault(reply)["code"] == "request_too_large"


async def test_the_number_of_uploads_is_limited(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stt, "MAX_UPLOADS", 0)
    reply = await post(client)
    assert (reply.status_code, fault(reply)["code"]) == (429, "rate_limit_exceeded")
    assert reply.headers["retry-after"] == "1"


async def test_a_client_that_leaves_ends_the_work(
    client: httpx.AsyncClient, transcriber: ScriptedTranscriber
) -> None:
    transcriber.is_hanging = True
    posting = asyncio.create_task(post(client))
    async with asyncio.timeout(10):
        while not (transcriber.streams and transcriber.streams[0].heard):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        posting.cancel()
        while not transcriber.streams[0].is_closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


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
        assert (reply.status_code, reply.json()) == (503, {"status": "loading"})
        reply = await post(client)
        assert (reply.status_code, fault(reply)["code"]) == (503, "engine_unavailable")
        async with app.router.lifespan_context(app):
            while reply.json() != {"status": "failed", "reason": "No model."}:
                await asyncio.sleep(0)
                reply = await client.get("/readyz")
    assert transcriber.is_closed


@pytest.mark.end_to_end
@pytest.mark.timeout(60)
async def test_the_real_engine_hears_uploads_and_sessions(client: httpx.AsyncClient, home: Path) -> None:
    reply = await post(client)
    assert (reply.status_code, reply.json().get("text")) == (200, "tell me a joke"), reply.text
    assert (await post(client, (RECORDINGS / "noise.wav").read_bytes())).json()["text"] == ""
    async with open_session(client) as socket:
        await turns_by_commit(socket)
        await speak(socket, recording("dialogue-set-a-timer-for-ten-minutes-slt"))
        assert (await expect(socket, f"{TRANSCRIPTION}.delta"))["delta"]
        await send(socket, "input_audio_buffer.commit")
        completed = await expect(socket, f"{TRANSCRIPTION}.completed")
        assert completed["transcript"] == "set a timer for ten minutes"
    assert list((home / "cache").glob("stt-*"))

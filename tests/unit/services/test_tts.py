"""The tts service behind a real server: what clients see, byte by byte."""

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import av
import httpx
import numpy as np
import pytest

from sottovoce.audio.encode import ENCODINGS
from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.resample import Resampler
from sottovoce.engines.tts.base import Voice
from sottovoce.errors import EngineCrashed, EngineUnavailable, InvalidRequestError
from sottovoce.services import stream, tts
from sottovoce.services.child import ServiceOptions
from sottovoce.services.speech import SpeechRequest
from sottovoce.services.tts import create_app
from tests.recordings import RATE_HZ, recording
from tests.serving import served
from tests.sounds_alike import likeness

KEY = "a-key-for-the-tests"
SPEECH = "/v1/audio/speech"


class ScriptedSynthesizer:
    """Yields `frames`, then raises `error`; with `is_endless` it goes on until it is closed."""

    model = "scripted"
    voices = (Voice("alloy", "Alloy", "en-us", "female"),)
    condition: Mapping[str, float] = {"real_time_factor": 0.4}

    def __init__(self) -> None:
        self.frames = [AudioFrame(b"\1\0" * 2400, 24_000)]
        self.error: Exception | None = None
        self.load_error: EngineUnavailable | None = None
        self.is_endless = False
        self.lead = 0.0
        self.max_streams = 32
        self.fault: str | None = None
        self.closed = asyncio.Event()
        self.asked: list[tuple[str, str, float]] = []

    async def load(self) -> None:
        if self.load_error is not None:
            raise self.load_error

    async def warm(self) -> None:
        pass

    def check_voice(self, voice: str) -> None:
        if voice != "alloy":
            raise InvalidRequestError("There is no such voice.", param="voice")

    async def synthesize(
        self, text: str, voice: str, speed: float, lead: float = 0.0
    ) -> AsyncGenerator[AudioFrame]:
        self.asked.append((text, voice, speed))
        self.lead = lead
        try:
            for frame in self.frames:
                yield frame
            while self.is_endless:
                await asyncio.sleep(0.01)
                yield self.frames[0]
            if self.error is not None:
                raise self.error
        finally:
            self.closed.set()

    async def aclose(self) -> None: ...


@pytest.fixture
def synthesizer() -> ScriptedSynthesizer:
    return ScriptedSynthesizer()


@pytest.fixture
async def client(
    request: pytest.FixtureRequest, synthesizer: ScriptedSynthesizer
) -> AsyncIterator[httpx.AsyncClient]:
    engine = None if request.node.get_closest_marker("end_to_end") else synthesizer
    app = create_app(ServiceOptions(key=KEY), engine)
    headers = {"authorization": f"Bearer {KEY}"}
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        while (await client.get("/readyz")).json()["status"] == "loading":  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # only a reply can tell
        yield client


def fault(reply: httpx.Response) -> dict[str, str | None]:
    error: dict[str, str | None] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


async def test_pcm_is_the_bare_samples(client: httpx.AsyncClient) -> None:
    reply = await client.post(SPEECH, json={"input": "Hi", "voice": "alloy", "response_format": "pcm"})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "audio/pcm"
    assert "content-length" not in reply.headers
    assert reply.content == b"\1\0" * 2400


async def test_wav_has_a_header_of_unknown_length(client: httpx.AsyncClient) -> None:
    reply = await client.post(SPEECH, json={"input": "Hi", "voice": "alloy", "response_format": "wav"})
    assert reply.headers["content-type"] == "audio/wav"
    assert reply.content[:4] == b"RIFF"
    assert reply.content[44:] == b"\1\0" * 2400


async def test_frames_of_another_rate_are_resampled(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    synthesizer.frames = [AudioFrame(bytes(2 * 2205), 22_050)] * 10
    reply = await client.post(SPEECH, json={"input": "Hi", "voice": "alloy", "response_format": "pcm"})
    assert len(reply.content) == 2 * 24_000


async def test_the_request_reaches_the_engine(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    body = {"input": "Hi", "voice": {"id": "alloy"}, "model": "tts-1", "speed": 2, "instructions": "softly"}
    assert (await client.post(SPEECH, json=body)).status_code == 200
    assert synthesizer.asked == [("Hi", "alloy", 2.0)]


def events_of(reply: httpx.Response) -> list[dict[str, Any]]:
    assert reply.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line.removeprefix("data: ")) for line in reply.text.split("\n\n") if line]


async def test_an_event_stream_carries_the_same_audio(client: httpx.AsyncClient) -> None:
    body = {"input": "Two words", "voice": "alloy", "response_format": "pcm", "stream_format": "sse"}
    events = events_of(await client.post(SPEECH, json=body))
    assert [event["type"] for event in events] == ["speech.audio.delta"] * (len(events) - 1) + [
        "speech.audio.done"
    ]
    assert b"".join(base64.b64decode(event.get("audio", "")) for event in events) == b"\1\0" * 2400
    assert events[-1]["usage"] == {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}


def decoded(reply: bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Samples at 24 kHz; FFmpeg finds out by itself what it is."""
    resampler = av.AudioResampler("s16", "mono", 24_000)
    with av.open(io.BytesIO(reply)) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray()[0] for part in (*frames, *resampler.resample(None))])


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize(
    ("response_format", "media_type"),
    [
        ({}, "audio/mpeg"),
        ({"response_format": "mp3"}, "audio/mpeg"),
        ({"response_format": "opus"}, "audio/ogg"),
        ({"response_format": "aac"}, "audio/aac"),
        ({"response_format": "flac"}, "audio/flac"),
        ({"response_format": "wav"}, "audio/wav"),
    ],
)
async def test_every_format_carries_the_speech(
    client: httpx.AsyncClient,
    synthesizer: ScriptedSynthesizer,
    response_format: dict[str, str],
    media_type: str,
    stream_format: str,
) -> None:
    said = recording("command-my-name-is-john-slt")
    synthesizer.frames = [AudioFrame(said[:2000], RATE_HZ), AudioFrame(said[2000:], RATE_HZ)]
    body = {"input": "My name is John", "voice": "alloy", "stream_format": stream_format, **response_format}
    reply = await client.post(SPEECH, json=body)
    if stream_format == "sse":
        *deltas, done = events_of(reply)
        audio = b"".join(base64.b64decode(event["audio"]) for event in deltas)
        assert done["usage"]["output_tokens"] == round(50 * len(said) / 2 / RATE_HZ)
    else:
        audio = reply.content
        assert reply.headers["content-type"] == media_type
    assert "content-length" not in reply.headers
    heard, resampler = decoded(audio), Resampler(RATE_HZ, 24_000)
    wanted = np.frombuffer(resampler.push(said) + resampler.flush(), "<i2")
    assert 0 <= len(heard) - len(wanted) < 0.1 * 24_000
    assert likeness(wanted, heard, 24_000) > 0.95


async def test_a_long_frame_does_not_hold_the_first_bytes_back(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    """A synthesiser that goes on for ever, an hour at a time, is heard at once."""
    synthesizer.frames, synthesizer.is_endless = [AudioFrame(bytes(2 * 3600 * 24_000), 24_000)], True
    async with asyncio.timeout(5):
        async with client.stream("POST", SPEECH, json={"input": "x", "voice": "alloy"}) as reply:
            first = await anext(reply.aiter_bytes())
    assert 0 < len(first) < 64_000


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"input": ""}, "input", "invalid_value"),
        ({"input": " \n"}, "input", "invalid_value"),
        ({"input": "x" * 4097}, "input", "string_above_max_length"),
        ({}, "input", "missing_required_parameter"),
        ({"input": 5}, "input", "invalid_value"),
        ({"input": "x", "response_format": "mp4"}, "response_format", "unsupported_format"),
        ({"input": "x", "response_format": "nonsense"}, "response_format", "unsupported_format"),
        ({"input": "x", "voice": "nobody"}, "voice", "invalid_value"),
        ({"input": "x", "speed": 0.1}, "speed", "invalid_value"),
        ({"input": "x", "speed": 4.1}, "speed", "invalid_value"),
        ({"input": "x", "speed": "fast"}, "speed", "invalid_value"),
        ({"input": "x", "speed": "NaN"}, "speed", "invalid_value"),
        ({"input": "x", "voice": {"id": "nobody"}}, "voice", "invalid_value"),
        ({"input": "x", "voice": {"name": "alloy"}}, "voice", "invalid_value"),
        ({"input": "x", "voice": {"id": None}}, "voice", "invalid_value"),
        ({"input": "x", "voice": None}, "voice", "invalid_value"),
        ({"input": "x", "stream_format": "mp3"}, "stream_format", "invalid_value"),
        ({"input": "x", "pitch": 3}, "pitch", "unknown_parameter"),
    ],
)
async def test_bad_values_are_named(
    client: httpx.AsyncClient,
    synthesizer: ScriptedSynthesizer,
    body: dict[str, object],
    param: str,
    code: str,
) -> None:
    reply = await client.post(SPEECH, json={"voice": "alloy", **body})
    assert reply.status_code == 400
    assert (fault(reply)["param"], fault(reply)["code"]) == (param, code)
    assert synthesizer.asked == []


async def test_a_refused_format_says_which_are_served(client: httpx.AsyncClient) -> None:
    reply = await client.post(SPEECH, json={"input": "x", "voice": "alloy", "response_format": "ogg"})
    message = fault(reply)["message"]
    assert message is not None
    assert "'ogg'" in message
    assert "mp3, opus, aac, flac, wav, pcm" in message


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"input": "\\ud800"}', b"[" * 100_000]
)
async def test_garbage_is_a_bad_request(client: httpx.AsyncClient, body: bytes) -> None:
    assert fault(await client.post(SPEECH, content=body))["type"] == "invalid_request_error"


async def test_an_oversize_body_is_refused_without_a_length_too(client: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b" " * (tts.MAX_BODY_BYTES + 1)

    assert (await client.post(SPEECH, content=body())).status_code == 413


async def test_an_unknown_model_is_not_found(client: httpx.AsyncClient) -> None:
    reply = await client.post(SPEECH, json={"input": "x", "voice": "alloy", "model": "gpt-9"})
    assert reply.status_code == 404
    assert fault(reply)["code"] == "model_not_found"


async def test_models_are_listed_and_looked_up(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models")).json()
    [model] = listed["data"]
    assert model["id"] == "scripted"
    assert model["response_formats"] == ["mp3", "opus", "aac", "flac", "wav", "pcm"]
    assert (model["voices"], model["languages"]) == (["alloy"], ["en-us"])
    assert (await client.get("/v1/models/tts-1")).json()["object"] == "model"
    assert (await client.get("/v1/models/nothing")).status_code == 404


async def test_every_parameter_is_said_to_be_honoured_or_ignored(client: httpx.AsyncClient) -> None:
    parameters = (await client.get("/v1/models/gpt-4o-mini-tts-2025-12-15")).json()["parameters"]
    assert {*parameters["honoured"], *parameters["ignored"]} == set(SpeechRequest.model_fields)
    assert parameters["ignored"] == ["instructions"]


async def test_voices_are_listed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/audio/voices")).json() == {
        "voices": [{"id": "alloy", "name": "Alloy", "language": "en-us", "gender": "female"}]
    }


@pytest.mark.parametrize("key", ["", "Bearer wrong", "Basic abc"])
async def test_v1_needs_the_key_and_health_does_not(client: httpx.AsyncClient, key: str) -> None:
    headers = {"authorization": key}
    for path in ("/v1/models", "/v1/audio/voices"):
        reply = await client.get(path, headers=headers)
        assert reply.status_code == 401
        assert fault(reply)["code"] == "invalid_api_key"
    assert (await client.post(SPEECH, json={"input": "x"}, headers=headers)).status_code == 401
    for path in ("/livez", "/readyz"):
        assert (await client.get(path, headers=headers)).status_code == 200


async def test_a_failure_before_the_first_byte_is_an_http_error(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    synthesizer.frames, synthesizer.error = [], EngineCrashed("espeak-ng failed", engine="tts")
    reply = await client.post(SPEECH, json={"input": "x", "voice": "alloy"})
    assert reply.status_code == 503
    assert fault(reply)["code"] == "engine_crashed"


@pytest.mark.parametrize("response_format", ENCODINGS)
async def test_a_failure_after_the_first_byte_breaks_the_stream_off(
    client: httpx.AsyncClient,
    synthesizer: ScriptedSynthesizer,
    caplog: pytest.LogCaptureFixture,
    response_format: str,
) -> None:
    synthesizer.error = EngineCrashed("espeak-ng failed", engine="tts")
    body = {"input": "secret words", "voice": "alloy", "response_format": response_format}
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        await client.post(SPEECH, json=body)
    assert "broken off" in caplog.text
    assert "secret words" not in caplog.text
    synthesizer.error = None
    assert (await client.post(SPEECH, json={"input": "x", "voice": "alloy"})).status_code == 200


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize("response_format", ENCODINGS)
async def test_a_client_that_leaves_stops_the_engine(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer, response_format: str, stream_format: str
) -> None:
    synthesizer.is_endless = True
    body = {"input": "x", "voice": "alloy", "response_format": response_format}
    async with client.stream("POST", SPEECH, json={**body, "stream_format": stream_format}) as reply:
        await anext(reply.aiter_bytes())
        assert not synthesizer.closed.is_set()
    async with asyncio.timeout(5):
        await synthesizer.closed.wait()


async def test_what_is_still_to_be_heard_is_told_to_the_engine(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    body = {"input": "x", "voice": "alloy", "response_format": "pcm"}
    await client.post(SPEECH, json=body, headers={"sottovoce-lead": "1.5"})
    assert synthesizer.lead == 1.5
    for nonsense in ("-1", "nan", "inf", "soon"):
        refused = await client.post(SPEECH, json=body, headers={"sottovoce-lead": nonsense})
        assert (refused.status_code, fault(refused)["param"]) == (400, "sottovoce-lead")


async def test_a_client_that_stops_reading_is_cut_off(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SEND_DEADLINE", 0.1)
    synthesizer.frames, synthesizer.is_endless = [AudioFrame(bytes(1 << 20), 24_000)], True
    body = {"input": "x", "voice": "alloy", "response_format": "pcm"}
    async with client.stream("POST", SPEECH, json=body):
        async with asyncio.timeout(5):
            await synthesizer.closed.wait()


async def test_more_streams_than_the_limit_are_refused(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    synthesizer.max_streams = 1
    synthesizer.is_endless = True
    body = {"input": "x", "voice": "alloy"}
    async with client.stream("POST", SPEECH, json=body) as reply:
        await anext(reply.aiter_bytes())
        refused = await client.post(SPEECH, json=body)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
    async with asyncio.timeout(5):
        await synthesizer.closed.wait()
    synthesizer.is_endless = False
    assert (await client.post(SPEECH, json=body)).status_code == 200


async def test_a_stuck_engine_is_reported_dead(
    client: httpx.AsyncClient, synthesizer: ScriptedSynthesizer
) -> None:
    synthesizer.fault = "no sound within 5 s"
    for path in ("/livez", "/readyz"):
        reply = await client.get(path)
        assert reply.status_code == 503
        body = reply.json()
        assert (body["status"], body["reason"]) == ("failed", "no sound within 5 s")


@pytest.fixture
def broken(synthesizer: ScriptedSynthesizer) -> None:
    synthesizer.load_error = EngineUnavailable("espeak-ng is missing", engine="tts")


@pytest.mark.usefixtures("broken")
async def test_an_engine_that_does_not_load_is_said_to_have_failed(client: httpx.AsyncClient) -> None:
    reply = await client.get("/readyz")
    assert reply.status_code == 503
    body = reply.json()
    assert (body["status"], body["reason"]) == ("failed", "espeak-ng is missing")
    refused = await client.post(SPEECH, json={"input": "x", "voice": "alloy"})
    assert refused.status_code == 503
    assert fault(refused)["code"] == "engine_unavailable"


@pytest.mark.end_to_end
async def test_espeak_speaks_through_the_service(client: httpx.AsyncClient) -> None:
    body = {"input": "Hello there. It costs $3.50.", "voice": "nova", "response_format": "wav"}
    reply = await client.post(SPEECH, json=body)
    patched = reply.content[:40] + (len(reply.content) - 44).to_bytes(4, "little") + reply.content[44:]
    with wave.open(io.BytesIO(patched)) as file:
        assert file.getframerate() == 24_000
        seconds = file.getnframes() / 24_000
    assert 2 < seconds < 6


@pytest.mark.end_to_end
async def test_many_speeches_at_once_are_all_whole(client: httpx.AsyncClient) -> None:
    body = {"input": "Good morning to you. It is five o'clock.", "response_format": "pcm"}
    alone = len((await client.post(SPEECH, json=body)).content)
    replies = await asyncio.gather(*(client.post(SPEECH, json=body) for _ in range(12)))
    assert all(abs(len(reply.content) - alone) < 0.05 * alone for reply in replies)

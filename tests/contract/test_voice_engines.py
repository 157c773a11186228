"""One API whatever speaks: every test runs against each engine's service, as a process of its own."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import av
import httpx
import numpy as np
import pytest

from sottovoce.audio.encode import ENCODINGS
from tests.contract.voices import VOICES, Voice
from tests.made_models.kokoro import SPEAKERS, read_tones
from tests.service_child import ServiceChild, running

SPEECH = "/v1/audio/speech"
OPENAI_NAMES = set("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split())
PCM_BYTES_PER_SECOND = 48_000
PATIENCE = 20.0
TEXT = "Hello there. This is one voice."
LONG = "This is the voice, and it is there. " * 100


@dataclass(frozen=True)
class Served:
    voice: Voice
    child: ServiceChild


@pytest.fixture(scope="module", params=VOICES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process for all tests of an engine: nothing that a client does may spoil it for the next."""
    home = tmp_path_factory.mktemp(request.param)
    voice = VOICES[request.param](home / request.param)
    with running("tts", voice.model, home, voice.environment) as child:
        yield Served(voice, child.ready())


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=served.child.url,
        headers=served.child.headers,
        timeout=PATIENCE,
        trust_env=False,
        limits=limits,
    ) as client:
        yield client


async def speak(client: httpx.AsyncClient, text: str = TEXT, **fields: Any) -> bytes:
    """Its samples, 24 kHz mono s16le."""
    body = {"model": "tts-1", "input": text, "voice": "alloy", "response_format": "pcm", **fields}
    reply = await client.post(SPEECH, json=body)
    assert reply.status_code == 200, reply.text
    return reply.content


async def begun(reply: httpx.Response) -> bytes:
    """The first of a reply that is streamed."""
    async with aclosing(reply.aiter_raw()) as chunks:
        return await anext(chunks)


def fault(reply: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


async def test_every_format_holds_the_same_speech(client: httpx.AsyncClient) -> None:
    expected = len(await speak(client)) / PCM_BYTES_PER_SECOND
    for name, encoding in ENCODINGS.items():
        reply = await client.post(SPEECH, json={"input": TEXT, "voice": "alloy", "response_format": name})
        assert reply.headers["content-type"] == encoding.media_type
        if name != "pcm":
            with av.open(io.BytesIO(reply.content)) as file:
                duration = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
            assert duration == pytest.approx(expected, abs=0.25), name


async def test_events_carry_the_speech_and_its_usage(client: httpx.AsyncClient) -> None:
    body = {"input": TEXT, "voice": "alloy", "response_format": "pcm", "stream_format": "sse"}
    reply = await client.post(SPEECH, json=body)
    events = [json.loads(line.removeprefix("data: ")) for line in reply.text.split("\n\n") if line]
    *deltas, done = events
    samples = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["input_tokens"] == len(TEXT.split())
    assert done["usage"]["output_tokens"] == pytest.approx(len(samples) / PCM_BYTES_PER_SECOND * 50, abs=2)


async def test_it_says_what_it_is(served: Served, client: httpx.AsyncClient) -> None:
    model = (await client.get(f"/v1/models/{served.voice.model.id}")).json()
    assert model["id"] == served.voice.model.id
    assert model["parameters"]["ignored"] == ["instructions"]
    assert served.voice.languages <= set(model["languages"])
    assert set(model["voices"]) >= OPENAI_NAMES


async def test_voices_are_listed_with_their_languages(served: Served, client: httpx.AsyncClient) -> None:
    listed = {voice["id"]: voice for voice in (await client.get("/v1/audio/voices")).json()["voices"]}
    assert set(listed) >= OPENAI_NAMES
    assert {voice["language"] for voice in listed.values()} >= served.voice.languages
    if served.voice.is_readable:
        assert listed["af_heart"] == {
            "id": "af_heart",
            "name": "Heart",
            "language": "en-us",
            "gender": "female",
        }


@pytest.mark.parametrize("name", ["af_heart", "bm_george", "en-us+f3", "en-gb", "marin", "onyx"])
async def test_a_voice_of_another_engine_is_spoken_in_one_like_it(
    served: Served, client: httpx.AsyncClient, name: str
) -> None:
    """Engines take turns within a session, which has one voice for all of them."""
    samples = await speak(client, "hello", voice=name)
    assert len(samples) > 0.2 * PCM_BYTES_PER_SECOND
    if served.voice.is_readable:
        said = {"bm_george": "bf_emma", "en-gb": "bf_emma", "onyx": "am_onyx"}.get(name, "af_heart")
        assert read_tones(samples)[1] == {SPEAKERS.index(said)}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"voice": "nobody"}, "voice"),
        ({"voice": "zz_top"}, "voice"),
        ({"voice": 3}, "voice"),
        ({"speed": 0.1}, "speed"),
        ({"speed": 5}, "speed"),
        ({"input": " \n"}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"response_format": "midi"}, "response_format"),
        ({"pitch": 3}, "pitch"),
    ],
)
async def test_what_cannot_be_done_is_refused(
    client: httpx.AsyncClient, fields: dict[str, Any], param: str
) -> None:
    reply = await client.post(SPEECH, json={"input": TEXT, "voice": "alloy", **fields})
    assert (reply.status_code, fault(reply)["param"]) == (400, param)
    assert await speak(client, "hello")


async def test_a_speed_that_is_no_number_is_refused(client: httpx.AsyncClient) -> None:
    for speed in ("NaN", "Infinity", "1e400"):
        body = f'{{"input": "hello", "voice": "alloy", "speed": {speed}}}'
        assert (await client.post(SPEECH, content=body)).status_code == 400
    assert await speak(client, "hello")


async def test_an_unknown_model_is_not_found(client: httpx.AsyncClient) -> None:
    reply = await client.post(SPEECH, json={"model": "nosuch", "input": TEXT, "voice": "alloy"})
    assert (reply.status_code, fault(reply)["code"]) == (404, "model_not_found")


async def test_speed_is_kept_over_the_whole_range(client: httpx.AsyncClient) -> None:
    usual = len(await speak(client, TEXT))
    for speed in (0.25, 0.5, 2.0, 4.0):
        assert len(await speak(client, TEXT, speed=speed)) == pytest.approx(usual / speed, rel=0.12), speed


async def test_text_with_nothing_to_say_is_a_short_silence(client: httpx.AsyncClient) -> None:
    for text in ("...", "---", "** **"):
        samples = await speak(client, text)
        assert 0 < len(samples) < 0.5 * PCM_BYTES_PER_SECOND
        assert np.abs(np.frombuffer(samples, "<i2")).max() < 10


@pytest.mark.parametrize(
    "text",
    ["Hello 😀", "# Hello\n\n* **there**\n* [this](https://a.example/b?c=1)", "हिन्दी hello 你好", "a" * 400],
)
async def test_any_text_is_spoken(client: httpx.AsyncClient, text: str) -> None:
    assert any(await speak(client, text))


async def test_the_longest_text_is_spoken_to_its_end(client: httpx.AsyncClient) -> None:
    text = ("This is the voice, and it is there. " * 200)[:4096]
    assert len(await speak(client, text)) > 60 * PCM_BYTES_PER_SECOND


async def test_speech_begins_before_the_text_is_spoken(client: httpx.AsyncClient) -> None:
    body = {"input": LONG, "voice": "alloy", "response_format": "pcm"}
    async with client.stream("POST", SPEECH, json=body) as reply:
        first, *others = [len(chunk) async for chunk in reply.aiter_raw()]
    assert sum(others) > 60 * PCM_BYTES_PER_SECOND
    assert first < 3 * PCM_BYTES_PER_SECOND


async def test_who_leaves_frees_the_engine(served: Served, client: httpx.AsyncClient) -> None:
    body = {"input": LONG, "voice": "alloy", "response_format": "pcm"}
    for _ in range(40):  # more than may speak at one time
        async with client.stream("POST", SPEECH, json=body) as reply:
            assert reply.status_code == 200
            await begun(reply)
    assert await speak(client, "hello")
    async with asyncio.timeout(5):
        while (await client.get("/readyz")).json()["busy"]:
            continue


async def test_more_than_can_be_made_in_time_is_refused(client: httpx.AsyncClient) -> None:
    model = (await client.get("/v1/models")).json()["data"][0]
    most = int(model["condition"].get("max_streams", 32))
    body = {"input": LONG, "voice": "alloy", "response_format": "pcm"}
    async with AsyncExitStack() as speaking:
        for _ in range(most):
            reply = await speaking.enter_async_context(client.stream("POST", SPEECH, json=body))
            assert reply.status_code == 200
        refused = await client.post(SPEECH, json={"input": TEXT, "voice": "alloy"})
        assert (refused.status_code, fault(refused)["code"]) == (429, "rate_limit_exceeded")
        assert int(refused.headers["retry-after"]) >= 1
    assert await speak(client, "hello")


async def test_speakers_at_the_same_time_do_not_hear_each_other(
    served: Served, client: httpx.AsyncClient
) -> None:
    texts = ["hello there", "this is it", "the world", "one two three"] * 3
    names = ["alloy", "onyx", "marin", served.voice.own_voice] * 3
    heard = await asyncio.gather(
        *(speak(client, text, voice=name) for text, name in zip(texts, names, strict=True))
    )
    for index, samples in enumerate(heard):
        alone = await speak(client, texts[index], voice=names[index])
        assert len(samples) == pytest.approx(len(alone), rel=0.05)
        assert served.voice.is_readable is False or samples == alone

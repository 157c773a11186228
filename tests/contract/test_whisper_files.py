"""Long recordings through Whisper: captions, words while it is heard, a process that dies on the way."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import wave
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import httpx
import psutil
import pytest

from sottovoce.engines.stt.segmenting import LONGEST
from sottovoce.models.installed import InstalledModel
from sottovoce.models.layout import recognise
from tests.made_models import whisper
from tests.recordings import RATE_HZ, recording
from tests.service_child import ServiceChild, running

UPLOADS = "/v1/audio/transcriptions"
PHRASE = "one two three"
SENTENCE = recording("dialogue-what-is-twelve-times-seven-slt")
PAUSE = 2.0
SENTENCES = 12
SPAN = re.compile(r"(\d\d):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d):(\d\d):(\d\d)[.,](\d{3})")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceChild]:
    home = tmp_path_factory.mktemp("whisper")
    whisper.build(home / "made", {"en": PHRASE, "de": "eins zwei drei"}, translation="a b c")
    with running("stt", InstalledModel(entry=recognise(home / "made"), path=home / "made"), home) as child:
        yield child.ready()


@pytest.fixture
async def client(child: ServiceChild) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=child.url, headers=child.headers, timeout=60, trust_env=False
    ) as client:
        yield client


def wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(pcm)
    return file.getvalue()


SILENCE = bytes(int(PAUSE * RATE_HZ) * 2)
SENTENCE_SECONDS = len(SENTENCE) / RATE_HZ / 2
LONG = wav((SENTENCE + SILENCE) * SENTENCES)
PERIOD = SENTENCE_SECONDS + PAUSE


def form(**fields: str) -> dict[str, Any]:
    return {"files": {"file": ("long.wav", LONG)}, "data": {"model": "whisper-1", **fields}}


def spans(captions: str) -> list[tuple[float, float]]:
    found = []
    for match in SPAN.finditer(captions):
        hours, minutes, seconds, ms, *end = map(int, match.groups())
        start = hours * 3600 + minutes * 60 + seconds + ms / 1000
        found.append((start, end[0] * 3600 + end[1] * 60 + end[2] + end[3] / 1000))
    return found


@pytest.mark.parametrize("captions", ["srt", "vtt"])
async def test_captions_stand_where_the_sentences_are(client: httpx.AsyncClient, captions: str) -> None:
    text = (await client.post(UPLOADS, **form(response_format=captions))).text
    assert text.count(PHRASE) == SENTENCES
    found = spans(text)
    for number, (start, end) in enumerate(found):
        assert start == pytest.approx(number * PERIOD, abs=0.4)
        assert end == pytest.approx(number * PERIOD + SENTENCE_SECONDS, abs=0.5)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


async def test_translated_captions_say_which_language_was_spoken(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/audio/translations", **form(response_format="verbose_json"))
    verbose = reply.json()
    assert verbose["task"] == "translate"
    assert {segment["text"] for segment in verbose["segments"]} == {"a b c"}
    reply = await client.post(UPLOADS, **form(response_format="verbose_json", language="de"))
    verbose = reply.json()
    assert (verbose["language"], verbose["segments"][0]["text"]) == ("german", "eins zwei drei")
    assert verbose["segments"][-1]["end"] <= verbose["duration"]


def worker(child: ServiceChild) -> int:
    """The process that has the model."""
    family = psutil.Process(child.process.pid).children()
    (pid,) = (each.pid for each in family if any("sherpa_offline" in word for word in each.cmdline()))
    return pid


async def test_a_recogniser_killed_on_the_way_costs_no_words(
    child: ServiceChild, client: httpx.AsyncClient
) -> None:
    """Its process is replaced as often as it takes, and only what it was at is heard again."""
    deltas: list[str] = []
    killed = 0
    async with client.stream("POST", UPLOADS, **form(stream="true")) as reply:
        async for line in reply.aiter_lines():
            event = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {}
            if event.get("type") == "transcript.text.delta":
                deltas.append(event["delta"])
                if len(deltas) in (3, 7):
                    os.kill(worker(child), signal.SIGKILL)
                    killed += 1
            if event.get("type") == "transcript.text.done":
                assert event["text"] == "".join(deltas)
    assert killed == 2
    assert "".join(deltas) == " ".join([PHRASE] * SENTENCES)


async def test_an_upload_given_up_leaves_nothing_behind(
    child: ServiceChild, client: httpx.AsyncClient
) -> None:
    async with client.stream("POST", UPLOADS, **form(stream="true")) as reply:
        async for line in reply.aiter_lines():
            if "delta" in line:
                break
    assert (await client.post(UPLOADS, **form())).json()["text"].count(PHRASE) == SENTENCES
    (model,) = (await client.get("/v1/models")).json()["data"]
    assert (model["condition"]["streams"], model["condition"]["waiting"]) == (0, 0)


async def test_speech_without_a_pause_comes_in_parts(client: httpx.AsyncClient) -> None:
    """A minute in one breath: no part is longer than what Whisper hears, and none is left out."""
    whole = SENTENCE * int(60 / SENTENCE_SECONDS)
    files = {"file": ("breathless.wav", wav(whole))}
    data = {"model": "whisper-1", "response_format": "verbose_json"}
    verbose = (await client.post(UPLOADS, files=files, data=data)).json()
    segments = verbose["segments"]
    assert all(segment["end"] - segment["start"] <= LONGEST + 0.1 for segment in segments)
    assert segments[0]["start"] < 1.0
    assert segments[-1]["end"] > verbose["duration"] - 2.0
    gaps = [other["start"] - one["end"] for one, other in pairwise(segments)]
    assert all(-0.01 <= gap < 0.6 for gap in gaps)

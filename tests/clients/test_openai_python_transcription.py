"""openai-python: transcriptions in every format, whole and streamed, and translations."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.servers import Live
from tests.recordings import RECORDINGS

QUESTION = "what is twelve times seven"
RECORDED = RECORDINGS / f"{SPOKEN_QUESTION}.wav"
DURATION = 1.78
"""Seconds of it."""


def test_a_recording_is_transcribed(client: OpenAI) -> None:
    heard = client.audio.transcriptions.create(
        model="gpt-4o-mini-transcribe", file=RECORDED, language="en", prompt="sums", temperature=0
    )
    assert heard.text == QUESTION
    assert heard.usage is not None


@pytest.mark.parametrize(
    ("form", "begins"),
    [("text", QUESTION), ("srt", "1\n00:00:00,"), ("vtt", "WEBVTT\n\n00:00")],
)
def test_transcripts_come_as_plain_text(client: OpenAI, form: Any, begins: str) -> None:
    heard: Any = client.audio.transcriptions.create(model="whisper-1", file=RECORDED, response_format=form)
    assert isinstance(heard, str)
    assert heard.startswith(begins)
    assert QUESTION in heard


def test_a_verbose_transcript_has_segments_and_words(client: OpenAI) -> None:
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=RECORDED,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert (heard.text, heard.language) == (QUESTION, "english")
    assert heard.duration == pytest.approx(DURATION, abs=0.1)
    assert heard.words is not None
    assert [word.word for word in heard.words] == QUESTION.split()
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= heard.duration
    assert heard.segments is not None
    assert " ".join(segment.text.strip() for segment in heard.segments) == QUESTION
    assert heard.usage is not None
    assert heard.usage.seconds >= DURATION - 0.1


def test_a_verbose_transcript_has_segments_alone_unless_words_are_asked_for(client: OpenAI) -> None:
    heard = client.audio.transcriptions.create(
        model="whisper-1", file=RECORDED, response_format="verbose_json"
    )
    assert heard.segments
    assert not heard.words


def test_a_transcript_is_streamed(client: OpenAI) -> None:
    stream = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=RECORDED, stream=True)
    *deltas, done = list(stream)
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert done.text == QUESTION
    assert "".join(event.delta for event in deltas if event.type == "transcript.text.delta") == done.text


def test_voice_activity_detection_can_be_asked_for(client: OpenAI) -> None:
    for strategy in ("auto", {"type": "server_vad", "silence_duration_ms": 400}):
        heard = client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=RECORDED, chunking_strategy=strategy
        )
        assert heard.text == QUESTION


@pytest.mark.filterwarnings(
    "ignore:deprecated:DeprecationWarning"
)  # as the client has it, for models of OpenAI's
def test_english_is_translated_to_english(client: OpenAI) -> None:
    assert client.audio.translations.create(model="whisper-1", file=RECORDED).text == QUESTION
    verbose = client.audio.translations.create(
        model="whisper-1", file=RECORDED, response_format="verbose_json"
    )
    assert (verbose.text, verbose.language) == (QUESTION, "english")
    assert verbose.segments


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"file": ("empty.wav", b"")}, "file"),
        ({"file": ("noise.mp3", b"\x00\x11" * 5000)}, "file"),
        ({"response_format": "sonnet"}, "response_format"),
        ({"temperature": 7}, "temperature"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
    ],
)
def test_what_cannot_be_transcribed_is_a_bad_request(client: OpenAI, wrong: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(**{"model": "whisper-1", "file": RECORDED, **wrong})
    assert (caught.value.param or "").removesuffix("[]") == param
    assert caught.value.type == "invalid_request_error"


async def test_a_batch_of_recordings_sent_at_once_is_heard_whole(live: Live) -> None:
    """More than the recogniser hears at a time: the others wait for their turn."""
    async with AsyncOpenAI(base_url=live.base_url, api_key=live.key) as client:
        heard = await asyncio.gather(
            *[client.audio.transcriptions.create(model="whisper-1", file=RECORDED) for _ in range(8)]
        )
    assert len({transcript.text for transcript in heard}) == 1
    assert "twelve" in heard[0].text.lower() or "12" in heard[0].text

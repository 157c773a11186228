"""openai-python's REST half: speech, transcriptions, translations, chat, models and its typed errors."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.clients.conftest import Live
from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.sounds import CONTENT_TYPES, seconds_of
from tests.recordings import RECORDINGS

QUESTION = "what is twelve times seven"
RECORDED = RECORDINGS / f"{SPOKEN_QUESTION}.wav"
DURATION = 1.78
"""Seconds of it."""
SENTENCE = "Dinner is ready."
VOICES = ("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse").split()
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
ASKING = {"role": "user", "content": "what is the weather in Paris"}
SUNNY = '{"temperature": 21, "sky": "sunny"}'


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=live.base_url, api_key=live.key, max_retries=0) as client:
        yield client


# -- speech


@pytest.mark.parametrize("form", CONTENT_TYPES)
def test_speech_comes_in_every_format(client: OpenAI, form: Any) -> None:
    plain = client.audio.speech.create(model="tts-1", voice="alloy", input=SENTENCE, response_format="pcm")
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input=SENTENCE, response_format=form
    ) as reply:
        sound = b"".join(reply.iter_bytes())
    assert reply.headers["content-type"].split(";")[0] == CONTENT_TYPES[form]
    assert "content-length" not in reply.headers
    expected = seconds_of(plain.content, "pcm")
    assert 0.5 < expected < 3
    assert seconds_of(sound, form) == pytest.approx(expected, abs=0.15)


def test_mp3_is_the_default_and_can_be_heard_again(client: OpenAI) -> None:
    speech = client.audio.speech.create(model="tts-1", voice="nova", input=QUESTION)
    assert speech.response.headers["content-type"] == "audio/mpeg"
    heard = client.audio.transcriptions.create(model="whisper-1", file=("said.mp3", speech.content))
    assert heard.text


def test_speech_comes_as_server_sent_events(client: OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="ash", input=SENTENCE, response_format="pcm", stream_format="sse"
    ) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        data = [line.removeprefix("data: ") for line in reply.iter_lines() if line.startswith("data: ")]
    *deltas, done = [json.loads(one) for one in data if one != "[DONE]"]
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert seconds_of(b"".join(b64decode(delta["audio"]) for delta in deltas), "pcm") > 0.5
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + done["usage"]["output_tokens"]


def test_every_voice_of_openai_speaks(client: OpenAI) -> None:
    for voice in VOICES:
        speech = client.audio.speech.create(model="tts-1", voice=voice, input="Hi.", response_format="pcm")
        assert len(speech.content) > 4_800, voice


def test_speed_is_honoured(client: OpenAI) -> None:
    lengths = [
        len(
            client.audio.speech.create(
                model="tts-1-hd", voice="alloy", input=SENTENCE, response_format="pcm", speed=speed
            ).content
        )
        for speed in (0.5, 1.0, 2.0)
    ]
    assert lengths[0] > 1.3 * lengths[1] > 1.69 * lengths[2]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"input": "a" * 4097}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"speed": 9}, "speed"),
        ({"response_format": "midi"}, "response_format"),
    ],
)
def test_what_cannot_be_spoken_is_a_bad_request(client: OpenAI, wrong: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hi.", **wrong})
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


# -- transcriptions


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


# -- chat


def test_a_chat_is_answered(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": QUESTION}])
    (choice,) = reply.choices
    assert "84" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_a_chat_is_streamed_with_its_usage_last(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
        user="somebody",
        store=False,
        metadata={"from": "a test"},
    )
    *chunks, last = list(stream)
    assert "84" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert [chunk.usage for chunk in chunks] == [None] * len(chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0


def test_a_tool_is_called_and_its_answer_told(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o",
        messages=[ASKING],
        tools=[WEATHER],
        stream=True,  # type: ignore[list-item]
    )
    pieces = [call for chunk in stream for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert pieces[0].id
    assert pieces[0].function is not None
    assert pieces[0].function.name == "get_weather"
    arguments = "".join((piece.function and piece.function.arguments) or "" for piece in pieces)
    assert json.loads(arguments) == {"city": "Paris"}
    call = {
        "id": pieces[0].id,
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    }
    answered: Any = [
        ASKING,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": SUNNY},
    ]
    reply = client.chat.completions.create(model="gpt-4o", messages=answered, tools=[WEATHER])  # type: ignore[list-item]
    assert "sunny" in (reply.choices[0].message.content or "")


@pytest.mark.parametrize(
    ("choice", "is_called"),
    [
        ("auto", True),
        ("none", False),
        ("required", True),
        ({"type": "function", "function": {"name": "get_weather"}}, True),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_weather"}}],
                },
            },
            True,
        ),
    ],
)
def test_every_tool_choice_is_kept(client: OpenAI, choice: Any, is_called: bool) -> None:
    reply = client.chat.completions.create(
        model="gpt-4o",
        messages=[ASKING],
        tools=[WEATHER],
        tool_choice=choice,  # type: ignore[list-item]
    )
    (made,) = reply.choices
    assert bool(made.message.tool_calls) is is_called
    # as at OpenAI: a call that was named for the model ends with "stop"
    named = isinstance(choice, dict) and choice["type"] == "function"
    assert made.finish_reason in (
        {"stop", "tool_calls"} if named else {"tool_calls" if is_called else "stop"}
    )


class Sum(BaseModel):
    answer: str


def test_an_answer_takes_the_shape_that_was_asked_for(client: OpenAI) -> None:
    asked: Any = [{"role": "user", "content": QUESTION}]
    parsed = client.chat.completions.parse(model="gpt-4o", messages=asked, response_format=Sum)
    shaped = parsed.choices[0].message.parsed
    assert shaped is not None
    assert "84" in shaped.answer
    loose = client.chat.completions.create(
        model="gpt-4o", messages=asked, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(loose.choices[0].message.content or ""), dict)


def test_a_short_answer_ends_with_length(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "count to forty"}], max_completion_tokens=5
    )
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 5


def test_a_malformed_chat_is_a_bad_request(client: OpenAI) -> None:
    wrong: Any = [{"role": "nobody", "content": "hi"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=wrong)
    assert (caught.value.param or "").startswith("messages")


# -- models, keys and retries


def test_models_are_listed_and_found_by_their_names_and_aliases(client: OpenAI) -> None:
    listed = list(client.models.list())
    assert len(listed) >= 3
    for model in listed:
        assert client.models.retrieve(model.id).id == model.id
    for alias in ("gpt-4o", "whisper-1", "tts-1", "gpt-realtime-2.1", "gpt-4o-mini-transcribe"):
        assert client.models.retrieve(alias).object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("somebody/else's-model")
    assert caught.value.code == "model_not_found"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as chat:
        client.chat.completions.create(model="nobody/9b", messages=[{"role": "user", "content": "hi"}])
    with pytest.raises(openai.NotFoundError) as speech:
        client.audio.speech.create(model="nobody/9b", voice="alloy", input="hi")
    with pytest.raises(openai.NotFoundError) as transcription:
        client.audio.transcriptions.create(model="nobody/9b", file=RECORDED)
    assert {one.value.code for one in (chat, speech, transcription)} == {"model_not_found"}


def test_a_wrong_key_is_an_authentication_error(live: Live) -> None:
    with OpenAI(base_url=live.base_url, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
        assert caught.value.code == "invalid_api_key"
        assert caught.value.request_id
        with pytest.raises(openai.AuthenticationError):
            client.audio.transcriptions.create(model="whisper-1", file=RECORDED)


def test_an_unknown_route_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="text-embedding-3-small", input="hi")
    assert caught.value.type == "invalid_request_error"


def test_a_speech_can_be_kept_in_a_file(client: OpenAI, tmp_path: Path) -> None:
    kept = tmp_path / "dinner.flac"
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="sage", input=SENTENCE, response_format="flac"
    ) as reply:
        reply.stream_to_file(kept)
    assert seconds_of(kept.read_bytes(), "flac") > 0.5


async def test_a_batch_of_recordings_sent_at_once_is_heard_whole(live: Live) -> None:
    """More than the recogniser hears at a time: the others wait for their turn."""
    async with AsyncOpenAI(base_url=live.base_url, api_key=live.key) as client:
        heard = await asyncio.gather(
            *[client.audio.transcriptions.create(model="whisper-1", file=RECORDED) for _ in range(8)]
        )
    assert len({transcript.text for transcript in heard}) == 1
    assert "twelve" in heard[0].text.lower() or "12" in heard[0].text

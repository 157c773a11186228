"""openai-python: speech in every format, voice and speed."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.clients.sounds import CONTENT_TYPES, seconds_of

QUESTION = "what is twelve times seven"
SENTENCE = "Dinner is ready."
VOICES = ("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse").split()


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


def test_a_speech_can_be_kept_in_a_file(client: OpenAI, tmp_path: Path) -> None:
    kept = tmp_path / "dinner.flac"
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="sage", input=SENTENCE, response_format="flac"
    ) as reply:
        reply.stream_to_file(kept)
    assert seconds_of(kept.read_bytes(), "flac") > 0.5


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

"""What a reply says, to the letter."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from sottovoce.engines.stt.base import Segment, Word
from sottovoce.services.uploads import formats
from sottovoce.services.uploads.formats import Wording
from sottovoce.services.uploads.transcript import Transcript
from tests.unit.services.scripted_transcriber import spoken

HEARD = Transcript(
    3723.5,
    [
        spoken("tell me a joke", 0.5, 2.5, 0.5),
        Segment((Word("rock", 3600.25, 3600.5), Word("&", 3600.5, 3600.75), Word("roll", 3601.3, 3602.0))),
    ],
    spoken="en",
)
PLAIN = Wording("transcribe")


def said(response_format: str, wording: Wording = PLAIN, heard: Transcript = HEARD) -> str:
    return formats.body(heard, response_format, wording).decode()


def test_json() -> None:
    assert json.loads(said("json")) == {
        "text": "tell me a joke rock & roll",
        "usage": {"type": "duration", "seconds": 3723.5},
    }


def test_json_with_logprobs_whose_tokens_make_up_the_text() -> None:
    reply = json.loads(said("json", Wording("transcribe", has_logprobs=True)))
    assert "".join(each["token"] for each in reply["logprobs"]) == reply["text"]
    assert reply["logprobs"][1] == {"token": " me", "logprob": round(math.log(0.5), 4), "bytes": list(b" me")}


def test_text() -> None:
    assert said("text") == "tell me a joke rock & roll\n"


def test_srt() -> None:
    assert said("srt") == (
        "1\n00:00:00,500 --> 00:00:02,500\ntell me a joke\n\n"
        "2\n01:00:00,250 --> 01:00:00,750\nrock &\n\n"
        "3\n01:00:01,300 --> 01:00:02,000\nroll\n"
    )


def test_vtt() -> None:
    assert formats.PREFIXES["vtt"].decode() + said("vtt") == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:02.500\ntell me a joke\n\n"
        "01:00:00.250 --> 01:00:00.750\nrock &amp;\n\n"
        "01:00:01.300 --> 01:00:02.000\nroll\n"
    )


@pytest.mark.parametrize(("response_format", "nothing"), [("text", "\n"), ("srt", ""), ("vtt", "")])
def test_nothing_said(response_format: str, nothing: str) -> None:
    assert said(response_format, heard=Transcript(2.0)) == nothing


def verbose(*granularities: str, task: Any = "transcribe") -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(said("verbose_json", Wording(task, frozenset(granularities))))
    return reply


def test_verbose_json() -> None:
    reply = verbose("segment")
    assert set(reply) == {"task", "language", "duration", "text", "segments", "usage"}
    assert (reply["task"], reply["language"], reply["duration"]) == ("transcribe", "english", 3723.5)
    assert reply["usage"] == {"type": "duration", "seconds": 3723.5}
    first, second, third = reply["segments"]
    ratio = first.pop("compression_ratio")
    assert 0.2 < ratio < 1.0
    assert first == {
        "id": 0,
        "seek": 50,
        "start": 0.5,
        "end": 2.5,
        "text": "tell me a joke",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(0.5), 4),
        "no_speech_prob": 0.0,
    }
    assert (second["id"], second["text"], third["text"]) == (1, "rock &", "roll")
    assert " ".join(segment["text"] for segment in reply["segments"]) == reply["text"]


def test_words_come_with_their_times() -> None:
    reply = verbose("word")
    assert "segments" not in reply
    assert reply["words"][0] == {"word": "tell", "start": 0.5, "end": 1.0}
    assert " ".join(word["word"] for word in reply["words"]) == reply["text"]
    assert set(verbose("word", "segment")) >= {"words", "segments"}


def test_a_translation_says_so() -> None:
    assert verbose("segment", task="translate")["task"] == "translate"


@pytest.mark.parametrize(
    ("words", "cues"),
    [
        ("a breath of half a second ends a cue", 1),
        ("this goes on and on " * 10, 3),
    ],
)
def test_long_segments_are_cut_for_readers(words: str, cues: int) -> None:
    segment = spoken(words, 0.0, 5.0)
    cut = list(Transcript(5.0, [segment]).cues())
    assert len(cut) == cues
    assert all(len(cue.text) <= 84 for cue in cut)
    assert [word for cue in cut for word in cue.words] == list(segment.words)


def test_slow_segments_are_cut_for_readers() -> None:
    cut = list(Transcript(30.0, [spoken("one two three four five six", 0.0, 30.0)]).cues())
    assert [cue.end - cue.start for cue in cut] == [5.0] * 6


def test_tokens_are_tenths_of_seconds_and_words() -> None:
    assert Transcript(1.01, [spoken("tell me", 0.0, 1.0)]).tokens() == {
        "type": "tokens",
        "input_tokens": 11,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 11},
        "output_tokens": 2,
        "total_tokens": 13,
    }


@pytest.mark.parametrize(
    ("told", "asked", "language"),
    [(("ja", "ja"), "", "japanese"), (("", ""), "de-at", "german"), (("", ""), "", "unknown")],
)
def test_the_language_is_the_one_found_or_asked_for(told: tuple[str, str], asked: str, language: str) -> None:
    heard = [Segment((Word("a", 0.0, 0.5),), tag) for tag in told]
    transcript = Transcript(1.0, heard, spoken=asked)
    assert json.loads(formats.body(transcript, "verbose_json", PLAIN))["language"] == language


def test_words_that_are_joined_have_no_spaces() -> None:
    words = (
        Word("今日", 0.0, 0.5, is_joined=True),
        Word("は", 0.5, 0.6, is_joined=True),
        Word("OK", 0.7, 0.9),
    )
    transcript = Transcript(1.0, [Segment(words), Segment(words[:1])])
    assert transcript.text == "今日は OK今日"
    assert "".join(each["token"] for each in formats.logprobs(transcript.words)) == transcript.text

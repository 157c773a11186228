"""A whole transcript in each of OpenAI's formats."""

from __future__ import annotations

import html
import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sottovoce.engines.stt.base import Segment, Word
from sottovoce.services.languages import name_of
from sottovoce.services.uploads.form import TranslationForm
from sottovoce.services.uploads.transcript import Transcript

SEEK_HZ = 100
"""`seek` counts Whisper's feature frames, of which this recogniser has as many."""
NEWLINE = "\n"
UNKNOWN = "unknown"
"""The language of what was heard by a recogniser that hears several and does not tell which it was."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How one reply is worded."""

    task: Literal["transcribe", "translate"]
    granularities: frozenset[str] = frozenset({"segment"})
    has_logprobs: bool = False

    @classmethod
    def of(cls, form: TranslationForm, task: Literal["transcribe", "translate"]) -> Wording:
        return cls(task, form.granularities, form.has_logprobs)


def body(transcript: Transcript, response_format: str, wording: Wording) -> bytes:
    return FORMATS[response_format](transcript, wording).encode()


def media_type(response_format: str) -> str:
    is_json = response_format in ("json", "verbose_json")
    return "application/json" if is_json else "text/plain; charset=utf-8"


def _json(transcript: Transcript, wording: Wording) -> str:
    reply: dict[str, Any] = {"text": transcript.text, "usage": transcript.seconds()}
    if wording.has_logprobs:
        reply["logprobs"] = logprobs(transcript.words)
    return json.dumps(reply)


def _verbose(transcript: Transcript, wording: Wording) -> str:
    reply: dict[str, Any] = {
        "task": wording.task,
        "language": name_of("en" if wording.task == "translate" else transcript.language or UNKNOWN),
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
    }
    if "segment" in wording.granularities:
        reply["segments"] = [_described(number, cue) for number, cue in enumerate(transcript.cues())]
    if "word" in wording.granularities:
        words = transcript.words
        reply["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in words]
    return json.dumps(reply | {"usage": transcript.seconds()})


def _described(number: int, cue: Segment) -> dict[str, Any]:
    """OpenAI's segment object. `tokens` is empty, as this recogniser has words and no numbers for them; it
    does not sample, so its temperature is 0; and it tells of no segment without a voice in it."""
    text = cue.text.encode()
    return {
        "id": number,
        "seek": int(cue.start * SEEK_HZ),
        "start": cue.start,
        "end": cue.end,
        "text": cue.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(sum(math.log(word.probability) for word in cue.words) / len(cue.words), 4),
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 4),
        "no_speech_prob": 0.0,
    }


def logprobs(words: Iterable[Word], *, is_first: bool = True) -> list[dict[str, Any]]:
    """A token for each word; together they make the text, so all but the text's first begin with a space."""
    listed = []
    for word in words:
        token = word.text if is_first or word.is_joined else f" {word.text}"
        listed.append(
            {"token": token, "logprob": round(math.log(word.probability), 4), "bytes": list(token.encode())}
        )
        is_first = False
    return listed


def _text(transcript: Transcript, wording: Wording) -> str:
    return transcript.text + NEWLINE


def _srt(transcript: Transcript, wording: Wording) -> str:
    cues = enumerate(transcript.cues(), 1)
    return NEWLINE.join(f"{number}\n{_span(cue, ',')}\n{cue.text}\n" for number, cue in cues)


def _vtt(transcript: Transcript, wording: Wording) -> str:
    """What follows `PREFIXES["vtt"]`."""
    cues = (f"\n{_span(cue, '.')}\n{html.escape(cue.text, quote=False)}\n" for cue in transcript.cues())
    return "".join(cues)


def _span(cue: Segment, comma: str) -> str:
    return f"{_clock(cue.start, comma)} --> {_clock(cue.end, comma)}"


def _clock(seconds: float, comma: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{comma}{milliseconds:03}"


FORMATS: Mapping[str, Callable[[Transcript, Wording], str]] = {
    "json": _json,
    "verbose_json": _verbose,
    "text": _text,
    "srt": _srt,
    "vtt": _vtt,
}

PREFIXES: Mapping[str, bytes] = {"vtt": b"WEBVTT\n"}
"""What a reply begins with. After it, and before the rest, empty lines may be sent to show that the work goes
on: JSON and WebVTT allow them, players of SubRip and readers of text pass over them."""

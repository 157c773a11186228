"""The body of `POST /v1/audio/speech`, and the way from a synthesiser's frames to the bytes of a format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from sottovoce.audio.encode import ENCODINGS, Encoder, Encoding
from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.audio.resample import Resampler
from sottovoce.engines.tts.base import MAX_INPUT_CHARACTERS, MAX_SPEED, MIN_SPEED
from sottovoce.engines.tts.voices import DEFAULT_VOICE
from sottovoce.errors import InvalidRequestError
from sottovoce.services.models import Parameters

SAMPLE_RATE_HZ = 24_000
"""OpenAI's rate for pcm, which carries no header that could say so; the other formats follow."""

PIECE = 0.5
"""Seconds of sound encoded in one go: a few milliseconds of work, after which others have their turn and a
client that left is noticed."""

FIRST_PIECE = 0.12
"""The same for the beginning, which somebody waits for: about what the slowest codec wants to see."""

LEAD = "sottovoce-lead"
"""The header in which a conversation says how many seconds of earlier sound are still to be heard."""

MAX_LEAD = 3600.0
"""Nobody is further ahead; beyond it a number is nonsense."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise InvalidRequestError("input is empty; it has to hold the text to speak.", param="input")
    if len(text) > MAX_INPUT_CHARACTERS:
        raise InvalidRequestError(
            f"input has {len(text)} characters; the limit is {MAX_INPUT_CHARACTERS}. "
            "Send long texts in pieces, sentence by sentence.",
            param="input",
            code="string_above_max_length",
        )
    return text


def _served(response_format: str) -> str:
    if response_format not in ENCODINGS:
        raise InvalidRequestError(
            f"response_format {response_format[:16]!r} is not served; choose one of {', '.join(ENCODINGS)}.",
            param="response_format",
            code="unsupported_format",
        )
    return response_format


def _voice(given: object) -> object:
    """The voice's name, which OpenAI also takes as {"id": name}."""
    name = given.get("id") if isinstance(given, dict) and set(given) == {"id"} else given
    if not isinstance(name, str):
        raise InvalidRequestError('voice has to be a name, or {"id": name}.', param="voice")
    return name


class SpeechRequest(BaseModel):
    """What may be sent; `PARAMETERS` says what has no effect."""

    model_config = ConfigDict(extra="forbid")

    input: Annotated[str, AfterValidator(_not_blank)]
    model: str | None = None
    voice: Annotated[str, BeforeValidator(_voice)] = DEFAULT_VOICE
    response_format: Annotated[str, AfterValidator(_served)] = "mp3"
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = None

    @property
    def encoding(self) -> Encoding:
        return ENCODINGS[self.response_format]


PARAMETERS = Parameters(
    honoured=("input", "model", "voice", "response_format", "speed", "stream_format"),
    ignored=("instructions",),
)


def read_lead(header: str | None) -> float:
    """Of the header LEAD. Raises `InvalidRequestError`."""
    try:
        lead = float(header or 0)
    except ValueError:
        lead = -1.0
    if not 0 <= lead <= MAX_LEAD:  # which NaN is not
        raise InvalidRequestError(f"{LEAD} has to be seconds, up to {MAX_LEAD:.0f}.", param=LEAD)
    return lead


@dataclass(slots=True)
class EncodedSpeech:
    """Frames of one sample rate as chunks of `encoding`; `duration` is what has been encoded, in seconds."""

    encoding: Encoding
    duration: float = 0.0
    _resampler: Resampler | None = field(default=None, init=False)
    _encoder: Encoder | None = field(default=None, init=False)

    async def chunks(self, frames: AsyncGenerator[AudioFrame]) -> AsyncGenerator[bytes]:
        """Each as soon as the format allows, none empty. Raises what `frames` does."""
        is_heard = False
        async with aclosing(frames):
            async for frame in frames:
                for piece in _pieces(frame, PIECE if is_heard else FIRST_PIECE):
                    self.duration += piece.duration
                    if chunk := await self._aside(piece):
                        yield chunk
                        is_heard = True
            if chunk := await self._aside(None):
                yield chunk

    async def _aside(self, piece: AudioFrame | None) -> bytes:
        """Costly work in a thread. One that is cancelled ends its piece there, and nothing waits for it."""
        if self.encoding.is_costly:
            return await asyncio.to_thread(self._encoded, piece)
        return self._encoded(piece)

    def _encoded(self, piece: AudioFrame | None) -> bytes:
        """`piece`, or the end, in the format. The first one loads the codec."""
        encoder = self._encoder = self._encoder or self.encoding.encoder(SAMPLE_RATE_HZ)
        if piece is None:
            rest = self._resampler.flush() if self._resampler else b""
            return encoder.push(rest) + encoder.flush()
        self._resampler = self._resampler or Resampler(piece.sample_rate, SAMPLE_RATE_HZ)
        return encoder.push(samples) if (samples := self._resampler.push(piece.samples)) else b""


def _pieces(frame: AudioFrame, first: float) -> Iterator[AudioFrame]:
    """`frame` cut after `first` seconds, then after every PIECE."""
    begin, size = 0, BYTES_PER_SAMPLE * round(first * frame.sample_rate)
    while begin < len(frame.samples):
        yield AudioFrame(frame.samples[begin : begin + size], frame.sample_rate)
        begin, size = begin + size, BYTES_PER_SAMPLE * round(PIECE * frame.sample_rate)

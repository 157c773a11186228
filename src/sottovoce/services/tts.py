"""The tts service: `POST /v1/audio/speech` over a synthesiser."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.audio.encode import ENCODINGS, Encoding
from sottovoce.audio.frame import BYTES_PER_SAMPLE
from sottovoce.audio.resample import Resampler
from sottovoce.engines.tts.base import MAX_INPUT_CHARACTERS, MAX_SPEED, MIN_SPEED, Synthesizer
from sottovoce.engines.tts.espeak import EspeakSynthesizer
from sottovoce.engines.tts.voices import DEFAULT_VOICE
from sottovoce.errors import EngineError, EngineUnavailable, InvalidRequestError, LimitExceededError
from sottovoce.http.auth import RequireKey
from sottovoce.http.body import read_json
from sottovoce.http.errors import EXCEPTION_HANDLERS
from sottovoce.services.child import ServiceOptions
from sottovoce.services.health import Health
from sottovoce.services.models import ServedModel
from sottovoce.services.stream import StreamedReply

logger = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 24_000
"""OpenAI's rate for pcm, which carries no header that could say so; wav follows."""

MAX_BODY_BYTES = 128 * 1024
"""Room for MAX_INPUT_CHARACTERS in the longest JSON spelling, twice over."""

MAX_STREAMS = 32
"""Replies at one time: bounds the audio in memory, a clause each, and the wait for one's turn."""

TOKENS_PER_SECOND = 50
"""Output "tokens" of a speech event stream: frames of 20 ms, as this engine has no tokeniser."""

LOAD_PATIENCE = 5.0
"""Seconds a request waits for an engine that is still loading, which takes espeak-ng a tenth of one."""

MODEL_ALIASES = frozenset({"tts-1", "tts-1-hd", "gpt-4o-mini-tts"})


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


class VoiceReference(BaseModel):
    """OpenAI's other way to name a voice."""

    id: str


class SpeechRequest(BaseModel):
    """The body of `POST /v1/audio/speech`; `instructions` and what else is sent has no effect."""

    input: Annotated[str, AfterValidator(_not_blank)]
    model: str | None = None
    voice: str | VoiceReference = DEFAULT_VOICE
    response_format: Annotated[str, AfterValidator(_served)] = "wav"
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"

    @property
    def voice_id(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id


class SpeechService:
    """Answers the speech route with one synthesiser."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.model = ServedModel(synthesizer.model, MODEL_ALIASES)
        self.health = Health(fault=lambda: synthesizer.fault)
        self.streams = 0
        self.loaded = asyncio.Event()

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(self._load())
        yield
        loading.cancel()
        self.synthesizer.close()

    async def _load(self) -> None:
        try:
            await self.synthesizer.load()
        except EngineError as error:
            logger.error("%s", error)
            self.health.failed(error.message)
        else:
            self.health.ready()
        self.loaded.set()

    async def _ready(self) -> None:
        """Let requests that came while the service was restarting wait for its engine."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOAD_PATIENCE):
                await self.loaded.wait()
        if self.health.status != "ready":
            why = self.health.reason or self.health.status
            raise EngineUnavailable(f"The speech engine is not ready: {why}.", engine="tts")

    def routes(self) -> list[Route]:
        return [
            *self.health.routes(),
            *self.model.routes(),
            Route("/v1/audio/voices", self.voices),
            Route("/v1/audio/speech", self.speech, methods=["POST"]),
        ]

    async def voices(self, request: Request) -> Response:
        listed = self.synthesizer.voices
        return JSONResponse(
            {"voices": [{"id": voice.id, "name": voice.name, "language": voice.language} for voice in listed]}
        )

    async def speech(self, request: Request) -> Response:
        wanted = await read_json(request, SpeechRequest, MAX_BODY_BYTES)
        self.model.check(wanted.model or self.model.id)
        await self._ready()
        self.synthesizer.check_voice(wanted.voice_id)
        encoding = ENCODINGS[wanted.response_format]
        chunks = self._counted(self._encoded(wanted, encoding))
        if wanted.stream_format == "sse":
            return StreamedReply(_events(chunks, wanted.input), "text/event-stream")
        return StreamedReply(chunks, encoding.media_type)

    async def _encoded(self, wanted: SpeechRequest, encoding: Encoding) -> AsyncGenerator[bytes]:
        head = encoding.header(SAMPLE_RATE_HZ)
        resampler: Resampler | None = None
        frames = self.synthesizer.synthesize(wanted.input, wanted.voice_id, wanted.speed)
        async with aclosing(frames):
            async for frame in frames:
                resampler = resampler or Resampler(frame.sample_rate, SAMPLE_RATE_HZ)
                if samples := resampler.push(frame.samples):
                    yield head + samples
                    head = b""
        yield head + (resampler.flush() if resampler else b"")

    async def _counted(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        if self.streams >= MAX_STREAMS:
            raise LimitExceededError(f"{MAX_STREAMS} speeches are being made; try again in a moment.")
        self.streams += 1
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        finally:
            self.streams -= 1


async def _events(chunks: AsyncGenerator[bytes], text: str) -> AsyncGenerator[bytes]:
    """The reply as OpenAI's speech events; words count as input tokens."""
    sent_bytes = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            sent_bytes += len(chunk)
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
    words, seconds = len(text.split()), sent_bytes / (BYTES_PER_SAMPLE * SAMPLE_RATE_HZ)
    output = round(seconds * TOKENS_PER_SECOND)
    usage = {"input_tokens": words, "output_tokens": output, "total_tokens": words + output}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(event: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def create_app(options: ServiceOptions, synthesizer: Synthesizer | None = None) -> Starlette:
    """The service with espeak-ng, or with another synthesiser."""
    service = SpeechService(synthesizer or EspeakSynthesizer())
    return Starlette(
        routes=service.routes(),
        middleware=[Middleware(RequireKey, key=options.key)],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=service.lifespan,
    )

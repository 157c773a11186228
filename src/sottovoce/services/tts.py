"""The tts service: `POST /v1/audio/speech` over a synthesiser."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce import config
from sottovoce.audio.encode import ENCODINGS
from sottovoce.engines.tts.base import Synthesizer, Voice
from sottovoce.engines.tts.loading import make_synthesizer
from sottovoce.errors import LimitExceededError
from sottovoce.http.auth import RequireKey
from sottovoce.http.body import read_json
from sottovoce.http.errors import EXCEPTION_HANDLERS
from sottovoce.processes.cancelling import cancelled
from sottovoce.services.child import ServiceOptions
from sottovoce.services.health import Health
from sottovoce.services.models import ServedModel
from sottovoce.services.speech import LEAD, PARAMETERS, EncodedSpeech, SpeechRequest, read_lead
from sottovoce.services.stream import StreamedReply

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 128 * 1024
"""Room for MAX_INPUT_CHARACTERS in the longest JSON spelling, twice over."""

TOKENS_PER_SECOND = 50
"""Output "tokens" of a speech event stream: frames of 20 ms, as this engine has no tokeniser."""

MODEL_ALIASES = frozenset({"tts-1", "tts-1-hd", "gpt-4o-mini-tts"})
"""What OpenAI's clients send by themselves."""


class SpeechService:
    """Answers the speech route with one synthesiser."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self.model = ServedModel(synthesizer.model, MODEL_ALIASES, parameters=PARAMETERS, facts=self._facts)
        self.health = Health(fault=lambda: synthesizer.fault)
        self.streams = 0

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(self.health.load(self.synthesizer.load(), self.synthesizer.warm))
        yield
        await cancelled(loading)
        await self.synthesizer.aclose()

    def routes(self) -> list[Route]:
        return [
            *self.health.routes(),
            *self.model.routes(),
            Route("/v1/audio/voices", self.voices),
            Route("/v1/audio/speech", self.speech, methods=["POST"]),
        ]

    async def voices(self, request: Request) -> Response:
        listed = self.synthesizer.voices
        return JSONResponse({"voices": [_described(voice) for voice in listed]})

    async def speech(self, request: Request) -> Response:
        wanted = await read_json(request, SpeechRequest, MAX_BODY_BYTES)
        self.model.check(wanted.model or self.model.id)
        await self.health.wait("The speech engine", "tts")
        self.synthesizer.check_voice(wanted.voice)
        encoded = EncodedSpeech(wanted.encoding)
        lead = read_lead(request.headers.get(LEAD))
        frames = self.synthesizer.synthesize(wanted.input, wanted.voice, wanted.speed, lead)
        chunks = self._counted(encoded.chunks(frames))
        if wanted.stream_format == "sse":
            return StreamedReply(_events(chunks, wanted.input, encoded), "text/event-stream")
        return StreamedReply(chunks, wanted.encoding.media_type)

    def _facts(self) -> Mapping[str, object]:
        voices = self.synthesizer.voices
        return {
            "response_formats": tuple(ENCODINGS),
            "languages": sorted({voice.language for voice in voices}),
            "voices": [voice.id for voice in voices],
            "condition": self.synthesizer.condition,
        }

    async def _counted(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        if self.streams >= self.synthesizer.max_streams:
            raise LimitExceededError(
                f"{self.streams} speeches are being made, and another would come too late; "
                "try again in a moment."
            )
        self.streams += 1
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        finally:
            self.streams -= 1


def _described(voice: Voice) -> dict[str, str]:
    facts = {"id": voice.id, "name": voice.name, "language": voice.language, "gender": voice.gender}
    return {name: fact for name, fact in facts.items() if fact is not None}


async def _events(chunks: AsyncGenerator[bytes], text: str, encoded: EncodedSpeech) -> AsyncGenerator[bytes]:
    """The reply as OpenAI's speech events; words count as input tokens."""
    async with aclosing(chunks):
        async for chunk in chunks:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
    words, output = len(text.split()), round(encoded.duration * TOKENS_PER_SECOND)
    usage = {"input_tokens": words, "output_tokens": output, "total_tokens": words + output}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(event: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def create_app(options: ServiceOptions, synthesizer: Synthesizer | None = None) -> Starlette:
    """The service with the model of `options`, or with another synthesiser."""
    settings = config.load_handed_down() if options.is_child else config.load()
    service = SpeechService(synthesizer or make_synthesizer(options.model, settings.tts))
    return Starlette(
        routes=service.routes(),
        middleware=[Middleware(RequireKey, key=options.key)],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=service.lifespan,
    )

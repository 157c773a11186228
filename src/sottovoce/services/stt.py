"""The stt service: `GET /v1/realtime?intent=transcription` and `POST /v1/audio/transcriptions`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from sottovoce import config
from sottovoce.audio.decode import DecodeLimits
from sottovoce.engines.stt.base import Transcriber
from sottovoce.engines.stt.pocketsphinx import PocketsphinxOptions, PocketsphinxTranscriber
from sottovoce.errors import (
    EngineError,
    EngineUnavailable,
    InvalidRequestError,
    LimitExceededError,
    SottovoceError,
)
from sottovoce.http.auth import RequireKey
from sottovoce.http.errors import EXCEPTION_HANDLERS, error_response
from sottovoce.services.child import ServiceOptions
from sottovoce.services.health import Health
from sottovoce.services.models import ServedModel
from sottovoce.services.transcription_socket import TranscriptionSocket
from sottovoce.services.upload import Upload, transcribe, unless_gone

MAX_UPLOADS = 4
"""Files decoded at a time: each takes a child of 60 MB and a core while it lasts."""
MODEL_ALIASES = frozenset(
    {"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-realtime-whisper"}
)
MODEL_FOLDER = "cache"
"""In SOTTOVOCE_HOME: what can be made again."""

logger = logging.getLogger(__name__)


class RecognitionService:
    """Answers with one transcriber."""

    def __init__(self, transcriber: Transcriber, limits: DecodeLimits | None = None) -> None:
        self.transcriber = transcriber
        self.limits = limits or DecodeLimits()
        self.model = ServedModel(transcriber.model, MODEL_ALIASES)
        self.health = Health()
        self.uploads = 0

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(self._load())
        yield
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await self.transcriber.aclose()

    async def _load(self) -> None:
        try:
            await self.transcriber.start()
        except EngineError as error:
            logger.error("%s", error)
            self.health.failed(error.message)
        else:
            self.health.ready()

    def routes(self) -> list[Route | WebSocketRoute]:
        return [
            *self.health.routes(),
            *self.model.routes(),
            Route("/v1/audio/transcriptions", self.transcriptions, methods=["POST"]),
            WebSocketRoute("/v1/realtime", self.realtime),
        ]

    async def realtime(self, socket: WebSocket) -> None:
        try:
            if socket.query_params.get("intent") != "transcription":
                raise InvalidRequestError(
                    "This service transcribes; connect with ?intent=transcription.", param="intent"
                )
            self._check_ready()
            connection = await TranscriptionSocket.open(socket, self.transcriber)
        except SottovoceError as error:
            await socket.send_denial_response(error_response(error))
        else:
            await connection.run()

    async def transcriptions(self, request: Request) -> Response:
        async with Upload.read(request) as upload:
            self.model.check(upload.model)
            self._check_ready()
            with self._place():
                text, duration = await unless_gone(
                    request, transcribe(self.transcriber, upload.file.file, self.limits)
                )
        if upload.response_format == "text":
            return PlainTextResponse(text + "\n")
        return JSONResponse({"text": text, "usage": {"type": "duration", "seconds": duration}})

    def _check_ready(self) -> None:
        if self.health.status != "ready":
            raise EngineUnavailable(
                f"The recogniser is not ready: {self.health.reason or self.health.status}.", engine="stt"
            )

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.uploads >= MAX_UPLOADS:
            raise LimitExceededError(f"{MAX_UPLOADS} files are being transcribed; try again in a moment.")
        self.uploads += 1
        try:
            yield
        finally:
            self.uploads -= 1


def create_app(options: ServiceOptions, transcriber: Transcriber | None = None) -> Starlette:
    """The service with pocketsphinx, or with another recogniser."""
    settings = config.load_handed_down() if options.is_child else config.load()
    service = RecognitionService(transcriber or _embedded(settings))
    return Starlette(
        routes=service.routes(),
        middleware=[Middleware(RequireKey, key=options.key)],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=service.lifespan,
    )


def _embedded(settings: config.Settings) -> PocketsphinxTranscriber:
    return PocketsphinxTranscriber(PocketsphinxOptions(cache=settings.home / MODEL_FOLDER))

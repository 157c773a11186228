"""The stt service: `GET /v1/realtime?intent=transcription`, and files at `POST /v1/audio/transcriptions` and
`/v1/audio/translations`."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from sottovoce import config
from sottovoce.audio.decode import DecodeLimits
from sottovoce.engines.stt.base import Transcriber
from sottovoce.engines.stt.loading import make_transcriber
from sottovoce.errors import (
    InvalidRequestError,
    SottovoceError,
)
from sottovoce.http.auth import RequireKey
from sottovoce.http.errors import EXCEPTION_HANDLERS, error_response
from sottovoce.processes.cancelling import cancelled
from sottovoce.services.child import ServiceOptions
from sottovoce.services.health import Health
from sottovoce.services.models import ServedModel
from sottovoce.services.transcription_socket import TranscriptionSocket
from sottovoce.services.uploads import endpoint
from sottovoce.services.uploads.endpoint import Desk, UploadLimits
from sottovoce.services.uploads.form import FORMATS, parameters

MODEL_ALIASES = frozenset(
    {
        *("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"),
        *("gpt-4o-transcribe-diarize", "gpt-realtime-whisper", "gpt-live-transcribe"),
    }
)
"""What OpenAI's clients send by themselves."""
MODEL_FAMILY = re.compile(r"whisper-[\w.-]+|gpt-[\w.-]*(?:transcribe|whisper)[\w.-]*")
"""All the names OpenAI gives to models that transcribe, those to come included."""
MODEL_FOLDER = "cache"
"""In SOTTOVOCE_HOME: what can be made again."""

logger = logging.getLogger(__name__)


class RecognitionService:
    """Answers with one transcriber."""

    def __init__(self, transcriber: Transcriber, limits: UploadLimits) -> None:
        self.transcriber = transcriber
        self.model = ServedModel(transcriber.model, MODEL_ALIASES, MODEL_FAMILY, facts=self._facts)
        self.health = Health(fault=lambda: transcriber.fault)
        self.desk = Desk(transcriber, self.model, self._check_ready, limits)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(self.health.load(self.transcriber.start(), self.transcriber.warm))
        yield
        await cancelled(loading)
        await self.transcriber.aclose()

    def routes(self) -> list[Route | WebSocketRoute]:
        return [
            *self.health.routes(),
            *self.model.routes(),
            Route("/v1/audio/transcriptions", endpoint.transcriptions(self.desk), methods=["POST"]),
            Route("/v1/audio/translations", endpoint.translations(self.desk), methods=["POST"]),
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

    def _check_ready(self) -> None:
        self.health.check("The recogniser", "stt")

    def _facts(self) -> Mapping[str, object]:
        return {
            "parameters": asdict(parameters(self.transcriber)),
            "response_formats": FORMATS,
            "languages": self.transcriber.languages,
            "condition": self.transcriber.condition,
        }


def create_app(options: ServiceOptions, transcriber: Transcriber | None = None) -> Starlette:
    """The service with the model of `options`, or with another recogniser."""
    settings = config.load_handed_down() if options.is_child else config.load()
    limits = UploadLimits(settings.max_upload_bytes, DecodeLimits.lasting(settings.max_audio_seconds))
    transcriber = transcriber or make_transcriber(options.model, settings.stt, settings.home / MODEL_FOLDER)
    service = RecognitionService(transcriber, limits)
    return Starlette(
        routes=service.routes(),
        middleware=[Middleware(RequireKey, key=options.key)],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=service.lifespan,
    )

"""The two calls as ASGI endpoints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from sottovoce.audio.decode import DecodeLimits
from sottovoce.engines.stt.base import Transcriber
from sottovoce.errors import InvalidRequestError, LimitExceededError
from sottovoce.services.languages import heard_as
from sottovoce.services.models import ServedModel
from sottovoce.services.stream import StreamedReply
from sottovoce.services.uploads import body, formats, replies
from sottovoce.services.uploads.form import TranscriptionForm, TranslationForm, check_times, parsed
from sottovoce.services.uploads.formats import Wording
from sottovoce.services.uploads.recording import Recording

MAX_UPLOADS = 4
"""Files heard at a time: each takes a child of 60 MB, a recogniser's process and a core while it lasts."""
MAX_FORMS = 16
"""Forms that are being received: each may fill the disk with as much as one file may have."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What one upload may cost."""

    file_bytes: int = 256 << 20
    decode: DecodeLimits = field(default_factory=DecodeLimits)


@dataclass
class Counter:
    """Refuses one too many."""

    limit: int
    what: str
    taken: int = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        if self.taken >= self.limit:
            raise LimitExceededError(f"{self.limit} files are being {self.what}; try again in a moment.")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


@dataclass
class Desk:
    """What the calls of one service share. `check_ready` raises `EngineUnavailable`."""

    transcriber: Transcriber
    model: ServedModel
    check_ready: Callable[[], None]
    limits: UploadLimits
    forms: Counter = field(default_factory=lambda: Counter(MAX_FORMS, "received"))
    uploads: Counter = field(default_factory=lambda: Counter(MAX_UPLOADS, "transcribed"))


class UploadEndpoint:
    """One of the calls. The file's form outlives the last byte of the reply."""

    def __init__(
        self, desk: Desk, kind: type[TranslationForm], task: Literal["transcribe", "translate"]
    ) -> None:
        self.desk = desk
        self.kind = kind
        self.task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except ClientDisconnect:
            return  # in the middle of its form; there is nobody to tell

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, desk = Request(scope, receive), self.desk
        with desk.forms.place():
            async with body.received(request, desk.limits.file_bytes) as given:
                form = parsed(self.kind, given, desk.transcriber.languages)
                desk.model.check(form.model)
                desk.check_ready()
                with desk.uploads.place():
                    await self._reply(form, await self._recording(form))(scope, receive, send)

    async def _recording(self, form: TranslationForm) -> Recording:
        transcriber = self.desk.transcriber
        check_times(form, transcriber)
        should_translate = self.task == "translate" and not _hears_english_only(transcriber)
        if should_translate and not transcriber.can_translate:
            raise InvalidRequestError(
                f"{transcriber.model} does not translate what it hears; Whisper's models do.",
                param="model",
                code="unsupported_operation",
            )
        return await Recording.of(
            form.file,
            self.desk.limits.decode,
            form.vad,
            language=_language(form.spoken, transcriber.languages),
            should_translate=should_translate,
        )

    def _reply(self, form: TranslationForm, recording: Recording) -> StreamedReply:
        wording = Wording.of(form, self.task)
        chunks: AsyncGenerator[bytes]
        if form.is_streamed:
            chunks = replies.events(recording, self.desk.transcriber, wording)
            return StreamedReply(chunks, "text/event-stream")
        chunks = replies.whole(recording, self.desk.transcriber, form.response_format, wording)
        return StreamedReply(chunks, formats.media_type(form.response_format))


def transcriptions(desk: Desk) -> UploadEndpoint:
    return UploadEndpoint(desk, TranscriptionForm, "transcribe")


def translations(desk: Desk) -> UploadEndpoint:
    """Into English; where that is all that is heard, nothing remains to be translated."""
    return UploadEndpoint(desk, TranslationForm, "translate")


def _hears_english_only(transcriber: Transcriber) -> bool:
    return {tag.partition("-")[0] for tag in transcriber.languages} == {"en"}


def _language(spoken: Sequence[str], languages: Sequence[str]) -> str:
    """The recogniser's tag for the only one of `spoken` that it hears, else what it takes for any."""
    heard = {tag for each in spoken if (tag := heard_as(each, languages)) is not None}
    return heard.pop() if len(heard) == 1 else heard_as("", languages) or ""

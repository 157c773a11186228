"""The two calls as ASGI endpoints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from sottovoce.audio.decode import DecodeLimits
from sottovoce.engines.stt.base import Transcriber
from sottovoce.errors import LimitExceededError
from sottovoce.services.models import ServedModel
from sottovoce.services.stream import StreamedReply
from sottovoce.services.uploads import body, formats, replies
from sottovoce.services.uploads.form import TranscriptionForm, TranslationForm, parsed
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
                form = parsed(self.kind, given)
                desk.model.check(form.model)
                desk.check_ready()
                with desk.uploads.place():
                    await self._reply(form, await self._recording(form))(scope, receive, send)

    async def _recording(self, form: TranslationForm) -> Recording:
        return await Recording.of(form.file, self.desk.limits.decode, form.vad)

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
    """English is all that is heard, and what it is translated to."""
    return UploadEndpoint(desk, TranslationForm, "translate")

"""`POST /v1/audio/transcriptions`: the form, and the way from its file to words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from sottovoce.audio.decode import DecodeLimits, decode
from sottovoce.engines.stt.base import BYTES_PER_SECOND, Transcriber
from sottovoce.errors import InvalidRequestError, SottovoceError
from sottovoce.http.body import stream_body
from sottovoce.services.transcription import LANGUAGES

MAX_FORM_BYTES = (25 << 20) + (64 << 10)
"""A file of 25 MiB, as at OpenAI, and what is around it. Files are kept on disk while they are decoded."""
MAX_FILES, MAX_FIELDS, MAX_FIELD_BYTES = 1, 32, 16 << 10
"""The form's other fields are kept in memory."""
FORM_DEADLINE = 120.0
"""Seconds for a whole form to arrive: cuts senders that drip."""
DRAIN_BYTES, DRAIN_DEADLINE = 64 << 20, 5.0
"""How much more of a refused body is read, and for how many seconds."""

Result = TypeVar("Result")


def _english(language: object) -> object:
    if isinstance(language, str) and language.lower() not in LANGUAGES:
        raise InvalidRequestError(
            f"The language {language[:16]!r} is not served; this recogniser hears English.", param="language"
        )
    return language


def _served(response_format: object) -> object:
    if response_format not in ("json", "text"):
        raise InvalidRequestError(
            f"response_format {str(response_format)[:16]!r} is not served; choose json or text.",
            param="response_format",
            code="unsupported_format",
        )
    return response_format


def _is_file(given: object) -> object:
    if not isinstance(given, UploadFile):
        raise InvalidRequestError(
            "file has to be a file, with a filename in its part's header.", param="file"
        )
    return given


class Upload(BaseModel):
    """The form's fields that matter; others (`prompt`, `temperature`, …) have no effect on this
    recogniser."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)

    file: Annotated[UploadFile, BeforeValidator(_is_file)]
    model: str
    language: Annotated[str | None, BeforeValidator(_english)] = None
    response_format: Annotated[Literal["json", "text"], BeforeValidator(_served)] = "json"

    @classmethod
    @asynccontextmanager
    async def read(cls, request: Request) -> AsyncIterator[Upload]:
        """The request's form, bounded in bytes and time; its file is gone at the end."""
        try:
            async with asyncio.timeout(FORM_DEADLINE):
                form = await _form(request)
        except TimeoutError:
            raise InvalidRequestError(f"The form did not arrive within {FORM_DEADLINE:g} s.") from None
        except SottovoceError:
            await _drain(request)
            raise
        try:
            yield cls.model_validate(dict(form))
        finally:
            await form.close()


async def _form(request: Request) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidRequestError("Send the file as multipart/form-data.", code="unsupported_content_type")
    body = cast("AsyncGenerator[bytes]", stream_body(request, MAX_FORM_BYTES))
    parser = MultiPartParser(
        request.headers, body, max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise InvalidRequestError(f"The form cannot be read: {error.message}") from None
    except KeyError:
        raise InvalidRequestError("The form cannot be read: its header names no boundary.") from None


async def _drain(request: Request) -> None:
    """Let the sender of a refused body finish: closing while it sends would cost it the answer."""
    left_bytes = DRAIN_BYTES
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):  # the last: there was no more
        async with asyncio.timeout(DRAIN_DEADLINE):
            async for chunk in request.stream():
                left_bytes -= len(chunk)
                if left_bytes < 0:
                    return


async def transcribe(transcriber: Transcriber, file: BinaryIO, limits: DecodeLimits) -> tuple[str, float]:
    """The words in `file` and its length in seconds. Decoding waits for the recogniser, never the other
    way."""
    if isinstance(file, SpooledTemporaryFile):
        await asyncio.to_thread(file.rollover)  # small ones are in memory, the decoder needs a descriptor
    heard_bytes = 0
    stream = await transcriber.open_stream()
    try:
        async with aclosing(decode(file, limits)) as chunks:
            async for chunk in chunks:
                heard_bytes += len(chunk)
                await stream.push(chunk)
        return await stream.finish(), round(heard_bytes / BYTES_PER_SECOND, 3)
    finally:
        await stream.aclose()


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client goes. The body must have been read."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        working.cancel()  # nothing happens to one that is done
        await asyncio.wait({working, leaving})
    if working.cancelled():
        raise InvalidRequestError("The client left before the end.")  # read by nobody
    return working.result()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

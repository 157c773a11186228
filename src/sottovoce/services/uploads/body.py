"""A form's way from the wire to fields and a file on disk, bounded in bytes and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from sottovoce.errors import InvalidRequestError, TooLargeError
from sottovoce.http.body import check_encoding, stream_body
from sottovoce.http.form import FormParser

FORM_BYTES = 64 << 10
"""What is around a file: the other fields and the headers of the parts."""
MAX_FILES, MAX_FIELDS, MAX_FIELD_BYTES = 1, 128, 16 << 10
"""Protects memory: the file is kept on disk, the other fields are not."""
FORM_GRACE, MIN_BYTES_PER_SECOND = 60.0, 16 << 10
"""Seconds that any form may take to arrive, and what a sender has to keep up from then on: cuts those that
drip, spares slow links."""
MAX_SHOWN_CHARACTERS = 64
"""Of a field's name, in the error about it."""


@asynccontextmanager
async def received(request: Request, limit_bytes: int) -> AsyncIterator[FormData]:
    """The request's form with a file of up to `limit_bytes`; the file is gone at the end.

    Raises `InvalidRequestError`, `TooLargeError`, and `ClientDisconnect` where the client leaves.
    """
    form = await _form(request, limit_bytes)
    try:
        _check_sizes(form, limit_bytes)
        yield form
    finally:
        await form.close()


async def _form(request: Request, limit_bytes: int) -> FormData:
    check_encoding(request.headers)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidRequestError("Send the file as multipart/form-data.", code="unsupported_content_type")
    body = _in_time(stream_body(request, limit_bytes + FORM_BYTES))
    parser = _Parser(
        request.headers, body, max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
    )
    try:
        return await parser.parse()
    except TooLargeError:
        raise _too_large(limit_bytes) from None
    except MultiPartException as error:
        raise _unreadable(error, parser.broken_field) from None
    except KeyError:
        raise InvalidRequestError("The form cannot be read: its header names no boundary.") from None


async def _in_time(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    begun, received_bytes = asyncio.get_running_loop().time(), 0
    while True:
        patience = FORM_GRACE + received_bytes / MIN_BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(begun + patience):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise InvalidRequestError(
                f"The form did not arrive in time: {received_bytes} bytes in {patience:.0f} s."
            ) from None
        if chunk is None:
            return
        received_bytes += len(chunk)
        yield chunk


class _Parser(FormParser):
    """Remembers the field that was too large."""

    broken_field: str | None = None

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        try:
            super().on_part_data(data, start, end)
        except MultiPartException:
            self.broken_field = self._current_part.field_name
            raise


def _unreadable(error: MultiPartException, too_long: str | None) -> InvalidRequestError:
    """`too_long` is the name of a field, perhaps of a file that does not say to be one."""
    if too_long is None:
        return InvalidRequestError(f"The form cannot be read: {error.message}")
    return InvalidRequestError(
        f"The field {too_long[:MAX_SHOWN_CHARACTERS]!r} is longer than {MAX_FIELD_BYTES} bytes. "
        "If it is a file, its part needs a filename in the header.",
        param=too_long[:MAX_SHOWN_CHARACTERS],
    )


def _check_sizes(form: FormData, limit_bytes: int) -> None:
    for value in form.values():
        if isinstance(value, UploadFile) and (value.size or 0) > limit_bytes:
            raise _too_large(limit_bytes)


def _too_large(limit_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"The file is larger than the limit of {limit_bytes} bytes (SOTTOVOCE_MAX_UPLOAD_BYTES).",
        param="file",
    )

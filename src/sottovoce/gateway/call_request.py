"""What a caller asks for: an SDP offer, alone or in a form beside the session's configuration."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from sottovoce.errors import InvalidRequestError, TooLargeError
from sottovoce.http.body import BODY_DEADLINE, read_body, stream_body
from sottovoce.http.form import FormParser
from sottovoce.realtime.webrtc_offer import MAX_OFFER_BYTES

SDP = "application/sdp"
FORM = "multipart/form-data"
PARTS = ("sdp", "session")

MAX_SESSION_BYTES = 256 * 1024
"""Of the session's configuration; as much as a message on the data channel may have."""
MAX_FORM_BYTES = MAX_OFFER_BYTES + MAX_SESSION_BYTES + 4096
"""Memory: both parts with their headers are held at once, and never reach a disk."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """`session` is JSON, not looked at yet."""

    offer: bytes
    session: bytes | None = None


async def read_call(request: Request) -> CallRequest:
    """The request's body, bounded while it streams.

    Raises `InvalidRequestError` for a body in neither form, `TooLargeError` for one over its limits.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == SDP:
        return CallRequest(await read_body(request, MAX_OFFER_BYTES))
    if content_type == FORM:
        return await _from_form(request)
    raise InvalidRequestError(
        f"Send the SDP offer as the body, with Content-Type: {SDP}, or as the part `sdp` of {FORM}.",
        code="unsupported_content_type",
    )


async def _from_form(request: Request) -> CallRequest:
    form = await _parse(request)
    try:
        for name in form:
            if name not in PARTS:
                raise InvalidRequestError(f"There is no part '{name[:99]}'.", param=name[:99])
        offer, session = [await _part(form, name) for name in PARTS]
    finally:
        await form.close()
    if offer is None:
        raise InvalidRequestError(
            "The part `sdp` is missing: the SDP offer.", param="sdp", code="missing_required_parameter"
        )
    if session is not None and len(session) > MAX_SESSION_BYTES:
        raise TooLargeError(f"The session is larger than {MAX_SESSION_BYTES} bytes.", param="session")
    return CallRequest(offer, session)


async def _parse(request: Request) -> FormData:
    body = (chunk async for chunk in stream_body(request, MAX_FORM_BYTES))
    parser = FormParser(
        request.headers, body, max_files=len(PARTS), max_fields=len(PARTS), max_part_size=MAX_FORM_BYTES
    )
    try:
        async with asyncio.timeout(BODY_DEADLINE):
            return await parser.parse()
    except MultiPartException as error:
        raise InvalidRequestError(f"The form cannot be read: {error.message}") from None
    except TimeoutError:
        raise InvalidRequestError(f"The body did not arrive within {BODY_DEADLINE:.0f} s.") from None


async def _part(form: FormData, name: str) -> bytes | None:
    """Sent as a file or as a field, it is the same."""
    parts = form.getlist(name)
    if len(parts) > 1:
        raise InvalidRequestError(f"The part `{name}` came more than once.", param=name)
    if not parts:
        return None
    return await parts[0].read() if isinstance(parts[0], UploadFile) else parts[0].encode()

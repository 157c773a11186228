"""Request bodies, capped while they stream: Content-Length is a promise, not a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import Request

from sottovoce.errors import InvalidRequestError, TooLargeError

MAX_JSON_BYTES = 1 << 20
"""Protects memory from one request's JSON; a long conversation's messages fit well inside."""

BODY_DEADLINE = 30.0
"""Seconds for a whole JSON body to arrive: cuts senders that drip."""

Model = TypeVar("Model", bound=BaseModel)


async def stream_body(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    """The body's chunks; raises `TooLargeError` as soon as more than `limit_bytes` have come."""
    received_bytes = 0
    async for chunk in request.stream():
        received_bytes += len(chunk)
        if received_bytes > limit_bytes:
            raise TooLargeError(f"The body is larger than the limit of {limit_bytes} bytes.")
        yield chunk


async def read_body(request: Request, limit_bytes: int = MAX_JSON_BYTES) -> bytes:
    """The whole body, bounded in bytes and in time."""
    try:
        async with asyncio.timeout(BODY_DEADLINE):
            return b"".join([chunk async for chunk in stream_body(request, limit_bytes)])
    except TimeoutError:
        raise InvalidRequestError(f"The body did not arrive within {BODY_DEADLINE:.0f} s.") from None


async def read_json(
    request: Request, model: type[Model], limit_bytes: int = MAX_JSON_BYTES, *, empty: bytes = b""
) -> Model:
    """Parse the body as `model`; pydantic's parser, unlike `json.loads`, bounds depth and digits.

    `empty` is what a body without anything in it stands for.

    Raises `InvalidRequestError` for a body that says to be something else; one that says nothing is tried.
    """
    check_encoding(request.headers)
    _check_content_type(request.headers.get("content-type", "application/json"))
    return model.model_validate_json(await read_body(request, limit_bytes) or empty)


def check_encoding(headers: Headers) -> None:
    """Raises `InvalidRequestError` for a body that is compressed: a little one could fill the memory."""
    given = headers.get("content-encoding", "identity")
    if given.strip().lower() not in ("", "identity"):
        raise InvalidRequestError(
            f"Unsupported content encoding: {given[:100]!r}. Send the body as it is.",
            code="unsupported_content_encoding",
        )


def _check_content_type(given: str) -> None:
    media_type = given.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise InvalidRequestError(
            f"Unsupported content type: {given[:100]!r}. Send the body as JSON, with the header "
            "'Content-Type: application/json'.",
            code="unsupported_content_type",
        )

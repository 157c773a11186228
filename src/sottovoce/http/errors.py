"""Errors as OpenAI's clients expect them: `{"error": {message, type, param, code}}`, validation as 400."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from sottovoce.errors import (
    InvalidRequestError,
    NotFoundError,
    SottovoceError,
    TooLargeError,
)

logger = logging.getLogger(__name__)

MAX_PATH_CHARACTERS = 200
"""Of a field's path in an error: its names may be the sender's."""


def error_response(error: SottovoceError) -> JSONResponse:
    """The reply for `error`, with `retry-after` where it applies."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    if error.http_status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse({"error": error.to_openai()}, status_code=error.http_status, headers=headers)


def invalid_request(error: ValidationError) -> InvalidRequestError:
    """The first fault of a pydantic validation, naming the field by its dotted path."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in fault["loc"])[:MAX_PATH_CHARACTERS]
    if fault["type"] == "extra_forbidden":
        return InvalidRequestError(f"Unknown parameter: {path!r}.", param=path, code="unknown_parameter")
    code = "missing_required_parameter" if fault["type"] == "missing" else "invalid_value"
    message = f"{path}: {fault['msg']}" if path else fault["msg"]
    return InvalidRequestError(message, param=path or None, code=code)


async def _sottovoce(request: Request, error: Exception) -> Response:
    assert isinstance(error, SottovoceError)
    return error_response(error)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return error_response(invalid_request(error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    known: dict[int, SottovoceError] = {
        404: NotFoundError(f"{where}: there is no such route."),
        405: InvalidRequestError(f"{where}: this method is not allowed here.", code="method_not_allowed"),
        426: InvalidRequestError(error.detail, code="upgrade_required"),
        413: TooLargeError(error.detail),
    }
    reply = error_response(known.get(error.status_code, InvalidRequestError(error.detail)))
    reply.status_code = error.status_code
    reply.headers.update(error.headers or {})
    return reply


async def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected error in %s", request.url.path, exc_info=error)
    return error_response(SottovoceError("The server met an unexpected error; its log has the details."))


async def no_such_websocket(socket: WebSocket) -> None:
    """Refuses a handshake where there is nothing to talk to; Starlette by itself answers 403 and no word."""
    message = f"{socket.scope['path']}: no WebSocket is served here; conversations are at /v1/realtime."
    await socket.send_denial_response(error_response(NotFoundError(message)))


EXCEPTION_HANDLERS: Mapping[Any, Any] = {
    SottovoceError: _sottovoce,
    ValidationError: _validation,
    HTTPException: _http,
    Exception: _unexpected,
}
"""For `Starlette(exception_handlers=...)`."""

"""What an engine says when it refuses, in OpenAI's form: engines of others have forms of their own.

FastAPI answers 422 with `{"detail": …}`, Ollama `{"error": "…"}`, older vLLM a flat object, a proxy HTML.
"""

from __future__ import annotations

import re
from typing import Any

import aiohttp
from pydantic_core import from_json
from starlette.responses import JSONResponse

from sottovoce.config import EngineKind
from sottovoce.errors import EngineUnavailable
from sottovoce.http.engine_client import read_up_to

MAX_REFUSAL_BYTES = 64 << 10
"""Of an engine's error that are read; what is longer is told by its status alone."""

MAX_MESSAGE_CHARACTERS = 2000
"""Of an engine's message that are passed on."""

RETRY_AFTER = "1"
"""Seconds, where an engine that is busy or starting does not say when to come back."""

CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


async def refusal(kind: EngineKind, reply: aiohttp.ClientResponse) -> JSONResponse:
    """The client's reply for an engine's, whose status is 300 or more.

    Raises `EngineUnavailable` where the engine refuses this server rather than the client's request.
    """
    _check_setup(kind, reply.status)
    text = await read_up_to(reply, MAX_REFUSAL_BYTES)
    status = 400 if reply.status == 422 else reply.status  # validation, as OpenAI answers it
    answer = JSONResponse({"error": error_object(kind, status, text)}, status)
    if status in (429, 503):
        answer.headers["retry-after"] = reply.headers.get("retry-after", RETRY_AFTER)
    return answer


def _check_setup(kind: EngineKind, status: int) -> None:
    name = f"SOTTOVOCE_{kind.upper()}"
    if status in (401, 403):
        # passed on, it would read as if the client's own key were wrong
        raise EngineUnavailable(
            f"The {kind} engine refused this server's key. Check {name}_API_KEY.", engine=kind
        )
    if status < 400:
        raise EngineUnavailable(
            f"The {kind} engine sends its callers elsewhere (status {status}). Check {name}_URL.", engine=kind
        )


def error_object(kind: EngineKind, status: int, text: bytes | None) -> dict[str, Any]:
    """The inside of OpenAI's error; what the engine says beyond its four fields is kept."""
    body = _parsed(text)
    given = body.get("error", body)
    inner = given if isinstance(given, dict) else {}
    message = _message(given) or _message(body.get("detail")) or f"The {kind} engine answered {status}."
    code = inner.get("code")
    return {
        **(inner if inner is not body else {}),
        "message": CONTROLS.sub(" ", message)[:MAX_MESSAGE_CHARACTERS],
        "type": _string(inner.get("type")) or _kind(status),
        "param": _string(inner.get("param")),
        "code": _string(code) or ("rate_limit_exceeded" if status == 429 else None),
    }


def _parsed(text: bytes | None) -> dict[str, Any]:
    try:
        body = from_json(text or b"")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _message(given: object) -> str | None:
    """A message in any of the usual forms: itself, an object that holds it, a list of pydantic's faults."""
    if isinstance(given, list) and given:
        given = given[0]
    if isinstance(given, dict):
        given = given.get("message") or given.get("msg") or given.get("detail")
    return _string(given)


def _string(given: object) -> str | None:
    return given if isinstance(given, str) and given else None


def _kind(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"

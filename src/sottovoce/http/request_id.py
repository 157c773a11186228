"""One id for a request: in its reply, in what engines are asked for its sake, and in the log.

A client may bring its own (`x-request-id`), which is what a proxy in front does; others get one.
"""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "x-request-id"
SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
"""What is taken over from a client: it goes into headers and log lines, so no spaces and no controls."""

REPLY_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the request that is being answered; "" outside of one."""
    return _current.get()


class RequestId:
    """ASGI middleware, the outermost: refusals and preflights carry the id too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = _given(Headers(scope=scope)) or f"req_{uuid.uuid4().hex}"

        async def send_with_id(message: Message) -> None:
            if message["type"] in REPLY_STARTS:
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        token = _current.set(request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _current.reset(token)


def _given(headers: Headers) -> str | None:
    given = headers.get(REQUEST_ID, "")
    return given if SANE.fullmatch(given) else None


class RequestIdFormatter(logging.Formatter):
    """Ends a line that was logged while a request was answered with that request's id."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        line, request_id = super().formatMessage(record), current_request_id()
        return f"{line} [{request_id}]" if request_id else line

"""Server events about the session itself: its configuration, its errors, its limits."""

from __future__ import annotations

from typing import Literal

from sottovoce.errors import SottovoceError
from sottovoce.realtime.events.base import ServerEvent, Wire
from sottovoce.realtime.session_config import AnySession


class SessionCreated(ServerEvent):
    type: Literal["session.created"] = "session.created"
    session: AnySession


class SessionUpdated(ServerEvent):
    """Carries the whole effective session: clients replace their copy by it."""

    type: Literal["session.updated"] = "session.updated"
    session: AnySession


class ErrorDetail(Wire):
    """`event_id` is the client event's that was at fault; all keys are always there."""

    type: str
    message: str
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class ErrorEvent(ServerEvent):
    """Something went wrong; the session lives on."""

    type: Literal["error"] = "error"
    error: ErrorDetail

    @classmethod
    def of(cls, error: SottovoceError, event_id: str | None = None) -> ErrorEvent:
        """`error` as an answer to the client event `event_id`."""
        return cls(error=ErrorDetail(event_id=event_id, **error.to_openai()))


class RateLimit(Wire):
    name: Literal["requests", "tokens"]
    limit: int
    remaining: int
    reset_seconds: float


class RateLimitsUpdated(ServerEvent):
    """Follows each response; empty, for a session on one's own machine has no rates."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: tuple[RateLimit, ...] = ()

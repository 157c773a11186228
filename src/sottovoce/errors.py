"""Every error Sottovoce raises on purpose, and the one table to its public forms.

SottovoceError
├── ConfigError            a setting is unknown, badly valued or contradicts another
├── AuthError              no key, or a wrong one
├── ForbiddenError         a good key or page that may not do this (scope, Host, Origin)
├── NotFoundError          no such model, route or item
├── InvalidRequestError    a request or event that breaks its contract
│   └── BadAudioError      bytes that are no audio, or audio that is too long
├── TooLargeError          a body over its cap
├── LimitExceededError     a rate, or what one key may use
│   └── ServerFullError    every session of the server is taken
├── LiveKitUnavailable     the server of the rooms cannot be reached, or is still starting
├── DownloadError          a model could not be fetched; its kinds are in models/download_errors.py
└── EngineError            an engine service failed
    ├── EngineUnavailable  it cannot be reached, or is still loading
    ├── EngineTimeout      it let its deadline pass
    └── EngineCrashed      it died in the middle of the work
"""

from __future__ import annotations

from typing import ClassVar, TypedDict


class ErrorBody(TypedDict):
    """The inside of OpenAI's error object; the same for HTTP replies and Realtime events."""

    message: str
    type: str
    param: str | None
    code: str | None


class SottovoceError(Exception):
    """An error with a stable machine code.

    `http_status`, `kind` (OpenAI's `type`), `default_code`, `is_retryable` and `spoken_hint` (what the
    assistant says aloud, empty for nothing) are the error's row in the table of public forms.
    """

    http_status: ClassVar[int] = 500
    kind: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = "internal_error"
    is_retryable: ClassVar[bool] = False
    spoken_hint: ClassVar[str] = ""
    retry_after: float | None = None
    """Seconds after which trying again makes sense; goes into a reply's header."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code

    def to_openai(self) -> ErrorBody:
        """The error as OpenAI's clients read it, without the outer `{"error": …}`."""
        return {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}


class ConfigError(SottovoceError):
    """The process refuses to start; the message names the setting and the cure."""

    default_code = "invalid_configuration"


class AuthError(SottovoceError):
    http_status = 401
    kind = "invalid_request_error"
    default_code = "invalid_api_key"


class ForbiddenError(SottovoceError):
    http_status = 403
    kind = "invalid_request_error"
    default_code = "forbidden"


class NotFoundError(SottovoceError):
    http_status = 404
    kind = "invalid_request_error"
    default_code = "not_found"


class InvalidRequestError(SottovoceError):
    http_status = 400
    kind = "invalid_request_error"
    default_code = "invalid_value"


class BadAudioError(InvalidRequestError):
    default_code = "invalid_audio"


class TooLargeError(SottovoceError):
    http_status = 413
    kind = "invalid_request_error"
    default_code = "request_too_large"


class LimitExceededError(SottovoceError):
    """A rate or a number of sessions."""

    http_status = 429
    kind = "rate_limit_error"
    default_code = "rate_limit_exceeded"
    is_retryable = True
    spoken_hint = "I'm busy right now. Please try again in a moment."

    def __init__(self, message: str, *, retry_after: float = 1.0, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class ServerFullError(LimitExceededError):
    """Nobody's fault but the machine's size: 503 where a key's own limit is 429."""

    http_status = 503


class LiveKitUnavailable(SottovoceError):  # noqa: N818  named for the situation
    """There are rooms, but not now."""

    http_status = 503
    default_code = "livekit_unavailable"
    is_retryable = True
    spoken_hint = "I'm not ready yet. Please try again in a moment."
    retry_after = 2.0


class DownloadError(SottovoceError):
    """A model could not be fetched; the message says why and what to do."""

    http_status = 502
    default_code = "download_failed"


class EngineError(SottovoceError):
    """An engine service failed; `engine` is "stt", "llm" or "tts"."""

    http_status = 503
    default_code = "engine_error"
    is_retryable = True
    spoken_hint = "Sorry, something went wrong on my side. Please try again."

    def __init__(self, message: str, *, engine: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.engine = engine


class EngineUnavailable(EngineError):  # noqa: N818  named for the situation, as the others are
    default_code = "engine_unavailable"
    retry_after = 2.0


class EngineTimeout(EngineError):  # noqa: N818
    default_code = "engine_timeout"


class EngineCrashed(EngineError):  # noqa: N818
    default_code = "engine_crashed"

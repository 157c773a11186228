"""What went wrong with an engine, in a sentence that a user can act on."""

from __future__ import annotations

from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError

from sottovoce.config import EngineKind
from sottovoce.errors import EngineError

NAMES: dict[EngineKind, str] = {"stt": "recogniser", "llm": "language model", "tts": "voice"}


def describe(engine: EngineKind, error: Exception) -> str:
    """One sentence: which part failed, and how; without request ids and bodies, which the log has."""
    name = NAMES[engine]
    match error:
        case APITimeoutError() | TimeoutError():
            return f"The {name} did not answer in time."
        case APIStatusError() if error.status_code > 0:
            return f"The {name} refused the request with status {error.status_code}{_reason(error)}."
        case APIConnectionError():
            return f"The {name} cannot be reached."
        case EngineError():
            return error.message
        case _:
            return f"The {name} failed: {type(error).__name__}."


def _reason(error: APIStatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    message = body.get("message")
    return f": {str(message).rstrip('.')}" if message else ""


OVERFLOWS = frozenset({"context_length_exceeded", "exceed_context_size_error"})
"""What servers call a prompt that is too long: OpenAI's code, llama.cpp's type."""
ABOUT_US = frozenset({401, 403, 404, 408, 409, 425, 429})
"""Refusals that another engine might not share: of our key, our model's name, our number of requests."""


def is_ours(error: Exception) -> bool:
    """The engine works, and refuses what we ask: another would have to refuse it, too."""
    if not isinstance(error, APIStatusError):
        return False
    return 400 <= error.status_code < 500 and error.status_code not in ABOUT_US


def is_overflow(error: Exception) -> bool:
    """The prompt is longer than the model's context."""
    if not isinstance(error, APIStatusError):
        return False
    body = error.body if isinstance(error.body, dict) else {}
    return error.status_code in (400, 413) and not OVERFLOWS.isdisjoint(
        {str(body.get("code")), str(body.get("type"))}
    )

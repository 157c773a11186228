"""llama.cpp's errors in our own words."""

from __future__ import annotations

import re

from sottovoce.engines.llm.base import ReplyRequest
from sottovoce.errors import EngineError, InvalidRequestError, SottovoceError
from sottovoce.services.llama.client import LlamaError

MAX_CHARACTERS = 500
"""Of llama.cpp's own message: some repeat a template, or what was asked."""


_SCHEMA = re.compile(r"JSON schema error|failed to parse grammar|At least one of min_value")
"""Where llama.cpp's own reason begins, which it wraps in others."""


class UnfitReplyError(Exception):
    """The model's words are in no form that was asked for; asking again may help."""


def refusal(error: LlamaError, request: ReplyRequest) -> SottovoceError | UnfitReplyError:
    """What `error` is to the client that sent `request`."""
    said = str(error)[:MAX_CHARACTERS]
    if error.kind == "exceed_context_size_error":
        return _too_long(error)
    if error.status == 500 and "does not match" in said:
        return UnfitReplyError(said)
    if fault := _SCHEMA.search(said):
        return _bad_schema(said[fault.start() :], request)
    if error.status < 500:
        return InvalidRequestError(f"The language engine refuses this request: {said}")
    if "template" in said.lower() or "jinja" in said.lower():
        return InvalidRequestError(
            f"The model's chat template does not take these messages: {said}", param="messages"
        )
    return EngineError(f"The language engine failed: {said}", engine="llm")


def _bad_schema(said: str, request: ReplyRequest) -> InvalidRequestError:
    return InvalidRequestError(
        f"The language engine cannot keep to this schema: {said}",
        param="tools" if request.json_schema is None else "response_format.json_schema.schema",
        code="unsupported_schema",
    )


def _too_long(error: LlamaError) -> InvalidRequestError:
    limit, given = error.body.get("n_ctx"), error.body.get("n_prompt_tokens")
    return InvalidRequestError(
        f"This model's maximum context length is {limit} tokens. However, your messages and tools "
        f"resulted in {given} tokens. Please reduce the length of the messages.",
        param="messages",
        code="context_length_exceeded",
    )

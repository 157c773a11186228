"""Replies that must have a form are held until they are whole: a wrong one is asked for again, not sent."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sottovoce.engines.llm.base import ArgumentsChunk, Finish, ReplyPart, ReplyRequest, TextChunk, ToolCall
from sottovoce.engines.llm.chat import NamedTool
from sottovoce.engines.llm.json_forms import fault_of
from sottovoce.services.llama.refusals import UnfitReplyError

_FENCED = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)


def is_held(request: ReplyRequest) -> bool:
    """Whether `request` asks for JSON, or for a call of a tool come what may."""
    return request.json_schema is not None or _has_to_call(request)


def check(parts: Sequence[ReplyPart], request: ReplyRequest) -> list[ReplyPart]:
    """`parts` as they may be sent. Raises `UnfitReplyError`.

    One that the limit of tokens cut is sent as it is: its end says so.
    """
    finish = parts[-1]
    assert isinstance(finish, Finish)
    if _has_to_call(request):
        calls = [part for part in parts if isinstance(part, ToolCall | ArgumentsChunk)]
        if not calls and finish.reason != "length":
            raise UnfitReplyError("it called no tool")
        return [*calls, finish]  # a forced call comes without words, as at OpenAI
    if request.json_schema is not None and finish.reason == "stop":
        return [_checked_json([part for part in parts if isinstance(part, TextChunk)], request), finish]
    return list(parts)


def _has_to_call(request: ReplyRequest) -> bool:
    return bool(request.tools) and (
        request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool)
    )


def _checked_json(chunks: Sequence[TextChunk], request: ReplyRequest) -> TextChunk:
    """Grammars let an answer open with a code fence, which is no JSON."""
    text = "".join(chunk.text for chunk in chunks)
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnfitReplyError("it is no JSON") from None
    if not isinstance(value, dict) and not request.json_schema:
        raise UnfitReplyError("it is no JSON object")
    if request.json_schema and (fault := fault_of(value, request.json_schema)):
        raise UnfitReplyError(fault)
    return TextChunk(text, tuple(token for chunk in chunks for token in chunk.logprobs))

"""The rule-based engine: a `Responder` over `turn`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime, tzinfo

from sottovoce.engines.llm.base import Finish, Prewarmed, ReplyPart, ReplyRequest, TextChunk, ToolCall
from sottovoce.engines.llm.rules import understanding
from sottovoce.engines.llm.rules.calling import Reply
from sottovoce.engines.llm.rules.clauses import chunks
from sottovoce.engines.llm.rules.turn import Turn
from sottovoce.engines.llm.tokens import count_messages, count_tokens, cut_tokens
from sottovoce.skills.clock import local_zone

MODEL = "sottovoce-rules"


class RulesResponder:
    """A `Responder` without a model. `now` and `zone` (default: the machine's) give the user's time."""

    model = MODEL

    def __init__(self, zone: tzinfo | None = None, now: Callable[[tzinfo], datetime] = datetime.now) -> None:
        self._zone = zone
        self._now = now

    async def load(self) -> None:
        """Draw the known sentences, which takes a moment."""
        await asyncio.to_thread(understanding.known)

    async def respond(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        # off the loop: a long history takes milliseconds, the first conversion loads pint
        reply = await asyncio.to_thread(self.reply, request)
        text, reason = _limited(reply.text, request)
        for chunk in chunks(text) if text else ():
            yield TextChunk(chunk)
            await asyncio.sleep(0)
        spent = count_tokens(text)
        wanted = reply.calls if request.has_parallel_calls else reply.calls[:1]
        calls = _limited_calls(wanted, request.max_tokens, spent)
        for call in calls:
            yield call
            spent += _call_tokens(call)
        if wanted:
            reason = "tool_calls" if calls == wanted else "length"
        yield Finish(reason, _prompt_tokens(request), spent)

    async def prewarm(self, request: ReplyRequest) -> Prewarmed:
        """Rules read a prompt in a moment."""
        return Prewarmed()

    async def aclose(self) -> None:
        """Nothing is held."""

    def reply(self, request: ReplyRequest) -> Reply:
        """The whole reply at once. Reads files the first time (zones, units): keep it off an event loop."""
        return Turn(request, self._now(self._zone or local_zone())).reply()


def _limited(text: str, request: ReplyRequest) -> tuple[str, str]:
    """The text up to the first stop sequence and within `max_tokens`, with the reason it ends."""
    stops = [text.find(stop) for stop in request.stop if stop and stop in text]
    text = text[: min(stops)] if stops else text
    if request.max_tokens is not None and count_tokens(text) > request.max_tokens:
        return cut_tokens(text, request.max_tokens), "length"
    return text, "stop"


def _limited_calls(calls: tuple[ToolCall, ...], limit: int | None, spent: int) -> tuple[ToolCall, ...]:
    """The calls within `limit`; the one that it ends in has the beginning of its arguments."""
    if limit is None:
        return calls
    kept = []
    for call in calls:
        left = limit - spent - count_tokens(call.name)
        if left < 0:
            break  # a part of a name is no tool's
        kept.append(replace(call, arguments=cut_tokens(call.arguments, left)))
        if kept[-1] != call:
            break
        spent += _call_tokens(call)
    return tuple(kept)


def _call_tokens(call: ToolCall) -> int:
    return count_tokens(call.name) + count_tokens(call.arguments)


def _prompt_tokens(request: ReplyRequest) -> int:
    tools = sum(count_tokens(tool.function.model_dump_json()) for tool in request.tools)
    return count_messages(request.messages) + tools

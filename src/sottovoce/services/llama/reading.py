"""What llama.cpp streams, made into the parts of a reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sottovoce.engines.llm.base import ArgumentsChunk, Finish, ReplyPart, TextChunk, ToolCall, Waiting
from sottovoce.errors import EngineCrashed
from sottovoce.ids import random_id
from sottovoce.services.llama.thoughts import Thoughts

_REASONS = {"stop", "length", "tool_calls"}


class Reading:
    """The events of one reply, one by one. Without `has_parallel_calls` all calls but the first are dropped:
    llama.cpp's grammar allows more all the same. Each token comes with `top_logprobs` others at most."""

    def __init__(
        self, *, has_parallel_calls: bool = True, top_logprobs: int = 0, are_thoughts_open: bool = False
    ) -> None:
        self._has_parallel_calls = has_parallel_calls
        self._top_logprobs = top_logprobs
        self._thoughts = Thoughts(is_open=are_thoughts_open)
        self._logprobs: list[Mapping[str, Any]] = []
        self._calls = 0
        self._reason = ""
        self._usage: Mapping[str, Any] = {}
        self._thought_tokens = 0

    def take(self, event: Mapping[str, Any]) -> Iterator[ReplyPart]:
        """What `event` adds to the reply."""
        if isinstance(progress := event.get("prompt_progress"), dict):
            yield Waiting(int(progress.get("processed", 0)), int(progress.get("total", 0)))
        self._usage = event.get("usage") or self._usage
        for choice in event.get("choices") or ():
            self._reason = choice.get("finish_reason") or self._reason
            delta = choice.get("delta") or {}
            if delta.get("reasoning_content"):
                yield self._thought()
            if delta.get("content"):
                yield self._text(delta["content"], choice.get("logprobs") or {})
            for call in delta.get("tool_calls") or ():
                yield from self._call(call)

    def end(self) -> Iterator[ReplyPart]:
        """What was held back, and the `Finish`. Raises `EngineCrashed` for a reply without an end."""
        if self._reason not in _REASONS:
            raise EngineCrashed("The language engine ended without finishing its reply.", engine="llm")
        if text := self._thoughts.flush():
            yield TextChunk(text, tuple(self._logprobs))
        details = self._usage.get("prompt_tokens_details") or {}
        yield Finish(
            self._reason,
            int(self._usage.get("prompt_tokens", 0)),
            int(self._usage.get("completion_tokens", 0)),
            cached_tokens=int(details.get("cached_tokens", 0)),
            reasoning_tokens=self._thought_tokens,
        )

    def _text(self, text: str, logprobs: Mapping[str, Any]) -> ReplyPart:
        self._logprobs += [self._logprob(token) for token in logprobs.get("content") or ()]
        were_open = self._thoughts.are_open
        said = self._thoughts.push(text)
        if were_open or self._thoughts.are_open:
            self._logprobs.clear()
        if not said:
            return self._thought() if self._thoughts.are_open else Waiting()
        chunk = TextChunk(said, tuple(self._logprobs))
        self._logprobs.clear()
        return chunk

    def _thought(self) -> Waiting:
        """A piece of text is a token, but for characters that take several."""
        self._thought_tokens += 1
        return Waiting()

    def _logprob(self, token: Mapping[str, Any]) -> dict[str, Any]:
        others = (token.get("top_logprobs") or ())[: self._top_logprobs]
        return {**_known(token), "top_logprobs": [_known(other) for other in others]}

    def _call(self, call: Mapping[str, Any]) -> Iterator[ReplyPart]:
        index, function = int(call.get("index", 0)), call.get("function") or {}
        if index and not self._has_parallel_calls:
            return
        arguments = str(function.get("arguments") or "")
        if index == self._calls:
            self._calls += 1
            yield ToolCall(random_id("call"), str(function.get("name") or ""), arguments)
        elif index == self._calls - 1:
            if arguments:
                yield ArgumentsChunk(arguments)
        else:
            raise EngineCrashed("The language engine mixed up its tool calls.", engine="llm")


def _known(token: Mapping[str, Any]) -> dict[str, Any]:
    """Without the id, which only llama.cpp tells."""
    return {name: token.get(name) for name in ("token", "logprob", "bytes")}

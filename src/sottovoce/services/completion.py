"""The objects of a reply to `POST /v1/chat/completions`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sottovoce import __version__
from sottovoce.engines.llm.base import ArgumentsChunk, Finish, SpokenPart, TextChunk, ToolCall


@dataclass(slots=True)
class Choice:
    """One of a completion's replies, as far as it has come."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Mapping[str, Any]] = field(default_factory=list)

    def delta(self, part: SpokenPart) -> dict[str, Any]:
        """What `part` adds, as a chunk's delta; the first one also says whose words they are."""
        head = {"role": "assistant", "content": None, "refusal": None} if self._is_empty else {}
        if isinstance(part, TextChunk):
            self.text += part.text
            self.logprobs += part.logprobs
            return head | {"content": part.text}
        if isinstance(part, ArgumentsChunk):
            self.calls[-1] = replace(self.calls[-1], arguments=self.calls[-1].arguments + part.text)
            return {"tool_calls": [{"index": len(self.calls) - 1, "function": {"arguments": part.text}}]}
        self.calls.append(part)
        return head | {"tool_calls": [{"index": len(self.calls) - 1, **_described(part)}]}

    @property
    def _is_empty(self) -> bool:
        return not self.text and not self.calls

    def last_delta(self) -> dict[str, Any]:
        return {"role": "assistant", "content": "", "refusal": None} if self._is_empty else {}

    def message(self) -> dict[str, Any]:
        called = {"tool_calls": [_described(call) for call in self.calls]} if self.calls else {}
        content = None if self.calls and not self.text else self.text
        return {"role": "assistant", "content": content, "refusal": None, "annotations": [], **called}


@dataclass(frozen=True, slots=True)
class Completion:
    """The identity of one completion, and its JSON objects. With `has_usage` its chunks have that key, which
    is null in all but the last."""

    model: str
    has_usage: bool = False
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(
        self,
        index: int,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        logprobs: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": _logprobs(logprobs),
            "finish_reason": finish_reason,
        }
        usage = {"usage": None} if self.has_usage else {}
        return self._head("chat.completion.chunk") | {"choices": [choice]} | usage

    def usage_chunk(self, finishes: Sequence[Finish]) -> dict[str, Any]:
        return self._head("chat.completion.chunk") | {"choices": [], "usage": _usage(finishes)}

    def whole(self, choices: Sequence[Choice], finishes: Sequence[Finish]) -> dict[str, Any]:
        listed = [
            {
                "index": index,
                "message": choice.message(),
                "logprobs": _logprobs(choice.logprobs),
                "finish_reason": finish.reason,
            }
            for index, (choice, finish) in enumerate(zip(choices, finishes, strict=True))
        ]
        return self._head("chat.completion") | {"choices": listed, "usage": _usage(finishes)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"sottovoce-{__version__}",
        }


def _described(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _logprobs(tokens: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    return {"content": list(tokens), "refusal": None} if tokens else None


def _usage(finishes: Sequence[Finish]) -> dict[str, Any]:
    """Tokens as the engine counts them: the prompt once, the replies added up."""
    prompt, completion = finishes[0].prompt_tokens, sum(finish.completion_tokens for finish in finishes)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": finishes[0].cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sum(finish.reasoning_tokens for finish in finishes),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }

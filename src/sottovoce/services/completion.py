"""The body of `POST /v1/chat/completions` and the objects of its replies."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sottovoce import __version__
from sottovoce.engines.llm.base import Finish, ReplyRequest, ToolCall
from sottovoce.engines.llm.chat import Message, Tool, ToolChoice
from sottovoce.errors import InvalidRequestError

MAX_MESSAGES = 2000
"""Of one request: bounds the work of reading them."""
MAX_TOOLS = 128
"""OpenAI's own bound."""
MAX_STOPS = 4
MAX_STOP_CHARACTERS = 200


def _one(n: int) -> int:
    if n != 1:
        raise InvalidRequestError(f"n is {n}, but this engine gives one choice per request.", param="n")
    return n


def _without(logprobs: bool) -> bool:
    if logprobs:
        raise InvalidRequestError("logprobs are not offered: this engine has none.", param="logprobs")
    return logprobs


class StreamOptions(BaseModel):
    include_usage: bool = False


class SchemaFormat(BaseModel):
    """The inside of `response_format: {"type": "json_schema"}`."""

    name: str = "answer"
    schema_: Annotated[dict[str, Any], Field(alias="schema")] = {}


class ResponseFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


Stop = Annotated[str, Field(max_length=MAX_STOP_CHARACTERS)]


class ChatRequest(BaseModel):
    """What is not named here has no effect and is ignored; so have temperature and top_p, once checked."""

    model_config = ConfigDict(extra="ignore")

    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: Stop | Annotated[tuple[Stop, ...], Field(max_length=MAX_STOPS)] | None = None
    seed: int | None = None
    response_format: ResponseFormat | None = None
    n: Annotated[int, AfterValidator(_one)] | None = None
    logprobs: Annotated[bool, AfterValidator(_without)] | None = None

    @property
    def has_usage_chunk(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def reply_request(self) -> ReplyRequest:
        """Raises `InvalidRequestError` where two fields contradict each other."""
        tools = self.tools or ()
        choice = self.tool_choice or "auto"
        if choice not in ("auto", "none") and not tools:
            raise InvalidRequestError("tool_choice asks for a tool, but tools is empty.", param="tool_choice")
        return ReplyRequest(
            messages=self.messages,
            tools=tools,
            tool_choice=choice,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=(self.stop,) if isinstance(self.stop, str) else self.stop or (),
            seed=self.seed,
            json_schema=self._json_schema(),
        )

    def _json_schema(self) -> dict[str, Any] | None:
        wanted = self.response_format
        if wanted is None or wanted.type == "text":
            return None
        if wanted.type == "json_object":
            return {}
        if wanted.json_schema is None:
            raise InvalidRequestError(
                "response_format is json_schema, but its json_schema is missing.",
                param="response_format.json_schema",
                code="missing_required_parameter",
            )
        return wanted.json_schema.schema_


@dataclass(frozen=True, slots=True)
class Completion:
    """The identity of one reply, and its JSON objects."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._head("chat.completion.chunk") | {"choices": [choice]}

    def usage_chunk(self, finish: Finish) -> dict[str, Any]:
        return self._head("chat.completion.chunk") | {"choices": [], "usage": usage(finish)}

    def whole(self, text: str, calls: Sequence[ToolCall], finish: Finish) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if calls:
            message["tool_calls"] = [described(call) for call in calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish.reason}
        return self._head("chat.completion") | {"choices": [choice], "usage": usage(finish)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"sottovoce-{__version__}",
        }


def described(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def usage(finish: Finish) -> dict[str, int]:
    """Tokens as `engines.llm.tokens` counts them."""
    return {
        "prompt_tokens": finish.prompt_tokens,
        "completion_tokens": finish.completion_tokens,
        "total_tokens": finish.prompt_tokens + finish.completion_tokens,
    }

"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sottovoce.engines.llm.base import ReplyRequest, Sampling
from sottovoce.engines.llm.chat import Message, NamedTool, Tool, ToolChoice
from sottovoce.engines.llm.json_forms import MAX_DEPTH, MAX_ENUM_VALUES, count_enum_values, depth_of
from sottovoce.errors import InvalidRequestError
from sottovoce.services.models import Parameters

MAX_MESSAGES = 2000
"""Of one request: bounds the work of reading them."""
MAX_TOOLS = 128
"""OpenAI's own bound."""
MAX_STOPS = 4
MAX_STOP_CHARACTERS = 200
MAX_CHOICES = 16
"""Replies to one request, each of which is the work of a request."""

MAX_TOP_LOGPROBS = 20
MAX_BIASES = 300
"""OpenAI's own bounds."""

HINTS = (
    *("metadata", "moderation", "prediction", "prompt_cache_key", "prompt_cache_options"),
    *("prompt_cache_retention", "reasoning_effort", "safety_identifier", "service_tier", "store"),
    *("user", "verbosity"),
)
"""What clients send and no engine here has a use for."""

REPLACED: Mapping[str, str] = {
    "audio": "this engine writes; have its text spoken by /v1/audio/speech",
    "web_search_options": "this engine has no connection to the internet",
    "functions": "it was replaced by tools",
    "function_call": "it was replaced by tool_choice",
}
"""What would change the reply and no engine can do, with the reason; false, null and empty values pass."""


@dataclass(frozen=True)
class Fates:
    """What one engine does with a request's fields, besides HINTS and REPLACED: `ignored` have no effect,
    `refused` are an error, all others are honoured."""

    ignored: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> Parameters:
        without = {*self.ignored, *self.refused}
        honoured = tuple(name for name in ChatRequest.model_fields if name not in without)
        return Parameters(honoured, tuple(sorted({*HINTS, *self.ignored})))

    def check(self, request: ChatRequest) -> None:
        """Raises `InvalidRequestError`."""
        for name, reason in self.refused.items():
            if getattr(request, name):
                raise _unsupported(name, reason)


def _unsupported(name: str, reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} is not supported: {reason}.", param=name, code="unsupported_parameter"
    )


_NO_CHANCE = "this engine has no probabilities"
RULES = Fates(
    ignored=(
        *("frequency_penalty", "logit_bias", "min_p", "presence_penalty", "temperature", "top_k", "top_p"),
    ),
    refused={"logprobs": _NO_CHANCE, "top_logprobs": _NO_CHANCE},
)
LLAMA = Fates()


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StreamOptions(_Wire):
    include_usage: bool = False
    include_obfuscation: bool = False


class SchemaFormat(_Wire):
    """The inside of `response_format: {"type": "json_schema"}`; every schema is kept to strictly."""

    name: str = "answer"
    description: str | None = None
    strict: bool | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")] = {}


class ResponseFormat(_Wire):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


class AllowedTools(BaseModel):
    """`tool_choice` that leaves some of the tools: `tools` are named as NamedTool names one."""

    mode: Literal["auto", "required"]
    tools: Annotated[tuple[NamedTool, ...], Field(min_length=1, max_length=MAX_TOOLS)]


def _choice(given: object) -> object:
    try:
        match given:
            case None | "none" | "auto" | "required":
                return given
            case {"type": "function"}:
                return NamedTool.model_validate(given)
            case {"type": "allowed_tools", "allowed_tools": allowed}:
                return AllowedTools.model_validate(allowed)
    except ValidationError:
        pass  # told below, with what it should have been
    raise InvalidRequestError(
        'tool_choice has to be "none", "auto", "required", {"type": "function", "function": {"name": …}} or '
        '{"type": "allowed_tools", "allowed_tools": {"mode": "auto" or "required", "tools": […]}}.',
        param="tool_choice",
    )


def _several(stop: object) -> object:
    return [stop] if isinstance(stop, str) else stop


Stop: TypeAlias = Annotated[str, Field(max_length=MAX_STOP_CHARACTERS)]
Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)] | None
TokenId: TypeAlias = Annotated[str, Field(pattern=r"^\d{1,9}$")]
Bias: TypeAlias = Annotated[float, Field(ge=-100, le=100)]


class ChatRequest(_Wire):
    """What may be sent, besides HINTS. `top_k` and `min_p` are llama.cpp's."""

    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: Annotated[ToolChoice | AllowedTools | None, BeforeValidator(_choice)] = None
    parallel_tool_calls: bool | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1 << 20)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Field(max_length=MAX_BIASES)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    frequency_penalty: Penalty = None
    presence_penalty: Penalty = None
    stop: Annotated[tuple[Stop, ...] | None, Field(max_length=MAX_STOPS), BeforeValidator(_several)] = None
    seed: int | None = None
    response_format: ResponseFormat | None = None
    modalities: Annotated[tuple[Literal["text"], ...], Field(max_length=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _known(cls, body: object) -> object:
        """Without what no engine has a use for. Raises `InvalidRequestError` for what none can do."""
        if not isinstance(body, dict):
            return body
        for name, reason in REPLACED.items():
            if body.get(name):
                raise _unsupported(name, reason)
        return {name: value for name, value in body.items() if name not in (*HINTS, *REPLACED)}

    @property
    def has_usage_chunk(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def choices(self) -> int:
        return self.n or 1

    def reply_request(self) -> ReplyRequest:
        """Raises `InvalidRequestError` where two fields contradict each other."""
        if self.stream_options is not None and not self.stream:
            raise InvalidRequestError("stream_options need stream to be true.", param="stream_options")
        _check_results(self.messages)
        self._check_schemas()
        tools, choice = self._tools()
        return ReplyRequest(
            messages=self.messages,
            tools=tools,
            tool_choice=choice,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=self.stop or (),
            seed=self.seed,
            json_schema=self._json_schema(),
            sampling=self._sampling(),
            has_parallel_calls=self.parallel_tool_calls is not False,
        )

    def _sampling(self) -> Sampling:
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequestError("top_logprobs need logprobs to be true.", param="top_logprobs")
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            logit_bias=self.logit_bias or {},
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
        )

    def _tools(self) -> tuple[tuple[Tool, ...], ToolChoice]:
        """The tools that may be called, and whether one has to be."""
        tools, choice = self.tools or (), self.tool_choice or "auto"
        if isinstance(choice, AllowedTools):
            names = {one.function.name for one in choice.tools}
            return tuple(tool for tool in self._named(names)), choice.mode
        if isinstance(choice, NamedTool):
            self._named({choice.function.name})
        elif choice == "required" and not tools:
            raise InvalidRequestError("tool_choice asks for a tool, but tools is empty.", param="tool_choice")
        return tools, choice

    def _named(self, names: set[str]) -> list[Tool]:
        """The tools of these names."""
        named = [tool for tool in self.tools or () if tool.function.name in names]
        if missing := names - {tool.function.name for tool in named}:
            raise InvalidRequestError(
                f"tool_choice names {min(missing)[:64]!r}, which is not among the tools.", param="tool_choice"
            )
        return named

    def _check_schemas(self) -> None:
        wanted = self.response_format.json_schema if self.response_format else None
        schemas = [wanted.schema_ if wanted else {}, *(tool.function.schema_ for tool in self.tools or ())]
        if fault := _excess(schemas):
            raise InvalidRequestError(
                fault, param="response_format" if wanted else "tools", code="unsupported_schema"
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


def _excess(schemas: Sequence[Mapping[str, Any]]) -> str | None:
    """What is too much in the schemas of one request."""
    if (count := sum(map(count_enum_values, schemas))) > MAX_ENUM_VALUES:
        return f"The schemas have {count} values in enums; {MAX_ENUM_VALUES} is the limit."
    if (depth := max(map(depth_of, schemas))) > MAX_DEPTH:
        return f"A schema is {depth} levels deep, references included; {MAX_DEPTH} is the limit."
    return None


def _check_results(messages: Sequence[Message]) -> None:
    """Raises `InvalidRequestError` for a tool's result that answers no call before it."""
    called: set[str] = set()
    for number, message in enumerate(messages):
        called |= {call.id for call in message.tool_calls or ()}
        if message.role == "tool" and message.tool_call_id not in called:
            is_missing = message.tool_call_id is None
            raise InvalidRequestError(
                "Messages with role 'tool' need a tool_call_id."
                if is_missing
                else "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                param=f"messages.[{number}].tool_call_id",
                code="missing_required_parameter" if is_missing else "invalid_value",
            )

"""The functions that a client lends to its assistant, and which of them a reply may call."""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from sottovoce.conversation.options import ClientTool, ToolNamed
from sottovoce.conversation.options import ToolChoice as Choice
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.config_part import BY_SHAPE, OTHER, WORD, ConfigPart, refused
from sottovoce.realtime.events.base import OrAbsent

MAX_TOOLS: Final = 128
"""As at OpenAI: a model that may call anything calls the wrong thing."""
MAX_SCHEMA_BYTES: Final = 32_768
"""Of one tool's parameters: they are read by the model on every turn."""
MAX_SCHEMA_DEPTH: Final = 20
"""Of one tool's parameters: who walks through them must not run out of stack."""
MAX_TOOLS_BYTES: Final = 262_144
"""Of all of a session's tools: sent back whole in each `session.updated`, and to the model on every turn."""
MAX_DESCRIPTION_CHARACTERS: Final = 8_192

FunctionName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
MaxOutputTokens: TypeAlias = Annotated[
    Annotated[Literal["inf"], WORD] | Annotated[int, Field(ge=1, le=4096), OTHER], BY_SHAPE
]

NO_MCP = "MCP servers are not reached from here; declare their functions and call them yourself"


class FunctionTool(ConfigPart):
    type: Literal["function"]
    name: FunctionName
    description: OrAbsent[Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION_CHARACTERS)]] = None
    parameters: OrAbsent[dict[str, JsonValue]] = None

    @field_validator("parameters", mode="after")
    @classmethod
    def _is_small(cls, given: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if given is not None and _depth_exceeds(given, MAX_SCHEMA_DEPTH):
            message = "A tool's parameters may be nested {limit} deep"
            raise PydanticCustomError("too_deep", message, {"limit": MAX_SCHEMA_DEPTH})
        if given is not None and len(json.dumps(given)) > MAX_SCHEMA_BYTES:
            message = "A tool's parameters may have {limit} bytes"
            raise PydanticCustomError("too_long", message, {"limit": MAX_SCHEMA_BYTES})
        return given

    def to_client_tool(self) -> ClientTool:
        return ClientTool(self.name, self.description or "", dict(self.parameters or {}))


class McpTool(ConfigPart):
    type: Annotated[Literal["mcp"], refused(NO_MCP)]


def _depth_exceeds(value: object, limit: int) -> bool:
    """Whether `value` is nested deeper than `limit`; looks no further than that."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(limit == 0 or _depth_exceeds(each, limit - 1) for each in inner)


def _check_all(tools: tuple[FunctionTool | McpTool, ...]) -> tuple[FunctionTool | McpTool, ...]:
    names = [tool.name for tool in tools if isinstance(tool, FunctionTool)]
    for name in names:
        if names.count(name) > 1:
            raise PydanticCustomError("duplicate", "There are two tools named '{name}'", {"name": name})
    if sum(len(tool.model_dump_json()) for tool in tools) > MAX_TOOLS_BYTES:
        message = "All tools together may have {limit} bytes"
        raise PydanticCustomError("too_long", message, {"limit": MAX_TOOLS_BYTES})
    return tools


Tool: TypeAlias = Annotated[FunctionTool | McpTool, Field(discriminator="type")]
Tools: TypeAlias = Annotated[
    tuple[Tool, ...], Field(max_length=MAX_TOOLS, strict=False, fail_fast=True), AfterValidator(_check_all)
]


class NamedFunction(ConfigPart):
    """The one function that must be called."""

    type: Literal["function"]
    name: FunctionName


ToolChoice: TypeAlias = Annotated[
    Annotated[Literal["auto", "none", "required"], WORD] | Annotated[NamedFunction, OTHER], BY_SHAPE
]


def client_tools(tools: tuple[FunctionTool | McpTool, ...]) -> tuple[ClientTool, ...]:
    return tuple(tool.to_client_tool() for tool in tools if isinstance(tool, FunctionTool))


def choice(given: ToolChoice) -> Choice:
    return ToolNamed(given.name) if isinstance(given, NamedFunction) else given


def check_choice(given: ToolChoice, tools: tuple[FunctionTool | McpTool, ...], param: str) -> None:
    """Raises `InvalidRequestError` where the function that must be called is none of `tools`."""
    if isinstance(given, NamedFunction) and given.name not in {tool.name for tool in client_tools(tools)}:
        raise InvalidRequestError(
            f"The function '{given.name}' that `tool_choice` names is not among the tools.", param=param
        )


def token_limit(given: int | Literal["inf"]) -> int | None:
    return None if given == "inf" else given

"""Chat messages and tools in OpenAI's shape, validated. Unknown keys of messages are ignored: clients send
back what other servers gave them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from sottovoce.errors import InvalidRequestError

MAX_TEXT_CHARACTERS = 100_000
"""Of one message: a request is capped as a whole by its bytes, this names the message."""
MAX_PARTS = 200
MAX_CALLS = 128
MAX_NAME_CHARACTERS = 64
"""OpenAI's own bound for names of tools."""
MAX_DESCRIPTION_CHARACTERS = 4096

Text: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})
"""Types of content parts that are words; images, sound and files are refused."""

ToolName: TypeAlias = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]+$", max_length=MAX_NAME_CHARACTERS)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


def _readable(kind: str) -> str:
    if kind not in TEXT_PARTS:
        raise InvalidRequestError(
            f"A message holds a part of type {kind[:32]!r}; this engine reads text only.",
            param="messages",
            code="unsupported_content_part",
        )
    return kind


class Part(_Wire):
    """One piece of a message's content: text, or the words of a refusal."""

    type: Annotated[str, AfterValidator(_readable)]
    text: Text = ""
    refusal: Text = ""


def _in_parts(content: object) -> object:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


Content: TypeAlias = Annotated[
    tuple[Part, ...] | None, Field(max_length=MAX_PARTS), BeforeValidator(_in_parts)
]


class FunctionCall(_Wire):
    name: ToolName
    arguments: Text = "{}"


class Call(_Wire):
    """A tool call that the assistant made earlier."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(_Wire):
    """One message of the conversation; `tool_call_id` says which call a tool's result answers."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content = None
    tool_calls: Annotated[tuple[Call, ...], Field(max_length=MAX_CALLS)] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        parts = (part.text or part.refusal for part in self.content or ())
        return " ".join(part for part in parts if part)


class Function(_Wire):
    name: ToolName
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARACTERS)] | None = None
    parameters: dict[str, Any] | None = None

    @property
    def schema_(self) -> dict[str, Any]:
        return self.parameters or {}


class Tool(_Wire):
    type: Literal["function"]
    function: Function


class NamedFunction(_Wire):
    name: str


class NamedTool(_Wire):
    """`tool_choice` that asks for one tool by name."""

    type: Literal["function"]
    function: NamedFunction


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool

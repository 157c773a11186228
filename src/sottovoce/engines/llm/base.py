"""What every language engine offers to its service."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sottovoce.engines.llm.chat import Message, Tool, ToolChoice


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """One reply asked for. `json_schema` is the shape the text must have; {} asks for any JSON object."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TextChunk:
    """More of the reply's text, spaces included."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the client is to run; `arguments` is a JSON object as text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last part of every reply: why it ended ("stop", "length", "tool_calls") and what it cost."""

    reason: str
    prompt_tokens: int
    completion_tokens: int


ReplyPart: TypeAlias = TextChunk | ToolCall | Finish


class Responder(Protocol):
    """A language engine. `model` is the name it is listed under.

    `respond` yields text or tool calls, then one `Finish`, and ends; it may be cancelled or closed at any
    point; it never blocks the event loop; it raises an `EngineError` or `InvalidRequestError`, or nothing.
    """

    @property
    def model(self) -> str: ...

    async def load(self) -> None:
        """Get ready to answer at full speed. Called once, before the first `respond`."""

    def respond(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]: ...

"""What every language engine offers to its service."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from sottovoce.engines.llm.chat import Message, Tool, ToolChoice


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn, under the names and in the ranges of OpenAI's and llama.cpp's requests;
    None leaves a value to the model. `top_logprobs` None asks for no probabilities at all."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Mapping[str, float] = field(default_factory=dict)
    top_logprobs: int | None = None


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
    sampling: Sampling = Sampling()
    has_parallel_calls: bool = True


Logprobs: TypeAlias = tuple[Mapping[str, Any], ...]
"""The tokens of a text with their probabilities, as OpenAI writes them."""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """More of the reply's text, spaces included."""

    text: str
    logprobs: Logprobs = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the client is to run; `arguments` is a JSON object as text, or as much of it as there is:
    `ArgumentsChunk`s may follow."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ArgumentsChunk:
    """More of the arguments of the last `ToolCall`."""

    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign that the engine works and has nothing to say yet: it waits for its turn, has read `read` of
    `prompt_tokens`, or thinks."""

    read: int = 0
    prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The last part of every reply: why it ended ("stop", "length", "tool_calls") and what it cost."""

    reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Of the prompt: those that had been read before."""
    reasoning_tokens: int = 0
    """Of the completion: thoughts, which nobody is shown."""


SpokenPart: TypeAlias = TextChunk | ToolCall | ArgumentsChunk
ReplyPart: TypeAlias = SpokenPart | Waiting | Finish


@dataclass(frozen=True, slots=True)
class Prewarmed:
    """What reading a prompt ahead came to; not `is_whole` where a real request came between."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    is_whole: bool = True


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

    async def prewarm(self, request: ReplyRequest) -> Prewarmed:
        """Read the prompt of `request` ahead, so that replies to prompts that begin alike start sooner. Gives
        way to every `respond`, and may be cancelled. Does nothing where there is nothing to gain."""

    async def aclose(self) -> None:
        """Let go of everything; harmless where nothing was loaded."""

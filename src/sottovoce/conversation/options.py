"""What can be chosen for one session, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sottovoce.conversation.history import HistoryItem

Modality: TypeAlias = Literal["audio", "text"]

DEFAULT_INSTRUCTIONS = (
    "You are Sottovoce, a private voice assistant. You are heard, not read: answer in one or two short "
    "spoken sentences, without lists or markup. Use your tools for time, sums, units and timers."
)


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How the user's turns are found; times in seconds.

    `silence` is the least that ends a turn, `max_wait` the most an unfinished sentence is waited for;
    a `threshold` in 0..1 is the voice activity detector's.
    """

    threshold: float = 0.5
    silence: float = 0.3
    max_wait: float = 1.2
    prefix_padding_ms: int = 300
    should_reply: bool = True
    can_interrupt: bool = True
    idle_timeout: float | None = None
    """Seconds of silence after a reply was heard, after which the assistant speaks up (`IdleTimedOut`)."""


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A function of the client's, which alone can run it; `parameters` is its JSON schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ToolNamed:
    """The choice of one function that must be called."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | ToolNamed


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """`turns` None means manual turns: nothing ends but by `commit_input`. `speed` is a factor, 0.25 to 4.

    `language` is the tag of what is spoken, such as "de", or "" to have the recogniser find it. `tools` and
    `tool_choice` are the client's; the server's own tools are always there, unless the choice
    is "none" or names a function. `prompt` is a hint to the recogniser. A session that `is_listening_only`
    transcribes and never replies.
    """

    instructions: str = DEFAULT_INSTRUCTIONS
    language: str = ""
    voice: str = "alloy"
    speed: float = 1.0
    turns: TurnOptions | None = TurnOptions()
    modality: Modality = "audio"
    tools: tuple[ClientTool, ...] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: int | None = None
    prompt: str = ""
    is_listening_only: bool = False


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """What one reply is to be like; None leaves it to the session.

    `history` is read instead of the conversation's. A reply that is not `is_in_conversation` leaves no
    trace there, and may be given beside another.
    """

    instructions: str | None = None
    modality: Modality | None = None
    tools: tuple[ClientTool, ...] | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: int | None = None
    voice: str | None = None
    history: tuple[HistoryItem, ...] | None = None
    is_in_conversation: bool = True
